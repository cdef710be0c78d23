"""`kdoctor fix`, `undo` and `history`: the plan is shown, then asked for, made, proven, or taken back."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.cli.options import Shared, page_of
from kdoctor.errors import UsageError
from kdoctor.fixes.errors import FixError, RefusedError
from kdoctor.model import Report, Risk, Severity, Status, Verdict
from kdoctor.report.fixwords import fix_sentence
from kdoctor.rules.book import Book, open_book

if TYPE_CHECKING:
    from kdoctor.fixes.plan import Plan
    from kdoctor.fixes.store import Entry, Store
    from kdoctor.report.layout import Page
    from kdoctor.run.check import Wanted
    from kdoctor.run.fixing import Offer

NOT_BETTER, CANNOT_LOOK = 1, 3

REREAD_SECONDS = 6.0
"""After which a Go program has read resolv.conf again: it looks every 5 seconds (net/dnsclient_unix.go)."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What the person has agreed to on the command line."""

    apply: bool = False
    yes: bool = False
    rollback: bool = False
    weaker_trust: bool = False
    allowed_files: tuple[str, ...] = ()
    command: str = "kdoctor fix --apply"


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

    book = open_book(options.rules)
    if report is not None and rules:
        raise UsageError("give a rule's id or --from, not both")
    wish = from_report(report, book) if report is not None else Wish(tuple(rules))
    given = facts_of(facts, wish.rules, book)
    if given and not wish.rules:
        raise UsageError("--fact needs the rule that it is for: kdoctor fix ID --fact NAME=VALUE")
    wish = Wish(wish.rules, given, wish.reported, recipe)
    options.progress(f"checking; at most {wanted.seconds:g} seconds ...")
    made = run(offer(book, wanted, wish))
    return follow(options, book, wanted, made, consent)


def fix_report(options: Shared, wanted: Wanted, report: Report, recipe: str | None, consent: Consent) -> int:
    """Plan, and make, the fix of a report that was just shown (`check --fix`, `explain --fix`)."""
    from kdoctor.run.fixing import for_report
    from kdoctor.run.situation import run

    made = run(for_report(wanted, report, recipe))
    return follow(options, open_book(options.rules), wanted, made, consent)


def follow(options: Shared, book: Book, wanted: Wanted, made: Offer, consent: Consent) -> int:
    """Show the plan of an offer; make and prove it where that was asked for."""
    from kdoctor.report.planned import plan_words, put_plan

    if made.plan is None:
        return _nothing_to_make(options, made)
    page = page_of(options)
    put_plan(page, made.plan, made.others, options.lang)
    _show(options, page)
    if made.plan.empty:
        return 0
    if not consent.apply:
        page = page_of(options)
        page.gap()
        page.text(plan_words(options.lang).not_applied.format(command=consent.command))
        _show(options, page)
        return 0
    _agree(made.plan, made, consent)
    return _make(options, book, wanted, made, consent)


def _nothing_to_make(options: Shared, made: Offer) -> int:
    """Say why there is no plan: nothing is wrong, it cannot be seen, or it is for the person's own hands."""
    report = made.report
    if made.cases:
        diagnosis = made.cases[0].diagnosis
        _say(options, "by-hand", title=diagnosis.title, rule=diagnosis.rule)
        page = page_of(options)
        for one in diagnosis.fixes:
            page.text(one.title, indent=2, first="- ")
        _show(options, page)
        _say(options, "steps", rule=diagnosis.rule)
        return NOT_BETTER
    live = [d for d in report.diagnoses if d.verdict is not Verdict.REFUTED and d.severity is not Severity.INFO]
    if live:
        _say(options, "unproven", title=live[0].title, rule=live[0].rule)
        return NOT_BETTER
    if report.status is Status.UNKNOWN:
        _say(options, "blind")
        return CANNOT_LOOK
    _say(options, "nothing")
    return 0


# --- asking --------------------------------------------------------------------------------------


def _agree(plan: Plan, made: Offer, consent: Consent) -> None:
    """Return when everything that needs a yes has one.

    Raises:
        RefusedError: nobody is there to ask, or the answer was no.
    """
    terminal = sys.stdin.isatty()
    _agree_to_commands(plan, consent, terminal)
    if plan.risk is Risk.WEAKENS_TRUST:
        _tell_trust(made)
        if not consent.weaker_trust:
            raise RefusedError(
                "this fix weakens security, and --yes does not cover that; add --accept-weaker-trust to make it"
            )
    if plan.risk is Risk.DESTRUCTIVE:
        if not terminal:
            raise RefusedError(
                "this fix removes data, so it is only made after a yes at a terminal, whatever --yes says"
            )
        _ask("This removes what cannot be brought back. Do it?")
        return
    if consent.yes:
        return
    if not terminal:
        raise RefusedError("nothing was changed: there is no terminal to ask at; --yes makes the change without asking")
    _ask("Make this change?")


def _agree_to_commands(plan: Plan, consent: Consent, terminal: bool) -> None:
    for origin in dict.fromkeys(command.origin for command in plan.commands if command.origin):
        if any(_same_file(origin, one) for one in consent.allowed_files):
            continue
        if not terminal:
            raise RefusedError(
                f"{origin}, a rule of yours, wants to run commands; --yes does not cover that: add --allow-run {origin}"
            )
        _ask(f"Run the commands of {origin}?")


def _same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _tell_trust(made: Offer) -> None:
    """Name the safer way first, then whom the fix would trust."""
    for fix in made.others:
        if fix.risk is not Risk.WEAKENS_TRUST:
            print(f"Safer: {_clean(fix.title)} ({fix.id})", file=sys.stderr)
    seen = [e for case in made.cases for e in case.diagnosis.evidence if e.probe.startswith("tls.")]
    for evidence in seen:
        for name in ("issuer", "subject", "fingerprint"):
            if evidence.data.get(name):
                print(f"  {name}: {_clean(str(evidence.data[name]))}", file=sys.stderr)


def _ask(question: str) -> None:
    sys.stderr.write(f"{_clean(question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes", "j", "ja", "是"):
        raise RefusedError("nothing was changed")


# --- making --------------------------------------------------------------------------------------


def _make(options: Shared, book: Book, wanted: Wanted, made: Offer, consent: Consent) -> int:
    from kdoctor.fixes.applying import apply
    from kdoctor.fixes.store import Store
    from kdoctor.run.fixing import adopt, prove
    from kdoctor.run.situation import run

    assert made.plan is not None
    store = Store.of(made.machine)
    tell = _teller(options)
    with store.locked():
        for left in store.entries():
            if left.state == "interrupted":
                _say(options, "interrupted", number=left.number)
        entry = apply(made.plan, store, tell)
        _say(options, "done", number=entry.number)
        hand = [action for action in made.plan.actions if not action.argv]
        if hand:
            for action in hand:
                _say(options, "then-check", what=action.by_hand)
            return 0
        if any(command.later for command in made.plan.commands):
            _say(options, "later")
            return 0
        changed = adopt(made, os.environ)
        if changed:
            _say(options, "new-shells", file=made.plan.changes[0].shown)
        tell("asking the failed question again")
        proof = run(prove(book, wanted, made, _verify(made, tell)))
        entry.note("proof", better=proof.better, said=list(proof.sentences))
        _say(options, "helped" if proof.better else "no-help", what="; ".join(proof.sentences))
        if proof.better:
            return 0
        return _not_better(options, entry, store, consent, tell)


def _verify(made: Offer, tell: Callable[[str], None]) -> str | None:
    """Run the recipe's own question; return what it said where it failed."""
    from kdoctor.fixes.applying import run as run_command
    from kdoctor.run.fixing import await_docker, may_verify

    assert made.plan is not None
    await_docker(made)
    for chosen in made.plan.chosen:
        if not chosen.fix.check or not all(may_verify(case) for case in made.cases):
            continue
        argv = chosen.fix.check[1:] if chosen.fix.check[0] == "sudo" and made.machine.uid == 0 else chosen.fix.check
        tell(f"running {shlex.join(argv)}")
        try:
            run_command(argv)
        except FixError as error:
            if any(action.argv for action in made.plan.actions):
                return str(error)
            tell(f"again in {REREAD_SECONDS:g} seconds: programs read such files from time to time")
            time.sleep(REREAD_SECONDS)
            try:
                run_command(argv)
            except FixError as late:
                return str(late)
    return None


def _not_better(options: Shared, entry: Entry, store: Store, consent: Consent, tell: Callable[[str], None]) -> int:
    from kdoctor.fixes.undoing import restore

    back = consent.rollback
    if not back and not consent.yes and sys.stdin.isatty():
        try:
            _ask("Take it back?")
            back = True
        except RefusedError:
            back = False
    if back:
        restore(entry, store, tell)
        _say(options, "taken-back", number=entry.number)
    else:
        _say(options, "take-back", number=entry.number)
    return NOT_BETTER


# --- undo and history ----------------------------------------------------------------------------


def undo(options: Shared, number: int | None, *, yes: bool) -> int:
    """Take a fix back after showing what changes; return the exit status."""
    from kdoctor.fixes.plan import Change
    from kdoctor.fixes.store import Store
    from kdoctor.fixes.undoing import ChangedError, choose, look, restore
    from kdoctor.machine import Machine
    from kdoctor.report.planned import put_diff

    store = Store.of(Machine.here())
    with store.locked():
        entry = choose(store, number)
        page = page_of(options)
        try:
            wanted = look(entry, store)
        except ChangedError as error:
            put_diff(page, error.diff)
            _show(options, page)
            raise
        page.text(fix_sentence(options.lang, "undo", number=entry.number, title=_titles(entry)), style="title")
        from kdoctor.fixes.files import Found

        for one in wanted:
            put_diff(page, Change(one.shown, one.path, Found(one.now), one.before).diff())
        for command in entry.begin["commands"]:
            back = shlex.join(command["undo"]) if command["undo"] else ""
            page.verbatim(back or f"{shlex.join(command['argv'])}: this cannot be taken back", indent=2)
        for action in entry.begin["actions"]:
            if action["back"]:
                page.verbatim(shlex.join(action["back"]), indent=2)
        _show(options, page)
        if not yes:
            if not sys.stdin.isatty():
                raise RefusedError("nothing was undone: there is no terminal to ask at; --yes undoes without asking")
            _ask("Undo it?")
        restore(entry, store, _teller(options))
        _say(options, "undone", number=entry.number)
    return 0


def history(options: Shared) -> int:
    """List what was done, the newest first."""
    import json

    from kdoctor.fixes.store import Store
    from kdoctor.machine import Machine

    entries = Store.of(Machine.here()).entries()[::-1]
    if options.outputs[0][0] == "json":
        rows = [_row(entry) for entry in entries]
        sys.stdout.write(
            json.dumps({"schema": "kdoctor/history/1", "fixes": rows}, ensure_ascii=False, indent=2) + "\n"
        )
        return 0
    page = page_of(options)
    if not entries:
        page.text(fix_sentence(options.lang, "none"))
    for entry in entries:
        page.text(_titles(entry), first=f"{entry.number:>4}  {entry.begin['at']}  {entry.state:<11}  ")
        for record in entry.begin["files"]:
            page.text(record["file"], indent=8, style="dim")
    _show(options, page)
    return 0


def _row(entry: Entry) -> dict[str, object]:
    proof = entry.last("proof")
    return {
        "number": entry.number,
        "at": entry.begin["at"],
        "state": entry.state,
        "fixes": entry.begin["fixes"],
        "files": [record["file"] for record in entry.begin["files"]],
        "commands": [one["argv"] for one in (*entry.begin["commands"], *entry.begin["actions"])],
        "better": proof["better"] if proof else None,
    }


def _titles(entry: Entry) -> str:
    return "; ".join(f"{one['title']} ({one['rule']})" for one in entry.begin["fixes"])


# --- saying --------------------------------------------------------------------------------------


def _show(options: Shared, page: Page) -> None:
    options.print_page(page)


def _say(options: Shared, key: str, **values: str | int) -> None:
    page = page_of(options)
    page.text(_clean(fix_sentence(options.lang, key, **values)))
    options.print_page(page)


def _teller(options: Shared) -> Callable[[str], None]:
    def tell(sentence: str) -> None:
        if not options.quiet:
            print(f"kdoctor: {_clean(sentence)}", file=sys.stderr, flush=True)

    return tell


def _clean(text: str) -> str:
    from kdoctor.masking import mask
    from kdoctor.report.safety import one_line

    return one_line(mask(text))


def retold(arguments: Sequence[str]) -> str:
    """Return the person's own command line with --apply added, to paste."""
    return shlex.join(["kdoctor", *arguments, "--apply"])
