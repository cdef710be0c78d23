"""Searching records with the patterns whose words they hold, each narrowed to what the record can have.

Texts are searched in lower case, where `re` reads them three times as fast as without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kdoctor.reading.clean import lowered
from kdoctor.reading.records import Record
from kdoctor.rules.book import Book
from kdoctor.rules.narrowing import pattern
from kdoctor.rules.standing import digits_alike, standing

if TYPE_CHECKING:
    from kdoctor.reading.repeats import Likes

LIKE_CODE = re.compile(
    r"(?!\s{1,12}(?:Warning |Normal |\[))(?: {2}|\t)|[\"'`.#*})\]:?+]|//|--|[\w.\[\]]{1,60} :?= |[^\n]*[,;{(\\]\s*\Z"
)
"""A line that may be part of a program: indented (and no event), quoted, a comment, an assignment, open at its end."""

NEIGHBOURS = 3
"""Records before and after one in which a context, or a fact, may stand."""

_QUOTED = "quoted"
"""The context of lines that show no failure: a program's own text, a changelog. No rule hits in them."""
_PROGRAM = "program"
"""The context of lines of a program, which tells of a line beside them that looks like a part of it."""
_WORD = re.compile(r"\w")
_Ways = Sequence[Sequence[Sequence[str]]]
_LINES = 4
"""Lines before and after one that are looked at for the program that it is a part of."""
_BESIDE = 300
"""Characters around a place that are looked at for it."""
_CUT = "…"
"""What stands where a longer line is cut, so that its part is not taken for a line's beginning or end."""


class Found(NamedTuple):
    """One pattern in one reading of a record: its rule, the facts that it captured, where it stands in `text`."""

    rule: str
    facts: Mapping[str, str]
    starts: tuple[int, ...]
    vague: bool


class _Place(NamedTuple):
    """Where one pattern is found in a record and its likes; facts may stand in the reading without breaks."""

    rule: str
    spans: Mapping[str, tuple[int, int]]
    unwrapped: bool
    starts: tuple[int, ...]
    vague: bool

    def found(self, record: Record) -> Found:
        text = (record.unwrapped if self.unwrapped else None) or record.text
        facts = {name: text[start:end] for name, (start, end) in self.spans.items() if start < end}
        return Found(self.rule, facts, self.starts, self.vague)

    def is_cut(self, record: Record) -> bool:
        """Tell whether a fact ends where a console may have broken the line: the other reading has it whole."""
        cut = not self.unwrapped and any(record.text.startswith("\n", end) for _, end in self.spans.values())
        return cut and record.is_broken


class Reader:
    """Searches records with the patterns whose words they hold; the same words are searched once.

    Patterns of a whole text are left out unless it stands `alone`.
    """

    def __init__(
        self, book: Book, words: Mapping[str, Sequence[int]], likes: Likes | None = None, *, alone: bool
    ) -> None:
        self._book, self._words, self._likes, self._alone = book, words, likes, alone
        self._keys: dict[str, Hashable] = {}
        self._narrowing = book.narrowing
        self._known: dict[Hashable, tuple[_Place, ...]] = {}
        self._held: dict[tuple[str, Hashable], bool] = {}
        self._had: dict[tuple[str, Hashable], bool] = {}
        self._shown: dict[tuple[str, str], bool] = {}
        self._needs: dict[int, _Ways] = {}

    def found(self, record: Record) -> tuple[Found, ...]:
        """Return what the patterns find in a record, in the order of the index."""
        key = self._key(record)
        if key not in self._known:
            self._known[key] = tuple(self._search(record))
        return tuple([place.found(record) for place in self._known[key]])

    def _key(self, record: Record) -> Hashable:
        """Return what records have in common in which the same is found."""
        text = record.text
        if self._likes is None:
            key: Hashable = text
        else:
            if text not in self._keys:
                self._keys[text] = self._likes.key(text.encode("utf-8", "replace"))
            key = self._keys[text]
        marks = record.marks
        return (key, marks) if marks else key

    def admitted(self, rule_id: str, whole: Sequence[Record], i: int) -> bool:
        """Tell whether a record has none of the rule's `none`, and its context is there or near."""
        if self._has(f"none of {rule_id}", self._book.none(rule_id), whole[i]):
            return False
        matching = self._book.rule(rule_id).match
        if matching is None or matching.context is None:
            return True
        near = whole[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]
        name, trees = f"context {matching.context}", self._book.context(matching.context)
        return any(self._has(name, trees, record) for record in near)

    def _has(self, name: str, trees: Sequence[Any], record: Record) -> bool:
        """Tell whether one of some patterns, which have a name of their own, is in a record."""
        key = (name, self._key(record))
        if key not in self._had:
            self._had[key] = self._holds(name, trees, record)
        return self._had[key]

    def _holds(self, name: str, trees: Sequence[Any], record: Record) -> bool:
        """Do what `_has` does; many rules have the same `none`."""
        for number, tree in enumerate(trees):
            regex = self._narrowing.of((name, number), tree, record.flat)
            if regex is None:
                continue
            key = (regex, self._key(record))
            if key not in self._held:
                self._held[key] = any(pattern(regex).search(*reading) for reading in _readings(record))
            if self._held[key]:
                return True
        return False

    def _selected(self, flat: str) -> Sequence[int]:
        """Return the numbers of the patterns all of whose words stand in a text."""
        stand = self._narrowing.standing(flat)
        some = standing(self._words, flat) if stand is None else self._words.keys() & stand
        numbers = sorted({number for word in some for number in self._words[word]})
        ways_of = [(number, self._ways(number)) for number in numbers]
        if stand is None:
            stand = standing({word for _, ways in ways_of for way in ways for words in way for word in words}, flat)
        return [number for number, ways in ways_of if _stand(ways, stand)]

    def _ways(self, number: int) -> _Ways:
        """Return the words that a pattern needs."""
        if number not in self._needs:
            self._needs[number] = self._book.ways(number)
        return self._needs[number]

    def _search(self, record: Record) -> Iterator[_Place]:
        for number in self._selected(record.flat):
            tree, for_one_line, vague = self._book.pattern(number)
            if for_one_line and not self._alone:
                continue
            regex = self._narrowing.of(("", number), tree, record.flat)
            if regex is None:
                continue
            held: _Place | None = None
            for text, low in _readings(record):
                found = list(pattern(regex).finditer(text, low))
                if found:
                    held = self._place(number, found, record, text, vague=vague) or held
                    if held is None or not held.is_cut(record):
                        break
            if held is not None:
                yield held

    def _place(
        self, number: int, found: Sequence[re.Match[str]], record: Record, text: str, *, vague: bool
    ) -> _Place | None:
        """Return where a pattern's matches in one reading of a record show a failure."""
        shown = list(self._showing(found, record, text))
        if not shown:
            return None
        starts = tuple(record.place(one.start(), text) for one in shown)
        spans = {name: shown[0].span(name) for name in shown[0].re.groupindex}
        return _Place(self._book.rule_of(number), spans, text is not record.text, starts, vague)

    def _showing(self, found: Sequence[re.Match[str]], record: Record, text: str) -> Iterator[re.Match[str]]:
        """Yield the matches that show a failure in a reading of a record; where it has its lines, of each the first."""
        end = 0
        for one in found:
            if one.start() < end:
                continue
            place = _first_word(text, one.start())
            if not self._shows_none(record, text, place):
                yield one
                if text is record.text:
                    after = text.find("\n", place)
                    end = after if after >= 0 else len(text)

    def _shows_none(self, record: Record, text: str, place: int) -> bool:
        """Tell whether a place in a reading of a record is in a line, or among lines, that show no failure."""
        line, start, end = _line_at(text, place)
        at, first = record.first_of(record.place(place, text))
        line = at.mark + line
        if self._has_context(_QUOTED, line) or (first is not at and self._has_context(_QUOTED, first.text[:_BESIDE])):
            return True
        return self._has_context(_PROGRAM, _lines_beside(text, start, end) if LIKE_CODE.match(line) else line)

    def _has_context(self, name: str, text: str) -> bool:
        """Tell whether one of a context's patterns is in a text."""
        if (name, text) not in self._shown:
            key = digits_alike(text)  # numbers make no line another kind of line
            if (name, key) not in self._shown:
                self._shown[name, key] = self._searched(name, text)
            self._shown[name, text] = self._shown[name, key]
        return self._shown[name, text]

    def _searched(self, name: str, text: str) -> bool:
        low = lowered(text)
        flat = " ".join(low.split())
        trees = enumerate(self._book.context(name))
        regexes = (self._narrowing.of((name, number), tree, flat) for number, tree in trees)
        return any(regex is not None and pattern(regex).search(text, low) for regex in regexes)


def _stand(ways: _Ways, there: frozenset[str]) -> bool:
    """Tell whether in one of the ways each set has a word that is there."""
    for way in ways:
        for words in way:
            if there.isdisjoint(words):
                break
        else:
            return True
    return False


def _first_word(text: str, place: int) -> int:
    """Return where a match's own line begins or goes on: it may begin with the end of the line before."""
    word = _WORD.search(text, place, place + _BESIDE)
    return word.start() if word else place


def _line_at(text: str, place: int) -> tuple[str, int, int]:
    """Return the line of a place and where it begins and ends; of a long one what is beside the place."""
    start = text.rfind("\n", max(0, place - _BESIDE), place) + 1
    end = text.find("\n", place, place + _BESIDE)
    first, last = start or max(0, place - _BESIDE), end if end >= 0 else min(len(text), place + _BESIDE)
    line = text[first:last]
    if first and not start:
        line = _CUT + line
    if last < len(text) and end < 0:
        line += _CUT
    return line, first, last


def _lines_beside(text: str, start: int, end: int) -> str:
    """Return the lines from some before `start` to some after `end`."""
    for _ in range(_LINES):
        start = text.rfind("\n", max(0, start - _BESIDE), max(0, start - 1)) + 1 or max(0, start - _BESIDE)
        after = text.find("\n", end + 1, end + _BESIDE)
        end = after if after >= 0 else min(len(text), end + _BESIDE)
    return text[start:end]


def _readings(record: Record) -> Iterator[tuple[str, str]]:
    """Yield a record's text, and without a console's breaks where it has some; each as it is and in lower case."""
    yield record.text, record.lower
    if record.unwrapped is not None and record.unwrapped_lower is not None:
        yield record.unwrapped, record.unwrapped_lower
