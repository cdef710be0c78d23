"""What a NO_PROXY must hold here, and what is missing in the dialect of its reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.pullers.noproxy import Need, line, missing, needs
from tests.pullers.test_pullers import machine

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: a
clusters:
  - {name: a, cluster: {server: "https://192.168.49.2:8443"}}
  - {name: b, cluster: {server: "https://k8s.example.com:6443"}}
contexts: [{name: a, context: {cluster: a, user: u}}]
users: [{name: u, user: {}}]
"""
PROFILE = '{"Driver": "docker", "KubernetesConfig": {"ServiceCIDR": "10.96.0.0/12"}, "Nodes": [{"IP": "192.168.49.2"}]}'


def entries(found: list[Need]) -> list[str]:
    return [need.entry for need in found]


def test_a_machine_without_a_cluster_needs_itself_alone(tmp_path: Path) -> None:
    assert entries(needs(machine(tmp_path, {}))) == ["localhost", "127.0.0.1", "::1"]


def test_a_minikube_needs_its_nodes_services_and_pods(tmp_path: Path) -> None:
    files = {"/home/u/.kube/config": KUBECONFIG, "/home/u/.minikube/profiles/minikube/config.json": PROFILE}
    found = entries(needs(machine(tmp_path, files), registries=["registry.corp:5000", "quay.io"]))
    wanted = {"192.168.49.2", "192.168.49.0/24", "10.96.0.0/12", "10.244.0.0/16", ".svc", ".cluster.local"}
    assert wanted <= set(found)
    assert "registry.corp" in found
    assert "quay.io" not in found
    assert "k8s.example.com" not in found


def test_a_control_plane_says_its_ranges(tmp_path: Path) -> None:
    text = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --service-cluster-ip-range=10.200.0.0/16\n"
    found = entries(needs(machine(tmp_path, {"/etc/kubernetes/manifests/kube-apiserver.yaml": text})))
    assert "10.200.0.0/16" in found


@pytest.mark.parametrize(
    ("value", "dialect", "lacking"),
    [
        ("", "go", ["192.168.49.2", "10.96.0.0/12", ".svc"]),
        ("192.168.49.0/24,10.96.0.0/12,.svc", "go", []),
        ("192.168.49.0/24,10.96.0.0/12,.svc", "suffix", ["192.168.49.2", "10.96.0.0/12"]),
        ("192.168.49.20,10.96.0.0/16,svc", "go", ["192.168.49.2", "10.96.0.0/12"]),
        ("*", "go", []),
        ("*", "suffix", []),
        ("192.168.49.2:8443,10.0.0.0/8,.svc", "go", ["192.168.49.2"]),
    ],
)
def test_what_is_missing(value: str, dialect: str, lacking: list[str]) -> None:
    wanted = [Need("192.168.49.2", ""), Need("10.96.0.0/12", ""), Need(".svc", "")]
    assert entries(missing(value, wanted, dialect)) == lacking


@pytest.mark.parametrize("dialect", ["go", "suffix"])
def test_the_line_to_paste_covers_what_its_reader_can_read(dialect: str) -> None:
    wanted = [Need("localhost", ""), Need("192.168.49.2", ""), Need("10.96.0.0/12", ""), Need(".svc", "")]
    value = line("a.test", missing("a.test", wanted, dialect), dialect)
    assert value.startswith("a.test,")
    left = entries(missing(value, wanted, dialect))
    assert left == ([] if dialect == "go" else ["10.96.0.0/12"])
