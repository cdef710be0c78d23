"""The notation of patterns: regular expressions of the RE2 subset with named fragments.

    a blank        any run of white space, line breaks included
    %NAME%         a fragment of rules/words.yaml, e.g. %ADDRESS% or %REFUSED%
    (?P<fact>...)  a fact

Case does not count; `^` and `$` are the ends of a line. Matching uses Python's `re` on windows of
at most 16 KiB, so patterns that could backtrack without bound are refused when rules are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's own syntax
_FRAGMENT = re.compile(r"%([A-Z][A-Z0-9_]+)%")
_BLANK = r"\s{1,80}"
FLAGS = re.IGNORECASE | re.MULTILINE


class PatternError(ValueError):
    """A pattern that does not compile, or could take long."""


def expand(regex: str, fragments: Mapping[str, str]) -> str:
    """Return the pattern with its fragments written out; fragments may name fragments.

    Raises:
        PatternError: an unknown fragment, or fragments in a circle.
    """
    for _ in range(8):
        unknown = next((name for name in _FRAGMENT.findall(regex) if name not in fragments), None)
        if unknown:
            raise PatternError(f"no fragment %{unknown}% in words.yaml")
        wider = _FRAGMENT.sub(lambda found: f"(?:{fragments[found[1]]})", regex)
        if wider == regex:
            return regex
        regex = wider
    raise PatternError("fragments name each other in a circle")


def stretched(regex: str) -> str:
    """Return the pattern with every blank outside of a character class standing for white space."""
    out, in_class, escaped = [], False, False
    for sign in regex:
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == "[" and not in_class:
            in_class = True
        elif sign == "]" and in_class:
            in_class = False
        elif sign == " " and not in_class:
            out.append(_BLANK)
            continue
        out.append(sign)
    return "".join(out)


def compiled(regex: str) -> re.Pattern[str]:
    """Compile an expanded pattern.

    Raises:
        PatternError: it is not a regular expression.
    """
    try:
        return re.compile(stretched(regex), FLAGS)
    except re.error as error:
        raise PatternError(f"not a regular expression: {error}") from error


def literals(regex: str) -> tuple[str, ...]:
    """Return words, one of which every match contains (lower case, single blanks).

    Empty when no such words of at least 3 characters exist.
    """
    best = _required(_parser.parse(regex, FLAGS))
    return tuple(sorted(best)) if best and min(map(len, best)) >= 3 else ()


def _required(sequence: Any) -> frozenset[str]:
    """Return the best set of alternatives of which each match of the sequence has one."""
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
    candidates = [frozenset(" ".join(word.split()) for word in c) for c in candidates]
    return max(candidates, key=_worth, default=frozenset())


def _worth(words: frozenset[str]) -> tuple[int, int]:
    return (min(map(len, words)), -len(words)) if words else (0, 0)


def _inner(name: str, argument: Any) -> frozenset[str]:
    if name == "SUBPATTERN":
        return _required(argument[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _required(argument[2]) if argument[0] >= 1 else frozenset()
    if name == "BRANCH":
        parts = [_required(branch) for branch in argument[1]]
        return frozenset().union(*parts) if all(parts) else frozenset()
    return frozenset()


def dangers(regex: str) -> Iterator[str]:
    """Yield why a pattern could take long, or leaves the RE2 subset."""
    yield from _dangers(_parser.parse(stretched(regex), FLAGS), False)


def _dangers(sequence: Any, inside: bool) -> Iterator[str]:
    before = False
    for op, argument in sequence:
        name = str(op)
        unbounded = False
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            unbounded = str(argument[1]) == "MAXREPEAT"
            wide = any(str(o) in ("ANY", "NOT_LITERAL") for o, _ in argument[2])
            if unbounded and inside:
                yield "an unbounded repeat inside another; bound one, e.g. {0,200}"
            if unbounded and before:
                yield "two unbounded repeats side by side; bound one, e.g. {0,200}"
            if unbounded and wide:
                yield "an unbounded `.`; bound it, e.g. .{0,200}"
            yield from _dangers(argument[2], inside or unbounded)
        elif name == "SUBPATTERN":
            yield from _dangers(argument[3], inside)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _dangers(branch, inside)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield "look-around is not in the RE2 subset; use `none`"
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            yield "a back reference is not in the RE2 subset"
        before = unbounded
