"""The scan of long texts: where in raw bytes does a word of the rules stand?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kdoctor.rules.book import Book

_SHORTEST = 3


def scanner(book: Book) -> Callable[[bytes], Sequence[int]]:
    """Return the scan for a book's words: Hyperscan's literals, or `bytes.find` where it does not load."""
    words = sorted({word for literal in book.literals for word in [_scannable(literal)] if len(word) >= _SHORTEST})
    try:
        return _with_hyperscan(words)
    except ImportError:  # a CPU or platform without it
        return _with_find(words)


def _scannable(literal: str) -> bytes:
    """Return the longest part that stands in raw text as it does in cleaned text: escapes come before quotes."""
    parts = literal.replace("'", '"').replace("\\\\", '"').split('"')
    return max(parts, key=len).strip().encode()


def _with_hyperscan(words: Sequence[bytes]) -> Callable[[bytes], Sequence[int]]:
    import hyperscan

    database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS
    database.compile(
        expressions=list(words), ids=list(range(len(words))), elements=len(words), flags=flags, literal=True
    )

    def scan(block: bytes) -> Sequence[int]:
        found: list[int] = []
        database.scan(block, match_event_handler=lambda _id, _start, end, _flags, _context: found.append(end - 1))
        return found

    return scan


def _with_find(words: Sequence[bytes]) -> Callable[[bytes], Sequence[int]]:
    def scan(block: bytes) -> Sequence[int]:
        lower = block.lower()
        found = []
        for word in words:
            at = lower.find(word)
            while at >= 0:
                found.append(at)
                at = lower.find(word, at + len(word))
        return sorted(found)

    return scan
