"""The registry probes against the reference registry (distribution), where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http.client
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.probes.registry_peers import MANIFEST, Asker, Content, Puller, sha

PROGRAM = shutil.which("docker-registry")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="docker-registry is not installed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def distribution(folder: Path, proxy: str = "", more: str = "") -> AsyncIterator[str]:
    """Run docker-registry on a port of its own; with `proxy` as a pull-through cache of that URL.

    `more` is put behind the address, in the section `http`, and may begin others.
    """
    port = free_port()
    config = folder / "config.yml"
    cache = f"proxy:\n  remoteurl: {proxy}\n" if proxy else ""
    config.write_text(
        f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n"
        f"http:\n  addr: 127.0.0.1:{port}\n{more}{cache}"
    )
    assert PROGRAM
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(config)], stdout=log, stderr=log)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            await asyncio.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def push(host: str, repository: str, tag: str, content: Content) -> None:
    """Upload blobs, then the manifest, as the distribution spec says."""
    connection = http.client.HTTPConnection(host, timeout=10)

    def send(method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream") -> str:
        connection.request(method, path, body, {"Content-Type": kind, "Content-Length": str(len(body))})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        return answer.getheader("Location") or ""

    for digest, blob in content.blobs.items():
        location = send("POST", f"/v2/{repository}/blobs/uploads/")
        target = location.partition(host)[2]
        send("PUT", f"{target}{'&' if '?' in target else '?'}digest={digest}", blob)
    send("PUT", f"/v2/{repository}/manifests/{tag}", content.manifests[tag][1], MANIFEST)
    connection.close()


def folder(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.mkdir()
    return path


async def test_an_image_is_found_with_all_its_bytes(tmp_path: Path) -> None:
    content = Content()
    # A layer is not unpacked by the registry: any bytes do.
    digest = content.single("1.0", "amd64", layer=hashlib.sha512(b"real").digest() * 8000)
    async with distribution(folder(tmp_path, "a")) as host:
        push(host, "lib/app", "1.0", content)
        asker = Asker(Puller(tmp_path), frozenset({host}))
        ping = await asker.other("registry.ping", registry=host)
        found = {
            kind: await asker.other(f"registry.{kind}", image=f"{host}/lib/app:1.0")
            for kind in ("token", "manifest", "platform", "blob")
        }
        missing = await asker.other("registry.manifest", image=f"{host}/lib/app:1.1")
        nowhere = await asker.other("registry.manifest", image=f"{host}/lib/none:1.0")
        foreign = await Asker(Puller(tmp_path, arch="arm64"), frozenset({host})).other(
            "registry.platform", image=f"{host}/lib/app:1.0"
        )
    assert (ping.outcome, ping.data["api_version"]) == ("ok", "registry/2.0")
    outcomes = {kind: evidence.outcome for kind, evidence in found.items()}
    assert outcomes == {"token": "not-needed", "manifest": "ok", "platform": "ok", "blob": "ok"}
    assert found["manifest"].data["digest"] == digest
    assert found["blob"].data["bytes"] == 262_144
    assert (missing.outcome, missing.data["tags"]) == ("not-found", ("1.0",))
    assert nowhere.outcome == "name-unknown"
    assert foreign.outcome == "single"


async def test_a_damaged_blob_is_corrupt(tmp_path: Path) -> None:
    content = Content()
    content.single("1.0", "amd64", layer=b"healthy" * 100)
    async with distribution(folder(tmp_path, "a")) as host:
        push(host, "lib/app", "1.0", content)
        digest = sha(b"healthy" * 100).partition(":")[2]
        stored = tmp_path / "a" / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
        stored.write_bytes(b"damaged" * 100)
        found = await Asker(Puller(tmp_path), frozenset({host})).other("registry.blob", image=f"{host}/lib/app:1.0")
    assert (found.outcome, found.data["digest"]) == ("corrupt", f"sha256:{digest}")


async def test_a_pull_through_cache_is_a_working_mirror(tmp_path: Path) -> None:
    from kdoctor.settings.dockerd import Mirror
    from kdoctor.settings.source import Source

    content = Content()
    content.single("1.0", "amd64")
    async with (
        distribution(folder(tmp_path, "upstream")) as upstream,
        distribution(folder(tmp_path, "cache"), f"http://{upstream}") as cache,
    ):
        push(upstream, "lib/app", "1.0", content)
        mirrors = (Mirror(f"http://{cache}", Source("daemon-json", "x")),)
        asker = Asker(Puller(tmp_path, own_mirrors=mirrors), frozenset({upstream}))
        found = await asker.other("registry.mirrors", image=f"{upstream}/lib/app:1.0")
    assert (found.outcome, found.data["working"]) == ("ok", (f"http://{cache}",))
    assert json.dumps(dict(found.data))
