"""TLS over an open route with the puller's trust: its CA files, its client certificate, its exceptions."""

from __future__ import annotations

import functools
import ipaddress
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN
from kdoctor.probes import certificates
from kdoctor.probes.certificates import Leaf
from kdoctor.probes.handshake import Failed, TlsStream, client_context, shake_hands
from kdoctor.probes.names import literal
from kdoctor.probes.streams import host_port
from kdoctor.probes.wire import FAR, now

if TYPE_CHECKING:
    import ssl

    from kdoctor.probes.ask import Asking
    from kdoctor.probes.dial import Clock, Opened, Unreached
    from kdoctor.settings.trust import Trust

# X509_V_ERR numbers of x509_vfy.h.
_DATES = (9, 10)
_NAMES = (62, 64)
# Chains that crypto/x509, too, calls "signed by unknown authority": no issuer, a bad signature, a CA
# that is none. Its words for the rest (key usage, name constraints, weak keys) differ.
_CHAINS = (2, 7, 18, 19, 20, 21, 24, 25, 27, 79)

_SAYS = {
    "expired": "the certificate expired on {leaf.not_after:%Y-%m-%d %H:%M} UTC",
    "not-yet-valid": "the certificate is valid from {leaf.not_before:%Y-%m-%d %H:%M} UTC only",
    "name-mismatch": "the certificate is not valid for {host}",
    "unknown-authority": "the certificate is signed by an authority that the puller does not trust",
    "invalid": "the certificate cannot be used",
}
ORDER = ("expired", "not-yet-valid", "name-mismatch", "unknown-authority", "invalid")
"""crypto/x509 looks in this order and reports the first problem only."""


@dataclass(frozen=True, slots=True)
class Distrust:
    """Why a certificate is not trusted: the problems in Go's order, and OpenSSL's own words."""

    problems: tuple[str, ...]
    host: str
    reason: str
    leaf: Leaf | None = None

    @property
    def outcome(self) -> str:
        """Return the problem that Go reports."""
        return self.problems[0]

    def says(self, problem: str | None = None) -> str:
        """Return a problem in words."""
        problem = problem or self.outcome
        if self.leaf is None or problem not in _SAYS:
            return f"the certificate is not trusted: {self.reason}"
        text = _SAYS[problem].format(leaf=self.leaf, host=self.host)
        if problem == "name-mismatch":
            names = ", ".join(self.leaf.names[:5]) or "none: it has a common name only"
            return f"{text}; its names are {names}"
        return f"{text} ({self.reason}; issuer {self.leaf.issuer})" if problem == "unknown-authority" else text


def registry_name(host: str, port: int) -> str:
    """Return host[:port] as image references and certs.d write it."""
    return host if port == 443 else host_port(host, port)


Reopen = Callable[[], Awaitable["Opened | Unreached"]]


async def trusted(
    ask: Asking, opened: Opened, host: str, port: int, clock: Clock, reopen: Reopen
) -> Opened | Unreached:
    """Wrap an open route in TLS as the puller would, or close it and say what is wrong.

    `reopen` opens the same route again, to read a certificate that was not trusted.
    """
    from kdoctor.probes.dial import Unreached

    trust = ask.vantage.trust(registry_name(host, port))
    result = await shake(opened, None if trust.insecure else trust, host, clock)
    if isinstance(result, TlsStream):
        return replace(opened, stream=result, tls_version=result.version)
    if result.outcome != "certificate":
        return Unreached("tls", result.outcome, f"{host_port(host, port)}: {result.says}", opened.address)
    exempted = await exempt(ask, trust, host)
    again = await looked_at(host, clock, reopen)
    if again and exempted:
        return replace(opened, stream=again, tls_version=again.version)
    distrust = judge(result, again, host)
    if again:
        again.close()
    outcome = UNSEEN if trust.system and distrust.outcome == "unknown-authority" else distrust.outcome
    return Unreached("tls", outcome, f"{host_port(host, port)}: {distrust.says()}.", opened.address)


def context_of(trust: Trust | None) -> ssl.SSLContext:
    """Return the context for a trust, one for all handshakes as long as its files stay as they are.

    Reading a system's 140 authorities takes longer than the handshake does.
    """
    if trust is None or trust.client:
        return client_context(trust)
    return _verifying(trust, tuple(map(_state, trust.ca_files)))


@functools.lru_cache(maxsize=8)
def _verifying(trust: Trust, files: tuple[object, ...]) -> ssl.SSLContext:  # noqa: ARG001 - part of the key
    return client_context(trust)


def _state(file: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


async def shake(opened: Opened, trust: Trust | None, host: str, clock: Clock) -> TlsStream | Failed:
    """Run a handshake over an open route and close the route when it fails."""
    limit = clock.left
    result: TlsStream | Failed | None = None
    try:
        result = await shake_hands(opened.stream, context_of(trust), literal(host) or host, limit)
    finally:
        if not isinstance(result, TlsStream):
            opened.stream.close()
    if isinstance(result, TlsStream) and trust is not None and (dated := _dated(result)):
        result.close()
        return dated
    if isinstance(result, Failed) and result.outcome == "timeout":
        return replace(result, outcome=clock.verdict(limit, "timeout"))
    return result


def _dated(stream: TlsStream) -> Failed | None:
    """Return the failure that the clock of another machine makes of a handshake which is good by this one's."""
    leaf = certificates.read(stream.leaf()) if FAR.get() else None
    dated = leaf.out_of_date(now()) if leaf else None
    if dated is None:
        return None
    reason = f"by the clock there it is {now():%Y-%m-%d %H:%M} UTC"
    return Failed("certificate", reason, code=10 if dated == "expired" else 9, reason=reason)


async def looked_at(host: str, clock: Clock, reopen: Reopen) -> TlsStream | None:
    """Shake hands without verifying, over a new connection; None when that does not succeed."""
    from kdoctor.probes.dial import Unreached

    again = await reopen()
    if isinstance(again, Unreached):
        return None
    result = await shake(again, None, host, clock)
    return result if isinstance(result, TlsStream) else None


async def exempt(ask: Asking, trust: Trust, host: str) -> bool:
    """Tell whether the puller takes the registry for insecure, by name or by where the name leads."""
    if trust.insecure or not trust.insecure_networks:
        return trust.insecure
    from kdoctor.probes.dial import Unreached, resolve

    addresses = await resolve(ask, host)
    if isinstance(addresses, Unreached):
        return False
    networks = [ipaddress.ip_network(text, strict=False) for text in trust.insecure_networks]
    return any(ipaddress.ip_address(one.partition("%")[0]) in network for one in addresses for network in networks)


def judge(failed: Failed, seen: TlsStream | None, host: str) -> Distrust:
    """Judge expiry, name and chain apart: OpenSSL stops at its first problem, and Go at another one.

    OpenSSL looks for the chain first, then the name, then the dates, so a problem found there proves
    that the earlier ones are not.
    """
    leaf = certificates.read(seen.leaf()) if seen else None
    problems = set()
    if failed.code in _NAMES:
        problems.add("name-mismatch")
    elif failed.code in _CHAINS:
        problems.add("unknown-authority")
    elif failed.code not in _DATES:
        problems.add("invalid")
    if leaf is not None:
        if dated := leaf.out_of_date(now()):
            problems.add(dated)
        if not leaf.covers(host):
            problems.add("name-mismatch")
    if failed.code in _DATES and FAR.get() and not problems:
        problems.add("expired" if failed.code == 10 else "not-yet-valid")  # by this machine's clock alone
    if failed.code in _DATES and not problems & {"expired", "not-yet-valid"}:
        # The leaf's dates are fine: those of an authority are not, and then Go knows no other chain.
        problems.add("unknown-authority" if leaf else ("expired" if failed.code == 10 else "not-yet-valid"))
    return Distrust(tuple(word for word in ORDER if word in problems), host, failed.reason, leaf)
