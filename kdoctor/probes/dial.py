"""The vantage's route to a host: resolved, guarded, direct or through the puller's proxy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.connect import CONNECT_LIMIT, race
from kdoctor.probes.guard import refusal, refusal_of_name
from kdoctor.probes.names import asks_system, is_domain_name, literal
from kdoctor.probes.streams import Stream, host_port
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.model import Evidence
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.tunnel import Credentials, Reply
    from kdoctor.settings.proxy import Decision

Phase = Literal["resolve", "connect", "proxy-resolve", "proxy-connect", "proxy-tls", "tunnel", "tls"]

_MARGIN = 0.25
_FAIR = 1.5
"""Seconds that a peer must have had before its silence counts against it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that leads to the host asked for.

    `address` is the IP:port dialled: the host's, or the proxy's when `proxied`. `forward` tells that
    the peer is a proxy that wants whole URLs in the request line (Go sends no CONNECT for http://),
    with `proxy_authorization` as the value of Proxy-Authorization when the setting holds credentials.
    """

    stream: Stream
    proxied: bool
    address: str
    tls_version: str | None = None
    forward: bool = False
    proxy_authorization: str | None = field(default=None, repr=False)
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Unreached:
    """The route failed: in which phase, and how in the outcome words of kinds.py.

    In the phases "resolve" and "proxy-resolve" the word is one of dns.lookup, in "connect" and
    "proxy-connect" one of tcp.connect, in "tunnel" one of proxy.tunnel, in "tls" and "proxy-tls" one
    of tls.handshake; in any it may be UNSEEN or CUT. `reply` is what the proxy answered, if it did.
    """

    phase: Phase
    outcome: str
    detail: str
    address: str | None = None
    reply: Reply | None = None

    @property
    def cause(self) -> str:
        """Return phase and outcome, as the field `cause` of a probe says it."""
        return f"{self.phase} {self.outcome}"

    def found(self, outcome: str = "unreached") -> Found:
        """Return the result of a probe that needed this route."""
        data: dict[str, Value] = {"cause": self.cause}
        if self.outcome in (UNSEEN, CUT):
            return Found(self.outcome, self.detail, data)
        return Found(outcome, self.detail, data)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to go through. `masked` tells that its credentials exist and are not known here."""

    host: str
    port: int
    scheme: str = "http"
    credentials: Credentials | None = None
    masked: bool = False

    @property
    def endpoint(self) -> str:
        """Return host:port."""
        return host_port(self.host, self.port)


class Clock:
    """The time that one probe has left, a little kept back so that it ends by itself."""

    def __init__(self, ask: Asking) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + max(ask.remaining - _MARGIN, 0.05)

    @property
    def left(self) -> float:
        """Return the seconds left, at least a moment."""
        return max(self._end - self._loop.time(), 0.01)

    def verdict(self, limit: float, outcome: str) -> str:
        """Return `outcome` for a silence of `limit` seconds, CUT when that was too short to mean much."""
        return outcome if limit >= _FAIR else CUT


async def open_route(ask: Asking, host: str, port: int, *, tls: bool) -> Opened | Unreached:
    """Open the puller's route to host:port; with `tls` a handshake verified with its CA files.

    The proxy is that of https://host:port with `tls`, of http://host:port without. Never raises for
    what the network does; ends within `ask.remaining`. Whoever gets Opened closes its stream.
    """
    clock = Clock(ask)
    opened = await open_tunnel(ask, host, port, scheme="https" if tls else "http", clock=clock)
    if isinstance(opened, Unreached) or not tls:
        return opened
    from kdoctor.probes.trusting import trusted

    return await trusted(ask, opened, host, port, clock, lambda: open_tunnel(ask, host, port, clock=clock))


async def open_tunnel(
    ask: Asking, host: str, port: int, *, scheme: Literal["http", "https"] = "https", clock: Clock | None = None
) -> Opened | Unreached:
    """Open the puller's route to host:port up to where TLS, if any, would begin."""
    clock = clock or Clock(ask)
    host = ascii_host(host)
    if reason := _improper(host, port):
        return Unreached("resolve", *reason)
    decision = ask.vantage.proxies().route(f"{scheme}://{host_port(literal(host) or host, port)}/v2/")
    if decision.unseen:
        return Unreached("proxy-resolve", UNSEEN, decision.unseen)
    if decision.error:
        return Unreached("tunnel", "failed", f"Go refuses the request: {decision.error}.")
    proxy = proxy_of(decision)
    if proxy is None:
        return await dial(ask, host, port, clock)
    return await open_through(ask, proxy, host, port, scheme=scheme, clock=clock)


def _improper(host: str, port: int) -> tuple[str, str] | None:
    """Return outcome and reason for a host that is never asked for, whoever would resolve it."""
    address = literal(host)
    if not address and not is_domain_name(host):
        return "nxdomain", f"{host!r} is no valid host name."
    reason = refusal(address, port) if address else refusal_of_name(host)
    return ("blocked", f"{host} was not contacted: {reason}.") if reason else None


async def resolve(ask: Asking, host: str) -> tuple[str, ...] | Unreached:
    """Return the addresses of a host as the vantage resolves it."""
    if address := literal(host):
        return (address,)
    machine = ask.vantage.machine
    kinds = ["dns.lookup"]
    if asks_system(machine, host):
        kinds.insert(1 if machine.os == "linux" else 0, "dns.system")
    failures: dict[str, Evidence] = {}
    for kind in kinds:
        said = await ask.other(kind, name=host)
        addresses = said.data.get("addresses")
        if said.outcome in ("ok", "sinkhole") and isinstance(addresses, tuple) and addresses:
            return addresses
        failures[kind] = said
    failed = failures["dns.lookup"]  # which says more than getaddrinfo
    return Unreached("resolve", failed.outcome, failed.detail)


async def dial(ask: Asking, host: str, port: int, clock: Clock) -> Opened | Unreached:
    """Open a TCP connection to a host as the vantage resolves it."""
    addresses = await resolve(ask, host)
    if isinstance(addresses, Unreached):
        return addresses
    limit = min(CONNECT_LIMIT, clock.left)
    tried = await race(addresses, port, limit)
    if tried.stream:
        return Opened(tried.stream, False, tried.address)
    if tried.outcome == "open":
        return Unreached("connect", UNSEEN, f"{tried.says} But {tried.errno}.", tried.address)
    outcome = clock.verdict(limit, "timeout") if tried.outcome == "timeout" and not tried.errno else tried.outcome
    return Unreached("connect", outcome, tried.says, tried.address)


def proxy_of(decision: Decision) -> Proxy | None:
    """Return the proxy of a route, None for direct."""
    if decision.proxy is None or decision.endpoint is None:
        return None
    from kdoctor.probes.tunnel import Credentials
    from kdoctor.settings import gourl

    url = gourl.parse(decision.raw or decision.proxy)
    credentials = Credentials(url.user, url.password or "") if url.user is not None else None
    return Proxy(*decision.endpoint, url.scheme.lower(), credentials, masked=decision.raw is None)


async def open_through(
    ask: Asking, proxy: Proxy, host: str, port: int, *, scheme: str = "https", clock: Clock | None = None
) -> Opened | Unreached:
    """Open the way to host:port through a proxy, as net/http does for a URL of `scheme`."""
    clock = clock or Clock(ask)
    if reason := _improper(host, port):
        return Unreached("resolve", *reason)
    reached = await reach_proxy(ask, proxy, clock)
    if isinstance(reached, Unreached):
        return reached
    if scheme == "http" and not proxy.scheme.startswith("socks5"):
        basic = proxy.credentials.basic if proxy.credentials else None
        return replace(reached, forward=True, proxy_authorization=basic)
    opened: Opened | Unreached | None = None
    try:
        opened = await _tunnel(reached, proxy, host, port, clock)
        return opened
    finally:
        if not isinstance(opened, Opened):
            reached.stream.close()


async def reach_proxy(ask: Asking, proxy: Proxy, clock: Clock) -> Opened | Unreached:
    """Open the connection to the proxy itself, with TLS where its URL says https."""
    if reason := _improper(proxy.host, proxy.port):
        return Unreached("proxy-resolve", *reason)
    opened = await dial(ask, proxy.host, proxy.port, clock)
    if isinstance(opened, Unreached):
        phase: Phase = "proxy-resolve" if opened.phase == "resolve" else "proxy-connect"
        return replace(opened, phase=phase, detail=f"The proxy {proxy.endpoint}: {opened.detail}")
    if proxy.scheme == "https":
        from kdoctor.probes.trusting import trusted

        secured = await trusted(
            ask, opened, proxy.host, proxy.port, clock, lambda: dial(ask, proxy.host, proxy.port, clock)
        )
        if isinstance(secured, Unreached):
            return replace(secured, phase="proxy-tls", detail=f"The proxy {proxy.endpoint}: {secured.detail}")
        opened = secured
    return replace(opened, proxied=True)


async def _tunnel(reached: Opened, proxy: Proxy, host: str, port: int, clock: Clock) -> Opened | Unreached:
    from kdoctor.probes.tunnel import connect, socks5

    speak = socks5 if proxy.scheme.startswith("socks5") else connect
    limit = clock.left
    try:
        async with asyncio.timeout(limit):
            reply = await speak(reached.stream, literal(host) or host, port, proxy.credentials)
    except TimeoutError:
        says = f"The proxy {proxy.endpoint} accepts connections but does not answer the request for {host}:{port}."
        return Unreached("tunnel", clock.verdict(limit, "silent"), says, reached.address)
    if reply.stream:
        return Opened(reply.stream, True, reached.address, reply=reply)
    says = f"The proxy {proxy.endpoint}: {reply.says}."
    if reply.outcome == "auth-required" and proxy.masked:
        says += " The puller sends it a user and password that are not known here."
        return Unreached("tunnel", UNSEEN, says, reached.address, reply)
    return Unreached("tunnel", reply.outcome, says, reached.address, reply)
