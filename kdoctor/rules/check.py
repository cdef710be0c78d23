"""What one rule or recipe must be, beyond its form: the names in it exist, its patterns are safe."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kdoctor.errors import did_you_mean
from kdoctor.model import CUT, UNSEEN
from kdoctor.probes.kinds import FACT_TYPES, KINDS
from kdoctor.rules import model, template
from kdoctor.rules.condition import outcomes_named, problems
from kdoctor.rules.literals import literals
from kdoctor.rules.load import Folder
from kdoctor.rules.patterns import PatternError, compiled, dangers, expand
from kdoctor.rules.steps import KIND_OF

Where = tuple[str | int, ...]
Problem = tuple[Where, str]

_NAME = re.compile("[a-z_][a-z_0-9]*")
"""What placeholders can name: see `kdoctor.rules.condition`."""


_SERVICE = re.compile(r"[a-z0-9][a-z0-9@._-]*", re.IGNORECASE)


def rule_problems(rule: model.Rule, folder: Folder) -> Iterator[Problem]:
    """Yield what is wrong in one rule, with the path to it in the file."""
    if folder.taxonomy.layers and rule.layer not in folder.taxonomy.layers:
        yield ("layer",), f'no layer "{rule.layer}".{did_you_mean(rule.layer, folder.taxonomy.layers)}'
    wanted = folder.taxonomy.layer_of.get(rule.id)
    if wanted and wanted != rule.layer:
        yield ("layer",), f'taxonomy.yaml has {rule.id} in the layer "{wanted}"'
    for engine in rule.engines:
        if engine not in model.ENGINES:
            yield ("engines",), f'no engine "{engine}".{did_you_mean(engine, model.ENGINES)}'
    for platform in rule.occurs_on:
        if platform not in model.PLATFORMS:
            yield ("occurs_on",), f'no platform "{platform}".{did_you_mean(platform, model.PLATFORMS)}'
    for name, fact in rule.facts.items():
        if fact.type not in FACT_TYPES:
            yield ("facts", name), f'no type "{fact.type}" of facts.{did_you_mean(fact.type, FACT_TYPES)}'
        if not _NAME.fullmatch(name):
            yield ("facts", name), f'"{name}": a fact\'s name is of small letters, digits and _'
    yield from _match_problems(rule, folder)
    yield from _detect_problems(rule)
    yield from _probe_problems(rule)
    yield from _verdict_problems(rule)
    yield from _text_problems(rule)
    yield from _fix_problems(rule, folder)
    yield from _scenario_problems(rule, folder)


def _match_problems(rule: model.Rule, folder: Folder) -> Iterator[Problem]:
    if rule.match is None:
        if not rule.detect:
            yield (), "the rule has neither `match` nor `detect`: nothing would ever nominate it"
        return
    if rule.match.context is not None and rule.match.context not in folder.words.contexts:
        yield (
            ("match", "context"),
            f'no context "{rule.match.context}".{did_you_mean(rule.match.context, folder.words.contexts)}',
        )
    if not rule.match.any:
        yield ("match", "any"), "`any` is empty: nothing would ever match"
    for part in ("any", "none"):
        ids: set[str] = set()
        for i, pattern in enumerate(getattr(rule.match, part)):
            if pattern.id in ids:
                yield ("match", part, i, "id"), f'the pattern id "{pattern.id}" stands twice'
            ids.add(pattern.id)
            for problem in pattern_problems(pattern.regex, folder, literal=part == "any"):
                yield ("match", part, i, "regex"), f"{pattern.id}: {problem}"
            if part == "any":
                for group in _groups(pattern.regex, folder):
                    if group not in rule.facts:
                        yield (
                            ("match", part, i, "regex"),
                            f'{pattern.id}: no fact "{group}" in `facts`.{did_you_mean(group, rule.facts)}',
                        )


def pattern_problems(regex: str, folder: Folder, *, literal: bool) -> Iterator[str]:
    """Yield what is wrong with a pattern."""
    try:
        wide = expand(regex, folder.words.fragments)
        found = compiled(wide)
        if found.search(""):
            yield "it matches the empty text"
            return
        yield from dangers(wide)
        if literal and not literals(wide):
            yield "it has no words of three characters that every match holds; every text would have to be tried"
    except (PatternError, re.error) as error:
        yield str(error)


def _groups(regex: str, folder: Folder) -> tuple[str, ...]:
    try:
        return tuple(compiled(expand(regex, folder.words.fragments)).groupindex)
    except PatternError:
        return ()


def _detect_problems(rule: model.Rule) -> Iterator[Problem]:
    for i, detect in enumerate(rule.detect):
        kind = KINDS.get(KIND_OF.get(detect.step, ""))
        if kind is None:
            yield ("detect", i, "step"), f'no step "{detect.step}".{did_you_mean(detect.step, KIND_OF)}'
            continue
        for outcome in detect.outcome:
            if outcome not in kind.outcomes:
                near = did_you_mean(outcome, kind.outcomes)
                yield ("detect", i, "outcome"), f'{kind.id} has no outcome "{outcome}".{near}'


def _probe_problems(rule: model.Rule) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, probe in enumerate(rule.probes):
        where: Where = ("probes", i)
        if probe.id in seen:
            yield (*where, "id"), f'the probe id "{probe.id}" stands twice'
        if not _NAME.fullmatch(probe.id):
            yield (
                (*where, "id"),
                f'"{probe.id}": a probe\'s id is of small letters, digits and _, so that texts can name it',
            )
        kind = KINDS.get(probe.use)
        if kind is None:
            yield (*where, "use"), f'no probe "{probe.use}".{did_you_mean(probe.use, KINDS)}'
        else:
            for name in probe.with_:
                if name not in kind.params:
                    yield (*where, "with", name), f'{probe.use} takes no "{name}".{did_you_mean(name, kind.params)}'
            for name, type_ in kind.params.items():
                if not type_.endswith("?") and name not in probe.with_:
                    yield (*where, "with"), f'{probe.use} needs "{name}"'
        for name, value in probe.with_.items():
            for placeholder in template.names(value):
                wrong = _name_problem(rule, placeholder, tuple(seen))
                if wrong:
                    yield (*where, "with", name), wrong
        seen.add(probe.id)


def _name_problem(rule: model.Rule, name: str, probes: tuple[str, ...] | None = None) -> str | None:
    """Tell what is wrong with a fact's or a probe field's name, or None."""
    probe_id, dot, part = name.partition(".")
    if not dot:
        if name in rule.facts:
            return None
        return f'no fact "{name}".{did_you_mean(name, rule.facts)}'
    by_id = {probe.id: probe.use for probe in rule.probes}
    if probe_id not in by_id or (probes is not None and probe_id not in probes):
        return f'no probe "{probe_id}" before this.{did_you_mean(probe_id, by_id)}'
    kind = KINDS.get(by_id[probe_id])
    if kind is None or part in ("outcome", "detail", "target") or part in kind.fields:
        return None
    return f'{kind.id} has no field "{part}".{did_you_mean(part, (*kind.fields, "outcome", "detail"))}'


def _verdict_problems(rule: model.Rule) -> Iterator[Problem]:
    verdict = rule.verdict
    if not rule.probes and not verdict.no_probe:
        yield ("verdict",), "no probes: say why in `verdict.no_probe`"
    if rule.probes and not verdict.confirmed:
        yield ("verdict",), "probes without a `confirmed` condition decide nothing"
    for name in ("confirmed", "refuted"):
        tree = getattr(verdict, name)
        if tree:
            yield from _condition_problems(rule, tree, ("verdict", name))
    for i, use in enumerate(rule.fixes):
        if use.when:
            yield from _condition_problems(rule, use.when, ("fixes", i, "when"))
        if use.auto:
            yield from _condition_problems(rule, use.auto, ("fixes", i, "auto"))


def _condition_problems(rule: model.Rule, tree: model.Condition, where: Where) -> Iterator[Problem]:
    for path, problem in problems(tree, lambda name: _name_problem(rule, name)):
        yield (*where, *path), problem
    by_id = {probe.id: KINDS.get(probe.use) for probe in rule.probes}
    for probe_id, outcome in outcomes_named(tree):
        kind = by_id.get(probe_id)
        if outcome in (UNSEEN, CUT):
            yield where, f'"{outcome}" makes a condition unknown; it cannot be asked for'
        elif kind and outcome not in kind.outcomes:
            yield where, f'{kind.id} has no outcome "{outcome}".{did_you_mean(outcome, kind.outcomes)}'


def _text_problems(rule: model.Rule) -> Iterator[Problem]:
    because = rule.verdict.because
    texts: tuple[tuple[Where, model.Texts | None], ...] = (
        (("title",), rule.title),
        (("why",), rule.why),
        (("verdict", "because", "confirmed"), because.confirmed),
        (("verdict", "because", "refuted"), because.refuted),
        (("verdict", "because", "inconclusive"), because.inconclusive),
    )
    for where, one in texts:
        for text in template.several(one):
            for name in template.names(text):
                wrong = _name_problem(rule, name)
                if wrong:
                    yield where, wrong
    for where, one in texts[:2]:
        last = (template.several(one) or ("",))[-1]
        for name in template.names(last):
            if "." in name or (name in rule.facts and rule.facts[name].optional):
                yield where, f'"{{{name}}}" may have no value; give a last alternative without it'


def _fix_problems(rule: model.Rule, folder: Folder) -> Iterator[Problem]:
    for i, use in enumerate(rule.fixes):
        recipe = folder.recipes.get(use.use)
        if recipe is None:
            yield ("fixes", i, "use"), f'no recipe "{use.use}".{did_you_mean(use.use, folder.recipes)}'
            continue
        for name, value in use.with_.items():
            if name not in recipe.params:
                yield ("fixes", i, "with", name), f'{use.use} takes no "{name}".{did_you_mean(name, recipe.params)}'
            for placeholder in template.names(value):
                wrong = _name_problem(rule, placeholder)
                if wrong:
                    yield ("fixes", i, "with", name), wrong
        for name, fact in recipe.params.items():
            if not fact.optional and name not in use.with_:
                yield ("fixes", i), f'{use.use} needs "{name}"'


def _scenario_problems(rule: model.Rule, folder: Folder) -> Iterator[Problem]:
    for i, scenario in enumerate(rule.scenarios):
        where: Where = ("scenarios", i)
        if scenario.platform not in model.PLATFORMS:
            near = did_you_mean(scenario.platform, model.PLATFORMS)
            yield (*where, "platform"), f'no platform "{scenario.platform}".{near}'
        for name in scenario.facts:
            if name not in rule.facts:
                yield (*where, "facts", name), f'no fact "{name}".{did_you_mean(name, rule.facts)}'
        fix = scenario.expect.fix
        if fix is not None and fix not in folder.recipes:
            yield (*where, "expect", "fix"), f'no recipe "{fix}".{did_you_mean(fix, folder.recipes)}'


def words_problems(folder: Folder) -> Iterator[Problem]:
    """Yield what is wrong in words.yaml: fragments, contexts and ends are patterns, too."""
    for name, fragment in folder.words.fragments.items():
        try:
            compiled(expand(fragment, folder.words.fragments))
        except PatternError as error:
            yield ("fragments", name), str(error)
    for name, regexes in folder.words.contexts.items():
        for i, regex in enumerate(regexes):
            for problem in pattern_problems(regex, folder, literal=False):
                yield ("contexts", name, i), problem
    known = (*folder.taxonomy.layers, *folder.taxonomy.layer_of, *folder.rules)
    for name, end in folder.words.ends.items():
        for one in end.of:
            if one not in known:
                yield ("ends", name, "of"), f'no rule or layer "{one}".{did_you_mean(one, known)}'
        for i, regex in enumerate(end.any):
            for problem in pattern_problems(regex, folder, literal=True):
                yield ("ends", name, "any", i), problem
