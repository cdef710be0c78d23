"""Which proxy a Go program uses for a URL: golang.org/x/net/http/httpproxy, decision by decision.

dockerd, containerd, CRI-O, podman, kubelet, kubectl, minikube and kind all decide this way; Python's
and curl's rules differ, so neither is asked. As of golang.org/x/net 0.38 (Go 1.24).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kdoctor.settings import gourl
from kdoctor.settings.gourl import GoURL, GoURLError

CGI_REFUSAL = "refusing to use HTTP_PROXY value in CGI environment; see golang.org/s/cgihttpproxy"

_DEFAULT_PORTS = {"http": "80", "https": "443", "socks5": "1080"}
# Go's unicode.IsSpace; str.strip() would take the separators \x1c-\x1f as well.
_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reason(StrEnum):
    """Why Go decided as it did."""

    SET = "set"
    UNSET = "unset"
    DROPPED = "dropped"
    OTHER_SCHEME = "other-scheme"
    LOOPBACK = "loopback"
    NO_PROXY = "no-proxy"
    MALFORMED_HOST = "malformed-host"
    CGI = "cgi"
    BAD_URL = "bad-url"


@dataclass(frozen=True, slots=True)
class Config:
    """httpproxy.Config: the values of the three variables, and whether REQUEST_METHOD is set."""

    http: str = ""
    https: str = ""
    no_proxy: str = ""
    cgi: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The proxy for a URL (None for direct), why, and the NO_PROXY entry or Go's error where one decided."""

    proxy: GoURL | None
    reason: Reason
    entry: str | None = None
    error: str | None = None


def from_environment(env: Mapping[str, str]) -> Config:
    """Return httpproxy.FromEnvironment: upper case first, an empty variable counts as unset."""
    return Config(
        http=env.get("HTTP_PROXY") or env.get("http_proxy") or "",
        https=env.get("HTTPS_PROXY") or env.get("https_proxy") or "",
        no_proxy=env.get("NO_PROXY") or env.get("no_proxy") or "",
        cgi=bool(env.get("REQUEST_METHOD")),
    )


def decide(config: Config, url: str) -> Decision:
    """Return what httpproxy.Config.ProxyFunc answers for the URL."""
    try:
        request = gourl.parse(url)
    except GoURLError as error:
        return Decision(None, Reason.BAD_URL, error=f'parse "{url}": {error.reason}')
    value = {"https": config.https, "http": config.http}.get(request.scheme)
    if value is None:
        return Decision(None, Reason.OTHER_SCHEME)
    if not value:
        return Decision(None, Reason.UNSET)
    try:
        proxy = parse_proxy(value)
    except GoURLError:
        return Decision(None, Reason.DROPPED)
    if request.scheme == "http" and config.cgi:
        return Decision(None, Reason.CGI, error=CGI_REFUSAL)
    return _exemption(config.no_proxy, request) or Decision(proxy, Reason.SET)


def parse_proxy(value: str) -> GoURL:
    """Return the URL Go makes of a proxy variable; raise GoURLError where it drops the value in silence."""
    parsed: GoURL | None = None
    failure: GoURLError | None = None
    try:
        parsed = gourl.parse(value)
    except GoURLError as error:
        failure = error
    if parsed is not None and parsed.scheme and parsed.host:
        return parsed
    try:
        return gourl.parse("http://" + value)
    except GoURLError:
        if parsed is not None:
            return parsed
        raise failure or GoURLError("invalid proxy address") from None


def endpoint(proxy: GoURL) -> tuple[str, int]:
    """Return the host and port that net/http dials for a proxy's URL; an unknown scheme has port 80."""
    port = proxy.port() or {"socks5h": "1080"}.get(proxy.scheme) or _DEFAULT_PORTS.get(proxy.scheme, "80")
    return ascii_host(proxy.hostname()), int(port)


def ascii_host(host: str) -> str:
    """Return the host as idna.Lookup.ToASCII gives it, or unchanged where that refuses (UTS 46)."""
    if host.isascii():
        return host
    import idna  # the tables take 10 ms to load and hardly any host needs them

    try:
        mapped = idna.uts46_remap(host, std3_rules=True, transitional=False)
        return ".".join(_ascii_label(label) for label in mapped.split("."))
    except (idna.IDNAError, UnicodeError, IndexError):
        return host


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    from idna import core

    core.check_hyphen_ok(label)
    core.check_initial_combiner(label)
    core.check_bidi(label)
    return "xn--" + label.encode("punycode").decode("ascii")


def _exemption(no_proxy: str, request: GoURL) -> Decision | None:
    """Return the decision against the proxy, None where the proxy is to be used."""
    host = ascii_host(request.hostname())
    port = request.port() or _DEFAULT_PORTS.get(request.scheme, "")
    if "[" in host or "]" in host:  # net.SplitHostPort fails, and useProxy answers no
        return Decision(None, Reason.MALFORMED_HOST)
    if host == "localhost":
        return Decision(None, Reason.LOOPBACK)
    address = _address(host)
    if address is not None and address.is_loopback:
        return Decision(None, Reason.LOOPBACK)
    entries = [entry for entry in (part.strip(_SPACE) for part in no_proxy.split(",")) if entry]
    # Go looks through the addresses first, then the names; "*" replaces all other entries.
    entry = "*" if "*" in entries else _covering(entries, host.strip(_SPACE).lower(), port, address)
    return Decision(None, Reason.NO_PROXY, entry=entry) if entry else None


def _covering(entries: list[str], host: str, port: str, address: _IP | None) -> str | None:
    return next((entry for entry in entries if _covers(entry.lower(), host, port, address)), None)


def _covers(entry: str, host: str, port: str, address: _IP | None) -> bool:
    """Tell whether one entry of NO_PROXY (lower case, not empty) exempts the host."""
    network = parse_cidr(entry)
    if network is not None:
        return address is not None and address in network
    split = split_host_port(entry)
    entry_host, entry_port = split if split is not None else (entry, "")
    if not entry_host or entry_port not in ("", port):
        return False
    entry_address = None if "%" in entry_host else _address(entry_host)
    if entry_address is not None:
        return address is not None and address == entry_address
    if address is not None:
        return False
    suffix = entry_host.removeprefix("*") if entry_host.startswith("*.") else entry_host
    itself = not suffix.startswith(".")
    suffix = ascii_host(f".{suffix}" if itself else suffix)
    return host.endswith(suffix) or (itself and host == suffix[1:])


def parse_cidr(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return net.ParseCIDR's network, None where it refuses (a netmask instead of a length, a zone)."""
    host, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdigit()) or "%" in host:
        return None
    try:
        address = ipaddress.ip_address(host)
        if int(length) > address.max_prefixlen:
            return None
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:  # net.IPNet drops to four bytes and keeps the last 32 bits of the mask
            return ipaddress.IPv4Network((mapped, max(0, int(length) - 96)), strict=False)
        return ipaddress.ip_network(f"{host}/{int(length)}", strict=False)
    except ValueError:
        return None


def split_host_port(text: str) -> tuple[str, str] | None:
    """Return net.SplitHostPort's host and port, None where it reports an error."""
    colon = text.rfind(":")
    if colon < 0:
        return None
    if text.startswith("["):
        closing = text.find("]")
        if closing < 0 or closing + 1 != colon:
            return None
        host, rest = text[1:closing], text[closing + 1 :]
        if "[" in host or "[" in rest or "]" in rest:
            return None
        return host, text[colon + 1 :]
    host = text[:colon]
    if ":" in host or "[" in text or "]" in text:
        return None
    return host, text[colon + 1 :]


def _address(text: str) -> _IP | None:
    """Return netip.ParseAddr's address as net.IP compares it: without zone, IPv4-mapped as IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        return ipaddress.IPv6Address(int(address))
    return address
