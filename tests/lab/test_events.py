"""`kdoctor explain --docker-events`: what a real engine's events tell of a failure, and what they do not."""

import pytest

from . import Lab
from .far import BUSYBOX, node_image
from .test_diagnosis import kdoctor, told

LABELS = ("--label=io.x-k8s.kind.cluster=lab", "--label=io.x-k8s.kind.role=control-plane")


@pytest.fixture
def image(lab: Lab) -> str:
    if not BUSYBOX.exists():
        pytest.skip("the containers need Debian's busybox-static")
    return node_image(lab)


def test_a_node_that_ends_at_once_stands_in_the_events(lab: Lab, image: str) -> None:
    run = ("run", "--rm", "--network=none", "--name")
    assert lab.docker.cli(*run, "web", image, "sh", "-c", "exit 3").returncode == 3  # an application's
    report, status = kdoctor(lab, "explain", "--no-probe", "--docker-events")
    assert (status, report["diagnoses"]) == (1, []), told(report)
    assert lab.docker.cli(*run, "lab-control-plane", *LABELS, image, "sh", "-c", "exit 255").returncode == 255
    report, status = kdoctor(lab, "explain", "--no-probe", "--docker-events")
    assert status == 0, told(report)
    (found,) = report["diagnoses"]
    assert (found["rule"], found["facts"]["name"]) == ("node-container-exited", "lab-control-plane")
    assert found["locations"][0]["source"] == "docker events"
    assert "exitCode=255" in found["matched"]["text"]


def test_a_pull_that_fails_leaves_no_event(lab: Lab) -> None:
    """The engine tells the error to the client, and writes it to its log; its events hold successes."""
    pulled, said = lab.pull("nosuch")
    assert not pulled
    assert "pull access denied" in said
    assert lab.docker.cli("volume", "create", "told").returncode == 0  # the engine may have started just now
    report, status = kdoctor(lab, "explain", "--no-probe", "--docker-events")
    assert (status, report["diagnoses"]) == (1, []), told(report)
