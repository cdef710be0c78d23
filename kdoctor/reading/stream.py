"""Texts of any length in bounded memory: words nominate places, the window around each is read.

Blocks of the raw bytes are scanned for the rules' words (Hyperscan, literals only); the lines around
each hit go, cleaned, through the same matcher as a short text. Line numbers count from the beginning
of the source.
"""

from __future__ import annotations

import bisect
import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 4 * 1024 * 1024
AROUND = 8
"""Lines before and after a hit that are read with it: facts stand on neighbouring lines."""

_LONGEST_LINE = 64 * 1024

Scan = Callable[[bytes], Sequence[int]]
"""From a block to the offsets at which a word stands, ascending."""


@dataclass(frozen=True, slots=True)
class Window:
    """Lines around hits; `first` is the number (1-based) of the first of them in the source."""

    first: int
    text: str


def blocks(head: bytes, rest: BinaryIO, size: int = BLOCK) -> Iterator[bytes]:
    """Yield head and rest in blocks that end at the end of a line, where lines are not endless.

    UTF-16 with a byte order mark (PowerShell writes it) is turned into UTF-8.
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
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    while head:
        yield decoder.decode(head).encode() if wide else head
        head = rest.read(size)


def windows(source: Iterable[bytes], scan: Scan) -> Iterator[Window]:
    """Yield the windows around the hits of a scan, those that touch joined."""
    line = 1
    tail = b""
    for block in source:
        data = tail + block
        first = line - tail.count(b"\n")
        hits = [at for at in scan(data) if at >= len(tail) or not tail]
        if hits:
            yield from _around(data, hits, first)
        line += block.count(b"\n")
        tail = _last_lines(block)


def _last_lines(block: bytes) -> bytes:
    """Return the last lines of a block, which the first hits of the next one are read with."""
    at = len(block)
    for _ in range(AROUND + 1):
        at = block.rfind(b"\n", 0, at)
        if at < 0 or len(block) - at > _LONGEST_LINE:
            return block[-_LONGEST_LINE:] if at < 0 and len(block) > _LONGEST_LINE else block[max(at, 0) :]
    return block[at + 1 :]


def _around(data: bytes, hits: Sequence[int], first: int) -> Iterator[Window]:
    starts = _line_starts(data)
    begin = end = -1
    for hit in hits:
        line = bisect.bisect_right(starts, hit) - 1
        if begin >= 0 and line - AROUND <= end:
            end = min(line + AROUND, len(starts) - 1)
            continue
        if begin >= 0:
            yield _window(data, starts, begin, end, first)
        begin, end = max(0, line - AROUND), min(line + AROUND, len(starts) - 1)
    yield _window(data, starts, begin, end, first)


def _line_starts(data: bytes) -> list[int]:
    starts, at = [0], data.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = data.find(b"\n", at + 1)
    return starts


def _window(data: bytes, starts: Sequence[int], begin: int, end: int, first: int) -> Window:
    stop = starts[end + 1] if end + 1 < len(starts) else len(data)
    return Window(first + begin, data[starts[begin] : stop].decode("utf-8", "replace"))
