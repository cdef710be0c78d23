"""Which of many words stand in a text; all come in lower case and with single blanks."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

_ZEROS: Final = str.maketrans("123456789", "000000000")
_DIGIT = re.compile("[1-9]")
_LONG = 1500
_BEGINNING = 4
_MOST_TOKENS = 16384
"""Tokens (what stands between blanks) of which is remembered what stands in them."""

_LONGEST_TOKEN = 80
_MOST_TIMES = 20
_REPEATED = re.compile(rf"(.{{1,4}}?)\1{{{_MOST_TIMES},}}", re.DOTALL)
"""Signs that come again and again; no word has more of them than stay."""


def digits_alike(text: str) -> str:
    """Return a text with zeros for all digits: lines of a log often differ in nothing else."""
    return text.translate(_ZEROS) if text.isascii() else _DIGIT.sub("0", text)  # each where it is the faster


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
        self._parts: dict[str, list[tuple[str, str]]] = {}
        """Words without blanks, and parts of the others, each with zeros for digits, too; by how that begins."""
        parts: set[str] = set()
        for word in self._words:
            first, second, *_ = [*sorted(word.split(" "), key=len, reverse=True), ""]
            parts |= {first, second}
            if " " in word:
                self._phrases.setdefault(first, {}).setdefault(second, []).append(word)
        for part in parts:
            alike = digits_alike(part)
            self._parts.setdefault(alike[:_BEGINNING], []).append((part, alike))
        self._short = [begin for begin in self._parts if len(begin) < _BEGINNING]
        self._known: dict[str, tuple[list[str], list[str]]] = {}
        """Of tokens with zeros for digits: the parts that stand in them, and those with digits that may."""

    def standing(self, flat: str) -> frozenset[str]:
        """Return those of the words that stand in a text."""
        parts: set[str] = set()
        for token in set(flat.split()):
            alike = digits_alike(token)
            known = self._known.get(alike)
            if known is None:
                known = self._in(alike)
                if len(token) <= _LONGEST_TOKEN:
                    self._known[alike] = known
            parts.update(known[0])
            if known[1]:
                parts.update([part for part in known[1] if part in token])
        if len(self._known) > _MOST_TOKENS:
            self._known.clear()
        found = set(self._words & parts)
        for first in self._phrases.keys() & parts:
            for second in self._phrases[first].keys() & parts:
                found.update(word for word in self._phrases[first][second] if word in flat)
        return frozenset(found)

    def _in(self, token: str) -> tuple[list[str], list[str]]:
        """Return the parts that stand in a token whose digits are zeros, and those with digits that may."""
        size = _BEGINNING
        if len(token) > _LONGEST_TOKEN:
            token = _REPEATED.sub(lambda found: found[1] * _MOST_TIMES, token)
        begins = {token[i : i + size] for i in range(len(token) - size + 1)}
        if len(token) > _LONGEST_TOKEN:
            begins.update([begin for begin in self._short if begin in token])
        else:
            begins.update([token[i : i + size] for size in range(_BEGINNING) for i in range(len(token) - size + 1)])
        found = [one for begin in begins & self._parts.keys() for one in self._parts[begin] if one[1] in token]
        return [part for part, alike in found if "0" not in alike], [part for part, alike in found if "0" in alike]
