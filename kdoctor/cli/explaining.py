"""`kdoctor explain`: where the text comes from, and which of the two ways explains it."""

from __future__ import annotations

import sys
from pathlib import Path

from kdoctor.cli.options import Shared
from kdoctor.errors import UsageError
from kdoctor.model import Report
from kdoctor.reading.clean import decode
from kdoctor.rules.book import Book, open_book
from kdoctor.run.explain import Question, by_text, candidates

SECONDS = 10.0


def explain(options: Shared, text: list[str], file: Path | None, pod: str | None, *, no_probe: bool, elsewhere: bool) -> int:
    """Explain what the arguments name, and return the exit status."""
    book = open_book(options.rules)
    if len(text) == 1 and file is None and pod is None and text[0] in book.ids:
        from kdoctor.cli.rulebook import show

        return show(options, text[0])
    said, source = source_text(text, file, pod, options.timeout or SECONDS)
    if not said.strip():
        raise UsageError(f"{source} is empty; give the error text: kdoctor explain '...', --file FILE, or a pipe")
    question = Question(said, source, options.timeout or SECONDS, options.lang)
    return options.deliver(answer(book, question, no_probe=no_probe, elsewhere=elsewhere))


def answer(book: Book, question: Question, *, no_probe: bool, elsewhere: bool) -> Report:
    """Return the report on a text; a text that nothing is known of is not probed."""
    found = candidates(book, question)
    if no_probe or elsewhere or not found:
        return by_text(book, question, found, "elsewhere" if elsewhere else "off")
    from kdoctor.run.live import with_probes
    from kdoctor.run.situation import run

    return run(with_probes(book, question, found))


def source_text(text: list[str], file: Path | None, pod: str | None, seconds: float) -> tuple[str, str]:
    """Return the text and the name of its source.

    Raises:
        UsageError: no source, several, or one that cannot be read.
        SourceError: the pod cannot be read.
    """
    if sum((bool(text), file is not None, pod is not None)) > 1:
        raise UsageError("give one source: the text, --file or --pod")
    if pod is not None:
        from kdoctor.sources import pod_text

        return pod_text(pod, seconds), f"pod {pod}"
    if file is not None and str(file) != "-":
        try:
            return decode(file.read_bytes()), str(file)
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
    if file is not None or text == ["-"] or (not text and not sys.stdin.isatty()):
        return decode(sys.stdin.buffer.read()), "standard input"
    if not text:
        raise UsageError("nothing to explain; give the error text: kdoctor explain '...', --file FILE, or a pipe")
    return " ".join(text), "text"
