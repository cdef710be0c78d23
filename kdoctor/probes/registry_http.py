"""HTTP/1.1 over the vantage's route, for peers that nobody vouches for.

Every bound is ours: time, bytes of head and body, redirects. The address that was checked is the one
dialled, for each redirect again; nothing is decompressed, no cookie kept, no credential of the person
sent. httpx speaks HTTP over the connections (http_line.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from kdoctor.model import CUT, UNSEEN
from kdoctor.probes.dial import Opened, Unreached, open_route
from kdoctor.probes.http_exchange import Connection, Exchange
from kdoctor.probes.http_messages import Failed, Failure, Response, Url

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

BODY_LIMIT = 64 * 1024
REDIRECTS = 5
MARGIN_SECONDS = 0.2

Follow = Literal["any", "same-host", "no"]


class Conversation:
    """Requests of one probe: connections are kept between them, and closed at the end of `async with`."""

    def __init__(self, ask: Asking, seconds: float | None = None) -> None:
        """Bound everything by `seconds`, or by the probe's time less a margin for its own answer."""
        self.ask = ask
        own = max(ask.remaining - MARGIN_SECONDS, 0.05)
        self._deadline = asyncio.get_running_loop().time() + (min(seconds, own) if seconds else own)
        self._idle: dict[tuple[str, str, int], Connection] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._idle.values():
            await connection.close()
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
        body: bytes = b"",
    ) -> Response | Failed:
        """Ask, and follow at most 5 redirects; Authorization and body stay with the origin they were given for.

        Never raises for what a peer does. A redirect that is not to be followed is returned as it is.
        """
        wanted = dict(headers or {})
        origin = url.origin
        for _ in range(REDIRECTS + 1):
            sent = wanted if url.origin == origin else _without_credentials(wanted)
            answer = await self._once(method, url, sent, limit, body if url.origin == origin else b"")
            if isinstance(answer, Failed) or answer.status not in (301, 302, 303, 307, 308):
                return answer
            target = Url.parse(answer.header("location") or "", url) if answer.header("location") else None
            if target is None or follow == "no" or (follow == "same-host" and target.host != url.host):
                return answer
            url = target
        detail = f"{origin[1]} redirects more than {REDIRECTS} times, last to {url.host}"
        return Failed(url, "malformed", "redirect loop", detail)

    async def _once(
        self, method: str, url: Url, headers: Mapping[str, str], limit: int, body: bytes
    ) -> Response | Failed:
        """Ask once; a kept connection that the peer has closed meanwhile is replaced by a new one."""
        kept = self._idle.pop(url.origin, None)
        if kept is not None:
            answer = await self._exchange(kept, method, url, headers, limit, body)
            if isinstance(answer, Response) or answer.outcome not in ("closed", "reset"):
                return answer
        opened = await self._open(url)
        if isinstance(opened, Failed):
            return opened
        return await self._exchange(Connection(opened), method, url, headers, limit, body)

    async def _open(self, url: Url) -> Opened | Failed:
        try:
            async with asyncio.timeout_at(self._deadline):
                route = await open_route(self.ask, url.host, url.port, tls=url.scheme == "https")
        except TimeoutError:
            route = Unreached("connect", CUT, f"{url.netloc} was not reached in the time there was")
        if isinstance(route, Opened):
            return route
        outcome: Failure = "unreached"
        if route.outcome in (UNSEEN, CUT):
            outcome = "unseen" if route.outcome == UNSEEN else "cut"
        return Failed(url, outcome, route.cause, route.detail, route.address, route.phase, route.outcome)

    async def _exchange(
        self, connection: Connection, method: str, url: Url, headers: Mapping[str, str], limit: int, body: bytes
    ) -> Response | Failed:
        """Send one request over a connection, read its answer, keep the connection where that is right."""
        exchange = Exchange(connection, url, self._deadline)
        keep = False
        try:
            head = await exchange.head(method, headers, body)
            if isinstance(head, Failed):
                return head
            answer = await exchange.body(head, limit)
            keep = answer.ending == "complete" and connection.line.reusable
            return answer
        finally:
            if keep and url.origin not in self._idle:
                self._idle[url.origin] = connection
            else:
                await connection.close()


def _without_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}
