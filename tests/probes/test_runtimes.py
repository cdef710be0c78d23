"""Ranges of subordinate IDs, switches of user namespaces, and the user who runs minikube."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kdoctor.model import UNSEEN
from tests.probes.asking import asked, machine_at, put

_PASSWD = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"


@pytest.mark.parametrize(
    ("subuid", "subgid", "outcome"),
    [
        ("ann:100000:65536\n", "ann:100000:65536\n", "ok"),
        ("1000:100000:65536\n", "ann:1:32768\nann:100000:32768\n", "ok"),
        ("bob:100000:65536\n", "ann:100000:65536\n", "no-range"),
        ("ann:100000:65536\n", "", "no-range"),
        ("ann:100000:1000\n", "ann:100000:65536\n", "few"),
        ("ann:x:y\nann\n", "ann:100000:65536\n", "no-range"),
    ],
)
async def test_ranges(tmp_path: Path, subuid: str, subgid: str, outcome: str) -> None:
    put(tmp_path, "/etc/passwd", _PASSWD)
    put(tmp_path, "/etc/subuid", subuid)
    put(tmp_path, "/etc/subgid", subgid)
    assert (await asked("host.userns", machine_at(tmp_path))).outcome == outcome
    assert (await asked("host.userns", replace(machine_at(tmp_path), uid=0))).outcome == "ok"


async def test_user_namespaces_that_are_off(tmp_path: Path) -> None:
    put(tmp_path, "/proc/sys/kernel/unprivileged_userns_clone", "0\n")
    found = await asked("host.userns", machine_at(tmp_path))
    assert (found.outcome, "kernel.unprivileged_userns_clone" in found.detail) == ("off", True)


async def test_ranges_of_a_directory_service_are_unseen(tmp_path: Path) -> None:
    put(tmp_path, "/etc/nsswitch.conf", "passwd: files\nsubid: sss\n")
    assert (await asked("host.userns", machine_at(tmp_path))).outcome == UNSEEN


async def test_no_socket_no_runtime(tmp_path: Path) -> None:
    assert (await asked("node.cri", machine_at(tmp_path))).outcome == "missing"
