"""Pages of rules for a terminal and as Markdown: the same blocks, laid out twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kdoctor.errors import UsageError
from kdoctor.report import safety
from kdoctor.report.layout import Line, Page, joined, wrap
from kdoctor.report.markdown import autolink, block, code, escaped
from kdoctor.rules.book import Book
from kdoctor.rules.page import page
from kdoctor.rules.page.blocks import Block, Blocks, Code, Heading, Item, Listing, Paragraph, RuleLink, Table, Text, Url
from kdoctor.rules.page.index import by_layer, by_message
from kdoctor.rules.page.words import page_words

Link = Callable[[str], str | None]
"""From a rule's id to the address of its page, None where there is none to go to."""

_INDENT = 2


def no_link(_rule: str) -> str | None:
    """Link to no page."""
    return None


def as_markdown(blocks: Blocks, link: Link = no_link) -> str:
    """Return the blocks as GitHub's Markdown."""
    out: list[str] = []
    before: Block | None = None
    for one in blocks:
        tight = isinstance(one, Item) and isinstance(before, Item) and (one.number is None) == (before.number is None)
        out.append(("\n" if tight or not out else "\n\n") + _markdown(one, link))
        before = one
    return "\n".join(safety.inert(line) for line in "".join(out).strip("\n").split("\n")) + "\n"


def _markdown(one: Block, link: Link) -> str:
    if isinstance(one, Heading):
        return f"{'#' * one.level} {_inline(one.text, link)}"
    if isinstance(one, Paragraph):
        return _inline(one.text, link)
    if isinstance(one, Item):
        mark = "-" if one.number is None else f"{one.number}."
        return f"{'  ' * one.level}{mark} {_inline(one.text, link)}"
    if isinstance(one, Listing):
        return "\n".join(f"   {line}".rstrip() for line in block(one.text, one.language).split("\n"))
    rows = [
        one.heads,
        tuple("---" for _ in one.heads),
        *(tuple(_inline(cell, link) for cell in row) for row in one.rows),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _inline(text: Text, link: Link) -> str:
    out = ""
    for part in text:
        if isinstance(part, str):
            # in brackets while it is escaped: what begins a line there begins none here, and blanks at its ends stay
            out += escaped(f"({part})")[1:-1] if out else escaped(f"{part})")[:-1]
        elif isinstance(part, Code):
            out += code(part.text)
        elif isinstance(part, Url):
            out += autolink(part.url)
        else:
            target = link(part.id)
            out += f"[{code(part.id)}]({target})" if target else code(part.id)
    return out


def as_lines(blocks: Blocks, width: int = 80) -> list[Line]:
    """Return the blocks as styled lines of a terminal; listings are never broken."""
    page = Page(width)
    before: Block | None = None
    for one in blocks:
        if not (isinstance(one, Item) and isinstance(before, Item)) and not (
            isinstance(before, Heading) and not isinstance(one, Heading) and before.level > 1
        ):
            page.gap()
        _put(page, one)
        before = one
    return page.finished()


def as_text(blocks: Blocks, width: int = 80, *, color: bool = False) -> str:
    """Return the blocks as text, in colour where asked for."""
    lines = as_lines(blocks, width)
    if color:
        from kdoctor.report.color import painted  # rich is imported only for colour

        return painted(lines)
    return joined(lines)


def _put(page: Page, one: Block) -> None:
    if isinstance(one, Heading):
        page.text(_plain(one.text), style="title" if one.level == 1 else "head", indent=0 if one.level < 3 else _INDENT)
    elif isinstance(one, Paragraph):
        page.text(_plain(one.text), indent=_INDENT)
    elif isinstance(one, Item):
        mark = "- " if one.number is None else f"{one.number}. "
        page.text(_plain(one.text), first=mark, indent=_INDENT * (one.level + 1))
    elif isinstance(one, Listing):
        page.verbatim(one.text, indent=6)
    else:
        _put_table(page, one)


def _put_table(page: Page, table: Table) -> None:
    rows = [tuple(_plain(cell) for cell in row) for row in table.rows]
    first = max((len(row[0]) for row in rows), default=0)
    for row in rows:
        rest = "  ".join(row[1:])
        lines = wrap(safety.one_line(rest), max(page.width - first - 4, 20))
        for number, part in enumerate(lines):
            page.verbatim(f"{row[0] if number == 0 else '':<{first}}  {part}", indent=_INDENT, style="")


def _plain(text: Text) -> str:
    return "".join(
        part
        if isinstance(part, str)
        else part.url
        if isinstance(part, Url)
        else part.id
        if isinstance(part, RuleLink)
        else part.text
        for part in text
    )


_MARK = "<!-- kdoctor rules docs:"
INDEX, MESSAGES = "README.md", "messages.md"


def documents(book: Book, lang: str = "en") -> Mapping[str, str]:
    """Return every page and both indexes as Markdown, by the name of their files.

    Raises:
        UsageError: a rule's id is the name of an index.
    """
    taken = {name.removesuffix(".md").lower() for name in (INDEX, MESSAGES)}
    for rule_id in book.ids:
        if rule_id in taken:
            raise UsageError(f'the rule "{rule_id}" cannot have a page: the index has that name')

    def link(rule_id: str) -> str | None:
        return f"{rule_id}.md" if rule_id in book.ids or f"{rule_id}.md" == MESSAGES else None

    head = f"{_MARK} {page_words(lang).generated} -->\n\n"
    found = {
        INDEX: as_markdown(by_layer(book, lang, MESSAGES.removesuffix(".md")), link),
        MESSAGES: as_markdown(by_message(book, lang), link),
    }
    found |= {f"{rule_id}.md": as_markdown(page(book, book.rule(rule_id), lang), link) for rule_id in book.ids}
    return {name: head + text for name, text in found.items()}


def is_ours(text: str) -> bool:
    """Tell whether a file is one that `documents` made."""
    return text.startswith(_MARK)
