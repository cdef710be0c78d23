"""Does an address accept TCP connections, each family told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.connect import CONNECT_LIMIT, Attempt, each, in_order
from kdoctor.probes.dial import Clock, Unreached, resolve
from kdoctor.probes.streams import split_host_port
from kdoctor.settings.goproxy import ascii_host

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking


async def connect(ask: Asking, address: str) -> Found:
    """Connect to every address of host:port; it is open when any opens, as for Go's Happy Eyeballs."""
    try:
        host, port = split_host_port(address)
    except ValueError as error:
        return Found("unresolved", f"{error}.")
    clock = Clock(ask)
    # Go dials itself when the host is empty, which is what a mangled proxy URL leaves.
    ips = await resolve(ask, ascii_host(host) or "127.0.0.1")
    if isinstance(ips, Unreached):
        outcome = ips.outcome if ips.outcome in (UNSEEN, CUT, "blocked") else "unresolved"
        return Found(outcome, ips.detail)
    limit = min(CONNECT_LIMIT, clock.left)
    tries = await each(in_order(ips), port, limit, ask.vantage.resolvers().servers)
    return _judged(tries, clock.verdict(limit, "timeout"))


def _judged(tries: list[Attempt], silence: str) -> Found:
    """Go reports the first family's first error; which an IPv6 error may hide, so each is told."""
    v4, v6 = (_family(tries, ip6) for ip6 in (False, True))
    decided = next((one for one in tries if one.outcome == "open"), tries[0])
    data: dict[str, Value] = {
        "address": decided.address,
        "tried": tuple(f"{one.address} {one.outcome}" for one in tries),
        "family": "ipv6" if decided.address.startswith("[") else "ipv4",
    }
    data |= {name: one.outcome for name, one in (("ipv4", v4), ("ipv6", v6)) if one}
    if decided.errno and decided.outcome != "blocked":
        data["errno"] = decided.errno
    others = [one.says for one in (v4, v6) if one and one is not decided and one.outcome != decided.outcome]
    outcome = silence if decided.outcome == "timeout" and not decided.errno else decided.outcome
    return Found(outcome, " ".join([decided.says, *others]), data)


def _family(tries: list[Attempt], ip6: bool) -> Attempt | None:
    own = [one for one in tries if one.address.startswith("[") == ip6]
    return next((one for one in own if one.outcome == "open"), own[0] if own else None)
