"""Placeholders: `{fact}` and `{probe.field}`, substituted once; a value is never scanned again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kdoctor.rules.condition import PLACEHOLDER, Scope


def names(template: str) -> Iterator[str]:
    """Yield the placeholders' names."""
    return (found[1] for found in PLACEHOLDER.finditer(template))


def several(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the templates of a text that is given as one or as several."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def fill(template: str, scope: Scope) -> str | None:
    """Return the template with its placeholders' values, or None where one has no value."""
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        got = scope.value(found[1])
        if got is None or got == () or got == "":
            missing = True
            return ""
        return ", ".join(got) if isinstance(got, tuple) else str(got)

    text = PLACEHOLDER.sub(value, template)
    return None if missing else text


def first_filled(templates: str | Sequence[str] | None, scope: Scope) -> str | None:
    """Return the first of the templates that can be filled, or None."""
    for template in several(templates):
        text = fill(template, scope)
        if text is not None:
            return text
    return None
