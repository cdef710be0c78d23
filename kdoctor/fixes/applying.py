"""Makes a plan's changes: each noted in the journal before it is made; what fails takes all of it back."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from kdoctor import __version__
from kdoctor.fixes import files
from kdoctor.fixes.errors import FixError
from kdoctor.fixes.files import Found
from kdoctor.fixes.plan import Change, Plan
from kdoctor.fixes.store import Entry, Store

Tell = Callable[[str], None]
"""Says on the way what is done now."""

COMMAND_SECONDS = 300.0
"""The most that one command of a fix may take: a restart of dockerd with many containers takes minutes."""

_TAIL = 4096


def apply(plan: Plan, store: Store, tell: Tell) -> Entry:
    """Make the changes of the plan and return the journal's entry; the caller holds the store's lock.

    Raises:
        FixError: a file has changed since the plan was made, or something failed; all is as before then.
    """
    for change in plan.changes:
        if files.read(change.path, change.shown) != change.found:
            raise FixError(f"{change.shown} has changed since the plan was made; nothing was changed. Run it again")
    entry = store.begin(_record(plan), [change.found.data for change in plan.changes])
    try:
        for index, change in enumerate(plan.changes):
            tell(f"writing {change.shown}")
            _write(entry, index, change)
        for number, command in enumerate(plan.commands):
            entry.note("running", command=number)
            tell(f"running {_line(command.argv)}")
            _run_noted(entry, number, command.argv)
        for number, action in enumerate(plan.actions):
            if action.argv:
                entry.note("acting", action=number)
                tell(f"running {_line(action.argv)}")
                run(action.argv)
    except (FixError, OSError, KeyboardInterrupt) as error:
        _take_back(entry, store, tell)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise FixError(f"{_reason(error)}. Everything is as it was before") from error
    entry.note("applied")
    return entry


def _run_noted(entry: Entry, number: int, argv: Sequence[str]) -> None:
    """Run a command and note how it ended: what failed is not taken back, what may have been done is."""
    try:
        run(argv)
    except FixError:
        entry.note("failed", command=number)
        raise
    entry.note("ran", command=number)


def _record(plan: Plan) -> dict[str, Any]:
    return {
        "version": __version__,
        "fixes": [
            {"rule": one.rule, "fix": one.fix.id, "title": one.fix.title, "risk": one.fix.risk.value}
            for one in plan.chosen
        ],
        "files": [
            {
                "file": change.shown,
                "path": str(change.path),
                "before": digest(change.found.data),
                "after": digest(change.data),
                "mode": change.found.mode,
                "uid": change.found.uid,
                "gid": change.found.gid,
                "folders": [str(one) for one in _missing(change.path.parent)],
            }
            for change in plan.changes
        ],
        "commands": [{"argv": list(one.argv), "undo": list(one.undo)} for one in plan.commands],
        "actions": [
            {"service": one.service, "verb": one.verb, "argv": list(one.argv), "back": list(one.back)}
            for one in plan.actions
        ],
    }


def _missing(folder: Path) -> list[Path]:
    return [one for one in (folder, *folder.parents) if not one.exists()][::-1]


def _write(entry: Entry, index: int, change: Change) -> None:
    entry.note("writing", file=index)
    if change.data is None:
        files.remove(change.path)
    else:
        files.make_folders(change.path.parent)
        files.write(change.path, change.found, change.data, temporary(change.path, entry.number))
    entry.note("wrote", file=index)


def temporary(path: Path, number: int) -> str:
    """Return the name beside a file under which a fix writes it first."""
    return f".{path.name}.kdoctor-{number}"


def run(argv: Sequence[str]) -> None:
    """Run a program to its end; it gets no input.

    Raises:
        FixError: it is not there, takes too long, or fails; the text has its last words.
    """
    line = _line(argv)
    with tempfile.TemporaryFile() as words:  # no pipe: a daemon that it starts would hold it open
        status = _status(argv, line, words)
        words.seek(max(words.tell() - _TAIL, 0))
        said = words.read().decode("utf-8", "replace").strip().splitlines()
    if status:
        last = f": {said[-1][:300]}" if said else ""
        raise FixError(f"`{line}` failed with status {status}{last}")


def _status(argv: Sequence[str], line: str, words: IO[bytes]) -> int:
    try:
        done = subprocess.run(  # noqa: S603  (an argument vector of a recipe, shown and agreed to)
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise FixError(f"{argv[0]} is not installed, or not on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise FixError(f"`{line}` did not end within {COMMAND_SECONDS:g} seconds") from error
    except OSError as error:
        raise FixError(f"`{line}` cannot be run: {error.strerror}") from error
    return done.returncode


def _line(argv: Sequence[str]) -> str:
    import shlex

    return shlex.join(argv)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{(error.strerror or str(error)).lower()}"
    return str(error)


def digest(data: bytes | None) -> str | None:
    """Return the SHA-256 of a file's bytes, None for no file."""
    return None if data is None else hashlib.sha256(data).hexdigest()


def _take_back(entry: Entry, store: Store, tell: Tell) -> None:
    """Undo what was done of a fix that failed midway."""
    from kdoctor.fixes.undoing import restore

    tell("it failed; taking back what was done")
    restore(entry, store, tell)


def found_before(record: Mapping[str, Any], data: bytes | None) -> Found:
    """Return a file of a journal as it was before the fix."""
    return Found(data, int(record["mode"]), int(record["uid"]), int(record["gid"]))
