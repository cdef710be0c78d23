"""Proxies that listen on this machine, found among its open ports."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.dial import Clock, Unreached, resolve
from kdoctor.probes.greetings import CONNECT, SOCKS5, Heard, greet
from kdoctor.probes.streams import host_port
from kdoctor.probes.threads import in_thread
from kdoctor.probes.wire import FAR
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.remote.vantage import Far

# Default ports of Clash and its forks, V2Ray, Shadowsocks, Surge, squid, Privoxy, Polipo, Fiddler,
# Charles, mitmproxy, cntlm, px, sing-box, Burp.
PORTS = (
    7890, 7897, 7891, 7893, 10809, 10808, 1080, 1081, 1087, 1086, 1082, 20171, 20170, 2080,
    6152, 8118, 8123, 8888, 8889, 3128, 8080, 8081, 3129, 6153,
)  # fmt: skip
_PROGRAMS = re.compile(
    r"clash|mihomo|v2ray|xray|sing-?box|ss-?local|sslocal|shadowsocks|trojan|hysteria|naive|squid|privoxy|tinyproxy"
    r"|polipo|cntlm|^px$|px\.exe|alpaca|charles|fiddler|mitmproxy|mitmdump|proxyman|surge|gost|3proxy|dante|sockd|nekoray",
    re.IGNORECASE,
)
_MOST_PORTS = 24
_EACH = 1.0
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})")
_PROXY_WORDS = re.compile(
    rb"\r?\n(?:via|proxy-agent|proxy-authenticate|x-squid-error|proxy-connection):", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP port and the program that holds it, where this user may know."""

    port: int
    program: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    listener: Listener
    scheme: str | None


async def look(ask: Asking, host: str, port: int) -> Found:
    """Greet likely local ports other than `port` at the proxy's own host, which must be this machine."""
    clock = Clock(ask)
    addresses = await resolve(ask, ascii_host(host))
    if isinstance(addresses, Unreached):
        return Found("none", addresses.detail)
    try:
        async with asyncio.timeout(clock.left):
            far = FAR.get()
            own = _loopback(addresses) if far else await in_thread(_own, addresses)
            ip = next(iter(own), None)
            if ip is None:
                return Found("none", f"{host} is not this machine; only its own ports are looked at.")
            open_ports = await _ports_of(far) if far else await in_thread(listening)
    except TimeoutError:
        return Found(UNSEEN, "The open ports of this machine could not be listed in time.")
    likely = [one for one in _likely(open_ports) if one.port != port][:_MOST_PORTS]
    limit = min(_EACH, clock.left)
    answers = await asyncio.gather(*(_asked(ip, one, limit) for one in likely))
    return _told(host, [(one.listener, one.scheme) for one in answers if one.scheme])


def _told(host: str, found: list[tuple[Listener, str]]) -> Found:
    if not found:
        return Found("none", f"No other port of {host} answers as a proxy.")
    # An HTTP proxy fits more programs than a SOCKS one, and a known program is no accident.
    found.sort(key=lambda one: (one[1] != "http", not one[0].program))
    urls = tuple(f"{scheme}://{host_port(host, listener.port)}" for listener, scheme in found)
    data: dict[str, Value] = {"alternative": urls[0], "alternatives": urls}
    holder = found[0][0].program
    if holder:
        data["holder"] = holder
    return Found("found", f"{urls[0]} answers as a proxy{f' ({holder})' if holder else ''}.", data)


def _likely(open_ports: dict[int, str] | None) -> list[Listener]:
    """Return ports to ask: those of known proxy programs, then the common ports that are open."""
    if open_ports is None:
        return [Listener(port) for port in PORTS]
    known = [Listener(port, name) for port, name in open_ports.items() if _PROGRAMS.search(name)]
    common = [Listener(port, open_ports[port]) for port in PORTS if port in open_ports]
    return list(dict.fromkeys([*known, *common]))


async def _asked(ip: str, listener: Listener, limit: float) -> _Answer:
    http, socks = await asyncio.gather(
        greet(ip, listener.port, CONNECT, limit), greet(ip, listener.port, SOCKS5, limit)
    )
    if _is_http_proxy(http):
        return _Answer(listener, "http")
    return _Answer(listener, "socks5" if socks.speaks == "socks5" else None)


def _is_http_proxy(heard: Heard) -> bool:
    """Tell a proxy from a web server, which refuses CONNECT with 400, 404, 405 or 501."""
    status = _STATUS.match(heard.data)
    if status is None:
        return False
    return status[1] in (b"200", b"407") or bool(_PROXY_WORDS.search(heard.data))


def listening() -> dict[int, str] | None:
    """Return the listening TCP ports with the names of their programs; None when nobody tells."""
    import psutil

    try:
        rows = [(one.laddr, one.pid) for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    except (psutil.Error, OSError):
        return None
    found: dict[int, str] = {}
    for address, pid in rows:
        if address:
            found[address.port] = found.get(address.port) or _program(pid)
    return found


def _program(pid: int | None) -> str:
    import psutil

    if not pid:
        return ""
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


async def _ports_of(far: Far) -> dict[int, str] | None:
    from kdoctor.probes.far import ports

    return await ports(far)


def _loopback(addresses: Iterable[str]) -> list[str]:
    return [one for one in addresses if ipaddress.ip_address(one).is_loopback]


def _own(addresses: Iterable[str]) -> list[str]:
    """Return those of the addresses that are this machine's."""
    import psutil

    mine = {row.address.partition("%")[0] for rows in psutil.net_if_addrs().values() for row in rows if _ip(row.family)}
    return [one for one in addresses if ipaddress.ip_address(one).is_loopback or one in mine]


def _ip(family: int) -> bool:
    return family in (socket.AF_INET, socket.AF_INET6)
