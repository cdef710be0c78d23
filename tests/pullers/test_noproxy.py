"""What a NO_PROXY must hold here, and what is missing in the dialect of its reader."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import threading
import urllib.request
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


def test_a_kind_cluster_needs_its_network_services_and_pods(tmp_path: Path) -> None:
    found = entries(needs(machine(tmp_path, {}), ["172.18.0.0/16"], tools=["kind"]))
    assert {"172.18.0.0/16", "10.96.0.0/16", "10.244.0.0/16", ".svc"} <= set(found)


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Refuses what it is asked."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Direct(_Proxy):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"direct")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_real_curl_and_python_go_by_the_line() -> None:
    bypasses = vars(urllib.request)["proxy_bypass_environment"]
    wanted = [Need(one, "") for one in ("localhost", "127.0.0.1", "192.168.49.2", "reg.corp.test", ".svc")]
    value = line("a.test", missing("a.test", wanted, "suffix"), "go")
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) for kind in (_Direct, _Proxy)]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    direct, proxy = (server.server_address[1] for server in servers)
    try:
        for host in (*(need.hosts[0] for need in wanted), "quay.io"):
            argv = ["curl", "-s", "--connect-to", f"{host}::127.0.0.1:{direct}", f"http://{host}/"]
            env = {"PATH": os.environ["PATH"], "http_proxy": f"http://127.0.0.1:{proxy}", "no_proxy": value}
            said = subprocess.run(argv, env=env, capture_output=True, timeout=20, check=False).stdout
            assert (said == b"direct") is (host != "quay.io"), host
            assert bypasses(host, {"no": value}) is (host != "quay.io")
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


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
