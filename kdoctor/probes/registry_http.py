"""HTTP/1.1 over the vantage's route, for peers that nobody vouches for.

Every bound is ours: time, bytes of head and body, redirects. The address that was checked is the one
dialled, for each redirect again; nothing is decompressed, no cookie kept, no credential of the person
sent. h11 does the framing (RFC 9112).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import h11

from kdoctor import __version__
from kdoctor.probes.dial import Opened, Unreached, open_route
from kdoctor.probes.http_messages import Ending, Failed, Response, Url
from kdoctor.probes.streams import word

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 64 * 1024
REDIRECTS = 5
ANSWER_SECONDS = 4.0
STALL_SECONDS = 3.0
MARGIN_SECONDS = 0.2

_INTERIM_LIMIT = 8

Follow = Literal["any", "same-host", "no"]


@dataclass(slots=True)
class _Connection:
    opened: Opened
    http: h11.Connection
    used: bool = False


class Conversation:
    """Requests of one probe: connections are kept between them, and closed at the end of `async with`."""

    def __init__(self, ask: Asking, seconds: float | None = None) -> None:
        """Bound everything by `seconds`, or by the probe's time less a margin for its own answer."""
        self.ask = ask
        own = max(ask.remaining - MARGIN_SECONDS, 0.05)
        self._deadline = asyncio.get_running_loop().time() + (min(seconds, own) if seconds else own)
        self._idle: dict[tuple[str, str, int], _Connection] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._idle.values():
            connection.opened.stream.close()
        self._idle.clear()

    @property
    def remaining(self) -> float:
        """Seconds left for all of the conversation."""
        return self._deadline - asyncio.get_running_loop().time()

    async def request(
        self,
        method: str,
        url: Url,
        headers: Mapping[str, str] | None = None,
        *,
        limit: int = BODY_LIMIT,
        follow: Follow = "any",
    ) -> Response | Failed:
        """Ask, and follow at most 5 redirects; Authorization stays with the origin it was given for.

        Never raises for what a peer does. A redirect that is not to be followed is returned as it is.
        """
        wanted = dict(headers or {})
        origin = url.origin
        for _ in range(REDIRECTS + 1):
            sent = wanted if url.origin == origin else _without_credentials(wanted)
            answer = await self._once(method, url, sent, limit)
            if isinstance(answer, Failed) or answer.status not in (301, 302, 303, 307, 308):
                return answer
            target = Url.parse(answer.header("location") or "", url) if answer.header("location") else None
            if target is None or follow == "no" or (follow == "same-host" and target.host != url.host):
                return answer
            url = target
        detail = f"{origin[1]} redirects more than {REDIRECTS} times, last to {url.host}"
        return Failed(url, "malformed", "redirect loop", detail)

    async def _once(self, method: str, url: Url, headers: Mapping[str, str], limit: int) -> Response | Failed:
        """Ask once; a kept connection that the peer has closed meanwhile is replaced by a new one."""
        kept = self._idle.pop(url.origin, None)
        if kept is not None:
            answer = await self._exchange(kept, method, url, headers, limit)
            if isinstance(answer, Response) or answer.outcome not in ("closed", "reset"):
                return answer
        opened = await self._open(url)
        if isinstance(opened, Failed):
            return opened
        connection = _Connection(opened, h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT))
        return await self._exchange(connection, method, url, headers, limit)

    async def _open(self, url: Url) -> Opened | Failed:
        try:
            async with asyncio.timeout_at(self._deadline):
                route = await open_route(self.ask, url.host, url.port, tls=url.scheme == "https")
        except TimeoutError:
            route = Unreached("connect", "timeout", f"{url.netloc} was not reached in the time there was")
        if isinstance(route, Opened):
            return route
        return Failed(url, "unreached", route.cause, route.detail, route.address, route.phase, route.outcome)

    async def _exchange(
        self, connection: _Connection, method: str, url: Url, headers: Mapping[str, str], limit: int
    ) -> Response | Failed:
        """Send one request over a connection, read its answer, keep the connection where that is right."""
        reading = _Reading(connection, url, self._deadline)
        keep = False
        try:
            failed = await reading.send(method, headers) or await reading.head()
            if failed is not None:
                return failed
            answer = await reading.body(limit)
            keep = answer.ending == "complete" and reading.reusable()
            return answer
        finally:
            if keep and url.origin not in self._idle:
                self._idle[url.origin] = connection
            else:
                connection.opened.stream.close()


class _Reading:
    """One exchange: what was sent, and the answer as far as it has come."""

    def __init__(self, connection: _Connection, url: Url, deadline: float) -> None:
        self._connection = connection
        self._opened = connection.opened
        self._http = connection.http
        self._url = url
        self._deadline = deadline
        self._began = asyncio.get_running_loop().time()
        self._response: h11.Response | None = None
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

    async def head(self) -> Failed | None:
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
                self._response = event
                return None
            if isinstance(event, h11.InformationalResponse) and interim < _INTERIM_LIMIT:
                interim += 1
                continue
            if isinstance(event, h11.ConnectionClosed):
                return self._closed()
            return self._failed("malformed", "response malformed", f"{self._url.netloc} sent no final answer")

    async def body(self, limit: int) -> Response:
        """Read at most `limit` bytes of the body; the answer says how it ended."""
        assert self._response is not None
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
            if size > limit or (size == limit and self._declared() != limit):
                ending = "limit"
                break
        return self._answer(b"".join(chunks)[:limit], ending)

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
        self._connection.used = True
        return True

    def _declared(self) -> int | None:
        assert self._response is not None
        lengths = [value for name, value in self._response.headers if name == b"content-length"]
        return int(lengths[0]) if lengths else None

    def _answer(self, body: bytes, ending: Ending) -> Response:
        assert self._response is not None
        headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in self._response.headers)
        seconds = asyncio.get_running_loop().time() - self._began
        return Response(self._url, self._response.status_code, headers, body, ending, self._opened.address, seconds)

    def _failed(self, outcome: Literal["timeout", "reset", "closed", "malformed"], cause: str, detail: str) -> Failed:
        return Failed(self._url, outcome, cause, detail, self._opened.address)

    def _silent(self) -> Failed:
        waited = asyncio.get_running_loop().time() - self._began
        detail = f"{self._url.netloc} accepted the request and did not answer within {waited:.1f} s"
        return self._failed("timeout", "response timeout", detail)

    def _broken(self, error: OSError) -> Failed:
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


def _without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}
