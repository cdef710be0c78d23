"""Reports to render: one of each kind that a person meets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kdoctor.model import (
    CUT,
    UNSEEN,
    Check,
    Diagnosis,
    Evidence,
    Fix,
    Host,
    Location,
    Matched,
    Neighbour,
    Platform,
    Report,
    Risk,
    Role,
    Route,
    Severity,
    Status,
    Step,
    Verdict,
)

_TEXT = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": proxyconnect tcp: '
    "dial tcp 127.0.0.1:7890: connect: connection refused"
)

_ROOT = Diagnosis(
    rule="proxy-connection-refused",
    layer="proxy",
    severity=Severity.ERROR,
    role=Role.ROOT,
    title="The proxy 127.0.0.1:7890 refuses connections",
    verdict=Verdict.CONFIRMED,
    because="The Docker daemon is set to use 127.0.0.1:7890 as its proxy, and nothing listens there.",
    vantage="docker",
    facts={"proxy": "127.0.0.1:7890", "registry": "registry-1.docker.io"},
    why=(
        "A pull goes through the daemon's proxy, not the shell's. When the proxy program is closed, or listens on "
        "another port, every pull fails at once."
    ),
    matched=Matched(1, _TEXT),
    locations=(Location("stdin", 1, 1),),
    evidence=(
        Evidence("tcp.connect", "127.0.0.1:7890", "docker", "refused", "connect: connection refused", 0.0012),
        Evidence(
            "proxy.settings",
            "https://registry-1.docker.io",
            "docker",
            "set",
            "HTTPS_PROXY=http://127.0.0.1:7890 in /etc/systemd/system/docker.service.d/http-proxy.conf, line 2",
            0.02,
            {"proxy": "127.0.0.1:7890", "line": 2, "endpoints": ("127.0.0.1:7890",), "credentials": False},
        ),
        Evidence("registry.ping", "registry-1.docker.io", "docker", CUT, "", 5.0),
    ),
    fixes=(
        Fix(
            "proxy.change",
            "Point the daemon at the proxy that listens on 127.0.0.1:7897",
            Risk.DISRUPTIVE,
            "lab",
            (
                Step(
                    "Write the port that answers into the drop-in:",
                    file="/etc/systemd/system/docker.service.d/http-proxy.conf",
                    content='[Service]\nEnvironment="HTTPS_PROXY=http://127.0.0.1:7897"\n',
                ),
                Step(
                    "Restart the daemon; containers without a restart policy stop:",
                    command="sudo systemctl daemon-reload && sudo systemctl restart docker && docker info --format "
                    "'{{.HTTPSProxy}}'",
                ),
            ),
            "docker pull hello-world",
            "linux-systemd",
        ),
        Fix(
            "proxy.unset",
            "Remove the proxy from the daemon",
            Risk.DISRUPTIVE,
            "docs",
            (Step("Remove the drop-in:", command="sudo rm /etc/systemd/system/docker.service.d/http-proxy.conf"),),
        ),
    ),
    references=("https://docs.docker.com/engine/daemon/proxy/",),
)

_CONSEQUENCE = Diagnosis(
    rule="base-image-unavailable",
    layer="distro",
    severity=Severity.ERROR,
    role=Role.CONSEQUENCE,
    title="minikube cannot pull its node image",
    verdict=Verdict.INCONCLUSIVE,
    because="It follows from the proxy.",
    vantage="docker",
    facts={"image": "gcr.io/k8s-minikube/kicbase:v0.0.45"},
    why="The node image is pulled by the Docker daemon.",
)

_CHECKS = (
    Check("proxy.settings", "docker", "https://registry-1.docker.io", "set", 0.02, detail="from the drop-in"),
    Check("tcp.connect", "docker", "127.0.0.1:7890", "refused", 0.001, detail="connect: connection refused", ok=False),
    Check("tls.handshake", "docker", "registry-1.docker.io", "", skipped="tcp.connect failed"),
    Check("kube.api", "shell", "127.0.0.1:6443", UNSEEN, 0.0, detail="the kubeconfig belongs to another user"),
)

_PROBLEM = Report(
    command="explain",
    status=Status.PROBLEM,
    lang="en",
    diagnoses=(_ROOT, _CONSEQUENCE),
    host=Host(
        "linux", "amd64", "systemd", None, (Platform("docker-engine", "28.2.2", "socket", "/var/run/docker.sock"),)
    ),
    seconds=1.5,
)


@pytest.fixture(scope="session")
def problem() -> Report:
    """`explain` with a proven root and its consequence."""
    return _PROBLEM


@pytest.fixture(scope="session")
def walked() -> Report:
    """`check` that failed at one step."""
    routes = (
        Route("https://registry-1.docker.io", "docker", "http://127.0.0.1:7890", "HTTPS_PROXY in the drop-in"),
        Route("https://registry-1.docker.io", "shell", None, "no proxy is set"),
    )
    return replace(
        _PROBLEM,
        command="check",
        checks=_CHECKS,
        routes=routes,
        notices=("The rule proxy-denied of ./rules replaces the shipped one.",),
        blind=True,
    )


@pytest.fixture(scope="session")
def healthy() -> Report:
    """`check` with nothing wrong."""
    return Report("check", Status.HEALTHY, "en", checks=(_CHECKS[0], _CHECKS[2]), seconds=0.4)


@pytest.fixture(scope="session")
def healed() -> Report:
    """`explain` of a text whose failure is gone."""
    refuted = replace(_ROOT, verdict=Verdict.REFUTED, because="The proxy accepts connections now.", fixes=())
    return Report("explain", Status.HEALTHY, "en", diagnoses=(refuted,))


@pytest.fixture(scope="session")
def unknown() -> Report:
    """`explain` of a text that is no known failure."""
    return Report(
        "explain",
        Status.UNKNOWN,
        "en",
        nearest=(
            Neighbour(
                "registry-timeout",
                "The registry does not answer",
                ("timeout", "registry"),
                ("odd words",),
                ("awaiting headers",),
                3,
                "timeout of the registry awaiting headers",
                0.5,
            ),
        ),
    )
