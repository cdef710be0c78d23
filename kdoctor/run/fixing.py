"""`kdoctor fix`: what is wrong, the fix that kdoctor can make for it, its plan, and the proof that it helped."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.fixes import services
from kdoctor.fixes.errors import FixError
from kdoctor.fixes.plan import Chosen, Plan, build
from kdoctor.machine import Machine
from kdoctor.model import Diagnosis, Evidence, Fix, Report, Risk, Severity, Status, Verdict
from kdoctor.probes.runner import Place
from kdoctor.references import parse
from kdoctor.registries import api_host, is_well_known
from kdoctor.report.fixwords import fix_sentence
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.run import places
from kdoctor.run.check import Run, Wanted
from kdoctor.run.given import Wish, parses
from kdoctor.run.probing import diagnosed
from kdoctor.run.situation import Situation, runner, survey
from kdoctor.vantages import look

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

_HERE = ("shell", "docker")
"""Vantages whose settings are on this machine."""

DAEMON_SECONDS = 30.0
"""How long dockerd may take to answer after it was restarted."""


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


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it: whether the failed question is answered now, and the sentences that say so."""

    better: bool
    sentences: tuple[str, ...]
    report: Report | None = None


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
        docker = situation.vantages.docker is not None
        place = situation.place("docker" if docker else "shell")
        candidate = Candidate(rule, own, vantage=place.name)
        diagnosis = await _diagnosed(candidate, book, wanted.lang, place, situation, wanted.seconds)
        seen = frozenset(given.values()) | frozenset(found.facts.values() if found else ())
        cases.append(Case(diagnosis, stated(diagnosis, situation, seen)))
    return cases


async def _diagnosed(
    candidate: Candidate, book: Book, lang: str, place: Place, situation: Situation, seconds: float
) -> Diagnosis:
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
            chosen.append(Chosen(case.diagnosis.rule, pick, case.stated))
    plan = None
    if chosen:
        stops = await _stops(situation)
        plan = build(chosen, situation.machine, situation.host, stops)
    return Offer(tuple(live), plan, tuple(others), report, situation.machine)


def _is_here(diagnosis: Diagnosis, fix: Fix, situation: Situation) -> bool:
    """Tell whether the files and services of a fix are those of this machine, not of a node, VM or other host."""
    if diagnosis.vantage not in _HERE:
        return False
    docker = situation.vantages.docker
    if diagnosis.vantage == "shell" or docker is None:
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


def await_docker(made: Offer) -> None:
    """Wait until dockerd answers again, at most DAEMON_SECONDS."""
    from kdoctor.run.situation import run

    run(_until_docker_answers(made))


async def prove(book: Book, wanted: Wanted, made: Offer, verified: str | None) -> Proof:
    """Ask the failed question again: the walk for the person's own image, after `verified`, the recipe's own words.

    `verified` is None where the recipe's command succeeded (or has none), else what it said.
    """
    again = _asked_again(wanted, made.cases)
    report = await Run(book, again).go()
    rules = {case.diagnosis.rule for case in made.cases}
    still = [d for d in report.diagnoses if d.rule in rules and d.verdict is not Verdict.REFUTED]
    still += [d for d in await _at_the_shell(book, wanted, made) if d.verdict is Verdict.CONFIRMED]
    errors = [d for d in report.at_least(Severity.ERROR) if d.verdict is Verdict.CONFIRMED]
    sentences = []
    if still:
        sentences.append(fix_sentence(wanted.lang, "still", title=still[0].title, rule=still[0].rule))
    elif errors:
        sentences.append(fix_sentence(wanted.lang, "another", title=errors[0].title, rule=errors[0].rule))
    if verified is not None:
        sentences.append(verified)
    better = not still and not errors and verified is None
    if better:
        sentences.append(fix_sentence(wanted.lang, "works" if report.status is Status.HEALTHY else "gone"))
    return Proof(better, tuple(sentences), report)


async def _until_docker_answers(made: Offer) -> None:
    """Wait for dockerd after a restart."""
    plan = made.plan
    if plan is None or not any(action.service == "docker" and action.argv for action in plan.actions):
        return
    end = time.monotonic() + DAEMON_SECONDS
    while time.monotonic() < end:
        found = await look(made.machine, nodes=False)
        if found.docker is not None and found.docker.info is not None:
            return
        await asyncio.sleep(0.2)


async def _at_the_shell(book: Book, wanted: Wanted, made: Offer) -> list[Diagnosis]:
    """Ask again what was seen from this shell: a check follows the container engine's way where there is one."""
    cases = [case.diagnosis for case in made.cases if case.diagnosis.vantage == "shell" and case.diagnosis.facts]
    if not cases:
        return []
    situation = await survey(wanted.given(), wanted.seconds)
    place = situation.place("shell")
    found = (Candidate(book.rule(one.rule), one.facts, vantage="shell") for one in cases)
    return [await _diagnosed(one, book, wanted.lang, place, situation, wanted.seconds) for one in found]


def adopt(made: Offer, environment: MutableMapping[str, str]) -> list[str]:
    """Take over into an environment what was changed in files that a new shell reads; return the variables."""
    from kdoctor.fixes.edits import same
    from kdoctor.fixes.jsonedit import with_userinfo

    assert made.plan is not None
    changed: list[str] = []
    edits = [
        step.edit
        for one in made.plan.chosen
        if one.fix.platform in ("shell", "podman")
        for step in one.fix.steps
        if step.edit
    ]
    for name, value in list(environment.items()):
        for edit in edits if name.upper().endswith("_PROXY") else ():
            if name.upper() in {key.upper() for key in edit.remove}:
                del environment[name]
                changed.append(name)
                break
            for old, new in edit.replace.items():
                kept = same(value, old)
                if kept is not None:
                    environment[name] = with_userinfo(new, kept)
                    changed.append(name)
    return changed


def _asked_again(wanted: Wanted, cases: Sequence[Case]) -> Wanted:
    """Return the check with the images and registries that the diagnoses are about."""
    images, registries = list(wanted.images), list(wanted.registries)
    for case in cases:
        facts = case.diagnosis.facts
        image, registry = facts.get("image"), facts.get("registry")
        if image and not images and not wanted.manifest_images and parses(image):
            images.append(image)
        elif registry and not images and not wanted.manifest_images and not registries:
            registries.append(registry)
    return replace(wanted, images=tuple(images), registries=tuple(registries))


def may_verify(case: Case) -> bool:
    """Tell whether the recipe's own question may be asked: it pulls an image that the person or this machine names."""
    return not {"image", "registry"} & set(case.stated)


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
