"""The scan of long texts: where in raw bytes may a rule's pattern be found?

A word of the index nominates a place; the other words that the same pattern needs must stand near it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kdoctor.reading.records import Beginnings
from kdoctor.reading.repeats import Telling
from kdoctor.rules.book import Book
from kdoctor.rules.patterns import BLANK

_SHORTEST = 3
_NEAR = 2048
"""Bytes before and after a word in which the pattern's other words must stand."""

_SAMPLE = 512 * 1024
"""Bytes of a text in which words are counted, to choose those that are rare in it."""

_MOST_PLANS = 20_000
_MANY = 2000
"""Words found in a block after which they are chosen anew: this text is another than it was."""

_WITH_DIGIT = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]*[0-9][A-Za-z0-9]*")
_BEFORE_DIGIT = re.compile(r"[A-Za-z]+[ -](?=[0-9](?![0-9A-Za-z]))")
_NO_WORD = re.compile(r"\[[^\]]*\]|\\[a-zA-Z]|\{\d+(?:,\d*)?\}|\(\?P<\w+>")
"""What has digits in a pattern, and is no word of it: classes, escapes, counts, names."""

_CHOICE = re.compile(r"([0-9]{1,4})\[([0-9]{2,5})\]")
"""A number whose last digit is one of some: 237[56]."""

Find = Callable[[bytes], Sequence[tuple[int, int]]]
"""From a block to (offset, number of the word), by offset."""

Needs = Sequence[Sequence[bytes]]
"""Sets of words of which each must have one near."""


def scanner(book: Book) -> Callable[[bytes], Sequence[int]]:
    """Return the scan for a book's patterns: from a block to the offsets that are worth reading."""
    return _Scanner(_ways(book)).scan


@functools.lru_cache(maxsize=1)
def telling(book: Book) -> Telling:
    """Return what the patterns ask for that has digits: a status, a port, the number of a registry's host."""
    trees = [book.pattern(n)[0] for n in sorted({n for found in book.literals.values() for n in found})]
    trees += [tree for rule_id in book.ids for tree in book.none(rule_id)]
    texts = {book.narrowing.whole(tree) for tree in trees}
    written = (_CHOICE.sub(lambda one: "|".join(one[1] + digit for digit in one[2]), text) for text in texts)
    plain = "\n".join(_NO_WORD.sub("~", text.replace(BLANK, " ")).replace("\\", "") for text in written)
    words = {word.lower() for word in _WITH_DIGIT.findall(plain)}
    before = {word.lower() for word in _BEFORE_DIGIT.findall(plain)}
    return Telling(
        frozenset(word.encode() for word in words if len(word) > 1), tuple(sorted(word.encode() for word in before))
    )


def _ways(book: Book) -> list[Needs]:
    """Return, for each way in which a pattern can be found, the sets of words that it needs."""
    numbers = sorted({n for found in book.literals.values() for n in found})
    ways: dict[tuple[tuple[bytes, ...], ...], None] = {}
    for number in numbers:
        for reading in book.ways(number):
            sets = [tuple(_scannable(word) for word in words) for words in reading]
            ways[tuple(words for words in sets if all(len(word) >= _SHORTEST for word in words))] = None
    return [way for way in ways if way]


class _Scanner:
    """One set of words of each way nominates: the one that is rarest in this text; the others must stand near."""

    def __init__(self, ways: Sequence[Needs]) -> None:
        self._ways = ways
        self._words = sorted({word for way in ways for words in way for word in words})
        self._count: Find = _finder(self._words)
        self._seen: Counter[bytes] = Counter()
        self._wanted: dict[bytes, list[Needs]] = {}
        self._chosen: list[bytes] = []
        self._plans: dict[frozenset[int], Sequence[Needs]] = {}
        self._find: Find | None = None
        self._lines = Beginnings()
        self._rest = self._wait = 0

    def scan(self, block: bytes) -> Sequence[int]:
        """Return the offsets in a block that are worth reading, ascending."""
        if self._find is None:
            self._find = self._choose(block)
        found = self._find(block)
        if len(found) > _MANY and self._rest <= 0:
            self._find = self._choose(block)
            found = self._find(block)
            self._wait = self._rest = 2 * self._wait + 4
        self._rest -= 1
        return list(self._nominated(block, found))

    def _nominated(self, block: bytes, found: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Yield the places whose pattern's other words stand near.

        Near is the word's line where that is a record of its own, else some bytes around. One place tells
        of such a line.
        """
        first, many = 0, len(found)
        while first < many:
            at = found[first][0]
            start = block.rfind(b"\n", 0, at) + 1
            stop = block.find(b"\n", at)
            stop = len(block) if stop < 0 else stop
            after = first + 1
            while after < many and found[after][0] <= stop:
                after += 1
            if stop - start < _NEAR and self._lines.begins(block, start) and self._lines.begins(block, stop + 1):
                words = frozenset([word for _, word in found[first:after]])
                if _near(block[start:stop].lower(), self._plan(words)):
                    yield at
            else:
                for at, word in found[first:after]:
                    around = block[max(0, at - _NEAR) : at + _NEAR].lower()
                    if _near(around, self._plan(frozenset((word,)))):
                        yield at
            first = after

    def _plan(self, words: frozenset[int]) -> Sequence[Needs]:
        """Return the needs of which one must be filled beside words that were found, without what they fill."""
        plan = self._plans.get(words)
        if plan is None:
            there = [self._chosen[word] for word in words]
            ways = {
                tuple(tuple(needed) for needed in needs if not any(word in needed for word in there))
                for word in there
                for needs in self._wanted[word]
            }
            plan = [()] if () in ways else sorted(ways, key=lambda needs: (len(needs), sum(map(len, needs))))
            if len(self._plans) < _MOST_PLANS:
                self._plans[words] = plan
        return plan

    def _choose(self, block: bytes) -> Find:
        """Choose the words to look for by how often they stand in a sample of the block and in those before."""
        middle = max(0, len(block) - _SAMPLE) // 2
        for _, number in self._count(block[middle : middle + _SAMPLE]):
            self._seen[self._words[number]] += 1
        self._wanted = {}
        for way in self._ways:
            rarest = min(way, key=lambda words: (sum(self._seen[word] for word in words), -min(map(len, words))))
            needs = [words for words in way if words is not rarest]
            for word in rarest:
                self._wanted.setdefault(word, []).append(needs)
        self._chosen = sorted(self._wanted)
        self._plans = {}
        return _finder(self._chosen)


def _scannable(literal: str) -> bytes:
    """Return the longest part that stands in raw text as it does in cleaned text: escapes come before quotes."""
    parts = literal.replace("'", '"').replace("\\", '"').split('"')
    return max(parts, key=len).strip().encode()


def _near(lower: bytes, plan: Sequence[Needs]) -> bool:
    """Tell whether a text (in lower case) fills one of the needs."""
    absent: set[Sequence[bytes]] = set()
    for needs in plan:
        for words in needs:
            if words in absent:
                break
            if not any(word in lower for word in words):
                absent.add(words)
                break
        else:
            return True
    return False


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
    return functools.partial(_scanned, database)


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
