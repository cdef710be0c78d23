"""Can a rule be confirmed and refuted at once? A search over what its probes and facts may say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdoctor.model import UNSEEN, Evidence, Value
from kdoctor.probes.kinds import KINDS
from kdoctor.rules import model, template
from kdoctor.rules.condition import TREES, Scope, evaluate
from kdoctor.rules.template import fill

_MOST_STEPS = 10_000
_OTHER = "other.example.com"
"""A value that no condition names."""


class UndecidedError(Exception):
    """The conditions name too much to try every case."""


class _Partly(Scope):
    """A scope of which only some values have been chosen; the others are unknown.

    `needs` are the facts that each probe cannot be asked without.
    """

    def __init__(self, chosen: Mapping[str, Value], needs: Mapping[str, Sequence[str]]) -> None:
        super().__init__({}, {})
        self._chosen, self._needs = chosen, needs

    def known(self, name: str) -> bool:
        probe, dot, _ = name.partition(".")
        if dot and any(self._chosen.get(fact, _OTHER) is None for fact in self._needs.get(probe, ())):
            return False
        return name in self._chosen and not (dot and self._chosen.get(f"{probe}.outcome") == UNSEEN)

    def missing(self, name: str) -> Iterator[str]:
        """Yield what has to be chosen before `name` is known; nothing where it never will be."""
        probe, dot, _ = name.partition(".")
        facts = self._needs.get(probe, ()) if dot else ()
        if any(self._chosen.get(fact, _OTHER) is None for fact in facts):
            return
        if dot and self._chosen.get(f"{probe}.outcome") == UNSEEN:
            return
        if name not in self._chosen:
            yield name

    def value(self, name: str) -> Value:
        return self._chosen.get(name) if self.known(name) else None


def both(rule: model.Rule) -> dict[str, Value] | None:
    """Return values under which the rule is confirmed and refuted at once; None where there are none.

    Each outcome of each probe is tried, and of every other field and fact the values that the
    conditions tell apart. Fields are taken to be independent of outcomes.

    Raises:
        UndecidedError: there are more cases than can be tried.
    """
    confirmed, refuted = rule.verdict.confirmed, rule.verdict.refuted
    if not confirmed or not refuted:
        return None
    whole: model.Condition = {"all": [confirmed, refuted]}
    either: model.Condition = {"any": [confirmed, refuted]}
    domains = _domains(rule, whole)
    needs = {probe.id: tuple(_needed(probe)) for probe in rule.probes}
    costly = tuple(f"{probe.id}." for probe in rule.probes if KINDS[probe.use].last)
    steps = itertools.count()

    def search(chosen: dict[str, Value]) -> dict[str, Value] | None:
        if next(steps) > _MOST_STEPS:
            raise UndecidedError
        scope = _Partly(chosen, needs)
        truth = evaluate(whole, scope, fill)
        if truth is False:
            return None
        open_names = _open(whole, scope)
        if truth:
            before = _Partly({name: value for name, value in chosen.items() if not name.startswith(costly)}, needs)
            decided = [evaluate(tree, before, fill) is True for tree in (confirmed, refuted)]
            if any(decided) and not all(decided):  # so the costly probes are not asked
                return None
            open_names = iter(()) if all(decided) else (n for n in _open(either, before) if not n.startswith(costly))
        name = next(open_names, None)
        if name is None:
            return dict(chosen) if truth else None
        return next((found for value in domains[name] if (found := search({**chosen, name: value})) is not None), None)

    return search({})


def _open(condition: Mapping[str, Any], scope: _Partly) -> Iterator[str]:
    """Yield the names that a condition's truth still depends on, facts and outcomes first."""
    names = dict.fromkeys(_unknown(condition, scope))
    yield from sorted(names, key=lambda name: ("." in name, not name.endswith(".outcome")))


def _unknown(condition: Mapping[str, Any], scope: _Partly) -> Iterator[str]:
    for key, operand in condition.items():
        if evaluate({key: operand}, scope, fill) is not None:
            continue
        if key in TREES:
            for part in operand:
                yield from _unknown(part, scope)
            continue
        placeholders = (name for _, _, several in _comparisons({key: operand}) for name in _named(several))
        for name in (key, *placeholders):
            yield from scope.missing(name)


def _named(several: Sequence[Any]) -> Iterator[str]:
    return (name for one in several if isinstance(one, str) for name in template.names(one))


def _needed(probe: model.ProbeUse) -> Iterator[str]:
    for name, value in probe.with_.items():
        if not KINDS[probe.use].params[name].endswith("?"):
            yield from (one for one in template.names(value) if "." not in one)


def _domains(rule: model.Rule, whole: model.Condition) -> dict[str, list[Value]]:
    """Return the values worth trying for each name in the conditions."""
    compared: dict[str, list[tuple[str, Any]]] = {}
    groups: dict[str, list[frozenset[str]]] = {}
    for name, operator, several in _comparisons(whole):
        groups.setdefault(name, []).append(frozenset(map(str, several)))
        compared.setdefault(name, []).extend((operator, one) for one in several)
        for inner in _named(several):
            compared.setdefault(inner, [])
    texts = {one for tests in compared.values() for _, one in tests if isinstance(one, str) and "{" not in one}
    plain = [*sorted(texts), _OTHER]
    return {name: list(_values(rule, name, tests, groups.get(name, ()), plain)) for name, tests in compared.items()}


def _comparisons(condition: Mapping[str, Any]) -> Iterator[tuple[str, str, Sequence[Any]]]:
    for key, operand in condition.items():
        if key in TREES:
            for part in operand:
                yield from _comparisons(part)
            continue
        tests = operand if isinstance(operand, Mapping) else {"is": operand}
        for operator, wanted in tests.items():
            yield key, operator, wanted if isinstance(wanted, list | tuple) else (wanted,)


def _outcomes(outcomes: Sequence[str], groups: Sequence[frozenset[str]]) -> Iterator[str]:
    """Yield one outcome of each set that the conditions do not tell apart, and that nobody could look."""
    told = {tuple(outcome in group for group in groups): outcome for outcome in reversed(outcomes)}
    yield from (*told.values(), UNSEEN)


def _values(
    rule: model.Rule,
    name: str,
    tests: Sequence[tuple[str, Any]],
    groups: Sequence[frozenset[str]],
    texts: Sequence[str],
) -> Iterator[Value]:
    probe, dot, part = name.partition(".")
    kind = next((KINDS[one.use] for one in rule.probes if one.id == probe), None) if dot else None
    if kind and part == "outcome":
        yield from _outcomes(kind.outcomes, groups)
        return
    type_ = kind.fields.get(part, "text") if kind else "text"
    optional = (kind is not None and part != "target") or (name in rule.facts and rule.facts[name].optional)
    if optional:
        yield None
    if type_ == "bool":
        yield from (True, False)
    elif type_ == "number":
        numbers = {number + step for _, number in tests if isinstance(number, int | float) for step in (-1, 0, 1)}
        yield from sorted(numbers | {0})
    elif type_ == "list":
        yield from _lists(tests, texts)
    else:
        yield from _texts(tests, texts)


def _texts(tests: Sequence[tuple[str, Any]], texts: Sequence[str]) -> Iterator[str]:
    """Yield texts that the tests tell apart: equal, containing one or all, below a name, private or not."""
    named = [(operator, str(one)) for operator, one in tests if operator not in ("exists", "internal")]
    linked = not tests or any("{" in one for _, one in named)
    own = [one for _, one in named if "{" not in one]
    parts = [one for operator, one in named if operator == "contains"]
    yield from dict.fromkeys(
        [*(texts if linked else own), _OTHER]
        + ([" ".join(parts)] if parts else [])
        + (["10.0.0.1"] if any(operator == "internal" for operator, _ in tests) else [])
        + [f"x.{one}" for operator, one in named if operator == "under"]
        + [_with_other(one) for _, one in named if "{" in one]
    )


def _lists(tests: Sequence[tuple[str, Any]], texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    members = [*dict.fromkeys(_texts(tests, texts))]
    yield ()
    for one in members:
        yield (one,)
    yield tuple(members)
    named = [one for one in members if one != _OTHER]
    for size in range(2, min(len(named), 3) + 1):
        yield from itertools.combinations(named, size)


def _with_other(operand: str) -> str:
    """Return an operand with placeholders filled with the value that no condition names."""
    names = dict.fromkeys(template.names(operand), _OTHER)
    facts = {name: value for name, value in names.items() if "." not in name}
    results = {
        name.partition(".")[0]: Evidence("", _OTHER, "", "", data={name.partition(".")[2]: _OTHER})
        for name in names
        if "." in name
    }
    return fill(operand, Scope(facts, results)) or _OTHER
