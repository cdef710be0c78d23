"""resolv.conf as Go's resolver reads it (net/dnsconfig_unix.go)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from kdoctor.machine import Machine, read_text

PATH = "/etc/resolv.conf"
DEFAULT_SERVERS = ("127.0.0.1", "::1")
"""Whom Go asks, on port 53, where there is no file or no usable nameserver line."""

_MAX_SERVERS = 3
_ROOT_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """Nameservers (IP addresses, port 53) in order, search domains and options; times in seconds.

    `fallback` tells that the servers are Go's own defaults. `rejected` holds nameserver values that
    are no IP address or beyond the third. `unseen` says why the file could not be looked at.
    """

    servers: tuple[str, ...] = DEFAULT_SERVERS
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: int = 5
    attempts: int = 2
    rotate: bool = False
    use_tcp: bool = False
    path: str = PATH
    exists: bool = True
    fallback: bool = False
    rejected: tuple[str, ...] = ()
    unseen: str | None = None


def read(machine: Machine, prefix: str = "") -> ResolvConf:
    """Return the machine's resolver settings; `prefix` is another root, such as /proc/PID/root."""
    path = machine.path(f"{prefix}{PATH}")
    text = read_text(path, _ROOT_LIMIT)
    if text is None:
        return ResolvConf(exists=path.exists(), fallback=True)
    return parse(text)


def parse(text: str) -> ResolvConf:
    """Return what Go takes from the text of a resolv.conf."""
    servers: list[str] = []
    rejected: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        if line[:1] in ("#", ";"):
            continue
        words = line.split()
        match words:
            case ["nameserver", value, *_]:
                (servers if _is_address(value) and len(servers) < _MAX_SERVERS else rejected).append(value)
            case ["domain", value, *_]:
                search = (value,)
            case ["search", *values]:
                search = tuple(v for v in values if v != ".")
            case ["options", *values]:
                options += values
            case _:
                pass
    return ResolvConf(
        servers=tuple(servers) or DEFAULT_SERVERS,
        search=search,
        ndots=_number(options, "ndots", 1, 0, 15),
        timeout=_number(options, "timeout", 5, 1, None),
        attempts=_number(options, "attempts", 2, 1, None),
        rotate="rotate" in options,
        use_tcp=any(o in ("use-vc", "usevc", "tcp") for o in options),
        fallback=not servers,
        rejected=tuple(rejected),
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _number(options: list[str], name: str, default: int, low: int, high: int | None) -> int:
    """Return the last `name:N` of the options, held between `low` and `high` as Go does."""
    value = default
    for option in options:
        key, colon, text = option.partition(":")
        if key == name and colon:
            digits = re.match(r"[0-9]{1,7}", text)
            value = max(low, int(digits[0]) if digits else 0)
            value = value if high is None else min(high, value)
    return value
