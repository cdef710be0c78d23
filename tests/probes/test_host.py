"""Room on file systems and programs on PATH."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdoctor.machine import Machine
from kdoctor.model import UNSEEN
from kdoctor.probes.host import Room
from tests.probes.asking import asked, machine_at, program

_GIB = 1024**3


@pytest.mark.parametrize(
    ("free", "for_root", "total", "inodes", "free_inodes", "outcome"),
    [
        (100 * _GIB, 110 * _GIB, 500 * _GIB, 1000000, 500000, "ok"),
        (1 * _GIB, 2 * _GIB, 10 * _GIB, 1000000, 500000, "low"),
        (20 * _GIB, 20 * _GIB, 500 * _GIB, 1000000, 500000, "low"),
        (0, 5 * _GIB, 100 * _GIB, 1000000, 500000, "low"),
        (0, 1024, 100 * _GIB, 1000000, 500000, "full"),
        (100 * _GIB, 110 * _GIB, 500 * _GIB, 1000000, 3, "inodes-full"),
        (100 * _GIB, 110 * _GIB, 500 * _GIB, 0, 0, "ok"),
    ],
)
def test_room_is_judged(free: int, for_root: int, total: int, inodes: int, free_inodes: int, outcome: str) -> None:
    assert Room("/x", free, for_root, total, inodes, free_inodes).outcome == outcome


async def test_the_disk_of_a_path_that_does_not_exist_yet(tmp_path: Path) -> None:
    found = await asked("host.disk", machine_at(tmp_path), path="/var/lib/docker/overlay2/x")
    seen = os.statvfs(tmp_path)
    assert found.data["path"] == "/var/lib/docker/overlay2/x"
    assert found.data["total"] == seen.f_blocks * seen.f_frsize


async def test_the_disk_where_images_go(tmp_path: Path) -> None:
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    found = await asked("host.disk", machine_at(tmp_path))
    assert found.data["path"] == "/var/lib/docker"
    assert isinstance(found.data["free"], int)


async def test_a_path_that_is_none(tmp_path: Path) -> None:
    assert (await asked("host.disk", machine_at(tmp_path), path="/a\0b")).outcome == UNSEEN


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MiB with 20 inodes."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m,nr_inodes=20", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mounting a tmpfs needs root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_a_disk_that_is_really_full(small: Path) -> None:
    machine = Machine(root=Path("/"), env={}, home=small)
    found = await asked("host.disk", machine, path=str(small))
    assert (found.outcome, found.data["path"]) == ("inodes-full", str(small))
    (small / "fill").write_bytes(b"x" * 20 * 1024 * 1024)
    found = await asked("host.disk", machine, path=str(small))
    assert found.outcome == "full"
    assert found.data["percent"] == 67


async def test_programs(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    program(tmp_path, "/usr/bin/socat")
    program(tmp_path, "/usr/sbin/conntrack")
    program(tmp_path, "/usr/local/bin/kubectl")
    (tmp_path / "usr/bin/ethtool").write_text("not executable")
    found = await asked("host.tool", machine, tool="socat")
    assert (found.outcome, found.data["path"]) == ("found", "/usr/bin/socat")
    assert (await asked("host.tool", machine, tool="conntrack")).outcome == "found"
    found = await asked("host.tool", machine, tool="kubectl")
    assert (found.outcome, found.data["path"]) == ("missing", "/usr/local/bin/kubectl")
    found = await asked("host.tool", machine, tool="ethtool")
    assert (found.outcome, found.data["package"]) == ("missing", "ethtool")
    assert (await asked("host.tool", machine, tool="crictl")).data["package"] == "cri-tools"


@pytest.mark.parametrize("name", ["../../bin/sh", "a b", "", "$(id)", "x" * 99])
async def test_what_is_no_program_is_not_looked_for(tmp_path: Path, name: str) -> None:
    assert (await asked("host.tool", machine_at(tmp_path), tool=name)).outcome == UNSEEN
