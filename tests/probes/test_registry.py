"""registry.ping, token and manifest against real servers on loopback."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from kdoctor.model import UNSEEN, Evidence
from tests.probes.registry_peers import V2, Answer, Asker, Content, Puller, Raw, Request, error, registry, serving

BEARER = 'Bearer realm="{realm}",service="reg.test",scope="repository:lib/app:pull"'


async def ask(
    kind: str, host: str, tmp_path: Path, *, trust: bool = True, seconds: float = 5, **params: str
) -> Evidence:
    trusted = frozenset({host}) if trust else frozenset()
    return await Asker(Puller(tmp_path), trusted, seconds).other(kind, **params)


async def ping(answer: Answer, tmp_path: Path, seconds: float = 5) -> Evidence:
    async with serving(lambda request: answer) as peer:
        return await ask("registry.ping", peer.host, tmp_path, seconds=seconds, registry=peer.host)


# --- ping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, V2, b"{}"), "ok"),
        ((200, {}, b""), "ok"),
        ((401, {**V2, "WWW-Authenticate": 'Bearer realm="https://auth.test/token"'}, b""), "challenge"),
        ((401, {"WWW-Authenticate": 'Basic realm="x"'}, b""), "challenge"),
        ((401, {}, b""), "unauthorized"),
        ((401, {"WWW-Authenticate": "Negotiate"}, b""), "unauthorized"),
        ((403, {}, b"<html><title>Blocked</title></html>"), "forbidden"),
        ((451, {}, b""), "forbidden"),
        ((404, {}, b"nothing here"), "not-found"),
        ((429, {}, b""), "rate-limited"),
        ((503, {}, b""), "server-error"),
        ((522, {}, b""), "server-error"),
        ((200, {"Content-Type": "text/html"}, b"<html><title>Log in</title>"), "not-registry"),
        ((200, {}, b"hello"), "not-registry"),
        ((204, {}, b""), "not-registry"),
    ],
)
async def test_every_status_has_its_outcome(answer: Answer, outcome: str, tmp_path: Path) -> None:
    assert (await ping(answer, tmp_path)).outcome == outcome


async def test_a_challenge_is_reported_with_its_parameters(tmp_path: Path) -> None:
    field = 'Basic realm="old", Bearer realm="https://auth.test/token?x=1",service="reg.test"'
    found = await ping((401, {**V2, "WWW-Authenticate": field, "Server": "nginx"}, b""), tmp_path)
    assert found.data["scheme"] == "basic"
    assert found.data["server"] == "nginx"
    assert found.data["api_version"] == "registry/2.0"
    assert found.data["status"] == 401


async def test_the_title_of_a_block_page_is_shown(tmp_path: Path) -> None:
    page = b"<html><head><title>Access &amp; Denied\x1b[31m</title></head><body><h1>Policy 7</h1></body></html>"
    found = await ping((403, {"Content-Type": "text/html"}, page), tmp_path)
    assert found.data["body"] == "Access & Denied [31m: Policy 7"
    assert found.detail.isprintable()


@pytest.mark.parametrize("hours", [-3, 3])
async def test_the_clock_is_held_against_the_peers_date(hours: int, tmp_path: Path) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(hours=hours), usegmt=True)
    found = await ping((200, {**V2, "Date": date}, b"{}"), tmp_path)
    skew = found.data["clock_skew"]
    assert isinstance(skew, int)
    assert abs(skew - hours * 3600) <= 2


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 99999 99:99:99 GMT", "Mon, 01 Jan 0001 00:00:00 +9999"])
async def test_a_nonsense_date_is_no_clock(date: str, tmp_path: Path) -> None:
    found = await ping((200, {**V2, "Date": date}, b"{}"), tmp_path)
    assert found.outcome == "ok"
    assert "clock_skew" not in found.data


async def test_silence_closing_and_reset_are_told_apart(tmp_path: Path) -> None:
    assert (await ping(Raw(b"", "silence"), tmp_path, seconds=2)).outcome == "timeout"
    assert (await ping(Raw(b"", "close"), tmp_path)).outcome == "closed"
    assert (await ping(Raw(b"", "reset"), tmp_path)).outcome in ("reset", "closed")
    assert (await ping(Raw(b"HTTP/1.1 200 OK\r\nX", "close"), tmp_path)).outcome == "closed"


async def test_too_short_a_silence_is_no_timeout(tmp_path: Path) -> None:
    assert (await ping(Raw(b"", "silence"), tmp_path, seconds=0.5)).outcome == "cut"


async def test_a_closed_port_is_unreached_with_the_cause(tmp_path: Path) -> None:
    async with serving(lambda request: (200, {}, b"")) as peer:
        host = peer.host
    found = await ask("registry.ping", host, tmp_path, registry=host)
    assert (found.outcome, found.data["cause"]) == ("unreached", "connect refused")


async def test_metadata_addresses_are_not_asked(tmp_path: Path) -> None:
    found = await ask("registry.ping", "169.254.169.254", tmp_path, registry="169.254.169.254")
    assert found.outcome == "unreached"
    assert str(found.data["cause"]).endswith("blocked")


async def test_plain_http_is_spoken_only_to_insecure_registries(tmp_path: Path) -> None:
    async with serving(registry(Content())) as peer:
        insecure = await Asker(Puller(tmp_path)).other("registry.ping", registry=peer.host)
        before = len(peer.seen)
        secure = await Asker(Puller(tmp_path, insecure=False)).other("registry.ping", registry=peer.host)
        assert len(peer.seen) == before
    assert insecure.outcome == "ok"
    assert (secure.outcome, secure.data["cause"]) == ("unreached", "tls http")


async def test_https_is_verified_with_the_pullers_ca_files(tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    pem = tmp_path / "ca.crt"
    ca.cert_pem.write_to_path(str(pem))
    async with serving(registry(Content()), context) as peer:
        known = Puller(tmp_path, insecure=False, ca_files=(str(pem),))
        assert (await Asker(known).other("registry.ping", registry=peer.host)).outcome == "ok"
        stranger = await Asker(Puller(tmp_path, insecure=False)).other("registry.ping", registry=peer.host)
    assert (stranger.outcome, stranger.data["cause"]) == ("unreached", "tls unknown-authority")


async def test_a_stranger_gets_v2_and_its_redirects_elsewhere_are_not_followed(tmp_path: Path) -> None:
    async with serving(registry(Content())) as inner:
        elsewhere = {"Location": f"http://localhost:{inner.host.rpartition(':')[2]}/v2/"}
        async with serving(lambda request: (307, elsewhere, b"")) as peer:
            found = await ask("registry.ping", peer.host, tmp_path, trust=False, registry=peer.host)
        assert found.outcome == UNSEEN
        assert "--registry" in found.detail
        assert inner.seen == []


async def test_more_than_v2_is_for_trusted_registries(tmp_path: Path) -> None:
    async with serving(registry(Content())) as peer:
        asker = Asker(Puller(tmp_path))
        for kind in ("token", "manifest", "platform", "blob"):
            found = await asker.other(f"registry.{kind}", image=f"{peer.host}/lib/app:1")
            assert found.outcome == UNSEEN
            assert peer.host in found.detail
            assert "stands only in the text" in found.detail
        assert peer.seen == []


# --- redirects ----------------------------------------------------------------------------------


async def test_a_redirect_loop_ends(tmp_path: Path) -> None:
    async with serving(lambda request: (302, {"Location": "/v2/"}, b"")) as peer:
        found = await ask("registry.ping", peer.host, tmp_path, registry=peer.host)
        assert len([r for r in peer.seen if r.method == "GET"]) <= 7
    assert (found.outcome, found.data["cause"]) == ("not-registry", "redirect loop")


async def test_a_redirect_to_a_metadata_address_is_refused(tmp_path: Path) -> None:
    async with serving(lambda request: (307, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")) as peer:
        found = await ask("registry.ping", peer.host, tmp_path, registry=peer.host)
    assert found.outcome == "unreached"
    assert str(found.data["cause"]).endswith("blocked")


@pytest.mark.parametrize(
    "location", ["", "ftp://x/", "http://", "http://a b/", "//[::", "http://x:99999/", "javascript:1"]
)
async def test_a_redirect_to_nowhere_is_the_answer_itself(location: str, tmp_path: Path) -> None:
    found = await ping((307, {"Location": location}, b""), tmp_path)
    assert found.outcome == "not-registry"


# --- token --------------------------------------------------------------------------------------


def with_tokens(content: Content, answer: Answer | None = None, realm: str = "", token: str = "anon") -> object:
    """Return a registry's handler that wants a token, and gives it at /token unless `answer` is given."""
    inner = registry(content)

    def handler(request: Request) -> Answer:
        if request.path == "/token":
            body = json.dumps({"token": token}).encode()
            return answer or (200, {"Content-Type": "application/json"}, body)
        if request.headers.get("authorization") != f"Bearer {token}":
            there = realm or f"http://{request.headers['host']}/token"
            return 401, {**V2, "WWW-Authenticate": BEARER.format(realm=there)}, b""
        result = inner(request)
        assert isinstance(result, tuple)
        return result

    return handler


async def token(tmp_path: Path, answer: Answer | None = None, realm: str = "") -> Evidence:
    content = Content()
    content.single("1", "amd64")
    async with serving(with_tokens(content, answer, realm)) as peer:  # type: ignore[arg-type]
        return await ask("registry.token", peer.host, tmp_path, seconds=3, image=f"{peer.host}/lib/app:1")


async def test_an_anonymous_token_is_given(tmp_path: Path) -> None:
    found = await token(tmp_path)
    assert found.outcome == "ok"
    assert found.data["host"]
    assert "anon" not in json.dumps([found.detail, dict(found.data)])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((401, {}, b""), "unauthorized"),
        (error(403, "DENIED", "requested access to the resource is denied"), "denied"),
        ((429, {}, b""), "rate-limited"),
        ((502, {}, b"<html>"), "server-error"),
        ((404, {}, b""), "malformed"),
        ((200, {}, b"<html>log in</html>"), "malformed"),
        ((200, {}, b"[]"), "malformed"),
        ((200, {}, b'{"token": 7}'), "malformed"),
        ((200, {}, b'{"token": "a\\r\\nX-Evil: 1"}'), "malformed"),
        ((200, {}, b'{"access_token": "anon"}'), "ok"),
        (Raw(b"", "close"), "closed"),
        (Raw(b"", "silence"), "timeout"),
        (Raw(b"HTTP/1.1 wat\r\n\r\n"), "malformed"),
    ],
)
async def test_what_a_token_server_may_answer(answer: Answer, outcome: str, tmp_path: Path) -> None:
    assert (await token(tmp_path, answer)).outcome == outcome


async def test_a_token_server_that_is_down_is_named(tmp_path: Path) -> None:
    async with serving(lambda request: (200, {}, b"")) as gone:
        host = gone.host
    found = await token(tmp_path, realm=f"http://{host}/token")
    assert found.outcome == "unreached"
    assert (found.data["host"], found.data["cause"]) == (host, "connect refused")
    assert found.data["address"] == host


@pytest.mark.parametrize("realm", ["http://169.254.169.254/x", "http://[fd00:ec2::254]/", "http://100.100.100.200/"])
async def test_a_realm_at_a_metadata_address_is_refused(realm: str, tmp_path: Path) -> None:
    found = await token(tmp_path, realm=realm)
    assert found.outcome == "unreached"
    assert str(found.data["cause"]).endswith("blocked")


@pytest.mark.parametrize("realm", ["", "/token", "file:///etc/passwd", "gopher://x/", "http://"])
async def test_a_realm_that_is_no_url_is_malformed(realm: str, tmp_path: Path) -> None:
    content = Content()
    challenge = {**V2, "WWW-Authenticate": f'Bearer realm="{realm}"'}
    async with serving(lambda request: (401, challenge, b"")) as peer:
        found = await ask("registry.token", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
    assert found.outcome == "malformed"
    assert not content.blobs


async def test_registries_without_a_token_server(tmp_path: Path) -> None:
    for answer, outcome in (
        ((200, V2, b"{}"), "not-needed"),
        ((401, {"WWW-Authenticate": 'Basic realm="x"'}, b""), "basic"),
        ((401, {"WWW-Authenticate": "Negotiate"}, b""), "unauthorized"),
        ((503, {}, b""), UNSEEN),
    ):
        async with serving(lambda request, answer=answer: answer) as peer:  # type: ignore[misc]
            found = await ask("registry.token", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
        assert found.outcome == outcome


# --- manifest -----------------------------------------------------------------------------------


async def manifest(answer: Answer, tmp_path: Path, image: str = "lib/app:1") -> Evidence:
    async with serving(lambda request: answer) as peer:
        return await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/{image}")


async def test_head_is_enough_where_the_digest_is_stated(tmp_path: Path) -> None:
    content = Content()
    digest = content.index("1", "amd64")
    limits = {
        "RateLimit_Limit": "100;w=21600",
        "RateLimit_Remaining": "76;w=21600",
        "Docker_RateLimit_Source": "192.0.2.1",
    }
    async with serving(registry(content, **limits)) as peer:
        found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
        assert peer.asked("GET") == []
        assert "application/vnd.oci.image.index.v1+json" in peer.seen[-1].headers["accept"]
    assert found.outcome == "ok"
    assert found.data["digest"] == digest
    assert (found.data["limit"], found.data["remaining"], found.data["source"]) == (100, 76, "192.0.2.1")


async def test_get_follows_where_head_is_not_allowed_or_says_no_digest(tmp_path: Path) -> None:
    content = Content()
    digest = content.index("1", "amd64")
    kind, body = content.manifests["1"]
    for head in ((405, V2, b""), (404, V2, b""), (200, {"Content-Type": kind}, b"")):

        def handler(request: Request, head: Answer = head) -> Answer:
            return head if request.method == "HEAD" else (200, {"Content-Type": kind}, body)

        async with serving(handler) as peer:
            found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
            assert len(peer.asked("GET")) == 1
        assert (found.outcome, found.data["digest"]) == ("ok", digest)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (error(404, "MANIFEST_UNKNOWN"), "not-found"),
        (error(404, "NAME_UNKNOWN"), "name-unknown"),
        (error(404, "NOT_FOUND", "artifact lib/app:1 not found"), "not-found"),
        (error(404, "NOT_FOUND", "project lib not found"), "name-unknown"),
        ((404, {"Content-Type": "text/html"}, b"<html><h1>nginx</h1></html>"), "malformed"),
        ((404, {}, b""), "not-found"),
        (error(403, "DENIED"), "denied"),
        ((403, {"Content-Type": "text/html"}, b"<html><title>Export control</title></html>"), "forbidden"),
        ((451, {}, b""), "forbidden"),
        ((429, {}, b""), "rate-limited"),
        ((500, {}, b""), "server-error"),
        ((401, {"WWW-Authenticate": 'Basic realm="x"'}, b""), "unauthorized"),
        ((200, {"Content-Type": "text/html"}, b"<html>log in</html>"), "malformed"),
        ((418, {}, b""), "malformed"),
        (Raw(b"", "close"), "closed"),
    ],
)
async def test_every_answer_for_a_manifest_has_its_outcome(answer: Answer, outcome: str, tmp_path: Path) -> None:
    assert (await manifest(answer, tmp_path)).outcome == outcome


async def test_insufficient_scope_with_a_token_is_denied(tmp_path: Path) -> None:
    def handler(request: Request) -> Answer:
        if request.path == "/token":
            return 200, {}, b'{"token": "t"}'
        field = BEARER.format(realm=f"http://{request.headers['host']}/token")
        extra = ',error="insufficient_scope"' if "authorization" in request.headers else ""
        return 401, {**V2, "WWW-Authenticate": field + extra}, b""

    async with serving(handler) as peer:
        found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
    assert found.outcome == "denied"


async def test_a_failing_token_server_is_the_manifests_cause(tmp_path: Path) -> None:
    content = Content()
    async with serving(lambda request: (200, {}, b"")) as gone:
        host = gone.host
    async with serving(with_tokens(content, realm=f"http://{host}/token")) as peer:  # type: ignore[arg-type]
        found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
    assert (found.outcome, found.data["cause"]) == ("unreached", "token connect refused")
    assert host in found.detail


async def test_the_nearest_tags_are_offered(tmp_path: Path) -> None:
    content = Content()
    for tag in ("v1.2.0", "v1.2.1", "latest", "edge"):
        content.single(tag, "amd64")
    async with serving(registry(content)) as peer:
        found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:v1.2.9")
    assert found.outcome == "not-found"
    tags = found.data["tags"]
    assert isinstance(tags, tuple)
    assert {"v1.2.0", "v1.2.1", "latest"} <= set(tags)


async def test_a_repository_that_lists_no_tags_is_missing_itself(tmp_path: Path) -> None:
    def handler(request: Request) -> Answer:
        return error(404, "NAME_UNKNOWN" if request.path.endswith("/tags/list") else "MANIFEST_UNKNOWN")

    async with serving(handler) as peer:
        found = await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
    assert found.outcome == "name-unknown"


async def test_a_name_that_is_none_is_not_asked_for(tmp_path: Path) -> None:
    found = await ask("registry.manifest", "x", tmp_path, image="Foo/Bar")
    assert found.outcome == UNSEEN
    assert "must be lowercase" in found.detail


async def test_a_token_is_not_sent_to_another_host(tmp_path: Path) -> None:
    async with serving(lambda request: (404, {}, b"")) as other:
        content = Content()

        def handler(request: Request) -> Answer:
            if request.path == "/token":
                return 200, {}, b'{"token": "t"}'
            if "authorization" not in request.headers:
                return 401, {"WWW-Authenticate": BEARER.format(realm=f"http://{request.headers['host']}/token")}, b""
            return 307, {"Location": f"http://{other.host}/elsewhere"}, b""

        async with serving(handler) as peer:
            await ask("registry.manifest", peer.host, tmp_path, image=f"{peer.host}/lib/app:1")
        assert other.seen
        assert all("authorization" not in request.headers for request in other.seen)
        assert not content.blobs
