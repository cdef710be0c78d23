"""The vantage's route to a host: resolved, guarded, direct or through the puller's proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.streams import Stream

Phase = Literal["resolve", "connect", "proxy-resolve", "proxy-connect", "proxy-tls", "tunnel", "tls"]


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


@dataclass(frozen=True, slots=True)
class Unreached:
    """The route failed: in which phase, and how in the outcome words of kinds.py.

    In the phases "resolve" and "proxy-resolve" the word is one of dns.lookup, in "connect" and
    "proxy-connect" one of tcp.connect, in "tunnel" one of proxy.tunnel, in "tls" and "proxy-tls" one
    of tls.handshake.
    """

    phase: Phase
    outcome: str
    detail: str
    address: str | None = None

    @property
    def cause(self) -> str:
        """Return phase and outcome, as the field `cause` of a probe says it."""
        return f"{self.phase} {self.outcome}"


async def open_route(ask: Asking, host: str, port: int, *, tls: bool) -> Opened | Unreached:
    """Open the puller's route to host:port; with `tls` a handshake verified with its CA files.

    The proxy is that of https://host:port with `tls`, of http://host:port without. Never raises for
    what the network does; ends within `ask.remaining`. Whoever gets Opened closes its stream.
    """
    raise NotImplementedError
