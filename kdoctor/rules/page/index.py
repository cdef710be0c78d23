"""The two indexes of the pages: known failures by layer, and by the words that they are recognised by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kdoctor.rules.book import Book
from kdoctor.rules.page.apart import title
from kdoctor.rules.page.blocks import Block, Blocks, Code, Heading, Item, Paragraph, Part, RuleLink, Table
from kdoctor.rules.page.words import PageWords, page_words

_SHORTEST = 8
"""Characters below which a pattern's words say little without the rest of the message."""

_SHORT_PHRASE, _LONG_WORD = 12, 14

_SIGNS = " \t\n\"'`:;,.=()[]{}<>|*-/\\_#"


def by_layer(book: Book, lang: str, messages: str) -> Blocks:
    """Return the index by layer; `messages` is the page of the other index."""
    return tuple(_by_layer(book, lang, page_words(lang), messages))


def _by_layer(book: Book, lang: str, say: PageWords, messages: str) -> Iterator[Block]:
    yield Heading((say.by_layer,), 1)
    head, _, tail = say.by_layer_intro.partition("{link}")
    yield Paragraph((head, RuleLink(messages), tail))
    rules = [book.rule(rule_id) for rule_id in book.ids]
    layers = [*book.layers, *sorted({rule.layer for rule in rules} - set(book.layers))]
    for layer in layers:
        here = sorted(rule.id for rule in rules if rule.layer == layer)
        if here:
            yield Heading((layer,))
            rows = tuple(((RuleLink(one),), (title(book, one, lang),)) for one in here)
            yield Table((say.rule, say.failure), rows)


def by_message(book: Book, lang: str) -> Blocks:
    """Return the index by message: words, and the rules whose patterns have them."""
    return tuple(_by_message(book, page_words(lang)))


def _by_message(book: Book, say: PageWords) -> Iterator[Block]:
    yield Heading((say.by_message,), 1)
    yield Paragraph((say.by_message_intro,))
    letter = ""
    for words, ids in sorted(messages(book).items(), key=lambda item: (item[0].lower(), item[0])):
        first = words[0].upper() if words[0].isascii() and words[0].isalpha() else "0-9"
        if first != letter:
            letter = first
            yield Heading((letter,))
        named: list[Part] = []
        for one in ids:
            named += [say.comma, RuleLink(one)] if named else [RuleLink(one)]
        yield Item((Code(words), say.colon, *named))


def messages(book: Book) -> Mapping[str, list[str]]:
    """Return the telling words of every pattern, as an example has them, with the rules that have them."""
    found: dict[str, dict[str, None]] = {}
    cased: dict[str, str] = {}
    for rule_id in sorted(book.ids):
        texts = [" ".join(one.text.split()) for one in book.rule(rule_id).examples.positive]
        for words in dict.fromkeys(_telling(book, rule_id)):
            shown = next((whole for text in texts if (whole := _whole_words(words, text))), None)
            if shown is not None and _tells(shown):
                cased.setdefault(shown.lower(), shown)
                found.setdefault(shown.lower(), {})[rule_id] = None
    return {cased[words]: list(ids) for words, ids in found.items()}


def _telling(book: Book, rule_id: str) -> Iterator[str]:
    """Yield, for each way in which a pattern can be found, the longest words that it must have."""
    for way in book.readings(rule_id):
        alone = (words[0].strip(_SIGNS) for words in way if len(words) == 1)
        words = max(alone, key=len, default="") or max((word.strip(_SIGNS) for word in way[0]), key=len)
        if words:
            yield words


def _whole_words(words: str, text: str) -> str | None:
    """Return the words as they stand in a text, those that are cut at an end made whole; None: not there."""
    at = text.lower().find(words)
    if at < 0:
        return None
    end = at + len(words)
    while at and text[at - 1].isalnum() and text[at].isalnum():
        at -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return text[at:end]


def _tells(words: str) -> bool:
    """Tell whether words are telling: several, or one that no sentence has by chance."""
    if len(words) < (_SHORT_PHRASE if " " in words else _SHORTEST) or not re.search(r"[^\W\d_]{3}", words):
        return False
    return " " in words or re.search(r"[A-Z_/.-]", words[1:]) is not None or len(words) > _LONG_WORD
