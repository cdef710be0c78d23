"""Names: what the vantage's nameservers say, what others say, what the C library says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.guard import DNS_PORT, endpoint, refusal
from kdoctor.probes.names import (
    candidates,
    families,
    hosts_path,
    impossible,
    in_hosts_file,
    is_domain_name,
    is_public,
    literal,
)
from kdoctor.probes.threads import in_thread
from kdoctor.probes.wire import FAR
from kdoctor.settings import resolv
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.nameserver import Answer
    from kdoctor.probes.turns import Server, Turn

_MOST_SERVERS = 3  # dnsconfig_unix.go
_PUBLIC = ("1.1.1.1", "8.8.8.8", "9.9.9.9")
_BUDGET = 3.7
_MARGIN = 0.2

_SAYS = {
    "ok": "{server} knows {name}: {addresses}.",
    "nxdomain": "{server} says that {name} does not exist (NXDOMAIN).",
    "nodata": "{server} knows {name} but has no address for it (NODATA).",
    "servfail": "{server} could not answer for {name} (SERVFAIL or another error code).",
    "refused": "{server} refused to answer for {name} (REFUSED).",
    "lame": "{server} is not in charge of {name} and asks nobody else (lame referral).",
    "malformed": "{server} sent something that is no answer to the question for {name}.",
    "timeout": "{server} did not answer for {name}.",
    "closed": "Nothing listens on {server}: the question for {name} was rejected.",
    "unreachable": "There is no way from here to {server} to ask for {name}.",
    UNSEEN: "{server} was not asked for {name}: {why}.",
}


async def resolvers(ask: Asking) -> Found:
    """Name the nameservers of the vantage's resolv.conf."""
    conf = ask.vantage.resolvers()
    if conf.unseen:
        return Found(UNSEEN, conf.unseen)
    servers = () if conf.fallback else conf.servers
    data: dict[str, Value] = {"path": conf.path, "servers": servers, "search": conf.search}
    if conf.domains:
        data["domains"] = conf.domains
    if conf.manager:
        data["manager"] = conf.manager
    if not conf.exists:
        return Found("missing", f"{conf.path} is missing; Go programs then ask 127.0.0.1 and ::1.", data)
    if conf.fallback:
        return Found("empty", f"{conf.path} names no nameserver; Go programs then ask 127.0.0.1 and ::1.", data)
    return Found("ok", f"{conf.path} names {', '.join(conf.servers)}.", data)


async def lookup(ask: Asking, name: str, resolver: str | None = None) -> Found:
    """Look a name up as Go's pure resolver does; with `resolver` ask exactly that nameserver."""
    name = ascii_host(name)
    if address := literal(name):
        return _resolved(name, (address,), f"{name} is an address; nobody needs to be asked.", {})
    if resolver is None and (addresses := in_hosts_file(ask.vantage.machine, name)):
        path = hosts_path(ask.vantage.machine)
        detail = f"{path} gives {name} the address {', '.join(addresses)}."
        return _resolved(name, addresses, detail, {"resolver": path, "file": path})
    if not is_domain_name(name):
        return Found("nxdomain", f"{name!r} is no valid domain name; Go asks no nameserver for it.", {"answers": ()})
    return await _ask_dns(ask, name, resolver)


async def _ask_dns(ask: Asking, name: str, resolver: str | None) -> Found:
    conf = ask.vantage.resolvers()
    if conf.unseen and not resolver:
        return Found(UNSEEN, conf.unseen)
    own = conf.servers
    wanted = [resolver] if resolver else own[:_MOST_SERVERS]
    servers, refused = _allowed(wanted, own)
    if not servers:
        return Found("blocked", f"Not asked: {'; '.join(refused)}.", {"resolver": wanted[0]})
    names = candidates(name, conf.search if _is_own(resolver, own) else (), conf.ndots)
    if not names:
        return Found("nxdomain", f"Go does not look up {name}.", {"answers": ()})

    from kdoctor.probes.turns import ask_names

    turn = await ask_names(servers, names, _budget(ask))
    found = _judged(name, turn)
    if resolver is None and conf.fallback and found.outcome not in ("ok", "sinkhole"):
        detail = f"{conf.path} names no nameserver; Go then asks 127.0.0.1 and ::1. {found.detail}"
        return Found("no-resolver", detail, found.data)
    return found


def _judged(name: str, turn: Turn) -> Found:
    last = turn.last
    data: dict[str, Value] = {"resolver": last.server, "answers": _told(turn.answers)}
    tcp = next((answer.tcp for answer in reversed(turn.answers) if answer.tcp), None)
    if tcp:
        data["tcp"] = tcp
    detail = _says(last, name)
    if last.outcome == "timeout" and tcp:
        detail += " Over TCP it answers." if tcp in _ANSWERED else f" Over TCP neither: {tcp}."
    if last.outcome == "ok":
        return _resolved(name, last.addresses, detail, data)
    return Found(last.outcome, detail, data)


_ANSWERED = ("ok", "nxdomain", "nodata", "servfail", "refused", "lame")


def _resolved(name: str, addresses: tuple[str, ...], detail: str, data: dict[str, Value]) -> Found:
    """Return "ok", or "sinkhole" when a public registry got an address that cannot be its own."""
    ipv4, ipv6 = families(addresses)
    data = {**data, "addresses": addresses, "ipv4": ipv4, "ipv6": ipv6}
    wrong = impossible(addresses) if not literal(name) and is_public(name) else []
    if wrong:
        return Found("sinkhole", f"{detail} {', '.join(wrong)} cannot be the address of a public registry.", data)
    return Found("ok", detail, data)


async def elsewhere(ask: Asking, name: str, resolver: str | None = None) -> Found:
    """Ask other nameservers than the given one (by default: than the one that decided) for the name.

    Those that this machine's files name come before public ones; `public` tells that it is one of these.

    `resolver` has the port, `server` is the bare address that resolv.conf and daemon.json take.
    """
    if literal(name) or not is_domain_name(name):
        return Found("none", f"{name} is not a name that a nameserver could be asked for.")
    if resolver is None:
        own = await ask.other("dns.lookup", name=name)
        resolver = str(own.data.get("resolver") or "")
    servers, _ = _allowed(_others(ask, name, resolver), ask.vantage.resolvers().servers)
    if not servers:
        return Found("none", "No other nameserver is known here that could be asked.", {"answers": ()})

    from kdoctor.probes.nameserver import FINAL, ask_server
    from kdoctor.probes.turns import SERVER_LIMIT

    limit = min(SERVER_LIMIT, max(ask.remaining - _MARGIN, 0.1))
    bare = name.removesuffix(".") + "."
    answers = await asyncio.gather(*(ask_server(ip, port, bare, limit) for ip, port in servers))
    data: dict[str, Value] = {"answers": _told(answers)}
    knows = next((answer for answer in answers if answer.outcome == "ok" and not impossible(answer.addresses)), None)
    if knows:
        data |= {"resolver": knows.server, "addresses": knows.addresses}
        if (written := as_written(knows.server)) is not None:
            data["server"] = written
            here = (*ask.vantage.resolvers().servers, *resolv.named_here(ask.vantage.machine))
            if written in _PUBLIC and written not in here:
                data["public"] = written
        return Found("ok", _says(knows, name), data)
    said = [answer for answer in answers if answer.outcome in FINAL]
    if said:
        return Found("same", f"Other nameservers do not know it either: {_says(said[0], name)}", data)
    return Found("none", f"No other nameserver answered: {', '.join(_told(answers))}.", data)


def as_written(server: str) -> str | None:
    """Return a nameserver as resolv.conf and daemon.json take it: its bare address, None for another port than 53."""
    address, port = endpoint(server)
    return str(address) if address is not None and port == DNS_PORT else None


def _others(ask: Asking, name: str, given: str) -> list[str]:
    machine = ask.vantage.machine
    public = _PUBLIC if is_public(name) else ()
    named = (*ask.vantage.resolvers().servers, *resolv.named_here(machine), *public)
    return [one for one in dict.fromkeys(named) if endpoint(one) != endpoint(given)]


async def system(ask: Asking, name: str) -> Found:
    """Ask getaddrinfo, as programs do that use the C library (cgo, Python, curl)."""
    if far := FAR.get():
        from kdoctor.probes import far as through

        return await through.system(ask, far, ascii_host(name))
    limit = max(min(ask.remaining - _MARGIN, 4.5), 0.1)
    try:
        async with asyncio.timeout(limit):
            rows = await in_thread(socket.getaddrinfo, literal(name) or name, None, 0, socket.SOCK_STREAM)
    except TimeoutError:
        return Found("timeout", f"getaddrinfo said nothing of {name} for {limit:.1f} s.")
    except socket.gaierror as error:
        outcome = _EAI.get(error.errno or 0, "failed")
        return Found(outcome, f"getaddrinfo says of {name}: {error.strerror}.", {"error": str(error.strerror)})
    except (OSError, UnicodeError) as error:
        return Found("failed", f"getaddrinfo cannot look {name!r} up: {error}.", {"error": str(error)})
    addresses = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
    return Found("ok", f"getaddrinfo gives {', '.join(addresses)}.", {"addresses": addresses})


_EAI = {
    getattr(socket, symbol): outcome
    for symbol, outcome in (
        ("EAI_NONAME", "unknown"),
        ("EAI_NODATA", "unknown"),
        ("EAI_ADDRFAMILY", "unknown"),
        ("EAI_AGAIN", "temporary"),
    )
    if hasattr(socket, symbol)
}


def _allowed(wanted: Iterable[str], own: Sequence[str]) -> tuple[list[Server], list[str]]:
    """Return the nameservers that may be asked, and the reasons for those that may not."""
    servers: list[Server] = []
    refused: list[str] = []
    for one in wanted:
        address, port = endpoint(one)
        if address is None:
            refused.append(f"{one} is no address of a nameserver")
        elif reason := refusal(str(address), port, own):
            refused.append(reason)
        else:
            servers.append((str(address), port))
    return servers, refused


def _is_own(resolver: str | None, own: Sequence[str]) -> bool:
    return resolver is None or endpoint(resolver) in map(endpoint, own)


def _budget(ask: Asking) -> float:
    return max(min(_BUDGET, ask.remaining - _MARGIN), 0.1)


def _told(answers: Iterable[Answer]) -> tuple[str, ...]:
    return tuple(f"{answer.server} {answer.outcome}" for answer in answers)


def _says(answer: Answer, name: str) -> str:
    known = ", ".join(answer.addresses)
    return _SAYS[answer.outcome].format(server=answer.server, name=name, addresses=known, why=answer.why)
