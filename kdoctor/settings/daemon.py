"""The dockerd process behind a socket: its environment, command line and namespaces, as /proc shows them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from kdoctor.machine import Machine, read_text

DEFAULT_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")

_NAMES = ("dockerd", "podman")
_CLOCK_SLACK = 2.0  # seconds: btime has no fractions and follows the clock
_LISTENING = "00010000"  # __SO_ACCEPTCON in the flags column of /proc/net/unix


@dataclass(frozen=True, slots=True)
class DaemonProcess:
    """A daemon's process. What this user may not read is None.

    `same_network` and `same_files` compare its namespaces with this process's; `root` is the daemon's
    own root directory as a path of this machine, empty where it is the machine's.
    """

    pid: int
    found_by: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] | None = field(default=None, repr=False)
    same_network: bool | None = None
    same_files: bool | None = None
    nested: bool = False
    root: str = ""

    def option(self, *names: str) -> str | None:
        """Return the value of a command-line option given as --name=value or --name value."""
        found = None
        for index, arg in enumerate(self.args):
            name, equals, value = arg.partition("=")
            if name in names:
                found = value if equals else next(iter(self.args[index + 1 : index + 2]), "")
        return found


def find(machine: Machine, socket_path: str) -> DaemonProcess | None:
    """Return the daemon that listens on the socket, None where that cannot be told."""
    if machine.os != "linux":
        return None
    peer = _peer(machine, socket_path) or 0
    program = _name(machine, peer) if peer else ""
    if program in _NAMES:
        return described(machine, peer, "the peer of its socket")
    if program not in ("", "systemd", "init"):
        return None  # a forwarder: the daemon is behind it, in a VM or elsewhere
    # The socket is systemd's (or cannot be opened): the daemon is the one that says it serves it.
    candidates = [pid for pid in (_pid_of_file(machine), *_processes(machine)) if _name(machine, pid) == "dockerd"]
    seen = (described(machine, pid, "the list of processes") for pid in dict.fromkeys(candidates))
    serving = [p for p in seen if not p.nested and _serves(p, socket_path)]
    return serving[0] if len(serving) == 1 else None


def running(machine: Machine, names: Collection[str]) -> dict[str, int]:
    """Return which of the programs (comm) run here, each with its lowest pid; those in containers do not count."""
    found: dict[str, int] = {}
    for pid in _processes(machine):
        name = _name(machine, pid)
        if name in names and name not in found and not _nested(machine, pid):
            found[name] = pid
    return found


def environment(machine: Machine, pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with, None where this user may not see it (proc(5))."""
    text = machine.read(f"/proc/{pid}/environ")
    return None if text is None else _environment(text)


def edited_since(machine: Machine, path: str, pid: int) -> bool:
    """Tell whether a file is surely newer than the start of a process (proc(5): starttime, btime)."""
    stat = (machine.read(f"/proc/{pid}/stat", 4096) or "").rpartition(")")[2].split()
    boot = next((line for line in (machine.read("/proc/stat") or "").splitlines() if line.startswith("btime ")), "")
    try:
        started = int(boot.split()[1]) + int(stat[19]) / os.sysconf("SC_CLK_TCK")
        return machine.path(path).stat().st_mtime > started + _CLOCK_SLACK
    except (OSError, ValueError, IndexError, AttributeError):
        return False


def described(machine: Machine, pid: int, found_by: str) -> DaemonProcess:
    """Return what this user may see of a process of this machine."""
    same_files = _same(machine, pid, "mnt")
    return DaemonProcess(
        pid=pid,
        found_by=found_by,
        args=tuple((machine.read(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0")),
        env=environment(machine, pid),
        same_network=_same(machine, pid, "net"),
        same_files=same_files,
        nested=_nested(machine, pid),
        root="" if same_files is not False else f"/proc/{pid}/root",
    )


def listens_here(machine: Machine, socket_path: str) -> bool:
    """Tell whether the socket is listened on in this process's network namespace (/proc/net/unix)."""
    table = read_text(machine.path("/proc/net/unix"), 8 * 1024 * 1024) or ""
    wanted = {socket_path, os.path.realpath(machine.path(socket_path))}
    wanted |= {path.removeprefix("/var") for path in wanted if path.startswith("/var/run/")}
    wanted |= {f"/var{path}" for path in wanted if path.startswith("/run/")}
    for line in table.splitlines()[1:]:
        columns = line.split(maxsplit=7)
        if len(columns) == 8 and columns[3] == _LISTENING and columns[7] in wanted:
            return True
    return False


def in_container(machine: Machine) -> bool:
    """Tell whether this process itself runs in a container, as far as files and variables tell."""
    if machine.env.get("container") or machine.env.get("KUBERNETES_SERVICE_HOST"):
        return True
    cgroup = machine.read("/proc/self/cgroup") or ""
    if any(word in cgroup for word in ("/docker/", "/docker-", "/kubepods", "/libpod-", "/lxc/")):
        return True
    marked = machine.path("/.dockerenv").exists() or machine.path("/run/.containerenv").exists()
    # Virtual machines made from container images have the mark as well, but a disk of their own as root.
    return marked and not _root_is_a_disk(machine)


def _root_is_a_disk(machine: Machine) -> bool:
    """Tell whether / is the whole of a disk's file system (proc(5) mountinfo), as no container's is."""
    for line in reversed((machine.read("/proc/self/mountinfo") or "").splitlines()):
        mount, _, rest = line.partition(" - ")
        columns = mount.split()
        if len(columns) > 4 and columns[4] == "/":
            return columns[3] == "/" and rest.partition(" ")[0] in ("ext4", "ext3", "xfs", "btrfs", "f2fs")
    return False


def _peer(machine: Machine, socket_path: str) -> int | None:
    """Return the pid of the process that listens on a Unix socket (SO_PEERCRED), None where unknown."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(0.2)
        connection.connect(str(machine.path(socket_path)))
        raw = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i"))
    except OSError:
        return None
    finally:
        connection.close()
    pid: int = struct.unpack("3i", raw)[0]
    return pid


def _pid_of_file(machine: Machine) -> int:
    written = (machine.read("/run/docker.pid", 32) or machine.read("/var/run/docker.pid", 32) or "").strip()
    return int(written) if written.isdigit() else 0


def _serves(process: DaemonProcess, socket_path: str) -> bool:
    """Tell whether the command line fits the socket; without -H, or with fd://, it is the default one."""
    hosts = [v.partition("=")[2] or v.removeprefix("-H") for v in process.args if v.startswith(("-H", "--host"))]
    hosts += [after for arg, after in pairwise(process.args) if arg in ("-H", "--host")]
    default = not any(hosts) or any(host.startswith("fd://") for host in hosts)
    if socket_path in DEFAULT_SOCKETS and default:
        return True
    return any(host == f"unix://{socket_path}" for host in hosts)


def _processes(machine: Machine) -> list[int]:
    return sorted(int(name) for name in machine.entries("/proc") if name.isdigit())


def _name(machine: Machine, pid: int) -> str:
    return (machine.read(f"/proc/{pid}/comm", 64) or "").strip()


def _environment(text: str) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in text.split("\0") if "=" in entry)
    found: dict[str, str] = {}
    for name, _, value in pairs:
        found.setdefault(name, value)
    return found


def _same(machine: Machine, pid: int, namespace: str) -> bool | None:
    try:
        own = os.readlink(machine.path(f"/proc/self/ns/{namespace}"))
        return os.readlink(machine.path(f"/proc/{pid}/ns/{namespace}")) == own
    except OSError:
        return None


def _nested(machine: Machine, pid: int) -> bool:
    """Tell whether the process lives in a PID namespace below this one, as those of containers do."""
    for line in (machine.read(f"/proc/{pid}/status") or "").splitlines():
        if line.startswith("NSpid:"):
            return len(line.split()) > 2
    return False
