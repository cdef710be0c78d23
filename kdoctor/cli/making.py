"""`kdoctor fix --apply`: the plan is made, the failed question asked again, and what did not help taken back."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from kdoctor.cli.agreeing import ask
from kdoctor.cli.saying import say, teller
from kdoctor.cli.shared import Consent, Shared
from kdoctor.fixes.errors import FixError, RefusedError
from kdoctor.report.planjson import Came
from kdoctor.rules.book import Book

if TYPE_CHECKING:
    from kdoctor.fixes.store import Entry, Store
    from kdoctor.run.check import Wanted
    from kdoctor.run.fixing import Offer

NOT_BETTER = 1

REREAD_SECONDS = 6.0
"""After which a Go program has read resolv.conf again: it looks every 5 seconds (net/dnsclient_unix.go)."""


def make(options: Shared, book: Book, wanted: Wanted, made: Offer, consent: Consent) -> Came:
    """Make the plan of an offer, which was agreed to, and say what came of it.

    Raises:
        FixError: it could not be made; all is as before.
    """
    from kdoctor.fixes.applying import apply
    from kdoctor.fixes.store import Store
    from kdoctor.run.proving import adopt, prove
    from kdoctor.run.situation import run

    assert made.plan is not None
    store = Store.of(made.machine)
    tell = teller(options)
    with store.locked():
        for left in store.entries():
            if left.state == "interrupted":
                say(options, "interrupted", number=left.number)
        entry = apply(made.plan, store, tell)
        say(options, "done", number=entry.number)
        hand = [action for action in made.plan.actions if not action.argv]
        if hand:
            for action in hand:
                say(options, "then-check", what=action.by_hand)
            return Came("applied", number=entry.number, said=tuple(action.by_hand for action in hand))
        if any(command.later for command in made.plan.commands):
            say(options, "later")
            return Came("applied", number=entry.number)
        changed = adopt(made, os.environ)
        if changed:
            say(options, "new-shells", file=made.plan.changes[0].shown)
        tell("asking the failed question again")
        proof = run(prove(book, wanted, made, _verify(made, tell)))
        entry.note("proof", better=proof.better, said=list(proof.sentences))
        say(options, "helped" if proof.better else "no-help", what="; ".join(proof.sentences))
        if proof.better:
            return Came("helped", number=entry.number, said=proof.sentences)
        status = "taken-back" if _not_better(options, entry, store, consent, tell) else "not-helped"
        return Came(status, NOT_BETTER, entry.number, proof.sentences)


def _verify(made: Offer, tell: Callable[[str], None]) -> str | None:
    """Run the recipe's own question; return what it said where it failed."""
    from kdoctor.fixes.applying import run as run_command
    from kdoctor.run.proving import await_docker, may_verify

    assert made.plan is not None
    await_docker(made)
    for chosen in made.plan.chosen:
        if not chosen.fix.check or not all(may_verify(case) for case in made.cases):
            continue
        argv = chosen.fix.check[1:] if chosen.fix.check[0] == "sudo" and made.machine.uid == 0 else chosen.fix.check
        if shutil.which(argv[0]) is None:
            tell(f"{argv[0]} is not installed here, so `{shlex.join(argv)}` cannot be run")
            continue
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


def _not_better(options: Shared, entry: Entry, store: Store, consent: Consent, tell: Callable[[str], None]) -> bool:
    """Take the fix back where that is wanted; tell whether it was."""
    from kdoctor.fixes.undoing import restore

    back = consent.rollback
    if not back and not consent.yes and sys.stdin.isatty():
        try:
            ask("Take it back?")
            back = True
        except RefusedError:
            back = False
    if back:
        restore(entry, store, tell)
        say(options, "taken-back", number=entry.number)
    else:
        say(options, "take-back", number=entry.number)
    return back
