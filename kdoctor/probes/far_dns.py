"""What another machine's tools say of a DNS question: raw packets by bash, dig's and nslookup's words."""

from __future__ import annotations

import re
from dataclasses import dataclass

import dns.message
import dns.rdatatype

from kdoctor.model import UNSEEN
from kdoctor.probes.names import literal
from kdoctor.probes.nameserver import PAYLOAD, Answer, answers, judge, truncated
from kdoctor.remote.answers import Ran

_HEX = re.compile(r"(?:\s*[0-9a-f]{2})+\s*")
_STATUS = re.compile(r"status: ([A-Z]+)")
_FLAGS = re.compile(r"flags: ([a-z ]*);.*ANSWER: (\d+), AUTHORITY: (\d+)")
_RCODES = {"NXDOMAIN": "nxdomain", "SERVFAIL": "servfail", "REFUSED": "refused"}
_RECORD = re.compile(r"^\S+\s+\d+\s+IN\s+(A|AAAA)\s+(\S+)\s*$", re.MULTILINE)
_ADDRESS = re.compile(r"^Address(?: \d+)?:\s*(\S+)", re.MULTILINE)
_KILLED = 143


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and its packet in the octal escapes that printf reads."""

    message: dns.message.Message

    @property
    def escaped(self) -> str:
        """Return every byte as three octal digits behind a backslash."""
        return "".join(f"\\{byte:03o}" for byte in self.message.to_wire())


def query_of(name: str, kind: str) -> Query:
    """Return the question for an absolute name."""
    return Query(dns.message.make_query(name, dns.rdatatype.from_text(kind), use_edns=0, payload=PAYLOAD))


def read_answer(server: str, kind: str, query: Query, ran: Ran) -> Answer:
    """Return the answer as nameserver.ask_server gives it, for one family."""
    match ran.tool:
        case "bash-udp":
            outcome, addresses = _raw(ran, query)
        case "dig":
            outcome, addresses = _dig(ran, kind)
        case "nslookup":
            outcome, addresses = _nslookup(ran, kind)
        case _:
            return Answer(server, UNSEEN, why=f"{ran.tool} was not asked for")
    why = f"what {ran.tool} says is not enough to tell" if outcome == UNSEEN else ""
    if outcome != "ok":
        return Answer(server, outcome, why=why)
    return Answer(server, "ok", addresses if kind == "A" else (), addresses if kind == "AAAA" else ())


def _raw(ran: Ran, query: Query) -> tuple[str, tuple[str, ...]]:
    digits = "".join("".join(line.split()) for line in ran.lines if _HEX.fullmatch(line))
    wire = bytes.fromhex(digits)
    if wire:
        reply = judge(wire, query.message) if answers(wire, query.message) else None
        if reply and reply.outcome != "ok" and truncated(wire):
            return UNSEEN, ()  # the whole of it would be had over TCP
        return (reply.outcome, reply.addresses) if reply else ("malformed", ())
    return _unanswered(ran.text) or "timeout", ()


def _unanswered(text: str) -> str | None:
    """Return how a question got no answer, None where the words do not say."""
    lower = text.lower()
    if "connection refused" in lower:
        return "closed"
    if "unreachable" in lower or "no route" in lower:
        return "unreachable"
    return "timeout" if "timed out" in lower or "no servers could be reached" in lower else None


def _dig(ran: Ran, kind: str) -> tuple[str, tuple[str, ...]]:
    status = _STATUS.search(ran.text)
    if status is None:
        return _unanswered(ran.text) or ("timeout" if ran.status == _KILLED else UNSEEN), ()
    if status[1] != "NOERROR":
        return _RCODES.get(status[1], "servfail"), ()
    found = tuple(address for one, address in _RECORD.findall(ran.text) if one == kind and literal(address))
    if found:
        return "ok", found
    flags = _FLAGS.search(ran.text)
    words = flags[1].split() if flags else ["ra"]
    return ("lame" if flags and flags[2] == "0" and not {"aa", "ra"} & set(words) else "nodata"), ()


def _nslookup(ran: Ran, kind: str) -> tuple[str, tuple[str, ...]]:
    text = ran.text
    _, named, below = text.partition("Name:")
    addresses = _ADDRESS.findall(below) if named else []
    found = tuple(one for one in addresses if literal(one) and (":" in one) == (kind == "AAAA"))
    if found:
        return "ok", found
    for word, outcome in _RCODES.items():
        if f": {word}" in text:
            return outcome, ()
    if (unanswered := _unanswered(text)) is not None:
        return unanswered, ()
    if re.search(r"no answer", text, re.IGNORECASE) or "authoritative answer" in text or named:
        return "nodata", ()
    return ("timeout" if ran.status == _KILLED else UNSEEN), ()
