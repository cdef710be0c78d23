"""The public mirrors that kdoctor knows, and those that the person has added to a list of their own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.machine import Machine
from kdoctor.registries import PublicMirror, canonical, mirrors_of

_KEYS = ("repository", "of", "layout", "country", "seen", "source")
_NEEDED = ("repository", "of")
_LAYOUTS = ("path", "flat", "library")


def own_file(machine: Machine) -> Path:
    """Return where the person's own list lies: mirrors.toml in kdoctor's configuration directory."""
    if machine.os == "windows" and (roaming := machine.env.get("APPDATA")):
        return Path(roaming) / "kdoctor" / "mirrors.toml"
    base = machine.env.get("XDG_CONFIG_HOME")
    return (Path(base) if base else machine.home / ".config") / "kdoctor" / "mirrors.toml"


def mirrors_here(machine: Machine, registry: str) -> tuple[PublicMirror, ...]:
    """Return the mirrors of a registry: the person's own first, then those known to kdoctor.

    Raises:
        UsageError: the person's list is wrong; says where.
    """
    own = tuple(mirror for mirror in own_mirrors(machine) if mirror.of == canonical(registry))
    taken = {mirror.repository for mirror in own}
    return own + tuple(mirror for mirror in mirrors_of(registry) if mirror.repository not in taken)


def own_mirrors(machine: Machine) -> tuple[PublicMirror, ...]:
    """Return the person's own mirrors, none where there is no list.

    Raises:
        UsageError: the list is no TOML, or has a key or value that is not known.
    """
    file = own_file(machine)
    text = machine.read(file)
    return () if text is None else parsed(text, str(file))


def parsed(text: str, file: str) -> tuple[PublicMirror, ...]:
    """Return the mirrors of a list in TOML, in its order.

    Raises:
        UsageError: as own_mirrors.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not TOML: {error}") from error
    entries = document.pop("mirror", [])
    if document:
        raise UsageError(f'{file}: unknown table "{next(iter(document))}"; mirrors stand under [[mirror]]')
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{file}: mirrors stand under [[mirror]]")
    return tuple(_mirror(entry, f"{file}: mirror {number}") for number, entry in enumerate(entries, 1))


def _mirror(entry: Mapping[str, Any], where: str) -> PublicMirror:
    for key, value in entry.items():
        if key not in _KEYS:
            raise UsageError(f'{where}: unknown key "{key}".{did_you_mean(key, _KEYS)}')
        if not isinstance(value, str):
            raise UsageError(f"{where}: {key} must be text in quotes")
    missing = [key for key in _NEEDED if not entry.get(key)]
    if missing:
        raise UsageError(f"{where}: {missing[0]} is missing")
    layout = entry.get("layout", "path")
    if layout not in _LAYOUTS:
        raise UsageError(f'{where}: layout is {", ".join(_LAYOUTS)}, not "{layout}".{did_you_mean(layout, _LAYOUTS)}')
    return PublicMirror(
        repository=entry["repository"].rstrip("/"),
        of=canonical(entry["of"]),
        layout=layout,
        country=entry.get("country", ""),
        seen=entry.get("seen", ""),
        source=entry.get("source", where.partition(":")[0]),
    )
