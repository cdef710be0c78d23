"""`kdoctor fix`: what is wrong, the plan of its fix, and the yes that it needs."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.cli.agreeing import agree
from kdoctor.cli.making import NOT_BETTER, make
from kdoctor.cli.saying import say
from kdoctor.cli.shared import Consent, Shared, page_of
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.fixes.errors import FixError, RefusedError
from kdoctor.model import Report, Severity, Status, Verdict
from kdoctor.rules.book import Book, open_book

if TYPE_CHECKING:
    from kdoctor.report.planjson import Came
    from kdoctor.run.check import Wanted
    from kdoctor.run.fixing import Offer

CANNOT_LOOK = 3

FORMATS = ("text", "json")


def fix(
    options: Shared,
    wanted: Wanted,
    rules: list[str],
    facts: list[str],
    report: Path | None,
    recipe: str | None,
    consent: Consent,
) -> int:
    """Plan the fix of what is wrong, and make it where that was asked for; return the exit status."""
    from kdoctor.run.fixing import offer
    from kdoctor.run.given import Wish, facts_of, from_report
    from kdoctor.run.situation import run

    _check_formats(options)
    book = open_book(options.rules)
    if report is not None and rules:
        raise UsageError("give a rule's id or --from, not both")
    wish = from_report(report, book) if report is not None else Wish(tuple(rules))
    given = facts_of(facts, wish.rules, book)
    if given and not wish.rules:
        raise UsageError("--fact needs the rule that it is for: kdoctor fix ID --fact NAME=VALUE")
    wish = Wish(wish.rules, given, wish.reported, recipe)
    options.progress(f"checking; at most {wanted.seconds:.0f} seconds ...")
    made = run(offer(book, wanted, wish))
    return follow(options, book, wanted, made, consent, publish=True)


def _check_formats(options: Shared) -> None:
    for name, _ in options.outputs:
        if name not in FORMATS:
            raise UsageError(f'a fix does not come as "{name}".{did_you_mean(name, FORMATS)} There are text and json.')


def fix_report(options: Shared, wanted: Wanted, report: Report, recipe: str | None, consent: Consent) -> int:
    """Plan, and make, the fix of a report that was just shown (`check --fix`, `explain --fix`)."""
    from kdoctor.run.fixing import for_report
    from kdoctor.run.situation import run

    made = run(for_report(wanted, report, recipe))
    return follow(options, open_book(options.rules), wanted, made, consent)


def follow(options: Shared, book: Book, wanted: Wanted, made: Offer, consent: Consent, *, publish: bool = False) -> int:
    """Show the plan of an offer; make and prove it where that was asked for.

    A document on standard output has it alone: then the text goes to standard error. With `publish` the
    document is the plan with what came of it; else the report was it.
    """
    from kdoctor.report.planjson import Came, document

    text = replace(options, to_stderr=any(name != "text" and file is None for name, file in options.outputs))
    try:
        came = _followed(text, book, wanted, made, consent)
    except FixError as error:
        came = Came("refused" if isinstance(error, RefusedError) else "failed", said=(str(error),))
        raise
    finally:
        for name, file in options.outputs if publish else ():
            if name == "json":
                out = replace(options, outputs=((name, file),))
                out.publish("a fix", {"json": lambda _: document(made.plan, made.others, came)})
    return came.exit_status


def _followed(options: Shared, book: Book, wanted: Wanted, made: Offer, consent: Consent) -> Came:
    from kdoctor.report.planjson import Came
    from kdoctor.report.planned import plan_words, put_plan

    if made.plan is None:
        return _nothing_to_make(options, made)
    page = page_of(options)
    put_plan(page, made.plan, made.others, options.lang)
    options.print_page(page)
    if made.plan.empty:
        return Came("nothing")
    if not consent.apply:
        page = page_of(options)
        page.gap()
        page.text(plan_words(options.lang).not_applied.format(command=retold(sys.argv[1:])))
        options.print_page(page)
        return Came("planned")
    agree(made.plan, made, consent)
    return make(options, book, wanted, made, consent)


def _nothing_to_make(options: Shared, made: Offer) -> Came:
    """Say why there is no plan: nothing is wrong, it cannot be seen, or it is for the person's own hands."""
    from kdoctor.report.planjson import Came

    report = made.report
    if made.cases:
        diagnosis = made.cases[0].diagnosis
        say(options, "by-hand", title=diagnosis.title, rule=diagnosis.rule)
        page = page_of(options)
        page.text(diagnosis.because, indent=2)
        for seen in diagnosis.evidence[:1]:
            page.text(seen.detail, indent=2)
        for one in diagnosis.fixes:
            page.text(one.title, indent=2, first="- ")
        options.print_page(page)
        for one in diagnosis.fixes:
            if one.automatic and one.asked:
                say(options, "with-recipe", command=f"kdoctor fix {diagnosis.rule} --recipe {one.id}")
            elif one.lacking and one.needs:
                facts = " ".join(f"--fact {name}=..." for name in one.needs)
                say(options, "with-fact", command=f"kdoctor fix {diagnosis.rule} {facts}")
        say(options, "steps", rule=diagnosis.rule)
        return Came("by-hand", NOT_BETTER, said=(diagnosis.title, diagnosis.because))
    live = [d for d in report.diagnoses if d.verdict is not Verdict.REFUTED and d.severity is not Severity.INFO]
    if live:
        say(options, "unproven", title=live[0].title, rule=live[0].rule)
        return Came("unproven", NOT_BETTER, said=(live[0].title,))
    if report.status is Status.UNKNOWN:
        say(options, "blind")
        return Came("unknown", CANNOT_LOOK)
    say(options, "nothing")
    return Came("nothing")


def retold(arguments: Sequence[str]) -> str:
    """Return the person's own command line with --apply added, to paste."""
    return shlex.join(["kdoctor", *arguments, "--apply"])
