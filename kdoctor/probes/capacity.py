"""Has the host CPUs and memory enough, and no swap in the kubelet's way?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kdoctor import minikube
from kdoctor.model import UNSEEN, Value
from kdoctor.probes import needs
from kdoctor.probes.ask import Found
from kdoctor.settings import daemon, jsonfile
from kdoctor.settings.engine import EngineError, endpoint, engine_get

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking

_MIB = 1024 * 1024
_MARGIN = 0.3
_KUBELET = "/var/lib/kubelet/config.yaml"
_UNLIMITED = 1 << 60


# --- host.swap ---------------------------------------------------------------------------------


async def swap(ask: Asking) -> Found:
    """Read /proc/swaps as the kubelet does, and whether its configuration allows swap."""
    machine = ask.vantage.machine
    if machine.os != "linux":
        return Found(UNSEEN, "only Linux shows its swap in /proc/swaps")
    text = machine.read("/proc/swaps")
    if text is None:
        return Found(UNSEEN, "/proc/swaps cannot be read")
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    if not rows:
        return Found("off", "no swap is in use")
    devices = tuple(row[0] for row in rows)
    sizes = [int(row[2]) for row in rows if len(row) > 2 and row[2].isdigit()]
    data: dict[str, Value] = {"devices": devices, "size": sum(sizes) // 1024}
    said = f"swap is on: {', '.join(devices)} ({data['size']} MiB)"
    config = machine.read(_KUBELET) or ""
    if re.search(r"^failSwapOn:[ \t]*false\b", config, re.MULTILINE):
        return Found("allowed", f"{said}, which {_KUBELET} allows (failSwapOn: false)", data)
    return Found("on", said, data)


# --- host.capacity -----------------------------------------------------------------------------


async def capacity(ask: Asking, tool: str) -> Found:
    """Count CPUs and memory: the engine's where minikube's node is its container, else those of this machine.

    In a container what it was given counts, not what the computer has: kubeadm itself does not look at limits.
    """
    need = needs.SIZES.get(tool)
    if need is None:
        return Found(UNSEEN, f"kdoctor knows no least size for {tool[:40]}")
    machine = ask.vantage.machine
    by_engine = tool == "minikube" and minikube.default_driver(machine) in ("", "docker")
    counted = await _of_engine(ask) if by_engine else None
    counted = counted or (_of_machine(machine) if machine.os == "linux" else None)
    if counted is None:
        return Found(UNSEEN, "CPUs and memory cannot be counted: no engine answers, and /proc does not tell")
    cpus, memory, whose = counted
    data: dict[str, Value] = {"cpus": cpus, "memory": memory, "whose": whose}
    said = f"{whose} has {cpus} CPU{'s' if cpus != 1 else ''} and {memory} MiB of memory"
    if cpus < need.cpus:
        data |= {"has": f"{cpus} CPUs", "needs": f"{need.cpus} CPUs"}
        return Found("few-cpus", f"{said}; {tool} needs {need.cpus} CPUs", data)
    if memory < need.memory:
        data |= {"has": f"{memory} MB", "needs": f"{need.memory} MB"}
        return Found("little-memory", f"{said}; {tool} needs {need.memory} MiB", data)
    return Found("ok", f"{said}, enough for {tool}", data)


async def _of_engine(ask: Asking) -> tuple[int, int, str] | None:
    """Return CPUs and MiB as the engine says (`docker info`), None where none answers."""
    machine = ask.vantage.machine
    where = endpoint(machine)
    if where.problem or where.socket is None:
        return None
    try:
        status, said = await engine_get(machine, where, "/info", max(ask.remaining - _MARGIN, 0.1))
    except EngineError:
        return None
    info = jsonfile.mapping(said)
    cpus, memory = info.get("NCPU"), info.get("MemTotal")
    if status != 200 or not isinstance(cpus, int) or not isinstance(memory, int) or cpus <= 0 or memory <= 0:
        return None
    return cpus, memory // _MIB, "the Docker engine"


def _of_machine(machine: Machine) -> tuple[int, int, str] | None:
    total = re.search(r"^MemTotal:\s+(\d+) kB", machine.read("/proc/meminfo") or "", re.MULTILINE)
    cpus = _allowed_cpus(machine)
    if total is None or not cpus:
        return None
    memory = int(total[1]) // 1024
    if not daemon.in_container(machine):
        return cpus, memory, "this machine"
    quota, limit = _limits(machine)
    return max(1, min(cpus, quota)), min(memory, limit), "this container"


def _allowed_cpus(machine: Machine) -> int:
    """Count the CPUs that this process may run on, as Go's runtime.NumCPU does; 0 where /proc does not tell."""
    found = re.search(r"^Cpus_allowed_list:\s*([\d,-]+)$", machine.read("/proc/self/status") or "", re.MULTILINE)
    if found is None:
        return len(re.findall(r"^processor\s*:", machine.read("/proc/cpuinfo", 4 * _MIB) or "", re.MULTILINE))
    parts = (part.partition("-") for part in found[1].split(",") if part)
    return sum(int(last or first) - int(first) + 1 for first, _, last in parts if first)


def _limits(machine: Machine) -> tuple[int, int]:
    """Return whole CPUs and MiB that the control groups from this process's upwards leave."""
    cpus, memory = _UNLIMITED, _UNLIMITED
    for folder in _groups(machine):
        quota, _, period = (machine.read(f"{folder}/cpu.max", 64) or "").strip().partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            cpus = min(cpus, int(quota) // int(period))
        for name in ("memory.max", "memory.limit_in_bytes"):
            value = (machine.read(f"{folder}/{name}", 64) or "").strip()
            if value.isdigit():
                memory = min(memory, int(value) // _MIB)
    return cpus, memory


def _groups(machine: Machine) -> list[str]:
    """Return the directories of this process's control groups, cgroup v2 and v1's memory, up to their roots."""
    found: list[str] = []
    for line in (machine.read("/proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            root = "/sys/fs/cgroup"
        elif "memory" in names.split(","):
            root = "/sys/fs/cgroup/memory"
        else:
            continue
        parts = [part for part in path.split("/") if part and part != ".."][:32]
        found += [f"{root}/{'/'.join(parts[:depth])}".rstrip("/") for depth in range(len(parts), -1, -1)]
    return found
