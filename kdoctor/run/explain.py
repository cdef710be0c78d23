"""`kdoctor explain` without probes: what the text itself says. Light to import."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kdoctor.model import Neighbour, Report, Status
from kdoctor.references import parse
from kdoctor.registries import api_host
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.commands import quoting
from kdoctor.rules.diagnose import Setting, unprobed
from kdoctor.rules.match import match
from kdoctor.run import places


@dataclass(frozen=True, slots=True)
class Given:
    """What the person says is to be reached, by flag or in the command that was run.

    `images` are references that parse, `registries` are host[:port], `via` ways to other machines.
    """

    images: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    via: tuple[str, ...] = ()

    def hosts(self) -> set[str]:
        """Return the API hosts of all: more than /v2/ may be asked of them."""
        return {api_host(r) for r in self.registries} | {_registry(i) for i in self.images}

    def image(self, registry: str | None) -> str | None:
        """Return the one image of the registry, or the one there is where no registry is known."""
        fitting = [i for i in self.images if registry is None or _registry(i) == api_host(registry)]
        return fitting[0] if len(fitting) == 1 else None

    def registry(self) -> str | None:
        """Return the one registry that is named, None where there are several or none."""
        hosts = self.hosts()
        return hosts.pop() if len(hosts) == 1 else None


def _registry(image: str) -> str:
    return api_host(parse(image).registry)


class Question(NamedTuple):
    """A text to explain: `source` names it, `seconds` is the run's deadline."""

    text: str
    source: str = "text"
    seconds: float = 10.0
    lang: str = "en"
    given: Given = Given()


def candidates(book: Book, question: Question) -> list[Candidate]:
    """Return what the text nominates, the root first."""
    return match(book, question.text, question.source)


def completed(candidate: Candidate, given: Given) -> Candidate:
    """Return the candidate with the registry and image that the person named, where the text names none."""
    facts = dict(candidate.facts)
    if "registry" in candidate.rule.facts and "registry" not in facts and (registry := given.registry()):
        facts["registry"] = registry
    if "image" in candidate.rule.facts and "image" not in facts and (image := given.image(facts.get("registry"))):
        facts["image"] = image
    return replace(candidate, facts=facts)


def by_text(book: Book, question: Question, found: Sequence[Candidate], why: str = "off") -> Report:
    """Explain by the text alone; `why` names the sentence that says why nothing was probed."""
    system = "" if why == "elsewhere" else sys.platform  # the text's own words tell then
    diagnoses = []
    nearest: Sequence[Neighbour] = ()
    for candidate in found:
        vantage = places.vantage_name(candidate.engine, question.text, has_docker=True)
        on = places.platforms(candidate.engine, question.text, vantage, None, system)
        setting = Setting(book, question.lang, on, quote=quoting(system))
        diagnoses.append(unprobed(replace(candidate, vantage=vantage), setting, why))
    if not diagnoses:
        from kdoctor.run.neighbours import neighbours

        nearest = neighbours(book, question.text, question.lang)
    return Report(
        "explain",
        Status.PROBLEM if diagnoses else Status.UNKNOWN,
        question.lang,
        tuple(diagnoses),
        notices=book.notices,
        nearest=tuple(nearest),
    )
