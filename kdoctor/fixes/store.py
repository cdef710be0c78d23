"""What fixes did: one folder a fix with a journal and the files as they were, private, under a lock.

    /var/lib/kdoctor/0003/journal   one JSON object a line, each flushed before the change that it announces
    /var/lib/kdoctor/0003/0.before  the first file, byte for byte

root's fixes are there, those of other users in $XDG_STATE_HOME/kdoctor. Format 1; unknown keys are passed over.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdoctor.fixes.errors import FixError
from kdoctor.fixes.files import flush_folder
from kdoctor.machine import Machine

FORMAT = 1
_JOURNAL, _LOCK = "journal", "lock"


@dataclass(slots=True)
class Entry:
    """One fix: its number and events, the oldest first. `begin` is the first of them: what was meant to be done."""

    number: int
    folder: Path
    events: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def begin(self) -> Mapping[str, Any]:
        """The plan as it was begun."""
        return self.events[0]

    def has(self, event: str) -> bool:
        """Tell whether the event was noted."""
        return any(one.get("event") == event for one in self.events)

    def last(self, event: str) -> Mapping[str, Any] | None:
        """Return the last event of the name."""
        return next((one for one in reversed(self.events) if one.get("event") == event), None)

    @property
    def state(self) -> str:
        """applied, undone, or interrupted: neither was noted."""
        if self.has("undone"):
            return "undone"
        return "applied" if self.has("applied") and not self.has("undoing") else "interrupted"

    def note(self, event: str, **values: Any) -> None:
        """Add an event to the journal, flushed to the disk before this returns.

        Raises:
            FixError: the journal cannot be written.
        """
        record = {"event": event, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **values}
        try:
            _append(self.folder / _JOURNAL, record)
        except OSError as error:
            raise FixError(
                f"{self.folder / _JOURNAL}: cannot be written: {error.strerror}; nothing more was done"
            ) from error
        self.events.append(record)

    def before(self, index: int) -> bytes:
        """Return a file as it was before the fix."""
        return (self.folder / f"{index}.before").read_bytes()


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of all fixes of this user on this machine."""

    root: Path

    @classmethod
    def of(cls, machine: Machine) -> Store:
        """Return the store of the machine's present user."""
        if machine.os == "windows":
            base = machine.env.get("LOCALAPPDATA") or f"{machine.home}/AppData/Local"
            return cls(machine.path(f"{base}/kdoctor/state"))
        if machine.uid == 0:
            return cls(machine.path("/var/lib/kdoctor"))
        base = machine.env.get("XDG_STATE_HOME") or ""
        return cls(machine.path(f"{base if base.startswith('/') else f'{machine.home}/.local/state'}/kdoctor"))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock: one fix or undo at a time.

        Raises:
            FixError: another one holds it, or the folder is not this user's alone.
        """
        self._make()
        descriptor = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            if not _lock(descriptor):
                raise FixError(f"another kdoctor is at work here (it holds {self.root / _LOCK}); wait for it to end")
            yield
        finally:
            os.close(descriptor)

    def _make(self) -> None:
        try:
            if not self.root.exists():
                self.root.mkdir(mode=0o700, parents=True)
                flush_folder(self.root.parent)
            info = self.root.lstat()
        except OSError as error:
            raise FixError(f"{self.root}: cannot be made: {error.strerror}; nothing was changed") from error
        if not stat.S_ISDIR(info.st_mode):
            raise FixError(f"{self.root} is no folder; backups cannot be kept there, nothing was changed")
        if sys.platform != "win32":
            if info.st_uid != os.geteuid():
                raise FixError(f"{self.root} belongs to another user; backups cannot be kept there")
            if stat.S_IMODE(info.st_mode) & 0o077:
                os.chmod(self.root, 0o700)

    def entries(self) -> list[Entry]:
        """Return every fix that was begun, the oldest first.

        Raises:
            FixError: the folder may not be read.
        """
        try:
            names = sorted(os.listdir(self.root))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FixError(f"{self.root}: cannot be read: {error.strerror}") from error
        found = []
        for name in names:
            events = _events(self.root / name / _JOURNAL) if name.isdigit() else []
            if events and events[0].get("event") == "begin":
                found.append(Entry(int(name), self.root / name, events))
        return sorted(found, key=lambda entry: entry.number)

    def begin(self, plan: Mapping[str, Any], befores: Sequence[bytes | None]) -> Entry:
        """Make a new entry with the files as they are, all of it on the disk before this returns.

        Raises:
            FixError: there is no room, or no right; nothing was changed.
        """
        number = max((int(name) for name in os.listdir(self.root) if name.isdigit()), default=0) + 1
        fresh, folder = self.root / f".new-{number:04}", self.root / f"{number:04}"
        entry = Entry(number, folder)
        try:
            _clear(fresh)
            fresh.mkdir(mode=0o700)
            for index, data in enumerate(befores):
                if data is not None:
                    _new(fresh / f"{index}.before", data)
            record = {"event": "begin", "format": FORMAT, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            record |= dict(plan)
            _append(fresh / _JOURNAL, record)
            flush_folder(fresh)
            fresh.rename(folder)
            flush_folder(self.root)
        except OSError as error:
            with contextlib.suppress(OSError):
                _clear(fresh)
            raise FixError(
                f"{self.root}: the backup cannot be written: {error.strerror}; nothing was changed"
            ) from error
        entry.events.append(record)
        return entry


def _clear(folder: Path) -> None:
    """Remove what an attempt that was cut off has left."""
    if folder.is_dir():
        for name in os.listdir(folder):
            (folder / name).unlink()
        folder.rmdir()


def _new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _append(path: Path, record: Mapping[str, Any]) -> None:
    """Write one line and flush it; a line that was cut off by a crash is ended first."""
    line = json.dumps(record, ensure_ascii=True).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _events(journal: Path) -> list[Mapping[str, Any]]:
    try:
        lines = journal.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found: list[Mapping[str, Any]] = []
    for line in lines:
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                found.append(record)
    return found


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
