"""Drop-ins of systemd units, as people write them for proxies.

Sources: systemd.syntax(7), systemd.exec(5) Environment=, systemd.service(5) ExecStart=.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kdoctor.configs.slip import Slip
from kdoctor.errors import did_you_mean
from kdoctor.settings.systemd import split_words

_QUOTES = "“”„‟″‘’‚«»"
_SECTIONS = ("Unit", "Service", "Install", "Socket", "Timer", "Slice")
_KEYS = ("Environment", "EnvironmentFile", "ExecStart", "ExecStartPre", "ExecReload", "UnsetEnvironment")
_PROXY = re.compile(r"^(?:https?|no|all|ftp)_proxy$", re.IGNORECASE)


def drop_in(text: str, name: str = "x.conf") -> Iterator[Slip]:
    """Yield the slips of one drop-in; `name` is its file's name."""
    if not name.endswith(".conf"):
        yield Slip("not-conf", "ignored", f"{name} does not end in .conf: systemd does not read it")
    section, seen = "", dict[str, tuple[str, int]]()
    resets, starts = 0, list[int]()
    for number, raw in _logical(text):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            section = line.strip("[]")
            near = did_you_mean(section, _SECTIONS) if section not in _SECTIONS else ""
            if near:
                yield Slip("section", "ignored", f"systemd knows no section [{section}].{near}", number)
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not section and equals:
            yield Slip(
                "no-section", "ignored", f'"{key}=" stands before any section: [Service] must come first', number
            )
            return
        near = did_you_mean(key, _KEYS) if key not in _KEYS and key.lower()[:4] in ("envi", "exec", "enir") else ""
        if near:
            yield Slip("unknown-key", "ignored", f'systemd knows no key "{key}".{near}', number)
        if key == "Environment":
            yield from _environment(value, number, seen)
        elif key == "ExecStart":
            resets, starts = (resets + 1, []) if not value else (resets, [*starts, number])
    if len(starts) == 1 and not resets and _is_override(text):
        problem = "ExecStart= is added to the unit's own; an empty ExecStart= must stand before it"
        yield Slip("exec-start", "invalid", problem, starts[0])


def _is_override(text: str) -> bool:
    """Tell whether the text is a drop-in that only changes a unit, and not a unit of its own."""
    return "Description=" not in text and "[Install]" not in text


def _environment(value: str, number: int, seen: dict[str, tuple[str, int]]) -> Iterator[Slip]:
    if any(quote in value for quote in _QUOTES):
        problem = "typographic quotes become part of the value; systemd knows only \" and '"
        yield Slip("typographic-quotes", "ignored", problem, number)
        return
    for word in split_words(value):
        name, equals, held = word.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
            problem = f'"{word}" is no assignment: a value with blanks needs quotes around the whole, "NAME=value"'
            yield Slip("not-an-assignment", "ignored", problem, number)
            continue
        if held[:1] in "\"'" and held[:1]:
            yield Slip("quotes-inside", "ignored", f"the quotes of {name} become part of its value", number)
        if re.search(r"%(?![%])", held.replace("%%", "")):
            problem = f"systemd takes % in the value of {name} for a specifier; a percent sign is written %%"
            yield Slip("percent", "ignored", problem, number)
        before = seen.get(name)
        if before is not None and before[0] != held and _PROXY.match(name):
            yield Slip("set-twice", "ignored", f"{name} is set in line {before[1]} as well; this one counts", number)
        seen[name] = (held, number)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with those that a backslash continues joined, and the number of the first."""
    start, held = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield start, held + line
        held = ""
    if held:
        yield start, held
