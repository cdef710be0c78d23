"""Which of many words stand in a text; all come in lower case and with single blanks."""

from __future__ import annotations

import functools
from collections.abc import Iterable

_LONG = 1500
_BEGINNING = 4
_MOST_TOKENS = 16384
"""Tokens (what stands between blanks) of which is remembered what stands in them."""

_LONGEST_TOKEN = 80


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
        self._phrases: dict[str, list[str]] = {}
        """Words by their longest part between blanks."""
        for word in words:
            self._phrases.setdefault(max(word.split(" "), key=len), []).append(word)
        self._parts: dict[str, list[str]] = {}
        """Those parts by how they begin; the short ones together."""
        for part in self._phrases:
            self._parts.setdefault(part[:_BEGINNING] if len(part) >= _BEGINNING else "", []).append(part)
        self._known: dict[str, tuple[list[str], list[str]]] = {}

    def standing(self, flat: str) -> frozenset[str]:
        """Return those of the words that stand in a text."""
        there: set[str] = set()
        possible: set[str] = set()
        for token in set(flat.split()):
            words, phrases = self._known.get(token) or self._in(token)
            if len(token) <= _LONGEST_TOKEN:
                self._known[token] = words, phrases
            there.update(words)
            possible.update(phrases)
        there.update([phrase for phrase in possible if phrase in flat])
        if len(self._known) > _MOST_TOKENS:
            self._known.clear()
        return frozenset(there)

    def _in(self, token: str) -> tuple[list[str], list[str]]:
        """Return the words that stand in a token, and the phrases of which a part does."""
        begins = {token[i : i + _BEGINNING] for i in range(len(token) - _BEGINNING + 1)} & self._parts.keys()
        parts = [part for begin in ("", *begins) for part in self._parts.get(begin, ()) if part in token]
        words = [word for part in parts for word in self._phrases[part]]
        return [word for word in words if " " not in word], [word for word in words if " " in word]
