"""Searching records with the patterns whose words they hold, each narrowed to what the record can have.

Texts are searched in lower case, where `re` reads them three times as fast as without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdoctor.reading.clean import lowered
from kdoctor.reading.records import Record
from kdoctor.rules.book import DIGITS, Book
from kdoctor.rules.narrowing import Narrowing, Pattern, pattern

NEIGHBOURS = 3
"""Records before and after one in which a context, or a fact, may stand."""

_QUOTED = "quoted"
"""The context of lines that show no failure: a program's own text, a changelog. No rule hits in them."""
_BESIDE = 300
"""Characters around a place that are looked at for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """One pattern in one reading of a record: its rule, the facts that it captured, where it stands in `text`."""

    rule: str
    facts: Mapping[str, str]
    starts: tuple[int, ...]


class Reader:
    """Searches records with the patterns whose words they hold; the same words are searched once.

    Patterns of a whole text are left out unless it stands `alone`.
    """

    def __init__(self, book: Book, words: Mapping[str, Sequence[int]], *, alone: bool) -> None:
        self._book, self._words, self._alone = book, words, alone
        self._narrowing = Narrowing(book.fragment)
        self._known: dict[tuple[str, str | None], tuple[Found, ...]] = {}
        self._held: dict[tuple[str, str, str | None], bool] = {}
        self._contexts: dict[tuple[str, str, str | None], bool] = {}
        self._lines: dict[str, bool] = {}
        self._plans: dict[frozenset[str], tuple[Sequence[int], tuple[str, ...]]] = {}
        self._chosen: dict[tuple[frozenset[str], frozenset[str]], Sequence[int]] = {}

    def found(self, record: Record) -> tuple[Found, ...]:
        """Return what the patterns find in a record, in the order of the index."""
        key = (record.text, record.unwrapped)
        if key not in self._known:
            self._known[key] = tuple(self._search(record))
        return self._known[key]

    def admitted(self, rule_id: str, whole: Sequence[Record], i: int) -> bool:
        """Tell whether a record has none of the rule's `none`, and its context is there or near."""
        if self._holds(f"none of {rule_id}", self._book.none(rule_id), whole[i]):
            return False
        matching = self._book.rule(rule_id).match
        if matching is None or matching.context is None:
            return True
        near = whole[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]
        return any(self._has_context(matching.context, record) for record in near)

    def _holds(self, name: str, trees: Sequence[Any], record: Record) -> bool:
        """Tell whether one of some patterns is in a record; many rules have the same `none`."""
        for number, tree in enumerate(trees):
            regex = self._narrowing.of((name, number), tree, record.flat)
            if regex is None:
                continue
            key = (regex, record.text, record.unwrapped)
            if key not in self._held:
                self._held[key] = any(pattern(regex).search(*reading) for reading in _readings(record))
            if self._held[key]:
                return True
        return False

    def _has_context(self, name: str, record: Record) -> bool:
        key = (name, record.text, record.unwrapped)
        if key not in self._contexts:
            self._contexts[key] = self._holds(f"context {name}", self._book.context(name), record)
        return self._contexts[key]

    def _selected(self, flat: str) -> Sequence[int]:
        """Return the numbers of the patterns all of whose words stand in a text; lines alike have the same."""
        some = frozenset([word for word in self._words if word in flat])
        if some not in self._plans:
            wanted = sorted({number for word in some for number in self._words[word]})
            needed = {word for n in wanted for one in self._book.pattern(n)[3] for words in one for word in words}
            self._plans[some] = (wanted, tuple(needed))
        numbers, all_words = self._plans[some]
        there = frozenset([word for word in all_words if word in flat])
        if (some, there) not in self._chosen:
            self._chosen[some, there] = [
                number
                for number in numbers
                if any(all(not there.isdisjoint(words) for words in one) for one in self._book.pattern(number)[3])
            ]
        return self._chosen[some, there]

    def _search(self, record: Record) -> Iterator[Found]:
        for number in self._selected(record.flat):
            rule_id, _, tree, _, for_one_line = self._book.pattern(number)
            if for_one_line and not self._alone:
                continue
            regex = self._narrowing.of(("", number), tree, record.flat)
            if regex is None:
                continue
            for text, low in _readings(record):
                found = list(pattern(regex).finditer(text, low))
                if found:
                    shown = [one for one in found if not self._is_quoted(text, one.start())]
                    if shown:
                        starts = tuple(record.place(one.start(), text) for one in shown)
                        yield Found(rule_id, _facts(pattern(regex), shown[0], text), starts)
                    break

    def _is_quoted(self, text: str, place: int) -> bool:
        """Tell whether a place is in a line that shows no failure."""
        beside = text[place : place + _BESIDE]
        place += len(beside) - len(beside.lstrip())
        start = text.rfind("\n", max(0, place - _BESIDE), place) + 1 or max(0, place - _BESIDE)
        end = text.find("\n", place, place + _BESIDE)
        line = text[start : end if end >= 0 else place + _BESIDE]
        key = line.translate(DIGITS)  # numbers make no line another kind of line
        if key not in self._lines:
            low = lowered(line)
            flat = " ".join(low.split())
            trees = enumerate(self._book.context(_QUOTED))
            regexes = [self._narrowing.of((_QUOTED, number), tree, flat) for number, tree in trees]
            self._lines[key] = any(regex is not None and pattern(regex).search(line, low) for regex in regexes)
        return self._lines[key]


def _readings(record: Record) -> Iterator[tuple[str, str]]:
    """Yield a record's text, and without a console's breaks where it has some; each as it is and in lower case."""
    yield record.text, record.lower
    if record.unwrapped is not None and record.unwrapped_lower is not None:
        yield record.unwrapped, record.unwrapped_lower


def _facts(searched: Pattern, found: Any, text: str) -> Mapping[str, str]:
    """Return what the groups of a place hold in the text as it is."""
    spans = {name: found.span(number) for name, number in searched.regex.groupindex.items()}
    return {name: text[start:end] for name, (start, end) in spans.items() if start < end}
