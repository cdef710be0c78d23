"""The machine under test: a place with overlays, so that files lie where they usually do."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from . import addresses
from .namespaces import Place

USER: Final = "dev"
USER_ID: Final = 4242
USER_HOME: Final = "/var/home/dev"
RESOLV_CONF: Final = f"nameserver {addresses.RESOLVER}\noptions timeout:2 attempts:2\n"

_HOLDER: Final = (
    "import signal, sys\n"
    "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"  # reaps the orphans
    "print('up', flush=True)\n"
    "sys.stdin.read()\n"
)
_OVERLAYS: Final = """\
mount -t tmpfs -o mode=755 lab {layers}
for name in etc root var; do
    mkdir -p {layers}/$name/upper {layers}/$name/work
    mount -t overlay -o lowerdir=/$name,upperdir={layers}/$name/upper,workdir={layers}/$name/work \
        lab-$name /$name
done
mount -t tmpfs -o mode=755 lab-run /run
mkdir -p /run/lock
for name in docker containerd; do
    mkdir -p /var/lib/$name
    mount -t tmpfs -o mode=711 lab-$name /var/lib/$name
done
rm -rf /etc/docker/daemon.json /etc/docker/certs.d /etc/systemd/system/docker.service.d
rm -rf /root/.docker /root/.kube /var/log/docker.log
rm -f /etc/resolv.conf /etc/hosts /etc/nsswitch.conf
echo '127.0.0.1 localhost' >/etc/hosts
echo 'hosts: files dns' >/etc/nsswitch.conf
mkdir -p /etc/docker /etc/default {home}
rm -rf /var/lib/kdoctor
# A sandbox without CAP_SYS_RESOURCE raises no limit; the rest of Debian's init script is as it is.
(ulimit -n 1048576 && ulimit -p unlimited) 2>/dev/null || sed -i 's/ulimit /: &/' /etc/init.d/docker
# Else it makes control groups of the machine's own.
echo 'cgroup /sys/fs/cgroup cgroup defaults 0 0' >>/etc/fstab
chmod 711 /root
echo '{user}:x:{uid}:{uid}::{home}:/bin/sh' >>/etc/passwd
echo '{user}:x:{uid}:' >>/etc/group
echo '{user}:*:20000:0:99999:7:::' >>/etc/shadow
chown {uid}:{uid} {home}
"""
_NETWORK: Final = f"""\
ip link set lo up
ip link set {addresses.DEVICE} up
ip addr add {addresses.HERE}/{addresses.PREFIX} dev {addresses.DEVICE}
ip route add default via {addresses.GATEWAY}
"""


class Here(Place):
    """The place where dockerd, containerd and kdoctor run."""

    def __init__(self, directory: Path) -> None:
        super().__init__([sys.executable, "-I", "-S", "-c", _HOLDER])
        self.hear()
        layers = directory / "layers"
        layers.mkdir()
        self.script(_OVERLAYS.format(layers=layers, user=USER, uid=USER_ID, home=USER_HOME))
        self.write("/etc/resolv.conf", RESOLV_CONF)

    def connect(self, internet: Place) -> None:
        """Lay the wire between the two places."""
        device, upstream = addresses.DEVICE, addresses.UPSTREAM
        ends = f"name {device} type veth peer name {upstream} netns {internet.pid}"
        # The peer's namespace is named by a pid that only this machine's /proc knows.
        nsenter = ["nsenter", f"--target={self.pid}", "--net", "--"]
        subprocess.run([*nsenter, "ip", "link", "add", *ends.split()], check=True)
        internet.script(
            f"ip link set {upstream} up\nip addr add {addresses.GATEWAY}/{addresses.PREFIX} dev {upstream}\n"
        )
        self.script(_NETWORK)

    def trust(self, authority: Path) -> None:
        """Add a CA certificate to the system's own."""
        with self.path("/etc/ssl/certs/ca-certificates.crt").open("a") as bundle:
            bundle.write("\n" + authority.read_text())

    def write(self, path: str, text: str) -> None:
        """Write a file of this place, with its directories."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        """Remove a file of this place, if it is there."""
        self.path(path).unlink(missing_ok=True)

    def start_containerd(self) -> None:
        """Start containerd and wait for its socket."""
        self.script("setsid containerd >/var/log/containerd.log 2>&1 </dev/null &")
        deadline = time.monotonic() + 10
        while not self.path("/run/containerd/containerd.sock").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(self.path("/var/log/containerd.log").read_text())
            time.sleep(0.01)
