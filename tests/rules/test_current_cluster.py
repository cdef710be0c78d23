"""After a cluster has started: the context is the one meant, its nodes are ready, the image is in its Docker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from kdoctor.machine import Machine
from kdoctor.model import Diagnosis, Host, Verdict
from kdoctor.probes.runner import Runner
from kdoctor.rules.book import open_book
from kdoctor.rules.diagnose import Setting
from kdoctor.rules.match import match
from kdoctor.run.check import merged, ordered
from kdoctor.run.local import Local
from kdoctor.run.probing import diagnosed
from kdoctor.run.situation import Situation
from kdoctor.run.walk import Walk
from kdoctor.vantages import Shell, Vantages
from tests.probes.api_peer import VERSION, api_server, status
from tests.probes.asking import machine_at, put
from tests.probes.engine_peer import engine
from tests.rules.test_prerequisites import sound

_CONFIG = "/home/ann/.kube/config"
_MINIKUBE = {"Names": ["/minikube"], "State": "running", "Labels": {"name.minikube.sigs.k8s.io": "minikube"}}


@pytest.fixture(autouse=True)
def _sound(root: Path) -> None:
    sound(root)


async def checked(machine: Machine, tool: str | None) -> tuple[list[Diagnosis], Walk]:
    book, runner = open_book([]), Runner(10.0)
    walk = Walk(runner, book)
    situation = Situation(machine, Vantages(Shell(machine), None, "none here"), Host("linux", "amd64"), frozenset())
    place = situation.place("shell")
    await Local(walk, situation, place, tool).rest([])
    setting = Setting(book, "en", (tool or "shell", "shell"))
    found = merged(walk.found)
    return ordered([(await diagnosed(one, setting, place, runner), one) for one in found]), walk


def _nodes(**states: str) -> dict[str, tuple[int, object] | None]:
    rows = [{"cells": [name, state]} for name, state in states.items()]
    table = {"kind": "Table", "columnDefinitions": [{"name": "Name"}, {"name": "Status"}], "rows": rows}
    return {"/version": (200, VERSION), "/api/v1/nodes": (200, table)}


def _waiting(message: str) -> tuple[int, object]:
    condition = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": message}
    return 200, {"kind": "Node", "status": {"conditions": [condition]}}


async def _with(
    answers: Mapping[str, tuple[int, object] | None], root: Path, tool: str | None
) -> tuple[list[Diagnosis], Walk]:
    async with api_server(answers) as api:
        put(root, _CONFIG, api.config())
        return await checked(machine_at(root), tool)


async def test_a_cluster_whose_nodes_are_ready_gives_nothing(root: Path) -> None:
    found, walk = await _with(_nodes(lab="Ready"), root, "kubeadm")
    assert (found, walk.blind) == ([], False)
    assert next(one.outcome for one in walk.checks if one.id == "nodes") == "ready"


async def test_a_login_that_may_not_list_nodes_is_no_failure(root: Path) -> None:
    answers = {"/version": (200, VERSION), "/api/v1/nodes": status(403, "Forbidden", "nodes is forbidden")}
    found, walk = await _with(answers, root, None)
    assert (found, walk.blind) == ([], False)


async def test_no_kubeconfig_before_the_cluster_is_made_is_no_finding(root: Path) -> None:
    found, walk = await checked(machine_at(root), "kubeadm")
    assert (found, walk.blind) == ([], False)
    put(root, "/etc/kubernetes/admin.conf", "kind: Config\n")  # the cluster has been made: now it is missed
    found, _ = await checked(machine_at(root), "kubeadm")
    assert [(one.rule, one.severity.value) for one in found] == [("kubeconfig-missing", "warning")]


async def test_a_node_without_its_network(root: Path) -> None:
    """The node's own words name the cause, which the API shows here and now; that it is not ready follows."""
    message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni"
    answers = {**_nodes(lab="NotReady"), "/api/v1/nodes/lab": _waiting(message)}
    found, _ = await _with(answers, root, "kubeadm")
    assert [(one.rule, one.verdict, one.role.value) for one in found] == [
        ("cni-not-ready", Verdict.CONFIRMED, "root"),
        ("node-not-ready", Verdict.CONFIRMED, "consequence"),
    ]


async def test_one_node_of_several_is_a_warning(root: Path) -> None:
    found, _ = await _with(_nodes(a="Ready", b="NotReady"), root, None)
    assert [(one.rule, one.severity.value, one.facts["node"]) for one in found] == [("node-not-ready", "warning", "b")]


async def test_minikube_is_meant_and_kubectl_goes_elsewhere(root: Path) -> None:
    put(root, "/home/ann/.minikube/profiles/minikube/config.json", json.dumps({"Name": "minikube", "Driver": "docker"}))
    (root / "run").mkdir(exist_ok=True)
    async with engine(root / "var/run/docker.sock", {"/containers/json?all=1": (200, [_MINIKUBE])}):
        found, _ = await _with(_nodes(lab="Ready"), root, "minikube")
    other = next(one for one in found if one.rule == "kubeconfig-other-context")
    assert (other.severity.value, other.verdict) == ("warning", Verdict.CONFIRMED)
    assert 'goes to "dev"' in other.because
    assert "minikube update-context -p minikube" in [step.command for step in other.fixes[0].steps]


async def test_an_image_that_is_in_the_other_docker(root: Path) -> None:
    text = 'kubelet  Container image "webshop:dev" is not present with pull policy of Never'
    put(root, "/home/ann/.minikube/profiles/minikube/config.json", json.dumps({"Name": "minikube", "Driver": "docker"}))
    put(root, _CONFIG, "kind: Config\ncurrent-context: minikube\ncontexts: [{name: minikube, context: {cluster: c}}]\n")
    image = {"Id": "sha256:5f", "RepoDigests": []}
    answers = {"/containers/json?all=1": (200, [_MINIKUBE]), "/images/webshop:dev/json": (200, image)}
    book = open_book([])
    machine = machine_at(root)
    situation = Situation(machine, Vantages(Shell(machine)), Host("linux", "amd64"), frozenset())
    async with engine(root / "var/run/docker.sock", answers):
        told = await diagnosed(
            match(book, text)[0], Setting(book, "en", ("minikube",)), situation.place("shell"), Runner(5.0)
        )
    assert (told.rule, told.verdict, told.fixes[0].id) == ("image-never-pull", Verdict.CONFIRMED, "image.load")
    assert "this machine's Docker has webshop:dev" in told.because
    assert "minikube cluster minikube keeps images of its own" in told.because


async def test_a_corefile_that_loops_is_found_in_the_cluster(root: Path) -> None:
    data = {"Corefile": ".:53 {\n  forward . 127.0.0.1\n}\n"}
    answers = {
        **_nodes(n1="Ready"),
        "/api/v1/namespaces/kube-system/configmaps/coredns": (200, {"kind": "ConfigMap", "data": data}),
    }
    found, walk = await _with(answers, root, None)
    [one] = [d for d in found if d.rule == "dns-loop"]
    assert one.verdict is Verdict.CONFIRMED
    assert one.because.startswith("configmap kube-system/coredns, line 2: ")
    assert one.locations[0].source == "configmap kube-system/coredns"
    assert "corefile" in [check.id for check in walk.checks]
