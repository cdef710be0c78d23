"""Edits resolv.conf (resolv.conf(5)): comments, options and the other nameservers stay."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from kdoctor.fixes.errors import NotEditableError

_MOST = 3
"""Nameservers that glibc and Go ask (MAXNS)."""


def edit(text: str, add: Mapping[str, Any], remove: Mapping[str, Any], *, first: bool = False) -> str:
    """Return the text with nameservers put before (or behind) the others, or taken out.

    Raises:
        NotEditableError: a nameserver is no IP address, or would not be asked: it would be the fourth.
    """
    for keyword in (*add, *remove):
        if keyword != "nameserver":
            raise NotEditableError(f'"{keyword}" of resolv.conf is not edited')
    new = [_without_port(str(one)) for one in _several(add.get("nameserver", ()))]
    gone = {str(one) for one in _several(remove.get("nameserver", ()))}
    for address in new:
        try:
            ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise NotEditableError(f"{address!r} is no IP address") from None
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if _server(line) not in gone]
    servers = [_server(line) for line in kept if _server(line)]
    if new and servers[: len(new)] == new:
        return "".join(kept)
    if first:
        kept = [line for line in kept if _server(line) not in new]
        at = next((i for i, line in enumerate(kept) if _server(line)), len(kept))
    else:
        new = [address for address in new if address not in servers]
        if new and len(servers) >= _MOST:
            raise NotEditableError("it has three nameservers; a fourth is never asked")
        at = max((i + 1 for i, line in enumerate(kept) if _server(line)), default=len(kept))
    if new and at == len(kept) and kept and not kept[-1].endswith("\n"):
        kept[-1] += newline
    return "".join([*kept[:at], *(f"nameserver {address}{newline}" for address in new), *kept[at:]])


def _without_port(address: str) -> str:
    """Return the address without port 53, the only one that resolv.conf can mean."""
    if address.startswith("[") and address.endswith("]:53"):
        return address[1:-4]
    return address.removesuffix(":53") if address.count(":") == 1 else address.strip("[]")


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _server(line: str) -> str:
    words = line.split()
    return words[1] if len(words) > 1 and words[0] == "nameserver" else ""
