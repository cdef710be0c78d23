"""`kdoctor rules test`: a rule against its own examples and scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdoctor.errors import RuleError, did_you_mean
from kdoctor.model import Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.condition import Scope
from kdoctor.rules.exclusive import UndecidedError, both
from kdoctor.rules.judge import decide
from kdoctor.rules.load import Folder
from kdoctor.rules.match import match
from kdoctor.rules.patterns import compiled, expand
from kdoctor.rules.remedy import Here, fixes
from kdoctor.rules.yamlfile import YamlFile


def test_rule(rule: model.Rule, folder: Folder, book: Book) -> Iterator[RuleError]:
    """Yield the examples and scenarios of a rule that do not come out as they say."""
    file = folder.files[rule.id]
    for i, positive in enumerate(rule.examples.positive):
        where = ("examples", "positive", i)
        found = match(book, positive.text)
        if not found or found[0].rule.id != rule.id:
            winner = found[0].rule.id if found else "nothing"
            yield file.error(where, f"{winner} wins this example, not {rule.id}")
            continue
        for name, value in positive.facts.items():
            got = found[0].facts.get(name)
            if got != value:
                yield file.error((*where, "facts", name), f'the fact {name} is "{got}", not "{value}"')
    for i, negative in enumerate(rule.examples.negative):
        found = match(book, negative.text)
        landed = found[0].rule.id if found else None
        if landed != negative.expect:
            yield file.error(
                ("examples", "negative", i), f"{landed or 'nothing'} wins this text, not {negative.expect or 'nothing'}"
            )
    yield from _patterns_hit(rule, folder)
    yield from _scenarios(rule, folder, book)
    yield from _both(rule, file)


def _patterns_hit(rule: model.Rule, folder: Folder) -> Iterator[RuleError]:
    """Every pattern must be found in a positive example of its own rule."""
    from kdoctor.reading.clean import clean
    from kdoctor.reading.records import records

    texts = []
    for one in rule.examples.positive:
        for record in records(clean(one.text)):
            texts += [record.text, record.unwrapped or ""]
    for i, pattern in enumerate(rule.match.any if rule.match else ()):
        regex = compiled(expand(pattern.regex, folder.words.fragments))
        if not any(regex.search(text) for text in texts):
            yield folder.files[rule.id].error(
                ("match", "any", i), f'the pattern "{pattern.id}" is in no positive example'
            )


def _scenarios(rule: model.Rule, folder: Folder, book: Book) -> Iterator[RuleError]:
    file = folder.files[rule.id]
    reached: set[str] = set()
    for i, scenario in enumerate(rule.scenarios):
        where = ("scenarios", i)
        scope = Scope(scenario.facts, given(rule, scenario.given))
        for problem in _given_problems(rule, scenario.given):
            yield file.error((*where, "given"), problem)
        verdict = decide(rule, scope)
        reached.add(verdict)
        if verdict != scenario.expect.verdict:
            yield file.error(where, f"the verdict is {verdict}, not {scenario.expect.verdict}")
        if scenario.expect.verdict == "refuted":
            continue
        first = next(fixes(rule, scope, book, Here((scenario.platform,))), None)
        if scenario.expect.fix and (first.id if first else None) != scenario.expect.fix:
            yield file.error(where, f"the first fix is {first.id if first else 'none'}, not {scenario.expect.fix}")
        if first and not first.steps:
            yield file.error(where, f"the fix {first.id} has no steps on {scenario.platform}")
    if rule.probes:
        wanted = ["confirmed", "inconclusive"] + (["refuted"] if rule.verdict.refuted else [])
        for verdict_name in wanted:
            if verdict_name not in reached:
                yield file.error(("scenarios",), f"no scenario comes to {verdict_name}")


def given(rule: model.Rule, values: Mapping[str, Any]) -> dict[str, Evidence]:
    """Return the evidence that a scenario's `probe.field: value` pairs describe."""
    kinds = {probe.id: probe.use for probe in rule.probes}
    parts: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        probe, _, name = key.partition(".")
        parts.setdefault(probe, {})[name] = tuple(value) if isinstance(value, list | tuple) else value
    return {
        probe: Evidence(
            kinds.get(probe, "?"),
            str(data.pop("target", "")),
            "shell",
            str(data.pop("outcome", "unseen")),
            str(data.pop("detail", "")),
            data=data,
        )
        for probe, data in parts.items()
    }


def _given_problems(rule: model.Rule, values: Mapping[str, Any]) -> Iterator[str]:
    kinds = {probe.id: KINDS[probe.use] for probe in rule.probes}
    for key, value in values.items():
        probe, _, name = key.partition(".")
        if probe not in kinds:
            yield f'no probe "{probe}".{did_you_mean(probe, kinds)}'
        elif name == "outcome" and value not in (*kinds[probe].outcomes, "unseen", "cut"):
            yield f'{kinds[probe].id} has no outcome "{value}".{did_you_mean(str(value), kinds[probe].outcomes)}'
        elif name not in ("outcome", "detail", "target") and name not in kinds[probe].fields:
            yield f'{kinds[probe].id} has no field "{name}".{did_you_mean(name, kinds[probe].fields)}'


def _both(rule: model.Rule, file: YamlFile) -> Iterator[RuleError]:
    try:
        found = both(rule)
    except UndecidedError:
        yield file.error(("verdict",), "`confirmed` and `refuted` name too much to tell whether both can be true")
        return
    if found is not None:
        said = ", ".join(f"{name}: {'none' if value is None else value}" for name, value in found.items())
        yield file.error(("verdict", "refuted"), f"`confirmed` and `refuted` are both true with {said}")
