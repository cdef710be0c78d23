"""Ports and who holds them, leftovers, inotify, virtualization and the host's name."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from kdoctor.machine import Machine
from kdoctor.model import UNSEEN, Evidence
from kdoctor.probes.runner import Place, Runner
from kdoctor.vantages import Shell
from tests.probes.asking import asked, machine_at, program, put

_TCP = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n"
    "   1: 0100007F:280A 0100007F:192B 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n"
)


async def test_who_holds_a_port(tmp_path: Path) -> None:
    put(tmp_path, "/proc/net/tcp", _TCP)
    put(tmp_path, "/proc/812/comm", "kube-apiserver\n")
    (tmp_path / "proc/812/fd").mkdir()
    os.symlink("socket:[4711]", tmp_path / "proc/812/fd/7")
    found = await asked("host.port", machine_at(tmp_path), port="6443")
    assert (found.outcome, found.data["holder"], found.data["pid"]) == ("taken", "kube-apiserver", 812)
    assert (await asked("host.port", machine_at(tmp_path), port="10250")).outcome == "free"  # a connection, no listener


async def test_a_port_whose_holder_is_hidden(tmp_path: Path) -> None:
    put(tmp_path, "/proc/net/tcp6", _TCP)
    found = await asked("host.port", machine_at(tmp_path), port="6443")
    assert (found.outcome, "holder" in found.data) == ("taken", False)


@pytest.mark.parametrize("port", ["0", "70000", "x", "6443"])
async def test_ports_that_cannot_be_looked_at(tmp_path: Path, port: str) -> None:
    assert (await asked("host.port", machine_at(tmp_path), port=port)).outcome == UNSEEN


async def test_a_port_that_is_really_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        found = await asked("host.port", Machine.here(), port=port)
        assert (found.outcome, found.data.get("pid")) == ("taken", os.getpid())
    assert (await asked("host.port", Machine.here(), port=port)).outcome == "free"


async def test_what_an_earlier_cluster_left(tmp_path: Path) -> None:
    (tmp_path / "var/lib/etcd").mkdir(parents=True)
    (tmp_path / "etc/kubernetes/manifests").mkdir(parents=True)
    assert (await asked("node.leftovers", machine_at(tmp_path), tool="kubeadm")).outcome == "none"
    put(tmp_path, "/var/lib/etcd/member/snap/db")
    put(tmp_path, "/etc/kubernetes/manifests/etcd.yaml", "kind: Pod\n")
    found = await asked("node.leftovers", machine_at(tmp_path), tool="kubeadm")
    assert found.outcome == "left"
    assert found.data["paths"] == ("/etc/kubernetes/manifests/etcd.yaml", "/var/lib/etcd")
    put(tmp_path, "/proc/77/comm", "kubelet\n")
    put(tmp_path, "/proc/77/status", "Name:\tkubelet\nNSpid:\t77\n")
    assert (await asked("node.leftovers", machine_at(tmp_path), tool="kubeadm")).outcome == "in-use"


async def test_the_kubelet_of_this_machine(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    assert (await asked("node.kubelet", machine)).outcome == "none"
    program(tmp_path, "/usr/bin/kubelet")
    assert (await asked("node.kubelet", machine)).outcome == "stopped"
    put(tmp_path, "/proc/77/comm", "kubelet\n")
    put(tmp_path, "/proc/77/status", "Name:\tkubelet\nNSpid:\t77\t1\n")  # in a node's container: not this machine's
    assert (await asked("node.kubelet", machine)).outcome == "stopped"
    put(tmp_path, "/proc/77/status", "Name:\tkubelet\nNSpid:\t77\n")
    assert (await asked("node.kubelet", machine)).outcome in ("starting", "running", UNSEEN)  # as its port is here


@pytest.mark.parametrize(("behind", "outcome"), [(0, "ok"), (3600, "off"), (-3600, "off")])
async def test_the_clock(tmp_path: Path, behind: int, outcome: str) -> None:
    """The registry's own Date is what this clock is held against."""

    class Ping(Runner):
        async def ask(self, place: Place, kind: str, params: Mapping[str, str]) -> Evidence:
            if kind == "registry.ping":
                return Evidence(kind, params["registry"], place.name, "challenge", "", 0.0, {"clock_skew": behind})
            return await super().ask(place, kind, params)

    place = Place("shell", Shell(machine_at(tmp_path)))
    found = await Ping(5.0).ask(place, "host.clock", {"registry": "registry-1.docker.io"})
    assert found.outcome == outcome


def _inotify(root: Path, instances: int, watches: int, opened: int, uid: int = 0) -> None:
    put(root, "/proc/sys/fs/inotify/max_user_instances", f"{instances}\n")
    put(root, "/proc/sys/fs/inotify/max_user_watches", f"{watches}\n")
    put(root, "/proc/5/status", f"Name:\tkubelet\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    (root / "proc/5/fd").mkdir()
    for number in range(opened):
        os.symlink("anon_inode:inotify", root / f"proc/5/fd/{number}")


@pytest.mark.parametrize(
    ("watches", "opened", "uid", "outcome"),
    [
        (65536, 3, 0, "ok"),
        (65536, 127, 0, "exhausted"),
        (65536, 127, 1000, "ok"),
        (4096, 3, 0, "low"),
    ],
)
async def test_inotify(tmp_path: Path, watches: int, opened: int, uid: int, outcome: str) -> None:
    _inotify(tmp_path, 128, watches, opened, uid)
    assert (await asked("host.inotify", machine_at(tmp_path))).outcome == outcome


async def test_virtualization(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    assert (await asked("host.virtualization", machine)).outcome == UNSEEN
    put(tmp_path, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor sse\n")
    found = await asked("host.virtualization", machine)
    assert (found.outcome, found.data["guest"]) == ("off", True)
    put(tmp_path, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu svm sse\n")
    found = await asked("host.virtualization", machine)
    assert (found.outcome, found.data["module"]) == ("no-module", "kvm_amd")
    put(tmp_path, "/dev/kvm")
    assert (await asked("host.virtualization", machine)).outcome == "ok"


@pytest.mark.parametrize(
    ("name", "outcome"), [("localhost", "ok"), ("lab_7", "invalid"), ("-lab", "invalid"), ("a" * 64, "invalid")]
)
async def test_a_host_name(tmp_path: Path, name: str, outcome: str) -> None:
    put(tmp_path, "/proc/sys/kernel/hostname", f"{name}\n")
    assert (await asked("node.name", machine_at(tmp_path))).outcome == outcome
