"""How a service of this machine is restarted, or told to read its settings again, and what that stops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kdoctor.machine import Machine
from kdoctor.model import Host
from kdoctor.platforms import service_command
from kdoctor.settings import daemon, jsonfile, systemd
from kdoctor.settings.engine import Endpoint, EngineError, engine_get

RELOADED = frozenset(
    {
        "debug",
        "default-runtime",
        "default-shm-size",
        "features",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
"""Keys of daemon.json that dockerd takes over at SIGHUP (moby daemon/reload.go), where they stand in the file."""

_TOOLS = {
    "docker-desktop": ("docker", "desktop", "restart"),
    "colima": ("colima", "restart"),
    "minikube": ("minikube", "start"),
}
"""What is restarted by its own command."""

_PROGRAMS = {"docker": "dockerd"}
_NAME = re.compile(r"[A-Za-z0-9@._-]+")


@dataclass(frozen=True, slots=True)
class Action:
    """A restart or reload: its command, or, where nobody is in charge of the service, a sentence.

    `stops` are the containers that run now and will not after it. `back` is the command of an undo: the same,
    so that it reads the old settings, or a stop of what was started.
    """

    service: str
    verb: str
    argv: tuple[str, ...] = ()
    by_hand: str = ""
    stops: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


def action(machine: Machine, host: Host, service: str, verb: str, *, user: bool = False) -> Action:
    """Return how `verb` (restart, reload) is done to a service here; `user` tells that it is the user's own."""
    if service in _TOOLS:
        return Action(service, "restart", _TOOLS[service])
    root = machine.uid == 0
    program = _PROGRAMS.get(service, service)
    pid = daemon.running(machine, (program,)).get(program) if machine.os == "linux" else None
    if not _NAME.fullmatch(service):
        return Action(service, verb, by_hand=f"{verb} it by hand")
    if (
        verb == "reload"
        and pid is not None
        and not (host.service_manager == "systemd" and in_charge(machine, host, service, user))
    ):
        return Action(service, verb, (*_sudo(root or user), "kill", "-HUP", str(pid)))
    if not in_charge(machine, host, service, user):
        running = (
            f"It runs as process {pid}: end it (`kill {pid}`) and start it as before."
            if pid
            else f"Start it again: {program}"
        )
        return Action(service, verb, by_hand=f"No service manager here is in charge of {service}. {running}")
    if host.service_manager == "launchd":
        return Action(
            service, "restart", (*_sudo(root), "launchctl", "kickstart", "-k", f"system/{_label(machine, service)}")
        )
    return Action(service, verb, tuple(service_command(host, service, verb, root=root, user=user)))


def stop(machine: Machine, host: Host, service: str, *, user: bool = False) -> tuple[str, ...]:
    """Return the command that stops a service, empty where no service manager is in charge of it."""
    if not in_charge(machine, host, service, user) or host.service_manager == "launchd":
        return ()
    return tuple(service_command(host, service, "stop", root=machine.uid == 0, user=user))


def in_charge(machine: Machine, host: Host, service: str, user: bool = False) -> bool:
    """Tell whether this machine's service manager knows the service."""
    match host.service_manager:
        case "systemd":
            return bool(systemd.unit_files(machine, f"{service}.service", user))
        case "sysvinit" | "openrc":
            return machine.path(f"/etc/init.d/{service}").is_file()
        case "launchd":
            return _label(machine, service) is not None
        case "windows":
            return True
        case _:
            return False


def reload_command(machine: Machine, paths: Sequence[str], *, user: bool = False) -> tuple[str, ...]:
    """Return the command that lets systemd read its units again, where one of the files is a unit or drop-in."""
    if not systemd.is_running(machine) or not any("/systemd/" in p and "/resolved.conf" not in p for p in paths):
        return ()
    if user:
        return ("systemctl", "--user", "daemon-reload")
    return (*_sudo(machine.uid == 0), "systemctl", "daemon-reload")


def reloads(before: bytes | None, after: bytes | None) -> bool:
    """Tell whether SIGHUP is enough for a change of daemon.json: only keys that dockerd reloads, none taken out."""
    old, new = (jsonfile.parse((data or b"{}").decode("utf-8", "replace")) for data in (before, after))
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key) or (key in old) != (key in new)}
    return all(key in RELOADED and key in new for key in changed)


async def stopped_by_restart(machine: Machine, where: Endpoint, seconds: float = 3.0) -> tuple[str, ...]:
    """Return the names of the running containers that end when dockerd restarts: all, unless it has live-restore."""
    try:
        status, info = await engine_get(machine, where, "/info", seconds)
        if status == 200 and jsonfile.mapping(info).get("LiveRestoreEnabled") is True:
            return ()
        status, listed = await engine_get(machine, where, "/containers/json", seconds)
    except EngineError:
        return ()
    if status != 200 or not isinstance(listed, list):
        return ()
    names = (jsonfile.texts(jsonfile.mapping(one).get("Names")) for one in listed)
    return tuple(sorted(found[0].lstrip("/") for found in names if found))


def _sudo(root: bool) -> tuple[str, ...]:
    return () if root else ("sudo",)


def _label(machine: Machine, service: str) -> str | None:
    names = machine.entries("/Library/LaunchDaemons")
    return next((name.removesuffix(".plist") for name in names if service in name and name.endswith(".plist")), None)
