"""Patterns narrowed to what a text can have: a branch whose words do not stand in it is left out.

Most of a pattern are the many ways in which engines say one thing, of which a text has one. What is left is
compiled and searched in a fraction of the time, and finds the same places.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kdoctor.rules.standing import Words, standing

_MOST_NARROW = 4
"""Narrow forms of one pattern that are compiled; in a text where it has more, the whole pattern is searched."""

_COMPILING = 2
"""Characters of a text that the whole of a pattern searches while one character of a narrow form is compiled."""

_LONG = 4096
"""Characters above which that matters: short texts are many, and each leaves another form."""

_MOST_HELD = 16
"""Texts (by their words) for which a tree knows what was left."""

_MOST_COUNTED = 1024
_FEW_TEXTS = 64
"""Texts after which all words of all trees are looked up at once."""

_NEVER = "(?!)"
_OPTIONAL = ("?", "*", "{0")
_EXACT = "(?i)"


class Pattern:
    """A regular expression for texts in lower case, unless it is `exact`."""

    __slots__ = ("exact", "regex")

    def __init__(self, regex: str) -> None:
        self.exact = regex.startswith(_EXACT)
        self.regex = re.compile(regex, re.MULTILINE)

    def finditer(self, text: str, lower: str) -> Iterator[re.Match[str]]:
        """Yield its places in a text, which comes in both spellings of the same length."""
        return self.regex.finditer(text if self.exact else lower)

    def search(self, text: str, lower: str) -> re.Match[str] | None:
        """Return its first place in a text, which comes in both spellings of the same length."""
        return self.regex.search(text if self.exact else lower)


@functools.lru_cache(maxsize=8192)
def pattern(regex: str) -> Pattern:
    """Compile what `Narrowing` leaves of a pattern."""
    return Pattern(regex)


class Narrowing:
    """Narrows the trees of a book (see `kdoctor.rules.trees`), whose fragments it is given by name."""

    def __init__(self, fragment: Callable[[str], Sequence[Any]], words: Callable[[], Iterable[str]]) -> None:
        """`words` returns all words of the trees, and others that `standing` is asked for."""
        self._fragment, self._words_of_all = fragment, words
        self._words: Words | None = None
        self._texts = 0
        self._fragments: dict[str, _Tree] = {}
        self._trees: dict[tuple[str, int], _Tree] = {}
        self._flat: str | None = None
        self._stand: frozenset[str] | None = None
        self._there: dict[str, str | None] = {}
        self._records: dict[str, frozenset[str]] = {}

    def of(self, name: tuple[str, int], tree: Sequence[Any], flat: str) -> str | None:
        """Return what is left of a tree for a text, in lower case and with single blanks; None if nothing can match.

        `name` is one of its own for each tree.
        """
        if flat is not self._flat:
            self._flat, self._there, self._stand = flat, {}, self._known(flat)
        held = self._trees.get(name)
        if held is None:
            held = self._trees[name] = _Tree(tree)
        narrow = held.narrow(flat, self._stand, self._named)
        return narrow if narrow is None or held.is_worth(narrow, len(flat)) else held.whole(self._whole)

    def standing(self, flat: str) -> frozenset[str] | None:
        """Return which of all words stand in a text that many trees will be narrowed for.

        None for the first texts: each tree looks for its own words.
        """
        self._texts += 1
        return self._looked_up(flat) if self._texts > _FEW_TEXTS else None

    def _known(self, flat: str) -> frozenset[str] | None:
        """Return which of all words stand in a text; None where each tree may look for its own."""
        if len(flat) < _LONG or self._texts <= _FEW_TEXTS:
            return self._records.get(flat)
        return self._looked_up(flat)

    def _looked_up(self, flat: str) -> frozenset[str]:
        if flat not in self._records:
            self._words = self._words or Words(self._words_of_all())
            if len(self._records) >= _MOST_HELD:
                self._records.clear()
            self._records[flat] = self._words.standing(flat)
        return self._records[flat]

    def whole(self, tree: Sequence[Any]) -> str:
        """Return a tree as one regular expression."""
        return _Tree(tree).whole(self._whole)

    def _named(self, name: str) -> str | None:
        """Return what is left of a fragment for the text in hand."""
        if name not in self._there:
            assert self._flat is not None
            self._there[name] = self._held(name).narrow(self._flat, self._stand, self._named)
        return self._there[name]

    def _whole(self, name: str) -> str | None:
        return self._held(name).whole(self._whole)

    def _held(self, name: str) -> _Tree:
        if name not in self._fragments:
            self._fragments[name] = _Tree(self._fragment(name))
        return self._fragments[name]


class _Tree:
    """A tree with its words and the names of its fragments, and what was left of it for some texts."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items
        words: dict[str, None] = {}
        names: dict[str, None] = {}
        _gather(items, words, names)
        self._words, self._names = frozenset(words), list(names)
        self._held: dict[tuple[frozenset[str], tuple[str | None, ...]], str | None] = {}
        self._times: dict[int, int] = {}
        self._whole: str | None = None

    def narrow(self, flat: str, stand: frozenset[str] | None, fragment: Callable[[str], str | None]) -> str | None:
        """Return what is left for a text, in which `stand` of all words, if that is known; None: nothing can match."""
        there = standing(self._words, flat) if stand is None else self._words & stand
        named = tuple([fragment(name) for name in self._names])
        key = (there, named)
        if key in self._held:
            return self._held[key]
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        left = _left(self._items, there, dict(zip(self._names, named, strict=True)))
        self._held[key] = left
        return left

    def whole(self, fragment: Callable[[str], str | None]) -> str:
        """Return the whole pattern."""
        if self._whole is None:
            self._whole = _left(self._items, self._words, {name: fragment(name) for name in self._names})
        assert self._whole is not None
        return self._whole

    def is_worth(self, narrow: str, length: int) -> bool:
        """Tell whether a narrow form is worth compiling for a text of some length.

        One of the first, one that comes often, and one that is short for the text, which takes longer to search.
        """
        if _LONG < length > _COMPILING * len(narrow):
            return True
        form = hash(narrow)
        times = self._times.get(form)
        if times is None:
            if len(self._times) >= _MOST_COUNTED:
                self._times.clear()
            first = len(self._times) < _MOST_NARROW
            self._times[form] = _MOST_NARROW if first else 1
            return first
        self._times[form] = times + 1
        return times >= _MOST_NARROW


def words_of(tree: Sequence[Any]) -> Iterable[str]:
    """Return the words of a tree's branches, without those of its fragments."""
    words: dict[str, None] = {}
    _gather(tree, words, {})
    return words


def _gather(items: Sequence[Any], words: dict[str, None], names: dict[str, None]) -> None:
    for item in items:
        if isinstance(item, str):
            continue
        if len(item) == 1:
            names[item[0]] = None
            continue
        for sets, sequence in item[1]:
            words.update(dict.fromkeys(word for one in sets for word in one))
            _gather(sequence, words, names)


def _left(items: Sequence[Any], there: frozenset[str], fragments: dict[str, str | None]) -> str | None:
    """Return what is left of a sequence; None where a part that it needs cannot be there."""
    parts: list[str] = []
    for i, item in enumerate(items):
        if isinstance(item, str):
            parts.append(item)
            continue
        left = _alternatives(item, there, fragments)
        if left is None:
            after = items[i + 1] if i + 1 < len(items) else ""
            if not (isinstance(after, str) and after.startswith(_OPTIONAL)):
                return None
            left = f"(?:{_NEVER})"
        parts.append(left)
    return "".join(parts)


def _alternatives(item: Sequence[Any], there: frozenset[str], fragments: dict[str, str | None]) -> str | None:
    """Return what is left of a fragment or a group of branches."""
    if len(item) == 1:
        left = fragments[item[0]]
        return None if left is None else f"(?:{left})"
    opening, branches, closing = item
    kept = [
        left
        for sets, sequence in branches
        if not any(there.isdisjoint(words) for words in sets)
        and (left := _left(sequence, there, fragments)) is not None
    ]
    return f"{opening}{'|'.join(kept)}{closing}" if kept else None
