"""registry.platform and registry.blob against real servers on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdoctor import oci
from kdoctor.model import UNSEEN, Evidence
from kdoctor.oci import Platform
from tests.probes.registry_peers import (
    INDEX,
    Answer,
    Asker,
    Content,
    Handler,
    Peer,
    Puller,
    Raw,
    Request,
    registry,
    serving,
    sha,
)

BLOB = {"Content-Type": "application/octet-stream"}


async def ask(
    kind: str, peer: Peer, tmp_path: Path, *, arch: str = "amd64", seconds: float = 5.0, tag: str = "1"
) -> Evidence:
    asker = Asker(Puller(tmp_path, arch=arch), frozenset({peer.host}), seconds)
    return await asker.other(kind, image=f"{peer.host}/lib/app:{tag}")


def redirecting(content: Content, there: Handler | str) -> Handler:
    """Return a registry's handler that sends blobs to another host, or answers them by a handler."""
    inner = registry(content)

    def handler(request: Request) -> Answer:
        if "/blobs/" not in request.path:
            answer = inner(request)
        elif isinstance(there, str):
            answer = (307, {"Location": f"http://{there}/data{request.path}?X-Amz-Signature=secret"}, b"")
        else:
            answer = there(request)
        assert isinstance(answer, (tuple, Raw))
        return answer

    return handler


# --- platform -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/amd64", ["linux/amd64/v1"], 0),
        ("linux/amd64", ["linux/386"], 0),
        ("linux/amd64/v3", ["linux/386", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 2),
        ("linux/amd64", ["linux/amd64/v2"], None),
        ("linux/arm64", ["linux/arm64/v8"], 0),
        ("linux/arm64/v8", ["linux/arm/v7", "linux/arm64"], 1),
        ("linux/arm64", ["linux/arm/v6"], 0),
        ("linux/arm64", ["linux/arm64/v9"], None),
        ("linux/arm64/v9", ["linux/arm64/v8.5", "linux/arm64"], 0),
        ("linux/arm", ["linux/arm/v8", "linux/arm/v6"], 1),
        ("linux/arm/v6", ["linux/arm"], None),
        ("linux/386", ["linux/amd64"], None),
        ("linux/amd64", ["windows/amd64"], None),
        ("linux/aarch64", ["linux/arm64"], 0),
        ("linux/riscv64", ["linux/amd64", "linux/riscv64"], 1),
    ],
)
def test_platforms_match_as_containerds_do(wanted: str, offered: list[str], chosen: int | None) -> None:
    entries = tuple(oci.Descriptor(f"d{n}", 1, "", Platform.parse(text)) for n, text in enumerate(offered))
    found = oci.Index(entries).choose(Platform.parse(wanted))
    assert found == (None if chosen is None else entries[chosen])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"7", b'"x"', b"{", b'{"manifests": 7}', b'{"config": [], "layers": {}}',
        b'{"manifests": [1, null, {}, {"digest": 7}, {"digest": "sha256:x", "size": 1}]}',
        b'{"config": {"digest": "sha256:' + b"a" * 64 + b'", "size": -1}, "layers": []}',
        b"[" * 100_000, b'{"schemaVersion":' + b"9" * 10_000 + b"}", b"\xff\xfe", b'{"manifests": ' + b"[" * 60_000,
    ],
)  # fmt: skip
def test_a_manifest_of_any_shape_is_read_without_error(body: bytes) -> None:
    parsed = oci.parse(body)
    assert parsed is None or parsed == oci.Index(())


async def test_a_platform_of_the_index_is_found(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", "arm64")
    async with serving(registry(content)) as peer:
        found = await ask("registry.platform", peer, tmp_path, arch="arm64")
        assert len(peer.asked("GET")) == 1
    assert found.outcome == "ok"
    assert found.data["available"] == ("linux/amd64", "linux/arm64")


async def test_a_missing_platform_is_a_mismatch(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "arm64", "s390x")
    async with serving(registry(content)) as peer:
        found = await ask("registry.platform", peer, tmp_path)
    assert found.outcome == "mismatch"
    assert (found.data["wanted"], found.data["available"]) == ("linux/amd64", ("linux/arm64", "linux/s390x"))


async def test_a_single_image_is_judged_by_its_config(tmp_path: Path) -> None:
    content = Content()
    content.single("1", "arm64")
    async with serving(registry(content)) as peer:
        foreign = await ask("registry.platform", peer, tmp_path)
        fitting = await ask("registry.platform", peer, tmp_path, arch="arm64")
    assert (foreign.outcome, foreign.data["available"]) == ("single", ("linux/arm64",))
    assert fitting.outcome == "ok"


async def test_a_variant_that_the_cpu_may_or_may_not_have_is_not_judged(tmp_path: Path) -> None:
    content = Content()
    digest, body = content.image("amd64", b"x")
    platform = {"os": "linux", "architecture": "amd64", "variant": "v3"}
    entry = {"digest": digest, "size": len(body), "platform": platform}
    index = json.dumps({"manifests": [entry]}).encode()
    content.manifests["1"] = content.manifests[sha(index)] = (INDEX, index)
    async with serving(registry(content)) as peer:
        assert (await ask("registry.platform", peer, tmp_path)).outcome == UNSEEN


@pytest.mark.parametrize("kind", ["registry.platform", "registry.blob"])
async def test_the_last_pulls_are_left_to_the_person(kind: str, tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=kind.encode() + b"quota")
    async with serving(registry(content, RateLimit_Remaining="9;w=21600")) as peer:
        found = await ask(kind, peer, tmp_path)
        assert peer.asked("GET") == []
    assert found.outcome == UNSEEN
    assert "only 9 pulls are left" in found.detail


async def test_each_manifest_is_fetched_once(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"fetched once")
    async with serving(registry(content)) as peer:
        asker = Asker(Puller(tmp_path), frozenset({peer.host}))
        for kind in ("registry.blob", "registry.platform"):
            assert (await asker.other(kind, image=f"{peer.host}/lib/app:1")).outcome == "ok"
        assert len([t for t in peer.asked("GET") if "/manifests/" in t]) == 2  # the index, the image


async def test_without_a_manifest_there_is_nothing_to_say(tmp_path: Path) -> None:
    async with serving(registry(Content())) as peer:
        for kind in ("registry.platform", "registry.blob"):
            found = await ask(kind, peer, tmp_path)
            assert found.outcome == UNSEEN
            assert "not-found" in found.detail


async def test_a_registry_that_is_down_is_unreached(tmp_path: Path) -> None:
    async with serving(registry(Content())) as peer:
        pass
    found = await Asker(Puller(tmp_path), frozenset({"127.0.0.1:9"})).other("registry.blob", image="127.0.0.1:9/a:1")
    assert (found.outcome, found.data["cause"]) == ("unreached", "connect refused")
    assert peer.seen == []


# --- blob ---------------------------------------------------------------------------------------


async def test_config_and_layer_arrive_from_the_blob_host(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"l" * 400_000)

    def blobs(request: Request) -> Answer:
        assert "authorization" not in request.headers
        body = content.blobs[request.path.rpartition("/")[2]]
        if "range" not in request.headers:
            return 200, BLOB, body
        return 206, {**BLOB, "Content-Range": f"bytes 0-262143/{len(body)}"}, body[:262_144]

    async with serving(blobs) as cdn, serving(redirecting(content, cdn.host)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
        assert [request.headers.get("range") for request in cdn.seen] == [None, "bytes=0-262143"]
    assert found.outcome == "ok"
    assert found.data["host"] == cdn.host
    assert found.data["bytes"] == found.data["expected"] == 262_144
    assert "secret" not in json.dumps([found.detail, dict(found.data)])


async def test_a_server_that_ignores_range_sends_no_more_than_asked(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"r" * 2_000_000)
    async with serving(registry(content)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
    assert (found.outcome, found.data["bytes"]) == ("ok", 262_144)


async def test_a_blob_host_that_is_down_is_named(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"down")
    async with serving(lambda request: (200, {}, b"")) as gone:
        host = gone.host
    async with serving(redirecting(content, host)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
    assert found.outcome == "refused"
    assert (found.data["host"], found.data["address"], found.data["cause"]) == (host, host, "connect refused")


async def test_a_blob_host_at_a_metadata_address_is_not_contacted(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"metadata")
    async with serving(redirecting(content, "169.254.169.254")) as peer:
        found = await ask("registry.blob", peer, tmp_path)
    assert found.outcome == "unreachable"
    assert str(found.data["cause"]).endswith("blocked")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((403, {"Content-Type": "text/html"}, b"<html><title>Blocked by policy</title></html>"), "forbidden"),
        ((404, {}, b""), "not-found"),
        ((410, {}, b""), "not-found"),
        ((429, {}, b""), "rate-limited"),
        ((503, {}, b""), "server-error"),
        ((418, {}, b""), UNSEEN),
        ((200, {"Content-Type": "text/html"}, b"<html><title>Scanning your download</title></html>" * 9), "corrupt"),
        ((200, BLOB, b"z" * 5_000), "corrupt"),
        ((200, BLOB, b"short"), "truncated"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n0123456789"), "truncated"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n0123456789", "reset"), "truncated"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n0123456789", "silence"), "stalled"),
        (Raw(b"", "close"), "closed"),
        (Raw(b"not http at all\r\n\r\n"), "server-error"),
    ],
)
async def test_every_way_a_blob_can_fail_has_its_outcome(answer: Answer, outcome: str, tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"ways to fail")
    async with serving(redirecting(content, lambda request: answer)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
    assert found.outcome == outcome, found.detail


async def test_a_page_in_place_of_a_blob_is_shown_by_its_title(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"title")
    page = (403, {"Content-Type": "text/html"}, b"<html><title>Blocked by policy</title></html>")
    async with serving(redirecting(content, lambda request: page)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
    assert "Blocked by policy" in found.detail


async def test_a_slow_layer_still_arrives(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=b"x" * 200_000)

    def blobs(request: Request) -> Answer:
        body = content.blobs[request.path.rpartition("/")[2]]
        if len(body) < 1000:
            return 200, BLOB, body
        return Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", "trickle")

    async with serving(redirecting(content, blobs)) as peer:
        found = await ask("registry.blob", peer, tmp_path, seconds=2.0)
    assert found.outcome == "ok"
    assert isinstance(found.data["rate"], int)
    assert found.data["rate"] < 100


async def test_no_blob_is_asked_for_where_the_platform_is_missing(tmp_path: Path) -> None:
    content = Content()
    content.index("1", "s390x", layer=b"mainframe")
    async with serving(registry(content)) as peer:
        found = await ask("registry.blob", peer, tmp_path)
        assert not [target for target in peer.asked() if "/blobs/" in target]
    assert found.outcome == UNSEEN


async def test_a_manifest_that_has_not_its_digest_is_not_believed(tmp_path: Path) -> None:
    content = Content()
    digest = content.index("1", "amd64", layer=b"forged")
    kind, body = content.manifests["1"]
    content.manifests[digest] = (kind, body + b" ")
    inner = registry(content)

    def handler(request: Request) -> Answer:
        answer = inner(request)
        assert isinstance(answer, tuple)
        return answer[0], {**answer[1], "Docker-Content-Digest": digest}, answer[2]

    async with serving(handler) as peer:
        found = await ask("registry.platform", peer, tmp_path)
    assert found.outcome == UNSEEN
    assert "digest" in found.detail
