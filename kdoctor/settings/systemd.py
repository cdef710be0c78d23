"""The environment that systemd gives a service, each variable with the file and line that sets it.

Follows systemd.exec(5) Environment=, EnvironmentFile=, UnsetEnvironment=; systemd.unit(5) for the order
of unit files and drop-ins; systemd.syntax(7) for quoting and continued lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kdoctor.machine import Machine

_SYSTEM = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A variable as one line sets it. `problem` tells why systemd does not take it as written."""

    name: str
    value: str = field(repr=False)
    file: str
    line: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    section: str
    key: str
    value: str
    file: str
    number: int


def is_running(machine: Machine) -> bool:
    """Tell whether systemd is the service manager (sd_booted(3))."""
    return machine.is_dir("/run/systemd/system")


def unit_files(machine: Machine, unit: str, user: bool = False) -> list[str]:
    """Return the unit's file and its drop-ins in the order systemd reads them."""
    folders = _folders(machine, user)
    main = next((f"{f}/{unit}" for f in folders if machine.is_file(f"{f}/{unit}")), None)
    drop_ins: dict[str, str] = {}
    for name in (f"{unit}.d", "service.d"):
        for folder in folders:
            for entry in machine.entries(f"{folder}/{name}"):
                if entry.endswith(".conf"):
                    drop_ins.setdefault(entry, f"{folder}/{name}/{entry}")
    return ([main] if main else []) + [drop_ins[entry] for entry in sorted(drop_ins)]


def unit_environment(machine: Machine, unit: str, user: bool = False) -> dict[str, Assignment]:
    """Return the variables that systemd sets for the service; EnvironmentFile= wins over Environment=."""
    direct: dict[str, Assignment] = {}
    files: list[_Line] = []
    unset: set[str] = set()
    for path in unit_files(machine, unit, user):
        for line in _lines(machine.read(path) or "", path):
            if line.section != "Service":
                continue
            if line.key == "Environment":
                direct = {**direct, **_assignments(line)} if line.value else {}
            elif line.key == "EnvironmentFile":
                files = [*files, line] if line.value else []
            elif line.key == "UnsetEnvironment":
                unset = unset | set(line.value.split()) if line.value else set()
    found = {**_manager_environment(machine, user), **direct}
    for line in files:
        path = _unquoted(line.value.removeprefix("-"))
        found |= environment_file(machine.read(path) or "", path)
    return {name: a for name, a in found.items() if name not in unset}


def environment_file(text: str, path: str) -> dict[str, Assignment]:
    """Return the variables of an EnvironmentFile=: NAME=value lines, quotes around the value taken off."""
    found: dict[str, Assignment] = {}
    for number, line in _joined(text):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;" or "=" not in stripped:
            continue
        name, _, value = stripped.partition("=")
        found[name.strip()] = Assignment(name.strip(), _unquoted(value.strip()), path, number)
    return found


def _folders(machine: Machine, user: bool) -> tuple[str, ...]:
    if not user:
        return _SYSTEM
    config = machine.env.get("XDG_CONFIG_HOME") or f"{machine.home}/.config"
    return (f"{config}/systemd/user", "/etc/systemd/user", "/run/systemd/user", "/usr/lib/systemd/user")


def _manager_environment(machine: Machine, user: bool) -> dict[str, Assignment]:
    """Return DefaultEnvironment= of system.conf and its drop-ins, which every service inherits."""
    name = "user.conf" if user else "system.conf"
    folders = ("/etc/systemd", "/run/systemd", "/usr/lib/systemd")
    drop_ins: dict[str, str] = {}
    for folder in folders:
        for entry in machine.entries(f"{folder}/{name}.d"):
            if entry.endswith(".conf"):
                drop_ins.setdefault(entry, f"{folder}/{name}.d/{entry}")
    main = next((p for p in (f"{f}/{name}" for f in folders) if machine.is_file(p)), None)
    found: dict[str, Assignment] = {}
    for path in ([main] if main else []) + [drop_ins[e] for e in sorted(drop_ins)]:
        for line in _lines(machine.read(path) or "", path):
            if line.section == "Manager" and line.key == "DefaultEnvironment":
                found = {**found, **_assignments(line)} if line.value else {}
    return found


def _assignments(line: _Line) -> dict[str, Assignment]:
    """Return the assignments of one Environment= line; %% is a percent sign, other specifiers are not known."""
    found: dict[str, Assignment] = {}
    for word in split_words(line.value):
        name, equals, raw = word.partition("=")
        if not equals:
            continue
        value = raw.replace("%%", "\0")
        problem = None
        if "%" in value:
            at = value.index("%")
            problem = f"systemd takes {value[at : at + 2]} for a specifier; a percent sign is written %%"
        found[name] = Assignment(name, value.replace("\0", "%"), line.file, line.number, problem)
    return found


def split_words(text: str) -> list[str]:
    """Split a value as systemd does: at blanks, with quotes around whole words and C escapes."""
    words: list[str] = []
    current: list[str] | None = None
    quote = ""
    characters = iter(text)
    for c in characters:
        if c == "\\":
            following = next(characters, "")
            current = [*(current or []), _ESCAPES.get(following, following)]
        elif quote:
            if c == quote:
                quote = ""
            else:
                current = [*(current or []), c]
        elif c in "\"'":
            quote, current = c, current or []
        elif c.isspace():
            if current is not None:
                words.append("".join(current))
            current = None
        else:
            current = [*(current or []), c]
    if current is not None:
        words.append("".join(current))
    return words


def _lines(text: str, path: str) -> Iterator[_Line]:
    section = ""
    for number, line in _joined(text):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            section = stripped[1:-1]
            continue
        key, equals, value = stripped.partition("=")
        if equals:
            yield _Line(section, key.strip(), value.strip(), path, number)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines with the number of their first line; comments within a continued one are left out."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if parts and line.lstrip()[:1] in ("#", ";"):
            continue
        start = start if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield start, " ".join((*parts, line)) if parts else line
        parts = []
    if parts:
        yield start, " ".join(parts)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
