"""A rule that a text or a step nominates, and the order of several: causes first, consequences behind them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kdoctor.model import Evidence, Location, Matched, Role
from kdoctor.rules import model


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that a text or a step of the walk nominates.

    `seen` is the walk's own evidence for it; `severity` is the step's where it differs from the rule's.
    `order` is the place of its source among several. `vague`: its words say only that something failed.
    """

    rule: model.Rule
    facts: Mapping[str, str]
    matched: Matched | None = None
    locations: tuple[Location, ...] = ()
    role: Role = Role.ROOT
    engine: str | None = None
    vantage: str | None = None
    severity: str | None = None
    seen: tuple[Evidence, ...] = ()
    order: int = 0
    vague: bool = False


def explains(cause: model.Rule, effect: model.Rule) -> bool:
    """Tell whether `cause`, where both are seen, is why `effect` is seen."""
    return (
        effect.id in cause.causes
        or cause.id in effect.explained_by
        or (cause.layer in effect.explained_by and cause.layer != effect.layer)
        or (effect.weak and not cause.weak)
    )


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates with their roles: the root, alternatives and independent ones, then consequences.

    A vague one is left out where another says what failed.
    """
    all_of_them = sorted(candidates, key=_order)
    if any(c.rule.severity == "error" and not c.vague for c in all_of_them):
        all_of_them = [c for c in all_of_them if not c.vague]
    caused = {
        c.rule.id
        for c in all_of_them
        if any(
            o.rule.id != c.rule.id and explains(o.rule, c.rule) and not explains(c.rule, o.rule) for o in all_of_them
        )
    }
    roots = [c for c in all_of_them if c.rule.id not in caused]
    rest = [replace(c, role=Role.CONSEQUENCE) for c in all_of_them if c.rule.id in caused]
    if not roots:
        roots, rest = rest[:1], rest[1:]
    return [replace(c, role=_role(c, roots[:i])) for i, c in enumerate(roots)] + rest


def _role(candidate: Candidate, before: Sequence[Candidate]) -> Role:
    """Return the role of a candidate that no other explains: of two readings of one line, one is an alternative."""
    if not before:
        return Role.ROOT
    again = candidate.matched is not None and any(candidate.matched == other.matched for other in before)
    return Role.ALTERNATIVE if again else Role.INDEPENDENT


_SEVERITIES = ("error", "warning", "info")


def _order(candidate: Candidate) -> tuple[int, int, int]:
    line = candidate.matched.line if candidate.matched else 0
    return _SEVERITIES.index(candidate.rule.severity), candidate.order, line
