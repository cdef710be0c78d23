"""A proxy asked for a connection to a host: CONNECT as net/http sends it, SOCKS5 as x/net/internal/socks."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass, field

from kdoctor import __version__
from kdoctor.probes.names import literal
from kdoctor.probes.streams import Rewound, Stream, host_port, read_exactly, word

_MOST_HEADER = 65536
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: +([^\r\n]*))?\r?\n")
_END = re.compile(rb"\r?\n\r?\n")

_SOCKS_REPLIES = {
    1: ("failed", "general SOCKS server failure"),
    2: ("denied", "connection not allowed by ruleset"),
    3: ("failed", "network unreachable"),
    4: ("failed", "host unreachable"),
    5: ("failed", "connection refused"),
    6: ("failed", "TTL expired"),
    7: ("failed", "command not supported"),
    8: ("failed", "address type not supported"),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password of a proxy setting; for that proxy only."""

    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Return the value of Proxy-Authorization (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the proxy answered: an outcome of proxy.tunnel, and the stream through it when that is "ok"."""

    outcome: str
    says: str
    status: int | None = None
    reason: str | None = None
    schemes: tuple[str, ...] = ()
    server: str | None = None
    stream: Stream | None = None


async def connect(stream: Stream, host: str, port: int, credentials: Credentials | None) -> Reply:
    """Send CONNECT and judge the answer as Go does: only 200 opens the tunnel (RFC 9110, 9.3.6)."""
    target = host_port(host, port)
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"User-Agent: kdoctor/{__version__}"]
    if credentials:
        lines.append(f"Proxy-Authorization: {credentials.basic}")
    data = b""
    try:
        await stream.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
        while not _END.search(data) and len(data) < _MOST_HEADER and _may_be_http(data):
            more = await stream.read()
            if not more:
                break
            data += more
    except OSError as error:
        return Reply(word(error), f"the connection broke while the proxy was asked for {target}: {error}")
    return _judge(data, target, stream)


def _may_be_http(data: bytes) -> bool:
    return data[:5] == b"HTTP/"[: len(data)]


def _judge(data: bytes, target: str, stream: Stream) -> Reply:
    if not data:
        return Reply("closed", f"it closed the connection when asked for {target}")
    if data[:1] in (b"\x15", b"\x16") and data[1:2] in (b"\x03", b""):
        return Reply("tls", "it speaks TLS: the proxy's URL must begin with https://")
    status_line, end = _STATUS_LINE.match(data), _END.search(data)
    if not status_line:
        if _may_be_http(data) and len(data) < _MOST_HEADER:
            return Reply("closed", f"it closed the connection in the middle of its answer for {target}")
        return Reply("not-http", f"it answered with bytes that are not HTTP: {data[:16]!r}")
    status = int(status_line[1])
    if status != 200:
        return _refused(status, (status_line[2] or b"").decode("latin-1").strip(), data)
    if not end:
        return Reply("closed", f"it closed the connection in the middle of its answer for {target}")
    through = Rewound(stream, data[end.end() :])
    return Reply("ok", f"it opened a tunnel to {target}", status=200, server=_server(data), stream=through)


def _refused(status: int, reason: str, data: bytes) -> Reply:
    says = f"it answered {status} {reason}".rstrip()
    server = _server(data)
    if status == 407:
        schemes = tuple(dict.fromkeys(value.split()[0] for value in _headers(data, b"proxy-authenticate") if value))
        return Reply("auth-required", says, status, reason, schemes, server)
    # A redirect leads to a login page or a block page: the proxy said no.
    return Reply("denied" if 300 <= status < 500 else "failed", says, status, reason, (), server)


def _server(data: bytes) -> str | None:
    """Return what names the proxy's program; squid's own error code says more than its name."""
    parts = [
        f"{name}: {value}" if name != "Server" else value
        for name in ("Server", "Via", "X-Squid-Error")
        for value in _headers(data, name.lower().encode())
    ]
    return "; ".join(parts)[:200] or None


def _headers(data: bytes, name: bytes) -> list[str]:
    head = _END.split(data, maxsplit=1)[0]
    pairs = (line.partition(b":") for line in head.splitlines()[1:])
    return [value.strip().decode("latin-1") for key, _, value in pairs if key.strip().lower() == name]


async def socks5(stream: Stream, host: str, port: int, credentials: Credentials | None) -> Reply:
    """Ask a SOCKS5 server for the host by name, as Go does (RFC 1928, RFC 1929)."""
    target = host_port(host, port)
    try:
        await stream.write(b"\x05\x02\x00\x02" if credentials else b"\x05\x01\x00")
        greeting = await read_exactly(stream, 2)
        if greeting[0] != 5:
            return Reply("not-http", f"it does not speak SOCKS5: its first bytes are {greeting!r}")
        if refused := await _authenticate(stream, greeting[1], credentials):
            return refused
        await stream.write(b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2, "big"))
        head = await read_exactly(stream, 4)
        if head[0] != 5:
            return Reply("not-http", f"it does not speak SOCKS5: its reply begins with {head!r}")
        if head[1]:
            outcome, meaning = _SOCKS_REPLIES.get(head[1], ("failed", f"unknown code {head[1]}"))
            return Reply(outcome, f"it replied: {meaning}", reason=meaning)
        size = {1: 4, 4: 16}.get(head[3]) or (await read_exactly(stream, 1))[0]
        await read_exactly(stream, size + 2)
    except EOFError:
        return Reply("closed", f"it closed the connection when asked for {target}")
    except OSError as error:
        return Reply(word(error), f"the connection broke while the proxy was asked for {target}: {error}")
    return Reply("ok", f"it opened a connection to {target}", stream=stream)


async def _authenticate(stream: Stream, method: int, credentials: Credentials | None) -> Reply | None:
    if method == 0:
        return None
    if method != 2 or credentials is None:
        return Reply("auth-required", "it accepts none of the authentication methods that the setting allows")
    user, password = credentials.user.encode()[:255], credentials.password.encode()[:255]
    await stream.write(bytes((1, len(user))) + user + bytes((len(password),)) + password)
    if (await read_exactly(stream, 2))[1]:
        return Reply("auth-required", "it refused the user and password of the setting")
    return None


def _socks_address(host: str) -> bytes:
    if bare := literal(host):
        packed = ipaddress.ip_address(bare).packed
        return (b"\x01" if len(packed) == 4 else b"\x04") + packed
    name = host.encode("ascii", "replace")[:255]
    return b"\x03" + bytes((len(name),)) + name
