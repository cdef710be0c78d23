"""Texts of any length in bounded memory: words nominate places, the window around each is read.

Blocks of the raw bytes are scanned for the rules' words (Hyperscan, literals only); the lines around
each hit go, cleaned, through the same matcher as a short text. Line numbers count from the beginning
of the source. Hits in the last lines of a block wait for the lines after them.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from kdoctor.reading.clean import encoding_of

if TYPE_CHECKING:
    from kdoctor.reading.repeats import Again, Repeats

BLOCK = 4 * 1024 * 1024
AROUND = 8
"""Lines before and after a hit that are read with it: facts stand on neighbouring lines."""

_LONGEST_LINE = 64 * 1024
_SIDE = 32 * 1024
"""Bytes before and after a hit that are read with it at most."""

_SIDE_OF_LONG = 7 * 1024
"""The same where the hit's own line is longer; both sides together are less than the longest record."""

_WIDEST = 64 * 1024
"""Bytes up to which windows that touch are joined."""

Scan = Callable[[bytes], Sequence[int]]
"""From a block to the offsets at which a word stands, ascending."""


@dataclass(frozen=True, slots=True)
class Window:
    """Lines around hits; `first` is the number (1-based) of the first of them in the source.

    `before` is what stands before it, as far as was asked for. `hits` are the numbers of the nominated
    lines with what they have in common with others of their kind (see repeats.py).
    """

    first: int
    text: str
    before: str = ""
    hits: tuple[tuple[int, bytes], ...] = ()


def blocks(head: bytes, rest: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """Yield head and rest in blocks that end at the end of a line, where lines are not endless.

    UTF-16 and UTF-32 (PowerShell writes them) are turned into UTF-8; NUL bytes are left out: where a
    log was cut while its writer had it open (logrotate's copytruncate), it begins with a hole of them.
    """
    held = b""
    for fresh in _utf8(head, rest, size):
        data = held + fresh
        end = data.rfind(b"\n") + 1
        if not end and len(data) < size + _LONGEST_LINE:
            held = data
            continue
        end = end or len(data)
        yield data[:end]
        held = data[end:]
    if held:
        yield held


def _utf8(head: bytes, rest: BinaryIO, size: int) -> Iterator[bytes]:
    encoding = encoding_of(head)
    decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("replace")
    while head:
        data = decoder.decode(head).encode() if decoder else head
        yield data.replace(b"\0", b"") if b"\0" in data else data
        head = rest.read(size)


def windows(source: Iterable[bytes], scan: Scan, repeats: Repeats | None = None, back: int = 0) -> Iterator[Window]:
    """Yield the windows around the hits of a scan; `back` is how many bytes before each come along."""
    from kdoctor.reading.repeats import Repeats

    found = Windows(scan, repeats or Repeats(most=0), back)
    for block in source:
        yield from found.feed(block)
    yield from found.feed(b"", last=True)


class Windows:
    """The windows of a text that comes in blocks of whole lines."""

    def __init__(self, scan: Scan, repeats: Repeats, back: int = 0) -> None:
        self._scan, self._back = scan, back
        self.repeats = repeats
        self._tail = b""
        self._first = 1
        self._open = 0
        """Offset in the tail from which on hits have not been taken."""
        self.again: list[Again] = []
        """Lines that were counted instead of read since this was last emptied."""

    def feed(self, block: bytes, *, last: bool = False) -> Iterator[Window]:
        """Yield the windows of what came; with `last` hits do not wait for the lines after them.

        More may follow after `last`: then the same hits may come again.
        """
        data = self._tail + block
        until = _last_lines(data, AROUND)
        taken = len(data) if last else until
        hits = [at for at in self._scan(data) if self._open <= at < taken]
        first = self._first
        keep = max(0, _last_lines(data, 2 * AROUND) - self._back)
        self._tail, self._open = data[keep:], max(until - keep, 0)
        self._first = first + data.count(b"\n", 0, keep)
        if hits:
            yield from self._around(data, hits, first)

    def _around(self, data: bytes, hits: Sequence[int], line: int) -> Iterator[Window]:
        from kdoctor.reading.repeats import Again  # only long texts need it

        begin = end = -1
        marks: list[tuple[int, bytes]] = []
        first = line
        start, covered = 0, -1
        for hit in hits:
            if hit < covered:
                continue
            before, start = start, data.rfind(b"\n", 0, hit) + 1
            line += data.count(b"\n", before, start)
            stop = data.find(b"\n", hit)
            stop = len(data) if stop < 0 else stop
            mark, known = self.repeats.of(data, start, stop)
            if known is not None:
                self.again.append(Again(line, known, data[start:stop]))
                covered = stop
                continue
            low, high = _back(data, hit, start), _forward(data, hit)
            covered = stop if stop <= high else hit + _SIDE_OF_LONG // 2
            if begin >= 0 and low <= end and high - begin <= _WIDEST:
                end = max(end, high)
            else:
                if begin >= 0:
                    yield self._window(data, begin, end, first, marks)
                begin, end, marks = low, high, []
                first = line - data.count(b"\n", low, start)
            marks.append((line, mark))
        if begin >= 0:
            yield self._window(data, begin, end, first, marks)

    def _window(self, data: bytes, begin: int, end: int, first: int, marks: list[tuple[int, bytes]]) -> Window:
        before = data[max(0, begin - self._back) : begin].decode("utf-8", "replace") if self._back else ""
        return Window(first, data[begin:end].decode("utf-8", "replace"), before, tuple(marks))


def _last_lines(data: bytes, count: int) -> int:
    """Return the offset at which the last `count` lines of the data begin; not further back than lines are long."""
    at = len(data)
    if data.endswith(b"\n"):
        at -= 1
    for _ in range(count):
        at = data.rfind(b"\n", 0, at)
        if at < 0 or len(data) - at > _LONGEST_LINE:
            return max(0, len(data) - _LONGEST_LINE) if at >= 0 or len(data) > _LONGEST_LINE else 0
    return at + 1


def _back(data: bytes, hit: int, start: int) -> int:
    """Return where a hit's window begins: some lines before it, or some bytes in a long line."""
    if hit - start > _SIDE_OF_LONG:
        return hit - _SIDE_OF_LONG
    low = max(0, hit - _SIDE)
    at = start - 1
    for _ in range(AROUND):
        if at <= low:
            break
        at = data.rfind(b"\n", low, at)
        if at < 0:
            return low or 0
    return max(at + 1, 0)


def _forward(data: bytes, hit: int) -> int:
    """Return where a hit's window ends."""
    high = min(len(data), hit + _SIDE)
    at = data.find(b"\n", hit, high)
    if at < 0 or at - hit > _SIDE_OF_LONG:
        return min(len(data), hit + _SIDE_OF_LONG)
    for _ in range(AROUND):
        more = data.find(b"\n", at + 1, high)
        if more < 0:
            return high if high == len(data) else at + 1
        at = more
    return at + 1
