"""The network of another machine, asked through its script: connections, names, and what it lists itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kdoctor.model import UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.connect import Attempt
from kdoctor.probes.far_dns import query_of, read_answer
from kdoctor.probes.names import is_domain_name, literal
from kdoctor.probes.nameserver import Answer, both
from kdoctor.probes.streams import host_port
from kdoctor.remote.answers import Answer as Told
from kdoctor.remote.answers import Ran
from kdoctor.remote.session import SessionError

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking
    from kdoctor.remote.vantage import Far

KILLED = 143
"""The status of a program whose time was up."""

_WORDS = (
    ("refused", re.compile(r"refused", re.IGNORECASE)),
    ("timeout", re.compile(r"timed? ?out", re.IGNORECASE)),
    ("unreachable", re.compile(r"no route|unreachable|cannot assign|address family|invalid argument", re.IGNORECASE)),
    ("reset", re.compile(r"reset", re.IGNORECASE)),
    ("forbidden", re.compile(r"not permitted|permission denied|prohibited", re.IGNORECASE)),
)
# What the silence of a tool means when its time was up: busybox's nc limits its connecting itself.
_SILENT = {"nc-busybox": "open"}
_CONNECTED = re.compile(r"\* Connected to |^CONNECTED\(|^SSL_connect:", re.MULTILINE)
_NO_BYTES = "neither bash nor nc is there, so nothing can be said over a connection"


async def attempt(far: Far, ip: str, port: int, limit: float) -> Attempt:
    """Connect from the machine to an address that was checked; "open" without a stream where it has no relay."""
    address = host_port(ip, port)
    try:
        opened = await far.session.connect(ip, port, limit)
        if not isinstance(opened, Told):
            return Attempt(address, "open", stream=opened)
        if opened.lacks:
            opened = await far.session.ask("connect", limit, ip, str(port))
    except SessionError as error:
        return Attempt(address, UNSEEN, str(error))
    if opened.lacks or not opened.ran:
        return Attempt(address, UNSEEN, f"{far.name} has none of {', '.join(opened.lacks) or 'the tools for it'}")
    return _judged(address, opened.ran[-1])


def _judged(address: str, ran: Ran) -> Attempt:
    if ran.status == 0 or _CONNECTED.search(ran.text):
        return Attempt(address, "open", _NO_BYTES)
    if ran.status == KILLED:
        return Attempt(address, _SILENT.get(ran.tool, "timeout"), _NO_BYTES if ran.tool in _SILENT else "")
    for outcome, pattern in _WORDS:
        line = next((line for line in reversed(ran.lines) if pattern.search(line)), None)
        if line is not None:
            return Attempt(address, outcome, line.rpartition(": ")[2][:80])
    said = ran.lines[-1][:120] if ran.lines else f"status {ran.status}"
    return Attempt(address, UNSEEN, f"{ran.tool} does not say why it failed: {said}")


def words_of(text: str) -> str | None:
    """Return the outcome of tcp.connect that a tool's words tell, None where they tell none."""
    return next((outcome for outcome, pattern in _WORDS if pattern.search(text)), None)


async def ask_server(far: Far, ip: str, port: int, name: str, limit: float) -> Answer:
    """Have the machine ask one nameserver for both families; see nameserver.ask_server."""
    import asyncio

    v4, v6 = await asyncio.gather(
        _question(far, ip, port, name, "A", limit), _question(far, ip, port, name, "AAAA", limit)
    )
    outcome = both(v4.outcome, v6.outcome)
    why = next((one.why for one in (v6, v4) if one.outcome == outcome), "")
    return Answer(host_port(ip, port), outcome, v4.ipv4, v6.ipv6, why=why)


async def _question(far: Far, ip: str, port: int, name: str, kind: str, limit: float) -> Answer:
    server = host_port(ip, port)
    query = query_of(name, kind)
    try:
        told = await far.session.ask("dns", limit, ip, str(port), name, kind, query.escaped)
    except SessionError as error:
        return Answer(server, UNSEEN, why=str(error))
    if not told.ran:
        return Answer(server, UNSEEN, why=f"{far.name} has none of {', '.join(told.lacks)}")
    return read_answer(server, kind, query, told.ran[-1])


async def system(ask: Asking, far: Far, name: str) -> Found:
    """Ask getent, which asks as programs there do that use the C library."""
    if not (literal(name) or is_domain_name(name)):
        return Found("unknown", f"{name!r} is no valid name.", {"error": "no valid name"})
    try:
        told = await far.session.ask("names", min(ask.remaining, 4.0), name)
    except SessionError as error:
        return Found(UNSEEN, str(error))
    if not told.ran:
        return Found(UNSEEN, f"{far.name} has no getent, which asks as the C library does.")
    ran = told.ran[-1]
    found = (line.split()[0] for line in ran.lines if line.split())
    addresses = tuple(dict.fromkeys(one for one in found if literal(one)))
    if addresses:
        return Found("ok", f"getent on {far.name} gives {', '.join(addresses)}.", {"addresses": addresses})
    if ran.status == KILLED:
        return Found("timeout", f"getent on {far.name} said nothing of {name}.")
    return Found("failed", f"getent on {far.name} finds no address of {name} and does not say why.", {"error": "none"})


async def tool(far: Far, name: str) -> Found:
    """Look for a program on the machine's PATH."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,63}", name):
        return Found(UNSEEN, f"{name[:80]!r} is no program's name")
    try:
        path = (await far.session.ask("find_tool", 2.0, name)).one("found")
    except SessionError as error:
        return Found(UNSEEN, str(error))
    data: dict[str, Value] = {"path": path}
    return Found("found", f"{name} is {path}", data) if path else Found("missing", f"{name} is not on {far.name}")


async def ports(far: Far) -> dict[int, str] | None:
    """Return the machine's listening TCP ports (/proc/net/tcp), None where they may not be read."""
    try:
        told = await far.session.ask("ports", 2.0)
    except SessionError:
        return None
    rows = [row.split() for text in told.files.values() for row in text.splitlines()]
    found = (row[1].rpartition(":")[2] for row in rows if len(row) > 3 and row[3] == "0A")
    return {int(one, 16): "" for one in found if re.fullmatch(r"[0-9A-F]{4}", one)} if told.files else None
