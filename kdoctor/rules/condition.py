"""Conditions over facts and probe results, in three values: true, false, and unknown (None).

    {listener.outcome: refused}                    equal
    {listener.outcome: [refused, timeout]}         one of
    {proxy.endpoints: {contains: "{proxy}"}}       a list has it; for text: is part of it; a list: one of
    {proxy.alternative: {exists: true}}
    {ping.clock_skew: {above: 300}}                also {below: N}, {not: VALUE}, {under: SUFFIX}
    {registry: {internal: true}}                   a host of a private network or a cluster
    {registry: registry.k8s.io}                    a fact: a name without a dot
    {all: [...]}  {any: [...]}  {none: [...]}

A probe that was unseen or cut makes every condition on it, or with a value of it, unknown, not false
(Kleene's logic).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kdoctor.errors import did_you_mean
from kdoctor.model import CUT, UNSEEN, Evidence, Value
from kdoctor.rules.internal import is_internal

OPERATORS = ("contains", "exists", "above", "below", "not", "under", "internal")
TREES = ("all", "any", "none")

PLACEHOLDER = re.compile(r"\{([a-z_][a-z_0-9]*(?:\.[a-z_0-9]+)?)\}")
"""`{fact}` or `{probe.field}` in a text; `kdoctor.rules.template` fills it."""

Truth = bool | None
Problem = tuple[tuple[str | int, ...], str]


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
        if part == "detail":
            return evidence.detail.rstrip(".")  # some are sentences; the text around it sets the full stop
        if part in ("outcome", "target"):
            return str(getattr(evidence, part))
        return evidence.data.get(part)


Fill = Callable[[str, Scope], str | None]


def evaluate(condition: Mapping[str, Any], scope: Scope, fill: Fill) -> Truth:
    """Return the truth of a condition; several keys in one mapping must all hold."""
    return _all(_one(key, operand, scope, fill) for key, operand in condition.items())


def _one(key: str, operand: Any, scope: Scope, fill: Fill) -> Truth:
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
        return _all(_holds(operator, value, wanted, scope, fill) for operator, wanted in operand.items())
    return _compared(_equal, value, operand, scope, fill)


def _holds(operator: str, value: Value, wanted: Any, scope: Scope, fill: Fill) -> Truth:
    if operator == "exists":
        return (value not in (None, "", ())) is wanted
    truth = _compared(_COMPARISONS[operator], value, wanted, scope, fill)
    return truth if operator != "not" or truth is None else not truth


def _compared(holds: Callable[[Value, Any], bool], value: Value, wanted: Any, scope: Scope, fill: Fill) -> Truth:
    """Compare with one value or several; one that names a probe which did not look is unknown."""
    return _any(_with_one(holds, value, one, scope, fill) for one in _several(wanted))


def _with_one(holds: Callable[[Value, Any], bool], value: Value, wanted: Any, scope: Scope, fill: Fill) -> Truth:
    if isinstance(wanted, str):
        if not all(scope.known(found[1]) for found in PLACEHOLDER.finditer(wanted)):
            return None
        wanted = fill(wanted, scope)
    return value is not None and wanted is not None and holds(value, wanted)


def _equal(value: Value, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return str(value).lower() == str(wanted).lower()


def _contains(value: Value, wanted: Any) -> bool:
    if isinstance(value, tuple):
        return any(_equal(one, wanted) for one in value)
    return str(wanted).lower() in str(value).lower()


def _under(value: Value, wanted: Any) -> bool:
    name, parent = str(value).lower(), str(wanted).lower()
    return name == parent or name.endswith(f".{parent}")


def _internal(value: Value, wanted: Any) -> bool:
    hosts = value if isinstance(value, tuple) else (value,)
    return any(is_internal(str(host)) for host in hosts) is wanted


def _above(value: Value, wanted: Any) -> bool:
    number = _number(value)
    return number is not None and number > wanted


def _below(value: Value, wanted: Any) -> bool:
    number = _number(value)
    return number is not None and number < wanted


def _number(value: Value) -> float | None:
    if value is None or isinstance(value, tuple | bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


_COMPARISONS: Mapping[str, Callable[[Value, Any], bool]] = {
    "not": _equal,
    "contains": _contains,
    "under": _under,
    "internal": _internal,
    "above": _above,
    "below": _below,
}


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


def problems(condition: Mapping[str, Any], names: Callable[[str], str | None]) -> Iterator[Problem]:
    """Yield (path, problem) for every mistake; `names` says what is wrong with a name, or None."""
    for key, operand in condition.items():
        if key in TREES:
            yield from _tree_problems(key, operand, names)
            continue
        wrong = names(key)
        if wrong:
            yield (key,), wrong
        if isinstance(operand, Mapping):
            if not operand:
                yield (key,), f"an operator is missing; there are {', '.join(OPERATORS)}"
            for operator, wanted in operand.items():
                yield from (((key, operator), problem) for problem in _operator_problems(operator, wanted, names))
        else:
            yield from (((key,), problem) for problem in _value_problems(operand, names))


def _tree_problems(tree: str, parts: Any, names: Callable[[str], str | None]) -> Iterator[Problem]:
    if not isinstance(parts, list | tuple) or not parts:
        yield (tree,), f'"{tree}" takes a list of conditions'
        return
    for i, part in enumerate(parts):
        if not isinstance(part, Mapping):
            yield (tree, i), "a condition is a mapping such as {listener.outcome: refused}"
            continue
        for path, problem in problems(part, names):
            yield (tree, i, *path), problem


def _operator_problems(operator: str, wanted: Any, names: Callable[[str], str | None]) -> Iterator[str]:
    if operator not in OPERATORS:
        yield f'no operator "{operator}".{did_you_mean(operator, OPERATORS)} There are {", ".join(OPERATORS)}.'
    elif operator in ("exists", "internal"):
        if not isinstance(wanted, bool):
            yield f'"{operator}" takes true or false'
    elif operator in ("above", "below"):
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            yield f'"{operator}" takes a number'
    elif operator in ("contains", "under") and not all(isinstance(one, str) for one in _several(wanted)):
        yield f'"{operator}" takes a text or a list of texts'
    else:
        yield from _value_problems(wanted, names)


def _value_problems(wanted: Any, names: Callable[[str], str | None]) -> Iterator[str]:
    several = _several(wanted)
    if not several or not all(isinstance(one, str | int | float) for one in several):
        yield "a value is missing: a text, a number, true, false, or a list of them"
        return
    for one in several:
        for found in PLACEHOLDER.finditer(one) if isinstance(one, str) else ():
            wrong = names(found[1])
            if wrong:
                yield wrong


def _several(wanted: Any) -> Sequence[Any]:
    return wanted if isinstance(wanted, list | tuple) else [wanted]


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
