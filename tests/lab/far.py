"""Machines of the lab that are not `here`: a node container run by its dockerd, and a host with sshd."""

import io
import shlex
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import addresses
from .here import Here
from .lab import Lab
from .namespaces import Place

NODE: Final = "kind-control-plane"
NODE_ADDRESS: Final = "10.78.0.2"
HOST_ADDRESS: Final = "10.79.0.2"
BUSYBOX: Final = Path("/bin/busybox")
APPLETS: Final = (
    "cat", "date", "dd", "df", "echo", "hexdump", "id", "ls", "mkdir", "nc", "nslookup", "od", "readlink", "sed",
    "sh", "sleep", "timeout", "tr", "uname", "wget",
)  # fmt: skip

_IMAGE: Final = "lab/node:1"
_WIRE: Final = """\
ip link add name {up} type veth peer name eth0 netns {pid}
ip addr add {gateway}/24 dev {up}
ip link set {up} up
echo 1 >/proc/sys/net/ipv4/ip_forward
nsenter --target={pid} --net sh -eu -c '
    ip addr add {address}/24 dev eth0
    ip link set lo up
    ip link set eth0 up
    ip route add default via {gateway}'
"""


def node_image(lab: Lab) -> str:
    """Give the lab's dockerd an image with BusyBox, and return its name."""
    assert lab.directory is not None
    archive = lab.directory / "node.tar"
    _write_image(archive)
    done = lab.docker.cli("import", str(archive), _IMAGE)
    assert done.returncode == 0, done.stdout
    return _IMAGE


class Node:
    """A kind node as far as kdoctor can tell: a container with kind's labels, BusyBox, and a network of its own."""

    def __init__(self, lab: Lab, *, environment: Sequence[str] = ()) -> None:
        self._lab = lab
        image = node_image(lab)
        labels = ["--label=io.x-k8s.kind.cluster=kind", "--label=io.x-k8s.kind.role=control-plane"]
        variables = [f"--env={one}" for one in environment]
        run = [
            "run",
            "--detach",
            f"--name={NODE}",
            f"--hostname={NODE}",
            "--network=none",
            "--stop-signal=KILL",
            *labels,
            *variables,
        ]
        self._docker(*run, image, "sleep", "600")
        pid = self._docker("inspect", "--format={{.State.Pid}}", NODE).strip()
        _connect(lab, pid, "node0", NODE_ADDRESS)

    def write(self, path: str, text: str) -> None:
        """Write a file of the node."""
        script = f"mkdir -p {shlex.quote(str(Path(path).parent))}; printf %s {shlex.quote(text)} >{shlex.quote(path)}"
        self._docker("exec", NODE, "sh", "-c", script)

    def trust(self) -> None:
        """Give the node the certificates of `here`."""
        self._docker("exec", NODE, "mkdir", "-p", "/etc/ssl/certs")
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        self._docker("cp", bundle, f"{NODE}:{bundle}")

    def fill(self, path: str) -> None:
        """Mount a file system of 1 MiB and fill it."""
        pid = self._docker("inspect", "--format={{.State.Pid}}", NODE).strip()
        inside = f"mkdir -p {path}; mount -t tmpfs -o size=1m lab {path}; dd if=/dev/zero of={path}/x bs=64k count=100"
        enter = f"nsenter --target={pid} --mount --pid -- /bin/busybox sh -c"
        self._lab.here.script(f"{enter} '{inside} 2>/dev/null || true'")

    def files(self) -> str:
        """Return the files that differ from the node's image."""
        return self._docker("diff", NODE)

    def processes(self) -> list[str]:
        """Return the command names that run in the node."""
        return self._docker("top", NODE, "-eo", "pid,comm").split()[3::2]

    def remove(self) -> None:
        """Remove the container, which a healed dockerd would still know."""
        self._lab.docker.cli("rm", "--force", NODE)

    def _docker(self, *arguments: str) -> str:
        done = self._lab.docker.cli(*arguments)
        if done.returncode:
            raise RuntimeError(f"docker {arguments[0]}: {done.stdout}")
        return done.stdout


class SshHost:
    """A machine behind sshd: a place with its own network, files and resolver; root of `here` may log in."""

    def __init__(self, lab: Lab) -> None:
        assert lab.directory is not None
        folder = lab.directory / "ssh-host"
        folder.mkdir(exist_ok=True)
        self.place = Place([sys.executable, "-I", "-S", "-c", "import sys; print('up', flush=True); sys.stdin.read()"])
        lab.when_healing(self.place.close)
        self.place.hear()
        self.place.script(_SSH_FILES.format(folder=folder))
        _wire_host(lab.here, self.place, lab)
        self._keys(lab.here, folder)
        self.place.script("mkdir -p /run/sshd; /usr/sbin/sshd -f /etc/ssh/lab_config")
        _wait(lab, HOST_ADDRESS)

    def start_containerd(self, environment: str = "") -> None:
        """Start Debian's containerd there, with `NAME=VALUE` in its environment, and wait for its socket."""
        self.place.script(
            "mkdir -p /var/lib/kdoctor-lab /run/containerd\nmount -t tmpfs lab-containerd /var/lib/kdoctor-lab\n"
            f"setsid env {environment} containerd --root /var/lib/kdoctor-lab >/run/containerd.log 2>&1 </dev/null &"
        )
        deadline = time.monotonic() + 10
        while not self.place.path("/run/containerd/containerd.sock").exists():
            if time.monotonic() > deadline:
                raise RuntimeError(self.place.path("/run/containerd.log").read_text())
            time.sleep(0.05)

    def pull(self, image: str, environment: str = "") -> tuple[bool, str]:
        """Pull with ctr, which follows hosts.toml and has an environment of its own; return result and words."""
        argv = ["env", *environment.split(), "ctr", "images", "pull", "--hosts-dir", "/etc/containerd/certs.d", image]
        done = self.place.run(argv, merge=True)
        return done.returncode == 0, done.stdout

    def trust(self, authority: Path) -> None:
        """Add a CA certificate to the system's own."""
        with self.place.path("/etc/ssl/certs/ca-certificates.crt").open("a") as bundle:
            bundle.write("\n" + authority.read_text())

    def write(self, path: str, text: str) -> None:
        """Write a file of the host."""
        file = self.place.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _keys(self, here: Here, folder: Path) -> None:
        for name in ("host", "user"):
            key = folder / name
            if not key.exists():
                command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        host = (folder / "host.pub").read_text()
        self.write("/etc/ssh/lab_host", (folder / "host").read_text())
        self.place.path("/etc/ssh/lab_host").chmod(0o600)
        self.write("/etc/ssh/lab_config", _SSHD)
        self.write("/root/.ssh/authorized_keys", (folder / "user.pub").read_text())
        here.script("mkdir -p -m 700 /root/.ssh")
        here.write("/root/.ssh/id_ed25519", (folder / "user").read_text())
        here.path("/root/.ssh/id_ed25519").chmod(0o600)
        here.write("/root/.ssh/known_hosts", f"{HOST_ADDRESS} {host}")


_SSHD: Final = """\
HostKey /etc/ssh/lab_host
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PasswordAuthentication no
"""
_SSH_FILES: Final = """\
mkdir -p {folder}/etc {folder}/root
mount -t tmpfs -o mode=755 lab-host {folder}
for name in etc root; do
    mkdir -p {folder}/$name/upper {folder}/$name/work
    mount -t overlay -o lowerdir=/$name,upperdir={folder}/$name/upper,workdir={folder}/$name/work lab-$name /$name
done
mount -t tmpfs -o mode=755 lab-run /run
rm -f /etc/resolv.conf /etc/nsswitch.conf /etc/hosts
rm -rf /root/.ssh /etc/docker /etc/containerd
mkdir -p /etc/containerd
echo 'hosts: files dns' >/etc/nsswitch.conf
echo '127.0.0.1 localhost' >/etc/hosts
ip link set lo up
"""


def _wire_host(here: Here, host: Place, lab: Lab) -> None:
    """Lay a wire from `here` to a place; only this machine's /proc knows both pids."""
    nsenter = ["nsenter", f"--target={here.pid}", "--net", "--"]
    link = ["ip", "link", "add", "name", "host0", "type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
    subprocess.run([*nsenter, *link], check=True)
    gateway = HOST_ADDRESS.rpartition(".")[0] + ".1"
    here.script(f"ip addr add {gateway}/24 dev host0\nip link set host0 up\necho 1 >/proc/sys/net/ipv4/ip_forward")
    host.script(f"ip addr add {HOST_ADDRESS}/24 dev eth0\nip link set eth0 up\nip route add default via {gateway}")
    lab.when_healing(lambda: here.script("ip link del host0 2>/dev/null || true"))
    lab.route(HOST_ADDRESS)


def _connect(lab: Lab, pid: str, up: str, address: str) -> None:
    gateway = address.rpartition(".")[0] + ".1"
    lab.here.script(_WIRE.format(pid=pid, up=up, address=address, gateway=gateway))
    lab.route(address)


def _wait(lab: Lab, address: str) -> None:
    deadline = time.monotonic() + 5
    probe = f"import socket; socket.create_connection(('{address}', 22), 1).close()"
    while lab.run([sys.executable, "-I", "-S", "-c", probe]).returncode:
        if time.monotonic() > deadline:
            raise RuntimeError(f"sshd does not listen on {address}")
        time.sleep(0.05)


def _write_image(file: Path) -> None:
    with tarfile.open(file, "w") as archive:
        for name in ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "var"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        archive.add(BUSYBOX, "bin/busybox")
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        text = b"root:x:0:0::/root:/bin/sh\n"
        passwd = tarfile.TarInfo("etc/passwd")
        passwd.size = len(text)
        archive.addfile(passwd, io.BytesIO(text))


def node_resolver() -> str:
    """Return the text of a resolv.conf that names the company's resolver."""
    return f"nameserver {addresses.RESOLVER}\n"
