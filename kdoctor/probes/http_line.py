"""httpx over a connection that the dialler opened: framing and keep-alive are httpcore's, the way there is ours.

The connection leads to an address that was checked, through the puller's proxy, inside TLS that was
verified as the puller would: so httpx gets it as it is, and looks neither at the environment nor at
certifi. Errors of the socket come out as they are, and httpcore's as httpcore's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpcore
import httpx

if TYPE_CHECKING:
    from kdoctor.probes.streams import Stream

HEAD_LIMIT = 64 * 1024

# Told not to follow, httpx parses the target of a redirect all the same and fails where it is noise;
# and it keeps cookies. The fields as they came are the response's extension "fields".
_NOT_FOR_HTTPX = (b"location", b"set-cookie")


class Wire(httpcore.AsyncNetworkStream):
    """A stream as httpcore wants it. `ended`: the peer has closed its side."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._head_left: int | None = None
        self.ended = False

    def bound_head(self, limit: int | None) -> None:
        """Let so many bytes come until the head of an answer is complete; None when it is."""
        self._head_left = limit

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See AsyncNetworkStream; whoever waits for the answer bounds the time."""
        if self._head_left is not None:
            if self._head_left <= 0:
                raise httpcore.RemoteProtocolError("no final answer in its first 64 KiB")
            max_bytes = min(max_bytes, self._head_left)
        data = await self._stream.read(max_bytes)
        if self._head_left is not None:
            self._head_left -= len(data)
        self.ended = not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See AsyncNetworkStream."""
        if buffer:
            await self._stream.write(buffer)

    async def aclose(self) -> None:
        """See AsyncNetworkStream."""
        self._stream.close()


class Line(httpx.AsyncBaseTransport):
    """One connection. A request's extension "target" is sent as it stands: a path, or for a proxy a whole URL."""

    def __init__(self, stream: Stream) -> None:
        self._wire = Wire(stream)
        self._http: httpcore.AsyncHTTP11Connection | None = None

    @property
    def ended(self) -> bool:
        """Tell whether the peer has closed its side."""
        return self._wire.ended

    @property
    def reusable(self) -> bool:
        """Tell whether the connection may carry another request."""
        return self._http is not None and self._http.is_available()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""
        where = request.url
        url = httpcore.URL(
            scheme=where.raw_scheme, host=where.raw_host, port=where.port, target=request.extensions["target"]
        )
        if self._http is None:
            self._http = httpcore.AsyncHTTP11Connection(url.origin, self._wire)
        self._wire.bound_head(HEAD_LIMIT)
        asked = httpcore.Request(request.method, url, headers=request.headers.raw, content=request.content)
        answer = await self._http.handle_async_request(asked)
        self._wire.bound_head(None)
        headers = [(name, value) for name, value in answer.headers if name.lower() not in _NOT_FOR_HTTPX]
        extensions = {"fields": answer.headers}
        return httpx.Response(answer.status, headers=headers, stream=_Body(answer), extensions=extensions)

    async def aclose(self) -> None:
        """Close the connection; twice does no harm."""
        await self._wire.aclose()


class _Body(httpx.AsyncByteStream):
    """The bytes of an answer as they come."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._answer.aiter_stream()

    async def aclose(self) -> None:
        await self._answer.aclose()


def client(line: Line) -> httpx.AsyncClient:
    """Return a client that has this one connection and no will of its own."""
    return httpx.AsyncClient(
        transport=line,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - whoever asks bounds the time of all of it
    )
