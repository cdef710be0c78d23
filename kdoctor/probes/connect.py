"""TCP connections to guarded addresses, judged per address, and raced as Go's net.Dialer does."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from kdoctor.model import UNSEEN
from kdoctor.probes.guard import refusal
from kdoctor.probes.names import families
from kdoctor.probes.streams import SocketStream, Stream, errno_name, host_port, settle, word
from kdoctor.probes.wire import FAR

CONNECT_LIMIT = 4.0
"""Seconds after which an address counts as silent; Go's callers wait 15 to 30."""
_FALLBACK_DELAY = 0.3  # net.Dialer: RFC 6555 Happy Eyeballs
_MOST_ADDRESSES = 8

SAYS = {
    "open": "{address} accepts connections.",
    "refused": "{address} refuses connections ({errno}).",
    "timeout": "{address} does not answer.",
    "unreachable": "There is no way from here to {address} ({errno}).",
    "reset": "{address} reset the connection ({errno}).",
    "forbidden": "This machine does not allow connections to {address} ({errno}).",
    "blocked": "{address} was not contacted: {errno}.",
    UNSEEN: "{address} was not tried: {errno}.",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address tried: an outcome of tcp.connect, errno's symbol or words, the stream when open.

    Another machine may connect and have no tool to carry bytes: then it is open without a stream.
    """

    address: str
    outcome: str
    errno: str = ""
    stream: Stream | None = None

    @property
    def says(self) -> str:
        """Return the outcome as a sentence."""
        return SAYS[self.outcome].format(address=self.address, errno=self.errno)


async def attempt(ip: str, port: int, limit: float, resolvers: Sequence[str] = ()) -> Attempt:
    """Connect to one IP and port within `limit` seconds; whoever gets a stream closes it."""
    address = host_port(ip, port)
    if reason := refusal(ip, port, resolvers):
        return Attempt(address, "blocked", reason)
    if far := FAR.get():
        from kdoctor.probes import far as through

        return await through.attempt(far, ip, port, limit)
    connection: socket.socket | None = None
    try:
        connection = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().sock_connect(connection, (ip, port))
        stream = SocketStream(connection)
        connection = None
        return Attempt(address, "open", stream=stream)
    except TimeoutError as error:
        return Attempt(address, "timeout", errno_name(error) if error.errno else "")
    except OSError as error:
        return Attempt(address, word(error), errno_name(error))
    finally:
        if connection is not None:
            connection.close()


async def each(addresses: Sequence[str], port: int, limit: float, resolvers: Sequence[str] = ()) -> list[Attempt]:
    """Try every address at once and close what opens: this asks who would answer."""
    tries = await asyncio.gather(*(attempt(ip, port, limit, resolvers) for ip in addresses[:_MOST_ADDRESSES]))
    for one in tries:
        if one.stream:
            one.stream.close()
    return tries


async def race(addresses: Sequence[str], port: int, limit: float, resolvers: Sequence[str] = ()) -> Attempt:
    """Return the first address that opens, or the first family's first failure, as Go's dialParallel does."""
    ordered = in_order(addresses)[:_MOST_ADDRESSES]
    tasks = [asyncio.create_task(_later(at, ip, port, limit, resolvers)) for at, ip in enumerate(ordered)]
    won: Attempt | None = None
    try:
        for done in asyncio.as_completed(tasks):
            tried = await done
            if tried.outcome == "open":
                won = tried
                return tried
        return tasks[0].result()
    finally:
        await settle(tasks)
        for task in tasks:
            if not task.cancelled() and task.exception() is None:
                lost = task.result()
                if lost is not won and lost.stream:
                    lost.stream.close()


async def _later(at: int, ip: str, port: int, limit: float, resolvers: Sequence[str]) -> Attempt:
    delay = min(at * _FALLBACK_DELAY, limit / 2)
    await asyncio.sleep(delay)
    return await attempt(ip, port, limit - delay, resolvers)


def in_order(addresses: Sequence[str]) -> list[str]:
    """Return the addresses of the family that Go tries and reports first, then the others."""
    v4, v6 = families(addresses)
    if FAR.get():
        return [*v4, *v6]  # the other machine's source addresses are not known
    return [*v6, *v4] if v4 and v6 and _prefers_v6(v6[0]) else [*v4, *v6]


def _prefers_v6(address: str) -> bool:
    """Tell whether RFC 6724 puts this IPv6 destination before IPv4 here: it has a route and a fitting source.

    Connecting a UDP socket sends nothing; it only asks the kernel for the source address.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            source = ipaddress.ip_address(probe.getsockname()[0].partition("%")[0])
    except OSError:
        return False
    local = ipaddress.IPv6Network("fc00::/7")
    destination = ipaddress.ip_address(address.partition("%")[0])
    return not source.is_link_local and (source in local) == (destination in local)
