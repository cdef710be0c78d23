"""What a step of the walk means: which outcomes let it go on, and which rules the others nominate. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kdoctor.model import Evidence, Location
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.condition import Scope, evaluate
from kdoctor.rules.template import fill

GOOD: Mapping[str, frozenset[str]] = {
    "daemon": frozenset({"ok"}),
    "daemon-config": frozenset({"ok", "missing"}),
    "config": frozenset({"ok", "missing"}),
    "disk": frozenset({"ok", "low"}),
    "credentials": frozenset({"none", "stored", "helper-ok"}),
    "proxy-settings": frozenset({"set", "direct"}),
    "resolvers": frozenset({"ok"}),
    "name": frozenset({"ok"}),
    "proxy-name": frozenset({"ok"}),
    "connect": frozenset({"open"}),
    "proxy-connect": frozenset({"open"}),
    "proxy-speaks": frozenset({"http", "tls", "socks5"}),
    "tunnel": frozenset({"ok", "no-proxy"}),
    "tls": frozenset({"ok"}),
    "ping": frozenset({"ok", "challenge"}),
    "token": frozenset({"ok", "not-needed", "basic"}),
    "manifest": frozenset({"ok"}),
    "platform": frozenset({"ok", "single"}),
    "blob": frozenset({"ok"}),
    "mirrors": frozenset({"ok", "none"}),
    "distribution": frozenset({"ok"}),
    "tool": frozenset({"found"}),
    "swap": frozenset({"off", "allowed"}),
    "capacity": frozenset({"ok"}),
    "port": frozenset({"free"}),
    "cgroup": frozenset({"ok"}),
    "inotify": frozenset({"ok"}),
    "virtualization": frozenset({"ok"}),
    "kernel": frozenset({"ok"}),
    "module": frozenset({"ok", "available"}),
    "setting": frozenset({"on"}),
    "leftovers": frozenset({"none", "in-use"}),
    "node-name": frozenset({"ok"}),
    "kubeconfig": frozenset({"ok"}),
    "apiserver": frozenset({"ok", "unauthorized"}),
    "clock": frozenset({"ok"}),
    "cri": frozenset({"ok"}),
    "user": frozenset({"ok"}),
    "userns": frozenset({"ok"}),
    "context": frozenset({"ok", "none"}),
    "nodes": frozenset({"ready"}),
    "corefile": frozenset({"ok", "missing"}),
    "profile": frozenset({"running", "none", "no-tool"}),
    "driver": frozenset({"ok", "none"}),
    "cluster": frozenset({"running", "none"}),
}
"""The outcomes of each step that let the walk go on."""


def facts_for(candidate: Candidate, facts: Mapping[str, str]) -> dict[str, str]:
    """Return those of the facts that the candidate's rule declares."""
    return {name: value for name, value in facts.items() if name in candidate.rule.facts}


def nominated(book: Book, step: str, evidence: Evidence, facts: Mapping[str, str]) -> list[Candidate]:
    """Return the candidates that a step's outcome nominates, the general ones superseded."""
    whole = {**facts, **_facts_of(step, evidence)}
    scope = Scope(whole, {step: evidence})
    found: list[Candidate] = []
    for rule_id in book.detecting(step, evidence.outcome):
        rule = book.rule(rule_id)
        for detect in rule.detect:
            if detect.step != step or evidence.outcome not in detect.outcome:
                continue
            if detect.when is not None and evaluate(detect.when, scope, fill) is not True:
                continue
            known = {name: value for name, value in whole.items() if name in rule.facts and value}
            if all(spec.optional or name in known for name, spec in rule.facts.items()):
                place = _place(evidence)
                found.append(Candidate(rule, known, locations=place, severity=detect.severity, seen=(evidence,)))
            break
    gone = {other for candidate in found for other in candidate.rule.supersedes if other != candidate.rule.id}
    return [candidate for candidate in found if candidate.rule.id not in gone]


def _place(evidence: Evidence) -> tuple[Location, ...]:
    """Return file and line that a step found to be wrong."""
    path, line = evidence.data.get("path"), evidence.data.get("line")
    return (Location(path, line, line),) if isinstance(path, str) and isinstance(line, int) else ()


def _facts_of(step: str, evidence: Evidence) -> dict[str, str]:
    """Return the facts that a step's result states: its text and number fields, and what it asked about."""
    data = {
        name: str(value)
        for name, value in evidence.data.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
    if step in ("name", "proxy-name"):
        data["host"] = evidence.target.partition(",")[0]
    if step in ("connect", "proxy-connect"):
        data.setdefault("address", evidence.target)
    if step == "tool":
        data["tool"] = evidence.target
    if step == "platform" and "wanted" in data:
        data["platform"] = data["wanted"]
    if step == "mirrors" and isinstance(dead := evidence.data.get("dead"), tuple) and dead:
        data["registry"] = dead[0].partition("://")[2].partition("/")[0]
    if step == "apiserver" and "server" in data:
        data["url"] = data["server"]
    data.pop("proxy", None)
    return data
