"""What `check --for` asks of the host: silent on a sound machine, one finding with its fix for each thing missing."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kdoctor.model import Diagnosis, Verdict
from kdoctor.probes import needs
from kdoctor.probes.runner import Place, Runner
from kdoctor.rules.book import open_book
from kdoctor.rules.diagnose import Setting
from kdoctor.run.check import merged
from kdoctor.run.prerequisites import Host
from kdoctor.run.probing import diagnosed
from kdoctor.run.walk import Walk
from kdoctor.vantages import Shell
from tests.probes.asking import machine_at, program, put

_RELEASE = "6.1.0-9-amd64"
_TOOLS = ("kubeadm", "k3s", "kind", "docker", "minikube")


def sound(root: Path) -> None:
    """A machine on which every tool can start: its programs, kernel, sizes and an empty state."""
    names = {name for tool in _TOOLS for name in (*needs.PROGRAMS[tool], *needs.USEFUL.get(tool, ()))}
    for name in names:
        program(root, f"/usr/bin/{name}")
    options = {name for tool in needs.OPTIONS for name in needs.OPTIONS[tool]}
    put(root, f"/boot/config-{_RELEASE}", "".join(f"CONFIG_{name}=y\n" for name in sorted(options)))
    put(root, f"/lib/modules/{_RELEASE}/modules.dep", "kernel/overlay.ko:\nkernel/br_netfilter.ko:\nkernel/vxlan.ko:\n")
    put(root, "/proc/modules", "br_netfilter 32768 0 - Live 0x0\n")
    put(root, "/proc/sys/kernel/osrelease", _RELEASE)
    put(root, "/proc/sys/kernel/hostname", "localhost")
    put(root, "/proc/sys/net/ipv4/ip_forward", "1")
    put(root, "/proc/sys/net/bridge/bridge-nf-call-iptables", "1")
    put(root, "/proc/sys/fs/inotify/max_user_instances", "128")
    put(root, "/proc/sys/fs/inotify/max_user_watches", "65536")
    put(root, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids")
    put(root, "/proc/swaps", "Filename Type Size Used Priority\n")
    put(root, "/proc/net/tcp", "  sl  local_address\n")
    put(root, "/proc/self/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t0-3\n")
    put(root, "/proc/meminfo", "MemTotal: 4000000 kB\n")
    put(root, "/proc/cpuinfo", "processor: 0\nflags\t: fpu vmx\n")
    put(root, "/dev/kvm")


async def findings(
    root: Path, tool: str, lang: str = "en", uid: int = 1000, **env: str
) -> tuple[list[Diagnosis], Walk]:
    book = open_book([])
    machine = replace(machine_at(root, DOCKER_HOST="unix:///nowhere.sock", **env), uid=uid)
    place, runner = Place("shell", Shell(machine)), Runner(10.0)
    walk = Walk(runner, book)
    await Host(walk, place, machine, tool, engine=False).look()
    setting = Setting(book, lang, (tool, "shell"))
    return [await diagnosed(one, setting, place, runner) for one in merged(walk.found)], walk


@pytest.mark.parametrize("tool", _TOOLS)
async def test_a_sound_machine_gives_nothing(root: Path, tool: str) -> None:
    sound(root)
    found, walk = await findings(root, tool)
    assert (found, walk.blind) == ([], False)
    assert len(walk.checks) > 1


def _without(name: str) -> Callable[[Path], None]:
    def take(root: Path) -> None:
        (root / "usr/bin" / name).unlink()

    return take


def _with(path: str, text: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        put(root, path, text)

    return write


def _without_runtime(root: Path) -> None:
    (root / "run/containerd/containerd.sock").unlink()


def _stopped(root: Path) -> None:
    _without_runtime(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "run/containerd/containerd.sock"))


def _second(root: Path) -> None:
    (root / "run/cri-dockerd.sock").symlink_to(root / "run/containerd/containerd.sock")


def _stale(root: Path) -> None:
    config = root / f"boot/config-{_RELEASE}"
    config.write_text(config.read_text().replace("OVERLAY_FS=y", "OVERLAY_FS=m"))
    shutil.move(root / f"lib/modules/{_RELEASE}", root / "lib/modules/6.1.0-10-amd64")


def _taken(root: Path) -> None:
    row = "0: 00000000:280A 00000000:0000 0A 0:0 0:0 0 0 0 99 1"
    put(root, "/proc/net/tcp", f"head\n{row}\n")
    put(root, "/proc/40/comm", "kubelet-old\n")
    (root / "proc/40/fd").mkdir()
    os.symlink("socket:[99]", root / "proc/40/fd/3")


_SWAP = "Filename Type Size Used Priority\n/swap.img file 2097148 0 -2\n"
_BROKEN = [
    ("kubeadm", _without("kubelet"), "host-tool-missing", "error", "tool.install"),
    ("kubeadm", _without("socat"), "host-tool-missing", "warning", "tool.install"),
    ("kubeadm", _with("/proc/swaps", _SWAP), "swap-enabled", "error", "swap.off"),
    ("kubeadm", _with("/proc/sys/net/ipv4/ip_forward", "0"), "kernel-prerequisite-missing", "error", "kernel.prepare"),
    (
        "kubeadm",
        _with("/proc/sys/net/bridge/bridge-nf-call-iptables", "0"),
        "kernel-prerequisite-missing",
        "warning",
        "kernel.prepare",
    ),
    ("kubeadm", _stale, "kernel-prerequisite-missing", "error", "kernel.update"),
    (
        "kubeadm",
        _with("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids"),
        "kernel-prerequisite-missing",
        "error",
        "cgroup.enable",
    ),
    (
        "k3s",
        _with(f"/boot/config-{_RELEASE}", "CONFIG_VETH=y\n"),
        "kernel-prerequisite-missing",
        "error",
        "kernel.update",
    ),
    (
        "docker",
        _with(f"/boot/config-{_RELEASE}", "CONFIG_X=y\n"),
        "kernel-prerequisite-missing",
        "error",
        "kernel.update",
    ),
    ("kubeadm", _with("/proc/meminfo", "MemTotal: 1000000 kB\n"), "insufficient-resources", "error", "resources.raise"),
    (
        "minikube",
        _with("/proc/meminfo", "MemTotal: 1000000 kB\n"),
        "insufficient-resources",
        "error",
        "resources.raise",
    ),
    ("k3s", _with("/proc/meminfo", "MemTotal: 400000 kB\n"), "insufficient-resources", "warning", "resources.raise"),
    ("kubeadm", _without_runtime, "cri-unavailable", "error", "cri.start"),
    ("kubeadm", _stopped, "cri-unavailable", "error", "cri.start"),
    ("kubeadm", _second, "cri-unavailable", "error", "cri.start"),
    ("kubeadm", _taken, "port-in-use", "error", "port.free"),
    ("k3s", _taken, "port-in-use", "error", "port.free"),
    ("kubeadm", _with("/var/lib/etcd/member", ""), "previous-cluster-left", "error", "previous.remove"),
    ("kind", _with("/proc/sys/fs/inotify/max_user_watches", "1024"), "inotify-limit", "warning", "inotify.raise"),
    ("kubeadm", _with("/proc/sys/kernel/hostname", "lab_7"), "node-name-unusable", "error", "node.rename"),
]


@pytest.mark.parametrize(("tool", "spoil", "rule", "severity", "fix"), _BROKEN)
async def test_what_is_missing_is_found_and_proven(
    root: Path, tool: str, spoil: Callable[[Path], None], rule: str, severity: str, fix: str
) -> None:
    sound(root)
    spoil(root)
    found, _ = await findings(root, tool)
    assert {(one.rule, one.severity.value, one.verdict) for one in found} == {(rule, severity, Verdict.CONFIRMED)}
    assert found[0].fixes[0].id == fix
    assert found[0].because


async def test_each_port_is_a_finding_of_its_own_with_its_holder(root: Path) -> None:
    sound(root)
    put(root, "/proc/net/tcp", "head\n0: 0:192B 0:0 0A 0:0 0:0 0 0 0 98 1\n1: 0:280A 0:0 0A 0:0 0:0 0 0 0 99 1\n")
    found, _ = await findings(root, "kubeadm")
    assert sorted(one.facts["port"] for one in found) == ["10250", "6443"]
    put(root, "/proc/51/comm", "k3s-server\n")
    (root / "proc/51/fd").mkdir()
    for number in (98, 99):
        os.symlink(f"socket:[{number}]", root / f"proc/51/fd/{number}")
    assert "k3s-server (pid 51)" in (await findings(root, "kubeadm"))[0][0].because
    assert (await findings(root, "k3s"))[0] == []  # its own


async def test_a_node_that_runs_is_no_leftover(root: Path) -> None:
    sound(root)
    _taken(root)
    put(root, "/etc/kubernetes/kubelet.conf")
    put(root, "/proc/40/comm", "kubelet\n")
    found, walk = await findings(root, "kubeadm")
    assert found == []
    assert next(one.skipped for one in walk.checks if one.id == "port")


async def test_virtualization_is_asked_for_where_the_driver_makes_a_machine(root: Path) -> None:
    sound(root)
    (root / "dev/kvm").unlink()
    assert (await findings(root, "minikube"))[0] == []
    found, _ = await findings(root, "minikube", MINIKUBE_DRIVER="kvm2")
    assert [(one.rule, one.verdict) for one in found] == [("virtualization-unavailable", Verdict.CONFIRMED)]
    assert "kvm_intel" in found[0].because


async def test_who_runs_minikube(root: Path) -> None:
    sound(root)
    found, _ = await findings(root, "minikube", uid=0)
    assert [(one.rule, one.severity.value, one.verdict) for one in found] == [
        ("driver-root-refused", "error", Verdict.CONFIRMED)
    ]
    assert "normal user" in found[0].fixes[0].steps[0].text
    found, _ = await findings(root, "minikube", MINIKUBE_DRIVER="none")
    assert [(one.rule, one.verdict) for one in found] == [("driver-root-refused", Verdict.CONFIRMED)]
    assert "sudo" in found[0].fixes[0].steps[0].text
    assert (await findings(root, "minikube", uid=0, MINIKUBE_DRIVER="none"))[0] == []
    assert (await findings(root, "minikube", uid=0, SUDO_USER="ana"))[0] == []


async def test_a_container_does_not_show_the_host(root: Path) -> None:
    """What cannot be told from a container is unseen, with the reason; nothing is claimed."""
    found, walk = await findings(root, "k3s", container="oci")
    assert {one.rule for one in found} == {"host-tool-missing"}
    assert walk.blind
    unseen = {one.id: one.skipped for one in walk.checks if one.skipped}
    assert "container" in (unseen["module"] or "")
    assert "container" in (unseen["cgroup"] or "")


async def test_in_chinese(root: Path) -> None:
    sound(root)
    put(root, "/proc/swaps", _SWAP)
    found, _ = await findings(root, "kubeadm", "zh")
    assert "kubelet" in found[0].title
    assert "没有设置" in found[0].because


async def test_k3s_without_vxlan_is_warned(root: Path) -> None:
    sound(root)
    put(root, f"/lib/modules/{_RELEASE}/modules.dep", "kernel/overlay.ko:\nkernel/br_netfilter.ko:\n")
    [found], _ = await findings(root, "k3s")
    assert (found.rule, found.severity, found.verdict) == ("kernel-prerequisite-missing", "warning", Verdict.CONFIRMED)
    assert "vxlan" in found.because


async def test_a_rootless_docker_needs_its_users_ranges(root: Path) -> None:
    sound(root)
    put(root, "/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
    put(root, "/etc/subuid", "ann:100000:1000\n")
    assert (await findings(root, "docker"))[0] == []
    put(root, "/home/ann/.config/systemd/user/docker.service", "[Service]\n")
    [found], _ = await findings(root, "docker")
    assert (found.rule, found.verdict) == ("userns-mapping-missing", Verdict.CONFIRMED)
    assert "/etc/subuid has 1000 IDs for ann" in found.because
