"""`kdoctor fix`: what is wrong, the fix that kdoctor can make for it, its plan, and the proof that it helped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.fixes import services
from kdoctor.fixes.errors import FixError
from kdoctor.fixes.plan import Chosen, Plan, build
from kdoctor.machine import Machine
from kdoctor.model import Diagnosis, Evidence, Fix, Report, Risk, Severity, Status, Verdict
from kdoctor.probes.runner import Place
from kdoctor.references import parse
from kdoctor.registries import api_host, is_well_known
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.run import places
from kdoctor.run.check import Run, Wanted
from kdoctor.run.given import Wish, parses
from kdoctor.run.probing import diagnosed
from kdoctor.run.situation import Situation, runner, survey

_OF_MACHINE = frozenset(
    {
        "proxy.settings",
        "proxy.listeners",
        "dns.resolvers",
        "dns.elsewhere",
        "docker.config",
        "docker.ping",
        "docker.credentials",
        "docker.insecure",
        "host.disk",
        "registry.mirrors",
        "minikube.profile",
    }
)
"""Probes whose fields come from this machine's settings, not from what was asked about."""


@dataclass(frozen=True, slots=True)
class Case:
    """A diagnosis to fix; `stated` are those of its facts that only a text or report states."""

    diagnosis: Diagnosis
    stated: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan for cases, what else would help (done by hand), and what the plan was made of."""

    cases: tuple[Case, ...]
    plan: Plan | None
    others: tuple[Fix, ...]
    report: Report
    machine: Machine


async def offer(book: Book, wanted: Wanted, wish: Wish) -> Offer:
    """Check, or probe the rules that the wish names, and plan the fix that kdoctor can make.

    Raises:
        UsageError: a rule needs a fact that is not given, or a fact is none.
        FixError: the files cannot be edited.
    """
    if wish.rules and not any(book.rule(one).detect for one in wish.rules):
        situation = await survey(wanted.given(), wanted.seconds)  # no step of a check would find them
        report = Report("check", Status.UNKNOWN, wanted.lang, host=situation.host)
    else:
        job = Run(book, wanted)
        report = await job.go()
        assert job.situation is not None
        situation = job.situation
    cases = await _named(book, wanted, wish, situation, report) if wish.rules else _root(report)
    return await planned(cases, situation, report, wish.recipe)


def _root(report: Report) -> list[Case]:
    """Return the root cause that a check has proven; what is only suspected is not changed by itself."""
    found = [d for d in report.diagnoses if d.verdict is Verdict.CONFIRMED and d.severity is not Severity.INFO]
    return [Case(found[0], {})] if found else []


async def _named(book: Book, wanted: Wanted, wish: Wish, situation: Situation, report: Report) -> list[Case]:
    cases = []
    given = wish.given
    for rule_id in wish.rules:
        rule = book.rule(rule_id)
        unknown = next((name for name in given if not any(name in book.rule(one).facts for one in wish.rules)), None)
        if unknown is not None:
            raise UsageError(f'the rule {rule_id} has no fact "{unknown}".{did_you_mean(unknown, rule.facts)}')
        own = {name: value for name, value in {**wish.reported, **given}.items() if name in rule.facts}
        found = next((d for d in report.diagnoses if d.rule == rule_id and _agree(d.facts, own)), None)
        if found is not None and all(name in found.facts for name in own):
            cases.append(Case(found, {}))
            continue
        own = {**(found.facts if found else {}), **own}
        missing = [name for name, spec in rule.facts.items() if not spec.optional and name not in own]
        if missing:
            needs = " ".join(f"--fact {name}=..." for name in missing)
            raise UsageError(f"{rule_id} was not found by the check; to fix it anyway give {needs}")
        place = situation.nearest()
        candidate = Candidate(rule, own, vantage=place.name)
        diagnosis = await judged(candidate, book, wanted.lang, place, situation, wanted.seconds)
        seen = frozenset(given.values()) | frozenset(found.facts.values() if found else ())
        cases.append(Case(diagnosis, stated(diagnosis, situation, seen)))
    return cases


async def judged(
    candidate: Candidate, book: Book, lang: str, place: Place, situation: Situation, seconds: float
) -> Diagnosis:
    """Ask the rule's probes from a place, and judge."""
    on = places.platforms(candidate.engine, "", place.name, situation.host, sys.platform)
    setting = situation.setting(book, lang, on)
    return await diagnosed(candidate, setting, place, runner(situation, seconds))


def _agree(facts: Mapping[str, str], own: Mapping[str, str]) -> bool:
    return all(facts.get(name, value) == value for name, value in own.items())


def stated(diagnosis: Diagnosis, situation: Situation, given: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return the facts that no setting of this machine, no probe of it and no flag has: they may be anybody's words."""
    here = {text for e in diagnosis.evidence if e.probe in _OF_MACHINE for text in _texts(e)}
    return {
        name: value
        for name, value in diagnosis.facts.items()
        if not (value in given or value in situation.known or value in here or _public(name, value, situation))
    }


def _public(name: str, value: str, situation: Situation) -> bool:
    """Tell whether a registry, or an image's, is a public one or stands in settings here."""
    if name == "image" and parses(value):
        value = api_host(parse(value).registry)
    return name in ("registry", "image") and (is_well_known(value) or value in situation.known)


def _texts(evidence: Evidence) -> list[str]:
    values = [v for value in evidence.data.values() for v in (value if isinstance(value, tuple) else (value,))]
    return [str(value) for value in values if value is not None]


async def planned(cases: Sequence[Case], situation: Situation, report: Report, recipe: str | None = None) -> Offer:
    """Return the plan of the first fix of each case that kdoctor can make, or of the recipe asked for.

    Raises:
        UsageError: no case offers the recipe.
        FixError: a file cannot be edited.
    """
    chosen, others = [], []
    live = [case for case in cases if case.diagnosis.verdict is not Verdict.REFUTED]
    for case in live:
        fixes = case.diagnosis.fixes
        if recipe is not None and recipe not in [fix.id for fix in fixes]:
            offered = ", ".join(fix.id for fix in fixes) or "none"
            raise UsageError(f"{case.diagnosis.rule} offers no fix {recipe} here; it offers {offered}")
        fit = [fix for fix in fixes if fix.id == recipe or (recipe is None and not fix.asked)]
        able = [fix for fix in fit if fix.automatic and _is_here(case.diagnosis, fix, situation)]
        pick = min(able, key=lambda fix: fix.risk in (Risk.DESTRUCTIVE, Risk.WEAKENS_TRUST), default=None)
        others += [fix for fix in fixes if fix is not pick]
        if pick is not None:
            chosen.append(Chosen(case.diagnosis.rule, pick, case.stated, _shown(case.diagnosis)))
    plan = None
    if chosen:
        stops = await _stops(situation)
        plan = build(chosen, situation.machine, situation.host, stops)
    return Offer(tuple(live), plan, tuple(others), report, situation.machine)


def _shown(diagnosis: Diagnosis) -> dict[str, str]:
    """Return the authorities' certificates that peers showed, by fingerprint."""
    data = [evidence.data for evidence in diagnosis.evidence]
    return {str(one["ca_fingerprint"]): str(one["ca_pem"]) for one in data if one.get("ca_pem")}


def _is_here(diagnosis: Diagnosis, fix: Fix, situation: Situation) -> bool:
    """Tell whether the files and services of a fix are those of this machine, not of a node, VM or other host."""
    if diagnosis.vantage not in places.HERE:
        return False
    docker = situation.vantages.docker
    if diagnosis.vantage != "docker" or docker is None:
        return True
    if not docker.endpoint.local:
        return False
    of_engine = fix.platform in ("docker-engine", "docker-rootless", "any")
    return not (of_engine and docker.info is not None and docker.files.prefix != "")


async def _stops(situation: Situation) -> tuple[str, ...]:
    docker = situation.vantages.docker
    if docker is None or docker.info is None:
        return ()
    return await services.stopped_by_restart(situation.machine, docker.endpoint)


async def for_report(wanted: Wanted, report: Report, recipe: str | None = None) -> Offer:
    """Plan the fix of a report that was just made: of `explain` or `check` with --fix.

    Raises:
        FixError: nothing in it was proven, or a file cannot be edited.
    """
    situation = await survey(wanted.given(), wanted.seconds, nodes=False)
    first = next((d for d in report.diagnoses if d.verdict is not Verdict.REFUTED), None)
    if first is not None and first.verdict is not Verdict.CONFIRMED:
        raise FixError(
            f"{first.rule} is not proven here, so nothing is changed; `kdoctor fix {first.rule}` fixes it anyway"
        )
    known = frozenset(wanted.images) | frozenset(wanted.registries)
    cases = (
        [] if first is None else [Case(first, stated(first, situation, known) if report.command == "explain" else {})]
    )
    return await planned(cases, situation, report, recipe)
