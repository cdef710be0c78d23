"""Values as data: what a value may not do to a terminal, a CI log, XML, HTML or a reader's eye."""

from __future__ import annotations

import re

# C0, DEL, C1; soft hyphen, Arabic letter mark, Mongolian vowel separator; zero-width and bidi controls,
# line and paragraph separators (UAX #9, UTS #39); variation and tag characters; surrogates, noncharacters.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff\ud800-\udfff"
)
_DANGEROUS = re.compile(f"[{_UNSEEN}]")
_JSON_DANGEROUS = re.compile(f"[{_UNSEEN.replace(chr(0) + '-' + chr(0x1F), '')}]")
# The runners of GitHub and Azure find `##[` and `##vso[` anywhere in a line, TeamCity its own; a line
# that begins with `::` after blanks is a workflow command (actions/runner, ActionCommand.cs).
_MARKS = re.compile(r"##(?=(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
_LEADING = re.compile(r"^(\s*):(?=:)")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code < 0xE000:
        return "\\ufffd"
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def one_line(text: str) -> str:
    """Return `text` as one visible line: line ends become blanks, controls and bidi marks become escapes."""
    text = text.replace("\r\n", " ").replace("\n", " ").replace("\t", " ").strip()
    return inert(_DANGEROUS.sub(_escape, text))


def lines(text: str) -> list[str]:
    """Return the lines of a text, each visible; a tab becomes eight blanks (files keep their indentation)."""
    parts = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    return [inert(_DANGEROUS.sub(_escape, part.replace("\t", " " * 8))) for part in parts]


def inert(line: str) -> str:
    """Return a line in which no CI runner finds a command."""
    return _LEADING.sub(r"\1\\x3a", _MARKS.sub(r"#\\x23", line))


def json_text(document: str) -> str:
    """Return a JSON document whose strings hold nothing invisible and no CI marks; it decodes to the same data.

    Lone surrogates, which are no text, become U+FFFD.
    """
    return _JSON_DANGEROUS.sub(_json_escape, _MARKS.sub(r"#\\u0023", document)) if document else document
