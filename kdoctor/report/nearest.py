"""Known failures near a text that none of them is: what is the same and what differs, in words."""

from __future__ import annotations

from collections.abc import Sequence

from kdoctor.model import Neighbour
from kdoctor.report import safety
from kdoctor.report.layout import Page
from kdoctor.report.words import Words


def same(neighbour: Neighbour, say: Words) -> str:
    """Return the words that the text and the failure have in common, or nothing."""
    return _quoted(neighbour.shared, say)


def differs(neighbour: Neighbour, say: Words) -> str:
    """Return what the text says and what the failure says instead, or nothing."""
    sides = ((say.text_says, neighbour.only_text), (say.rule_says, neighbour.only_rule))
    return say.semicolon.join(sentence.format(words=_quoted(one, say)) for sentence, one in sides if one)


def _quoted(phrases: Sequence[str], say: Words) -> str:
    return say.comma.join(say.quoted.format(words=phrase) for phrase in phrases)


def put_nearest(page: Page, nearest: Sequence[Neighbour], say: Words) -> None:
    """Put the neighbours, each with the command that prints its page."""
    if not nearest:
        return
    page.gap()
    page.text(say.nearest, style="head")
    for neighbour in nearest:
        page.text(neighbour.title, first="- ", indent=2)
        for head, words in ((say.same, same(neighbour, say)), (say.differs, differs(neighbour, say))):
            if words:
                page.text(words, first=f"{head}{say.colon}", indent=4, lead="dim")
        page.verbatim(f"kdoctor explain {safety.one_line(neighbour.rule)}", indent=6)


def lines(nearest: Sequence[Neighbour], say: Words) -> list[str]:
    """Return one line for each neighbour: id, title, what is the same, what differs."""
    out = []
    for one in nearest:
        parts = [f"{one.rule}{say.colon}{one.title}"]
        for head, words in ((say.same, same(one, say)), (say.differs, differs(one, say))):
            if words:
                parts.append(f"{head}{say.colon}{words}")
        out.append(safety.one_line(say.full_stop.join(parts)))
    return out
