"""A fix changes this machine only: not for a node, another host, or an engine whose files are elsewhere."""

from pathlib import Path

import pytest

from kdoctor.machine import Machine
from kdoctor.model import Diagnosis, Fix, Host, Risk, Role, Severity, Verdict
from kdoctor.run.fixing import _is_here
from kdoctor.run.situation import Situation
from kdoctor.settings.dockerd import Files
from kdoctor.settings.engine import Endpoint, EngineInfo
from kdoctor.vantages import Docker, Shell, Vantages


def situation(url: str, prefix: str | None, info: EngineInfo | None) -> Situation:
    machine = Machine(root=Path("/nowhere"))
    docker = Docker(machine, Endpoint(url, "a test"), info, None, None, Files(machine, prefix, None))
    return Situation(machine, Vantages(Shell(machine), docker), Host("linux", "amd64"), frozenset())


def diagnosis(vantage: str) -> Diagnosis:
    return Diagnosis("r", "proxy", Severity.ERROR, Role.ROOT, "t", Verdict.CONFIRMED, "b", vantage, {}, "w")


LOCAL = "unix:///var/run/docker.sock"


@pytest.mark.parametrize(
    ("vantage", "url", "prefix", "info", "here"),
    [
        ("docker", LOCAL, "", EngineInfo(), True),
        ("docker", LOCAL, "", None, True),
        ("docker", LOCAL, None, EngineInfo(), False),
        ("docker", LOCAL, "/proc/7/root", EngineInfo(), False),
        ("docker", "ssh://builder", "", EngineInfo(), False),
        ("docker", "tcp://10.0.0.9:2376", None, None, False),
        ("shell", "ssh://builder", None, None, True),
        ("node:minikube", LOCAL, "", EngineInfo(), False),
        ("ssh:builder", LOCAL, "", EngineInfo(), False),
    ],
)
def test_only_this_machines_files_are_changed(
    vantage: str, url: str, prefix: str | None, info: EngineInfo | None, here: bool
) -> None:
    fix = Fix("f", "t", Risk.SAFE, "lab", (), platform="docker-engine")
    assert _is_here(diagnosis(vantage), fix, situation(url, prefix, info)) is here
