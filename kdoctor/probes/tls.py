"""A verified TLS handshake with a registry, over the puller's route and with the puller's CA files."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes import certificates
from kdoctor.probes.ask import Found
from kdoctor.probes.certificates import Authority, Leaf, spelled
from kdoctor.probes.dial import Clock, Opened, Unreached, open_tunnel
from kdoctor.probes.handshake import Failed, TlsStream, failure
from kdoctor.probes.streams import host_port, settle, split_host_port
from kdoctor.probes.trusting import exempt, judge, looked_at, registry_name, shake
from kdoctor.probes.wire import FAR, now
from kdoctor.registries import CONTROLS, api_host, family
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.settings.trust import Trust

_FIRST_WORD = 0.4
"""Seconds after a handshake in which a TLS 1.3 server says that it wants a client certificate."""
_CONTROLS = 3


async def handshake(ask: Asking, registry: str) -> Found:
    """Shake hands with the registry; when its certificate is not trusted, look at it and say why."""
    if (far := FAR.get()) and not far.relays:
        from kdoctor.probes import far_https

        return await far_https.handshake(ask, far, registry)
    try:
        host, port = split_host_port(api_host(registry), 443)
    except ValueError as error:
        return Found("unreached", f"{error}.", {"cause": "resolve nxdomain"})
    host, clock = ascii_host(host), Clock(ask)
    trust = ask.vantage.trust(registry_name(host, port))
    if trust.problem:  # docker goes no further
        return Found("unpaired", f"{trust.problem}.")
    opened = await open_tunnel(ask, host, port, clock=clock)
    if isinstance(opened, Unreached):
        return opened.found()
    data: dict[str, Value] = {"address": opened.address}
    if trust.ca_files:
        data["ca_file"] = (trust.own_ca_files or trust.ca_files)[0]
    if trust.ca_folder:
        data["ca_folder"] = trust.ca_folder
    result = await shake(opened, trust, host, clock)
    if isinstance(result, TlsStream):
        return await _succeeded(result, host_port(host, port), data, clock)
    if result.outcome != "certificate":
        return _broken(result, host_port(host, port), data, await exempt(ask, trust, host))
    return await _distrusted(ask, (host, port), trust, result, data, clock)


async def _succeeded(stream: TlsStream, target: str, data: dict[str, Value], clock: Clock) -> Found:
    with contextlib.closing(stream):
        version, leaf = stream.version, certificates.read(stream.leaf())
        refused = await _refusal(stream, clock)
    if refused:
        return _broken(refused, target, data, False)
    data |= {"version": version, **(leaf.data() if leaf else {})}
    issuer = f" by {leaf.issuer}" if leaf else ""
    return Found("ok", f"{version} with {target}; its certificate is signed{issuer} and trusted.", data)


async def _refusal(stream: TlsStream, clock: Clock) -> Failed | None:
    """Return the alert that a TLS 1.3 server sends after the handshake when it misses a client certificate."""
    try:
        async with asyncio.timeout(min(_FIRST_WORD, clock.left)):
            await stream.first_word()
    except TimeoutError:
        return None
    except ssl.SSLError as error:
        return failure(error)
    except (OSError, EOFError):
        return None  # it completed the handshake; what it does next is for registry.ping to say
    return None


def _broken(result: Failed, target: str, data: dict[str, Value], insecure: bool) -> Found:
    if result.alert:
        data["alert"] = result.alert
    detail = f"{target}: {result.says}"
    if insecure and result.outcome == "http":
        detail += " The puller treats the registry as insecure and speaks plain HTTP to it."
    return Found(result.outcome, detail, data)


async def _distrusted(
    ask: Asking, at: tuple[str, int], trust: Trust, result: Failed, data: dict[str, Value], clock: Clock
) -> Found:
    host, port = at
    again = await looked_at(host, clock, lambda: open_tunnel(ask, host, port, clock=clock))
    distrust = judge(result, again, host)
    leaf = distrust.leaf
    data |= leaf.data() if leaf else {}
    signer: Authority | None = None
    if again:
        data["version"] = again.version
        signer = certificates.authority(again.chain(), now())
        again.close()
    target = host_port(host, port)
    if len(distrust.problems) > 1:
        data["also"] = ", ".join(distrust.problems[1:])
    if await exempt(ask, trust, host):
        return Found(
            "ok", f"{target}: {distrust.says()}, but the puller treats it as insecure and does not verify.", data
        )
    if trust.system and distrust.outcome == "unknown-authority":
        return Found(UNSEEN, f"{target}: the operating system's own verifier decides, and was not asked.", data)
    detail = f"{target}: {'; also, '.join(distrust.says(problem) for problem in distrust.problems)}."
    if leaf and "unknown-authority" in distrust.problems:
        same = await _intercepted(ask, host, leaf, clock)
        if same is not None:
            data["intercepted"] = bool(same)
        if signer is not None and not same:
            data |= signer.data()
            detail += (
                f" The chain that it shows ends in {signer.leaf.subject}, "
                f"SHA-256 {spelled(signer.leaf.fingerprint)}, valid until {signer.leaf.not_after:%Y-%m-%d}."
            )
        elif again and not same:
            detail += " It does not show the certificate of that authority itself, so it cannot be taken from there."
        if same:
            detail += f" {same} shows a certificate of the same issuer: the connection is intercepted on the way."
    return Found(distrust.outcome, detail, data)


async def _intercepted(ask: Asking, host: str, leaf: Leaf, clock: Clock) -> str | None:
    """Return an unrelated public host whose certificate has the same issuer, "" when the first seen has another.

    None when no such host could be looked at.
    """
    controls = [one for one in CONTROLS if family(one) != family(host)][:_CONTROLS]
    tasks = [asyncio.create_task(_issuer(ask, control, clock)) for control in controls]
    try:
        async with asyncio.timeout(clock.left):
            for done in asyncio.as_completed(tasks):
                control, issuer = await done
                if issuer is not None:
                    return control if issuer == leaf.issuer else ""
    except TimeoutError:
        return None
    finally:
        await settle(tasks)
    return None


async def _issuer(ask: Asking, control: str, clock: Clock) -> tuple[str, str | None]:
    def reopen() -> Awaitable[Opened | Unreached]:
        return open_tunnel(ask, control, 443, clock=clock)

    seen = await looked_at(control, clock, reopen)
    if seen is None:
        return control, None
    with contextlib.closing(seen):
        leaf = certificates.read(seen.leaf())
    return control, leaf.issuer if leaf else None
