"""One request and its answer over an open connection, with a bound on everything."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

import httpcore
import httpx

from kdoctor import __version__
from kdoctor.probes.dial import Opened
from kdoctor.probes.http_line import Line, client
from kdoctor.probes.http_messages import Ending, Failed, Failure, Response, Url
from kdoctor.probes.streams import word

ANSWER_SECONDS = 4.0
STALL_SECONDS = 3.0
FAIR_SECONDS = 1.5
"""What a peer must have had before its silence counts against it."""


class Connection:
    """An open route and the client that speaks over it."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.line = Line(opened.stream)
        self.client = client(self.line)

    async def close(self) -> None:
        """Close it; twice does no harm."""
        await self.client.aclose()


class Exchange:
    """One exchange: what was sent, and the answer as far as it has come."""

    def __init__(self, connection: Connection, url: Url, deadline: float) -> None:
        self._opened = connection.opened
        self._line = connection.line
        self._client = connection.client
        self._url = url
        self._deadline = deadline
        self._began = asyncio.get_running_loop().time()

    async def head(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> httpx.Response | Failed:
        """Send the request and read until the final answer's head is there."""
        try:
            request = self._request(method, headers, body)
            async with asyncio.timeout_at(min(self._deadline, self._began + ANSWER_SECONDS)):
                return await self._client.send(request, stream=True)
        except (httpx.InvalidURL, httpcore.LocalProtocolError) as error:
            return self._failed("malformed", "request malformed", f"the URL cannot be asked for: {error}")
        except TimeoutError:
            return self._silent()
        except OSError as error:
            return self._broken(error)
        except httpcore.RemoteProtocolError as error:
            return self._closed() if self._line.ended else self._unreadable(error)

    def _request(self, method: str, headers: Mapping[str, str], body: bytes) -> httpx.Request:
        """Return the request; a proxy that forwards gets the whole URL (RFC 9112 section 3.2.2)."""
        fields = {
            "Host": self._url.netloc,
            "User-Agent": f"kdoctor/{__version__}",
            "Accept-Encoding": "identity",
            **headers,
        }
        target = self._url.path
        if self._opened.forward:
            target = str(self._url)
            if self._opened.proxy_authorization:
                fields["Proxy-Authorization"] = self._opened.proxy_authorization
        content = body or None
        return httpx.Request(method, str(self._url), headers=fields, content=content, extensions={"target": target})

    async def body(self, head: httpx.Response, limit: int) -> Response:
        """Read at most `limit` bytes of the body, none of it decoded; the answer says how it ended."""
        data = bytearray()
        async with contextlib.aclosing(head):
            ending = await self._read(head.aiter_raw(), data, limit, _declared(head))
        return self._answer(head, bytes(data[:limit]), ending)

    async def _read(self, chunks: AsyncIterator[bytes], data: bytearray, limit: int, declared: int | None) -> Ending:
        """Add to `data` until something ends it."""
        while True:
            stall = asyncio.get_running_loop().time() + STALL_SECONDS
            try:
                async with asyncio.timeout_at(min(stall, self._deadline)):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                return "stalled" if asyncio.get_running_loop().time() >= stall else "deadline"
            except OSError:
                return "truncated"
            except httpcore.RemoteProtocolError:
                return "truncated" if self._line.ended else "malformed"
            if chunk is None:
                return "complete"
            data += chunk
            if len(data) > limit or (len(data) == limit and declared != limit):
                return "limit"

    def _answer(self, head: httpx.Response, body: bytes, ending: Ending) -> Response:
        fields: list[tuple[bytes, bytes]] = head.extensions["fields"]
        headers = tuple((name.lower().decode("latin-1"), value.decode("latin-1")) for name, value in fields)
        seconds = asyncio.get_running_loop().time() - self._began
        return Response(self._url, head.status_code, headers, body, ending, self._opened.address, seconds)

    def _failed(self, outcome: Failure, cause: str, detail: str) -> Failed:
        return Failed(self._url, outcome, cause, detail, self._opened.address)

    def _silent(self) -> Failed:
        waited = asyncio.get_running_loop().time() - self._began
        detail = f"{self._url.netloc} accepted the request and did not answer within {waited:.1f} s"
        outcome: Failure = "timeout" if waited >= FAIR_SECONDS else "cut"
        return self._failed(outcome, f"response {outcome}", detail)

    def _broken(self, error: OSError) -> Failed:
        if isinstance(error, ssl.SSLError):  # TLS 1.3 says only now that it wanted a client certificate
            return self._failed("closed", "tls alert", f"{self._url.netloc} broke TLS off: {error.reason or error}")
        how = word(error)
        if how == "timeout":
            return self._silent()
        if how == "reset":
            return self._failed("reset", "response reset", f"{self._url.netloc} reset the connection")
        detail = f"the connection to {self._url.netloc} broke: {error.strerror or error}"
        return self._failed("closed", f"response {how}", detail)

    def _closed(self) -> Failed:
        detail = f"{self._url.netloc} closed the connection without an answer"
        return self._failed("closed", "response closed", detail)

    def _unreadable(self, error: httpcore.RemoteProtocolError) -> Failed:
        detail = f"{self._url.netloc} does not answer in HTTP/1.1: {error}"
        return self._failed("malformed", "response malformed", detail)


def _declared(head: httpx.Response) -> int | None:
    length = head.headers.get("content-length")
    return int(length) if length else None
