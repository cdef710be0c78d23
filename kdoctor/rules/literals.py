"""The words that patterns need: what a text must hold before a pattern is worth compiling, and searching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kdoctor.rules.book import BEGINNING
from kdoctor.rules.patterns import parsed
from kdoctor.rules.standing import digits_alike

_SHORTEST = 3
_MOST_READINGS = 24
_MOST_OF_CLASS = 4
"""Signs of a class up to which each is taken for a word: quotes of three kinds, brackets."""


def literals(regex: str) -> tuple[str, ...]:
    """Return words, one of which every match contains (lower case, single blanks).

    Empty when no such words of at least 3 characters (2 of Chinese and the like) exist.
    """
    needed = needs(regex)
    return needed[0] if needed else ()


def beginning(literal: str) -> str:
    """Return how the longest word of a literal begins, digits taken as zeros; empty where that is too short to tell."""
    begin = digits_alike(max(literal.split(), key=len)[:BEGINNING])
    return begin if len(begin) == BEGINNING else ""


def needs(regex: str, most: int = 4) -> tuple[tuple[str, ...], ...]:
    """Return sets of words; every match has one word of each set. The most telling set comes first.

    Checked before a pattern is compiled: compiling costs more than looking for words.
    """
    return _needs_of(parsed(regex), most)


def signs(regex: str, most: int) -> tuple[tuple[str, ...], ...]:
    """Return sets as `needs` does, of words of any length that hold a sign: for patterns without telling words."""
    useful = [c for c in _candidates(parsed(regex)) if c and not any(not word or word.isalnum() for word in c)]
    return tuple(tuple(sorted(words)) for words in sorted(dict.fromkeys(useful), key=_worth, reverse=True)[:most])


def readings(regex: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return, for each way in which a pattern can be found, the sets of words that it needs.

    Every match has, for one of the readings, one word of each of its sets. The ways are the branches
    of the first alternation that is not inside a repeat; a pattern without one has one reading.
    """
    found = [_needs_of(sequence) for sequence in _ways(list(parsed(regex)))]
    return tuple(dict.fromkeys(found)) if all(found) else (needs(regex),)


def _ways(sequence: list[Any]) -> Iterator[list[Any]]:
    for i, (op, argument) in enumerate(sequence):
        before, after = sequence[:i], sequence[i + 1 :]
        if str(op) == "SUBPATTERN" and any(str(inner) == "BRANCH" for inner, _ in argument[3]):
            yield from _ways([*before, *argument[3], *after])
            return
        if str(op) == "BRANCH" and len(argument[1]) <= _MOST_READINGS:
            for branch in argument[1]:
                yield [*before, *branch, *after]
            return
    yield sequence


def _needs_of(sequence: Any, most: int = 4) -> tuple[tuple[str, ...], ...]:
    useful = [c for c in _candidates(sequence) if c and min(map(_length, c)) >= _SHORTEST]
    best = sorted(dict.fromkeys(useful), key=_worth, reverse=True)[:most]
    return tuple(tuple(sorted(words)) for words in best)


def _required(sequence: Any) -> frozenset[str]:
    """Return the best set of alternatives of which each match of the sequence has one."""
    return max(_candidates(sequence), key=_worth, default=frozenset())


def _candidates(sequence: Any) -> list[frozenset[str]]:
    """Return every set of words that the parts of a sequence require."""
    candidates: list[frozenset[str]] = []
    run = ""
    for op, argument in sequence:
        name = str(op)
        if name == "LITERAL":
            run += chr(argument).lower()
            continue
        if run:
            candidates.append(frozenset({run}))
            run = ""
        inner = _inner(name, argument)
        if inner:
            candidates.append(inner)
    if run:
        candidates.append(frozenset({run}))
    return [frozenset(" ".join(word.split()) for word in c) for c in candidates]


def _worth(words: frozenset[str]) -> tuple[int, int]:
    return (min(map(_length, words)), -len(words)) if words else (0, 0)


def _length(word: str) -> int:
    """Return how many letters a word is worth: two signs of a script without an alphabet tell as much as three."""
    return len(word) + (not word.isascii())


def _inner(name: str, argument: Any) -> frozenset[str]:
    if name == "SUBPATTERN":
        return _required(argument[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _required(argument[2]) if argument[0] >= 1 else frozenset()
    if name == "BRANCH":
        parts = [_required(branch) for branch in argument[1]]
        return frozenset().union(*parts) if all(parts) else frozenset()
    if name == "IN" and len(argument) <= _MOST_OF_CLASS:
        of_class = [chr(one) if str(op) == "LITERAL" else "" for op, one in argument]
        return frozenset() if any(one.isalnum() or not one.strip() for one in of_class) else frozenset(of_class)
    return frozenset()
