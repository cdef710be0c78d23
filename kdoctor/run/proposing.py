"""`kdoctor explain --report-unknown`: a text made fit to show to strangers. Nothing is probed or sent."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import replace

from kdoctor.listings import Proposal
from kdoctor.masking import mask
from kdoctor.model import Host, Report
from kdoctor.pseudonyms import Pseudonyms
from kdoctor.reading.clean import Line, clean
from kdoctor.reading.engines import engine
from kdoctor.rules.book import Book
from kdoctor.run.explain import Question, by_text, candidates

MOST_LINES = 200
_WIDEST = 2000


def propose(book: Book, question: Question, host: Host | None, own: Pseudonyms | None = None) -> Report:
    """Return the report on the redacted text, with the block to paste as its `proposal`.

    Everything in it is of the redacted text: what the person's own says must not leave by another field.
    """
    names = own or Pseudonyms(*own_names())
    text, left_out = redacted(question.text, names)
    asked = question._replace(text=text, source="text")
    report = by_text(book, asked, candidates(book, asked))
    proposal = Proposal(text, names.replaced, left_out, engine(text))
    return replace(report, host=None if host is None else _redacted_host(host, names), proposal=proposal)


def redacted(text: str, names: Pseudonyms) -> tuple[str, int]:
    """Return a text cleaned, without secrets and names, its last lines; and how many before were left out."""
    lines = clean(mask(text))
    kept = lines[-MOST_LINES:]
    plain = "\n".join(_narrow(line) for line in kept)
    return names.redact(mask(plain)), len(lines) - len(kept)


def _narrow(line: Line) -> str:
    return line.text if len(line.text) <= _WIDEST else f"{line.text[:_WIDEST]} ..."


def _redacted_host(host: Host, names: Pseudonyms) -> Host:
    found = tuple(
        replace(one, found_by=names.redact(mask(one.found_by)), detail=names.redact(mask(one.detail)))
        for one in host.platforms
    )
    return replace(host, platforms=found)


def own_names() -> tuple[Iterable[str], Iterable[str]]:
    """Return the user's and the machine's names, as variables and the system say."""
    users = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    node = platform.node()
    return sorted(users - {""}), sorted({node, node.partition(".")[0]} - {""})
