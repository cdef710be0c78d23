"""The engine's socket and API: what answers there, and what it says of a registry."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdoctor.model import CUT, UNSEEN
from kdoctor.probes import dockerhost
from kdoctor.settings.dockerd import Files
from kdoctor.settings.engine import EngineInfo, endpoint
from kdoctor.settings.sharing import Sharing
from kdoctor.vantages import Docker
from tests.probes.asking import asked, machine_at, program, put
from tests.probes.engine_peer import PODMAN, VERSION, engine


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root whose name is short enough for the path of a Unix socket."""
    short = Path(f"/tmp/k{os.getpid()}")
    short.symlink_to(tmp_path)
    yield short
    short.unlink()


def _socket(root: Path) -> Path:
    return root / "var/run/docker.sock"


async def test_an_engine_that_answers(root: Path) -> None:
    async with engine(_socket(root), {"/version": (200, VERSION)}):
        found = await asked("docker.ping", machine_at(root))
    assert found.outcome == "ok"
    assert found.data["engine"] == "docker"
    assert found.data["version"] == "28.2.2"
    assert found.data["platform"] == "linux/amd64"
    assert found.data["socket"] == "/var/run/docker.sock"


async def test_podman_behind_docker_s_socket(root: Path) -> None:
    async with engine(_socket(root), {"/version": (200, PODMAN)}):
        found = await asked("docker.ping", machine_at(root))
    assert (found.outcome, found.data["engine"]) == ("ok", "podman")


async def test_no_socket_and_nothing_installed(root: Path) -> None:
    found = await asked("docker.ping", machine_at(root))
    assert (found.outcome, found.data["installed"]) == ("no-socket", False)
    assert "neither dockerd nor Docker Desktop is installed" in found.detail


async def test_no_socket_with_dockerd_installed(root: Path) -> None:
    program(root, "/usr/sbin/dockerd")
    found = await asked("docker.ping", machine_at(root))
    assert (found.outcome, found.data["installed"]) == ("no-socket", True)
    assert "installed here" not in found.detail


async def test_a_socket_that_nobody_listens_on(root: Path) -> None:
    _socket(root).parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(_socket(root)))
    found = await asked("docker.ping", machine_at(root))
    assert found.outcome == "refused"
    assert found.data["mode"]


async def test_a_service_that_is_no_engine(root: Path) -> None:
    async with engine(_socket(root), {"/version": (502, {"message": "starting"})}):
        found = await asked("docker.ping", machine_at(root))
    assert found.outcome == "not-docker"
    assert "502" in found.detail
    async with engine(_socket(root), {"/version": b"SSH-2.0-x\r\n"}):
        assert (await asked("docker.ping", machine_at(root))).outcome == "not-docker"
    async with engine(_socket(root), {"/version": (200, ["no"])}):
        assert (await asked("docker.ping", machine_at(root))).outcome == "not-docker"


async def test_an_engine_that_is_silent(root: Path) -> None:
    async with engine(_socket(root), {"/version": None}):
        found = await asked("docker.ping", machine_at(root), seconds=0.8)
    assert found.outcome == "timeout"


async def test_docker_host_is_followed(root: Path) -> None:
    async with engine(root / "other.sock", {"/version": (200, VERSION)}):
        found = await asked("docker.ping", machine_at(root, DOCKER_HOST="unix:///other.sock"))
    assert (found.outcome, found.data["socket"]) == ("ok", "/other.sock")


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        ("ssh://ann@vm.test", UNSEEN),
        ("tcp://169.254.169.254:2375", UNSEEN),
        ("tcp://127.0.0.1:1", "refused"),
    ],
)
async def test_other_endpoints(root: Path, host: str, outcome: str) -> None:
    assert (await asked("docker.ping", machine_at(root, DOCKER_HOST=host))).outcome == outcome


async def test_a_context_that_does_not_exist(root: Path) -> None:
    found = await asked("docker.ping", machine_at(root, DOCKER_CONTEXT="nope"))
    assert (found.outcome, found.data["context"]) == ("no-socket", "nope")
    assert "nope" in found.detail


def test_the_socket_s_owner_comes_from_the_machine_s_files(tmp_path: Path) -> None:
    place = put(tmp_path, "/var/run/docker.sock", mode=0o660)
    uid, gid = place.stat().st_uid, place.stat().st_gid
    put(
        tmp_path,
        "/etc/passwd",
        f"root:x:{uid}:0::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n" if uid != 1000 else f"ann:x:{uid}:1::/:\n",
    )
    put(tmp_path, "/etc/group", f"docker:x:{gid}:bob,ann\n")
    machine = machine_at(tmp_path)
    file = dockerhost.socket_file(machine, "/var/run/docker.sock")
    assert file is not None
    assert (file.group, file.mode, file.member) == ("docker", "0660", True)
    assert dockerhost.has_group(machine, "docker")
    assert not dockerhost.has_group(machine, "dock")


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}, "active"),
        ({"LoadState": "loaded", "ActiveState": "failed", "Result": "exit-code"}, "failed (exit-code)"),
        (
            {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"},
            "inactive, not started at boot",
        ),
        ({"LoadState": "masked", "ActiveState": "inactive"}, "masked"),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, "no such service"),
        ({}, None),
    ],
)
def test_a_service_in_words(properties: dict[str, str], said: str | None) -> None:
    assert dockerhost.described(properties) == said


# --- what the daemon says of a registry -----------------------------------------------------------


def _docker(root: Path, info: EngineInfo | None = None) -> Docker:
    machine = machine_at(root)
    shared = {facet: Sharing(True, "the test says so") for facet in ("network", "names", "trust", "settings")}
    files = Files(machine, "", None)
    return Docker(machine, endpoint(machine), info or EngineInfo(version="28.2.2"), None, None, files, shared)


_HUB = "/distribution/docker.io/library/nginx:latest/json"


async def test_the_daemon_reads_a_manifest(root: Path) -> None:
    async with engine(_socket(root), {_HUB: (200, {"Descriptor": {}})}) as targets:
        found = await asked("docker.distribution", _docker(root), image="nginx")
    assert (found.outcome, targets) == ("ok", [_HUB])


async def test_the_daemon_s_error_is_masked(root: Path) -> None:
    message = 'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp: http://u:hunter2@p:1: refused'
    async with engine(_socket(root), {_HUB: (500, {"message": message})}):
        found = await asked("docker.distribution", _docker(root), image="nginx")
    assert (found.outcome, found.data["status"]) == ("failed", 500)
    assert "proxyconnect" in str(found.data["message"])
    assert "hunter2" not in repr(found)


async def test_a_daemon_that_takes_its_time_is_cut(root: Path) -> None:
    async with engine(_socket(root), {_HUB: None}):
        assert (await asked("docker.distribution", _docker(root), seconds=0.8, image="nginx")).outcome == CUT


@pytest.mark.parametrize("image", ["evil.test/x", "169.254.169.254/x", "Not An Image", "../../containers/x"])
async def test_the_daemon_is_sent_to_nobody_whom_only_a_text_names(root: Path, image: str) -> None:
    async with engine(_socket(root), {}) as targets:
        found = await asked("docker.distribution", _docker(root), image=image)
    assert (found.outcome, targets) == (UNSEEN, [])


async def test_an_engine_without_that_question(root: Path) -> None:
    async with engine(_socket(root), {}):
        assert (await asked("docker.distribution", _docker(root), image="nginx")).outcome == UNSEEN
    assert (await asked("docker.distribution", _docker(root), image="nginx")).outcome == "unreached"


@pytest.mark.parametrize(
    ("registry", "outcome"),
    [("r.test:5000", "yes"), ("10.1.2.3:5000", "yes"), ("127.0.0.1:5000", "yes"), ("11.0.0.1", "no")],
)
async def test_insecure_registries(root: Path, registry: str, outcome: str) -> None:
    info = EngineInfo(insecure=("r.test:5000",), insecure_networks=("10.0.0.0/8", "127.0.0.0/8"))
    found = await asked("docker.insecure", _docker(root, info), registry=registry)
    assert found.outcome == outcome
    assert found.data["entries"] == ("r.test:5000", "10.0.0.0/8", "127.0.0.0/8")


async def test_the_shell_does_not_answer_for_a_daemon(root: Path) -> None:
    async with engine(_socket(root), {_HUB: (200, {})}) as targets:
        assert (await asked("docker.insecure", machine_at(root), registry="r.test")).outcome == UNSEEN
        assert (await asked("docker.distribution", machine_at(root), image="nginx")).outcome == UNSEEN
    assert targets == []
