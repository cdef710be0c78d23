"""The scan of long texts: where in raw bytes may a rule's pattern be found?

A word of the index nominates a place; the other words that the same pattern needs must stand near it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from kdoctor.rules.book import Book
from kdoctor.rules.patterns import raw_form

_SHORTEST = 3
_NEAR = 2048
"""Bytes before and after a word in which the pattern's other words must stand."""

_COMMON = 64
"""Nominations after which a pattern is looked for itself: its words are ordinary in this text."""

_ORDINARY = 1000
"""Times a word is seen after which the patterns that it nominates are looked for themselves."""

Find = Callable[[bytes], Sequence[tuple[int, int]]]
"""From a block to (offset, number of the word), by offset."""

Needs = Sequence[Sequence[bytes]]
"""Sets of words of which each must have one near."""


def scanner(book: Book) -> Callable[[bytes], Sequence[int]]:
    """Return the scan for a book's patterns: from a block to the offsets that are worth reading."""
    return _Scanner(book).scan


class _Scanner:
    """Words nominate; a pattern whose words stand everywhere in this text is looked for itself."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._wanted: dict[bytes, list[tuple[int, Needs]]] = {}
        for literal, numbers in book.literals.items():
            word = _scannable(literal)
            if len(word) >= _SHORTEST:
                needs = [(n, need) for n in numbers for need in _needs(book, n, literal)]
                self._wanted.setdefault(word, []).extend(needs)
        self._counts: dict[int, int] = {}
        self._seen: dict[bytes, int] = {}
        self._common: set[int] = set()
        self._searched: frozenset[int] = frozenset()
        self._search: Find | None = None
        self._words: list[bytes] = []
        self._find: Find = _no_words
        self._choose_words()

    def scan(self, block: bytes) -> Sequence[int]:
        """Return the offsets in a block that are worth reading, ascending."""
        lower = block.lower()
        found = [at for at, word in self._find(block) if self._nominated(lower, at, self._words[word])]
        if self._search is not None:
            found += [at for at, _ in self._search(block)]
        self._adapt()
        return sorted(found)

    def _nominated(self, lower: bytes, at: int, word: bytes) -> bool:
        self._seen[word] = self._seen.get(word, 0) + 1
        for number, needs in self._wanted[word]:
            if number not in self._searched and _near(lower, at, needs):
                self._counts[number] = self._counts.get(number, 0) + 1
                return True
        return False

    def _adapt(self) -> None:
        """Look for patterns themselves whose words are ordinary in this text, and for these words no more."""
        self._common |= {number for number, count in self._counts.items() if count > _COMMON}
        ordinary = {word for word, count in self._seen.items() if count > _ORDINARY}
        self._common |= {number for word in ordinary for number, _ in self._wanted.get(word, ())}
        if not self._common - self._searched:
            return
        search = _with_patterns([self._book.pattern(number)[2] for number in sorted(self._common)])
        if search is None:
            self._common = set(self._searched)
            return
        self._search, self._searched = search, frozenset(self._common)
        self._choose_words()

    def _choose_words(self) -> None:
        self._words = sorted(w for w, needs in self._wanted.items() if any(n not in self._searched for n, _ in needs))
        self._find = _finder(self._words)


def _no_words(block: bytes) -> Sequence[tuple[int, int]]:
    del block
    return []


def _scannable(literal: str) -> bytes:
    """Return the longest part that stands in raw text as it does in cleaned text: escapes come before quotes."""
    parts = literal.replace("'", '"').replace("\\", '"').split('"')
    return max(parts, key=len).strip().encode()


def _needs(book: Book, number: int, literal: str) -> Iterator[Needs]:
    """Yield, for each reading that the literal nominates, the sets of words that it needs besides."""
    for reading in book.pattern(number)[3]:
        if literal not in reading[0]:
            continue
        sets = [[_scannable(word) for word in words] for words in reading[1:]]
        yield [words for words in sets if all(len(word) >= _SHORTEST for word in words)]


def _near(lower: bytes, at: int, needs: Needs) -> bool:
    low, high = max(0, at - _NEAR), at + _NEAR
    return all(any(lower.find(word, low, high) >= 0 for word in words) for words in needs)


def _finder(words: Sequence[bytes]) -> Find:
    try:
        return _with_hyperscan(words)
    except ImportError:  # a CPU or platform without it
        return lambda block: _found(block.lower(), words)


def _with_hyperscan(words: Sequence[bytes]) -> Find:
    import hyperscan

    database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS
    ids = list(range(len(words)))
    database.compile(expressions=list(words), ids=ids, elements=len(words), flags=flags, literal=True)
    return partial(_scanned, database)


def _with_patterns(regexes: Sequence[str]) -> Find | None:
    """Return the search for patterns themselves, in raw text; None where that is not possible."""
    try:
        import hyperscan
    except ImportError:
        return None
    database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_PREFILTER
    expressions = [raw_form(regex).encode() for regex in regexes]
    ids = list(range(len(expressions)))
    try:
        database.compile(expressions=expressions, ids=ids, elements=len(ids), flags=[flags] * len(ids))
    except hyperscan.HyperscanError:
        return None
    return partial(_scanned, database)


def _scanned(database: Any, block: bytes) -> Sequence[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    database.scan(block, match_event_handler=lambda word, _start, end, _flags, _context: found.append((end - 1, word)))
    return found


def _found(lower: bytes, words: Sequence[bytes]) -> Sequence[tuple[int, int]]:
    found = []
    for number, word in enumerate(words):
        at = lower.find(word)
        while at >= 0:
            found.append((at, number))
            at = lower.find(word, at + len(word))
    return sorted(found)
