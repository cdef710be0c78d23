"""`kdoctor explain` with probes: what of a text's reading holds here and now."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kdoctor.errors import UsageError
from kdoctor.model import Check, Diagnosis, Report, Status, Verdict
from kdoctor.probes.runner import Place, Runner
from kdoctor.references import parse
from kdoctor.registries import api_host
from kdoctor.remote.vantage import Far
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate, explains
from kdoctor.rules.diagnose import foreign, unprobed
from kdoctor.rules.steps import KIND_OF
from kdoctor.run import places
from kdoctor.run.explain import Given, Question
from kdoctor.run.probing import diagnosed
from kdoctor.run.settling import Known, settle, witnessed
from kdoctor.run.situation import Situation, runner, survey
from kdoctor.run.walk import Target, Walk

_MOST_PROBED = 8
"""Failures of one text that are probed; the others are told as the text has them."""

_OF_IMAGE = frozenset({"registry.token", "registry.manifest", "registry.platform", "registry.blob"})

DEFAULT = Target("registry-1.docker.io", "docker.io/library/hello-world:latest")
"""Where Docker goes when a text names no image of another registry; only the text's own failure counts there."""

_WALKED = frozenset({"proxy", "dns", "network", "tls", "registry", "image"})


async def with_probes(book: Book, question: Question, candidates: Sequence[Candidate]) -> Report:
    """Explain with live probes: the text's own reading, and the walk to what the text names."""
    began = time.monotonic()
    places_of = {places.vantage_name(c.engine, question.text, has_docker=True) for c in candidates[:_MOST_PROBED]}
    given = question.given
    situation = await survey(given.hosts(), question.seconds, given.via, nodes="node" in places_of)
    run = runner(situation, question.seconds - (time.monotonic() - began))
    views = [_View(book, question, c, situation, run) for c in candidates]
    root = next((v for v in views[:_MOST_PROBED] if v.target is not None), None)
    readings, (walked, checks) = await asyncio.gather(
        asyncio.gather(*(view.reading() for view in views[:_MOST_PROBED])), root.walked() if root else _nowhere()
    )
    unasked = [
        unprobed(replace(view.candidate, vantage=view.place.name), view.setting, "many")
        for view in views[_MOST_PROBED:]
    ]
    diagnoses = settle([*readings, *unasked], walked, _known(book, situation))
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


def _known(book: Book, situation: Situation) -> Known:
    def elsewhere(diagnosis: Diagnosis) -> bool:
        told = {name: value for name, value in diagnosis.facts.items() if name in ("proxy", "resolver")}
        return foreign(told, situation.known) is not None

    return Known(lambda cause, effect: explains(book.rule(cause), book.rule(effect)), elsewhere)


async def _nowhere() -> tuple[list[Diagnosis], list[Check]]:
    return [], []


class _View:
    """A candidate seen from its puller."""

    def __init__(self, book: Book, question: Question, candidate: Candidate, situation: Situation, run: Runner) -> None:
        self.book, self.candidate, self.run = book, candidate, run
        name = places.vantage_name(candidate.engine, question.text, situation.vantages.docker is not None)
        self.place: Place = situation.puller(name, question.text, sure=places.says_docker(question.text))
        on = places.platforms(candidate.engine, question.text, name, situation.host, sys.platform)
        self.setting = situation.setting(book, question.lang, on, self.place)
        self.shell = situation.place("shell")
        self.others = _others(situation, self.place)
        walks = candidate.rule.layer in _WALKED
        self.target = _target(candidate, question.given) if walks else None
        self.guessed = name == "docker" and walks and self.target in (None, Target(DEFAULT.registry))
        if self.guessed:
            self.target = DEFAULT

    async def reading(self) -> Diagnosis:
        """Return the text's own reading, probed."""
        return await diagnosed(self.candidate, self.setting, self.place, self.run)

    async def walked(self) -> tuple[list[Diagnosis], list[Check]]:
        """Walk to the registry and image that the text names."""
        if self.place.vantage is None or self.target is None:
            return [], []
        walk = Walk(self.run, self.book)
        contrast = Walk(self.run, self.book)
        await asyncio.gather(
            walk.to_image(self.place, self.target), *(contrast.to_image(place, self.target) for place in self.others)
        )
        if self.place.name == "docker" and not self.guessed:
            registry = {"registry": self.target.registry}
            await walk.step("credentials", self.shell, registry, registry)
        found = [c for c in walk.found if self._counts(c)]
        diagnoses = await asyncio.gather(*(diagnosed(c, self.setting, self.place, self.run) for c in found))
        told = witnessed([(d, c.seen) for d, c in zip(diagnoses, found, strict=True)])
        return [self._own(d) for d in told], [*walk.checks, *contrast.checks]

    def _own(self, diagnosis: Diagnosis) -> Diagnosis:
        """Take out the image that nobody named."""
        if not self.guessed:
            return diagnosis
        return replace(diagnosis, facts={k: v for k, v in diagnosis.facts.items() if v != DEFAULT.image})

    def _counts(self, found: Candidate) -> bool:
        """Tell whether a finding of the walk says something of the text: not what only a guessed image shows."""
        if any(e.probe == KIND_OF["credentials"] for e in found.seen):
            return explains(found.rule, self.candidate.rule)
        of_image = any(e.probe in _OF_IMAGE for e in found.seen)
        told = self.candidate.facts.get("registry") is not None
        return not self.guessed or found.rule.id == self.candidate.rule.id or (told and not of_image)


def _others(situation: Situation, place: Place) -> list[Place]:
    """Return where the same way is walked for comparison: what --via names, and from a node this machine's puller."""
    asked = [Place(far.name, far) for far in situation.vantages.far if far.way.asked and far.name != place.name]
    if not isinstance(place.vantage, Far):
        return asked
    return [situation.nearest(), *asked]


def _target(candidate: Candidate, given: Given) -> Target | None:
    registry = candidate.facts.get("registry") or given.registry()
    image = image_of(candidate.facts) or given.image(registry)
    if image:
        try:
            return Target(api_host(parse(image).registry), image)
        except UsageError:
            pass
    return Target(api_host(registry)) if registry else None


def image_of(facts: Mapping[str, str]) -> str | None:
    """Return the image that a text is about, pinned to the digest that it states."""
    image, digest = facts.get("image"), facts.get("digest")
    return f"{image}@{digest}" if image and digest and "@" not in image else image
