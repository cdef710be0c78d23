"""What dockerd makes of daemon.json: moby's daemon/config (getConflictFreeConfiguration, Validate).

Only what stops the daemon counts as wrong. The keys are those of dockerd 20.10 and of moby main
(2026, see daemonkeys.py); for a version between them a key of either is let through.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kdoctor.probes import strictjson
from kdoctor.probes.daemonkeys import FLAT, NEWER, SINGULAR, TYPES
from kdoctor.settings import jsonfile

Version = tuple[int, int]

_LEVELS = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")
_REWORKED = (23, 0)
"""The version that knows proxies, and reads empty files and byte order marks."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome of docker.config with the problem in words, where it stands (1-based), and the unknown key.

    With outcome "ok" the problem is one that the daemon passes over in silence.
    """

    outcome: str
    problem: str = ""
    line: int | None = None
    column: int | None = None
    key: str | None = None


class _WrongError(Exception):
    """The daemon does not start with this."""

    def __init__(
        self, outcome: str, problem: str, line: int | None, column: int | None = None, key: str | None = None
    ) -> None:
        super().__init__(problem)
        self.verdict = Verdict(outcome, problem, line, column, key)


def examine(text: str, version: Version | None = None, flags: Mapping[str, str] | None = None) -> Verdict:
    """Return what dockerd of `version` makes of the text; `flags` are its options, name to value.

    Without a version, what only some versions refuse is told as a problem that is passed over.
    """
    try:
        return _examine(text, version, flags or {})
    except _WrongError as wrong:
        return wrong.verdict


def _examine(text: str, version: Version | None, flags: Mapping[str, str]) -> Verdict:
    notes: list[Verdict] = []
    old = version is not None and version < _REWORKED
    if text.startswith("\ufeff"):
        _refuse(old, notes, "the file begins with a byte order mark (BOM), which Docker 20.10 and older refuse", 1)
        text = text[1:]
    if text.startswith("\ufffd\ufffd"):
        _refuse(old, notes, "the file is in UTF-16, which Docker 20.10 and older cannot read", 1)
        return notes[0]
    if not text.strip():
        _refuse(old, notes, "the file is empty, which Docker 20.10 and older refuse; {} is an empty configuration", 1)
        return notes[0]
    try:  # 20.10 reads the first value with a Decoder and never looks behind it
        data, duplicates = strictjson.parse(text, first_value_only=old)
    except strictjson.SlipError as slip:
        raise _WrongError("invalid", slip.problem, slip.line, slip.column) from slip
    notes += (
        Verdict("ok", f'the key "{key}" stands there twice; the last one counts', _line(text, key))
        for key in duplicates
    )
    if data is None:
        return notes[0] if notes else Verdict("ok")
    if not isinstance(data, dict):
        raise _WrongError("invalid", "the file holds no object: it must begin with { and end with }", 1, 1)
    settings = dict(_flattened(data, old))
    _check_keys(settings, text, old, {name: _owner(data, name) for name in settings})
    _check_flags(settings, text, flags)
    for key, value in data.items():
        _check_type(key, value, text)
    _check_values(settings, text, version, notes)
    notes += (
        Verdict("ok", f'the key "{key}" is passed over in silence: it is spelt "{SINGULAR[key]}"', _line(text, key))
        for key in settings
        if key in SINGULAR
    )
    return notes[0] if notes else Verdict("ok")


def _refuse(certain: bool, notes: list[Verdict], problem: str, line: int | None) -> None:
    if certain:
        raise _WrongError("invalid", problem, line, 1 if line == 1 else None)
    notes.append(Verdict("ok", problem, line))


def _line(text: str, *words: str) -> int | None:
    return jsonfile.line_of(text, *words)


def _flattened(data: dict[str, object], old: bool) -> Iterator[tuple[str, object]]:
    """Yield keys as configValuesSet does: an object that is no option of its own gives its members."""
    for key, value in data.items():
        if isinstance(value, dict) and (key not in FLAT or (old and key in NEWER)):
            yield from value.items()
        else:
            yield key, value


def _owner(data: Mapping[str, object], key: str) -> str:
    """Return the key of the file that a flattened one stands in."""
    return (
        key
        if key in data
        else next((name for name, value in data.items() if isinstance(value, dict) and key in value), key)
    )


def _check_keys(settings: Mapping[str, object], text: str, old: bool, owners: Mapping[str, str]) -> None:
    for key in settings:
        if key in TYPES or key in SINGULAR:
            continue
        if key in NEWER and not old:
            continue
        if key in NEWER:
            proxies = ' ("proxies" works from 23.0 on)' if key.endswith("-proxy") else ""
            raise _WrongError(
                "unknown-key",
                f'this version of Docker does not know "{key}"{proxies}',
                _line(text, key),
                key=owners[key],
            )
        near = difflib.get_close_matches(key, [*TYPES, *NEWER], n=1, cutoff=0.75)
        hint = f'; meant is perhaps "{near[0]}"' if near else ""
        raise _WrongError("unknown-key", f'Docker knows no option "{key}"{hint}', _line(text, key), key=owners[key])


def _check_flags(settings: Mapping[str, object], text: str, flags: Mapping[str, str]) -> None:
    for flag, value in flags.items():
        key = SINGULAR.get(flag, flag)
        if key in settings and key not in ("runtimes", "add-runtime"):
            option = f"--{flag} {value}".rstrip()
            problem = f'"{key}" stands in the file and on the command line of dockerd ({option})'
            raise _WrongError("conflict", problem, _line(text, key))


def _check_type(key: str, value: object, text: str) -> None:
    wanted = TYPES.get(key) or NEWER.get(key) or "any"
    if value is None or wanted == "any" or key in SINGULAR:
        return
    if wanted == "number" and isinstance(value, int) and not isinstance(value, bool):
        return
    if wanted == "objects" and isinstance(value, list) and all(isinstance(v, dict) for v in value):
        return
    if wanted == "list" and isinstance(value, list):
        wrong = next((v for v in value if v is not None and not isinstance(v, str)), None)
        if wrong is not None:
            raise _WrongError("invalid", f'the list "{key}" takes texts only, in quotes', _line(text, key))
        return
    if wanted == "texts by name" and isinstance(value, dict):
        for name, one in value.items():
            if one is not None and not isinstance(one, str):
                raise _WrongError(
                    "invalid", f'the value of "{name}" in "{key}" must be a text, in quotes', _line(text, key, name)
                )
        return
    simple: dict[str, type] = {"bool": bool, "text": str, "object": dict}
    if wanted in simple and isinstance(value, simple[wanted]):
        return
    words = {
        "bool": "true or false, without quotes",
        "number": "a whole number, without quotes",
        "list": "a list: [...]",
        "text": "a text, in quotes",
        "object": "an object: {...}",
        "objects": "a list of objects: [{...}]",
        "texts by name": "an object: {...}",
    }
    raise _WrongError("invalid", f'"{key}" must be {words[wanted]}', _line(text, key))


def _check_values(settings: Mapping[str, object], text: str, version: Version | None, notes: list[Verdict]) -> None:
    for server in jsonfile.texts(settings.get("dns")):
        try:
            ipaddress.ip_address(server.strip())
        except ValueError:
            raise _WrongError(
                "invalid", f'"dns" takes IP addresses only, and {server!r} is none', _line(text, "dns", server)
            ) from None
    for mirror in jsonfile.texts(settings.get("registry-mirrors")):
        _check_mirror(mirror, text, version, notes)
    for registry in jsonfile.texts(settings.get("insecure-registries")):
        _check_insecure(registry, text)
    level = settings.get("log-level")
    if isinstance(level, str) and level and level.lower() not in _LEVELS:
        raise _WrongError("invalid", f'"log-level" knows no level {level!r}', _line(text, "log-level"))


def _check_mirror(mirror: str, text: str, version: Version | None, notes: list[Verdict]) -> None:
    """Follow registry.ValidateMirror."""
    place = _line(text, "registry-mirrors", mirror)
    try:
        url = urlsplit(mirror.strip())
        user = url.username
    except ValueError:
        raise _WrongError("invalid", "a mirror is no URL", place) from None
    if url.scheme not in ("http", "https") or not url.netloc:
        raise _WrongError("invalid", f"a mirror must begin with https:// or http://: {_shown(mirror)}", place)
    if user is not None:
        raise _WrongError("invalid", f"a mirror may hold no user and password: {_shown(mirror)}", place)
    if url.query or url.fragment:
        raise _WrongError("invalid", f"a mirror may hold no query or fragment: {_shown(mirror)}", place)
    if url.path.strip("/"):
        problem = f"the mirror {_shown(mirror)} has a path, which Docker 20.10 and older refuse"
        _refuse(version is not None and version < _REWORKED, notes, problem, place)


def _shown(url: str) -> str:
    return repr(re.sub(r"//[^/]*@", "//", url)[:100])


def _check_insecure(registry: str, text: str) -> None:
    """Follow registry.loadInsecureRegistries: host[:port] or a network, with http:// taken off."""
    bare = re.sub(r"^https?://", "", registry, flags=re.IGNORECASE)
    try:
        ipaddress.ip_network(bare, strict=False)
    except ValueError:
        pass
    else:
        return
    if "/" in bare:
        problem = f'"insecure-registries" takes host[:port] or a network, without a path: {_shown(registry)}'
        raise _WrongError("invalid", problem, _line(text, "insecure-registries", registry))
