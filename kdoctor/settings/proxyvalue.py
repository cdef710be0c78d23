"""What is wrong with a proxy variable's value, in words, and how to show one without its password."""

from __future__ import annotations

import re

from kdoctor.settings import goproxy, gourl
from kdoctor.settings.gourl import GoURL, GoURLError

_USERINFO = re.compile(
    r"^(\s*[\"']?\s*(?:[A-Za-z][A-Za-z0-9+.\-]*:(?=/)|(?:https?|socks5h?):)?/{0,3}).*@", re.DOTALL | re.IGNORECASE
)
_KNOWN_SCHEMES = ("http", "https", "socks5", "socks5h")
_HIDDEN = "***"


def without_userinfo(value: str) -> str:
    """Return the value with user and password replaced, also where it does not parse."""
    return _USERINFO.sub(lambda match: f"{match[1]}{_HIDDEN}@", value)


def printable(proxy: GoURL) -> str:
    """Return URL.String without userinfo; a password that Go mistakes for a path is hidden as well."""
    text = proxy.text(userinfo=False)
    head = f"{proxy.scheme}://{gourl.escape(proxy.host, 'host')}" if not proxy.opaque else f"{proxy.scheme}:"
    rest = text.removeprefix(head)
    if "@" not in rest:
        return text
    slashes = rest[: len(rest) - len(rest.lstrip("/"))]
    return f"{head}{slashes}{_HIDDEN}{rest[rest.rindex('@') :]}"


def endpoint(value: str) -> tuple[str, int] | None:
    """Return host and port that Go dials for the value, None where it drops the value."""
    try:
        return goproxy.endpoint(goproxy.parse_proxy(value))
    except (GoURLError, ValueError):
        return None


def credentials(value: str) -> bool:
    """Tell whether Go finds a user in the value."""
    try:
        return goproxy.parse_proxy(value).user is not None
    except GoURLError:
        return False


def problem(value: str) -> str | None:
    """Return what is wrong with a value, None where Go makes of it what its author meant."""
    shown = _quoted(without_userinfo(value))
    try:
        proxy = goproxy.parse_proxy(value)
    except GoURLError as error:
        return f"Go drops {shown} without a word and connects directly: {_fault(value, error.reason)}"
    host = proxy.hostname()
    if not host:
        return f"Go finds no host in {shown}: the host is missing"
    fault = _mangled(value, proxy)
    if fault is not None:
        return f"Go takes {_quoted(host)} for the proxy's host in {shown}: {fault}"
    port = proxy.port()
    if port and not 0 < int(port) < 65536:
        return f"{shown} has no valid port: {port} is not between 1 and 65535"
    return _unknown_scheme(shown, proxy.scheme)


def _unknown_scheme(shown: str, scheme: str) -> str | None:
    if scheme == "socks5h":
        return (
            f"{shown} has the scheme socks5h, which programs built with Go before 1.23 do not know; "
            "socks5 means the same to Go: the proxy resolves the names"
        )
    if scheme not in _KNOWN_SCHEMES:
        return (
            f"{shown} has the unknown scheme {scheme}: Go 1.23 and later speak plain HTTP to the proxy, "
            f'earlier ones look up a host named "{scheme}"'
        )
    return None


def _mangled(value: str, proxy: GoURL) -> str | None:
    """Return why the proxy's host is not the one meant, None where it is."""
    try:
        plain = gourl.parse(value)
    except GoURLError as error:
        # host:port and IP:port parse only with http:// before them; that is what Go's authors meant.
        meant = "//" not in value and proxy.path in ("", "/") and not re.search(r"[\\\s\"']", value)
        return _odd_host(proxy) if meant else _fault(value, error.reason)
    if plain.scheme and plain.host:
        return _swallowed(value) or _odd_host(proxy)
    if plain.scheme in _KNOWN_SCHEMES and plain.opaque:
        return f"the // after {plain.scheme}: is missing"
    if proxy.path not in ("", "/") and re.match(r"[A-Za-z0-9]+:?/", value):
        return "the host is missing" if re.fullmatch(r"\w+:/*", value) else "it should read scheme://host:port"
    return _odd_host(proxy)


def _odd_host(proxy: GoURL) -> str | None:
    host = proxy.hostname()
    odd = sorted(set(re.findall(r"[^\w.\-:%]", host)))
    if odd:
        return f"no host name holds {' or '.join(odd)}"
    return "an IPv6 address must stand in brackets" if ":" in host and not proxy.host.startswith("[") else None


def _swallowed(value: str) -> str | None:
    """Return the fault of a value that parses, but whose real host went into a path, query or fragment."""
    rest = value.partition("://")[2]
    head = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(head) :] and "@" not in head:
        return _fault(value, "the password ends the host")
    return None


def _fault(value: str, reason: str) -> str:
    """Return what a person did wrong with a value that Go does not parse; `reason` is Go's own word."""
    if value[:1] in "\"'" or value[-1:] in "\"'":
        return "the quotes are part of the value"
    if value[-1:].isspace():
        return "it ends with a blank"
    if value[:1].isspace():
        return "it begins with a blank"
    userinfo = value.partition("://")[2] or value
    secret = userinfo.rpartition("@")[0]
    if secret:
        if re.search(r"%(?![0-9A-Fa-f]{2})", secret):
            return "the % in the user or password must be written %25"
        bad = sorted(set(re.findall(r"[^A-Za-z0-9\-._:~!$&'()*+,;=%@]", secret)))
        if bad:
            which = " and ".join(f"{c!r} as {_percent(c)}" if c.isprintable() else "control characters" for c in bad)
            return f"characters of the user or password must be percent-encoded: {which}"
    if reason.startswith("invalid port"):
        return "the port is not a number"
    if "control character" in reason:
        return "it holds a control character, such as a line break"
    if reason.startswith("invalid URL escape"):
        return f"a % that is not followed by two hexadecimal digits ({_plain(reason, secret)})"
    return _plain(reason, secret)


def _quoted(text: str) -> str:
    """Return the text in quotes that it does not hold itself, on one line."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{line}'" if '"' in line else f'"{line}"'


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _plain(reason: str, secret: str) -> str:
    """Return Go's reason unless it quotes from the user or password."""
    quoted = re.search(r'"(.*)"', reason)
    return reason.split('"', maxsplit=1)[0].strip() if secret and quoted and quoted[1] in secret else reason


# What people write: quotes or blanks that became part of the value, a scheme with a slip, or none.
_SLIPPED = re.compile(
    r"""[\s"'`]*(?:(?:https?|htt?ps?|htpp|http;|hppt)\s*[:;]?[\\/]{0,4}[\s"']*)?"""
    r"""(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)\s*:\s*(?P<port>[0-9]{1,5})[/\s"'`,;]*""",
    re.IGNORECASE,
)


def meant(value: str) -> str | None:
    """Return the URL that a value without credentials was surely meant to be, for a probe to try; None if unclear."""
    found = _SLIPPED.fullmatch(value)
    if found is None or not 0 < int(found["port"]) < 65536 or found["host"].lower() in ("http", "https", "socks5"):
        return None
    return f"http://{found['host'].lower()}:{int(found['port'])}"
