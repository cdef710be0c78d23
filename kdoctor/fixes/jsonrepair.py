"""Mends the slips of hand-written JSON: commas, comments, typographic quotes. Nothing else is guessed."""

from __future__ import annotations

import json
import re

from kdoctor.fixes.errors import NotEditableError

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<comment>//[^\n]*|\#[^\n]*|/\*[\s\S]*?\*/)'
    r"|(?P<quoted>[\u201c\u201d\u201e][^\u201c\u201d\u201e\n]*[\u201c\u201d])|(?P<single>'[^'\n]*')"
    r"|(?P<blank>[ \t\r\n]+)|(?P<sign>[{}\[\],:])|(?P<word>[^\s{}\[\],:\"'/#\u201c\u201d\u201e]+)"
)
_ENDS, _BEGINS = ("string", "word", "close"), ("string", "word", "open")


def repair(text: str) -> str:
    """Return the text with the commas, quotes and comments that keep it from being JSON put right.

    Raises:
        NotEditableError: something else is wrong with it, too.
    """
    tokens = _tokens(text.removeprefix("\ufeff"))
    out: list[str] = []
    previous = ""
    comma: int | None = None
    for kind, written in tokens:
        if kind == "blank":
            out.append(written)
            continue
        if written == ",":
            if comma is not None:
                continue  # the second of two
            comma = len(out)
        elif kind == "close" and comma is not None:
            out[comma] = ""
            comma = None
        elif kind in _BEGINS and previous in _ENDS and comma is None and previous != "colon":
            out.insert(_behind(out), ",")
        if written != ",":
            comma = None
        out.append(written)
        previous = "comma" if written == "," else "colon" if written == ":" else kind
    mended = "".join(out)
    try:
        data = json.loads(mended)
    except ValueError as error:
        raise NotEditableError(f"it cannot be mended without guessing: {error}") from error
    if not isinstance(data, dict):
        raise NotEditableError("it holds no JSON object: it must begin with { and end with }")
    return mended


def _behind(out: list[str]) -> int:
    """Return the place behind the last thing that is no blank."""
    at = len(out)
    while at and not out[at - 1].strip():
        at -= 1
    return at


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            line = text.count("\n", 0, at) + 1
            raise NotEditableError(f"line {line}: {text[at : at + 1]!r} cannot be mended without guessing")
        at = match.end()
        kind, written = str(match.lastgroup), match[0]
        if kind == "comment":
            continue
        if kind in ("quoted", "single"):
            kind, written = "string", json.dumps(written[1:-1], ensure_ascii=False)
        if kind == "sign":
            kind = {"{": "open", "[": "open", "}": "close", "]": "close"}.get(written, "sign")
        found.append((kind, written))
    return found
