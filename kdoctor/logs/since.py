"""`--since`: of a text only the lines that were written since a time.

A line without a time stamp belongs to the record before it; before the first stamp, and after a heading of
`minikube logs`, the time is not known, and the lines stay. Lines that are left out become empty: the
others keep their numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from kdoctor.logs.times import instant
from kdoctor.reading.stream import Window

_HEADING = re.compile(r"\s{0,4}(?:\* )?==> .{1,120} <==\s*$")
_SHOWN = "%Y-%m-%d %H:%M:%S"


class Since:
    """A time, and what was seen of one source with regard to it."""

    back = 16 * 1024
    """Bytes before a window in which the time of its first lines is looked for."""

    def __init__(self, at: float, now: datetime) -> None:
        self.at, self._now = at, now
        self._newest: float | None = None
        self._lines = 0

    def recent(self, window: Window) -> Window:
        """Return the window with its older lines empty."""
        recent, kept = True, []
        if window.before:
            recent = self._all_recent(window.before.split("\n"))
        lines = window.text.split("\n")
        gone: set[int] = set()
        for number, line in enumerate(lines, window.first):
            recent = self._still(line, recent)
            kept.append(line if recent else "")
            if not recent:
                gone.add(number)
        return replace(window, text="\n".join(kept), hits=tuple(hit for hit in window.hits if hit[0] not in gone))

    def is_recent(self, line: str) -> bool:
        """Tell whether a line with a time stamp of its own is recent."""
        return self._still(line, True)

    def see(self, end: str) -> None:
        """Note the times of a source's last lines."""
        self._all_recent(end.split("\n"))

    def notice(self, name: str) -> str | None:
        """Return what is to be said of the source whose windows came, and begin the next."""
        newest, lines = self._newest, self._lines
        self._newest, self._lines = None, 0
        if not lines:
            return None
        if newest is None:
            return f"no line of {name} has a time stamp: --since left nothing out"
        if newest < self.at:
            last, at = (datetime.fromtimestamp(one).strftime(_SHOWN) for one in (newest, self.at))  # noqa: DTZ006  # local time is meant
            return f"nothing in {name} is newer than {at}: its last time stamp is {last}"
        return None

    def _all_recent(self, lines: list[str]) -> bool:
        recent = True
        for line in lines:
            recent = self._still(line, recent)
        return recent

    def _still(self, line: str, recent: bool) -> bool:
        if not line.strip():
            return recent
        self._lines += 1
        if _HEADING.match(line):
            return True
        at = instant(line[:4096], self._now)
        if at is None:
            return recent
        self._newest = at if self._newest is None else max(self._newest, at)
        return at >= self.at
