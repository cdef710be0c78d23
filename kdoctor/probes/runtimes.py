"""Which runtimes serve a kubelet here, may this user map IDs, and who would run minikube?"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from kdoctor import minikube
from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

# The sockets that kubeadm looks at (cmd/kubeadm/app/constants and util/runtime).
_SOCKETS = ("/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock")
_CONNECT = 1.0
_FEWEST_IDS = 65536
_ROOTLESS = "rootless containers"


# --- node.cri ----------------------------------------------------------------------------------


async def cri(ask: Asking) -> Found:
    """Connect to the sockets at which kubeadm looks for a runtime; nothing is sent."""
    machine = ask.vantage.machine
    if machine.os != "linux" or not hasattr(asyncio, "open_unix_connection"):
        return Found(UNSEEN, "kubeadm's runtimes are looked for on Linux only")
    states = dict(zip(_SOCKETS, await asyncio.gather(*(_state(machine, path) for path in _SOCKETS)), strict=True))
    there = [path for path in _SOCKETS if states[path] in ("open", "permission")]
    if len(there) > 1:
        says = f"several runtimes serve here: {', '.join(there)}; kubeadm wants to be told which (--cri-socket)"
        return Found("several", says, {"sockets": tuple(there), "several": ", ".join(there), "problem": says})
    if there:
        return Found("ok", f"a runtime listens at {there[0]}", {"socket": there[0]}, there[0])
    dead = next((path for path in _SOCKETS if states[path] == "refused"), None)
    if dead is not None:
        says = f"nothing listens at {dead}: its runtime has stopped"
        return Found("refused", says, {"socket": dead, "problem": says}, dead)
    says = "no container runtime (containerd, CRI-O, cri-dockerd) listens on this machine"
    return Found("missing", says, {"problem": says})


async def _state(machine: Machine, path: str) -> str:
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_unix_connection(str(machine.path(path)))
    except PermissionError:
        return "permission"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "open"  # its queue is full: somebody listens
    except OSError:
        return "missing"
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return "open"


# --- host.userns -------------------------------------------------------------------------------


async def userns(ask: Asking) -> Found:
    """Look whether this user may make user namespaces, and has ranges in /etc/subuid and /etc/subgid."""
    machine = ask.vantage.machine
    if machine.os != "linux" or machine.uid is None:
        return Found(UNSEEN, "only Linux maps users in this way")
    for name, off in (("user/max_user_namespaces", "0"), ("kernel/unprivileged_userns_clone", "0")):
        if (machine.read(f"/proc/sys/{name}", 64) or "").strip() == off:
            return _lacks("off", f"user namespaces are switched off ({name.replace('/', '.')} = 0)")
    if machine.uid == 0:
        return Found("ok", "root needs no ranges of subordinate IDs")
    databases = re.search(r"^subid:\s*(.+)$", machine.read("/etc/nsswitch.conf") or "", re.MULTILINE)
    if databases and databases[1].split()[0] != "files":
        return Found(UNSEEN, f"the ranges of subordinate IDs come from {databases[1].split()[0]} (nsswitch.conf)")
    names = _names(machine)
    for path in ("/etc/subuid", "/etc/subgid"):
        count = _count(machine.read(path) or "", names)
        if count < _FEWEST_IDS:
            has = f"{count} IDs" if count else "no range"
            return _lacks(
                "few" if count else "no-range", f"{path} has {has} for {names[0]}; {_ROOTLESS} need {_FEWEST_IDS}"
            )
    return Found("ok", f"{names[0]} has ranges of at least {_FEWEST_IDS} subordinate IDs")


def _lacks(outcome: str, says: str) -> Found:
    return Found(outcome, says, {"problem": says})


def _names(machine: Machine) -> tuple[str, ...]:
    """Return this user's name and number, as the files may name it."""
    found = re.search(rf"^([^:\n]+):[^:\n]*:{machine.uid}:", machine.read("/etc/passwd") or "", re.MULTILINE)
    name = found[1] if found else machine.env.get("USER", "")
    return (name, str(machine.uid)) if name else (str(machine.uid),)


def _count(text: str, names: tuple[str, ...]) -> int:
    rows = [line.strip().split(":") for line in text.splitlines()]
    return sum(int(row[2]) for row in rows if len(row) == 3 and row[0] in names and row[2].isdigit())


# --- minikube.user -----------------------------------------------------------------------------


async def minikube_user(ask: Asking) -> Found:
    """Look whether minikube, run by this user, refuses its driver: docker as root, none as another user."""
    machine = ask.vantage.machine
    if machine.uid is None or machine.os != "linux":
        return Found(UNSEEN, "minikube minds the user on Linux only")
    found = minikube.profile(machine, minikube.default_profile(machine))
    driver = minikube.default_driver(machine) or (found.driver if found else "") or "docker"
    data: dict[str, Value] = {"driver": driver}
    if machine.env.get("SUDO_USER"):
        return Found(UNSEEN, "kdoctor runs under sudo: as which user minikube will run is not seen")
    if driver == "docker" and machine.uid == 0:
        return Found("root", f'this user is root, with which minikube refuses the driver "{driver}"', data)
    if driver == "none" and machine.uid != 0:
        says = f'this user is not root, which the driver "{driver}" needs'
        return Found("no-root", says, {**data, "wants_root": says})
    return Found("ok", f'this user may run minikube with the driver "{driver}"', data)
