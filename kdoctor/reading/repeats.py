"""Lines that a log repeats: read a few times, then counted.

A pod that crashes for a week writes the same line a hundred thousand times, its numbers apart. Once the
like of a line has been read `_READ` times with one outcome, it is counted and not read again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdoctor.reading.records import Beginnings

_READ = 4
_MOST = 20_000
_LONGEST = 4096
_VARIABLE = re.compile(rb"[A-Za-z0-9]*[0-9][A-Za-z0-9]*")

Outcome = tuple[str, ...]
"""The ids of the rules that a line hits; none where it only looked like it."""


@dataclass(frozen=True, slots=True)
class Again:
    """A line (its number in the source, 1-based) that is like others whose outcome is known."""

    line: int
    outcome: Outcome
    text: bytes


class Repeats:
    """What the likes of a line came to; at most `most` kinds are held."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lines = Beginnings()
        self._seen: dict[bytes, tuple[Outcome, int]] = {}

    def of(self, data: bytes, start: int, stop: int) -> tuple[bytes, Outcome | None]:
        """Return a line without its variable parts, and the outcome of its likes where that is settled.

        Only a line that is a record of its own has likes; others have an empty mark.
        """
        line = data[start:stop]
        if len(line) > _LONGEST or not (self._lines.begins(data, start) and self._lines.begins(data, stop + 1)):
            return b"", None
        mark = _VARIABLE.sub(b"0", line)
        outcome, times = self._seen.get(mark, ((), 0))
        return mark, outcome if times >= _READ else None

    def learn(self, mark: bytes, outcome: Outcome) -> None:
        """Note what a line came to."""
        if not mark:
            return
        held, times = self._seen.get(mark, (outcome, 0))
        if times < _READ and len(self._seen) < self._most:
            self._seen[mark] = (outcome, times + 1 if held == outcome else 1)
