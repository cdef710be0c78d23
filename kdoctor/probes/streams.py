"""A connection as the probes use it: bytes in, bytes out, errors as the outcomes of a probe."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterable
from typing import Protocol

# errno and Winsock codes to outcomes (catalogue A.2). EINVAL is a blackhole route on Linux, EACCES
# and EPERM a prohibit route or a local firewall.
_WORDS: dict[str, tuple[int, ...]] = {
    "refused": (errno.ECONNREFUSED, 10061),
    "timeout": (errno.ETIMEDOUT, 10060),
    "unreachable": (
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EINVAL,
        10047,
        10049,
        10050,
        10051,
        10064,
        10065,
    ),
    "reset": (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, 10053, 10054),
    "forbidden": (errno.EACCES, errno.EPERM, 10013),
}
_BY_CODE = {code: word for word, codes in _WORDS.items() for code in codes}

READ_SIZE = 65536


def word(error: OSError) -> str:
    """Return the outcome that an error of a socket means; an unknown one counts as unreachable."""
    if isinstance(error, TimeoutError):
        return "timeout"
    code = getattr(error, "winerror", None) or error.errno
    return _BY_CODE.get(code or 0, "unreachable")


def errno_name(error: OSError) -> str:
    """Return the symbol of an error, ECONNREFUSED and the like."""
    return errno.errorcode.get(error.errno or 0, str(error.errno or error))


def host_port(host: str, port: int) -> str:
    """Write host and port as Go's net.JoinHostPort does: IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_host_port(text: str, default: int | None = None) -> tuple[str, int]:
    """Split "host:port", "[ip6]:port", a bare host or IPv6 address; ValueError when it is none.

    A scheme and a path around it are dropped: facts may be URLs.
    """
    text = text.partition("://")[2] or text
    text = text.partition("/")[0].rpartition("@")[2]
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if not port and default is not None:
        return host, default
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{text} has no valid port")
    return host, int(port)


class Stream(Protocol):
    """A connection that is read and written in the order of bytes."""

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """Return at least one and at most `limit` bytes, none at the end. OSError when it broke."""

    async def write(self, data: bytes) -> None:
        """Send all of `data`. OSError when it broke."""

    def close(self) -> None:
        """Close it at once; twice does no harm."""


class SocketStream:
    """A TCP connection."""

    __slots__ = ("_socket",)

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """See Stream."""
        return await asyncio.get_running_loop().sock_recv(self._socket, limit)

    async def write(self, data: bytes) -> None:
        """See Stream."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def close(self) -> None:
        """See Stream."""
        self._socket.close()


class Rewound:
    """A stream some of whose bytes were read already and are given again."""

    __slots__ = ("_inner", "_kept")

    def __init__(self, inner: Stream, kept: bytes) -> None:
        self._inner = inner
        self._kept = kept

    async def read(self, limit: int = READ_SIZE) -> bytes:
        """See Stream."""
        if self._kept:
            given, self._kept = self._kept[:limit], self._kept[limit:]
            return given
        return await self._inner.read(limit)

    async def write(self, data: bytes) -> None:
        """See Stream."""
        await self._inner.write(data)

    def close(self) -> None:
        """See Stream."""
        self._inner.close()


async def read_exactly(stream: Stream, size: int) -> bytes:
    """Read `size` bytes; EOFError when the peer closes before."""
    data = b""
    while len(data) < size:
        more = await stream.read(size - len(data))
        if not more:
            raise EOFError(f"the peer closed after {len(data)} of {size} bytes")
        data += more
    return data


async def settle(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel tasks and wait until each has let go of its socket."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    for task in waiting:
        with contextlib.suppress(asyncio.CancelledError, OSError, EOFError):
            await task
