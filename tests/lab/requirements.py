"""Whether the lab can run on this machine."""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_PROGRAMS: Final = (
    "containerd",
    "dnsmasq",
    "docker",
    "docker-registry",
    "dockerd",
    "ip",
    "nft",
    "nsenter",
    "service",
    "setpriv",
    "squid",
    "unshare",
)
_INIT: Final = Path("/etc/init.d/docker")
_MODULES: Final = ("dns", "trustme")
_TRIAL: Final = """\
directory=$1
mount -t tmpfs lab "$directory"
mkdir "$directory/upper" "$directory/work"
mount -t overlay -o lowerdir=/etc,upperdir="$directory/upper",workdir="$directory/work" lab /etc
ip link add name lab0 type veth peer name lab1
nft add table inet lab
umount /etc "$directory"
"""


@functools.cache
def unavailable() -> str | None:
    """Return why the lab cannot run here, or None if it can."""
    if sys.platform != "linux":
        return "the fault lab needs Linux"
    if os.geteuid() != 0:
        return "the fault lab needs root"
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        return f"the fault lab needs {', '.join(missing)}"
    if not _INIT.exists():
        return f"the fault lab needs Debian's docker.io ({_INIT})"
    if missing := [name for name in _MODULES if importlib.util.find_spec(name) is None]:
        return f"the fault lab needs the Python modules {', '.join(missing)}"
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc"]
    with tempfile.TemporaryDirectory() as directory:
        trial = subprocess.run(
            [*unshare, "sh", "-eu", "-c", _TRIAL, "trial", directory],
            capture_output=True,
            text=True,
            check=False,
        )
    if trial.returncode:
        return f"the fault lab may not make namespaces here: {trial.stderr.strip()}"
    return None
