"""JSON of files and APIs that may be broken or hostile: values of the wrong type are as if absent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping


def parse(text: str | None) -> object:
    """Return the parsed text, None where it is missing or no JSON."""
    if not text:
        return None
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def mapping(value: object) -> Mapping[str, object]:
    """Return the value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """Return the value where it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    """Return the texts of an array, none where it is no array."""
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def line_of(source: str, *words: str) -> int | None:
    """Return the line (1-based) of the last of `words`, each sought as a JSON string behind the one before."""
    position = 0
    for word in words:
        match = re.compile(re.escape(json.dumps(word))).search(source, position)
        if match is None and "/" in word:  # some writers escape the slash
            match = re.compile(re.escape(json.dumps(word).replace("/", "\\/"))).search(source, position)
        if match is None:
            return None
        position = match.end()
    return source.count("\n", 0, position) + 1
