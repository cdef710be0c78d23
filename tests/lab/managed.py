"""systemd as the service manager of `here`: Debian's own docker.service with its drop-ins, really run.

A process namespace below that of `here`, with a control group of its own and none of the machine's units.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from .lab import Lab
from .namespaces import Place

SYSTEMD: Final = Path("/lib/systemd/systemd")
DROP_IN: Final = "/etc/systemd/system/docker.service.d/http-proxy.conf"
_SECONDS: Final = 30

_START: Final = """\
mount -t cgroup2 lab-cgroup /sys/fs/cgroup
mkdir /sys/fs/cgroup/{group}
echo $$ >/sys/fs/cgroup/{group}/cgroup.procs
exec unshare --cgroup sh -eu -c '
    umount /sys/fs/cgroup
    mount -t cgroup2 lab-cgroup /sys/fs/cgroup
    mount --bind /dev/null /etc/fstab
    mkdir /run/lab-run
    mount -t tmpfs -o mode=755 lab-run /run/lab-run
    mkdir /run/lab-run/lock /run/lab-run/containerd
    mount --bind /run/containerd /run/lab-run/containerd
    mount --rbind /run/lab-run /run
    for folder in /usr/lib/systemd/system-generators /etc/systemd/system /usr/lib/systemd/system/*.wants; do
        mount -t tmpfs -o mode=755 lab-units "$folder"
    done
    ln -s /dev/null /etc/systemd/system/containerd.service
    printf "[Unit]\\nDefaultDependencies=no\\n" >/etc/systemd/system/lab.target
    exec env -i PATH="$PATH" container=lab {systemd} --system --unit=lab.target --log-target=null
'
"""


def unavailable() -> str | None:
    """Return why systemd cannot be run in a namespace here, or None if it can."""
    if not SYSTEMD.exists() or shutil.which("systemctl") is None:
        return "systemd is not installed"
    with tempfile.TemporaryDirectory() as folder:
        trial = ["unshare", "--mount", "sh", "-c", 'mount -t cgroup2 lab "$1" && mkdir "$1/$2" && rmdir "$1/$2"']
        done = subprocess.run(
            [*trial, "trial", folder, f"kdoctor-trial-{os.getpid()}"], capture_output=True, text=True, check=False
        )
    return f"no control groups (version 2) can be made here: {done.stderr.strip()}" if done.returncode else None


class Systemd:
    """systemd in `here`, which gives it up when the lab heals; the lab's own dockerd is stopped for it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._group = f"kdoctor-lab-{os.getpid()}"
        lab.docker.stop()
        script = _START.format(group=self._group, systemd=SYSTEMD)
        self.place = Place(["sh", "-eu", "-c", script], env=dict(os.environ), within=lab.here)
        lab.when_healing(self.close)
        active = 'until [ "$(systemctl is-active lab.target 2>&1)" = active ]; do sleep 0.1; done'
        self.place.script(f"timeout {_SECONDS} sh -c '{active}'")

    def write(self, path: str, text: str) -> None:
        """Write a file that systemd reads."""
        file = self.place.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def systemctl(self, *arguments: str) -> None:
        """Run systemctl, which must succeed."""
        done = self.place.run(["systemctl", *arguments], timeout=_SECONDS, merge=True)
        if done.returncode:
            told = self.place.run(["systemctl", "status", "docker"], merge=True).stdout
            raise RuntimeError(f"systemctl {' '.join(arguments)}: {done.stdout}\n{told}")

    def close(self) -> None:
        """End systemd with everything that it runs, and remove its control groups."""
        self.place.close()
        script = 'mount -t cgroup2 lab "$1"; find "$1/$2" -depth -type d -exec rmdir {} + 2>/dev/null; umount "$1"'
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "remove", folder, self._group],
                capture_output=True,
                check=False,
            )
