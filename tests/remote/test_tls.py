"""TLS and /v2/ from another machine: over a relay with its CA files, or by its curl and openssl; its clock counts."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from kdoctor.model import CUT, UNSEEN, Evidence
from kdoctor.probes.runner import Place, Runner
from kdoctor.remote.session import end_all
from kdoctor.remote.vantage import Far
from kdoctor.settings.node import Node
from tests.probes.net_peers import Tunnels, closed_port, closes, connect_proxy, says, serve, server_context, silent
from tests.remote.shells import TOOLS, far, only_path, tools

ANSWER = b"HTTP/1.1 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 2\r\n\r\n{}"
KITS = {
    "relay": TOOLS,
    "curl": ("sleep", "curl", "date"),
    "openssl": ("sleep", "openssl", "date"),
}


@pytest.fixture(autouse=True)
async def _settled(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    only_path(monkeypatch)
    yield
    await end_all()


@pytest.fixture(params=KITS)
def kit(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name != "relay" and shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


async def place_of(tmp_path: Path, kit: str, authority: trustme.CA, *environment: str) -> Far:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    place = await far(
        "dash", tools(tmp_path / "bin", KITS[kit]), f"SSL_CERT_FILE={bundle}", "SSL_CERT_DIR=/none", *environment
    )
    session_alone = Node(place.name, place.machine, env=place.machine.environments["self"])
    return replace(place, node=session_alone)  # whatever engines run on the machine of this test


async def asked(place: Far, kind: str, registry: str) -> Evidence:
    runner = Runner(20.0, frozenset())
    return await runner.ask(Place(place.name, place), kind, {"registry": registry})


async def test_a_good_certificate_and_a_registry(tmp_path: Path, kit: str) -> None:
    authority = trustme.CA()
    place = await place_of(tmp_path, kit, authority)
    async with serve(says(ANSWER), context=server_context(authority.issue_cert("127.0.0.1"))) as server:
        shaken = await asked(place, "tls.handshake", server.address)
        pinged = await asked(place, "registry.ping", server.address)
    assert shaken.outcome == "ok", shaken
    assert pinged.outcome == ("ok" if kit != "openssl" else UNSEEN), pinged


@pytest.mark.parametrize("problem", ["expired", "name-mismatch", "unknown-authority"])
async def test_what_is_wrong_with_a_certificate_is_told_apart(tmp_path: Path, kit: str, problem: str) -> None:
    authority, other = trustme.CA(), trustme.CA()
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = {
        "expired": lambda: authority.issue_cert("127.0.0.1", not_before=past, not_after=past + dt.timedelta(days=9)),
        "name-mismatch": lambda: authority.issue_cert("other.test"),
        "unknown-authority": lambda: other.issue_cert("127.0.0.1"),
    }[problem]()
    place = await place_of(tmp_path, kit, authority)
    async with serve(says(ANSWER), context=server_context(certificate)) as server:
        shaken = await asked(place, "tls.handshake", server.address)
    assert shaken.outcome == problem, shaken
    assert not place.relays or shaken.data["subject"]


async def test_what_is_no_tls_is_told_apart(tmp_path: Path, kit: str) -> None:
    place = await place_of(tmp_path, kit, trustme.CA())
    async with serve(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        assert (await asked(place, "tls.handshake", server.address)).outcome == "http"
    async with serve(closes) as server:
        assert (await asked(place, "tls.handshake", server.address)).outcome in ("closed", "reset")
    async with serve(silent) as server:
        assert (await asked(place, "tls.handshake", server.address)).outcome in ("timeout", CUT)
    nobody = await asked(place, "tls.handshake", f"127.0.0.1:{closed_port()}")
    assert nobody.outcome == "unreached" or (kit == "openssl" and nobody.outcome == UNSEEN), nobody


@pytest.mark.parametrize("kit", ["relay", "curl"])
async def test_the_way_through_the_proxy_there(tmp_path: Path, kit: str) -> None:
    authority = trustme.CA()
    name = "reg.test"
    tunnels = Tunnels()
    async with (
        serve(says(ANSWER), context=server_context(authority.issue_cert(name))) as server,
        serve(connect_proxy(tunnels)) as proxy,
    ):
        tunnels.ways[f"{name}:443"] = ("127.0.0.1", server.port)
        place = await place_of(tmp_path, kit, authority, f"HTTPS_PROXY=http://{proxy.address}")
        shaken = await asked(place, "tls.handshake", name)
        assert shaken.outcome == "ok", shaken
        denied = await asked(place, "registry.ping", "other.test")
    assert denied.outcome == "unreached", denied
    assert str(denied.data["cause"]).startswith("tunnel"), denied


@pytest.mark.parametrize(("days", "outcome"), [(0, "ok"), (4000, "expired"), (-4000, "not-yet-valid")])
async def test_the_clock_of_the_other_machine_counts(tmp_path: Path, days: int, outcome: str) -> None:
    authority = trustme.CA()
    now = dt.datetime.now(dt.UTC)
    certificate = authority.issue_cert(
        "127.0.0.1", not_before=now - dt.timedelta(days=9), not_after=now + dt.timedelta(days=9)
    )
    place = replace(await place_of(tmp_path, "relay", authority), ahead=days * 86400)
    async with serve(says(ANSWER), context=server_context(certificate)) as server:
        shaken = await asked(place, "tls.handshake", server.address)
    assert shaken.outcome == outcome, shaken
