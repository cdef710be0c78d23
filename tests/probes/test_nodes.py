"""The current context, the nodes as an API server lists them, and images of the local engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdoctor.model import UNSEEN
from tests.probes.api_peer import VERSION, api_server, status
from tests.probes.asking import asked, machine_at, put
from tests.probes.engine_peer import engine

_CONFIG = "/home/ann/.kube/config"
_NETWORK = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root whose name is short enough for the path of a Unix socket."""
    short = Path(f"/tmp/kn{os.getpid()}")
    short.symlink_to(tmp_path)
    yield short
    short.unlink()


def _kubeconfig(root: Path, current: str, *names: str) -> None:
    contexts = "".join(f"- name: {name}\n  context: {{cluster: {name}, user: u}}\n" for name in names)
    clusters = "".join(f"- name: {name}\n  cluster: {{server: 'https://10.0.0.9:6443'}}\n" for name in names)
    put(root, _CONFIG, f"kind: Config\ncurrent-context: '{current}'\ncontexts:\n{contexts}clusters:\n{clusters}")


def _profile(root: Path, name: str = "minikube") -> None:
    put(root, f"/home/ann/.minikube/profiles/{name}/config.json", json.dumps({"Name": name, "Driver": "docker"}))


async def test_no_cluster_yet_is_no_mistake(tmp_path: Path) -> None:
    assert (await asked("kube.context", machine_at(tmp_path), tool="minikube")).outcome == "none"
    _kubeconfig(tmp_path, "prod", "prod")
    assert (await asked("kube.context", machine_at(tmp_path), tool="minikube")).outcome == "none"
    assert (await asked("kube.context", machine_at(tmp_path), tool="kind")).outcome == "none"


@pytest.mark.parametrize(
    ("current", "names", "outcome"),
    [
        ("minikube", ("minikube", "prod"), "ok"),
        ("prod", ("minikube", "prod"), "other"),
        ("", ("minikube",), "other"),
        ("prod", ("prod",), "absent"),
    ],
)
async def test_the_context_of_minikube(tmp_path: Path, current: str, names: tuple[str, ...], outcome: str) -> None:
    _profile(tmp_path)
    _kubeconfig(tmp_path, current, *names)
    found = await asked("kube.context", machine_at(tmp_path), tool="minikube")
    assert found.outcome == outcome
    if outcome != "ok":
        assert (found.data["name"], found.data["cluster"]) == ("minikube", "minikube")


async def test_the_profile_that_is_meant(tmp_path: Path) -> None:
    _profile(tmp_path)
    _profile(tmp_path, "lab")
    _kubeconfig(tmp_path, "minikube", "minikube", "lab")
    machine = machine_at(tmp_path, MINIKUBE_PROFILE="lab")
    found = await asked("kube.context", machine, tool="minikube")
    assert (found.outcome, found.data["name"]) == ("other", "lab")


async def test_the_context_of_kind(tmp_path: Path) -> None:
    _kubeconfig(tmp_path, "prod", "prod", "kind-dev")
    found = await asked("kube.context", machine_at(tmp_path), tool="kind")
    assert (found.outcome, found.data["name"], found.data["cluster"]) == ("other", "kind-dev", "dev")
    _kubeconfig(tmp_path, "kind-dev", "prod", "kind-dev")
    assert (await asked("kube.context", machine_at(tmp_path), tool="kind")).outcome == "ok"


def _table(**states: str) -> tuple[int, object]:
    columns = [{"name": name} for name in ("Name", "Status", "Roles")]
    rows = [{"cells": [name, state, "<none>"]} for name, state in states.items()]
    return 200, {"kind": "Table", "columnDefinitions": columns, "rows": rows}


def _node(
    name: str, ready: str = "False", reason: str = "KubeletNotReady", message: str = _NETWORK
) -> dict[str, object]:
    conditions = [
        {"type": "MemoryPressure", "status": "False"},
        {"type": "Ready", "status": ready, "reason": reason, "message": message},
    ]
    return {"kind": "Node", "metadata": {"name": name}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ({"a": "Ready", "b": "Ready,SchedulingDisabled"}, "ready"),
        ({"a": "Ready", "b": "NotReady"}, "some-not-ready"),
        ({"b": "NotReady,SchedulingDisabled"}, "not-ready"),
        ({"b": "Unknown"}, "not-ready"),
        ({}, "none"),
    ],
)
async def test_nodes_by_the_table_that_kubectl_prints(tmp_path: Path, states: dict[str, str], outcome: str) -> None:
    answers = {"/api/v1/nodes": _table(**states), "/api/v1/nodes/b": (200, _node("b"))}
    async with api_server(answers, token="t") as api:
        put(tmp_path, _CONFIG, api.config(user={"token": "t"}))
        found = await asked("kube.nodes", machine_at(tmp_path))
        assert found.outcome == outcome
        if "not-ready" in outcome:
            assert found.data["node"] == "b"
            assert found.data["message"] == f"KubeletNotReady: {_NETWORK}"
            assert [target for target, _ in api.requests][-1] == "/api/v1/nodes/b"


async def test_nodes_of_a_server_without_tables(tmp_path: Path) -> None:
    listed = {"kind": "NodeList", "items": [_node("a", "True"), _node("b")]}
    async with api_server({"/api/v1/nodes": (200, listed)}) as api:
        put(tmp_path, _CONFIG, api.config())
        found = await asked("kube.nodes", machine_at(tmp_path))
    assert (found.outcome, found.data["waiting"]) == ("some-not-ready", ("b",))


@pytest.mark.parametrize(
    "answer",
    [
        status(403, "Forbidden", "nodes is forbidden"),
        (200, {"kind": "Table"}),
        (200, {"kind": "Table", "columnDefinitions": [{"name": "Name"}], "rows": "x"}),
        (200, [1, 2]),
        (200, VERSION),
    ],
)
async def test_nodes_that_are_not_shown_are_unseen(tmp_path: Path, answer: tuple[int, object]) -> None:
    async with api_server({"/api/v1/nodes": answer}) as api:
        put(tmp_path, _CONFIG, api.config())
        assert (await asked("kube.nodes", machine_at(tmp_path))).outcome == UNSEEN


async def test_a_node_s_name_is_no_path(tmp_path: Path) -> None:
    async with api_server({"/api/v1/nodes": _table(**{"../secrets": "NotReady"})}) as api:
        put(tmp_path, _CONFIG, api.config())
        assert (await asked("kube.nodes", machine_at(tmp_path))).outcome == "not-ready"
        assert len(api.requests) == 1


async def test_without_a_kubeconfig_no_node_is_seen(tmp_path: Path) -> None:
    assert (await asked("kube.nodes", machine_at(tmp_path))).outcome == UNSEEN


_PATH = "/images/webshop:dev/json"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {"Id": "sha256:5f", "RepoTags": ["webshop:dev"], "RepoDigests": []}), "local"),
        ((200, {"Id": "sha256:5f", "RepoDigests": ["webshop@sha256:5f"]}), "present"),
        ((404, {"message": "No such image: webshop:dev"}), "absent"),
        ((500, {"message": "x"}), UNSEEN),
        ((200, []), UNSEEN),
        (b"no http\r\n\r\n", UNSEEN),
    ],
)
async def test_an_image_of_the_engine(root: Path, answer: tuple[int, object] | bytes, outcome: str) -> None:
    async with engine(root / "var/run/docker.sock", {_PATH: answer}):
        found = await asked("docker.image", machine_at(root), image="webshop:dev")
    assert found.outcome == outcome
    if outcome in ("local", "present", "absent"):
        assert found.data["daemon"] == "host"


async def test_after_docker_env_it_is_the_node_s(root: Path) -> None:
    socket = root / "run/other.sock"
    env = {"DOCKER_HOST": "unix:///run/other.sock", "MINIKUBE_ACTIVE_DOCKERD": "lab"}
    async with engine(socket, {_PATH: (404, {"message": "No such image: webshop:dev"})}):
        found = await asked("docker.image", machine_at(root, **env), image="webshop:dev")
    assert (found.outcome, found.data["daemon"]) == ("absent", "minikube lab")
    assert found.detail == 'the Docker of minikube "lab" has no image webshop:dev'


async def test_engines_that_are_not_asked(root: Path) -> None:
    machine = machine_at(root, DOCKER_HOST="tcp://192.0.2.7:2375")
    assert "another machine" in (await asked("docker.image", machine, image="webshop:dev")).detail
    assert (await asked("docker.image", machine_at(root), image="Web Shop")).outcome == UNSEEN
    assert (await asked("docker.image", machine_at(root), image="webshop:dev")).outcome == UNSEEN
