"""Where a setting stands, so that a fix edits that place and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal[
    "environment",
    "process",
    "daemon-json",
    "command-line",
    "systemd",
    "init-defaults",
    "desktop",
    "file",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Source:
    """A place: its kind, the file and line (1-based) where they are known, and a text for a person."""

    kind: SourceKind
    text: str
    file: str | None = None
    line: int | None = None
