"""A pod in the words of kubectl describe, over a real API connection."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from kdoctor.errors import SourceError, UsageError
from kdoctor.pods import describe
from tests.probes.api_peer import UNAUTHORIZED, api_server, status
from tests.probes.asking import machine_at, put
from tests.probes.net_peers import (
    Handler,
    Tunnels,
    closes,
    connect_proxy,
    drips,
    floods,
    resets,
    says,
    serve,
    socks_proxy,
)

_CONFIG = "/home/ann/.kube/config"
_MESSAGE = (
    'Failed to pull image "nginx:nope": Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)
_POD = {
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u-1"},
    "spec": {
        "nodeName": "minikube",
        "containers": [{"name": "app", "image": "nginx:nope", "env": [{"name": "PASSWORD", "value": "hunter2"}]}],
    },
    "status": {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": "app",
                "image": "nginx:nope",
                "ready": False,
                "restartCount": 0,
                "state": {"waiting": {"reason": "ErrImagePull", "message": _MESSAGE}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 137}},
            }
        ],
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "not ready: [app]"}
        ],
    },
}


def _event(reason: str, message: str, when: str, count: int = 1) -> dict[str, object]:
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": when,
        "count": count,
        "source": {"component": "kubelet"},
    }


_EVENTS = {
    "kind": "EventList",
    "items": [
        _event("BackOff", 'Back-off pulling image "nginx:nope"', "2026-01-01T00:00:09Z", 4),
        _event("Failed", _MESSAGE, "2026-01-01T00:00:05Z"),
    ],
}
_ANSWERS = {
    "/api/v1/namespaces/shop/pods/web": (200, _POD),
    "/api/v1/namespaces/shop/events": (200, _EVENTS),
    "/api/v1/namespaces/other/pods/web": status(403, "Forbidden", 'pods "web" is forbidden: User "ann" cannot get'),
}


async def test_status_containers_and_events_are_one_text(tmp_path: Path) -> None:
    async with api_server(_ANSWERS, token="t") as api:
        put(tmp_path, _CONFIG, api.config(user={"token": "t"}))
        pod = await describe("shop/web", machine_at(tmp_path))
    assert pod.images == ("nginx:nope",)
    assert pod.source == "pod shop/web"
    lines = pod.text.splitlines()
    assert "Status:           Pending" in lines
    assert "      Reason:       ErrImagePull" in lines
    assert "      Exit Code:    137" in lines
    events = [line for line in lines if line.startswith("  Warning")]
    assert [_MESSAGE in line for line in events] == [True, False]
    assert "(x4)" in events[1]
    assert "hunter2" not in pod.text
    assert "involvedObject.uid%3Du-1" in api.requests[1][0]


async def test_the_context_s_namespace_is_taken(tmp_path: Path) -> None:
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config())
        assert (await describe("web", machine_at(tmp_path))).namespace == "shop"


@pytest.mark.parametrize(
    ("pod", "said"),
    [("other/web", 'may not read pod other/web: pods "web" is forbidden'), ("shop/nope", "there is no pod shop/nope")],
)
async def test_what_the_api_refuses_is_one_line(tmp_path: Path, pod: str, said: str) -> None:
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config())
        with pytest.raises(SourceError) as caught:
            await describe(pod, machine_at(tmp_path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_login_that_is_not_taken(tmp_path: Path) -> None:
    async with api_server({"/api/v1/namespaces/shop/pods/web": UNAUTHORIZED}) as api:
        put(tmp_path, _CONFIG, api.config(user={"token": "hunter2"}))
        with pytest.raises(SourceError, match="may not read") as caught:
            await describe("shop/web", machine_at(tmp_path))
    assert "hunter2" not in str(caught.value)


async def test_no_cluster_or_one_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        await describe("shop/web", machine_at(tmp_path))
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config())
    with pytest.raises(SourceError, match="refuses connections"):
        await describe("shop/web", machine_at(tmp_path))
    async with api_server({"/api/v1/namespaces/shop/pods/web": None}) as api:
        put(tmp_path, _CONFIG, api.config())
        with pytest.raises(SourceError, match="does not answer"):
            await describe("shop/web", machine_at(tmp_path), seconds=2.2)


async def test_a_plugin_is_not_run_and_kubectl_is_named_instead(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    put(tmp_path, "/plugin", f"#!/bin/sh\ntouch {mark}\n", 0o755)
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config(user={"exec": {"command": str(tmp_path / "plugin")}}))
        with pytest.raises(SourceError, match=r"kubectl describe pod -n shop web \| kdoctor explain"):
            await describe("shop/web", machine_at(tmp_path))
        assert api.requests == []
    assert not mark.exists()


@pytest.mark.parametrize("pod", ["shop/web/x", "../secrets", "shop/", "shop/WEB", "shop/web?x", "a b", "/web/"])
async def test_what_is_no_pod(tmp_path: Path, pod: str) -> None:
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config())
        with pytest.raises(UsageError):
            await describe(pod, machine_at(tmp_path))
        assert api.requests == []


async def test_hostile_answers_stay_one_line_each(tmp_path: Path) -> None:
    events = {"items": [_event("Failed", "a\n::error::b\r\nc", "x"), "no", None, {"message": 5}]}
    answers = {
        "/api/v1/namespaces/shop/pods/web": (200, {"status": []}),
        "/api/v1/namespaces/shop/events": (200, events),
    }
    async with api_server(answers) as api:
        put(tmp_path, _CONFIG, api.config())
        pod = await describe("shop/web", machine_at(tmp_path))
    assert any(line.endswith("a ::error::b c") for line in pod.text.splitlines())


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_the_proxy_of_the_kubeconfig_leads_to_a_name(tmp_path: Path, scheme: str) -> None:
    async with api_server(_ANSWERS, token="t") as api:
        tunnels = Tunnels({"api.test:6443": ("127.0.0.1", api.port)})
        async with serve(connect_proxy(tunnels) if scheme == "http" else socks_proxy(tunnels)) as peer:
            more = {"proxy-url": f"{scheme}://127.0.0.1:{peer.port}", "tls-server-name": "127.0.0.1"}
            put(tmp_path, _CONFIG, api.config(user={"token": "t"}, server="https://api.test:6443", **more))
            pod = await describe("shop/web", machine_at(tmp_path))
    assert _MESSAGE in pod.text
    assert len(tunnels.heads) == 2


async def test_the_environment_s_proxy_is_read_as_go_reads_it(tmp_path: Path) -> None:
    async with api_server(_ANSWERS) as api:
        put(tmp_path, _CONFIG, api.config())
        machine = machine_at(tmp_path, HTTPS_PROXY="http://127.0.0.1:1", ALL_PROXY="socks5://127.0.0.1:1")
        assert (await describe("shop/web", machine)).images  # no proxy for loopback addresses


async def test_an_api_below_a_path(tmp_path: Path) -> None:
    answers = {f"/k8s/c1{path}": said for path, said in _ANSWERS.items()}
    async with api_server(answers) as api:
        put(tmp_path, _CONFIG, api.config(server=f"https://127.0.0.1:{api.port}/k8s/c1/"))
        assert (await describe("shop/web", machine_at(tmp_path))).images


async def test_no_login_goes_to_a_server_that_is_not_verified(tmp_path: Path) -> None:
    async with api_server(_ANSWERS) as api:
        config = {"certificate-authority-data": None, "insecure-skip-tls-verify": True}
        put(tmp_path, _CONFIG, api.config(user={"token": "hunter2"}, **config))
        await describe("shop/web", machine_at(tmp_path))
    assert [login for _, login in api.requests] == ["", ""]


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (closes, "closed the connection without an answer"),
        (resets, "closed the connection without an answer"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "does not answer in HTTP"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "answers 302"),
        (says(_HEAD + b"Content-Length: 99\r\n\r\n{"), "answers 200"),
        (says(_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), "answers 200"),
        (says(_HEAD + b"\r\n" + b"[" * 100_000), "answers 200"),
        (says(_HEAD + b"X: y\r\n" * 50_000 + b"\r\n"), "does not answer in HTTP"),
        (says(b"HTTP/1.1 403 Forbidden\r\n\r\n" + b"x" * 9_000_000), "may not read"),
        (floods, "cannot be read"),
        (drips, "cannot be read"),
    ],
)
async def test_a_server_that_is_none_costs_its_time_and_one_line(tmp_path: Path, handler: Handler, said: str) -> None:
    async with serve(handler) as peer, api_server({}) as api:
        put(tmp_path, _CONFIG, api.config(server=f"http://127.0.0.1:{peer.port}"))
        began = time.monotonic()
        with pytest.raises(SourceError) as caught:
            await describe("shop/web", machine_at(tmp_path), seconds=2.2)
        assert time.monotonic() - began < 4
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_importing_it_imports_no_kubernetes_client() -> None:
    code = "import sys, kdoctor.pods, kdoctor.sources; print('kubernetes' in sys.modules, 'yaml' in sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False False"
