"""How it is shown that a daemon shares network, names, trust or settings with this process; else it does not."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass
from typing import Literal

from kdoctor.machine import Machine
from kdoctor.settings import daemon
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.engine import Endpoint, EngineInfo

Facet = Literal["network", "names", "trust", "settings", "none"]

_NAME_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf")
_VM_CONTEXTS = ("desktop", "colima", "lima", "rancher-desktop", "orbstack")


@dataclass(frozen=True, slots=True)
class Sharing:
    """Whether this process shares a facet with the puller, and how that shows (or why it does not)."""

    shared: bool
    because: str


def apart(machine: Machine, where: Endpoint, info: EngineInfo | None) -> str | None:
    """Return why the engine shares nothing with this machine, None where it may."""
    if not where.local:
        return f"the engine is remote ({where.url.split('://')[0]}://, {where.because})"
    if machine.os != "linux":
        return f"on {machine.os} the engine runs in a virtual machine"
    if info is not None and info.desktop:
        return "the engine runs in Docker Desktop's virtual machine"
    if info is not None and info.kernel and info.kernel != _kernel(machine):
        return f"the engine runs on another kernel ({info.kernel})"
    if where.context.startswith(_VM_CONTEXTS):
        return f'the docker context "{where.context}" is a virtual machine\'s'
    return None


def network(machine: Machine, where: Endpoint, info: EngineInfo | None, process: DaemonProcess | None) -> Sharing:
    """Tell whether the daemon is shown to run in this network namespace."""
    if process is not None and process.same_network is not None:
        pid = f"{process.args[0].rpartition('/')[2] if process.args else 'the daemon'} (pid {process.pid})"
        if process.same_network:
            return Sharing(True, f"{pid} runs in this network namespace")
        return Sharing(False, f"{pid} runs in another network namespace")
    if info is not None and info.rootless:
        return Sharing(False, "the engine is rootless: it has a network namespace of its own")
    if where.socket is None or not daemon.listens_here(machine, where.socket):
        return Sharing(False, "the daemon's socket is not listened on in this network namespace")
    if info is not None and not _same_host(machine, info):
        return Sharing(False, f"the engine says that it runs on {info.name}, which is not this host")
    if info is None and (process is None or process.nested):
        return Sharing(False, "the engine does not answer, and its process cannot be seen")
    return Sharing(True, f"{where.socket} is listened on in this network namespace")


def prefix(machine: Machine, info: EngineInfo | None, process: DaemonProcess | None, network: Sharing) -> str | None:
    """Return where the daemon's root directory is from here ("" for the same), None where it is not shown."""
    if process is not None and process.same_files is not None:
        readable = os.access(machine.path(process.root or "/"), os.R_OK | os.X_OK)
        return process.root if readable else None
    if info is None and process is None:
        return ""  # a daemon that does not run will read the files of this machine
    if process is None or process.nested or daemon.in_container(machine):
        return None
    if not network.shared or (info is not None and info.rootless):
        return None
    if info is None:
        return ""
    return "" if _same_host(machine, info) and _os_name(machine) == info.operating_system else None


def _same_host(machine: Machine, info: EngineInfo) -> bool:
    name = (machine.read("/proc/sys/kernel/hostname") or socket.gethostname()).strip()
    return info.name == name and info.kernel == _kernel(machine)


def _kernel(machine: Machine) -> str:
    return (machine.read("/proc/sys/kernel/osrelease") or platform.release()).strip()


def _os_name(machine: Machine) -> str | None:
    release = machine.read("/etc/os-release") or machine.read("/usr/lib/os-release") or ""
    pairs = (line.partition("=") for line in release.splitlines())
    return next((value.strip("\"'") for key, _, value in pairs if key == "PRETTY_NAME"), None)


def names(machine: Machine, network: Sharing, prefix: str | None) -> Sharing:
    """Tell whether names resolve for the daemon as they do here: same network, same files in /etc."""
    if not network.shared:
        return network
    if prefix is None:
        return Sharing(False, "the daemon's resolv.conf and hosts cannot be seen")
    for name in _NAME_FILES if prefix else ():
        if machine.read(name) != machine.read(f"{prefix}{name}"):
            return Sharing(False, f"{name} differs between the daemon and this shell")
    return Sharing(True, f"{network.because} and has the same resolv.conf and hosts")


def settings(where: Endpoint, info: EngineInfo | None, process: DaemonProcess | None) -> Sharing:
    """Tell whether the daemon's effective settings can be seen."""
    if info is not None:
        return Sharing(True, f"the engine says them itself (GET /info of {where.url})")
    if process is not None and process.env is not None:
        return Sharing(True, f"they stand in the environment of the process {process.pid}")
    return Sharing(False, "the engine does not answer, and its process's environment cannot be read")
