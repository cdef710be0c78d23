"""What a port speaks, by its first bytes after each of three greetings."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.connect import CONNECT_LIMIT, attempt, race
from kdoctor.probes.dial import Clock
from kdoctor.probes.streams import Stream, settle, split_host_port

CONNECT = b"CONNECT registry-1.docker.io:443 HTTP/1.1\r\nHost: registry-1.docker.io:443\r\n\r\n"
SOCKS5 = b"\x05\x01\x00"
_SILENCE = 3.0
_GRACE = 0.6
_MOST = 8192
_SERVER = re.compile(rb"\r?\n(?:server|proxy-agent|via): *([^\r\n]{1,200})", re.IGNORECASE)

_SAYS = {
    "http": "{address} speaks plain HTTP, as a proxy at an http:// URL does.",
    "tls": "{address} speaks TLS: a proxy there needs an https:// URL.",
    "socks5": "{address} speaks SOCKS5: a proxy there needs a socks5:// URL.",
    "silent": "{address} accepts connections but answers neither HTTP, nor TLS, nor SOCKS5.",
    "closed": "{address} accepts connections and closes them without a word.",
    "other": "{address} answers neither HTTP, nor TLS, nor SOCKS5.",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """The first bytes after a greeting; `ended` tells that the peer closed, else it was waited for in vain."""

    data: bytes
    ended: bool = False

    @property
    def speaks(self) -> str | None:
        """Return the protocol of the bytes, None for none."""
        if self.data.startswith(b"HTTP/"):
            return "http"
        if self.data[:1] in (b"\x15", b"\x16") and self.data[1:2] == b"\x03":
            return "tls"
        return "socks5" if len(self.data) >= 2 and self.data[0] == 5 and self.data[1] in (0, 2, 0xFF) else None


async def converse(addresses: Sequence[str], port: int, host: str, clock: Clock) -> Found:
    """Connect, greet in every way at once, and tell what answered."""
    limit = min(CONNECT_LIMIT, clock.left)
    first = await race(addresses, port, limit)
    if first.stream is None:
        silent = first.outcome == "timeout" and not first.errno
        outcome = clock.verdict(limit, "timeout") if silent else first.outcome
        detail = first.says if outcome != "open" else f"{first.says} But {first.errno}."
        return Found(UNSEEN if outcome == "open" else outcome, detail, {"address": first.address})
    ip, _ = split_host_port(first.address)
    limit = min(_SILENCE, clock.left)
    tasks = {
        "http": asyncio.create_task(_heard(first.stream, CONNECT, limit)),
        "tls": asyncio.create_task(greet(ip, port, client_hello(host), limit)),
        "socks5": asyncio.create_task(greet(ip, port, SOCKS5, limit)),
    }
    try:
        heard = await _first_understood(list(tasks.values()), limit)
    finally:
        await settle(tasks.values())
    return _told(first.address, heard, clock.verdict(limit, "silent"))


async def _first_understood(tasks: list[asyncio.Task[Heard]], limit: float) -> list[Heard]:
    """Wait until TLS is heard, or something else and a moment more: TLS servers may answer in clear, too."""
    waiting: set[asyncio.Task[Heard]] = set(tasks)
    left = limit + 0.2
    loop = asyncio.get_running_loop()
    while waiting and left > 0:
        began = loop.time()
        done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        left -= loop.time() - began
        spoken = {task.result().speaks for task in done}
        if "tls" in spoken or not done:
            break
        if spoken - {None}:
            left = min(left, _GRACE)
    return [task.result() for task in tasks if task.done()]


def _told(address: str, heard: list[Heard], silence: str) -> Found:
    spoken = {one.speaks: one for one in heard}
    data: dict[str, Value] = {"address": address}
    for word in ("tls", "http", "socks5"):
        if one := spoken.get(word):
            if word == "http":
                data["banner"] = _printable(one.data.splitlines()[0])
                if match := _SERVER.search(one.data):
                    data["server"] = _printable(match[1])
            return Found(word, _SAYS[word].format(address=address), data)
    said = next((one for one in heard if one.data), None)
    if said:
        data["banner"] = _printable(said.data)
        return Found("other", _SAYS["other"].format(address=address) + f" It says {data['banner']!r}.", data)
    outcome = "closed" if heard and all(one.ended for one in heard) else silence
    return Found(outcome, _SAYS.get(outcome, _SAYS["silent"]).format(address=address), data)


def _printable(data: bytes) -> str:
    return data[:80].decode("latin-1").encode("unicode_escape").decode("ascii")


async def greet(ip: str, port: int, greeting: bytes, limit: float) -> Heard:
    """Connect, send the greeting and hear the first answer; a failed connection counts as an end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    opened = await attempt(ip, port, limit)
    if opened.stream is None:
        return Heard(b"", ended=opened.outcome != "timeout")
    return await _heard(opened.stream, greeting, max(limit - (loop.time() - began), 0.05))


async def _heard(stream: Stream, greeting: bytes, limit: float) -> Heard:
    """Send and listen: to the end of the header of HTTP, else to the first bytes. Closes the stream."""
    data = b""
    try:
        async with asyncio.timeout(limit):
            await stream.write(greeting)
            while not _enough(data):
                more = await stream.read(_MOST)
                if not more:
                    return Heard(data, ended=True)
                data += more
    except TimeoutError:
        return Heard(data)
    except OSError:
        return Heard(data, ended=True)
    finally:
        stream.close()
    return Heard(data)


def _enough(data: bytes) -> bool:
    if not data:
        return False
    if b"HTTP/".startswith(data[:5]) or data.startswith(b"HTTP/"):
        return len(data) >= _MOST or b"\r\n\r\n" in data or b"\n\n" in data
    return len(data) >= 2


def client_hello(host: str) -> bytes:
    """Return the first flight of a TLS client."""
    from kdoctor.probes.handshake import client_context

    outgoing = ssl.MemoryBIO()
    try:
        tls = client_context(None).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host or None)
    except ValueError:  # a name that SNI cannot hold
        tls = client_context(None).wrap_bio(ssl.MemoryBIO(), outgoing)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    return b""
