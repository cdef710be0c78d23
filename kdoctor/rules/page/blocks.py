"""What a page is made of, before it is Markdown or lines of a terminal (`kdoctor.report.pages`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A piece of text that is shown as it is: a pattern's words, a name, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class RuleLink:
    """Another rule, by its id; pages link to each other."""

    id: str


@dataclass(frozen=True, slots=True)
class Url:
    """An address on the web."""

    url: str


Part = str | Code | RuleLink | Url
Text = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the page's own."""

    text: Text
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: Text


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list; `level` 0 is the outermost, `number` makes it a numbered one."""

    text: Text
    level: int = 0
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines to copy; `level` is that of the item that they belong to."""

    text: str
    language: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under their heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]


Block = Heading | Paragraph | Item | Listing | Table
Blocks = tuple[Block, ...]
