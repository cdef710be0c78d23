"""What a person or a report asks to fix: a rule and its facts, checked before anything is done with them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdoctor.errors import UsageError
from kdoctor.masking import MASK
from kdoctor.probes.kinds import FACT_TYPES
from kdoctor.references import parse
from kdoctor.rules.book import Book


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fix: rules by id (none: the root cause that a check finds), facts, a recipe where one is preferred."""

    rules: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    reported: Mapping[str, str] = field(default_factory=dict)
    recipe: str | None = None


def check_fact(name: str, value: str, where: str, type_: str | None = None) -> None:
    """Refuse what is no fact: empty, masked, with control characters, an option, or not of its type.

    Raises:
        UsageError: with what is wrong.
    """
    kind = type_ or (name if name in FACT_TYPES else "text")
    if MASK in value or "***" in value:
        raise UsageError(
            f"{where}: {value!r} has its secret part taken out; give the real value with --fact {name}=..."
        )
    if not value.strip() or len(value) > 4096 or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise UsageError(f"{where}: a value without line breaks and control characters is meant")
    if value.startswith("-"):
        raise UsageError(f"{where}: {value!r} would be read as an option")
    wrong = {
        "registry": lambda: not _is_registry(value),
        "image": lambda: not parses(value),
        "port": lambda: not (value.isdigit() and 0 < int(value) < 65536),
        "status": lambda: not (value.isdigit() and len(value) == 3),
        "resolver": lambda: not _is_resolver(value),
    }.get(kind)
    if wrong is not None and wrong():
        raise UsageError(f"{where}: {value!r} is no {kind} ({FACT_TYPES[kind]})")


def _is_registry(value: str) -> bool:
    bare = value if "." in value or ":" in value else f"{value}:443"
    return "/" not in value and parses(f"{bare}/probe:latest")


def _is_resolver(value: str) -> bool:
    host = value.rpartition(":")[0].strip("[]") if value.count(":") == 1 or value.startswith("[") else value
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def from_report(file: Path, book: Book) -> Wish:
    """Return what a report asks to fix: of it only the root's rule and facts are read, and the facts are checked.

    Raises:
        UsageError: it is no report of kdoctor's, or a fact in it is none.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(16 * 1024 * 1024)
        document: Any = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise UsageError(f"{file}: cannot be read: {reason}") from error
    diagnoses = document.get("diagnoses") if isinstance(document, dict) else None
    if not isinstance(diagnoses, list) or document.get("schema") != "kdoctor/report/1":
        raise UsageError(
            f'{file}: no report of kdoctor\'s ("schema": "kdoctor/report/1"); make one with -o json={file}'
        )
    first = next((d for d in diagnoses if isinstance(d, dict) and d.get("verdict") != "refuted"), None)
    if first is None:
        raise UsageError(f"{file}: the report tells of nothing to fix")
    rule_id, facts = first.get("rule"), first.get("facts")
    if not isinstance(rule_id, str) or not isinstance(facts, dict):
        raise UsageError(f"{file}: the first diagnosis has no rule or facts")
    rule = book.rule(rule_id)
    own = {name: value for name, value in facts.items() if name in rule.facts and isinstance(value, str)}
    for name, value in own.items():
        check_fact(name, value, f"{file}: the fact {name}", rule.facts[name].type)
    return Wish((rule_id,), reported=own)


def parses(image: str) -> bool:
    """Tell whether a text is an image reference."""
    try:
        parse(image)
    except UsageError:
        return False
    return True


def facts_of(pairs: list[str], rules: tuple[str, ...], book: Book) -> dict[str, str]:
    """Return the facts that `--fact NAME=VALUE` gives, each checked by the type that the first rule gives it.

    Raises:
        UsageError: it is no pair, or the value is not of its type.
    """
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f'--fact takes NAME=VALUE, not "{pair}"')
        specs = [book.rule(rule).facts.get(name) for rule in rules]
        type_ = next((spec.type for spec in specs if spec is not None), None)
        check_fact(name, value, f"--fact {name}", type_)
        given[name] = value
    return given
