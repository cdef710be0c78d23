"""Which of many words stand in a text; all come in lower case and with single blanks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_LONG = 1500
_BEGINNING = 4
_MOST_TOKENS = 16384
"""Tokens (what stands between blanks) of which is remembered what stands in them."""

_LONGEST_TOKEN = 80
_MOST_TIMES = 20
_REPEATED = re.compile(rf"(.{{1,4}}?)\1{{{_MOST_TIMES},}}", re.DOTALL)
"""Signs that come again and again; no word has more of them than stay."""


def standing(words: Iterable[str], flat: str) -> frozenset[str]:
    """Return those of the words that stand in a text."""
    if len(flat) < _LONG:
        return frozenset([word for word in words if word in flat])
    distinct = _distinct(flat)
    return frozenset(
        [word for word in words if word.rpartition(" ")[2] in distinct and (" " not in word or word in flat)]
    )


@functools.lru_cache(maxsize=8)
def _distinct(flat: str) -> str:
    """Return a text's words, each once: a long text repeats most of them."""
    return " ".join(set(flat.split()))


class Words:
    """Thousands of words, of which is asked for text after text; most tokens of texts come again."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._phrases: dict[str, dict[str, list[str]]] = {}
        """Words with blanks by their longest part between blanks, and by their second longest."""
        self._parts: dict[str, list[str]] = {}
        """Words without blanks, and parts of the others, by how they begin."""
        parts: set[str] = set()
        for word in self._words:
            first, second, *_ = [*sorted(word.split(" "), key=len, reverse=True), ""]
            parts |= {first, second}
            if " " in word:
                self._phrases.setdefault(first, {}).setdefault(second, []).append(word)
        for part in parts:
            self._parts.setdefault(part[:_BEGINNING], []).append(part)
        self._short = [begin for begin in self._parts if len(begin) < _BEGINNING]
        self._known: dict[str, list[str]] = {}

    def standing(self, flat: str) -> frozenset[str]:
        """Return those of the words that stand in a text."""
        parts: set[str] = set()
        for token in set(flat.split()):
            known = self._known.get(token)
            if known is None:
                known = self._in(token)
                if len(token) <= _LONGEST_TOKEN:
                    self._known[token] = known
            parts.update(known)
        if len(self._known) > _MOST_TOKENS:
            self._known.clear()
        found = set(self._words & parts)
        for first in self._phrases.keys() & parts:
            for second in self._phrases[first].keys() & parts:
                found.update(word for word in self._phrases[first][second] if word in flat)
        return frozenset(found)

    def _in(self, token: str) -> list[str]:
        """Return the parts that stand in a token."""
        size = _BEGINNING
        if len(token) > _LONGEST_TOKEN:
            token = _REPEATED.sub(lambda found: found[1] * _MOST_TIMES, token)
        begins = {token[i : i + size] for i in range(len(token) - size + 1)}
        if len(token) > _LONGEST_TOKEN:
            begins.update([begin for begin in self._short if begin in token])
        else:
            begins.update([token[i : i + size] for size in range(_BEGINNING) for i in range(len(token) - size + 1)])
        return [part for begin in begins & self._parts.keys() for part in self._parts[begin] if part in token]
