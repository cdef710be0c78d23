"""The words of the known failures, and how much each tells: for texts that no rule matches.

A word that many rules use tells little: its weight is the logarithm of how few rules have it
(inverse document frequency, Spärck Jones 1972). Names, numbers, addresses and paths are no words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kdoctor.reading.clean import clean
from kdoctor.rules import model

_VARIABLE = re.compile(
    r"""[a-z][a-z0-9+.-]*://\S+                    # a URL
    | \bsha\d{3}:\S+ | \S+@\S+                     # a digest, an address of mail
    | (?:\b[a-z]:)?[/\\][^\s:"',)]+                # a path
    | \b[\w-]+(?:[./][\w-]+)+(?::\w\S*)?           # a host, an image, a dotted name
    | \b[0-9a-f]*\d[0-9a-f]{5,}\b | \b\d\S*        # an identifier, a number
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[a-z][a-z0-9]*(?:[_'-][a-z0-9]+)*", re.IGNORECASE)
_SHORTEST, _LONGEST = 3, 40
_FILLING = frozenset(
    {"the", "and", "for", "not", "with", "from", "this", "that", "was", "has", "are", "you", "can", "could", "did"}
    | {"have", "its", "but", "out", "any", "all", "one", "two", "new", "use", "using", "used", "will", "would", "may"}
    | {"should", "might", "must", "been", "being", "they", "them", "then", "than", "when", "where", "what", "which"}
    | {"who", "how", "why", "into", "onto", "over", "under", "there", "here", "their", "your", "our", "his", "her"}
    | {"also", "only", "just", "more", "most", "some", "such", "very", "via", "per", "see", "get", "got", "let", "does"}
    | {"time", "level", "msg", "info", "caller", "logger"}
)
"""Words that stand between others, or around every line of a log."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, in lower case, with the place where it stands there."""

    text: str
    start: int
    end: int


def words(text: str) -> Iterator[Word]:
    """Yield the words of a cleaned line or record in order."""
    plain = _VARIABLE.sub(lambda found: "\0" * len(found[0]), text)
    for found in _WORD.finditer(plain):
        word = found[0].lower()
        if _SHORTEST <= len(word) <= _LONGEST and word not in _FILLING:
            yield Word(word, *found.span())


def vocabulary(rules: Iterable[model.Rule]) -> Mapping[str, Any]:
    """Return what `neighbours` needs of the rules, as plain JSON: each word's weight, each example's words.

    `weights` maps a word to ln((rules + 1) / rules that have it), `unknown` is the weight of a word that none
    has; `examples` lists [rule id, text, words].
    """
    examples: list[tuple[str, str, list[str]]] = []
    having: dict[str, set[str]] = {}
    rules = tuple(rules)
    for rule in rules:
        for one in rule.examples.positive:
            text = "\n".join(line.text for line in clean(one.text))
            found = list(dict.fromkeys(word.text for word in words(text)))
            examples.append((rule.id, text, found))
            for word in found:
                having.setdefault(word, set()).add(rule.id)
    weights = {word: round(math.log((len(rules) + 1) / len(ids)), 3) for word, ids in having.items()}
    return {"weights": weights, "unknown": round(math.log(len(rules) + 1), 3), "examples": examples}
