"""One mistake in a configuration file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kdoctor.errors import did_you_mean

Weight = Literal["invalid", "ignored"]
"""invalid: the program does not start, or not with this part; ignored: it goes on as if it were not there."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake: its name, the line (1-based, None where it has none), what is wrong as a sentence without a stop."""

    mistake: str
    weight: Weight
    problem: str
    line: int | None = None


def toml(text: str) -> tuple[Mapping[str, Any], list[Slip]]:
    """Return the tables of a TOML text, or none and the slip that says what does not parse."""
    try:
        return tomllib.loads(text), []
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at (?:line (\d+)|end of document)", str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        said = str(error).partition(" (at")[0]
        return {}, [Slip("syntax", "invalid", f"it is not TOML: {said}", line)]


def table(tables: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return a table below others, empty where one of them is none."""
    found: Any = tables
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def tables_of(value: object) -> list[Mapping[str, Any]]:
    """Return the tables of an array of tables, none where it is no such array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def line_with(text: str, *words: str) -> int | None:
    """Return the first line (1-based) without a comment that holds all of the words."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith(("#", ";")) and all(word in line for word in words):
            return number
    return None


def unknown(keys: Iterable[str], known: Iterable[str], text: str, reader: str) -> Iterator[Slip]:
    """Yield a slip for each key that looks like a misspelt known one; others may be newer than kdoctor."""
    known = list(known)
    for key in keys:
        near = did_you_mean(key, known) if key not in known else ""
        if near:
            yield Slip("unknown-key", "ignored", f'{reader} knows no key "{key}".{near}', line_with(text, key))
