"""The kernel's configuration, modules, settings and cgroups, from trees of files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kdoctor.model import UNSEEN
from kdoctor.probes import needs
from tests.probes.asking import asked, machine_at, put

_RELEASE = "6.1.0-9-amd64"


def _kernel(root: Path) -> None:
    put(root, "/proc/sys/kernel/osrelease", f"{_RELEASE}\n")


def _config(tool: str, **other: str) -> str:
    values = {**dict.fromkeys(needs.OPTIONS[tool], "y"), **other}
    return "".join(
        f"CONFIG_{name}={value}\n" if value else f"# CONFIG_{name} is not set\n" for name, value in values.items()
    )


@pytest.mark.parametrize("tool", sorted(needs.OPTIONS))
async def test_a_kernel_with_everything(tmp_path: Path, tool: str) -> None:
    _kernel(tmp_path)
    put(tmp_path, f"/boot/config-{_RELEASE}", _config(tool, VETH="m"))
    found = await asked("kernel.config", machine_at(tmp_path), tool=tool)
    assert (found.outcome, found.data["file"]) == ("ok", f"/boot/config-{_RELEASE}")


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    place = tmp_path / "proc/config.gz"
    place.parent.mkdir()
    place.write_bytes(gzip.compress(_config("k3s", VETH="", MEMCG="", OVERLAY_FS="", BTRFS_FS="m").encode()))
    found = await asked("kernel.config", machine_at(tmp_path), tool="k3s")
    assert found.outcome == "missing"
    assert found.data["options"] == ("CONFIG_VETH", "CONFIG_MEMCG")
    assert found.data["option"] == "CONFIG_VETH"


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00broken", b"no gzip"])
async def test_a_configuration_that_cannot_be_read_is_unseen(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/config.gz").write_bytes(content)
    found = await asked("kernel.config", machine_at(tmp_path), tool="docker")
    assert found.outcome == UNSEEN
    assert "config" in found.detail


async def test_a_module_that_is_loaded_or_built_in_or_there(tmp_path: Path) -> None:
    _kernel(tmp_path)
    put(tmp_path, "/proc/modules", "br_netfilter 32768 0 - Live 0x0\n")
    put(tmp_path, f"/lib/modules/{_RELEASE}/modules.builtin", "kernel/fs/fuse/fuse.ko\n")
    put(tmp_path, f"/lib/modules/{_RELEASE}/modules.dep", "kernel/net/ipv4/ip-tables.ko.zst: kernel/x.ko\n")
    machine = machine_at(tmp_path)
    assert (await asked("kernel.module", machine, module="br_netfilter")).outcome == "ok"
    assert (await asked("kernel.module", machine, module="fuse")).outcome == "ok"
    assert (await asked("kernel.module", machine, module="ip_tables")).outcome == "available"
    missing = await asked("kernel.module", machine, module="vxlan")
    assert missing.outcome == "missing"
    assert missing.data["setting"] == "vxlan"


async def test_a_kernel_whose_modules_are_gone(tmp_path: Path) -> None:
    _kernel(tmp_path)
    put(tmp_path, "/proc/modules", "")
    put(tmp_path, "/lib/modules/6.1.0-10-amd64/modules.dep", "")
    found = await asked("kernel.module", machine_at(tmp_path), module="overlay")
    assert found.outcome == "stale"
    assert "6.1.0-10-amd64" in found.detail


async def test_a_container_does_not_show_the_modules(tmp_path: Path) -> None:
    _kernel(tmp_path)
    found = await asked("kernel.module", machine_at(tmp_path, container="oci"), module="overlay")
    assert (found.outcome, "container" in found.detail) == (UNSEEN, True)
    put(tmp_path, "/proc/filesystems", "nodev\tproc\nnodev\toverlay\n")
    assert (await asked("kernel.module", machine_at(tmp_path, container="oci"), module="overlay")).outcome == "ok"


async def test_no_module_is_read_by_a_path(tmp_path: Path) -> None:
    assert (await asked("kernel.module", machine_at(tmp_path), module="../../etc")).outcome == UNSEEN


@pytest.mark.parametrize(("text", "outcome"), [("1\n", "on"), ("0\n", "off"), ("2\n", "off"), (None, "absent")])
async def test_a_setting(tmp_path: Path, text: str | None, outcome: str) -> None:
    put(tmp_path, "/proc/sys/net/core/somaxconn", "4096")
    path = "/proc/sys/net/ipv4/ip_forward"
    if text is not None:
        put(tmp_path, path, text)
    found = await asked("kernel.setting", machine_at(tmp_path), path=path)
    assert (found.outcome, found.data["name"]) == (outcome, "net.ipv4.ip_forward")


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/sys/net/../../../etc/passwd", "/proc/sys/net/ipv4/ip_forward"])
async def test_settings_that_are_not_looked_at(tmp_path: Path, path: str) -> None:
    assert (await asked("kernel.setting", machine_at(tmp_path), path=path)).outcome == UNSEEN


async def test_cgroup_v2_without_memory(tmp_path: Path) -> None:
    put(tmp_path, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n")
    machine = machine_at(tmp_path)
    assert (await asked("host.cgroup", machine, controller="v2")).outcome == "ok"
    assert (await asked("host.cgroup", machine, controller="cpu")).outcome == "ok"
    found = await asked("host.cgroup", machine, controller="memory")
    assert (found.outcome, found.data["version"]) == ("missing", "v2")
    assert (await asked("host.cgroup", machine_at(tmp_path, container="oci"), controller="cpu")).outcome == UNSEEN


async def test_cgroup_v1(tmp_path: Path) -> None:
    put(tmp_path, "/proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t6\t1\nmemory\t0\t5\t0\n")
    machine = machine_at(tmp_path)
    assert (await asked("host.cgroup", machine, controller="v2")).outcome == "v1"
    assert (await asked("host.cgroup", machine, controller="cpu")).outcome == "ok"
    assert (await asked("host.cgroup", machine, controller="memory")).outcome == "missing"
    assert (await asked("host.cgroup", machine_at(tmp_path / "none"), controller="cpu")).outcome == UNSEEN
