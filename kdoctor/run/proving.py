"""The proof that a fix helped: the failed question, for the person's own image, asked again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace

from kdoctor.model import Diagnosis, Report, Severity, Status, Verdict
from kdoctor.report.fixwords import fix_sentence
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.run.check import Run, Wanted
from kdoctor.run.fixing import Case, Offer, judged
from kdoctor.run.given import parses
from kdoctor.run.situation import survey
from kdoctor.vantages import look

DAEMON_SECONDS = 30.0
"""How long dockerd may take to answer after it was restarted."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it: whether the failed question is answered now, and the sentences that say so."""

    better: bool
    sentences: tuple[str, ...]
    report: Report | None = None


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
    return [await judged(one, book, wanted.lang, place, situation, wanted.seconds) for one in found]


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
