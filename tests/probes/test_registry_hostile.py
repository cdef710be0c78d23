"""Peers that mean harm cost bounded time and memory, and never an exception."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor import oci
from kdoctor.probes import challenges, registry_answers
from kdoctor.probes.http_messages import Response, Url
from kdoctor.probes.registry import listed_tags, nearest_tags
from kdoctor.probes.registry_api import read_token
from tests.probes.registry_peers import V2, Answer, Asker, Content, Puller, Raw, Request, registry, serving

KINDS = ("registry.ping", "registry.token", "registry.manifest", "registry.platform", "registry.blob")
HEAD = b"HTTP/1.1 200 OK\r\n"

HOSTILE: dict[str, Answer] = {
    "endless body": Raw(HEAD + b"Transfer-Encoding: identity\r\nConnection: close\r\n\r\n", "endless"),
    "endless body of a length": Raw(HEAD + b"Content-Length: 999999999999\r\n\r\n", "endless"),
    "endless header": Raw(HEAD + b"X: ", "endless"),
    "endless status line": Raw(b"HTTP/1.1 200 ", "endless"),
    "trickling header": Raw(HEAD + b"X: ", "trickle"),
    "many headers": Raw(HEAD + b"X: y\r\n" * 50_000 + b"\r\n"),
    "endless 100 Continue": Raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
    "gzip bomb": (200, {**V2, "Content-Encoding": "gzip"}, gzip.compress(b"\0" * 30_000_000)),
    "nested JSON": (200, V2, b"[" * 60_000),
    "long number": (200, V2, b'{"token": ' + b"9" * 50_000 + b"}"),
    "wrong types": (200, V2, b'{"errors": [[{"code": {}}]], "token": [], "manifests": 1, "layers": "x"}'),
    "error as text": (403, V2, b'{"errors": ["no", 7, null]}'),
    "negative length": Raw(HEAD + b"Content-Length: -5\r\n\r\n"),
    "length of words": Raw(HEAD + b"Content-Length: many\r\n\r\n"),
    "endless length": Raw(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
    "two lengths": Raw(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "bad chunks": Raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "huge chunk": Raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "endless"),
    "endless chunk header": Raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", "endless"),
    "switching protocols": Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
    "HTTP/2 preface": Raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "binary": Raw(bytes(range(256)) * 300),
    "SSH": Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bad challenge": (401, {**V2, "WWW-Authenticate": 'Bearer realm="' + "(" * 60_000}, b""),
    "redirect to itself": (308, {"Location": "/v2/"}, b""),
    "redirect to noise": (307, {"Location": "http://\xff\x80[:"}, b""),
    "huge page": (200, {"Content-Type": "text/html"}, b"<title" * 10_000 + b"<h1" * 10_000),
    "control characters": (403, {}, b"\x1b]0;owned\x07\x00\r\n::error::x\xe2\x80\xae"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_answer_breaks_a_probe(name: str, tmp_path: Path) -> None:
    async with serving(lambda request: HOSTILE[name]) as peer:
        image = {"image": f"{peer.host}/lib/app:1"}
        for kind in KINDS[:3]:
            began = time.monotonic()
            asker = Asker(Puller(tmp_path), frozenset({peer.host}), seconds=1.5)
            found = await asker.other(kind, **({"registry": peer.host} if kind == "registry.ping" else image))
            assert time.monotonic() - began < 3
            assert found.detail.isprintable()
            assert all(str(value).isprintable() for value in found.data.values())


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_answer_breaks_what_comes_after_the_manifest(name: str, tmp_path: Path) -> None:
    content = Content()
    content.index("1", "amd64", layer=name.encode())
    inner = registry(content)

    def manifests(request: Request) -> Answer:
        answer = HOSTILE[name] if request.method == "GET" else inner(request)
        assert isinstance(answer, (tuple, Raw))
        return answer

    def blobs(request: Request) -> Answer:
        answer = HOSTILE[name] if "/blobs/" in request.path else inner(request)
        assert isinstance(answer, (tuple, Raw))
        return answer

    for kind, handler in (("registry.platform", manifests), ("registry.blob", blobs)):
        async with serving(handler) as peer:
            began = time.monotonic()
            asker = Asker(Puller(tmp_path), frozenset({peer.host}), seconds=1.5)
            found = await asker.other(kind, image=f"{peer.host}/lib/app:1")
            assert time.monotonic() - began < 3
            assert found.outcome != "ok"
            assert found.detail.isprintable()


async def test_an_endless_body_costs_little_memory(tmp_path: Path) -> None:
    answer = Raw(HEAD + b"Content-Length: 999999999999\r\n\r\n", "endless")
    async with serving(lambda request: answer) as peer:
        tracemalloc.start()
        try:
            await Asker(Puller(tmp_path)).other("registry.ping", registry=peer.host)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def response(body: bytes, status: int = 200, **headers: str) -> Response:
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(Url("https", "reg.test", 443, "/v2/"), status, fields, body, "complete", "192.0.2.1:443", 0.1)


_KEYS = st.sampled_from(
    [
        "errors",
        "code",
        "message",
        "token",
        "access_token",
        "manifests",
        "config",
        "layers",
        "digest",
        "size",
        "platform",
        "os",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _JSON, max_size=5) | _JSON, st.integers(100, 599))
def test_json_of_any_shape_is_classified(document: object, status: int) -> None:
    body = json.dumps(document).encode()
    answer = response(body, status)
    assert registry_answers.shown(answer).isprintable()
    assert registry_answers.complaint(answer).message.isprintable()
    registry_answers.ping_outcome(answer)
    registry_answers.manifest_outcome(answer, authorised=True)
    oci.parse(body)
    oci.config_platform(body)
    token = read_token("https://auth.test/token", answer)
    assert token.value is None or token.outcome == "ok"


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_classified(body: bytes) -> None:
    answer = response(body, 404, content_type="text/html")
    assert registry_answers.shown(answer).isprintable()
    oci.parse(body)
    listed_tags(body)


@given(st.text(alphabet='Bearer realm="x\\", =;/\t', max_size=80))
def test_any_challenge_can_be_read(text: str) -> None:
    for one in challenges.parse([text]):
        assert one.scheme == one.scheme.lower()


@pytest.mark.parametrize(
    ("text", "schemes", "realm"),
    [
        (
            'Bearer realm="https://a.test/token",service="s",scope="repository:a/b:pull,push"',
            ["bearer"],
            "https://a.test/token",
        ),
        ('Basic realm="x, y", Bearer realm="z"', ["basic", "bearer"], "x, y"),
        ("Negotiate, Basic realm=plain", ["negotiate", "basic"], None),
        ("Negotiate oYIC+/==, Bearer realm=z", ["negotiate", "bearer"], None),
        ('bearer   realm = "a\\"b"', ["bearer"], 'a"b'),
        ('Bearer realm="open', ["bearer"], "open"),
        ("Bearer", ["bearer"], None),
        ("", [], None),
    ],
)
def test_challenges_are_read_as_rfc_9110_writes_them(text: str, schemes: list[str], realm: str | None) -> None:
    found = challenges.parse([text])
    assert [one.scheme for one in found] == schemes
    assert (found[0].params.get("realm") if found else None) == realm


@pytest.mark.parametrize(
    "text", ["x" * 60_000, "a=b," * 15_000, '"' * 60_000, "," * 60_000, 'a="' * 20_000, "a b " * 15_000]
)
def test_a_long_challenge_is_read_in_no_time(text: str) -> None:
    began = time.monotonic()
    challenges.parse([text])
    assert time.monotonic() - began < 1


def test_tags_are_read_from_a_list_that_was_cut_off() -> None:
    assert listed_tags(b'{"name":"x","tags":["1.0","1.1","1.') == ["1.0", "1.1"]
    assert listed_tags(b'{"name":"x","tags":null}') == []
    assert nearest_tags("1.2", ["1.0", "1.1", "latest"])[-1] == "latest"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@reg.test/v2/?a=b c", "https://reg.test/v2/?a=b%20c"),
        ("http://[fd00::1]:80/x", "http://[fd00::1]/x"),
        ("HTTPS://REG.test", "https://reg.test/"),
        ("https://reg.test:8443/é", "https://reg.test:8443/%C3%A9"),
        ("https://reg.test/\r\nX-Evil: 1", "https://reg.test/X-Evil:%201"),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("https://a b/", None),
        ("https://reg.test:99999/", None),
        ("https://[::1/", None),
    ],
)
def test_urls_are_read_without_their_credentials(text: str, expected: str | None) -> None:
    url = Url.parse(text)
    assert (str(url) if url else None) == expected


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_none(text: str) -> None:
    url = Url.parse(f"https://reg.test/{text}")
    assert url is None or (url.path.isascii() and url.path.isprintable() and " " not in url.path)
    Url.parse(text)
    Url.parse(text, Url("https", "reg.test", 443, "/v2/"))
