"""`kdoctor explain`: where the text comes from, and which of the two ways explains it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kdoctor.cli.options import Shared
from kdoctor.errors import UsageError
from kdoctor.model import Report
from kdoctor.reading.clean import decode
from kdoctor.rules.book import Book, open_book
from kdoctor.rules.match import Candidate
from kdoctor.run.explain import Given, Question, by_text, candidates, completed

if TYPE_CHECKING:
    from kdoctor.cli.fixing import Consent
    from kdoctor.reading.stream import Window

SECONDS = 10.0
INTERRUPTED = "interrupted; this is what the text alone says"
SHORT = 1024 * 1024
"""Bytes up to which a text is read whole."""


def explain(
    options: Shared,
    text: list[str],
    file: Path | None,
    pod: str | None,
    about: Given,
    *,
    no_probe: bool,
    elsewhere: bool,
    consent: Consent | None = None,
) -> int:
    """Explain what the arguments name, and return the exit status; with `consent` the fix is planned, too.

    `about` is what the person says that the text is about.

    Raises:
        UsageError: a fix is wanted without probes, or from another machine's text.
    """
    if consent is not None and (no_probe or elsewhere):
        raise UsageError("--fix needs probes, and a text of this machine: not --no-probe, not --elsewhere")
    book = open_book(options.rules)
    if len(text) == 1 and file is None and pod is None and text[0] in book.ids:
        from kdoctor.cli.rulebook import show

        return show(options, text[0])
    seconds = options.timeout or SECONDS
    with contextlib.ExitStack() as stack:
        given = _given(text, file, pod, seconds, stack)
        head = given.stream.read(SHORT + 1) if given.stream else b""
        said = decode(head[:SHORT]) if given.stream else given.text
        if not said.strip() and len(head) <= SHORT:
            raise UsageError(
                f"{given.name} is empty; give the error text: kdoctor explain '...', --file FILE, or a pipe"
            )
        question = Question(said, given.name, seconds, options.lang, about)
        found = None
        if given.stream and len(head) > SHORT:
            question, found = _long(book, question, head, given.stream)
        report = answer(book, question, options, no_probe=no_probe, elsewhere=elsewhere, found=found)
        status = options.deliver(report)
    if report.notices and INTERRUPTED in report.notices:
        raise KeyboardInterrupt
    if consent is None or not report.diagnoses:
        return status
    from kdoctor.cli.checking import wanted_of
    from kdoctor.cli.fixing import fix_report

    return fix_report(
        options, wanted_of(options, list(about.registries), list(about.images), [], None), report, None, consent
    )


def answer(
    book: Book,
    question: Question,
    options: Shared,
    *,
    no_probe: bool,
    elsewhere: bool,
    found: list[Candidate] | None = None,
) -> Report:
    """Return the report on a text; a text that nothing is known of is not probed.

    On a terminal the text's own reading is told at once; interrupted, it is what is left.
    """
    found = candidates(book, question) if found is None else found
    found = [completed(candidate, question.given) for candidate in found]
    if no_probe or elsewhere or not found:
        return by_text(book, question, found, "elsewhere" if elsewhere else "off")
    from kdoctor.run.live import with_probes
    from kdoctor.run.situation import run

    early = by_text(book, question, found[:1], "cut")
    options.progress(
        f"{early.diagnoses[0].title} ({early.diagnoses[0].rule}): the text says so; asking this machine ..."
    )
    try:
        return run(with_probes(book, question, found))
    except KeyboardInterrupt:
        return replace(by_text(book, question, found, "cut"), notices=(*book.notices, INTERRUPTED))


@dataclass(frozen=True, slots=True)
class _Given:
    """What is to be explained: a text, or a stream of bytes, with its name."""

    name: str
    text: str = ""
    stream: BinaryIO | None = None


def _given(text: list[str], file: Path | None, pod: str | None, seconds: float, stack: contextlib.ExitStack) -> _Given:
    """Return the source that the arguments name.

    Raises:
        UsageError: no source, several, or one that cannot be read.
        SourceError: the pod cannot be read.
    """
    if sum((bool(text), file is not None, pod is not None)) > 1:
        raise UsageError("give one source: the text, --file or --pod")
    if pod is not None:
        from kdoctor.machine import Machine
        from kdoctor.pods import describe
        from kdoctor.run.situation import run

        found = run(describe(pod, Machine.here(), seconds))
        return _Given(found.source, found.text)
    if file is not None and str(file) != "-":
        try:
            return _Given(str(file), stream=stack.enter_context(file.open("rb")))
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
    if file is not None or text == ["-"] or (not text and not sys.stdin.isatty()):
        return _Given("standard input", stream=sys.stdin.buffer)
    if not text:
        raise UsageError("nothing to explain; give the error text: kdoctor explain '...', --file FILE, or a pipe")
    return _Given("text", " ".join(text))


def _long(book: Book, question: Question, head: bytes, rest: BinaryIO) -> tuple[Question, list[Candidate]]:
    """Read a text of any length: only the places that the rules' words nominate."""
    from kdoctor.reading.stream import blocks, windows
    from kdoctor.rules.match import match_windows
    from kdoctor.rules.scan import scanner

    kept: list[str] = []

    def noting(found: Iterator[Window]) -> Iterator[Window]:
        for window in found:
            if sum(map(len, kept)) < SHORT // 16:
                kept.append(window.text)
            yield window

    found = match_windows(book, noting(windows(blocks(head, rest), scanner(book))), question.source)
    return replace(question, text="\n".join(kept)), found
