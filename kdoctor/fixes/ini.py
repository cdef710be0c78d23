"""Edits files of sections and KEY=VALUE lines (systemd.syntax(7), resolved.conf, registries of that form)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kdoctor.fixes.errors import NotEditableError

_SECTION = re.compile(r"^[ \t]*\[(?P<name>[^\]]+)\][ \t]*$")


def edit(text: str, put: Mapping[str, Any], add: Mapping[str, Any], remove: Mapping[str, Any]) -> str:
    """Return the text with keys of sections set, given more words (between blanks), or taken out.

    Raises:
        NotEditableError: an edit is not of the form {section: {key: value}}.
    """
    for section, keys in _sections(put):
        for key, value in keys.items():
            text = _put(text, section, key, str(value))
    for section, keys in _sections(add):
        for key, value in keys.items():
            text = _add(text, section, key, [str(v) for v in (value if isinstance(value, list | tuple) else [value])])
    for section, keys in _sections(remove):
        for key in keys:
            text = "".join(line for line, hit in _lines(text, section, key) if not hit)
    return text


def _sections(tree: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    for section, keys in tree.items():
        if not isinstance(keys, Mapping):
            raise NotEditableError(f'"{section}": a section with its keys is meant')
    return list(tree.items())


def _lines(text: str, section: str, key: str) -> list[tuple[str, bool]]:
    """Return the lines, and of each whether it sets the key in the section."""
    now, out = "", []
    for line in text.splitlines(keepends=True):
        found = _SECTION.match(line)
        if found:
            now = found["name"]
        name, equals, _ = line.partition("=")
        out.append(
            (line, bool(equals) and now == section and name.strip() == key and not line.lstrip().startswith("#"))
        )
    return out


def _put(text: str, section: str, key: str, value: str) -> str:
    if "\n" in value or "\r" in value:
        raise NotEditableError("a value with a line break cannot be written there")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(text, section, key)
    hits = [i for i, (_, hit) in enumerate(lines) if hit]
    if hits:
        lead, _, old = lines[hits[-1]][0].rstrip("\r\n").partition("=")
        if old.strip() == value:
            return text
        blank = old[: len(old) - len(old.lstrip())]
        lines[hits[-1]] = (f"{lead}={blank}{value}{newline}", True)
        return "".join(line for line, _ in lines)
    return _inserted(text, section, f"{key}={value}{newline}", newline)


def _add(text: str, section: str, key: str, words: list[str]) -> str:
    values = [line.partition("=")[2].strip() for line, hit in _lines(text, section, key) if hit]
    there = values[-1].split() if values else []
    missing = [word for word in words if word not in there]
    return _put(text, section, key, " ".join([*there, *missing])) if missing else text


def _inserted(text: str, section: str, line: str, newline: str) -> str:
    if text and not text.endswith("\n"):
        text += newline
    lines = text.splitlines(keepends=True)
    begin = next((i for i, one in enumerate(lines) if (m := _SECTION.match(one)) and m["name"] == section), None)
    if begin is None:
        gap = newline if text.strip() else ""
        return f"{text}{gap}[{section}]{newline}{line}"
    end = next((i for i in range(begin + 1, len(lines)) if _SECTION.match(lines[i])), len(lines))
    last = max((i for i in range(begin, end) if lines[i].strip() and lines[i].lstrip()[:1] not in "#;"), default=begin)
    return "".join([*lines[: last + 1], line, *lines[last + 1 :]])
