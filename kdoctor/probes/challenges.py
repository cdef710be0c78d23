"""WWW-Authenticate, as RFC 9110 section 11.6.1 writes it and as servers really send it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_SKIP = re.compile(r"[\s,]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|$)', re.DOTALL)
_BARE = re.compile(r"[^\s,\"]*")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))")
_LIMIT = 32


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a server names: the scheme in lower case, its parameters."""

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)


def parse(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all WWW-Authenticate fields, at most 32; what cannot be read is left out."""
    found: list[Challenge] = []
    for value in values:
        found.extend(_one_field(value))
    return found[:_LIMIT]


def bearer(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the Bearer challenge, which registries' token servers work with."""
    return next((one for one in challenges if one.scheme == "bearer"), None)


def _one_field(text: str) -> list[Challenge]:
    found: list[Challenge] = []
    params: dict[str, str] = {}
    at = _end(_SKIP, text, 0)
    while at < len(text) and len(found) < _LIMIT:
        word = _TOKEN.match(text, at)
        if word is None:
            at = _end(_SKIP, text, at + 1)
            continue
        equals = _EQUALS.match(text, word.end())
        if equals and found:
            value, at = _value(text, equals.end())
            params.setdefault(word.group().lower(), value)
        else:
            params = {}
            found.append(Challenge(word.group().lower(), params))
            at = _end(_SKIP, text, word.end())
            if (opaque := _TOKEN68.match(text, at)) and not _is_scheme(text, opaque):
                params["token68"] = opaque.group()
                at = opaque.end()
        at = _end(_SKIP, text, max(at, word.end()))
    return found


def _is_scheme(text: str, match: re.Match[str]) -> bool:
    """Tell `Basic, Bearer` (two schemes) from `Negotiate oYICA...` (a token behind one)."""
    before = text[: match.start()].rstrip(" \t")
    return before.endswith(",")


def _value(text: str, at: int) -> tuple[str, int]:
    if quoted := _QUOTED.match(text, at):
        return re.sub(r"\\(.)", r"\1", quoted.group(1)), quoted.end()
    bare = _BARE.match(text, at)
    return (bare.group(), bare.end()) if bare else ("", at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
