"""--via: each way's command line, and what is no name of anything."""

from __future__ import annotations

import shlex

import pytest

from kdoctor.errors import UsageError
from kdoctor.remote import ways

ARGUMENTS = ["names", "2", "reg.test"]
TAIL = ["sh", "-s", "--", *ARGUMENTS]
JOINED = shlex.join(TAIL)
_SSH = ["ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=4", "-o", "ClearAllForwardings=yes"]


@pytest.mark.parametrize(
    ("via", "name", "argv"),
    [
        ("docker-exec:web-1", "node:web-1", ["docker", "exec", "-i", "web-1", *TAIL]),
        ("node:kind-worker", "node:kind-worker", ["docker", "exec", "-i", "kind-worker", *TAIL]),
        ("minikube", "node:minikube", ["minikube", "ssh", "--native-ssh=false", "-p", "minikube", "--", JOINED]),
        ("minikube:dev", "node:dev", ["minikube", "ssh", "--native-ssh=false", "-p", "dev", "--", JOINED]),
        ("ssh:host.test", "ssh:host.test", [*_SSH, "--", "host.test", JOINED]),
        ("ssh:ann@host.test:2222", "ssh:ann@host.test:2222", [*_SSH, "-p", "2222", "--", "ann@host.test", JOINED]),
        ("ssh:ssh://ann@[fd00::1]:22", "ssh:ann@[fd00::1]:22", [*_SSH, "-p", "22", "--", "ann@fd00::1", JOINED]),
        ("podman-machine", "podman-machine", ["podman", "machine", "ssh", "podman-machine-default", JOINED]),
        ("podman-machine:dev", "podman-machine:dev", ["podman", "machine", "ssh", "dev", JOINED]),
        ("pod:ns/web-0", "pod:ns/web-0", ["kubectl", "exec", "-i", "-n", "ns", "web-0", "--", *TAIL]),
        ("pod:ns/a/app", "pod:ns/a/app", ["kubectl", "exec", "-i", "-n", "ns", "a", "-c", "app", "--", *TAIL]),
    ],
)  # fmt: skip
def test_command_lines(via: str, name: str, argv: list[str]) -> None:
    way = ways.given(via)
    assert way.name == name
    assert way.argv(ARGUMENTS) == argv


@pytest.mark.parametrize(
    "via",
    [
        "ssh:-oProxyCommand=touch x", "ssh:", "ssh:a b", "ssh:$(id)", "ssh:a;b", "ssh:-host", "ssh:u@-host",
        "docker-exec:-it", "docker-exec:", "docker-exec:a b", "docker-exec:a/b", "node:", "minikube:--help",
        "podman-machine:-x", "kubectl-debug:", "kubectl-debug:-x", "kubectl-debug:n=-x",
        "pod:web", "pod:-n/x", "pod:ns/-x", "pod:ns/web -- rm",
        "telnet:host", "",
    ],
)  # fmt: skip
def test_what_is_no_way_is_a_usage_error_that_shows_the_forms(via: str) -> None:
    with pytest.raises(
        UsageError, match=r"ssh:|docker-exec:|minikube|podman-machine|pod:NS|node:NAME|kubectl-debug:NODE"
    ):
        ways.given(via)


def test_the_nearest_kind_is_offered() -> None:
    with pytest.raises(UsageError, match=r'Did you mean "docker-exec"'):
        ways.given("docker-exce:web")


def test_a_joined_command_survives_the_far_login_shell() -> None:
    way = ways.given("ssh:host.test")
    query = "\\000\\046"
    assert shlex.split(way.argv(["dns", "2", query])[-1]) == ["sh", "-s", "--", "dns", "2", query]
