"""`kdoctor explain`: where the text comes from, and which of the two ways explains it."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from dataclasses import replace

from kdoctor.cli.given import NOTHING, Input, since_of, sources
from kdoctor.cli.shared import Consent, Shared
from kdoctor.errors import UsageError
from kdoctor.model import Report
from kdoctor.rules.book import Book, open_book
from kdoctor.rules.candidate import Candidate
from kdoctor.run.explain import Given, Question, by_text, candidates, completed
from kdoctor.run.reading import Reading, read_sources

SECONDS = 10.0
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
INTERRUPTED = "interrupted; this is what the text alone says"
UNREAD = "the text was not read to its end; what follows may say more"


def explain(
    options: Shared,
    given: Input,
    about: Given,
    *,
    no_probe: bool,
    elsewhere: bool,
    report_unknown: bool = False,
    consent: Consent | None = None,
) -> int:
    """Explain what the arguments name, and return the exit status; with `consent` the fix is planned, too.

    `about` is what the person says that the text is about.

    Raises:
        UsageError: a fix is wanted without probes, or from another machine's text.
    """
    if consent is not None and (no_probe or elsewhere):
        raise UsageError("--fix needs probes, and a text of this machine: not --no-probe, not --elsewhere")
    if consent is not None and given.follow:
        raise UsageError("--fix and --follow do not go together")
    if report_unknown and (given.follow or consent is not None):
        raise UsageError("--report-unknown goes with neither --follow nor --fix")
    book = open_book(options.rules)
    if given.bare in book.ids:
        from kdoctor.cli.rulebook import show

        return show(options, given.text[0])
    _not_nearly(given.bare, book)
    given.check()
    seconds = options.left(SECONDS)
    if given.follow:
        from kdoctor.cli.following import follow

        return follow(options, book, given, about, no_probe=no_probe, elsewhere=elsewhere)
    if given.last:
        from kdoctor.logs.last import read

        about = replace(about, images=(*about.images, *read().images))
    since = since_of(given)
    with contextlib.closing(sources(given, since, seconds)) as found:
        reading = read_sources(book, found, since)
    if reading.interrupted and not reading.found:
        raise KeyboardInterrupt
    if reading.empty:
        raise UsageError(f"{' and '.join(reading.names)}: it is empty; {NOTHING.partition('; ')[2]}")
    question = Question(reading.text, reading.names[-1], seconds, options.lang, about)
    if report_unknown and not reading.interrupted:
        return _propose(book, question, options)
    ask = _cut if reading.interrupted else answer
    report = ask(book, question, options, no_probe=no_probe, elsewhere=elsewhere, found=reading.found)
    report = replace(report, notices=(*report.notices, *_notices(reading)))
    status = options.deliver(report)
    if INTERRUPTED in report.notices:
        raise KeyboardInterrupt
    if consent is None or not report.diagnoses:
        return status
    from kdoctor.cli.checking import wanted_of
    from kdoctor.cli.fixing import fix_report

    return fix_report(
        options, wanted_of(options, list(about.registries), list(about.images), [], None), report, None, consent
    )


def _propose(book: Book, question: Question, options: Shared) -> int:
    """Print the text as one can show it to strangers, with what the author of a rule needs.

    Raises:
        UsageError: it does not come in a format asked for.
    """
    from kdoctor.run.proposing import propose
    from kdoctor.run.situation import run, survey

    for name, _ in options.outputs:
        if name not in ("text", "markdown", "json"):
            raise UsageError(f'--report-unknown does not come as "{name}"; there are text, markdown, json')
    status = options.deliver(propose(book, question, run(survey(nodes=False)).host))
    if not options.quiet:
        print("Nothing was sent. Read it before you paste it: not every private name can be known.", file=sys.stderr)
    return status


def _not_nearly(word: str | None, book: Book) -> None:
    """Refuse a single word that is an id but for a slip: nobody's error text looks like one.

    Raises:
        UsageError: with the id that was meant.
    """
    if word is None or not _ID.fullmatch(word):
        return
    near = difflib.get_close_matches(word, book.ids, n=1, cutoff=0.8)
    if near:
        raise UsageError(f'no rule "{word}". Did you mean "{near[0]}"? See `kdoctor rules list`.')


def _notices(reading: Reading) -> list[str]:
    several = [f"read, in this order: {', '.join(reading.names)}"] if len(reading.names) > 1 else []
    return [*several, *reading.notices]


def _cut(
    book: Book, question: Question, options: Shared, *, no_probe: bool, elsewhere: bool, found: list[Candidate]
) -> Report:
    """Return the report on what was found in a text until Ctrl-C ended the reading; nothing is asked."""
    del options, no_probe, elsewhere
    found = [completed(candidate, question.given) for candidate in found]
    return replace(by_text(book, question, found, "cut"), notices=(*book.notices, INTERRUPTED, UNREAD))


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
