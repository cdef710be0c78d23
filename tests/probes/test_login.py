"""The stored login: which one, where it may go, and what a registry says to it."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import trustme

from kdoctor.probes.http_messages import Url
from kdoctor.probes.login import HELPER_SECONDS, Login, stored
from tests.probes.asking import machine_at, put
from tests.probes.registry_peers import Answer, Asker, Content, Peer, Puller, Request, registry, serving
from tests.probes.test_registry_real import PROGRAM, distribution, folder, push

PASSWORD = "lab"
HASH = "$2y$05$abcdefghijklmnopqrstuup1vlAAUDMpgzvqmIu/m0vJZ3muqfVsK"
CONFIG = "/home/u/.docker/config.json"
IMAGE = "team/app:1"


def config(root: Path, document: Mapping[str, object], path: str = CONFIG) -> None:
    put(root, path, json.dumps(document))


def auths(host: str, password: str = PASSWORD) -> dict[str, object]:
    return {"auths": {host: {"auth": base64.b64encode(f"dev:{password}".encode()).decode()}}}


# --- Which ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "registry", "user"),
    [
        ({"reg.example.com": {"auth": "ZGV2OmxhYg=="}}, "reg.example.com", "dev"),
        ({"https://reg.example.com/v1/": {"username": "dev", "password": "lab"}}, "reg.example.com", "dev"),
        ({"https://index.docker.io/v1/": {"auth": "ZGV2OmxhYg=="}}, "registry-1.docker.io", "dev"),
        ({"reg.example.com:5000": {"auth": "ZGV2OmxhYg=="}}, "reg.example.com:5000", "dev"),
        ({"reg.example.com": {"auth": "ZGV2OmxhYg=="}}, "reg.example.com:5000", None),
        ({"example.com": {"auth": "ZGV2OmxhYg=="}}, "reg.example.com", None),
        ({"reg.example.com": {"auth": "bm9jb2xvbg=="}}, "reg.example.com", None),
        ({"reg.example.com": {"auth": "%%"}}, "reg.example.com", None),
        ({"reg.example.com": {}}, "reg.example.com", None),
        ({"reg.example.com": {"auth": "ZGV2Og==", "identitytoken": "x"}}, "reg.example.com", ""),
        ({"reg.example.com": {"auth": "ZGV2Og=="}}, "reg.example.com", None),
    ],
)
async def test_a_login_is_that_of_exactly_the_registry(
    tmp_path: Path, entry: Mapping[str, object], registry: str, user: str | None
) -> None:
    config(tmp_path, {"auths": entry}, "/home/ann/.docker/config.json")
    found = await stored(machine_at(tmp_path), registry)
    assert (found.user if found else None) == user


def helper(root: Path, script: str) -> None:
    put(root, "/usr/bin/docker-credential-lab", f"#!/bin/sh\n{script}\n", 0o755)


@pytest.mark.parametrize(
    ("document", "registry", "asked"),
    [
        ({"credHelpers": {"reg.example.com": "lab"}}, "reg.example.com", "reg.example.com"),
        ({"credsStore": "lab"}, "reg.example.com", "reg.example.com"),
        ({"credsStore": "lab"}, "registry-1.docker.io", "https://index.docker.io/v1/"),
        ({"credHelpers": {"other.example.com": "lab"}}, "reg.example.com", None),
    ],
)
async def test_a_helper_is_asked_as_docker_asks_it(
    tmp_path: Path, document: Mapping[str, object], registry: str, asked: str | None
) -> None:
    config(tmp_path, document, "/home/ann/.docker/config.json")
    helper(tmp_path, f'echo "$1 $(cat)" >{tmp_path}/asked; echo \'{{"Username": "dev", "Secret": "lab"}}\'')
    found = await stored(machine_at(tmp_path), registry)
    assert (found is not None) is (asked is not None)
    if found and asked:
        assert (found.user, found.source) == ("dev", "docker-credential-lab")
        assert (tmp_path / "asked").read_text() == f"get {asked}\n"
        assert "lab" not in repr(found).replace("docker-credential-lab", "")


@pytest.mark.parametrize(
    "script",
    [
        "echo 'credentials not found in native keychain'; exit 1",
        'echo \'{"Username": "<token>", "Secret": ""}\'',
        "echo '[1, 2'",
        "head -c 300000 /dev/zero",
        "exec sleep 30",
        "kill -9 $$",
    ],
)
async def test_a_helper_that_gives_none_costs_little(tmp_path: Path, script: str) -> None:
    config(tmp_path, {"credsStore": "lab"}, "/home/ann/.docker/config.json")
    helper(tmp_path, script)
    assert HELPER_SECONDS < 4
    assert await stored(machine_at(tmp_path), "reg.example.com") is None


# --- Where ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registry", "url", "allowed"),
    [
        ("reg.example.com", "https://reg.example.com/v2/", True),
        ("reg.example.com:5000", "https://reg.example.com:5001/token", True),
        ("reg.example.com", "http://reg.example.com/v2/", False),
        ("reg.example.com", "https://evil.example.com/token", False),
        ("reg.example.com", "https://a.reg.example.com/token", False),
        ("registry-1.docker.io", "https://auth.docker.io/token", True),
        ("docker.io", "https://registry-1.docker.io/v2/", True),
        ("reg.example.com", "https://auth.docker.io/token", False),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
    ],
)
def test_a_login_goes_to_its_host_and_token_server_alone(registry: str, url: str, allowed: bool) -> None:
    login = Login(registry, "x", "dev", PASSWORD)
    parsed = Url.parse(url)
    assert parsed
    assert login.may_go_to(parsed, insecure=False) is allowed
    assert not login.may_go_to(parsed, insecure=True)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    return server


@pytest.fixture
def puller(tmp_path: Path, authority: trustme.CA) -> Puller:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return Puller(tmp_path, insecure=False, ca_files=(str(tmp_path / "ca.pem"),))


def guarded(content: Content, realm: Callable[[], str], sent: list[str]) -> Callable[[Request], Answer]:
    """Return a registry that wants a token of `realm`, and is the token server, too."""
    inner = registry(content)

    def answer(request: Request) -> Answer:
        given = request.headers.get("authorization", "")
        if request.path == "/token":
            sent.append(given)
            return 200, {"Content-Type": "application/json"}, json.dumps({"token": "t" if given else "guest"}).encode()
        if given == "Bearer t":
            found: Answer = inner(request)  # type: ignore[assignment]  # a plain registry gives no raw bytes
            return found
        return 401, {"WWW-Authenticate": f'Bearer realm="{realm()}",service="s"'}, b""

    return answer


async def test_a_token_is_asked_for_with_the_login(tmp_path: Path, puller: Puller, context: ssl.SSLContext) -> None:
    content, sent, peers = Content(), list[str](), list[Peer]()
    content.single("1", "amd64")
    async with serving(guarded(content, lambda: f"https://{peers[0].host}/token", sent), context) as peer:
        peers.append(peer)
        host = peer.host
        config(tmp_path, auths(host))
        found = await Asker(puller, frozenset({host}), logins=True).other("registry.manifest", image=f"{host}/{IMAGE}")
        guest = await Asker(puller, frozenset({host})).other("registry.manifest", image=f"{host}/{IMAGE}")
    assert (found.outcome, found.data["login"]) == ("ok", CONFIG)
    assert guest.outcome == "unauthorized"
    assert "login" not in guest.data
    assert sent == ["Basic ZGV2OmxhYg==", ""]


async def test_a_login_goes_to_no_other_token_server(tmp_path: Path, puller: Puller, context: ssl.SSLContext) -> None:
    content, sent, elsewhere = Content(), list[str](), list[str]()
    content.single("1", "amd64")

    def other(request: Request) -> Answer:
        elsewhere.append(request.headers.get("authorization", ""))
        return 200, {}, b'{"token": "guest"}'

    peers: list[Peer] = []
    async with (
        serving(other) as token_server,
        serving(guarded(content, lambda: f"http://{token_server.host}/token", sent), context) as peer,
    ):
        peers.append(peer)
        host = peer.host
        config(tmp_path, auths(host))
        found = await Asker(puller, frozenset({host}), logins=True).other("registry.manifest", image=f"{host}/{IMAGE}")
    assert elsewhere == [""]
    assert found.outcome == "unauthorized"
    assert "login" not in found.data


async def test_a_login_follows_no_redirect_of_a_token_server(
    tmp_path: Path, puller: Puller, context: ssl.SSLContext
) -> None:
    asked: list[str] = []
    peers: list[Peer] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        if request.path == "/token":
            return 307, {"Location": f"https://{peers[0].host}/stolen"}, b""
        return 401, {"WWW-Authenticate": f'Bearer realm="https://{peers[0].host}/token"'}, b""

    async with serving(answer, context) as peer:
        peers.append(peer)
        host = peer.host
        config(tmp_path, auths(host))
        await Asker(puller, frozenset({host}), logins=True).other("registry.manifest", image=f"{host}/{IMAGE}")
    assert "/token" in asked
    assert "/stolen" not in asked


# --- Identity tokens --------------------------------------------------------------------------------


def exchanging(content: Content, realm: Callable[[], str], sent: list[Request]) -> Callable[[Request], Answer]:
    """Return a registry whose token server gives a token for the right identity token alone."""
    inner = registry(content)

    def answer(request: Request) -> Answer:
        if request.path == "/oauth2/token":
            sent.append(request)
            if dict(parse_qsl(request.body.decode())).get("refresh_token") == "identity":
                return 200, {}, b'{"access_token": "t"}'
            return 401, {}, b'{"errors": [{"code": "UNAUTHORIZED", "message": "no"}]}'
        if request.headers.get("authorization") == "Bearer t":
            found: Answer = inner(request)  # type: ignore[assignment]  # a plain registry gives no raw bytes
            return found
        return 401, {"WWW-Authenticate": f'Bearer realm="{realm()}",service="s"'}, b""

    return answer


async def test_a_helper_gives_an_identity_token(tmp_path: Path) -> None:
    config(tmp_path, {"credsStore": "lab"}, "/home/ann/.docker/config.json")
    helper(tmp_path, 'echo \'{"Username": "<token>", "Secret": "identity"}\'')
    found = await stored(machine_at(tmp_path), "reg.example.com")
    assert found
    assert (found.user, found.password, found.identity, found.basic()) == ("", "", "identity", "")
    assert "identity=" not in repr(found)


async def test_an_identity_token_is_exchanged(tmp_path: Path, puller: Puller, context: ssl.SSLContext) -> None:
    content, sent, peers = Content(), list[Request](), list[Peer]()
    content.single("1", "amd64")
    async with serving(exchanging(content, lambda: f"https://{peers[0].host}/oauth2/token", sent), context) as peer:
        peers.append(peer)
        host = peer.host
        config(tmp_path, {"auths": {host: {"auth": "ZGV2Og==", "identitytoken": "identity"}}})
        found = await Asker(puller, frozenset({host}), logins=True).other("registry.manifest", image=f"{host}/{IMAGE}")
    assert (found.outcome, found.data["login"]) == ("ok", CONFIG)
    (asked,) = sent
    assert (asked.method, asked.target, asked.headers.get("authorization")) == ("POST", "/oauth2/token", None)
    assert dict(parse_qsl(asked.body.decode())) == {
        "grant_type": "refresh_token",
        "refresh_token": "identity",
        "client_id": "docker",
        "service": "s",
        "scope": "repository:team/app:pull",
    }
    assert "identity" not in found.detail + str(found.data)


@pytest.mark.parametrize(("token", "elsewhere"), [("revoked", False), ("identity", True)])
async def test_an_identity_token_that_does_not_serve_is_told(
    tmp_path: Path, puller: Puller, context: ssl.SSLContext, token: str, elsewhere: bool
) -> None:
    content, sent, peers = Content(), list[Request](), list[Peer]()
    content.single("1", "amd64")

    def realm() -> str:
        host = peers[0].host
        return f"https://{host.replace('127.0.0.1', 'localhost') if elsewhere else host}/oauth2/token"

    async with serving(exchanging(content, realm, sent), context) as peer:
        peers.append(peer)
        host = peer.host
        config(tmp_path, {"auths": {host: {"identitytoken": token}}})
        found = await Asker(puller, frozenset({host}), logins=True).other("registry.manifest", image=f"{host}/{IMAGE}")
    assert found.outcome != "ok"
    assert not any(b"identity" in one.body for one in sent)
    assert token not in found.detail + str(found.data)


# --- docker-registry with htpasswd ------------------------------------------------------------------


@pytest.mark.skipif(PROGRAM is None, reason="docker-registry is not installed")
@pytest.mark.parametrize(("password", "outcome"), [(PASSWORD, "ok"), ("wrong", "unauthorized"), (None, "unauthorized")])
async def test_docker_registry_takes_the_right_login(
    tmp_path: Path, puller: Puller, authority: trustme.CA, password: str | None, outcome: str
) -> None:
    content = Content()
    content.single("1", "amd64")
    place = folder(tmp_path, "private")
    identity = authority.issue_cert("127.0.0.1")
    identity.cert_chain_pems[0].write_to_path(str(place / "cert.pem"))
    identity.private_key_pem.write_to_path(str(place / "key.pem"))
    (place / "htpasswd").write_text(f"dev:{HASH}\n")
    more = (
        f"  tls: {{certificate: {place}/cert.pem, key: {place}/key.pem}}\n"
        f"auth:\n  htpasswd: {{realm: lab, path: {place}/htpasswd}}\n"
    )
    async with distribution(place) as host:
        push(host, "team/app", "1", content)
    async with distribution(place, more=more) as host:
        if password:
            config(tmp_path, auths(host, password))
        asker = Asker(puller, frozenset({host}), logins=True)
        found = {k: await asker.other(f"registry.{k}", image=f"{host}/{IMAGE}") for k in ("manifest", "token", "blob")}
    assert found["manifest"].outcome == outcome
    if outcome == "ok":
        assert [found[k].outcome for k in ("token", "blob")] == ["not-needed", "ok"]
    assert found["manifest"].data.get("login") == (CONFIG if password else None)
    assert not any(PASSWORD in str(e.data) + e.detail for e in found.values() if password != PASSWORD)
