"""One request and its answer over an open connection, with a bound on everything."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import h11

from kdoctor import __version__
from kdoctor.probes.dial import Opened
from kdoctor.probes.http_messages import Ending, Failed, Failure, Response, Url
from kdoctor.probes.streams import word

ANSWER_SECONDS = 4.0
STALL_SECONDS = 3.0
FAIR_SECONDS = 1.5
"""What a peer must have had before its silence counts against it."""

_INTERIM_LIMIT = 8


@dataclass(slots=True)
class Connection:
    """An open route and the state of HTTP/1.1 on it."""

    opened: Opened
    http: h11.Connection


class Exchange:
    """One exchange: what was sent, and the answer as far as it has come."""

    def __init__(self, connection: Connection, url: Url, deadline: float) -> None:
        self._opened = connection.opened
        self._http = connection.http
        self._url = url
        self._deadline = deadline
        self._began = asyncio.get_running_loop().time()
        self._eof = False

    async def send(self, method: str, headers: Mapping[str, str]) -> Failed | None:
        """Send the request; a proxy that forwards gets the whole URL (RFC 9112 section 3.2.2)."""
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
        try:
            request = h11.Request(method=method, target=target, headers=list(fields.items()))
            data = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
            async with asyncio.timeout_at(min(self._deadline, self._began + ANSWER_SECONDS)):
                await self._opened.stream.write(data)
        except h11.LocalProtocolError as error:
            return self._failed("malformed", "request malformed", f"the URL cannot be asked for: {error}")
        except TimeoutError:
            return self._silent()
        except OSError as error:
            return self._broken(error)
        return None

    async def head(self) -> h11.Response | Failed:
        """Read until the final response's head is there."""
        until = min(self._deadline, self._began + ANSWER_SECONDS)
        interim = 0
        while True:
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    await self._read(until)
                    continue
            except TimeoutError:
                return self._silent()
            except OSError as error:
                return self._broken(error)
            except h11.RemoteProtocolError as error:
                return self._closed() if self._eof else self._unreadable(error)
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and interim < _INTERIM_LIMIT:
                interim += 1
                continue
            if isinstance(event, h11.ConnectionClosed):
                return self._closed()
            return self._failed("malformed", "response malformed", f"{self._url.netloc} sent no final answer")

    async def body(self, head: h11.Response, limit: int) -> Response:
        """Read at most `limit` bytes of the body; the answer says how it ended."""
        chunks: list[bytes] = []
        size = 0
        ending: Ending = "complete"
        while True:
            stall = asyncio.get_running_loop().time() + STALL_SECONDS
            try:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    await self._read(min(stall, self._deadline))
                    continue
            except TimeoutError:
                ending = "stalled" if asyncio.get_running_loop().time() >= stall else "deadline"
                break
            except OSError:
                ending = "truncated"
                break
            except h11.RemoteProtocolError:
                ending = "truncated" if self._eof else "malformed"
                break
            if not isinstance(event, h11.Data):
                break
            chunks.append(bytes(event.data))
            size += len(event.data)
            if size > limit or (size == limit and _declared(head) != limit):
                ending = "limit"
                break
        return self._answer(head, b"".join(chunks)[:limit], ending)

    async def _read(self, until: float) -> None:
        async with asyncio.timeout_at(until):
            data = await self._opened.stream.read()
        self._eof = not data
        self._http.receive_data(data)

    def reusable(self) -> bool:
        """Tell whether the connection may carry another request, and make it ready."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def _answer(self, head: h11.Response, body: bytes, ending: Ending) -> Response:
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in head.headers)
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

    def _unreadable(self, error: h11.RemoteProtocolError) -> Failed:
        detail = f"{self._url.netloc} does not answer in HTTP/1.1: {error}"
        return self._failed("malformed", "response malformed", detail)


def _declared(head: h11.Response) -> int | None:
    lengths = [value for name, value in head.headers if name == b"content-length"]
    return int(lengths[0]) if lengths else None
