"""`kdoctor explain` with probes: what of a text's reading holds here and now."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from kdoctor.errors import UsageError
from kdoctor.model import Check, Diagnosis, Report, Role, Status, Verdict
from kdoctor.probes.runner import Place, Runner
from kdoctor.references import parse
from kdoctor.registries import api_host
from kdoctor.rules.book import Book
from kdoctor.rules.match import Candidate
from kdoctor.run import places
from kdoctor.run.explain import Question
from kdoctor.run.probing import diagnosed
from kdoctor.run.situation import Situation, runner, survey
from kdoctor.run.walk import Target, Walk

_MOST_PROBED = 8
_NEAR = ("host", "daemon", "runtime", "proxy", "dns", "network", "tls", "registry", "image", "cluster", "distro")
"""Layers from the puller outwards: of two causes the nearer is the root."""

_WALKED = frozenset({"proxy", "dns", "network", "tls", "registry", "image"})


async def with_probes(book: Book, question: Question, candidates: Sequence[Candidate]) -> Report:
    """Explain with live probes: the text's own reading, and the walk to what the text names."""
    began = time.monotonic()
    situation = await survey(seconds=question.seconds)
    run = runner(situation, question.seconds - (time.monotonic() - began))
    views = [_View(book, question, c, situation, run) for c in candidates[:_MOST_PROBED]]
    root = next((v for v in views if v.target is not None), None)
    readings, (walked, checks) = await asyncio.gather(
        asyncio.gather(*(view.reading() for view in views)), root.walked() if root else _nowhere()
    )
    diagnoses = settle(readings, walked)
    healthy = bool(diagnoses) and all(d.verdict is Verdict.REFUTED for d in diagnoses)
    return Report(
        "explain",
        Status.HEALTHY if healthy else Status.PROBLEM,
        question.lang,
        tuple(diagnoses),
        tuple(checks),
        host=situation.host,
        notices=book.notices,
        seconds=time.monotonic() - began,
    )


async def _nowhere() -> tuple[list[Diagnosis], list[Check]]:
    return [], []


class _View:
    """A candidate seen from its puller."""

    def __init__(self, book: Book, question: Question, candidate: Candidate, situation: Situation, run: Runner) -> None:
        self.book, self.candidate, self.run = book, candidate, run
        name = places.vantage_name(candidate.engine, question.text, situation.vantages.docker is not None)
        self.place: Place = situation.place(name)
        on = places.platforms(candidate.engine, question.text, name, situation.host, sys.platform)
        self.setting = situation.setting(book, question.lang, on)
        self.target = _target(candidate) if candidate.rule.layer in _WALKED else None

    async def reading(self) -> Diagnosis:
        """Return the text's own reading, probed."""
        return await diagnosed(self.candidate, self.setting, self.place, self.run)

    async def walked(self) -> tuple[list[Diagnosis], list[Check]]:
        """Walk to the registry and image that the text names."""
        if self.place.vantage is None or self.target is None:
            return [], []
        walk = Walk(self.run, self.book)
        await walk.to_image(self.place, self.target)
        return [await diagnosed(c, self.setting, self.place, self.run) for c in walk.found], walk.checks


def _target(candidate: Candidate) -> Target | None:
    image, registry = candidate.facts.get("image"), candidate.facts.get("registry")
    if image:
        try:
            return Target(api_host(parse(image).registry), image)
        except UsageError:
            pass
    return Target(api_host(registry)) if registry else None


def settle(readings: Sequence[Diagnosis], walked: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return text's readings and the walk's findings as one list, the root first.

    A cause that the walk confirms nearer to the puller than the text's own becomes the root, and the
    text's reading follows it; a walk's finding that is not confirmed stays an alternative.
    """
    merged = [_merged(reading, walked) for reading in readings]
    said = {d.rule for d in merged}
    others = [d for d in walked if d.rule not in said and d.severity != "warning"]
    ordered = sorted(merged, key=_rank)
    if ordered and ordered[0] is not merged[0] and ordered[0].verdict is not merged[0].verdict:
        ordered = [replace(ordered[0], role=Role.ROOT), *(replace(d, role=_demoted(d)) for d in ordered[1:])]
    nearer = [d for d in others if d.verdict is Verdict.CONFIRMED and _takes_over(d, ordered[0] if ordered else None)]
    if nearer:
        root = replace(min(nearer, key=distance), role=Role.ROOT)
        rest = [replace(d, role=_demoted(d)) for d in ordered]
        return [root, *rest]
    return [*ordered, *(replace(d, role=Role.ALTERNATIVE) for d in others if not _settled(ordered))]


def _settled(ordered: Sequence[Diagnosis]) -> bool:
    return bool(ordered) and ordered[0].verdict is Verdict.CONFIRMED


def _demoted(diagnosis: Diagnosis) -> Role:
    if diagnosis.verdict is Verdict.REFUTED:
        return Role.ALTERNATIVE
    return Role.CONSEQUENCE


def _takes_over(cause: Diagnosis, root: Diagnosis | None) -> bool:
    if root is None or root.verdict is not Verdict.CONFIRMED:
        return True
    return distance(cause) < distance(root)


def distance(diagnosis: Diagnosis) -> int:
    """Return how far from the puller the layer of a diagnosis lies: 0 is this machine."""
    return _NEAR.index(diagnosis.layer) if diagnosis.layer in _NEAR else len(_NEAR)


_VERDICTS = (Verdict.CONFIRMED, Verdict.INCONCLUSIVE, Verdict.UNCHECKED, Verdict.REFUTED)


def _rank(diagnosis: Diagnosis) -> tuple[bool, bool, int]:
    """Confirmed roots first, then undecided ones; a consequence leads only where no root is left."""
    refuted = diagnosis.verdict is Verdict.REFUTED
    return refuted, diagnosis.role is Role.CONSEQUENCE, _VERDICTS.index(diagnosis.verdict)


def _merged(reading: Diagnosis, walked: Sequence[Diagnosis]) -> Diagnosis:
    """Return the text's reading with what the walk found for the same rule."""
    twin = next((d for d in walked if d.rule == reading.rule), None)
    if twin is None:
        return reading
    evidence = (*reading.evidence, *(e for e in twin.evidence if e not in reading.evidence))
    facts = {**twin.facts, **reading.facts}
    if twin.verdict is Verdict.CONFIRMED and reading.verdict is not Verdict.CONFIRMED:
        return replace(
            twin,
            role=reading.role,
            matched=reading.matched,
            locations=reading.locations,
            facts=facts,
            evidence=evidence,
        )
    return replace(reading, facts=facts, evidence=evidence)
