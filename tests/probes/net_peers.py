"""Real peers on loopback for the network probes: nameservers, proxies, TLS and odd TCP servers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import trustme

from kdoctor.machine import Machine
from kdoctor.model import Evidence
from kdoctor.probes.ask import Found
from kdoctor.probes.kinds import KINDS
from kdoctor.settings import proxy, resolv
from kdoctor.settings.proxy import ProxySettings
from kdoctor.settings.resolv import ResolvConf
from kdoctor.settings.sharing import Facet, Sharing
from kdoctor.settings.trust import Trust
from kdoctor.vantages import Mirror

LOOPBACK = "127.0.0.1"


async def ended(server: asyncio.Server, tasks: Collection[asyncio.Task[None]]) -> None:
    """End a server and what it still does for its clients."""
    await rounds()  # asyncio loses a connection whose server closes, or whose task is cancelled, before it is served
    server.close()
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await rounds()


async def rounds() -> None:
    """Let the loop carry out what was begun: a connection takes four rounds to be accepted, and two to be closed."""
    for _ in range(8):
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Place:
    """A vantage with settings of a test's own; resolvers may have any port."""

    machine: Machine
    conf: ResolvConf = field(default_factory=ResolvConf)
    trusted: Trust = field(default_factory=Trust)
    settings: ProxySettings | None = None
    name: str = "shell"

    def sharing(self, facet: Facet) -> Sharing:
        return Sharing(True, f"a test runs here ({facet})")

    def proxies(self) -> ProxySettings:
        return self.settings or proxy.from_environment(self.machine.env)

    def resolvers(self) -> ResolvConf:
        return self.conf

    def trust(self, registry: str) -> Trust:
        return self.trusted

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        return ()

    def platform(self) -> str:
        return "linux/amd64"

    def known(self) -> frozenset[str]:
        return frozenset()


@dataclass
class Ask:
    """A probe's environment: `seconds` from now on, other probes run for real."""

    vantage: Place
    seconds: float = 5.0
    trusted_hosts: frozenset[str] = frozenset()
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    @property
    def remaining(self) -> float:
        return max(self._end - time.monotonic(), 0.0)

    async def login(self, registry: str) -> None:
        del registry

    async def other(self, kind: str, **params: str) -> Evidence:
        self.asked.append(kind)
        found = await run(self, kind, **params)
        return Evidence(kind, "", "shell", found.outcome, found.detail, 0.0, found.data)


async def run(ask: Ask, kind: str, **params: str) -> Found:
    """Run a probe's function and hold its answer against its kind."""
    module, _, name = KINDS[kind].run.partition(":")
    found: Found = await getattr(importlib.import_module(module), name)(ask, **params)
    assert found.outcome in (*KINDS[kind].outcomes, "unseen", "cut")
    types: Mapping[str, type | tuple[type, ...]] = {"text": str, "number": (int, float), "bool": bool, "list": tuple}
    for key, value in found.data.items():
        assert isinstance(value, types[KINDS[kind].fields[key]]), f"{kind}.{key} is {value!r}"
    assert found.detail or found.outcome == "ok"
    return found


def place(
    root: Path,
    *servers: str,
    hosts: str = "",
    env: Mapping[str, str] | None = None,
    trust: Trust | None = None,
    search: tuple[str, ...] = (),
    ndots: int = 1,
) -> Place:
    """Return a vantage whose machine has `root`, that asks `servers` and has `hosts` as hosts file."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/hosts").write_text(hosts)
    conf = ResolvConf(servers=servers, search=search, ndots=ndots)
    return Place(Machine(root=root, env=dict(env or {})), conf if servers else resolv.parse(""), trust or Trust())


# --- names ----------------------------------------------------------------------------------------

Question = dns.message.Message
Answerer = Callable[[Question, bool], "bytes | Question | None"]


def answer(query: Question, *addresses: str, rcode: int = dns.rcode.NOERROR, flags: int = 0) -> Question:
    """Return a response with those of the addresses that the question is for."""
    message = dns.message.make_response(query)
    message.flags |= dns.flags.RA | flags
    message.set_rcode(dns.rcode.Rcode(rcode))
    asked = query.question[0]
    family = dns.rdatatype.AAAA if asked.rdtype == dns.rdatatype.AAAA else dns.rdatatype.A
    fitting = [one for one in addresses if (":" in one) == (family == dns.rdatatype.AAAA)]
    if fitting:
        message.answer.append(dns.rrset.from_text(asked.name, 60, "IN", dns.rdatatype.to_text(family), *fitting))
    return message


def zone(**names: str) -> Answerer:
    """Return an answerer of a few names (dots as _), blank separated addresses; NXDOMAIN for others."""
    table = {key.replace("_", ".") + ".": value.split() for key, value in names.items()}

    def respond(query: Question, tcp: bool) -> Question:
        name = query.question[0].name.to_text().lower()
        if name in table:
            return answer(query, *table[name])
        return answer(query, rcode=dns.rcode.NXDOMAIN)

    return respond


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, respond: Answerer, asked: list[str]) -> None:
        self._respond, self._asked = respond, asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self._asked.append(query.question[0].name.to_text())
        said = self._respond(query, False)
        if said is not None:
            self._transport.sendto(said if isinstance(said, bytes) else said.to_wire(), addr)


@dataclass
class Nameserver:
    """A running nameserver: its "ip:port", and the names asked for over UDP."""

    address: str
    asked: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def nameserver(respond: Answerer, *, tcp: bool = True, host: str = LOOPBACK) -> AsyncIterator[Nameserver]:
    """Serve DNS over UDP and, on the same port, over TCP."""

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        said = respond(dns.message.from_wire(await reader.readexactly(size)), True)
        if said is not None:
            wire = said if isinstance(said, bytes) else said.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)

    async with contextlib.AsyncExitStack() as stack:
        server = await _free_pair(stream, stack, host) if tcp else None
        port = server.sockets[0].getsockname()[1] if server else 0
        asked: list[str] = []
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(respond, asked), (host, port))
        try:
            yield Nameserver(f"{host}:{transport.get_extra_info('sockname')[1]}", asked)
        finally:
            transport.close()
            await rounds()


async def _free_pair(handler: Handler, stack: contextlib.AsyncExitStack, host: str) -> asyncio.Server:
    for _ in range(20):
        running = await stack.enter_async_context(serve(handler, host=host))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind((host, running.port))
            return running.server
    raise AssertionError("no port is free for both UDP and TCP")


# --- connections ----------------------------------------------------------------------------------

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """A running TCP server."""

    server: asyncio.Server
    port: int
    host: str = LOOPBACK

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


@contextlib.asynccontextmanager
async def serve(
    handler: Handler, *, host: str = LOOPBACK, port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[Served]:
    """Serve TCP (or TLS); handlers that hang are cancelled at the end."""
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.add(writer)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            with contextlib.suppress(OSError, asyncio.CancelledError, ssl.SSLError):
                writer.close()

    server = await asyncio.start_server(guarded, host, port, ssl=context)
    try:
        yield Served(server, server.sockets[0].getsockname()[1], host)
    finally:
        await ended(server, tasks)
        for writer in writers:
            writer.transport.abort()
        await rounds()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything and say nothing."""
    while await reader.read(65536):
        pass
    await asyncio.sleep(30)


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close at the first bytes."""
    await reader.read(65536)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset at the first bytes."""
    await reader.read(65536)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


def says(data: bytes, *, hold: bool = False) -> Handler:
    """Return a handler that answers the first bytes with `data`, and then closes or waits."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(data)
        await writer.drain()
        if hold:
            await asyncio.sleep(30)

    return handler


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header that never ends, byte by byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"y")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a header that never ends, as fast as it is taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"y" * 65536)
        await writer.drain()


def closed_port(host: str = LOOPBACK) -> int:
    """Return a port on which nothing listens."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """Yield a port whose queue of connections is full, so that a new one is neither taken nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# --- proxies --------------------------------------------------------------------------------------


@dataclass
class Tunnels:
    """What a test proxy does: `ways` maps host:port to where it leads, `heads` keeps what it was asked."""

    ways: dict[str, tuple[str, int]] = field(default_factory=dict)
    user: str | None = None
    heads: list[str] = field(default_factory=list)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: tuple[str, int], hello: bytes) -> None:
    far_reader, far_writer = await asyncio.open_connection(*way)
    try:
        writer.write(hello)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        far_writer.close()


def connect_proxy(tunnels: Tunnels) -> Handler:
    """Return a minimal HTTP proxy that knows CONNECT only."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        tunnels.heads.append(head)
        target = head.split()[1]
        if tunnels.user and f"Proxy-Authorization: {tunnels.user}\r\n" not in head:
            writer.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid/5.7\r\n"
                b'Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n'
            )
        elif target not in tunnels.ways:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n")
        else:
            await _join(reader, writer, tunnels.ways[target], b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()

    return handler


def socks_proxy(tunnels: Tunnels, *, password: bytes | None = None, code: int = 0) -> Handler:
    """Return a minimal SOCKS5 server (RFC 1928) that takes names."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        wanted = 2 if password else 0
        if wanted not in methods:
            writer.write(b"\x05\xff")
            return
        writer.write(bytes((5, wanted)))
        if password:
            _, size = await reader.readexactly(2)
            await reader.readexactly(size)
            given = await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\x01\x00" if given == password else b"\x01\x01")
            if given != password:
                return
        *_, size = await reader.readexactly(5)
        host = (await reader.readexactly(size)).decode()
        target = f"{host}:{int.from_bytes(await reader.readexactly(2), 'big')}"
        tunnels.heads.append(target)
        if code:
            writer.write(bytes((5, code, 0, 1)) + bytes(6))
            return
        await _join(reader, writer, tunnels.ways[target], b"\x05\x00\x00\x01" + bytes(6))

    return handler


# --- TLS ------------------------------------------------------------------------------------------


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server that shows the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextlib.contextmanager
def blocking_tls(context: ssl.SSLContext, connections: int = 2) -> Iterator[int]:
    """Serve TLS from a thread and yield the port: asyncio's server closes without sending its alert."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def work() -> None:
            for _ in range(connections):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        with context.wrap_socket(connection, server_side=True) as tls:
                            tls.recv(1)
                    except OSError:
                        connection.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def trust_in(root: Path, *authorities: trustme.CA) -> Trust:
    """Return a trust in exactly these authorities, in files under `root`."""
    files = []
    for at, authority in enumerate(authorities):
        path = root / f"ca{at}.pem"
        authority.cert_pem.write_to_path(str(path))
        files.append(str(path))
    return Trust(ca_files=tuple(files))
