"""Conditions over facts and probe results, in three values: true, false, and unknown (None).

    {listener.outcome: refused}                    equal
    {listener.outcome: [refused, timeout]}         one of
    {proxy.endpoints: {contains: "{proxy}"}}       a list has it; for text: is part of it
    {proxy.alternative: {exists: true}}
    {ping.clock_skew: {above: 300}}                also {below: N}, {not: VALUE}, {under: SUFFIX}
    {registry: {internal: true}}                   a host of a private network or a cluster
    {registry: registry.k8s.io}                    a fact: a name without a dot
    {all: [...]}  {any: [...]}  {none: [...]}

A probe that was unseen or cut makes every condition on it unknown, not false (Kleene's logic).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kdoctor.model import CUT, UNSEEN, Evidence, Value
from kdoctor.rules.internal import is_internal

OPERATORS = ("contains", "exists", "above", "below", "not", "under", "internal")
TREES = ("all", "any", "none")

Truth = bool | None


class Scope:
    """What placeholders and conditions may name: facts, and the probes' results by id."""

    def __init__(self, facts: Mapping[str, str], results: Mapping[str, Evidence]) -> None:
        self.facts = facts
        self.results = results

    def known(self, name: str) -> bool:
        """Tell whether the thing that `name` is about could be looked at."""
        probe, dot, _ = name.partition(".")
        if not dot:
            return True
        return probe in self.results and self.results[probe].known

    def value(self, name: str) -> Value:
        """Return a fact, or `probe.field`; None where there is none."""
        probe, dot, part = name.partition(".")
        if not dot:
            return self.facts.get(name)
        evidence = self.results.get(probe)
        if evidence is None:
            return None
        if part in ("outcome", "detail", "target"):
            return str(getattr(evidence, part))
        return evidence.data.get(part)


def evaluate(condition: Mapping[str, Any], scope: Scope, fill: Callable[[str, Scope], str | None]) -> Truth:
    """Return the truth of a condition; several keys in one mapping must all hold."""
    return _all(_one(key, operand, scope, fill) for key, operand in condition.items())


def _one(key: str, operand: Any, scope: Scope, fill: Callable[[str, Scope], str | None]) -> Truth:
    if key in TREES:
        parts = (evaluate(part, scope, fill) for part in operand)
        if key == "all":
            return _all(parts)
        truth = _any(parts)
        return truth if key == "any" or truth is None else not truth
    if not scope.known(key):
        return None
    value = scope.value(key)
    if isinstance(operand, Mapping):
        return all(_holds(operator, value, _filled(wanted, scope, fill)) for operator, wanted in operand.items())
    wanted = operand if isinstance(operand, list | tuple) else [operand]
    return any(_equal(value, _filled(one, scope, fill)) for one in wanted)


def _filled(operand: Any, scope: Scope, fill: Callable[[str, Scope], str | None]) -> Any:
    if isinstance(operand, str):
        return fill(operand, scope)
    if isinstance(operand, list | tuple):
        return [_filled(one, scope, fill) for one in operand]
    return operand


def _equal(value: Value, wanted: Any) -> bool:
    if value is None or wanted is None:
        return False
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return str(value).lower() == str(wanted).lower()


def _holds(operator: str, value: Value, wanted: Any) -> bool:
    if operator == "exists":
        return (value not in (None, "", ())) is bool(wanted)
    if operator == "not":
        return not any(_equal(value, one) for one in (wanted if isinstance(wanted, list) else [wanted]))
    if value is None or wanted is None:
        return False
    if operator == "internal":
        return is_internal(str(value)) is bool(wanted)
    if operator == "contains":
        if isinstance(value, tuple):
            return any(_equal(one, wanted) for one in value)
        return str(wanted).lower() in str(value).lower()
    if operator == "under":
        suffixes = wanted if isinstance(wanted, list) else [wanted]
        return any(str(value).lower() == s or str(value).lower().endswith("." + s) for s in suffixes)
    if isinstance(value, tuple | bool):
        return False
    try:
        return float(value) > float(wanted) if operator == "above" else float(value) < float(wanted)
    except ValueError:
        return False


def _all(parts: Iterator[Truth]) -> Truth:
    truth: Truth = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            truth = None
    return truth


def _any(parts: Iterator[Truth]) -> Truth:
    truth: Truth = False
    for part in parts:
        if part is True:
            return True
        if part is None:
            truth = None
    return truth


def problems(
    condition: Mapping[str, Any], names: Callable[[str], str | None]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield (path, problem) for every mistake; `names` says what is wrong with a name, or None."""
    for key, operand in condition.items():
        if key in TREES:
            if not isinstance(operand, list | tuple) or not operand:
                yield (key,), f'"{key}" takes a list of conditions'
                continue
            for i, part in enumerate(operand):
                if not isinstance(part, Mapping):
                    yield (key, i), "a condition is a mapping such as {listener.outcome: refused}"
                    continue
                for path, problem in problems(part, names):
                    yield (key, i, *path), problem
            continue
        wrong = names(key)
        if wrong:
            yield (key,), wrong
        if isinstance(operand, Mapping):
            for operator in operand:
                if operator not in OPERATORS:
                    yield (key, operator), f'no operator "{operator}"; there are {", ".join(OPERATORS)}'


def outcomes_named(condition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every (probe id, outcome) that a condition compares an outcome with."""
    for key, operand in condition.items():
        if key in TREES:
            for part in operand:
                yield from outcomes_named(part)
        elif key.endswith(".outcome"):
            values = operand.get("not", []) if isinstance(operand, Mapping) else operand
            for one in values if isinstance(values, list | tuple) else [values]:
                yield key.rpartition(".")[0], str(one)


NEVER_CONDITIONS = (UNSEEN, CUT)
"""Outcomes that no condition may name: they make it unknown."""
