"""A rule's page: what it means, how it is told apart, what is probed, what helps on each platform.

Everything on it is derived from the rule, its neighbours, its recipes and the registry of probes.
`kdoctor.report.pages` writes it as Markdown or for a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.page.apart import apart
from kdoctor.rules.page.blocks import Block, Blocks, Code, Heading, Item, Paragraph, Text, Url
from kdoctor.rules.page.helping import helping
from kdoctor.rules.page.probing import probing
from kdoctor.rules.page.words import PageWords, page_words

_EXAMPLES = 6
_LONGEST = 300


def page(book: Book, rule: model.Rule, lang: str = "en") -> Blocks:
    """Return the page of a rule in a language (`en`, `zh`); a text that is not translated stays English."""
    return tuple(_page(book, rule, lang, page_words(lang)))


def _page(book: Book, rule: model.Rule, lang: str, say: PageWords) -> Iterator[Block]:
    translation = book.translation(lang, rule.id) if lang != "en" else None
    yield Heading((general(translation.title if translation else rule.title),), 1)
    yield Paragraph((Code(rule.id), f" · {say.summary.format(layer=rule.layer, severity=rule.severity)}"))
    yield Heading((say.means,))
    yield Paragraph((general((translation.why if translation else None) or rule.why),))
    yield Item((f"{say.occurs_on}{say.colon}{say.comma.join(rule.occurs_on)}{say.full_stop}",))
    if rule.engines:
        yield Item((f"{say.engines}{say.colon}{say.comma.join(rule.engines)}{say.full_stop}",))
    yield from _reads(rule, say)
    yield from apart(book, rule, lang, say)
    yield from probing(rule, translation, lang, say)
    yield from helping(book, rule, lang, say)
    if rule.references:
        yield Heading((say.references,))
        for one in rule.references:
            yield Item((Url(one.url), f" ({one.kind})"))


def _reads(rule: model.Rule, say: PageWords) -> Iterator[Block]:
    """Yield examples: one of each engine first, then others, each on one line."""
    first: dict[str, model.Positive] = {}
    for one in rule.examples.positive:
        first.setdefault(one.engine, one)
    shown = list(first.values()) + [one for one in rule.examples.positive if one not in first.values()]
    if shown:
        yield Heading((say.reads,))
    for one in shown[:_EXAMPLES]:
        text: Text = (f"{one.engine}{say.colon}", Code(one_line(one.text)))
        yield Item(text)


def general(texts: model.Texts) -> str:
    """Return the alternative of a text that needs the fewest values."""
    return texts if isinstance(texts, str) else texts[-1]


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return a text on one line, its end left out where it is long."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= longest else f"{line[: longest - 4].rstrip()} ..."
