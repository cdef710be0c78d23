"""Records: a log line or event, or a message with its continuation lines. The unit of matching."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from kdoctor.reading.clean import Line, broken, lowered, unwrap

_OTHERS = r"(?:psql|pg_\w{2,12}|mysql\w{0,6}|redis-cli|mongosh?|npm|yarn):\s"
"""How other programs' errors begin."""

START = re.compile(
    r"\s{0,12}(?:"
    + _OTHERS
    + r"""
    | [IWEF]\d{4}\s\d\d:\d\d:\d\d                                   # klog
    | \[?\d{4}[-/]\d\d[-/]\d\d[T\s_]\d\d:\d\d                       # ISO 8601
    | (?:[A-Z][a-z]{2}\s{1,2}\d{1,2}|\d{1,2}\s[A-Z][a-z]{2})\s\d\d:\d\d:\d\d   # syslog, journald
    | (?:time|level|ts|msg)=
    | \{"[a-zA-Z@_]+":                                              # JSON lines
    | (?:Warning|Normal)\s{1,12}[A-Z][A-Za-z]+\s                    # events
    | (?:\S+\s+){0,2}(?:Warning|Normal)\s{1,12}[A-Z][A-Za-z]+\s
    | \[(?:ERROR|WARNING|preflight|FATAL)\b                         # kubeadm, CoreDNS
    | (?:\S{0,80}[@:~]\S{0,80}|sh-[\d.]+|bash-[\d.]+)?[$\#%]\s      # a shell's prompt
    | PS\s[A-Z]?[:\\]?[^>]{0,120}>\s | [A-Z]:\\[^>]{0,120}>\S
    )""",
    re.VERBOSE,
)
ZEROS = bytes.maketrans(b"123456789", b"000000000")
"""Takes digits for alike."""

_HEAD = 20
_MOST_HEADS = 10_000
# A line that a console broke goes on in the next, unless that one begins with a date or another program's name.
_DATED = re.compile(
    r"[IWEF]\d{4} \d\d:\d\d:\d\d|\d{4}[-/]\d\d[-/]\d\d[T\s_]\d\d:\d\d|[A-Z][a-z]{2}\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d"
    rf"|{_OTHERS}"
)
_MOST_LINES = 60
_MOST_CHARACTERS = 16_384
_MANY_LINES, _TIMES = 12, 2
"""Lines of a record from which on one line is read so many times at most: a pattern may span it and the next."""

_LONG = 8192
_PIECE, _OVERLAP = 4096, 1536
"""A line without end is read in pieces; what is said at a border is whole in one of them."""

_ALIKE = 64
"""Characters that begin two pieces of a line which repeats itself."""


@dataclass(frozen=True)
class Record:
    """Lines that belong together; `text` has them as they are, `unwrapped` without console breaks.

    Where a few lines come again and again, `again` has the numbers of those that are left out, by that of the first.
    """

    lines: tuple[Line, ...]
    again: Mapping[int, list[int]] = field(default_factory=dict)

    def with_again(self, numbers: Iterable[int]) -> list[int]:
        """Return numbers of lines with those of the same lines that are left out, in their order."""
        mine = dict.fromkeys(numbers)
        return sorted({*mine, *(other for number in mine for other in self.again.get(number, ()))})

    def holds_any(self, numbers: frozenset[int]) -> bool:
        """Tell whether one of some numbers is that of a line, be it left out."""
        return any(line.number in numbers for line in self.lines) or any(
            not numbers.isdisjoint(others) for others in self.again.values()
        )

    @cached_property
    def text(self) -> str:
        """The lines as they are."""
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """The comments' signs that stood before the lines, nothing where no line had one."""
        marks = tuple([line.mark for line in self.lines])
        return marks if any(marks) else ()

    @cached_property
    def unwrapped(self) -> str | None:
        """The lines without a console's breaks, None where there are none."""
        return unwrap(list(self.lines))

    @cached_property
    def is_broken(self) -> bool:
        """Whether a console certainly broke lines: what ends there goes on in the next."""
        return bool(broken(list(self.lines), certain=True))

    @cached_property
    def lower(self) -> str:
        """`text` in lower case, each character at its place."""
        return lowered(self.text)

    @cached_property
    def unwrapped_lower(self) -> str | None:
        """`unwrapped` in lower case, each character at its place."""
        return None if self.unwrapped is None else lowered(self.unwrapped)

    @cached_property
    def flat(self) -> str:
        """The words in lower case with single blanks, in both readings: where literals are looked for."""
        both = self.lower if self.unwrapped is None else f"{self.lower}\n{self.unwrapped_lower}"
        return " ".join(both.split())

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [], 0
        for line in self.lines:
            starts.append(at)
            at += len(line.text) + 1
        return starts

    def place(self, offset: int, reading: str) -> int:
        """Return the offset in `text` of what stands at `offset` of a reading: `text` itself or `unwrapped`."""
        if reading == self.text:
            return offset
        at = 0
        for line, start in zip(self.lines, self._starts, strict=True):
            if offset < at + len(line.text):
                return start + max(0, offset - at)
            at += len(line.text)
            at += reading.startswith("\n", at) or (line.blank and reading.startswith(" ", at))
        return len(self.text)

    def line_at(self, offset: int) -> Line:
        """Return the line that holds the character at `offset` of `text`."""
        return self.lines[self._index(offset)]

    def first_of(self, offset: int) -> tuple[Line, Line]:
        """Return the line at `offset`, and the first of those that escaped line breaks made of the same one."""
        i = first = self._index(offset)
        while first and self.lines[first - 1].number == self.lines[i].number:
            first -= 1
        return self.lines[i], self.lines[first]

    def _index(self, offset: int) -> int:
        return max(0, bisect.bisect_right(self._starts, offset) - 1)


def records(lines: list[Line]) -> Iterator[Record]:
    """Split cleaned lines into records of bounded size."""
    held: list[Line] = []
    for line in lines:
        if len(line.text) <= _LONG:
            held.append(line)
            continue
        yield from _records(held)
        held = []
        yield from (Record((piece,)) for piece in _pieces(line))
    yield from _records(held)


def _pieces(line: Line) -> Iterator[Line]:
    """Yield a long line in pieces that overlap, each beginning where there is a border near.

    Where the line repeats itself, that is where the piece before it began: pieces alike are read once. Else it
    is after a blank.
    """
    at, text = 0, line.text
    while True:
        yield Line(line.number, text[at : at + _PIECE])
        if at + _PIECE >= len(text):
            return
        wanted = at + _PIECE - _OVERLAP
        again = text.find(text[at : at + _ALIKE], wanted, wanted + _OVERLAP // 3 + _ALIKE)
        blank = text.find(" ", wanted, wanted + _OVERLAP // 3)
        at = again if again >= 0 else wanted if blank < 0 else blank + 1


def _records(lines: list[Line]) -> Iterator[Record]:
    held: list[Line] = []
    size = 0
    cut = broken(lines, certain=True)
    for i, line in enumerate(lines):
        full = len(held) >= _MOST_LINES or size > _MOST_CHARACTERS
        if held and (full or (_DATED if i - 1 in cut else START).match(line.text)):
            yield _record(held)
            held, size = [], 0
        held.append(line)
        size += len(line.text)
    if held:
        yield _record(held)


def _record(lines: list[Line]) -> Record:
    """Return lines as a record; of many among which the same come again and again, the first two of each."""
    if len(lines) < _MANY_LINES:
        return Record(tuple(lines))
    same: dict[tuple[str, str], list[Line]] = {}
    kept = []
    for line in lines:
        alike = same.setdefault((line.text, line.mark), [])
        if len(alike) < _TIMES:
            kept.append(line)
        alike.append(line)
    if len(kept) * 2 > len(lines):
        return Record(tuple(lines))
    again = {a[0].number: [line.number for line in a[_TIMES:]] for a in same.values() if len(a) > _TIMES}
    return Record(tuple(kept), again)


class Beginnings:
    """Tells which raw lines begin a record; lines that begin alike, their digits apart, are tried once."""

    def __init__(self) -> None:
        self._known: dict[bytes, bool] = {}

    def begins(self, data: bytes, at: int) -> bool:
        """Tell whether the line that begins at an offset begins a record; the end of the data does."""
        head = data[at : at + _HEAD].translate(ZEROS)
        known = self._known.get(head)
        if known is None:
            line = data[at : at + 200].partition(b"\n")[0].decode("ascii", "replace")
            known = at >= len(data) or START.match(line) is not None
            if len(self._known) < _MOST_HEADS:
                self._known[head] = known
        return known
