"""What the running kernel has: its configuration, modules, settings and cgroup controllers, all from files."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes import needs
from kdoctor.probes.ask import Found
from kdoctor.settings import daemon

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_CONFIG_LIMIT = 4 * 1024 * 1024
_MODULES_LIMIT = 8 * 1024 * 1024
_SETTING = re.compile(r"/proc/sys/net(?:/[\w-]+(?:\.[\w-]+)*)+")
_ELSEWHERE = "only Linux has these; elsewhere containers run in a virtual machine with a kernel of its own"
_CONTAINED = "this is a container: its file system has neither the kernel's configuration nor its modules"


def release(machine: Machine) -> str:
    """Return what `uname -r` says of the running kernel, empty where /proc does not show it."""
    return (machine.read("/proc/sys/kernel/osrelease", 256) or "").strip()


def config_of(machine: Machine) -> tuple[str, str] | None:
    """Return the running kernel's configuration and its file, None where there is none.

    The places are those of moby's check-config.sh.
    """
    packed = machine.path("/proc/config.gz")
    try:
        with gzip.open(packed, "rb") as file:
            text = file.read(_CONFIG_LIMIT).decode("ascii", "replace")
        if "CONFIG_" in text:
            return text, "/proc/config.gz"
    except (OSError, EOFError, zlib.error):
        pass
    name = release(machine)
    places = (f"/boot/config-{name}", f"/usr/src/linux-{name}/.config", f"/lib/modules/{name}/config") if name else ()
    for path in places:
        found = machine.read(path, _CONFIG_LIMIT)
        if found and "CONFIG_" in found:
            return found, path
    return None


def _set(config: str, option: str) -> str:
    """Return y, m, or an empty text for an option that is not set."""
    found = re.search(rf"^CONFIG_{option}=([ym])$", config, re.MULTILINE)
    return found[1] if found else ""


# --- kernel.config -----------------------------------------------------------------------------


async def config(ask: Asking, tool: str) -> Found:
    """Look in the kernel's configuration for the options that the tool needs."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, _ELSEWHERE)
    wanted = needs.OPTIONS.get(tool)
    if wanted is None:
        return Found(UNSEEN, f"kdoctor knows no kernel options that {tool[:40]} needs")
    read = config_of(machine)
    if read is None:
        why = _CONTAINED if daemon.in_container(machine) else "there is no /proc/config.gz and no /boot/config-*"
        return Found(UNSEEN, f"the kernel's configuration cannot be read: {why}")
    text, path = read
    missing = [one for one in wanted if not any(_set(text, name) for name in (one, *needs.INSTEAD.get(one, ())))]
    if not missing:
        return Found("ok", f"{path} has all that {tool} needs", {"file": path}, path)
    names = tuple(f"CONFIG_{one}" for one in missing)
    says = f"{path}: {', '.join(names)} not set, which {tool} needs"
    data: dict[str, Value] = {"file": path, "options": names, "option": names[0], "problem": says}
    return Found("missing", says, data, path)


# --- kernel.module -----------------------------------------------------------------------------


async def module(ask: Asking, module: str) -> Found:
    """Look whether a module is loaded, built in, or can be loaded."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, _ELSEWHERE)
    if not re.fullmatch(r"\w{1,64}", module):
        return Found(UNSEEN, f"{module[:80]!r} is no module's name")
    name = release(machine)
    data: dict[str, Value] = {"setting": module, "release": name}
    if _loaded(machine, module):
        return Found("ok", f"the module {module} is loaded or built in", data)
    option = needs.OPTION_OF.get(module)
    read = config_of(machine) if option else None
    built = _set(read[0], option) if read and option else None
    if built == "y":
        return Found("ok", f"{module} is built into the kernel (CONFIG_{option}=y)", data)
    folder = f"/lib/modules/{name}"
    if name and machine.is_dir(folder):
        return _in_folder(machine, folder, module, data)
    if built == "":
        return _bad("missing", f"the kernel {name} was built without {module} (CONFIG_{option})", data)
    if daemon.in_container(machine) or not name:
        return Found(UNSEEN, f"whether {module} can be loaded cannot be told: {_CONTAINED}")
    kept = [one for one in machine.entries("/lib/modules") if machine.is_dir(f"/lib/modules/{one}")]
    if not kept:
        return Found(UNSEEN, f"whether {module} can be loaded cannot be told: there is no /lib/modules")
    says = f"{folder} is gone (there is {kept[-1]}): the kernel was updated, and the old one still runs"
    return _bad("stale", f"{module} is not loaded, and {says}", data)


def _bad(outcome: str, says: str, data: dict[str, Value], target: str | None = None) -> Found:
    return Found(outcome, says, {**data, "problem": says}, target)


def _loaded(machine: Machine, module: str) -> bool:
    listed = machine.read("/proc/modules") or ""
    if re.search(rf"^{module} ", listed, re.MULTILINE) or machine.is_dir(f"/sys/module/{module}"):
        return True
    if module == "overlay":
        return bool(re.search(r"\boverlay$", machine.read("/proc/filesystems") or "", re.MULTILINE))
    return module == "br_netfilter" and machine.path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists()


def _in_folder(machine: Machine, folder: str, module: str, data: dict[str, Value]) -> Found:
    """Look in the lists that depmod makes; a module's file may be written with - for _."""
    file = re.compile(rf"(?:^|/){module.replace('_', '[_-]')}\.ko", re.MULTILINE)
    if file.search(machine.read(f"{folder}/modules.builtin") or ""):
        return Found("ok", f"the module {module} is built into the kernel", data)
    listed = machine.read(f"{folder}/modules.dep", _MODULES_LIMIT)
    if listed is None:
        return Found(UNSEEN, f"whether {module} can be loaded cannot be told: {folder}/modules.dep cannot be read")
    if file.search(listed):
        return Found("available", f"the module {module} is not loaded; it can be", data)
    return _bad("missing", f"{folder} has no module {module}, and none is built in", data)


# --- kernel.setting ----------------------------------------------------------------------------


async def setting(ask: Asking, path: str) -> Found:
    """Read a switch under /proc/sys/net; on is 1, as kubeadm's FileContentCheck has it."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, _ELSEWHERE)
    if not _SETTING.fullmatch(path):
        return Found(UNSEEN, f"{path[:120]!r} is no setting of the network")
    name = path.removeprefix("/proc/sys/").replace("/", ".")
    data: dict[str, Value] = {"path": path, "name": name}
    place = machine.path(path)
    if not place.exists():
        if not machine.is_dir("/proc/sys/net"):
            return Found(UNSEEN, f"{name} cannot be read: /proc/sys/net is not there")
        why = ": the module br_netfilter is not loaded" if name.startswith("net.bridge.") else ""
        return _bad("absent", f"{name} does not exist{why}", data, path)
    text = machine.read(path, 64)
    if text is None:
        return Found(UNSEEN, f"{name} cannot be read by this user")
    value = text.strip()
    data["value"] = value
    if value.startswith("1"):
        return Found("on", f"{name} = {value}", data, path)
    return _bad("off", f"{name} = {value[:20]}, not 1", data, path)


# --- host.cgroup -------------------------------------------------------------------------------


async def cgroup(ask: Asking, controller: str) -> Found:
    """Look whether a cgroup controller is switched on; "v2" asks whether cgroup v2 is in use."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, _ELSEWHERE)
    if daemon.in_container(machine):
        return Found(UNSEEN, "this is a container: it sees the cgroups that it was given, not the host's")
    unified = machine.read("/sys/fs/cgroup/cgroup.controllers")
    version = "v2" if unified is not None else "v1"
    on = set(unified.split()) if unified is not None else _enabled(machine)
    if on is None:
        return Found(UNSEEN, "neither /sys/fs/cgroup/cgroup.controllers nor /proc/cgroups can be read")
    data: dict[str, Value] = {"controller": controller, "version": version}
    if controller == "v2":
        if version == "v2":
            return Found("ok", "cgroup v2 is in use", data)
        says = "cgroup v1 is in use, which the kubelet refuses from Kubernetes 1.35 on (failCgroupV1)"
        return _bad("v1", says, data)
    if controller in on:
        return Found("ok", f"cgroup {version} has the controller {controller}", data)
    return _bad("missing", f"cgroup {version} is without the controller {controller[:40]}", data)


def _enabled(machine: Machine) -> set[str] | None:
    """Return the controllers that /proc/cgroups (cgroup v1) shows as enabled."""
    text = machine.read("/proc/cgroups")
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {row[0] for row in rows if len(row) == 4 and row[3] == "1"}
