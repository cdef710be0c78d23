"""What helps: every fix of a rule on every platform on which the failure occurs."""

from __future__ import annotations

from collections.abc import Iterator

from kdoctor.rules import commands, model
from kdoctor.rules.book import Book
from kdoctor.rules.page.blocks import Block, Heading, Item, Listing, Paragraph
from kdoctor.rules.page.probing import in_line
from kdoctor.rules.page.words import PageWords
from kdoctor.rules.remedy import with_systemd
from kdoctor.rules.template import names, several


def helping(book: Book, rule: model.Rule, lang: str, say: PageWords) -> Iterator[Block]:
    """Yield the section: each fix with its condition, its risk, and its steps platform by platform."""
    yield Heading((say.helps,))
    if not rule.fixes:
        yield Paragraph((say.no_fix,))
        return
    blocks = list(_fixes(book, rule, lang, say))
    if any(list(names(one.text)) for one in blocks if isinstance(one, Listing)):
        yield Paragraph((say.braces,))
    yield from blocks


def _fixes(book: Book, rule: model.Rule, lang: str, say: PageWords) -> Iterator[Block]:
    for use in rule.fixes:
        recipe = book.recipe(use.use)
        translation = book.translation(lang, f"fixes/{recipe.id}") if lang != "en" else None
        title = translation.title if translation else recipe.title
        yield Heading((title if isinstance(title, str) else title[-1], f" ({recipe.id}, {say.risk[recipe.risk]})"), 3)
        if use.when:
            head, _, tail = say.offered_when.partition("{condition}")
            yield Paragraph((head, *in_line(use.when, say), tail))
        for variant in recipe.variants:
            on = [one for one in variant.on if one in rule.occurs_on]
            if on or "any" in variant.on:
                yield from _variant(
                    variant, on, {**translation.steps, **translation.reasons} if translation else {}, say
                )


def _variant(variant: model.Variant, on: list[str], said: dict[str, str], say: PageWords) -> Iterator[Block]:
    where = say.on.format(platforms=say.comma.join(on)) if on else say.on.format(platforms=say.every_platform)
    if variant.not_applicable:
        yield Paragraph((f"{where}{say.colon}{said.get(variant.not_applicable, variant.not_applicable)}",))
        return
    yield Paragraph((f"{where} ({say.proof[variant.proof or 'docs']}){say.colon.rstrip()}",))
    for number, step in enumerate(variant.steps, 1):
        yield from _step(step, number, said, say)
    if variant.verify:
        yield Paragraph((say.verify + say.colon.rstrip(),))
        yield Listing(commands.as_written(variant.verify), "sh")


def _step(step: model.RecipeStep, number: int, said: dict[str, str], say: PageWords) -> Iterator[Block]:
    texts = several(step.text)
    text = said.get(texts[0], texts[0]) + (say.restart if step.restart else "")
    if step.when:
        head, _, tail = say.only_when.partition("{condition}")
        yield Item((text, " (", head, *in_line(step.when, say), tail, ")"), number=number)
    else:
        yield Item((text,), number=number)
    if step.file:
        yield Listing(f"{say.file}{say.colon}{step.file}" + (f"\n{step.content}" if step.content else ""))
    command = commands.as_written(with_systemd(step.restart) if step.restart else step.run or ())
    if command:
        yield Listing(command, "sh")
