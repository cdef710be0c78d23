"""Vantages beyond the shell: the node or host where it fails is named, and the shell alone decides nothing."""

import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from . import Lab, addresses
from .far import BUSYBOX, HOST_ADDRESS, NODE, Node, SshHost, node_resolver
from .manners import Behaviour
from .test_diagnosis import ROOT, kdoctor, told

PAUSE = "registry.k8s.io/pause:3.9"
_HEAD = f'failed to do request: Head "https://{addresses.K8S}/v2/pause/manifests/3.9"'
_PULL = f'kubelet: Failed to pull image "{PAUSE}": failed to resolve reference "{PAUSE}": {_HEAD}: '
NO_SUCH_HOST = f"{_PULL}dial tcp: lookup {addresses.K8S} on {{resolver}}:53: no such host"
PROXY_REFUSED = f"{_PULL}proxyconnect tcp: dial tcp {{proxy}}: connect: connection refused"
SSH = f"ssh:{HOST_ADDRESS}"
HERE_RESOLVER = "10.77.0.53"
OTHER_RESOLVER = "8.8.8.8"
"""A resolver of the lab that never breaks, and knows none of the company's names."""


@pytest.fixture
def started(lab: Lab) -> Iterator[Callable[..., Node]]:
    """Return a function that starts the node; it is gone after the test."""
    if not BUSYBOX.exists():
        pytest.skip("the node needs Debian's busybox-static")
    nodes: list[Node] = []

    def start(*environment: str) -> Node:
        nodes.append(Node(lab, environment=environment))
        nodes[0].write("/etc/resolv.conf", node_resolver())
        nodes[0].trust()
        return nodes[0]

    yield start
    for node in nodes:
        node.remove()


@pytest.fixture
def node(started: Callable[..., Node]) -> Node:
    return started()


@pytest.fixture
def host(lab: Lab) -> SshHost:
    if shutil.which("sshd", path="/usr/sbin") is None or shutil.which("ssh") is None:
        pytest.skip("the host needs Debian's openssh-server and openssh-client")
    host = SshHost(lab)
    host.write("/etc/resolv.conf", f"nameserver {OTHER_RESOLVER}\n")
    return host


def first(report: dict[str, Any]) -> dict[str, Any]:
    assert report["diagnoses"], told(report)
    diagnosis: dict[str, Any] = report["diagnoses"][0]
    return diagnosis


def steps(report: dict[str, Any], vantage: str) -> dict[str, str]:
    return {c["id"]: c["outcome"] for c in report["checks"] if c["vantage"] == vantage and c["path"]}


# --- a node container ---------------------------------------------------------------------------


def test_whole_node_is_walked_to_the_blob_and_nothing_is_left_there(lab: Lab, node: Node) -> None:
    before = node.files()
    report, status = kdoctor(lab, "check", "--image", PAUSE)
    assert status == 0, told(report)
    assert not report["diagnoses"], told(report)
    walked = steps(report, f"node:{NODE}")
    assert walked["name"] == walked["tls"] == walked["manifest"] == walked["blob"] == "ok", told(report)
    assert node.files() == before
    assert not set(node.processes()) - {"sleep"}


def test_check_names_the_node_whose_resolver_fails(lab: Lab, node: Node) -> None:
    node.write("/etc/resolv.conf", f"nameserver {OTHER_RESOLVER}\n")
    report, status = kdoctor(lab, "check", "--registry", addresses.CORP)
    assert status == 1, told(report)
    found = first(report)
    assert (found["rule"], found["verdict"], found["vantage"]) == ("dns-no-such-host", "confirmed", f"node:{NODE}")
    assert steps(report, "docker")["ping"] == "ok"
    assert steps(report, f"node:{NODE}")["name"] == "nxdomain"


def test_explain_confirms_from_the_node_what_the_daemon_does_not_have(lab: Lab, node: Node) -> None:
    lab.dns(Behaviour.NXDOMAIN, addresses.K8S)
    lab.here.write("/etc/resolv.conf", f"nameserver {OTHER_RESOLVER}\n")
    report, status = kdoctor(lab, "explain", NO_SUCH_HOST.format(resolver=HERE_RESOLVER))
    assert status == 0, told(report)
    found = first(report)
    assert (found["rule"], found["verdict"], found["vantage"]) == ("dns-no-such-host", "confirmed", f"node:{NODE}")
    assert steps(report, "docker")["name"] == "ok"
    assert found["fixes"][0]["platform"] == "kind", found["fixes"]


def test_explain_refutes_from_the_node_what_has_healed(lab: Lab, node: Node) -> None:
    report, status = kdoctor(lab, "explain", NO_SUCH_HOST.format(resolver=HERE_RESOLVER))
    assert status == 0, told(report)
    assert report["status"] == "healthy", told(report)
    assert first(report)["verdict"] == "refuted"


def test_explain_of_a_nodes_text_decides_nothing_from_the_shell_alone(lab: Lab) -> None:
    lab.dns(Behaviour.NXDOMAIN, addresses.K8S)
    report, _ = kdoctor(lab, "explain", NO_SUCH_HOST.format(resolver=HERE_RESOLVER))
    assert first(report)["verdict"] == "inconclusive", told(report)
    assert "--via" in str(report["diagnoses"][0]["evidence"]), report["diagnoses"][0]


def test_the_proxy_of_the_nodes_environment_is_the_nodes(lab: Lab, started: Callable[..., Node]) -> None:
    dead = f"{addresses.PROXY}:{addresses.PROXY_CLOSED}"
    started(f"HTTPS_PROXY=http://someone:topsecret@{dead}")
    report, status = kdoctor(lab, "explain", PROXY_REFUSED.format(proxy=f"10.77.0.8:{addresses.PROXY_CLOSED}"))
    assert status == 0, told(report)
    found = first(report)
    assert (found["rule"], found["verdict"]) == ("proxy-connection-refused", "confirmed"), told(report)
    assert found["vantage"] == f"node:{NODE}"
    assert "topsecret" not in str(report)
    checked, status = kdoctor(lab, "check", "--image", PAUSE)
    assert status == 1
    assert (first(checked)["rule"], first(checked)["vantage"]) == ("proxy-connection-refused", f"node:{NODE}")
    assert steps(checked, "docker")["blob"] == "ok"


def test_hosts_toml_of_the_node_is_its_mirror(lab: Lab, node: Node) -> None:
    node.write(
        "/etc/containerd/certs.d/docker.io/hosts.toml",
        f'server = "https://{addresses.HUB}"\n[host."https://{addresses.MIRROR}"]\n  capabilities = ["pull"]\n',
    )
    report, _ = kdoctor(lab, "check", "--image", "alpine")
    assert steps(report, f"node:{NODE}")["mirrors"] == "ok", told(report)
    lab.firewall.refuse(addresses.MIRROR)
    report, _ = kdoctor(lab, "check", "--image", "alpine")
    assert steps(report, f"node:{NODE}")["mirrors"] == "all-dead", told(report)
    assert any(d["vantage"] == f"node:{NODE}" for d in report["diagnoses"]), told(report)


def test_check_names_the_node_whose_disk_is_full(lab: Lab, node: Node) -> None:
    node.fill("/var/lib/containerd")
    report, status = kdoctor(lab, "check", "--image", PAUSE)
    found = first(report)
    assert (status, found["rule"], found["verdict"]) == (1, "disk-full", "confirmed"), told(report)
    assert (found["vantage"], found["facts"]["path"]) == (f"node:{NODE}", "/var/lib/containerd")


def test_route_lists_the_node(lab: Lab, node: Node) -> None:
    report, _ = kdoctor(lab, "route", f"https://{addresses.HUB}/v2/")
    assert [route["vantage"] for route in report["routes"]] == ["shell", "docker", f"node:{NODE}"]


def test_a_fix_of_the_node_changes_nothing_here(lab: Lab, node: Node) -> None:
    node.write("/etc/resolv.conf", f"nameserver {OTHER_RESOLVER}\n")
    before = lab.here.path("/etc/resolv.conf").read_text()
    arguments = ["check", "--registry", addresses.CORP, "--fix", "--apply", "--yes"]
    env = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = lab.run([sys.executable, "-m", "kdoctor", *arguments], env=env, timeout=90)
    assert "Traceback" not in done.stderr, done.stderr
    assert f"seen from node:{NODE}" in done.stdout, done.stdout
    assert lab.here.path("/etc/resolv.conf").read_text() == before
    assert not lab.here.path("/etc/docker/daemon.json").exists()


def test_a_host_of_a_text_gets_no_more_than_v2_from_the_node(lab: Lab, node: Node) -> None:
    image = f"{addresses.CORP}/team/app:1"
    text = f'kubelet: Failed to pull image "{image}": failed to do request: Head "https://{addresses.CORP}/v2/": EOF'
    report, _ = kdoctor(lab, "explain", text)
    asked = {c["id"] for c in report["checks"] if c["vantage"] == f"node:{NODE}" and c["outcome"]}
    assert "ping" in asked
    assert not asked & {"token", "manifest", "platform", "blob"}, asked


# --- a host behind sshd ---------------------------------------------------------------------------


def test_check_via_ssh_names_the_host(lab: Lab, host: SshHost) -> None:
    report, status = kdoctor(lab, "check", "--registry", addresses.CORP, "--via", SSH)
    assert status == 1, told(report)
    found = first(report)
    assert (found["rule"], found["verdict"], found["vantage"]) == ("dns-no-such-host", "confirmed", SSH), told(report)
    assert steps(report, "docker")["ping"] == "ok"
    assert lab.here.run(["pgrep", "-x", "ssh"]).returncode == 1  # nor does the connection that they shared stay


def test_explain_via_ssh_confirms_what_the_shell_cannot(lab: Lab, host: SshHost) -> None:
    host.write("/etc/resolv.conf", node_resolver())
    lab.here.write("/etc/resolv.conf", f"nameserver {OTHER_RESOLVER}\n")
    lab.dns(Behaviour.NXDOMAIN, addresses.K8S)
    text = NO_SUCH_HOST.format(resolver=HERE_RESOLVER)
    alone, _ = kdoctor(lab, "explain", text)
    assert first(alone)["verdict"] == "inconclusive", told(alone)
    report, _ = kdoctor(lab, "explain", text, "--via", SSH)
    found = first(report)
    assert (found["rule"], found["verdict"], found["vantage"]) == ("dns-no-such-host", "confirmed", SSH), told(report)
    assert steps(report, "docker")["name"] == "ok"


def test_containerd_of_the_host_and_its_dead_proxy(lab: Lab, host: SshHost) -> None:
    assert lab.directory
    host.write("/etc/resolv.conf", node_resolver())
    host.trust(lab.directory / "ca.pem")
    dead = f"HTTPS_PROXY=http://{addresses.PROXY}:{addresses.PROXY_CLOSED}"
    host.start_containerd(dead)
    ok, text = host.pull("docker.io/library/alpine:latest", dead)
    assert not ok
    assert "connection refused" in text, text
    report, status = kdoctor(lab, "explain", "-", "--via", SSH, stdin=f"$ ctr images pull alpine\n{text}")
    assert status == 0, told(report)
    found = first(report)
    assert (found["rule"], found["verdict"], found["vantage"]) == ("proxy-connection-refused", "confirmed", SSH), (
        text,
        told(report),
    )
    assert "containerd (pid " in str(found["evidence"]), found["evidence"]


def test_hosts_toml_of_a_real_containerd_is_followed_as_ctr_does(lab: Lab, host: SshHost) -> None:
    assert lab.directory
    image = "docker.io/library/alpine:latest"
    host.write("/etc/resolv.conf", node_resolver())
    host.trust(lab.directory / "ca.pem")
    host.write(
        "/etc/containerd/certs.d/docker.io/hosts.toml",
        f'server = "https://{addresses.HUB}"\n[host."https://{addresses.MIRROR}"]\ncapabilities = ["pull","resolve"]\n',
    )
    host.start_containerd()
    lab.firewall.refuse(addresses.HUB)
    ok, text = host.pull(image)
    assert ok, text
    report, _ = kdoctor(lab, "check", "--image", "alpine", "--via", SSH)
    assert steps(report, SSH)["mirrors"] == "ok", told(report)
    assert not [d for d in report["diagnoses"] if d["vantage"] == SSH and d["severity"] == "error"], told(report)
    lab.firewall.refuse(addresses.MIRROR)
    ok, text = host.pull(image)
    assert not ok
    report, status = kdoctor(lab, "check", "--image", "alpine", "--via", SSH)
    assert status == 1
    assert steps(report, SSH)["mirrors"] == "all-dead", told(report)


def test_a_host_that_cannot_be_asked_leaves_the_answer_open(lab: Lab) -> None:
    report, status = kdoctor(lab, "check", "--via", "ssh:10.77.0.9")
    assert status == 3, told(report)
    lost = next(c for c in report["checks"] if c["id"] == "vantage")
    assert lost["skipped"].startswith("unseen: ssh:10.77.0.9 cannot be asked: ssh: "), lost


def test_a_tag_that_is_missing_is_missing_from_the_node_too(lab: Lab, node: Node) -> None:
    missing = f"{addresses.K8S}/pause:0.0"
    text = f'kubelet: Failed to pull image "{missing}": rpc error: code = NotFound desc = {missing}: not found'
    report, _ = kdoctor(lab, "explain", text)
    found = first(report)
    assert (found["verdict"], found["vantage"]) == ("confirmed", f"node:{NODE}"), told(report)
    assert steps(report, f"node:{NODE}")["manifest"] == "not-found", told(report)
