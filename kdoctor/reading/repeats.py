"""Lines that a log repeats: read a few times, then counted.

A pod that crashes for a week writes the same line a hundred thousand times, its numbers apart. Once the
like of a line has been read `_READ` times with one outcome, it is counted and not read again. A number
that a rule may ask for (a status, a port, 127 or x509) is no variable part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdoctor.reading.records import ZEROS, Beginnings

_READ = 4
_MOST = 20_000
_LONGEST = 4096
_VARIABLE = re.compile(rb"(?<![A-Za-z0-9])([A-Za-z]*[0-9][A-Za-z0-9]*)")
_STAMP = re.compile(
    rb"(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S{1,64} \S{1,64}\[\d{1,8}\]: |\d{4}-\d\d-\d\d[T ][\d:.,]{8,18}\S{0,6} )?"
    rb"(?:[IWEF]\d{4} [\d:.]{8,16} {1,7}\d{1,8} (?=\S{1,64}\] )|time=\"[\dTZ:.+-]{16,40}\" )?"
)
"""What journald, klog and logrus put before a message: the digits in it tell nothing."""

_STATUSES = frozenset(b"%d" % number for number in range(100, 600))
_DIGITS = frozenset(b"%d" % number for number in range(10))
_NETWORKS = (b"10", b"127", b"169", b"172", b"192")
_NAMED = (b"-", b"_", b".", b"/", b",")
"""Before a number: it belongs to a name, an address or a fraction."""

_INSIDE = (b":", b".", b"-")
"""After a number and before another: it belongs to a time, a fraction or a date."""


Outcome = tuple[str, ...]
"""The ids of the rules that a line hits; none where it only looked like it."""


@dataclass(frozen=True, slots=True)
class Again:
    """A line (its number in the source, 1-based) that is like others whose outcome is known."""

    line: int
    outcome: Outcome
    text: bytes


@dataclass(frozen=True, slots=True)
class Telling:
    """What with digits a rule may ask for: words of two signs and more, and what stands before a single digit.

    In lower case.
    """

    words: frozenset[bytes] = frozenset()
    before: tuple[bytes, ...] = ()


class Likes:
    """Tells which texts differ in nothing that a rule may ask for: in numbers alone, each as long as its like."""

    def __init__(self, telling: Telling | None = None) -> None:
        self._before = telling.before if telling else ()
        self._words = (telling.words if telling else frozenset()) | _STATUSES | _DIGITS
        self._codes = {len(word) for word in self._words if word.startswith(b"0x")}

    def key(self, text: bytes) -> tuple[bytes, tuple[tuple[int, bytes], ...]]:
        """Return what is equal for texts alike: the text with zeros for digits, and which numbers may matter where."""
        parts = _VARIABLE.split(text)
        return text.translate(ZEROS), tuple([(i, parts[i]) for i in self._told(parts)])

    def mark(self, text: bytes) -> bytes:
        """Return the text without its variable parts."""
        parts = _VARIABLE.split(text)
        for i in self._told(parts):
            parts[i - 1] += parts[i]
        return b"0".join(parts[::2])

    def _told(self, parts: list[bytes]) -> list[int]:
        """Return the places of the words in a split text that a rule may ask for: no part of a time or a name."""
        return [i for i in range(1, len(parts), 2) if self._asked(parts[i].lower()) and self._tells(parts, i)]

    def _asked(self, word: bytes) -> bool:
        """Tell whether a rule may ask for a word; of a code (0x80070005) patterns may have the beginning alone."""
        return word in self._words or (word[:2] == b"0x" and any(word[:size] in self._words for size in self._codes))

    def _tells(self, parts: list[bytes], i: int) -> bool:
        word, before, after = parts[i], parts[i - 1], parts[i + 1]
        if not word.isdigit():
            return True
        if before == b"." or (after == b"." and parts[i + 3 : i + 4] == [b"."]):
            return _tells_of_address(parts, i)
        if len(word) == 1:
            return before.lower().endswith(self._before) or (word == b"0" and after[:1] == b"/")  # none of how many
        if before.endswith(b":"):
            return len(before) > 1 or parts[max(i - 3, 0)] == b"."
        return after not in _INSIDE and not before.endswith(_NAMED)


class Repeats:
    """What the likes of a line came to; at most `most` kinds are held."""

    def __init__(self, most: int = _MOST, telling: Telling | None = None) -> None:
        self._most = most
        self._likes = Likes(telling)
        self._lines = Beginnings()
        self._seen: dict[bytes, tuple[Outcome, int]] = {}
        self._marks: dict[bytes, bytes] = {}

    def of(self, data: bytes, start: int, stop: int) -> tuple[bytes, Outcome | None]:
        """Return a line without its variable parts, and the outcome of its likes where that is settled.

        Only a line that is a record of its own has likes; others have an empty mark.
        """
        line = data[start:stop]
        if len(line) > _LONGEST or not (self._lines.begins(data, start) and self._lines.begins(data, stop + 1)):
            return b"", None
        mark = self._held_mark(line)
        outcome, times = self._seen.get(mark, ((), 0))
        return mark, outcome if times >= _READ else None

    def _held_mark(self, line: bytes) -> bytes:
        """Return the mark of a line; much of a log is the same message at other times."""
        stamp = _STAMP.match(line)
        after = stamp.end() if stamp else 0
        key = line[:after].translate(ZEROS) + line[after:]
        mark = self._marks.get(key)
        if mark is None:
            if len(self._marks) >= self._most:
                self._marks.clear()
            mark = self._marks[key] = self._likes.mark(line)
        return mark

    def learn(self, mark: bytes, outcome: Outcome) -> None:
        """Note what a line came to."""
        if not mark:
            return
        held, times = self._seen.get(mark, (outcome, 0))
        if times < _READ and len(self._seen) < self._most:
            self._seen[mark] = (outcome, times + 1 if held == outcome else 1)


def _tells_of_address(parts: list[bytes], i: int) -> bool:
    """Tell whether a number says which network an address is of, or which of the few hosts that have a role."""
    first = i
    while first > 1 and parts[first - 1] == b".":
        first -= 2
    if parts[first + 1 : first + 6 : 2] != [b".", b".", b"."] or parts[first] not in _NETWORKS:
        return False
    place = (i - first) // 2
    if place == 3:
        return parts[i] in (b"1", b"10")
    return place < 2 or parts[first] != b"10" or parts[i] == b"0"
