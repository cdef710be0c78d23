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

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdoctor.errors import did_you_mean

_parser: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's own syntax
ALONE = r"\A"
"""How a pattern begins that counts only where the whole text is one line."""

FRAGMENT_NAME = re.compile("[A-Z][A-Z0-9_]+")
_FRAGMENT = re.compile(f"%({FRAGMENT_NAME.pattern})%")
BLANK = r"\s{1,80}"
"""What a blank of a pattern stands for."""
_LONGEST = 50_000
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


# An escaped sign, a character class (whose first sign may be a bracket), a blank, or an end.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]| |\^|\$", re.DOTALL)
_ENDS = {"^": r"""(?:^[ \t]{0,40}|["'`])""", "$": r"""(?:$|\\{0,8}["'`])"""}


def _blank(regex: str, after: int) -> str:
    """Return what a blank stands for; a group of its own where a repeat of it follows."""
    return f"(?:{BLANK})" if regex[after : after + 1] in ("?", "*", "+", "{") else BLANK


def compiled(regex: str) -> re.Pattern[str]:
    """Compile an expanded pattern.

    Raises:
        PatternError: it is not a regular expression.
    """
    try:
        return re.compile(stretched(regex), FLAGS)
    except re.error as error:
        raise PatternError(f"not a regular expression: {error}") from error


# A case that is asked for, a capital letter or any sign by its number, and a class with a range over both kinds.
_ONLY_EXACT = re.compile(r"\(\?-i|(?<!\\)(?:\\\\)*\\(?:[uUN0]|x4[1-9a-fA-F]|x5[0-9aA])")
_MIXED = re.compile(r"(?<!\\)(?:[A-Z]-[^A-Z]|[a-z]-[^a-z]|[^A-Za-z\\]-[A-Za-z])")
_SPELLED = re.compile(r"\\.|\(\?P<\w+>|[A-Z]|[^\x00-\x7f]")


def parsed(regex: str) -> Any:
    """Return an expanded pattern as Python's own parser has it: a sequence of (operator, argument)."""
    return _parser.parse(regex, FLAGS)


def lowered(regex: str) -> str | None:
    """Return an expanded pattern for texts in lower case, where case then may count; None where that has no like."""
    classes = (found[0] for found in _TOKEN.finditer(regex) if found[0].startswith("["))
    if _ONLY_EXACT.search(regex) or any(_MIXED.search(one[1:-1]) for one in classes):
        return None
    return spelled(regex)


def spelled(part: str) -> str:
    """Return a part of an expanded pattern, which has a like in lower case, as that."""
    return _SPELLED.sub(lambda found: found[0] if len(found[0]) > 1 else found[0].lower(), stretched(part))


_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_MANY_ROUNDS = 3
_Item = tuple[Any, Any]


def dangers(regex: str) -> Iterator[str]:
    """Yield why a pattern could take long, or leaves the RE2 subset."""
    yield from _dangers(parsed(stretched(regex)), False)


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
