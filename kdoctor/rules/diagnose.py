"""From a candidate to a diagnosis: verdict judged, texts and fixes filled in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kdoctor.model import Diagnosis, Evidence, Severity, Verdict
from kdoctor.registries import is_well_known
from kdoctor.rules import commands, model
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.condition import Scope
from kdoctor.rules.judge import judge
from kdoctor.rules.match import registry_of
from kdoctor.rules.remedy import Here, Restart, fixes, with_systemd
from kdoctor.rules.template import first_filled, several
from kdoctor.rules.words import Words


class Setting(NamedTuple):
    """What judging needs besides the candidate: the rules, the language, the platforms in charge.

    `known` are the proxies, resolvers and registries that stand in settings here or came by flag.
    """

    book: Book
    lang: str = "en"
    platforms: Sequence[str] = ("docker-engine", "shell")
    restart: Restart = with_systemd
    known: frozenset[str] = frozenset()
    quote: commands.Quote = commands.posix

    @property
    def here(self) -> Here:
        """Return what fixes need of this machine."""
        return Here(self.platforms, self.restart, self.quote)


def unprobed(candidate: Candidate, setting: Setting, sentence: str) -> Diagnosis:
    """Return the diagnosis that the text alone gives, with the reason why nothing was asked."""
    because = Words(setting.lang).say(sentence)
    return _diagnosis(candidate, setting, {}, Verdict.UNCHECKED, because, candidate.vantage or "shell")


def judged(candidate: Candidate, setting: Setting, results: Mapping[str, Evidence], vantage: str) -> Diagnosis:
    """Return the diagnosis that the probes' results give."""
    scope = Scope(candidate.facts, results)
    rule = _worded(candidate.rule, setting)
    known = setting.known | _addresses(results.values(), setting.known)
    verdict, because = judge(rule, scope, Words(setting.lang), foreign(candidate.facts, known))
    return _diagnosis(candidate, setting, results, verdict, because, vantage)


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]") or address


def _addresses(results: Iterable[Evidence], known: frozenset[str]) -> frozenset[str]:
    """Return the addresses that names in the settings led to: Go's SOCKS client tells the proxy by its address."""
    connects = [one for one in results if one.probe == "tcp.connect" and {one.target, _host(one.target)} & known]
    return frozenset(_host(str(one.data["address"])) for one in connects if one.data.get("address"))


def foreign(facts: Mapping[str, str], known: frozenset[str]) -> str | None:
    """Return the first of a text's proxy, resolver and registry (the image's, else) that stands in no settings here."""
    for name in ("proxy", "resolver", "registry"):
        value = facts.get(name)
        if value is None and name == "registry" and facts.get("image"):
            value = registry_of(facts["image"])
        if value is None:
            continue
        bare = value.partition("://")[2].rstrip("/") if "://" in value else value
        host = _host(bare)
        if name == "registry" and (is_well_known(bare) or is_well_known(host)):
            continue
        if not {bare, host, bare.strip("[]"), f"{bare}:53"} & known:
            return value
    return None


def _worded(rule: model.Rule, setting: Setting) -> model.Rule:
    """Return the rule with its texts in the run's language, as far as they are translated."""
    if setting.lang == "en":
        return rule
    translation = setting.book.translation(setting.lang, rule.id)
    if translation is None:
        return rule
    said, because = translation.because or model.Because(), rule.verdict.because
    reason = rule.verdict.no_probe
    verdict = replace(
        rule.verdict,
        no_probe=translation.reasons.get(reason, reason) if reason else None,
        because=model.Because(
            _first(said.confirmed, because.confirmed),
            _first(said.refuted, because.refuted),
            _first(said.inconclusive, because.inconclusive),
        ),
    )
    title, why = _first(translation.title, rule.title) or rule.title, _first(translation.why, rule.why) or rule.why
    return replace(rule, title=title, why=why, verdict=verdict)


def _first(translated: model.Texts | None, english: model.Texts | None) -> model.Texts | None:
    """Return the translated texts with the English ones behind: the first that can be filled is said."""
    both = (*several(translated), *several(english))
    return both or None


def _diagnosis(
    candidate: Candidate,
    setting: Setting,
    results: Mapping[str, Evidence],
    verdict: Verdict,
    because: str,
    vantage: str,
) -> Diagnosis:
    rule = _worded(candidate.rule, setting)
    scope = Scope(candidate.facts, results)
    offered = () if verdict is Verdict.REFUTED else tuple(fixes(rule, scope, setting.book, setting.here, setting.lang))
    return Diagnosis(
        rule=rule.id,
        layer=rule.layer,
        severity=Severity(candidate.severity or rule.severity),
        role=candidate.role,
        title=first_filled(rule.title, scope) or rule.id,
        verdict=verdict,
        because=because,
        vantage=vantage,
        facts=dict(candidate.facts),
        why=first_filled(rule.why, scope) or "",
        matched=candidate.matched,
        locations=candidate.locations,
        evidence=(*candidate.seen, *(e for e in results.values() if e not in candidate.seen)),
        fixes=offered,
        references=tuple(one.url for one in rule.references),
    )
