"""URLs as Go's net/url parses and prints them: a proxy value that Go mangles must be mangled alike.

Follows RFC 3986 with the deviations of net/url (Parse, URL.String, URL.Hostname, URL.Port), including
the check of bracketed hosts that came with Go 1.25.2; colons in a host are as lenient as
GODEBUG urlstrictcolons=0, the default of modules that ask for less than Go 1.26.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal

_Part = Literal["path", "host", "zone", "user", "fragment"]

_ALNUM = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# The bytes that stand for themselves in each part when Go prints a URL.
_PLAIN: dict[_Part, frozenset[int]] = {
    "path": frozenset(_ALNUM + b"-_.~$&+,/:;=@"),
    "host": frozenset(_ALNUM + b"-_.~!$&'()*+,;=:[]<>\""),
    "zone": frozenset(_ALNUM + b"-_.~!$&'()*+,;=:[]<>\""),
    "user": frozenset(_ALNUM + b"-_.~$&+,;="),
    "fragment": frozenset(_ALNUM + b"-_.~$&+,/:;=?@!()*"),
}
_VALID_EXTRA = frozenset(b"!$&'()*+,;=:@[]%")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_PORT = re.compile(r"(?::[0-9]*)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class GoURLError(ValueError):
    """The text is no URL for Go; `reason` is what net/url says, without the URL itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class GoURL:
    """A parsed URL; user and password are None where the text has none, texts are unescaped."""

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    password: str | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    omit_host: bool = False
    query: str | None = None
    fragment: str = ""
    raw_fragment: str = ""

    def hostname(self) -> str:
        """Return the host without port and brackets."""
        host, _ = _split_host(self.host)
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    def port(self) -> str:
        """Return the port as written, empty where there is none or it is not made of digits."""
        return _split_host(self.host)[1]

    def text(self, userinfo: bool = True) -> str:
        """Return the URL as URL.String prints it, or the same without the userinfo."""
        out = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            out += self.opaque
        else:
            out += self._authority(userinfo)
            path = _escaped(self.path, self.raw_path, "path")
            if path and path[0] != "/" and self.host:
                out += "/"
            if not out and ":" in path.split("/", 1)[0]:
                out = "./"
            out += path
        if self.query is not None:
            out += "?" + self.query
        if self.fragment:
            out += "#" + _escaped(self.fragment, self.raw_fragment, "fragment")
        return out

    def _authority(self, userinfo: bool) -> str:
        user = self.user if userinfo else None
        if not (self.scheme or self.host or user is not None):
            return ""
        if self.omit_host and not self.host and user is None:
            return ""
        out = "//" if self.host or self.path or user is not None else ""
        if user is not None:
            out += escape(user, "user")
            if self.password is not None:
                out += ":" + escape(self.password, "user")
            out += "@"
        return out + escape(self.host, "host")


def parse(text: str) -> GoURL:
    """Return what net/url.Parse makes of the text; raise GoURLError where it refuses."""
    text, _, fragment = text.partition("#")
    if _CONTROL.search(text):
        raise GoURLError("net/url: invalid control character in URL")
    if text == "*":
        return GoURL(path="*")
    scheme, rest = _scheme(text)
    rest, question, query_text = rest.partition("?")
    query = query_text if question else None
    if not rest.startswith("/"):
        if scheme:
            return _with_fragment(GoURL(scheme=scheme, opaque=rest, query=query), fragment)
        if ":" in rest.split("/", 1)[0]:
            raise GoURLError("first path segment in URL cannot contain colon")
    user = password = None
    host, omit_host = "", False
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
        user, password, host = _parse_authority(authority)
    elif scheme and rest.startswith("/"):
        omit_host = True
    path = unescape(rest, "path")
    url = GoURL(
        scheme=scheme,
        user=user,
        password=password,
        host=host,
        path=path,
        raw_path="" if escape(path, "path") == rest else rest,
        omit_host=omit_host,
        query=query,
    )
    return _with_fragment(url, fragment)


def unescape(text: str, part: _Part) -> str:
    """Undo percent-encoding as net/url does in that part of a URL; raise GoURLError where it refuses."""
    raw = text.encode("utf-8", "surrogateescape")
    out = bytearray()
    i = 0
    while i < len(raw):
        byte = raw[i]
        if byte != 0x25:
            if part in ("host", "zone") and byte < 0x80 and byte not in _PLAIN[part]:
                raise GoURLError(f"invalid character {_quote(chr(byte))} in host name")
            out.append(byte)
            i += 1
            continue
        triple = raw[i : i + 3]
        if not re.fullmatch(rb"%[0-9A-Fa-f]{2}", triple):
            raise GoURLError(f"invalid URL escape {_quote(triple.decode('utf-8', 'replace'))}")
        value = int(triple[1:], 16)
        # RFC 6874: in a host only bytes outside ASCII may be escaped, and % itself before a zone.
        host_escape = part == "host" and value < 0x80 and triple != b"%25"
        zone_escape = part == "zone" and triple != b"%25" and value != 0x20 and value not in _PLAIN["host"]
        if host_escape or zone_escape:
            raise GoURLError(f"invalid URL escape {_quote(triple.decode())}")
        out.append(value)
        i += 3
    return out.decode("utf-8", "surrogateescape")


def escape(text: str, part: _Part) -> str:
    """Percent-encode as URL.String does in that part of a URL."""
    plain = _PLAIN[part]
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw)


def _scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise GoURLError("missing protocol scheme")
    match = _SCHEME.fullmatch(text)
    return (match[1].lower(), match[2]) if match else ("", text)


def _with_fragment(url: GoURL, raw: str) -> GoURL:
    if not raw:
        return url
    fragment = unescape(raw, "fragment")
    return replace(url, fragment=fragment, raw_fragment="" if escape(fragment, "fragment") == raw else raw)


def _parse_authority(authority: str) -> tuple[str | None, str | None, str]:
    userinfo, at, host_text = authority.rpartition("@")
    host = _parse_host(host_text)
    if not at:
        return None, None, host
    if not _USERINFO.fullmatch(userinfo):
        raise GoURLError("net/url: invalid userinfo")
    user, colon, password = userinfo.partition(":")
    return unescape(user, "user"), unescape(password, "user") if colon else None, host


def _parse_host(host: str) -> str:
    opening = host.rfind("[")
    if opening < 0:
        colon = host.rfind(":")
        if colon >= 0 and not _PORT.fullmatch(host[colon:]):
            raise GoURLError(f"invalid port {_quote(host[colon:])} after host")
        return unescape(host, "host")
    closing = host.rfind("]")
    if closing < 0:
        raise GoURLError("missing ']' in host")
    port = host[closing + 1 :]
    if not _PORT.fullmatch(port):
        raise GoURLError(f"invalid port {_quote(port)} after host")
    if opening > 0:
        raise GoURLError("invalid IP-literal")
    name, zone_mark, zone = host[1:closing].partition("%25")
    literal = unescape(name, "host") + unescape(zone_mark + zone, "zone")
    try:
        ipaddress.IPv6Address(literal)
    except ValueError as error:
        raise GoURLError(f"invalid host: ParseAddr({_quote(literal)}): not an IPv6 address") from error
    return f"[{literal}]{port}"


def _split_host(host: str) -> tuple[str, str]:
    colon = host.rfind(":")
    if colon >= 0 and _PORT.fullmatch(host[colon:]):
        return host[:colon], host[colon + 1 :]
    return host, ""


def _escaped(text: str, raw: str, part: _Part) -> str:
    allowed = _PLAIN[part] | _VALID_EXTRA
    if raw and all(byte in allowed for byte in raw.encode("utf-8", "surrogateescape")):
        return raw
    if part == "path" and text == "*":
        return "*"
    return escape(text, part)


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
