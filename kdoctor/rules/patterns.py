r"""The notation of patterns: regular expressions of the RE2 subset with named fragments.

    a blank        any run of white space, line breaks included
    %NAME%         a fragment of rules/words.yaml, e.g. %ADDRESS% or %REFUSED%
    (?P<fact>...)  a fact

Case does not count; `^` and `$` are the ends of a line, whatever its indentation, or of a quoted
message. A pattern that begins with `\A` counts only where the whole text is one line. Matching uses
Python's `re` on windows of at most 16 KiB, so patterns that could backtrack without bound are
refused when rules are loaded.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kdoctor.errors import did_you_mean

_parser: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's own syntax
FRAGMENT_NAME = re.compile("[A-Z][A-Z0-9_]+")
_FRAGMENT = re.compile(f"%({FRAGMENT_NAME.pattern})%")
_BLANK = r"\s{1,80}"
_LONGEST = 50_000
_SHORTEST = 3
_MOST_READINGS = 24
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
            raise PatternError(f"no fragment %{unknown}% in words.yaml.{did_you_mean(unknown, fragments)}")
        wider = _FRAGMENT.sub(lambda found: f"(?:{fragments[found[1]]})", regex)
        if wider == regex:
            return regex
        if len(wider) > _LONGEST:
            raise PatternError(f"it is too long with its fragments written out (more than {_LONGEST} signs)")
        regex = wider
    raise PatternError("fragments name each other in a circle")


def stretched(regex: str) -> str:
    """Return the pattern with what blanks and the ends of a message stand for, outside of character classes."""
    return _TOKEN.sub(
        lambda found: _blank(regex, found.end()) if found[0] == " " else _ENDS.get(found[0], found[0]), regex
    )


_BRACKETS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)
# An escaped sign, a character class (whose first sign may be a bracket), a blank, or an end.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]| |\^|\$", re.DOTALL)
_ENDS = {"^": r"""(?:^[ \t]{0,40}|["'`])""", "$": r"""(?:$|\\{0,8}["'`])"""}


def _blank(regex: str, after: int) -> str:
    """Return what a blank stands for; a group of its own where a repeat of it follows."""
    return f"(?:{_BLANK})" if regex[after : after + 1] in ("?", "*", "+", "{") else _BLANK


def compiled(regex: str) -> re.Pattern[str]:
    """Compile an expanded pattern.

    Raises:
        PatternError: it is not a regular expression.
    """
    try:
        return re.compile(stretched(regex), FLAGS)
    except re.error as error:
        raise PatternError(f"not a regular expression: {error}") from error


BEGINNING = 4
"""Characters of a word by which literals are grouped."""

DIGITS: Final = str.maketrans("123456789", "000000000")
_ONLY_EXACT = re.compile(r"\(\?-i|\\[xuUN0-9]|\[(?:\\.|[^\]\\])*?(?:[A-Z]-[^A-Z]|[a-z]-[^a-z]|[^A-Za-z\\]-[A-Za-z])")
_SPELLED = re.compile(r"\\.|\(\?P<\w+>|[A-Z]|[^\x00-\x7f]")


def lowered(regex: str) -> str | None:
    """Return an expanded pattern for texts in lower case, where case then may count; None where that has no like."""
    if _ONLY_EXACT.search(regex):
        return None
    return _SPELLED.sub(lambda found: found[0] if len(found[0]) > 1 else found[0].lower(), stretched(regex))


def literals(regex: str) -> tuple[str, ...]:
    """Return words, one of which every match contains (lower case, single blanks).

    Empty when no such words of at least 3 characters (2 of Chinese and the like) exist.
    """
    needed = needs(regex)
    return needed[0] if needed else ()


def signs(regex: str) -> list[tuple[tuple[str, ...], str]]:
    """Return an expanded pattern as its alternatives, each with the words of which its every match has one.

    What finds one of them finds the pattern. Those without such words are one, the last. So a long list of what tells
    of a program's code costs little in a text that has none of its words.
    """
    named = [(literals(one), one) for one in _alternatives(regex)]
    rest = "|".join(one for words, one in named if not words)
    return [(words, one) for words, one in named if words] + ([((), rest)] if rest else [])


def _alternatives(regex: str) -> list[str]:
    """Return the alternatives of a pattern, or of the group that it begins with, each with what follows the group."""
    whole = _split(regex)
    if len(whole) > 1 or not regex.startswith("(?:"):
        return whole
    end = next(at for at, depth, _ in _places(regex) if depth == 0)
    if regex[end + 1 : end + 2] in ("?", "*", "+", "{"):
        return whole
    inner = [f"{one}{regex[end + 1 :]}" for one in _split(regex[3:end])]
    return inner if len(inner) > 1 else _alternatives(inner[0])


def _split(regex: str) -> list[str]:
    """Return what stands between the bars outside of all groups."""
    cuts = [-1, *(at for at, depth, sign in _places(regex) if sign == "|" and depth == 0), len(regex)]
    return [regex[a + 1 : b] for a, b in itertools.pairwise(cuts)]


def _places(regex: str) -> Iterator[tuple[int, int, str]]:
    """Yield place, depth of groups after it, and sign of each bracket and bar outside of classes and escapes."""
    depth = 0
    for found in _BRACKETS.finditer(regex):
        sign = found[0]
        if sign in "()|":
            depth += (sign == "(") - (sign == ")")
            yield found.start(), depth, sign


def beginning(literal: str) -> str:
    """Return how the longest word of a literal begins, digits taken as zeros; empty where that is too short to tell."""
    begin = max(literal.split(), key=len)[:BEGINNING].translate(DIGITS)
    return begin if len(begin) == BEGINNING else ""


def needs(regex: str, most: int = 4) -> tuple[tuple[str, ...], ...]:
    """Return sets of words; every match has one word of each set. The most telling set comes first.

    Checked before a pattern is compiled: compiling costs more than looking for words.
    """
    return _needs_of(_parser.parse(regex, FLAGS), most)


def readings(regex: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Return, for each way in which a pattern can be found, the sets of words that it needs.

    Every match has, for one of the readings, one word of each of its sets. The ways are the branches
    of the first alternation that is not inside a repeat; a pattern without one has one reading.
    """
    found = [_needs_of(sequence) for sequence in _ways(list(_parser.parse(regex, FLAGS)))]
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
    return frozenset()


_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_MANY_ROUNDS = 3
_Item = tuple[Any, Any]


def dangers(regex: str) -> Iterator[str]:
    """Yield why a pattern could take long, or leaves the RE2 subset."""
    yield from _dangers(_parser.parse(stretched(regex), FLAGS), False)


def _dangers(sequence: Any, inside: bool) -> Iterator[str]:
    before = False
    for item in sequence:
        op, argument = item
        name = str(op)
        if before and _borders(item, first=True):
            yield "two unbounded repeats side by side; bound one, e.g. {0,200}"
        before = _borders(item, first=False) or (before and _may_be_empty(item))
        if name in _REPEATS:
            yield from _repeat_dangers(argument, inside)
            yield from _dangers(argument[2], inside or _unbounded(argument))
        elif name == "SUBPATTERN":
            yield from _dangers(argument[3], inside)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _dangers(branch, inside)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield "look-around is not in the RE2 subset; use `none`"
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            yield "a back reference is not in the RE2 subset"
        if name in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP"):
            yield "atomic groups and possessive repeats are not in the RE2 subset"


def _repeat_dangers(argument: Any, inside: bool) -> Iterator[str]:
    _, most, body = argument
    unbounded = _unbounded(argument)
    if unbounded and inside:
        yield "an unbounded repeat inside another; bound one, e.g. {0,200}"
    if unbounded and any(_is_anything(item) for item in body):
        yield "an unbounded `.`; bound it, e.g. .{0,200}"
    if unbounded and any(str(op) == "BRANCH" for op, _ in _flat(body)):
        yield "an unbounded repeat of alternatives; bound it, e.g. {0,20}"
    inner = [one for op, one in _flat(body) if str(op) in _REPEATS and one[0] != one[1]]
    if inner and (unbounded or most > _MANY_ROUNDS) and not _delimited(body, inner):
        yield "a repeat inside another whose rounds cannot be told apart; end each with a sign the inner one cannot be"


def _unbounded(argument: Any) -> bool:
    return str(argument[1]) == "MAXREPEAT"


def _flat(sequence: Any) -> Iterator[_Item]:
    """Yield every item of a sequence, those of its groups, branches and repeats included."""
    for item in sequence:
        yield item
        for part in _parts(item):
            yield from _flat(part)


def _parts(item: _Item) -> Sequence[Any]:
    name, argument = str(item[0]), item[1]
    if name == "SUBPATTERN":
        return (argument[3],)
    if name in _REPEATS:
        return (argument[2],)
    if name == "BRANCH":
        return tuple(argument[1])
    return (argument,) if name == "ATOMIC_GROUP" else ()


def _may_be_empty(item: _Item) -> bool:
    name, argument = str(item[0]), item[1]
    if name == "AT" or (name in _REPEATS and argument[0] == 0):
        return True
    parts = _parts(item)
    return bool(parts) and any(all(_may_be_empty(one) for one in part) for part in parts)


def _borders(item: _Item, *, first: bool) -> bool:
    """Tell whether an item may begin (or end) with an unbounded repeat."""
    if str(item[0]) in _REPEATS and _unbounded(item[1]):
        return True
    for part in _parts(item):
        for one in part if first else reversed(list(part)):
            if _borders(one, first=first):
                return True
            if not _may_be_empty(one):
                break
    return False


def _is_anything(item: _Item) -> bool:
    r"""Tell whether an item is `.`, its like `[^x]`, or a class with its own opposite such as `[\s\S]`."""
    name, argument = str(item[0]), item[1]
    if name == "IN":
        held = {str(one) for op, one in argument if str(op) == "CATEGORY"}
        return any(one.replace("CATEGORY_", "CATEGORY_NOT_") in held for one in held)
    return name in ("ANY", "NOT_LITERAL")


def _delimited(body: Any, inner: Sequence[Any]) -> bool:
    """Tell whether the first or last sign of each round is one that no repeat inside can be."""
    items = list(body)
    if len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
        return _delimited(items[0][1][3], inner)
    signs = [chr(argument) for op, argument in (items[0], items[-1]) if str(op) == "LITERAL"]
    return any(not any(_can_be(item, sign) for one in inner for item in _flat(one[2])) for sign in signs)


def _can_be(item: _Item, sign: str) -> bool:
    """Tell whether an item that is one sign can be this one."""
    name, argument = str(item[0]), item[1]
    if name in ("LITERAL", "NOT_LITERAL"):
        return (chr(argument).lower() == sign.lower()) is (name == "LITERAL")
    if name == "ANY":
        return sign != "\n"
    return name == "IN" and _in_class(argument, sign)


_CATEGORIES = {"SPACE": r"\s", "NOT_SPACE": r"\S", "WORD": r"\w", "NOT_WORD": r"\W", "DIGIT": r"\d", "NOT_DIGIT": r"\D"}


def _in_class(members: Any, sign: str) -> bool:
    held = False
    for op, argument in members:
        if str(op) == "LITERAL":
            held = held or chr(argument).lower() == sign.lower()
        elif str(op) == "RANGE":
            held = held or any(
                argument[0] <= ord(one) <= argument[1] for one in (sign.lower(), sign.upper()) if len(one) == 1
            )
        elif str(op) == "CATEGORY":
            held = held or re.match(_CATEGORIES[str(argument).removeprefix("CATEGORY_")], sign) is not None
    return held is not (str(members[0][0]) == "NEGATE")
