"""Which Windows code page a text is in that is not UTF-8: cmd's `>` writes what the console has.

Told by where the bytes lie: the characters in daily use have places of their own in each code page
(GB 2312 level 1, KS X 1001, JIS X 0208, Big5 level 1; Windows code pages 1251, 866, 1252 and 850).
"""

from __future__ import annotations

import codecs
import itertools
import re

_HIGH = re.compile(rb"[\x80-\xff]+")
_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_MOST_LINES = 400
_MOST_SIGNS = 24
_USUAL = 0.7
_WORD = 2.5
"""Signs side by side, on average, from which on a text is in letters that are not Latin."""


def code_page(data: bytes) -> str | None:
    """Return Python's name of the code page in which the lines of a text are that are not ASCII, None for no text."""
    lines = b"\n".join(found[0] for found in itertools.islice(_LINE.finditer(data), _MOST_LINES))
    runs = _HIGH.findall(lines)
    return _asian(lines) or _cyrillic(runs) or _western(b"".join(runs), len(lines))


def _asian(lines: bytes) -> str | None:
    kana = _pairs(lines, "cp932")
    if kana and _share(kana, range(0x82, 0x84), 0x40) > 1 - _USUAL:
        return "cp932"
    pairs = _pairs(lines, "gb18030")
    if pairs and _share(pairs, range(0xB0, 0xC9), 0xA1) == 1 and b" " in lines:
        return "cp949"
    signs = [pair for pair in pairs if not 0xA1 <= pair[0] <= 0xA9]  # without punctuation
    if signs and _share(signs, range(0xB0, 0xD8), 0xA1) > _USUAL:
        return "gb18030"
    signs = [pair for pair in _pairs(lines, "cp950") if pair[0] != 0xA1]
    return "cp950" if signs and _share(signs, range(0xA4, 0xC7), 0x40) > _USUAL else None


def _pairs(lines: bytes, name: str) -> list[bytes]:
    """Return the characters of two bytes, in bytes; none where the text cannot be in that code page."""
    try:
        text = codecs.getincrementaldecoder(name)("strict").decode(lines)
        return [pair for sign in text if not sign.isascii() and len(pair := sign.encode(name)) == 2]
    except UnicodeError:
        return []


def _share(pairs: list[bytes], leads: range, trail: int) -> float:
    return sum(pair[0] in leads and pair[1] >= trail for pair in pairs) / len(pairs)


def _cyrillic(runs: list[bytes]) -> str | None:
    if not runs or sum(map(len, runs)) / len(runs) < _WORD:
        return None
    said = b"".join(runs)
    windows = sum(0xC0 <= byte <= 0xDF or byte >= 0xF0 for byte in said)
    console = sum(byte <= 0xAF for byte in said)
    both = sum(0xE0 <= byte <= 0xEF for byte in said)
    if max(windows, console) + both < _USUAL * len(said):
        return None
    return "cp1251" if windows > console else "cp866"


def _western(said: bytes, size: int) -> str | None:
    if len(said) * 3 > size > _MOST_SIGNS:
        return None
    return "cp1252" if sum(byte >= 0xC0 for byte in said) >= sum(byte <= 0xA5 for byte in said) else "cp850"
