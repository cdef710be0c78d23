r"""Patterns as the compiled rules hold them: trees whose branches say which words a text must hold for them.

A tree is a sequence of items:

    "text"                           a part of a regular expression of `re`
    ["NAME"]                         a fragment, held once for all patterns
    ["(?:", [branch, ...], ")"]      alternatives; a branch is [words, sequence]

The words of a branch are sets of which each match of the branch has one each, in lower case and with single blanks.
Parts are written for texts in lower case, unless the tree begins with "(?i)"; see `patterns.lowered`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdoctor.rules.literals import needs, signs
from kdoctor.rules.patterns import expand, lowered, spelled, stretched

Tree = list[Any]

_SMALL = 24
"""Signs of a group up to which its branches are not told apart."""

_MOST_NEEDS = 2
# A fragment, an escaped sign, a class, or what begins, parts and ends a group.
_TOKEN = re.compile(
    r"%(?P<name>[A-Z][A-Z0-9_]+)%|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\((?:\?(?:P<\w+>|[a-zA-Z-]*:))?)|[)|]",
    re.DOTALL,
)


def tree(regex: str, fragments: Mapping[str, str]) -> Tree:
    """Return a pattern as a tree; its fragments are named, not written out.

    Raises:
        PatternError: an unknown fragment, or fragments in a circle.
    """
    wide = expand(regex, fragments)
    if lowered(wide) is None:
        branches, _ = _branches(wide, 0, {}, stretched)
        return _merged(["(?i)", *_group("", branches, "", {}, alone=True)])
    branches, _ = _branches(regex, 0, fragments, spelled)
    return _merged(_group("", branches, "", fragments, alone=True))


def _branches(
    regex: str, at: int, fragments: Mapping[str, str], part: Callable[[str], str]
) -> tuple[list[tuple[str, Tree]], int]:
    """Return the branches from a place to the end of their group, each as written and as a sequence; and that end.

    `part` makes a part of a regular expression of `re` of what is written.
    """
    branches: list[tuple[str, Tree]] = []
    items: Tree = []
    begin = done = at
    while found := _TOKEN.search(regex, at):
        sign, at = found[0], found.end()
        if not (found["name"] or found["open"] or sign in ")|"):
            continue
        items.append(part(regex[done : found.start()]))
        if found["name"]:
            items.append([found["name"]])
        elif found["open"]:
            inner, at = _branches(regex, at, fragments, part)
            items += _group(sign, inner, ")", fragments)
        else:
            branches.append((regex[begin : found.start()], items))
            if sign == ")":
                return branches, at
            items, begin = [], at
        done = at
    return [*branches, (regex[begin:], [*items, part(regex[done:])])], len(regex)


def _group(
    opening: str,
    branches: Sequence[tuple[str, Tree]],
    closing: str,
    fragments: Mapping[str, str],
    *,
    alone: bool = False,
) -> Tree:
    """Return a group as items: one with branches, or the plain parts where they need not be told apart.

    That of a whole pattern stands `alone`: the words of its only branch, too, tell whether it can match.
    """
    sequences = [_merged(sequence) or [""] for _, sequence in branches]
    small = not alone and (len(branches) == 1 or sum(len(written) for written, _ in branches) < _SMALL)
    wide = [] if small else [expand(written, fragments) for written, _ in branches]
    words_of = [needs(one, _MOST_NEEDS) or signs(one, _MOST_NEEDS) for one in wide] or [()] * len(branches)
    if not any(words_of) and all(map(_is_text, sequences)):
        return [opening, "|".join(sequence[0] for sequence in sequences), closing]
    kept: Tree = []
    for words, sequence in zip(words_of, sequences, strict=True):
        if kept and not words and not kept[-1][0] and _is_text(sequence) and _is_text(kept[-1][1]):
            kept[-1][1] = [f"{kept[-1][1][0]}|{sequence[0]}"]
        else:
            kept.append([words, sequence])
    return [[opening, kept, closing]]


def _is_text(sequence: Tree) -> bool:
    return len(sequence) == 1 and isinstance(sequence[0], str)


def _merged(items: Tree) -> Tree:
    """Return items with texts side by side as one."""
    merged: Tree = []
    for item in items:
        if isinstance(item, str) and merged and isinstance(merged[-1], str):
            merged[-1] += item
        elif item != "":
            merged.append(item)
    return merged
