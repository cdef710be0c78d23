"""Edits variables where a service gets them: shell defaults, EnvironmentFile=, Environment= of systemd units.

Follows sh(1) assignments as Debian's, Red Hat's and OpenRC's init files use them, systemd.exec(5) and
systemd.syntax(7). Comments, order, quotes and every other line stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kdoctor.fixes.errors import NotEditableError
from kdoctor.fixes.jsonedit import with_userinfo, with_words
from kdoctor.settings.systemd import split_words

_ASSIGNED = re.compile(r"""(?P<lead>[ \t]*(?:export[ \t]+)?)(?P<name>[A-Za-z_]\w*)=(?P<value>.*)""")
_SHELL_VALUE = re.compile(r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#;'"]*)(?P<rest>(?:[ \t]*(?:[#;].*)?)?)$""")
_PAIR = r"""[A-Za-z_]\w*=(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#;'"&|<>()`$]*)"""
_PAIRS = re.compile(
    rf"(?P<lead>[ \t]*(?:export[ \t]+)?)(?P<pairs>{_PAIR}(?:[ \t]+{_PAIR})+)(?P<rest>[ \t]*(?:[#;].*)?)"
)
_RAW_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\[^\r\n]|[^\s"'\\])+""")
_SECTION = re.compile(r"^[ \t]*\[(?P<name>[^\]]+)\][ \t]*$")
_ENVIRONMENT = re.compile(r"^(?P<lead>[ \t]*Environment[ \t]*=[ \t]*)(?P<value>.*)$")
_PLAIN = re.compile(r"[\w@%+=:,./\-\[\]*]*")

Change = Callable[[str, str], str | None]
"""Gets a variable's name and value; returns the new value, None to take the variable out."""


def edit(
    text: str,
    put: Mapping[str, Any],
    add: Mapping[str, Any],
    remove: Mapping[str, Any],
    replace: Mapping[str, str],
    same: Callable[[str, str], str | None],
) -> str:
    """Return the text with variables set, given more words, taken out, or their values replaced.

    Names are compared without regard to case, as Go reads http_proxy and HTTP_PROXY; a variable that is
    not there is written as it is given.

    Raises:
        NotEditableError: a line to change is written in a way that is not understood.
    """
    wanted = {name.upper(): (name, str(value)) for name, value in put.items()}
    more = {
        name.upper(): (name, [str(one) for one in (value if isinstance(value, list | tuple) else [value])])
        for name, value in add.items()
    }
    gone = {name.upper() for name in remove}
    seen: set[str] = set()

    def change(name: str, value: str) -> str | None:
        key = name.upper()
        seen.add(key)
        if key in gone:
            return None
        if key in wanted:
            return wanted[key][1]
        if key in more:
            return with_words(value, more[key][1])
        for old, new in replace.items():
            kept = same(value, old)
            if kept is not None and key.endswith("_PROXY"):
                return with_userinfo(new, kept)
        return value

    unit = is_unit(text)
    changed = _unit(text, change) if unit else _shell(text, change)
    missing = {name: value for key, (name, value) in wanted.items() if key not in seen}
    missing |= {name: ",".join(words) for key, (name, words) in more.items() if key not in seen}
    return _appended(changed, missing, unit) if missing else changed


def is_unit(text: str) -> bool:
    """Tell whether the text is a unit file or drop-in of systemd: it has sections."""
    return any(_SECTION.match(line) for line in text.splitlines())


def _shell(text: str, change: Change) -> str:
    out = []
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        found = _ASSIGNED.fullmatch(body)
        value = _SHELL_VALUE.fullmatch(found["value"]) if found else None
        if found is None or value is None:
            out.append(_several(line, body, change))
            continue
        old = _unquoted(value["value"])
        new = change(found["name"], old)
        if new is None:
            continue
        if new == old:
            out.append(line)
        else:
            quoted = _quoted(new, value["value"][:1])
            out.append(f"{found['lead']}{found['name']}={quoted}{value['rest']}{line[len(body) :]}")
    return "".join(out)


def _several(line: str, body: str, change: Change) -> str:
    """Return a line that is no single assignment: each of several is changed, with what stands around it kept.

    Raises:
        NotEditableError: it holds more than assignments, and one of them is to change.
    """
    found = _PAIRS.fullmatch(body)
    if found is None:
        for one in re.finditer(r"(?:^|\s)([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)", "" if _is_comment(body) else body):
            old = _unquoted(one[2])
            if change(one[1], old) != old:
                raise NotEditableError(f"the line that sets {one[1]} does more than that; change it by hand")
        return line
    pairs = found["pairs"]
    kept = pairs
    for one in reversed(list(re.finditer(_PAIR, pairs))):
        name, _, raw = one[0].partition("=")
        old = _unquoted(raw)
        new = change(name, old)
        if new != old:
            put = "" if new is None else f"{name}={_quoted(new, raw[:1])}"
            kept = _spliced(kept, one.start(), one.end(), put)
    return line if kept == pairs else f"{found['lead']}{kept}{found['rest']}{line[len(body) :]}" if kept.strip() else ""


def _spliced(text: str, start: int, end: int, put: str) -> str:
    """Return the text with a word replaced, or taken out with the blanks (and line breaks) before or behind it."""
    if put:
        return text[:start] + put + text[end:]
    before, after = text[:start], text[end:]
    bare = re.sub(r"(?:[ \t]|\\\r?\n)+$", "", before)
    if bare:
        return bare + after
    return before + re.sub(r"^(?:[ \t]|\\\r?\n)+", "", after)


def _is_comment(body: str) -> bool:
    return body.lstrip()[:1] in ("", "#", ";")


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        inner = value[1:-1]
        return re.sub(r'\\([\\"$`])', r"\1", inner) if value[0] == '"' else inner
    return value


def _quoted(value: str, quote: str) -> str:
    """Return the value for a shell, in the quotes that stood there, or in double ones where it needs some."""
    if "\n" in value or "\r" in value or "\0" in value:
        raise NotEditableError("a value with a line break cannot be written there")
    if quote == "'" and "'" not in value:
        return f"'{value}'"
    if quote not in ("'", '"') and _PLAIN.fullmatch(value):
        return value
    return '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'


def _unit(text: str, change: Change) -> str:
    out: list[str] = []
    section = ""
    lines = text.splitlines(keepends=True)
    at = 0
    while at < len(lines):
        end = at + 1
        while lines[end - 1].rstrip("\r\n").endswith("\\") and end < len(lines) and not _is_comment(lines[at]):
            end += 1
        whole, at = lines[at:end], end
        found = _SECTION.match(whole[0])
        if found:
            section = found["name"]
        out += _assignment(whole, change) if section == "Service" else whole
    return "".join(out)


def _assignment(whole: list[str], change: Change) -> list[str]:
    """Return a logical line with its Environment= changed; one that changes is written on a single line."""
    ending = whole[-1][len(whole[-1].rstrip("\r\n")) :]
    joined = " ".join(line.rstrip("\r\n").removesuffix("\\") for line in whole)
    found = _ENVIRONMENT.match(joined)
    if found is None or not found["value"].strip():
        return whole
    raw = "".join(whole)
    start = re.match(r"[ \t]*Environment[ \t]*=[ \t]*", raw)
    body = raw[start.end() :].rstrip() if start else ""
    spots = list(_RAW_WORD.finditer(body))
    if [split_words(one[0]) for one in spots] != [[word] for word in split_words(found["value"])]:
        raise NotEditableError(f"the line {whole[0].strip()[:40]!r} is quoted in a way that is not understood")
    kept, left = body, len(spots)
    for one in reversed(spots):
        word = split_words(one[0])[0]
        name, equals, old = word.partition("=")
        value = old.replace("%%", "%")
        new = change(name, value) if equals else value
        if new != value:
            left -= new is None
            put = "" if new is None else _requoted(f"{name}={new.replace('%', '%%')}", one[0])
            kept = _spliced(kept, one.start(), one.end(), put)
    if kept == body or start is None:
        return whole
    return [raw[: start.end()] + kept + ending] if left else []


def _requoted(word: str, like: str) -> str:
    """Return a word in the quotes of another one."""
    if like[0] == "'" and like[-1] == "'" and "'" not in word and "\\" not in word and "\n" not in word:
        return f"'{word}'"
    return _word(word, always=like[0] == '"')


def _word(word: str, *, always: bool = False) -> str:
    if "\n" in word or "\r" in word or "\0" in word:
        raise NotEditableError("a value with a line break cannot be written there")
    if not always and _PLAIN.fullmatch(word) and "\\" not in word:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _appended(text: str, missing: Mapping[str, str], unit: bool) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith(("\n", "\r")):
        text += newline
    if not unit:
        exported = bool(re.search(r"^[ \t]*export[ \t]", text, re.MULTILINE)) or not text.strip()
        lead = "export " if exported else ""
        quoted = {name: _quoted(value, '"') for name, value in missing.items()}
        return text + "".join(f"{lead}{name}={value}{newline}" for name, value in quoted.items())
    lines = text.splitlines(keepends=True)
    begin = next((i for i, one in enumerate(lines) if (m := _SECTION.match(one)) and m["name"] == "Service"), None)
    shown = [f"{name}={value}".replace("%", "%%") for name, value in missing.items()]
    new = [f"Environment={_word(one, always=True)}{newline}" for one in shown]
    if begin is None:
        return text + f"[Service]{newline}" + "".join(new)
    end = next((i for i in range(begin + 1, len(lines)) if _SECTION.match(lines[i])), len(lines))
    last = max((i for i in range(begin, end) if lines[i].strip() and not _is_comment(lines[i])), default=begin)
    return "".join([*lines[: last + 1], *new, *lines[last + 1 :]])
