"""Swap, CPUs and memory as /proc, the control groups and the engine tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.model import UNSEEN
from tests.probes.asking import asked, machine_at, put

_HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
_SWAP = f"{_HEAD}/swap.img                               file\t\t2097148\t\t0\t\t-2\n"


async def test_no_swap(tmp_path: Path) -> None:
    put(tmp_path, "/proc/swaps", _HEAD)
    assert (await asked("host.swap", machine_at(tmp_path))).outcome == "off"


async def test_swap_and_the_kubelet_that_allows_it(tmp_path: Path) -> None:
    put(tmp_path, "/proc/swaps", f"{_SWAP}/dev/zram0 partition 1048572 0 100\n")
    found = await asked("host.swap", machine_at(tmp_path))
    assert found.outcome == "on"
    assert (found.data["devices"], found.data["size"]) == (("/swap.img", "/dev/zram0"), 3071)
    put(tmp_path, "/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nfailSwapOn: false\n")
    assert (await asked("host.swap", machine_at(tmp_path))).outcome == "allowed"
    put(tmp_path, "/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n# failSwapOn: false\n")
    assert (await asked("host.swap", machine_at(tmp_path))).outcome == "on"


async def test_without_proc_swap_is_unseen(tmp_path: Path) -> None:
    assert (await asked("host.swap", machine_at(tmp_path))).outcome == UNSEEN


def _sized(root: Path, cpus: str, memory: int) -> None:
    put(root, "/proc/self/status", f"Name:\tsh\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\n")
    put(root, "/proc/meminfo", f"MemTotal:       {memory * 1024} kB\nMemFree: 1 kB\n")


@pytest.mark.parametrize(
    ("cpus", "memory", "tool", "outcome"),
    [
        ("0-3", 4000, "kubeadm", "ok"),
        ("0,2", 1700, "kubeadm", "ok"),
        ("0", 4000, "kubeadm", "few-cpus"),
        ("0-1,4", 1699, "kubeadm", "little-memory"),
        ("0-1", 1750, "minikube", "little-memory"),
        ("0", 900, "k3s", "ok"),
        ("0", 400, "k3s", "little-memory"),
        ("0-3", 4000, "kind", UNSEEN),
    ],
)
async def test_size_is_held_against_what_the_tool_asks_for(
    tmp_path: Path, cpus: str, memory: int, tool: str, outcome: str
) -> None:
    _sized(tmp_path, cpus, memory)
    assert (await asked("host.capacity", machine_at(tmp_path), tool=tool)).outcome == outcome


async def test_limits_count_in_a_container_only(tmp_path: Path) -> None:
    _sized(tmp_path, "0-7", 16000)
    put(tmp_path, "/proc/self/cgroup", "0::/user.slice/ann.scope\n")
    put(tmp_path, "/sys/fs/cgroup/user.slice/cpu.max", "100000 100000\n")
    put(tmp_path, "/sys/fs/cgroup/user.slice/ann.scope/memory.max", "max\n")
    assert (await asked("host.capacity", machine_at(tmp_path), tool="kubeadm")).outcome == "ok"
    found = await asked("host.capacity", machine_at(tmp_path, container="oci"), tool="kubeadm")
    assert (found.outcome, found.data["cpus"], found.data["whose"]) == ("few-cpus", 1, "this container")
    assert (found.data["has"], found.data["needs"]) == ("1 CPUs", "2 CPUs")


async def test_the_memory_of_a_container_with_cgroup_v1(tmp_path: Path) -> None:
    _sized(tmp_path, "0-7", 16000)
    put(tmp_path, "/proc/self/cgroup", "4:memory:/docker/5e\n0::/\n")
    put(tmp_path, "/sys/fs/cgroup/memory/memory.limit_in_bytes", f"{1024**3}\n")
    found = await asked("host.capacity", machine_at(tmp_path), tool="kubeadm")
    assert (found.outcome, found.data["memory"]) == ("little-memory", 1024)


async def test_an_empty_proc_is_unseen(tmp_path: Path) -> None:
    assert (await asked("host.capacity", machine_at(tmp_path), tool="kubeadm")).outcome == UNSEEN
