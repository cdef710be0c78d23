"""Lines of styled spans: laid out once, painted plain or in colour, so that both say the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from kdoctor.report import safety

Style = Literal["", "title", "head", "bad", "warn", "good", "dim", "command"]


class Span(NamedTuple):
    """A piece of a line in one style; its text is already safe."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]

# Marks that may not begin a line in Chinese and Japanese, and that stay with the character before them.
_CLOSING = "，。、；：！？）》」』】〉％…—·”’"
_OPENING = "（《「『【〈“‘"


def columns(text: str) -> int:
    """Return the columns that a text takes on a terminal (UAX #11: wide and fullwidth count two)."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int) -> str:
    """Fill a text with blanks up to `width` columns."""
    return text + " " * max(0, width - columns(text))


def _may_break(before: str, after: str) -> bool:
    """Tell whether a line may end between two characters that are no blanks."""
    if after in _CLOSING or before in _OPENING:
        return False
    return columns(after) == 2 or (columns(before) == 2 and before not in _CLOSING)


def _pieces(text: str) -> Iterator[str]:
    """Cut behind blanks and between wide characters; a mark stays with what it closes or opens."""
    start = 0
    for at in range(1, len(text)):
        before, after = text[at - 1], text[at]
        if after != " " and (before == " " or _may_break(before, after)):
            yield text[start:at]
            start = at
    if text[start:]:
        yield text[start:]


def wrap(text: str, width: int) -> list[str]:
    """Break one line into lines of at most `width` columns; a longer word (a URL, a path) stays whole."""
    out: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and columns(line) + columns(piece.rstrip(" ")) > width:
            out.append(line.rstrip(" "))
            line = ""
        line += piece
    return [*out, line.rstrip(" ")] if line.strip(" ") or not out else out


@dataclass(slots=True)
class Page:
    """A growing page of `width` columns."""

    width: int
    lines: list[Line] = field(default_factory=list)

    def gap(self) -> None:
        """Put one empty line, unless there is one or the page is empty."""
        if self.lines and self.lines[-1]:
            self.lines.append(())

    def row(self, *spans: Span) -> None:
        """Put one line as it is."""
        self.lines.append(spans)

    def text(self, text: str, *, indent: int = 0, first: str = "", style: Style = "", lead: Style = "") -> None:
        """Put a paragraph: `first` (a bullet, a number) hangs in front of its first line."""
        hang = indent + columns(first)
        for number, part in enumerate(wrap(safety.one_line(text), max(self.width - hang, 20))):
            head = Span(" " * indent + first, lead) if number == 0 else Span(" " * hang)
            self.row(head, Span(part, style))

    def verbatim(self, text: str, *, indent: int = 4, style: Style = "command") -> None:
        """Put lines that are to be copied: never wrapped."""
        for part in safety.lines(text):
            self.row(Span(" " * indent + part, style))

    def finished(self) -> list[Line]:
        """Return the lines, the last one not empty, none of which a CI runner takes for a command."""
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        return [_inert(line) for line in self.lines]


def _inert(line: Line) -> Line:
    """Escape a `::` that begins the line after its blanks; values alone cannot know where a line breaks."""
    if not plain(line).lstrip().startswith("::"):
        return line
    spans = list(line)
    for number, span in enumerate(spans):
        if span.text.strip():
            spans[number] = Span(re.sub(r"^(\s*):", r"\1\\x3a", span.text), span.style)
            break
    return tuple(spans)


def plain(line: Iterable[Span]) -> str:
    """Return a line without its styles and without blanks at its end."""
    return "".join(span.text for span in line).rstrip()


def joined(items: Iterable[Line]) -> str:
    """Return the page as text."""
    return "".join(plain(line) + "\n" for line in items)
