"""A text as it was meant: without colours, escapes, quoting and the console's line breaks.

Nothing is thrown away that a pattern could need; each line keeps its number in the person's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdoctor.errors import UsageError

_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,40}[ -/]{0,10}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[@-Z\\^_()][0-9A-B]?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_QUOTING = re.compile(r"^\s{0,8}(?:(?:[>|│┃]|#(?![0-9])|//)\s{0,4}){1,6}")
_ESCAPED_QUOTE = re.compile(r"\\{1,8}([\"'])")
_ESCAPED_BREAK = re.compile(r"\\{1,8}(?:r\\{1,8})?n")
_ESCAPED_TAB = re.compile(r"\\{1,8}t(?=[^a-z]|\[)")
_ESCAPED_SIGN = re.compile(r"\\u00(22|26|27|3[ce])", re.IGNORECASE)
_ENTITY = re.compile(r"&(quot|#34|#39|apos|lt|gt|amp);")
_SIGNS = {"quot": '"', "#34": '"', "#39": "'", "apos": "'", "lt": "<", "gt": ">", "amp": "&"}
_TYPOGRAPHIC = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "\u00a0": " ", "：": ": "}
)
_WIDEST_LINE = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """A cleaned line; several may share a number where one line held escaped line breaks."""

    number: int
    text: str


def decode(data: bytes) -> str:
    """Return the text of `data`: UTF-8, or UTF-16 where a byte order mark says so (PowerShell).

    Raises:
        UsageError: it is not text.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    head = data[:8192]
    if head.count(0) > len(head) // 100:
        raise UsageError("this is not text (it holds NUL bytes); give the error text itself")
    text = data.decode("utf-8", "replace")
    sample = text[:8192]
    if sample.count("\ufffd") > max(8, len(sample) // 5):
        raise UsageError("this is not text in UTF-8 or UTF-16; give the error text itself")
    return text


def clean(text: str, first: int = 1) -> list[Line]:
    """Return the cleaned lines of a text, empty ones left out; `first` is the first line's number."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines: list[Line] = []
    for number, raw in enumerate(text.split("\n"), first):
        lines += [Line(number, part) for part in _plain(raw[:_WIDEST_LINE]) if part.strip()]
    return lines


def _plain(line: str) -> list[str]:
    if not line.isascii():
        line = line.translate(_TYPOGRAPHIC)
    line = _QUOTING.sub("", _CONTROL.sub("", line)).rstrip()
    if "&" in line:
        line = _ENTITY.sub(lambda found: _SIGNS[found[1]], line)
    if "\\" not in line:
        return [line]
    escaped = '\\"' in line or line.lstrip()[:1] in "{[" or '="' in line or '": "' in line
    line = _ESCAPED_SIGN.sub(lambda found: chr(int(found[1], 16)), line)
    line = _ESCAPED_QUOTE.sub(r"\1", line)
    if not escaped:
        return [line]
    return _ESCAPED_BREAK.sub("\n", _ESCAPED_TAB.sub(" ", line)).split("\n")


def unwrap(lines: list[Line]) -> str | None:
    """Return the lines with a console's line breaks undone, or None where none are seen.

    A console breaks in the middle of a word at its width: the broken lines are equally long and
    the longest. Such a line is joined with the next without a blank.
    """
    lengths = [len(line.text) for line in lines]
    width = max(lengths, default=0)
    full = [i for i, length in enumerate(lengths[:-1]) if length == width]
    if width < 40 or not full or (len(full) < 2 and width not in _WIDTHS):
        return None
    parts = []
    for i, line in enumerate(lines):
        parts.append(line.text)
        if i not in full:
            parts.append("\n")
    return "".join(parts)


_WIDTHS = frozenset({72, 76, 78, 79, 80, 90, 99, 100, 119, 120, 132, 140, 150, 160, 180, 200})
