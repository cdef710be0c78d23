"""How a rule is told apart from its neighbours, as its own keys and theirs say."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.page.blocks import Block, Code, Heading, Item, Part, RuleLink
from kdoctor.rules.page.words import PageWords

_EXAMPLE = 200
_HARMLESS = 3
"""Texts that look alike and are no failure, of those that a rule is held against."""


@dataclass(slots=True)
class _Backward:
    """What other rules say of a rule: who supersedes it, who it follows from, what follows from it."""

    superseded_by: dict[str, list[str]] = field(default_factory=dict)
    caused_by: dict[str, list[str]] = field(default_factory=dict)
    explains: dict[str, list[str]] = field(default_factory=dict)


@functools.lru_cache(maxsize=4)
def _backward(book: Book) -> _Backward:
    found = _Backward()
    for rule in map(book.rule, book.ids):
        for key, into in (("supersedes", found.superseded_by), ("causes", found.caused_by)):
            for other in getattr(rule, key):
                into.setdefault(other, []).append(rule.id)
        for other in rule.explained_by:
            found.explains.setdefault(other, []).append(rule.id)
    return found


def apart(book: Book, rule: model.Rule, lang: str, say: PageWords) -> Iterator[Block]:
    """Yield the section; nothing where a rule has no neighbours."""
    items = list(_items(book, rule, lang, say))
    if items:
        yield Heading((say.apart,))
        yield from items


def _items(book: Book, rule: model.Rule, lang: str, say: PageWords) -> Iterator[Item]:
    back = _backward(book)
    yield from _negatives(rule, say)
    yield from _named(book, say.wins_over, rule.supersedes, lang, say)
    yield from _named(book, say.gives_way, back.superseded_by.get(rule.id, ()), lang, say)
    consequences = dict.fromkeys((*rule.causes, *back.explains.get(rule.id, ())))
    yield from _named(book, say.is_why, consequences, lang, say)
    causes = dict.fromkeys((*rule.explained_by, *back.caused_by.get(rule.id, ())))
    yield from _named(book, say.follows_from, causes, lang, say)
    if rule.weak:
        yield Item((say.weak,))
    if rule.match and rule.match.context:
        yield Item((*_around(say.context, {"context": Code(rule.match.context)}),))
    for detect in rule.detect:
        outcomes: list[Part] = []
        for outcome in detect.outcome:
            outcomes += [say.or_, Code(outcome)] if outcomes else [Code(outcome)]
        head, _, tail = say.walk_step.partition("{outcomes}")
        yield Item((f"{say.walk} ", *_around(head, {"step": Code(detect.step)}), *outcomes, tail + say.full_stop))


def _negatives(rule: model.Rule, say: PageWords) -> Iterator[Item]:
    """Yield texts that look alike, each with what it is: one of each other rule, some that are no failure."""
    seen: Counter[str | None] = Counter()
    for one in rule.examples.negative:
        seen[one.expect] += 1
        if seen[one.expect] > (1 if one.expect else _HARMLESS):
            continue
        other: Part = RuleLink(one.expect) if one.expect else say.nothing_known
        line = " ".join(one.text.split())
        shown = line if len(line) <= _EXAMPLE else f"{line[: _EXAMPLE - 4].rstrip()} ..."
        yield Item((*_around(say.looks_alike, {"other": other}), say.colon, Code(shown)))


def _named(book: Book, lead: str, ids: Iterable[str], lang: str, say: PageWords) -> Iterator[Item]:
    """Yield a lead and the rules under it; a class of the taxonomy that has no rule yet is left out."""
    there = [one for one in ids if one in book.ids or one in book.layers]
    if not there:
        return
    yield Item((lead + say.colon.rstrip(),))
    for one in there:
        if one in book.layers:
            yield Item((say.any_of_layer.format(layer=one),), 1)
        else:
            yield Item((RuleLink(one), f"{say.colon}{title(book, one, lang)}"), 1)


def title(book: Book, rule_id: str, lang: str) -> str:
    """Return a rule's title without values, in a language or else in English."""
    translation = book.translation(lang, rule_id) if lang != "en" else None
    found = translation.title if translation else book.rule(rule_id).title
    return found if isinstance(found, str) else found[-1]


def _around(sentence: str, parts: Mapping[str, Part]) -> Iterator[Part]:
    """Yield a sentence with parts in place of their names in braces."""
    for name, part in parts.items():
        head, _, sentence = sentence.partition("{" + name + "}")
        yield head
        yield part
    yield sentence
