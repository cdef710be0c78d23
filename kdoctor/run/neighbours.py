"""Known failures that share words with a text that none of them is. Never a diagnosis."""

from __future__ import annotations

import re

from kdoctor.model import Neighbour
from kdoctor.reading.clean import clean
from kdoctor.rules.book import Book
from kdoctor.rules.condition import Scope
from kdoctor.rules.template import first_filled

_WORD = re.compile(r"[a-z][a-z0-9_-]{2,40}")
_COMMON = frozenset(
    {"the", "and", "for", "not", "error", "failed", "with", "from", "this", "that", "was", "has", "are", "you"}
    | {"can", "could", "did", "have", "its"}
)
_MOST = 3
_ENOUGH = 2


def neighbours(book: Book, text: str, lang: str) -> tuple[Neighbour, ...]:
    """Return up to three rules whose patterns' words stand in the text, most shared first."""
    words = frozenset(_WORD.findall(" ".join(line.text for line in clean(text[:65536])).lower())) - _COMMON
    shared: dict[str, set[str]] = {}
    for literal, numbers in book.literals.items():
        common = words & frozenset(_WORD.findall(literal))
        if len(common) >= _ENOUGH or any(len(word) > 11 for word in common):
            for number in numbers:
                shared.setdefault(book.rule_of(number), set()).update(common)
    best = sorted(shared.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST]
    return tuple(Neighbour(rule_id, _title(book, rule_id, lang), tuple(sorted(found))) for rule_id, found in best)


def _title(book: Book, rule_id: str, lang: str) -> str:
    translation = book.translation(lang, rule_id) if lang != "en" else None
    title = translation.title if translation else book.rule(rule_id).title
    templates = (title,) if isinstance(title, str) else title
    return first_filled(tuple(reversed(templates)), Scope({}, {})) or re.sub(r"\{[^}]*\}", "...", templates[-1])
