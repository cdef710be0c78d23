"""Where a checkout keeps its compiled rules: a convenience that may be missing, damaged or vanish at any time."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

_KEPT = 8
"""Compiled states that stay: other checkouts and other versions use the same folder."""

_FILES = ("index.json", "details.json")


def place(sources: Sequence[Path], version: str) -> Path | None:
    """Return the folder for the compiled form of `sources` as they are now; None where nothing should be kept.

    Another user's folder (sudo keeps HOME) is neither read nor written.
    """
    base = _base()
    if base is None or not _is_ours(base):
        return None
    return base / "kdoctor" / _state(sources, version)


def keep(target: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder that then becomes `target`, whole or not at all; what fails is of no matter."""
    import tempfile  # rarely needed: it costs more than reading what was kept

    with contextlib.suppress(OSError):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old(target.parent)
        with tempfile.TemporaryDirectory(dir=target.parent, ignore_cleanup_errors=True) as temporary:
            fresh = Path(temporary) / "fresh"
            write(fresh)
            _forget(target)  # read_compiled found it damaged
            fresh.rename(target)


def _base() -> Path | None:
    """Return the user's cache folder (XDG base directories: a relative path is to be ignored)."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        value = os.environ.get(variable)
        if value and os.path.isabs(value):
            return Path(value)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # no HOME, and no entry in passwd
        return None


def _is_ours(base: Path) -> bool:
    if not hasattr(os, "geteuid"):
        return True
    for folder in (base / "kdoctor", base, *base.parents):
        try:
            return folder.stat().st_uid == os.geteuid()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return False


def _state(sources: Sequence[Path], version: str) -> str:
    seen = hashlib.sha256(version.encode())
    for source in sources:
        seen.update(f"\n{source} {source.absolute()}".encode(errors="surrogateescape"))
        for base, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith((".yaml", ".yml")):
                    with contextlib.suppress(FileNotFoundError):  # an editor replaces it just now
                        found = os.stat(os.path.join(base, name))
                        told = f"\n{base}/{name} {found.st_mtime_ns} {found.st_size}"
                        seen.update(told.encode(errors="surrogateescape"))
    return "rules-" + seen.hexdigest()[:24]


def _forget_old(folder: Path) -> None:
    """Remove the oldest compiled states; only what this module wrote."""
    states = sorted(folder.glob("rules-*"), key=lambda state: state.stat().st_mtime, reverse=True)
    for old in states[_KEPT - 1 :]:
        _forget(old)


def _forget(state: Path) -> None:
    for name in _FILES:
        with contextlib.suppress(OSError):
            (state / name).unlink()
    with contextlib.suppress(OSError):
        state.rmdir()
