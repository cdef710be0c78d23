"""`kdoctor explain` without probes: what the text itself says. Light to import."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdoctor.model import Report, Status
from kdoctor.rules.book import Book
from kdoctor.rules.commands import quoting
from kdoctor.rules.diagnose import Setting, unprobed
from kdoctor.rules.match import Candidate, match
from kdoctor.run import places
from kdoctor.run.neighbours import neighbours


@dataclass(frozen=True, slots=True)
class Question:
    """A text to explain: `source` names it, `seconds` is the run's deadline."""

    text: str
    source: str = "text"
    seconds: float = 10.0
    lang: str = "en"


def candidates(book: Book, question: Question) -> list[Candidate]:
    """Return what the text nominates, the root first."""
    return match(book, question.text, question.source)


def by_text(book: Book, question: Question, found: Sequence[Candidate], why: str = "off") -> Report:
    """Explain by the text alone; `why` names the sentence that says why nothing was probed."""
    diagnoses = []
    for candidate in found:
        vantage = places.vantage_name(candidate.engine, question.text, has_docker=True)
        on = places.platforms(candidate.engine, question.text, vantage, None, sys.platform)
        setting = Setting(book, question.lang, on, quote=quoting(sys.platform))
        diagnoses.append(unprobed(replace(candidate, vantage=vantage), setting, why))
    return Report(
        "explain",
        Status.PROBLEM if diagnoses else Status.UNKNOWN,
        question.lang,
        tuple(diagnoses),
        notices=book.notices,
        nearest=() if diagnoses else neighbours(book, question.text, question.lang),
    )
