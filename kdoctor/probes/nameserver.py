"""One nameserver asked for A and AAAA of one name, as Go's net/dnsclient_unix.go asks and judges."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from kdoctor.probes.streams import SocketStream, host_port, read_exactly, settle, word
from kdoctor.probes.wire import FAR

PAYLOAD = 1232
"""Go's maxDNSPacketSize: what its EDNS0 record offers."""
_MOST_ADDRESSES = 32
_MOST_STRAY_PACKETS = 64

FINAL = ("ok", "nxdomain", "nodata")
"""Outcomes after which Go asks no other nameserver."""

_ERRORS = {"refused": "closed", "reset": "closed", "timeout": "timeout"}
_RCODES = {dns.rcode.NXDOMAIN: "nxdomain", dns.rcode.SERVFAIL: "servfail", dns.rcode.REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one nameserver said: an outcome of dns.lookup, and its answer over TCP where that was tried.

    `why` tells why it could not be asked, where the outcome is UNSEEN.
    """

    server: str
    outcome: str
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    tcp: str | None = None
    why: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the addresses of both families, IPv4 first."""
        return self.ipv4 + self.ipv6


@dataclass(frozen=True, slots=True)
class _Reply:
    outcome: str
    addresses: tuple[str, ...] = ()
    tcp: str | None = None


async def ask_server(ip: str, port: int, name: str, limit: float) -> Answer:
    """Ask one nameserver for both families at once; `limit` in seconds bounds everything.

    A silent UDP port is asked over TCP too, in the second half of the time. Go would not do that:
    it only tells a lost way from a dead server, and does not change the outcome.
    """
    if far := FAR.get():
        from kdoctor.probes import far as through

        return await through.ask_server(far, ip, port, name, limit)
    late = asyncio.create_task(_late_tcp(ip, port, name, limit))
    try:
        v4, v6 = await asyncio.gather(
            _ask(ip, port, name, dns.rdatatype.A, limit),
            _ask(ip, port, name, dns.rdatatype.AAAA, limit),
        )
        tcp = v4.tcp or v6.tcp
        if v4.outcome == "timeout" and v6.outcome == "timeout":
            tcp = await late
    finally:
        await settle([late])
    return Answer(host_port(ip, port), both(v4.outcome, v6.outcome), v4.addresses, v6.addresses, tcp)


def both(v4: str, v6: str) -> str:
    """Return the outcome of both questions together: addresses win, then NXDOMAIN, then a failure."""
    outcomes = (v4, v6)
    if "ok" in outcomes:
        return "ok"
    if "nxdomain" in outcomes:
        return "nxdomain"
    # Go keeps the error of the last question; NODATA for the other one does not hide it.
    return next((outcome for outcome in (v6, v4) if outcome != "nodata"), "nodata")


async def _late_tcp(ip: str, port: int, name: str, limit: float) -> str:
    await asyncio.sleep(limit / 2)
    query = dns.message.make_query(name, dns.rdatatype.A, use_edns=0, payload=PAYLOAD)
    return (await _over_tcp(ip, port, query, limit / 2)).outcome


async def _ask(ip: str, port: int, name: str, kind: dns.rdatatype.RdataType, limit: float) -> _Reply:
    query = dns.message.make_query(name, kind, use_edns=0, payload=PAYLOAD)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    try:
        wire = await _over_udp(ip, port, query, limit)
    except OSError as error:
        return _Reply(_ERRORS.get(word(error), "unreachable"))
    if wire is None:
        return _Reply("malformed")
    if truncated(wire):
        reply = await _over_tcp(ip, port, query, max(deadline - loop.time(), 0.05))
        return _Reply(reply.outcome, reply.addresses, reply.outcome)
    return judge(wire, query)


async def _over_udp(ip: str, port: int, query: dns.message.Message, limit: float) -> bytes | None:
    """Return the answer's bytes, None when only packets came that are no answer; TimeoutError when none."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        connection.connect((ip, port))
        strays = [0]
        try:
            async with asyncio.timeout(limit):
                return await _round_trip(connection, query, limit / 2, strays)
        except TimeoutError:
            if strays[0]:
                return None
            raise


async def _round_trip(
    connection: socket.socket, query: dns.message.Message, again: float, strays: list[int]
) -> bytes | None:
    """Send and await the answer; once more after `again` seconds, since one packet may get lost."""
    loop = asyncio.get_running_loop()
    wire = query.to_wire()
    await loop.sock_sendall(connection, wire)
    try:
        async with asyncio.timeout(again):
            return await _matching(connection, query, strays)
    except TimeoutError:
        await loop.sock_sendall(connection, wire)
        return await _matching(connection, query, strays)


async def _matching(connection: socket.socket, query: dns.message.Message, strays: list[int]) -> bytes | None:
    """Read until a packet answers the query; Go, too, passes over any other."""
    loop = asyncio.get_running_loop()
    while strays[0] < _MOST_STRAY_PACKETS:
        wire = await loop.sock_recv(connection, 65535)
        if answers(wire, query):
            return wire
        strays[0] += 1
    return None


def answers(wire: bytes, query: dns.message.Message) -> bool:
    """Tell whether the packet is a response with the query's id and question."""
    if len(wire) < 12 or wire[:2] != query.id.to_bytes(2, "big") or not wire[2] & 0x80:
        return False
    asked = query.question[0]
    section = asked.name.to_wire() or b""
    given = wire[12 : 12 + len(section)]
    rest = wire[12 + len(section) : 16 + len(section)]
    return given.lower() == section.lower() and rest == bytes((0, asked.rdtype, 0, asked.rdclass))


def truncated(wire: bytes) -> bool:
    """Tell whether the answer was cut off to fit a packet (RFC 1035, 4.1.1: TC)."""
    return bool(wire[2] & 0x02)


async def _over_tcp(ip: str, port: int, query: dns.message.Message, limit: float) -> _Reply:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(limit):
                await asyncio.get_running_loop().sock_connect(connection, (ip, port))
                stream = SocketStream(connection)
                wire = query.to_wire()
                await stream.write(len(wire).to_bytes(2, "big") + wire)
                size = int.from_bytes(await read_exactly(stream, 2), "big")
                answer = await read_exactly(stream, size)
    except EOFError:
        return _Reply("closed")
    except OSError as error:
        return _Reply(_ERRORS.get(word(error), "unreachable"))
    return judge(answer, query) if answers(answer, query) else _Reply("malformed")


def judge(wire: bytes, query: dns.message.Message) -> _Reply:
    """Judge an answer as Go's checkHeader and skipToAnswer do."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return _Reply("malformed")
    rcode = message.rcode()
    if rcode != dns.rcode.NOERROR:
        # Go calls every other code "server misbehaving" too: NOTIMP, FORMERR and the like.
        return _Reply(_RCODES.get(rcode, "servfail"))
    kind = query.question[0].rdtype
    found = [str(getattr(item, "address", "")) for group in message.answer if group.rdtype == kind for item in group]
    if found:
        return _Reply("ok", tuple(found[:_MOST_ADDRESSES]))
    referral = not message.answer and not message.flags & (dns.flags.AA | dns.flags.RA)
    return _Reply("lame" if referral and not message.additional else "nodata")
