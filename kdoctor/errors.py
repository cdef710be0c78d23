"""The errors that kdoctor itself can meet, and the exit status that each one means.

KdoctorError              4  kdoctor failed
├── UsageError            2  the command line, an id, an input
│   └── RuleError         2  a rule, recipe or translation file is wrong
└── SourceError           3  what was to be explained could not be read
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KdoctorError(Exception):
    """The root of the tree; its text is one or two lines for the person."""

    exit_status = 4


class UsageError(KdoctorError):
    """The command line names something that is not there or cannot be read."""

    exit_status = 2


class RuleError(UsageError):
    """A rule, recipe or translation is wrong; the text says file, line and the nearest right name."""


class SourceError(KdoctorError):
    """The source of the text (a pod, a log) could not be read."""

    exit_status = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "x"?` for the known word nearest to `word`, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{near[0]}"?' if near else ""
