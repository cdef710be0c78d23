"""From a text's readings and a walk's findings to one list of diagnoses, the root first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kdoctor.model import Diagnosis, Evidence, Role, Severity, Verdict

_NEAR = ("host", "daemon", "runtime", "proxy", "dns", "network", "tls", "registry", "image", "cluster", "distro")
"""Layers from the puller outwards: of two causes the nearer is the root."""

_VERDICTS = (Verdict.CONFIRMED, Verdict.INCONCLUSIVE, Verdict.UNCHECKED, Verdict.REFUTED)


@dataclass(frozen=True, slots=True)
class Known:
    """What settling needs besides the diagnoses.

    `explains` tells whether one rule, seen too, is why another is seen; `elsewhere` whether a diagnosis
    has a proxy or resolver of no settings here, so that what fails here says little of it.
    """

    explains: Callable[[str, str], bool]
    elsewhere: Callable[[Diagnosis], bool]


def settle(readings: Sequence[Diagnosis], walked: Sequence[Diagnosis], known: Known) -> list[Diagnosis]:
    """Return text's readings and the walk's findings as one list.

    A cause that the walk confirms nearer to the puller than the text's own becomes the root, and the
    text's reading follows it; a walk's finding that is not confirmed stays an alternative.
    """
    merged = _led(_behind_mirrors([_merged(reading, walked) for reading in readings]), known)
    said = {d.rule for d in merged}
    others = [d for d in walked if d.rule not in said and d.severity is not Severity.WARNING]
    root = merged[0] if merged else None
    behind = {d.rule for d in walked if d.role is Role.CONSEQUENCE}

    def takes_over(cause: Diagnosis) -> bool:
        if cause.verdict is not Verdict.CONFIRMED or cause.role is Role.CONSEQUENCE:
            return False
        if root is None or root.rule in behind:
            return True
        if root.verdict is not Verdict.CONFIRMED:
            return root.verdict is Verdict.REFUTED or not known.elsewhere(root)
        return distance(cause) < distance(root) or known.explains(cause.rule, root.rule)

    nearer = [d for d in others if takes_over(d)]
    if nearer:
        first = replace(min(nearer, key=distance), role=Role.ROOT)
        return [first, *(replace(d, role=_behind(first, d, known, of=root)) for d in merged)]
    if root is not None and root.verdict is Verdict.CONFIRMED:
        return merged
    return [*merged, *(replace(d, role=Role.ALTERNATIVE) for d in others)]


def witnessed(found: Sequence[tuple[Diagnosis, Sequence[Evidence]]]) -> list[Diagnosis]:
    """Return the walk's findings, each with the failed steps that it was found by, as they can be.

    A step that failed is not undone because each rule that it nominates is refuted by another probe:
    then the nearest of them is undecided, and the step says why.
    """
    living = {id(e) for diagnosis, seen in found for e in seen if diagnosis.verdict is not Verdict.REFUTED}
    out = [diagnosis for diagnosis, _ in found]
    for at in sorted(range(len(found)), key=lambda i: distance(out[i])):
        lost = [e for e in found[at][1] if id(e) not in living]
        if out[at].verdict is Verdict.REFUTED and lost:
            living.update(id(e) for e in lost)
            out[at] = replace(out[at], verdict=Verdict.INCONCLUSIVE, because=lost[0].detail.rstrip(".") + ".")
    return out


def distance(diagnosis: Diagnosis) -> int:
    """Return how far from the puller the layer of a diagnosis lies: 0 is this machine."""
    return _NEAR.index(diagnosis.layer) if diagnosis.layer in _NEAR else len(_NEAR)


def _led(diagnoses: list[Diagnosis], known: Known) -> list[Diagnosis]:
    """Order by what was proven; another root than the text's own leads only where the verdicts say so."""
    ordered = sorted(diagnoses, key=_rank)
    if ordered and ordered[0] is not diagnoses[0] and _rank(ordered[0]) != _rank(diagnoses[0]):
        first = replace(ordered[0], role=Role.ROOT)
        return [first, *(replace(d, role=_behind(first, d, known)) for d in ordered[1:])]
    return ordered


def _rank(diagnosis: Diagnosis) -> tuple[bool, bool, int]:
    """Confirmed roots first, then undecided ones; a consequence leads only where no root is left."""
    refuted = diagnosis.verdict is Verdict.REFUTED
    return refuted, diagnosis.role is Role.CONSEQUENCE, _VERDICTS.index(diagnosis.verdict)


def _behind(first: Diagnosis, other: Diagnosis, known: Known, of: Diagnosis | None = None) -> Role:
    """Return the role of a diagnosis behind a new root; what the root takes over `of` the text follows it."""
    if other.verdict is Verdict.REFUTED:
        return Role.ALTERNATIVE
    taken = of is not None and (other.rule == of.rule or _same_words(other, of))
    if taken or other.role is Role.CONSEQUENCE or known.explains(first.rule, other.rule):
        return Role.CONSEQUENCE
    return Role.ALTERNATIVE if _same_words(first, other) else Role.INDEPENDENT


def _same_words(one: Diagnosis, other: Diagnosis) -> bool:
    """Tell whether two diagnoses are readings of the same line."""
    return one.matched is not None and one.matched == other.matched


def _behind_mirrors(diagnoses: list[Diagnosis]) -> list[Diagnosis]:
    """What fails at a host that a probe saw as a dead mirror is the mirror's failure."""
    dead = {
        host: d.rule
        for d in diagnoses
        if d.verdict is Verdict.CONFIRMED
        for e in d.evidence
        for mirror in _texts(e.data.get("dead"))
        for host in (mirror.partition("://")[2].rstrip("/") or mirror,)
    }
    return [
        replace(d, role=Role.CONSEQUENCE) if dead.get(d.facts.get("registry", ""), d.rule) != d.rule else d
        for d in diagnoses
    ]


def _texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _merged(reading: Diagnosis, walked: Sequence[Diagnosis]) -> Diagnosis:
    """Return the text's reading with what the walk found for the same rule."""
    twin = next((d for d in walked if d.rule == reading.rule), None)
    if twin is None:
        return reading
    evidence = (*reading.evidence, *(e for e in twin.evidence if e not in reading.evidence))
    facts = {**twin.facts, **reading.facts}
    if twin.verdict is not Verdict.CONFIRMED or reading.verdict is Verdict.CONFIRMED:
        return replace(reading, facts=facts, evidence=evidence)
    own = {"role": reading.role, "matched": reading.matched, "locations": reading.locations}
    return replace(twin, facts=facts, evidence=evidence, **own)  # type: ignore[arg-type]  # fields of one reading
