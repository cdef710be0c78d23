"""--via kubectl-debug: a real kubectl starts a pod with an image that the node has, asks there, and removes it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from kdoctor.cli import named
from kdoctor.errors import UsageError
from kdoctor.remote import debugging, session, ways
from kdoctor.remote.vantage import Far, Unreached, look
from tests.remote.kube_peer import Cluster, cluster

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

BUSYBOX = "docker.io/library/busybox:1.36"
IMAGES = {"registry.k8s.io/pause:3.9": 300_000, BUSYBOX: 4_000_000, "docker.io/library/nginx:1": 90_000_000}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def ready(home: Path, it: Cluster) -> None:
    (home / "config").write_text(it.config())


async def test_the_node_is_asked_by_a_pod_that_is_removed_at_the_end(home: Path) -> None:
    async with cluster(IMAGES) as it:
        ready(home, it)
        found = await look(ways.given("kubectl-debug:n1"), 5)
        assert isinstance(found, Far), found
        assert found.name == "node:n1"
        assert found.machine.hostname == os.uname().nodename
        [pod] = it.made
        spec: Any = pod["spec"]
        [container] = spec["containers"]
        assert (container["image"], container["imagePullPolicy"]) == (BUSYBOX, "Never")
        assert container["command"] == ["sleep", str(debugging.LIFETIME)]
        assert container["securityContext"] == {"privileged": True}
        assert spec["hostPID"]
        assert spec["hostNetwork"]
        assert it.commands[0][:5] == ["chroot", "/host", "sh", "-s", "--"]
        assert it.pods
        assert await session.end_all() == []
        assert not it.pods


async def test_a_pod_that_does_not_start_says_why_and_is_removed(home: Path) -> None:
    async with cluster(IMAGES, waiting="ErrImageNeverPull") as it:
        ready(home, it)
        found = await look(ways.given(f"kubectl-debug:n1={BUSYBOX}"), 5)
        assert isinstance(found, Unreached)
        assert "ErrImageNeverPull" in found.because
        await session.end_all()
        assert not it.pods


async def test_only_a_named_image_may_be_pulled(home: Path) -> None:
    async with cluster(IMAGES) as it:
        ready(home, it)
        assert isinstance(await look(ways.given("kubectl-debug:n1=quay.io/me/tools:1"), 5), Far)
        spec: Any = it.made[0]["spec"]
        assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        await session.end_all()


async def test_a_node_that_is_none_is_said_in_kubectls_words(home: Path) -> None:
    async with cluster(IMAGES) as it:
        ready(home, it)
        found = await look(ways.given("kubectl-debug:n2"), 5)
        assert isinstance(found, Unreached)
        assert 'nodes "n2" not found' in found.because
        assert not it.made


def test_an_image_is_chosen_only_where_it_is_known_to_hold_a_shell() -> None:
    assert debugging.choose("n1", "", sorted(IMAGES)) == (BUSYBOX, True)
    assert debugging.choose("n1", "busybox:1.36", list(IMAGES)) == ("busybox:1.36", True)
    assert debugging.choose("n1", "busybox:1.37", list(IMAGES)) == ("busybox:1.37", False)
    with pytest.raises(UsageError, match=r"name one: --via kubectl-debug:n1=IMAGE"):
        debugging.choose("n1", "", ["registry.k8s.io/pause:3.9", "<none>"])


def test_without_a_terminal_the_image_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debugging, "images", lambda node: [BUSYBOX] if node == "n1" else [])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    with pytest.raises(UsageError, match=f"kubectl-debug:n1={BUSYBOX}"):
        named.ways(["kubectl-debug:n1"])
    assert named.ways([f"kubectl-debug:n1={BUSYBOX}"])


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("\n", False), ("n\n", False), ("", False)])
def test_at_a_terminal_the_person_is_asked(
    answer: str, agreed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(debugging, "images", lambda _node: [BUSYBOX])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdin, "readline", lambda: answer)
    if agreed:
        assert named.ways(["kubectl-debug:n1"]) == ("kubectl-debug:n1",)
    else:
        with pytest.raises(UsageError, match="no pod was started"):
            named.ways(["kubectl-debug:n1"])
    assert BUSYBOX in capsys.readouterr().err
