"""Takes a fix back: files byte for byte, in reverse order, then the services that had read them."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdoctor.fixes import applying, files
from kdoctor.fixes.applying import Tell, digest, temporary
from kdoctor.fixes.errors import FixError
from kdoctor.fixes.store import Entry, Store


@dataclass(frozen=True, slots=True)
class Undo:
    """A file that an undo would put back: what it holds now, and what it held before the fix."""

    index: int
    shown: str
    path: Path
    now: bytes | None
    before: bytes | None
    record: Mapping[str, Any]


class ChangedError(FixError):
    """A file is neither as the fix left it nor as it was before; `diff` shows what is different now."""

    def __init__(self, text: str, diff: Sequence[str]) -> None:
        super().__init__(text)
        self.diff = tuple(diff)


def choose(store: Store, number: int | None) -> Entry:
    """Return the fix to undo: the one of that number, or the last that is not undone.

    Raises:
        FixError: there is none.
    """
    entries = store.entries()
    if number is None:
        open_ = [one for one in entries if one.state != "undone"]
        if not open_:
            raise FixError("there is no fix to undo; `kdoctor history` lists them")
        return open_[-1]
    found = next((one for one in entries if one.number == number), None)
    if found is None:
        raise FixError(f"there is no fix {number}; `kdoctor history` lists them")
    if found.state == "undone":
        raise FixError(f"the fix {number} was undone already")
    return found


def look(entry: Entry, store: Store) -> list[Undo]:
    """Return the files to put back, the last written first; those that are as before are left out.

    Raises:
        ChangedError: a file has changed since.
        FixError: a backup or file cannot be read.
    """
    out = []
    for index, record in reversed(list(enumerate(entry.begin["files"]))):
        path = Path(record["path"])
        now = _read(path, record["file"])
        if digest(now) == record["before"]:
            continue
        if digest(now) != record["after"]:
            raise _changed(entry, store, record, now)
        out.append(Undo(index, record["file"], path, now, _backup(entry, index, record), record))
    return out


def _read(path: Path, shown: str) -> bytes | None:
    return files.read(path, shown).data


def _backup(entry: Entry, index: int, record: Mapping[str, Any]) -> bytes | None:
    if record["before"] is None:
        return None
    try:
        data = entry.before(index)
    except OSError as error:
        raise FixError(f"{entry.folder}: the backup of {record['file']} cannot be read: {error.strerror}") from error
    if digest(data) != record["before"]:
        raise FixError(f"{entry.folder}: the backup of {record['file']} is damaged; nothing was changed")
    return data


def _changed(entry: Entry, store: Store, record: Mapping[str, Any], now: bytes | None) -> ChangedError:
    later = [
        one.number
        for one in store.entries()
        if one.number > entry.number
        and one.state != "undone"
        and record["file"] in {f["file"] for f in one.begin["files"]}
    ]
    hint = f"Undo the fix {later[-1]} first" if later else "Put it back by hand; the old one is in " + str(entry.folder)
    left = (now or b"").decode("utf-8", "replace").splitlines()
    index = entry.begin["files"].index(record)
    old = (_backup(entry, index, record) or b"").decode("utf-8", "replace").splitlines()
    diff = difflib.unified_diff(left, old, f"{record['file']} (now)", f"{record['file']} (before the fix)", lineterm="")
    return ChangedError(
        f"{record['file']} has changed since the fix {entry.number}; nothing was undone. {hint}", list(diff)
    )


def restore(entry: Entry, store: Store, tell: Tell) -> None:
    """Put every file back and let the services read them again; the caller holds the store's lock.

    Raises:
        ChangedError: a file has changed since; nothing was done.
        FixError: a file cannot be written, or a service does not start again.
    """
    wanted = look(entry, store)
    ran = {one["command"] for one in entry.events if one.get("event") == "running"}
    ran -= {one["command"] for one in entry.events if one.get("event") == "failed"}
    acted = entry.has("acting") or entry.has("applied")
    entry.note("undoing")
    for undo in wanted:
        tell(f"restoring {undo.shown}")
        _restore(entry, undo)
    _clean(entry)
    failed: list[str] = []
    for number in sorted(ran, reverse=True):
        back = entry.begin["commands"][number]["undo"]
        if back:
            _try(back, tell, failed)
    if acted:
        for action in entry.begin["actions"]:
            if action["back"]:
                _try(action["back"], tell, failed)
    entry.note("undone", failed=failed)
    if failed:
        raise FixError(f"the files are as before, but {failed[0]}")


def _restore(entry: Entry, undo: Undo) -> None:
    try:
        if undo.before is None:
            files.remove(undo.path)
        else:
            found = applying.found_before(undo.record, undo.before)
            held = files.read(undo.path, undo.shown)
            kept = files.Found(found.data, found.mode, found.uid, found.gid, held.attributes)
            files.write(undo.path, kept, undo.before, temporary(undo.path, entry.number))
    except OSError as error:
        raise FixError(
            f"{undo.shown}: cannot be written: {error.strerror}; the old one is in {entry.folder}"
        ) from error
    entry.note("restored", file=undo.index)


def _clean(entry: Entry) -> None:
    """Remove what a crash left beside the files, and the folders that the fix made, where nothing else is in them."""
    for record in entry.begin["files"]:
        path = Path(record["path"])
        with contextlib.suppress(OSError):
            path.with_name(temporary(path, entry.number)).unlink()
        for folder in reversed(record.get("folders", ())):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _try(argv: Sequence[str], tell: Tell, failed: list[str]) -> None:
    import shlex

    tell(f"running {shlex.join(argv)}")
    try:
        applying.run(argv)
    except FixError as error:
        failed.append(str(error))
