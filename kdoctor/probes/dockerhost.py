"""What this machine says of its Docker besides the API: the socket's owner, the program, the service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kdoctor.machine import Machine
from kdoctor.settings import systemd

_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin", "/snap/bin", "/opt/bin")
_DESKTOP = (
    "/Applications/Docker.app",
    "/opt/docker-desktop",
    "/mnt/wsl/docker-desktop",
    "C:/Program Files/Docker/Docker/Docker Desktop.exe",
)
_SERVICE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SocketFile:
    """Owner, group and mode of a socket; `member`: /etc/group has this `user` in the group."""

    owner: str
    group: str
    mode: str
    member: bool
    user: str = ""


def find_program(machine: Machine, name: str) -> str | None:
    """Return the path of a program on PATH, as the shell would find it; None when it is not there."""
    windows = machine.os == "windows"
    suffixes = ("", ".exe", ".cmd", ".bat") if windows else ("",)
    if not name or "/" in name or "\\" in name:
        return None
    for folder in machine.env.get("PATH", "").split(";" if windows else ":"):
        for suffix in suffixes:
            path = f"{folder or '.'}/{name}{suffix}"
            if folder and _is_executable(machine.path(path)):
                return path
    return None


def _is_executable(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) and os.access(path, os.X_OK)


def dockerd(machine: Machine) -> str | None:
    """Return the path of dockerd, also where the folders of root are not on this user's PATH."""
    places = (f"{folder}/dockerd" for folder in _FOLDERS)
    return find_program(machine, "dockerd") or next((p for p in places if _is_executable(machine.path(p))), None)


def is_installed(machine: Machine) -> bool:
    """Tell whether dockerd or Docker Desktop is on this machine."""
    return dockerd(machine) is not None or any(machine.path(place).exists() for place in _DESKTOP)


def socket_file(machine: Machine, path: str) -> SocketFile | None:
    """Return owner and mode of a socket, None where they cannot be read."""
    try:
        found = machine.path(path).stat()
    except OSError:
        return None
    owner, _ = _named(machine, "/etc/passwd", found.st_uid)
    group, members = _named(machine, "/etc/group", found.st_gid)
    user, _ = _named(machine, "/etc/passwd", -1 if machine.uid is None else machine.uid)
    return SocketFile(owner, group, f"{stat.S_IMODE(found.st_mode):04o}", user in members, user)


def has_group(machine: Machine, name: str) -> bool:
    """Tell whether /etc/group has a group of the name."""
    return any(line.startswith(f"{name}:") for line in (machine.read("/etc/group") or "").splitlines())


def _named(machine: Machine, path: str, number: int) -> tuple[str, tuple[str, ...]]:
    """Return the name of a user or group by its number, and the members of a group."""
    for line in (machine.read(path) or "").splitlines():
        parts = line.split(":")
        if len(parts) > 3 and parts[2] == str(number):
            return parts[0], tuple(parts[3].split(","))
    return str(number), ()


async def service_state(machine: Machine, unit: str = "docker.service") -> str | None:
    """Return what systemd says of the unit, "active" or "failed (exit-code)"; None where it is not in charge."""
    if machine.root != Path("/") or not systemd.is_running(machine):
        return None
    text = await output(["systemctl", "show", unit, "--property=LoadState,ActiveState,SubState,Result,UnitFileState"])
    return described(dict(line.partition("=")[::2] for line in (text or "").splitlines()))


def described(properties: Mapping[str, str]) -> str | None:
    """Return a unit's properties in a few words."""
    active = properties.get("ActiveState")
    if not active:
        return None
    if properties.get("LoadState") == "masked":
        return "masked"
    if properties.get("LoadState") not in ("loaded", None):
        return "no such service"
    result = properties.get("Result", "success")
    state = f"{active} ({result})" if active == "failed" and result not in ("", "success") else active
    return f"{state}, not started at boot" if properties.get("UnitFileState") == "disabled" else state


async def output(arguments: list[str], seconds: float = _SERVICE_SECONDS) -> str | None:
    """Return the output of a program that only tells something, None where it fails or takes too long."""
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return out.decode("utf-8", "replace")[:65536] if process.returncode == 0 else None


def service_arguments(machine: Machine) -> list[str]:
    """Return the arguments with which the service manager starts dockerd: ExecStart=, or DOCKER_OPTS."""
    if not systemd.is_running(machine):
        return _init_arguments(machine)
    found: list[str] = []
    for path in systemd.unit_files(machine, "docker.service"):
        for line in (machine.read(path) or "").replace("\\\n", " ").splitlines():
            key, equals, value = line.strip().partition("=")
            if equals and key.strip() == "ExecStart":
                found = systemd.split_words(value.strip())
    environment = systemd.unit_environment(machine, "docker.service")
    out: list[str] = []
    for word in found:
        name = word.removeprefix("$").strip("{}")
        if word.startswith("$"):
            value = environment[name].value if name in environment else ""
            out += [value] if word.startswith("${") else value.split()
        else:
            out.append(word)
    return out[1:]


def _init_arguments(machine: Machine) -> list[str]:
    """Read DOCKER_OPTS (Debian's init script, OpenRC) and OPTIONS (Red Hat)."""
    for path, variable in (
        ("/etc/default/docker", "DOCKER_OPTS"),
        ("/etc/conf.d/docker", "DOCKER_OPTS"),
        ("/etc/sysconfig/docker", "OPTIONS"),
    ):
        for line in (machine.read(path) or "").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and name.strip() == variable:
                with contextlib.suppress(ValueError):
                    return [word for part in shlex.split(value, comments=True) for word in part.split()]
    return []
