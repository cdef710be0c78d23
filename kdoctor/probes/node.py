"""May this machine be a node: what an earlier cluster left, its kubelet, clock, name, inotify limits, KVM."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes import needs
from kdoctor.probes.ask import Found
from kdoctor.probes.threads import in_thread
from kdoctor.settings import daemon

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_MOST_PROCESSES = 20_000
_FEW_LEFT = 8
_DEFAULT_WATCHES = 8192
_FORGIVEN = 60


# --- node.leftovers ----------------------------------------------------------------------------


async def leftovers(ask: Asking, tool: str) -> Found:
    """Look for the files and data that the tool's preflight refuses to write over."""
    machine = ask.vantage.machine
    wanted = needs.LEFTOVERS.get(tool)
    if wanted is None or machine.os != "linux":
        return Found(UNSEEN, f"kdoctor knows nothing that an earlier cluster leaves in the way of {tool[:40]}")
    runs = daemon.running(machine, ("kubelet",))
    left: list[str] = []
    for path in wanted:
        held = _holds(machine, path)
        if held is None:
            return Found(UNSEEN, f"{path} can be read by root only")
        if held:
            left.append(path)
    if runs and left:
        return Found("in-use", f"a kubelet runs here (pid {runs['kubelet']}): this machine is a node already")
    if not left:
        return Found("none", "nothing of an earlier cluster is in the way")
    shown = [f"{path} is not empty" if machine.is_dir(path) else f"{path} exists" for path in left]
    return Found("left", "; ".join(shown), {"path": left[0], "paths": tuple(left)}, left[0])


def _holds(machine: Machine, path: str) -> bool | None:
    """Tell whether a file is there, or a directory with something in it; None where this user may not look."""
    place = machine.path(path)
    try:
        if place.is_dir():
            with os.scandir(place) as entries:
                return next(entries, None) is not None
        place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True


# --- node.kubelet ------------------------------------------------------------------------------


async def kubelet(ask: Asking) -> Found:
    """Look whether this machine's own kubelet runs and answers on its health port (127.0.0.1:10248)."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, "a kubelet runs on Linux only: it is in the virtual machine")
    runs = daemon.running(machine, ("kubelet",))
    if not runs:
        installed = (await ask.other("host.tool", tool="kubelet")).outcome == "found"
        if installed:
            return Found("stopped", "a kubelet is installed on this machine, and it does not run")
        return Found("none", "this machine has no kubelet: it is in a node's container or virtual machine")
    said = f"the kubelet runs (pid {runs['kubelet']})"
    health = await ask.other("tcp.connect", address="127.0.0.1:10248")
    if health.outcome == "open":
        return Found("running", f"{said} and listens on 127.0.0.1:10248")
    if health.outcome == "refused":
        return Found("starting", f"{said}, but nothing listens on 127.0.0.1:10248 yet")
    return Found(UNSEEN, f"{said}; its health port says nothing: {health.detail}")


# --- host.clock --------------------------------------------------------------------------------


async def clock(ask: Asking, registry: str) -> Found:
    """Hold this clock against the Date of a registry's answer; a minute is what certificates and tokens forgive."""
    said = await ask.other("registry.ping", registry=registry)
    skew = said.data.get("clock_skew")
    if not isinstance(skew, int | float):
        return Found(UNSEEN, f"{registry} does not tell the time: {said.detail}")
    data: dict[str, Value] = {"skew": skew}
    outcome = "off" if abs(skew) > _FORGIVEN else "ok"
    return Found(outcome, f"this clock differs by {skew:g} seconds from that of {registry}", data, registry)


# --- host.inotify ------------------------------------------------------------------------------


async def inotify(ask: Asking) -> Found:
    """Count root's inotify instances against the limit per user: those of the nodes and daemons here."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, "only Linux has inotify; elsewhere the limits are the virtual machine's")
    limits = [_number(machine, name) for name in ("max_user_instances", "max_user_watches")]
    instances, watches = limits
    if instances is None or watches is None:
        return Found(UNSEEN, "/proc/sys/fs/inotify cannot be read")
    data: dict[str, Value] = {"instances": instances, "watches": watches}
    used = await in_thread(_instances, machine)
    if used is not None:
        data["used"] = used
    said = f"{instances} inotify instances and {watches} watches per user"
    if used is not None and used > instances - _FEW_LEFT:
        return Found("exhausted", f"root has {used} inotify instances open, of {instances}", data)
    if watches < _DEFAULT_WATCHES:
        return Found("low", f"{said}: fewer than the kernel's default", data)
    if used is None:
        return Found("ok", f"{said}; how many are in use, root may see", data)
    return Found("ok", f"{said}; root has {used} instances open", data)


def _number(machine: Machine, name: str) -> int | None:
    text = (machine.read(f"/proc/sys/fs/inotify/{name}", 64) or "").strip()
    return int(text) if text.isdigit() else None


def _instances(machine: Machine) -> int | None:
    """Count root's open inotify instances; None where this user may not see them."""
    count, seen = 0, False
    for pid in [one for one in machine.entries("/proc") if one.isdigit()][:_MOST_PROCESSES]:
        folder = machine.path(f"/proc/{pid}/fd")
        status = re.search(r"^Uid:\s+\d+\s+(\d+)", machine.read(f"/proc/{pid}/status") or "", re.MULTILINE)
        if status is None or status[1] != "0":
            continue
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        seen = True
        for name in names:
            try:
                count += os.readlink(folder / name) == "anon_inode:inotify"
            except OSError:
                continue
    return count if seen else None


# --- host.virtualization -----------------------------------------------------------------------


async def virtualization(ask: Asking) -> Found:
    """Look whether KVM can be used: the processor's flag, /dev/kvm and who may open it."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, "kdoctor looks at virtualization on Linux only")
    text = machine.read("/proc/cpuinfo", 4 * 1024 * 1024)
    flags = re.search(r"^flags\s*:(.*)$", text or "", re.MULTILINE)
    words = set(flags[1].split()) if flags else set()
    guest = "hypervisor" in words
    module = "kvm_intel" if "vmx" in words else "kvm_amd" if "svm" in words else ""
    data: dict[str, Value] = {"guest": guest}
    if module:
        data["module"] = module
    if machine.path("/dev/kvm").exists():
        if os.access(machine.path("/dev/kvm"), os.R_OK | os.W_OK):
            return Found("ok", "/dev/kvm is there, and this user may open it", data)
        return Found("permission", "this user may not open /dev/kvm (group kvm)", {**data, "kvm": "/dev/kvm"})
    if daemon.in_container(machine):
        return Found(UNSEEN, "this is a container without /dev/kvm: the host's cannot be seen")
    if module:
        says = f"the processor can, but there is no /dev/kvm: the module {module} is not loaded"
        return Found("no-module", f"{says}, or the firmware has switched virtualization off", {**data, "kvm": module})
    if flags is None:
        return Found(UNSEEN, "/proc/cpuinfo has no flags: whether this processor can virtualize cannot be told")
    where = (
        "of this virtual machine: nested virtualization is off where it runs" if guest else "or the firmware hides it"
    )
    return Found("off", f"the processor shows neither vmx nor svm, {where}", data)


# --- node.name ---------------------------------------------------------------------------------


async def name(ask: Asking) -> Found:
    """Look whether the host name can be a node's name (RFC 1123 subdomain), and resolves, as kubeadm asks."""
    machine = ask.vantage.machine
    own = (machine.read("/proc/sys/kernel/hostname", 256) or "").strip().lower()
    if machine.os != "linux" or not own:
        return Found(UNSEEN, "the name of this machine cannot be read")
    data: dict[str, Value] = {"name": own}
    label = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"(?=.{{1,253}}$){label}(?:\.{label})*", own):
        says = f'the host name "{own}" is no node\'s name: small letters, digits, "-" and "." only'
        return Found("invalid", says, data, own)
    found = await ask.other("dns.system", name=own)
    if found.outcome == "ok":
        return Found("ok", f'the host name "{own}" resolves', data, own)
    if found.outcome == "unknown":
        return Found("unresolved", f'the host name "{own}" does not resolve ({found.detail})', data, own)
    return Found(UNSEEN, f'whether the host name "{own}" resolves cannot be told: {found.detail}', data)
