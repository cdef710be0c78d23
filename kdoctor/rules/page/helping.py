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
    for name in dict.fromkeys(use.use for use in rule.fixes):
        recipe = book.recipe(name)
        translation = book.translation(lang, f"fixes/{recipe.id}") if lang != "en" else None
        title = translation.title if translation else recipe.title
        yield Heading((title if isinstance(title, str) else title[-1], f" ({recipe.id}, {say.risk[recipe.risk]})"), 3)
        conditions = [use.when for use in rule.fixes if use.use == name]
        if all(conditions):
            together: model.Condition = {"any": conditions} if len(conditions) > 1 else conditions[0] or {}
            head, _, tail = say.offered_when.partition("{condition}")
            yield Paragraph((head, *in_line(together, say), tail))
        said = {**translation.steps, **translation.reasons} if translation else {}
        alike: dict[tuple[str | None, tuple[Block, ...]], list[_On]] = {}
        for variant in recipe.variants:
            on = tuple(one for one in variant.on if one in rule.occurs_on)
            if on or "any" in variant.on:
                steps = (block for n, step in enumerate(variant.steps, 1) for block in _step(step, n, said, say))
                alike.setdefault((variant.not_applicable, tuple(steps)), []).append((on, variant))
        for (reason, blocks), variants in alike.items():
            if reason:
                yield Paragraph((f"{_where(variants, say)}{say.colon}{said.get(reason, reason)}",))
            else:
                yield from _variants(blocks, variants, say)


_On = tuple[tuple[str, ...], model.Variant]
"""The platforms that a variant is for and the rule occurs on (none: every platform), and the variant."""


def _variants(steps: tuple[Block, ...], variants: list[_On], say: PageWords) -> Iterator[Block]:
    """Yield the steps of variants that are alike, and how each platform asks again."""
    proofs = {variant.proof or "docs": None for _, variant in variants}
    heads = (
        f"{_where([one for one in variants if (one[1].proof or 'docs') == proof], say)} ({say.proof[proof]})"
        for proof in proofs
    )
    yield Paragraph((say.comma.join(heads) + say.colon.rstrip(),))
    yield from steps
    asking: dict[tuple[str, ...], list[_On]] = {}
    for one in variants:
        if one[1].verify:
            asking.setdefault(one[1].verify, []).append(one)
    for verify, those in asking.items():
        lead = say.verify if len(those) == len(variants) else f"{say.verify} ({_platforms(those, say)})"
        yield Paragraph((lead + say.colon.rstrip(),))
        yield Listing(commands.as_written(verify), "sh")


def _where(variants: list[_On], say: PageWords) -> str:
    return say.on.format(platforms=_platforms(variants, say))


def _platforms(variants: list[_On], say: PageWords) -> str:
    return say.comma.join(dict.fromkeys(one for on, _ in variants for one in on or (say.every_platform,)))


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
