"""resolv.conf, and CoreDNS's Corefile.

Sources: resolv.conf(5), Go net/dnsconfig_unix.go; CoreDNS's manual, its plugins' pages and release notes
(1.5.0 dropped `proxy`, 1.7.0 `upstream` and `federation`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from kdoctor.configs.slip import Slip
from kdoctor.errors import did_you_mean

_WORDS = ("nameserver", "search", "domain", "options", "sortlist", "lookup", "family")
_MOST = 3
_GONE = {"proxy": "forward", "federation": ""}


def resolv_conf(text: str) -> Iterator[Slip]:
    """Yield the slips of resolv.conf."""
    servers: list[int] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.split(r"[#;]", raw, maxsplit=1)[0].split()
        if not line:
            continue
        word, values = line[0], line[1:]
        if word != "nameserver":
            near = did_you_mean(word, _WORDS) if word not in _WORDS else ""
            if near:
                yield Slip("unknown-key", "ignored", f'resolv.conf knows no "{word}".{near}', number)
            continue
        yield from _server(values, number)
        servers.append(number)
    if len(servers) > _MOST:
        problem = f"resolvers read {_MOST} nameserver lines; this one and those behind it are passed over"
        yield Slip("too-many", "ignored", problem, servers[_MOST])


def _server(values: Sequence[str], number: int) -> Iterator[Slip]:
    if not values:
        yield Slip("no-address", "ignored", "nameserver without an address", number)
        return
    address = values[0].partition("%")[0]
    try:
        ipaddress.ip_address(address)
    except ValueError:
        hint = (
            "no port can be given" if re.fullmatch(r"[\d.]+:\d+|\[.*\]:\d+", values[0]) else "it must be an IP address"
        )
        yield Slip("no-address", "ignored", f"nameserver {values[0]}: {hint}", number)
        return
    if len(values) > 1:
        yield Slip("one-a-line", "ignored", f"only {values[0]} counts: each address needs a nameserver line", number)


def corefile(text: str, upstream: Sequence[str] = ()) -> Iterator[Slip]:
    """Yield the slips of a Corefile; `upstream` are the nameservers of the resolv.conf that it forwards to."""
    depth = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        words = line.split()
        depth += line.count("{") - line.count("}")
        if depth < 0:
            yield Slip("braces", "invalid", "a closing brace without an opening one", number)
            return
        if not words:
            continue
        if words[0] in _GONE and line.count("{") == 0 and depth:
            instead = f"; write {_GONE[words[0]]}" if _GONE[words[0]] else ""
            yield Slip("plugin-gone", "invalid", f'CoreDNS has no plugin "{words[0]}" any more{instead}', number)
        if words[0] == "upstream" and depth > 1:
            yield Slip("plugin-gone", "invalid", 'the kubernetes plugin takes no "upstream" since CoreDNS 1.7', number)
        if words[0] == "forward":
            yield from _forward(words[1:], number, upstream)
    if depth > 0:
        yield Slip("braces", "invalid", f"{depth} closing brace(s) are missing", text.count("\n") + 1)


def _forward(words: Sequence[str], number: int, upstream: Sequence[str]) -> Iterator[Slip]:
    for target in words[1:]:
        if target.startswith(("127.", "[::1]", "::1", "dns://127.")):
            problem = f"CoreDNS forwards to {target}, which is its own pod: a loop, unless something listens there"
            yield Slip("loop", "invalid", problem, number)
        if target == "/etc/resolv.conf" and any(server.startswith(("127.", "::1")) for server in upstream):
            problem = f"CoreDNS forwards to /etc/resolv.conf, which names {', '.join(upstream)}: a loop inside its pod"
            yield Slip("loop", "invalid", problem, number)
