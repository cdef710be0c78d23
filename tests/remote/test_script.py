"""The script runs in BusyBox ash, dash and bash, and says what is missing when a tool is taken away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import dns.message
import dns.rcode
import pytest

from kdoctor.model import UNSEEN
from kdoctor.probes import far as through
from kdoctor.probes.wire import FAR
from kdoctor.remote.answers import Answer
from kdoctor.remote.session import Session, SessionError, end_all
from kdoctor.remote.vantage import Far
from tests.probes.net_peers import Answerer, answer, closed_port, nameserver, rounds, says, serve, silent, zone
from tests.remote.shells import APPLETS, SHELLS, TOOLS, applets, far, only_path, tools, way

NAMESERVER = "127.0.53.1"
"""Loopback address for tools that ask port 53 and no other."""

PATIENCE = 8.0
"""Seconds for a nameserver that answers at once: two cores run many tools side by side."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the script needs a POSIX shell")


@pytest.fixture(autouse=True)
async def _settled(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    only_path(monkeypatch)
    yield
    await end_all()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.asynccontextmanager
async def on_port_53(respond: Answerer) -> AsyncIterator[str]:
    """Serve DNS over UDP on port 53 of a loopback address; skip where this user may not."""
    loop = asyncio.get_running_loop()

    class Datagrams(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.DatagramTransport, transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            said = respond(dns.message.from_wire(data), False)
            if said is not None:
                self.transport.sendto(said if isinstance(said, bytes) else said.to_wire(), addr)

    try:
        transport, _ = await loop.create_datagram_endpoint(Datagrams, local_addr=(NAMESERVER, 53))
    except PermissionError:
        pytest.skip("this user may not listen on port 53")
    try:
        yield NAMESERVER
    finally:
        transport.close()
        await rounds()


# --- what the three shells have in common --------------------------------------------------------


async def test_facts_are_the_same_in_every_shell(tmp_path: Path) -> None:
    seen = [await far(name, tools(tmp_path / name, TOOLS)) for name in SHELLS if Path(SHELLS[name][0]).exists()]
    assert len(seen) >= 2
    first = seen[0].machine
    assert first.read("/etc/resolv.conf") == Path("/etc/resolv.conf").read_text()
    assert first.hostname == socket.gethostname()
    for other in seen[1:]:
        assert dict(other.machine.texts) == dict(first.texts)
        assert other.machine.tools >= first.tools  # Debian's ash has applets built in
        assert [d.path for d in other.machine.disks] == [d.path for d in first.disks]


async def test_connections_have_the_outcomes_of_tcp_connect(tmp_path: Path, shell: str) -> None:
    place = await far(shell, tools(tmp_path / "bin", TOOLS))
    async with serve(says(b"hello")) as server:
        opened = await through.attempt(place, "127.0.0.1", server.port, 3.0)
    assert opened.outcome == "open"
    assert opened.stream is not None
    opened.stream.close()
    assert (await through.attempt(place, "127.0.0.1", closed_port(), 3.0)).outcome == "refused"


async def test_a_relay_carries_bytes_both_ways(tmp_path: Path, shell: str) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.readexactly(70000)
        writer.write(data[::-1])
        await writer.drain()
        writer.close()

    payload = bytes(range(250)) * 280
    for folder in (tools(tmp_path / "all", TOOLS), applets(tmp_path / "nc", APPLETS)):
        place = await far(shell, folder)
        async with serve(echo) as server:
            opened = await through.attempt(place, "127.0.0.1", server.port, 3.0)
            assert opened.stream is not None, opened
            await opened.stream.write(payload)
            held = b""
            while more := await opened.stream.read():
                held += more
        opened.stream.close()
        assert held == payload[::-1]


@pytest.mark.parametrize(
    ("rcode", "outcome"),
    [(dns.rcode.NXDOMAIN, "nxdomain"), (dns.rcode.SERVFAIL, "servfail"), (dns.rcode.REFUSED, "refused")],
)
@pytest.mark.parametrize("tool", ["bash", "dig", "nslookup", "busybox-nslookup"])
async def test_each_tool_tells_the_codes_of_a_nameserver(
    tmp_path: Path, tool: str, rcode: dns.rcode.Rcode, outcome: str
) -> None:
    place = await _with(tmp_path, tool)
    async with on_port_53(lambda query, tcp: answer(query, rcode=rcode)) as server:
        said = await through.ask_server(place, server, 53, "reg.test.", PATIENCE)
    assert said.outcome == outcome, said


@pytest.mark.parametrize("tool", ["bash", "dig", "nslookup", "busybox-nslookup"])
async def test_each_tool_gives_the_addresses_of_both_families(tmp_path: Path, tool: str) -> None:
    place = await _with(tmp_path, tool)
    async with on_port_53(zone(reg_test="10.0.0.7 10.0.0.8 fd00::7")) as server:
        said = await through.ask_server(place, server, 53, "reg.test.", PATIENCE)
    assert said.outcome == "ok", said
    assert sorted(said.ipv4) == ["10.0.0.7", "10.0.0.8"]
    assert said.ipv6 == ("fd00::7",)


@pytest.mark.parametrize("tool", ["bash", "dig", "nslookup", "busybox-nslookup"])
async def test_each_tool_tells_no_data_silence_and_a_closed_port(tmp_path: Path, tool: str) -> None:
    place = await _with(tmp_path, tool)
    async with on_port_53(lambda query, tcp: answer(query)) as server:
        assert (await through.ask_server(place, server, 53, "reg.test.", PATIENCE)).outcome == "nodata"
    async with on_port_53(lambda query, tcp: None) as server:
        assert (await through.ask_server(place, server, 53, "reg.test.", 1.0)).outcome == "timeout"
    assert (await through.ask_server(place, NAMESERVER, 53, "reg.test.", 1.0)).outcome == "closed"


async def test_another_port_than_53_is_asked_too(tmp_path: Path, shell: str) -> None:
    place = await far(shell, tools(tmp_path / "bin", TOOLS))
    async with nameserver(zone(reg_test="10.0.0.7")) as server:
        host, _, port = server.address.rpartition(":")
        said = await through.ask_server(place, host, int(port), "reg.test.", PATIENCE)
    assert said.addresses == ("10.0.0.7",)


async def _with(tmp_path: Path, tool: str) -> Far:
    base = ("sleep", "cat")
    if tool == "busybox-nslookup":
        return await far("busybox", applets(tmp_path / "bin", ("nslookup", "sleep")))
    more = ("dd", "od") if tool == "bash" else ()
    return await far("dash", tools(tmp_path / "bin", (*base, tool, *more)))


# --- without a tool --------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", TOOLS)
async def test_without_any_one_tool_every_question_is_answered(tmp_path: Path, shell: str, gone: str) -> None:
    place = await far(shell, tools(tmp_path / "bin", [name for name in TOOLS if name != gone]))
    async with serve(says(b"hello")) as server:
        connected = await through.attempt(place, "127.0.0.1", server.port, 3.0)
    if connected.stream:
        connected.stream.close()
    assert connected.outcome == "open", connected
    async with nameserver(zone(reg_test="10.0.0.7")) as server_:
        host, _, port = server_.address.rpartition(":")
        asked = await through.ask_server(place, host, int(port), "reg.test.", PATIENCE)
    assert asked.outcome == "ok", asked
    disks = [d for d in place.machine.disks if d.total]
    assert bool(disks) is (gone != "df" or shell == "busybox")  # its ash has them built in


@pytest.mark.parametrize("gone", APPLETS)
async def test_without_an_applet_it_answers_or_says_what_is_missing(tmp_path: Path, gone: str) -> None:
    place = await far("dash", applets(tmp_path / "bin", [name for name in APPLETS if name != gone]))
    async with serve(says(b"hello")) as server:
        connected = await through.attempt(place, "127.0.0.1", server.port, 2.0)
    if connected.stream:
        connected.stream.close()
    assert connected.outcome == (UNSEEN if gone in ("nc", "sleep") else "open"), connected
    if connected.outcome == UNSEEN:
        assert gone in connected.errno
    async with on_port_53(zone(reg_test="10.0.0.7")) as address:
        asked = await through.ask_server(place, address, 53, "reg.test.", PATIENCE)
    assert asked.outcome == (UNSEEN if gone in ("nslookup", "sleep") else "ok"), asked
    if asked.outcome == UNSEEN:
        assert gone in asked.why


@pytest.mark.parametrize("tool", ["curl", "openssl"])
async def test_a_connection_without_bash_and_nc_is_seen_and_carries_nothing(tmp_path: Path, tool: str) -> None:
    place = await far("dash", tools(tmp_path / "bin", ("sleep", tool)))
    async with serve(silent) as server:
        opened = await through.attempt(place, "127.0.0.1", server.port, 2.0)
    assert (opened.outcome, opened.stream) == ("open", None)
    assert (await through.attempt(place, "127.0.0.1", closed_port(), 2.0)).outcome == "refused"


async def test_with_no_tool_at_all_it_says_so(tmp_path: Path, shell: str) -> None:
    place = await far(shell, tools(tmp_path / "bin", ()))
    if shell == "busybox":
        pytest.skip("its ash has the tools built in")
    assert place.machine.tools == frozenset()
    assert place.machine.read("/etc/resolv.conf") is not None
    tried = await through.attempt(place, "127.0.0.1", 9, 1.0)
    assert tried.outcome == UNSEEN
    assert "sleep" in tried.errno


# --- time, secrets, arguments --------------------------------------------------------------------


async def test_a_silent_peer_costs_no_more_than_the_limit(tmp_path: Path, shell: str) -> None:
    place = await far(shell, tools(tmp_path / "bin", TOOLS))
    began = time.monotonic()
    async with nameserver(lambda query, tcp: None) as server:
        host, _, port = server.address.rpartition(":")
        said = await through.ask_server(place, host, int(port), "reg.test.", 1.0)
    assert said.outcome == "timeout", said
    assert time.monotonic() - began < 4.0


async def test_values_that_a_shell_or_tool_could_take_for_more_are_never_sent(tmp_path: Path) -> None:
    session = Session(way("dash", tools(tmp_path / "bin", TOOLS)))
    for value in ("-oProxyCommand=x", "$(id)", "a;b", "a b", "`id`", "a\nb", "", "'", "*", "&", "|"):
        with pytest.raises(SessionError, match="no value that is given"):
            await session.ask("names", 2.0, value)


async def test_the_script_itself_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    session = Session(way("dash", tools(tmp_path / "bin", TOOLS)))
    for command, values in (("rm", ["x"]), ("names", []), ("names", ["a", "b"]), ("main", ["x"]), ("dns", ["x"] * 5)):
        with pytest.raises(SessionError, match="did not accept"):
            await session.ask(command, 2.0, *values)


async def test_no_password_leaves_the_other_side(tmp_path: Path, shell: str) -> None:
    secrets = ("HTTPS_PROXY=http://ann:s3cr3t/x@proxy.test:3128", "http_proxy=bob:hidden@proxy.test:8080")
    place = way(shell, tools(tmp_path / "bin", TOOLS), *secrets)
    told = await Session(place).ask("facts", 5.0)
    assert isinstance(told, Answer)
    assert "s3cr3t" not in str(told)
    assert "hidden" not in str(told.words)
    assert "self HTTPS_PROXY=http://xxxxx:xxxxx@proxy.test:3128" in told.words["env"]
    assert "self http_proxy=xxxxx:xxxxx@proxy.test:8080" in told.words["env"]


async def test_a_probe_of_another_machine_opens_no_socket_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kdoctor.probes.connect import attempt
    from kdoctor.probes.nameserver import ask_server

    place = await far("dash", tools(tmp_path / "bin", TOOLS))
    closed = closed_port()

    def refuse(*args: object, **kwargs: object) -> socket.socket:
        raise AssertionError("a socket was opened on this machine")

    monkeypatch.setattr("kdoctor.probes.connect.socket.socket", refuse)
    monkeypatch.setattr("kdoctor.probes.nameserver.socket.socket", refuse)
    token = FAR.set(place)
    try:
        assert (await attempt("127.0.0.1", closed, 2.0)).outcome == "refused"
        assert (await ask_server("127.0.0.1", closed, "reg.test.", 1.0)).outcome == "closed"
        assert (await attempt("169.254.169.254", 80, 2.0)).outcome == "blocked"
    finally:
        FAR.reset(token)
