"""TLS and GET /v2/ by the other machine's own curl or openssl, where it cannot carry a connection for us."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN
from kdoctor.probes.ask import Found
from kdoctor.probes.dial import Clock, Unreached, proxy_of, resolve
from kdoctor.probes.guard import refusal, refusal_of_name
from kdoctor.probes.http_messages import Failed, Response, Url
from kdoctor.probes.names import literal
from kdoctor.probes.streams import host_port, split_host_port
from kdoctor.registries import api_host
from kdoctor.remote.session import SessionError
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.remote.answers import Ran
    from kdoctor.remote.vantage import Far

_SECONDS = 4
_CERTIFICATE = (
    ("expired", re.compile(r"certificate has expired|num=10\b|code: 10\b")),
    ("not-yet-valid", re.compile(r"certificate is not yet valid|num=9\b|code: 9\b")),
    (
        "name-mismatch",
        re.compile(r"no alternative certificate subject name|[Hh]ost ?name mismatch|num=6[24]\b|code: 6[24]\b"),
    ),
    (
        "unknown-authority",
        re.compile(r"local issuer|self.signed|issuer certificate|unknown ca\b|num=(?:2|18|19|20|21)\b"),
    ),
)
_HANDSHAKE = (
    ("reset", re.compile(r"reset by peer|errno=104")),
    ("http", re.compile(r"wrong version number|http request|packet length too long|record layer failure")),
    ("alert", re.compile(r"\balert\b")),
    ("closed", re.compile(r"unexpected eof|SSL_ERROR_SYSCALL|no peer certificate|unexpectedly", re.IGNORECASE)),
)
_CURL_CONNECT, _CURL_TIMEOUT, _CURL_EMPTY, _CURL_TUNNEL = 7, 28, 52, 56
_KILLED = 143
_TUNNEL = re.compile(
    r"(?:CONNECT tunnel failed, response|HTTP code|proxy after CONNECT|HTTP CONNECT failed:?) ?(\d{3})"
)
_STATUS = re.compile(r"HTTP/\d(?:\.\d)? (\d{3})")


@dataclass(frozen=True, slots=True)
class _Said:
    """What the tool said of the handshake: an outcome of tls.handshake or a cause that came before, and the rest."""

    outcome: str
    detail: str
    cause: str = ""
    ran: Ran | None = None
    address: str = ""


async def handshake(ask: Asking, far: Far, registry: str) -> Found:
    """Return what curl or openssl there says of the registry's certificate, in the outcomes of tls.handshake."""
    said = await _asked(ask, far, registry)
    data = {"address": said.address} if said.address else {}
    return Found(said.outcome, said.detail, data | ({"cause": said.cause} if said.cause else {}))


async def ping(ask: Asking, far: Far, registry: str) -> Response | Failed | Found:
    """Return what GET /v2/ answered to curl there; a Found where nobody could ask."""
    url = Url.parse(f"https://{api_host(registry)}/v2/")
    if url is None:
        return Found(UNSEEN, f"{registry} is no host[:port] of a registry")
    said = await _asked(ask, far, registry)
    if said.outcome == UNSEEN:
        return Found(UNSEEN, said.detail)
    if said.outcome != "ok":
        return Failed(url, "unreached", said.cause or f"tls {said.outcome}", said.detail)
    if said.ran is None or said.ran.tool != "curl":
        return Found(UNSEEN, f"{far.name} has no curl, and neither bash nor nc: nobody there can ask GET /v2/")
    return _response(url, said)


def _response(url: Url, said: _Said) -> Response | Failed:
    """Read the last block of headers, and the body, from curl -i."""
    assert said.ran is not None
    lines = list(said.ran.lines)
    starts = [at for at, line in enumerate(lines) if _STATUS.match(line)]
    if not starts:
        how = {_CURL_TIMEOUT: "timeout", _KILLED: "timeout", _CURL_EMPTY: "closed"}.get(said.ran.status, "reset")
        detail = f"{url.netloc} accepted the request and sent no answer to curl"
        if how == "timeout":
            return Failed(url, "timeout", "response timeout", detail)
        return Failed(url, "closed" if how == "closed" else "reset", f"response {how}", detail)
    block = lines[starts[-1] :]
    end = next((at for at, line in enumerate(block) if not line.strip()), len(block))
    match = _STATUS.match(block[0])
    headers = [line.partition(":") for line in block[1:end]]
    return Response(
        url,
        int(match[1]) if match else 0,
        tuple((name.strip().lower(), value.strip()) for name, colon, value in headers if colon),
        "\n".join(block[end + 1 :]).encode()[:65536],
        "complete",
        said.address,
        0.0,
    )


async def _asked(ask: Asking, far: Far, registry: str) -> _Said:
    try:
        host, port = split_host_port(api_host(registry), 443)
    except ValueError as error:
        return _Said("unreached", f"{error}.", "resolve nxdomain")
    host = ascii_host(host)
    decision = ask.vantage.proxies().route(f"https://{host_port(host, port)}/v2/")
    if decision.unseen or decision.error:
        return _Said(UNSEEN, decision.unseen or f"Go refuses the request: {decision.error}.")
    proxy = proxy_of(decision)
    if proxy is not None and proxy.scheme != "http":
        return _Said(UNSEEN, f"{far.name} can carry no connection to a {proxy.scheme}:// proxy")
    phase, at = ("proxy-", (proxy.host, proxy.port)) if proxy else ("", (host, port))
    if reason := refusal_of_name(host):
        return _Said("unreached", f"{host} was not contacted: {reason}.", "resolve blocked")
    addresses = await resolve(ask, at[0])
    if isinstance(addresses, Unreached):
        outcome = UNSEEN if addresses.outcome == UNSEEN else "unreached"
        return _Said(outcome, addresses.detail, f"{phase}resolve {addresses.outcome}")
    address = next((one for one in addresses if refusal(one, at[1]) is None), None)
    if address is None:
        return _Said(
            "unreached", f"{at[0]} was not contacted: {refusal(addresses[0], at[1])}.", f"{phase}connect blocked"
        )
    shown = host_port(address, at[1])
    bundle = next(iter(ask.vantage.trust(registry).ca_files), "none")
    values = ("none", shown) if proxy else (address, "none")
    try:
        told = await far.session.ask(
            "https", min(_SECONDS, Clock(ask).left), literal(host) or host, str(port), *values, bundle
        )
    except SessionError as error:
        return _Said(UNSEEN, str(error))
    if not told.ran:
        return _Said(UNSEEN, f"{far.name} has none of {', '.join(told.lacks)}")
    return _judged(told.ran[-1], host_port(host, port), shown, phase)


def _trusts(text: str) -> bool:
    """Tell whether openssl verified a certificate: without one it says "Verify return code: 0", too."""
    return bool(re.search(r"Verify return code: 0 |Verification: OK", text)) and not re.search(
        r"no peer certificate available|Cipher is \(NONE\)|\berror:", text
    )


def _judged(ran: Ran, target: str, address: str, phase: str) -> _Said:
    """Judge by the tool's status and words."""
    last = next((line for line in reversed(ran.lines) if line.strip(" -")), f"status {ran.status}")

    def said(outcome: str, cause: str = "", line: str = last) -> _Said:
        return _Said(outcome, f"{target}: {ran.tool} says: {line.strip()[:200]}", cause, ran, address)

    if ran.tool == "curl" and (tunnel := _TUNNEL.search(ran.text)) and ran.status != 0:
        kind = "auth-required" if tunnel[1] == "407" else "denied" if tunnel[1] < "500" else "failed"
        return said("unreached", f"tunnel {kind}")
    if ran.tool == "curl" and ran.status == _CURL_CONNECT:
        from kdoctor.probes.far import words_of

        return said("unreached", f"{phase}connect {words_of(ran.text) or 'refused'}")
    good = ran.status == 0 or bool(_STATUS.search(ran.text)) or ran.status == _CURL_EMPTY
    if (ran.tool == "curl" and good) or (ran.tool == "openssl" and ran.status == 0 and _trusts(ran.text)):
        return _Said("ok", f"{ran.tool} on the other machine trusts the certificate of {target}.", "", ran, address)
    for outcome, pattern in (*_CERTIFICATE, *_HANDSHAKE):
        if line := next((line for line in ran.lines if pattern.search(line)), None):
            return said(outcome, line=line)
    if ran.status in (_CURL_TIMEOUT, _KILLED):
        return said("timeout")
    return said(UNSEEN)
