r"""Searching records with the patterns whose words they hold: each search once, the many in vain quickly.

Python's `re` reads a text three times as fast where case counts. A pattern that has been searched in vain
some times is therefore first searched in lower case, in the record's text in lower case; only where that finds
something is the pattern itself asked. Both spellings find the same, but for `(?-i:...)`, escapes such as `\x41`
and classes that mix letters with other signs: these patterns have no second spelling.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdoctor.reading.records import Record
from kdoctor.rules.book import Book
from kdoctor.rules.literals import DIGITS, literals
from kdoctor.rules.patterns import compiled, lowered

NEIGHBOURS = 3
"""Records before and after one in which a context, or a fact, may stand."""

_ALONE = r"\A"
_QUOTED = "quoted"
"""The context of lines that show no failure: a program's own text, a changelog. No rule hits in them."""
_BESIDE = 300
"""Characters around a place that are looked at for it."""
_IN_VAIN = 12
"""Searches in vain after which a pattern's second spelling is worth compiling."""


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
        self._known: dict[tuple[str, str | None], tuple[Found, ...]] = {}
        self._asked: dict[tuple[str, object], _Signs] = {}
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
        if self._holds(self._signs(rule_id, self._book.none), whole[i]):
            return False
        matching = self._book.rule(rule_id).match
        if matching is None or matching.context is None:
            return True
        near = whole[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]
        return any(self._has_context(matching.context, record) for record in near)

    def _signs(self, name: str, of: Callable[[str], Sequence[tuple[Sequence[str], str]]]) -> _Signs:
        """Return what refuses a rule, or makes a context."""
        if (name, of) not in self._asked:
            self._asked[name, of] = _Signs(of(name))
        return self._asked[name, of]

    def _holds(self, signs: _Signs, record: Record) -> bool:
        """Tell whether one of some signs is in a record; many rules have the same `none`."""
        for regex in signs.worth_asking(record.flat):
            key = (regex, record.text, record.unwrapped)
            if key not in self._held:
                self._held[key] = _pattern(regex).first(record) is not None
            if self._held[key]:
                return True
        return False

    def _has_context(self, name: str, record: Record) -> bool:
        key = (name, record.text, record.unwrapped)
        if key not in self._contexts:
            self._contexts[key] = self._holds(self._signs(name, self._book.context), record)
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
            rule_id, _, regex, _ = self._book.pattern(number)
            if regex.startswith(_ALONE) and not self._alone:
                continue
            found, text = _pattern(regex).all(record)
            found = [one for one in found if not self._is_quoted(text, one.start())]
            if found:
                facts = {name: value for name, value in found[0].groupdict().items() if value}
                yield Found(rule_id, facts, tuple(record.place(one.start(), text) for one in found))

    def _is_quoted(self, text: str, place: int) -> bool:
        """Tell whether a place is in a line that shows no failure."""
        beside = text[place : place + _BESIDE]
        place += len(beside) - len(beside.lstrip())
        start = text.rfind("\n", max(0, place - _BESIDE), place) + 1 or max(0, place - _BESIDE)
        end = text.find("\n", place, place + _BESIDE)
        line = text[start : end if end >= 0 else place + _BESIDE]
        key = line.translate(DIGITS)  # numbers make no line another kind of line
        if key not in self._lines:
            regexes = self._signs(_QUOTED, self._book.context).worth_asking(" ".join(line.lower().split()))
            self._lines[key] = any(_pattern(regex).within(line) for regex in regexes)
        return self._lines[key]


class _Signs:
    """Patterns of which one is enough, each with words of which its every match has one, where there are such."""

    def __init__(self, signs: Sequence[tuple[Sequence[str], str]]) -> None:
        self._signs = [(frozenset(words), regex) for words, regex in signs]
        self._words = list(frozenset[str]().union(*(words for words, _ in self._signs)))

    def worth_asking(self, flat: str) -> Iterator[str]:
        """Yield the patterns that may be found in a text, which comes in lower case and with single blanks."""
        there = frozenset([word for word in self._words if word in flat])
        return (regex for words, regex in self._signs if not words or not words.isdisjoint(there))


class _Pattern:
    """A pattern, and its second spelling when that has become worth it."""

    def __init__(self, regex: str) -> None:
        self._regex, self._exact = regex, compiled(regex)
        self._lower: re.Pattern[str] | None = None
        self._in_vain = 0
        self._words: Sequence[str] = ()
        """Words of which each match has one; known when the pattern has been searched in vain some times."""

    def within(self, text: str) -> bool:
        """Tell whether it is in a text that is no record."""
        return self._exact.search(text) is not None

    def first(self, record: Record) -> re.Match[str] | None:
        """Return the first place in a record: in its text, else without a console's breaks."""
        if self._words and not any(word in record.flat for word in self._words):
            return None
        found, _ = self._in_either(record)
        return found

    def all(self, record: Record) -> tuple[list[re.Match[str]], str]:
        """Return all places in the first reading of a record that has one, and that reading."""
        found, text = self._in_either(record)
        return ([found, *self._exact.finditer(text, found.end() + (not found[0]))] if found else []), text

    def _in_either(self, record: Record) -> tuple[re.Match[str] | None, str]:
        for text, lower in ((record.text, record.lower), (record.unwrapped, record.unwrapped_lower)):
            if text is not None and lower is not None and (found := self._in(text, lower)):
                return found, text
        return None, record.text

    def _in(self, text: str, lower: str) -> re.Match[str] | None:
        if self._lower is not None and not self._lower.search(lower):
            return None
        found = self._exact.search(text)
        if found is None and self._lower is None:
            self._in_vain += 1
            if self._in_vain == _IN_VAIN:
                self._words = literals(self._regex)
                spelling = lowered(self._regex)
                self._lower = re.compile(spelling, re.MULTILINE) if spelling else None
        return found


@functools.lru_cache(maxsize=4096)
def _pattern(regex: str) -> _Pattern:
    return _Pattern(regex)
