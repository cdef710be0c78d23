"""`kdoctor undo` and `history`: what was done here, and the way back, shown before it is gone."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from kdoctor.cli.agreeing import ask
from kdoctor.cli.saying import say, teller
from kdoctor.cli.shared import Shared, page_of
from kdoctor.fixes.errors import RefusedError
from kdoctor.report.fixwords import fix_sentence

if TYPE_CHECKING:
    from kdoctor.fixes.store import Entry


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
            options.print_page(page)
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
        options.print_page(page)
        if not yes:
            if not sys.stdin.isatty():
                raise RefusedError("nothing was undone: there is no terminal to ask at; --yes undoes without asking")
            ask("Undo it?")
        restore(entry, store, teller(options))
        say(options, "undone", number=entry.number)
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
    options.print_page(page)
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
