"""`kdoctor rules lint` and `rules test`: every rule against its own examples and scenarios, then the set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kdoctor.errors import RuleError, did_you_mean
from kdoctor.model import Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.rules import model, template
from kdoctor.rules.book import Book, in_memory
from kdoctor.rules.candidate import explains
from kdoctor.rules.check import translation_problems
from kdoctor.rules.compiling import all_folders, compile_rules, errors
from kdoctor.rules.condition import Scope
from kdoctor.rules.exclusive import UndecidedError, both
from kdoctor.rules.judge import decide
from kdoctor.rules.load import TODO, Folder, digest
from kdoctor.rules.match import match
from kdoctor.rules.patterns import compiled, expand
from kdoctor.rules.remedy import Here, fixes
from kdoctor.rules.yamlfile import YamlFile


def lint(folder: Folder, languages: tuple[str, ...] = ("zh",)) -> Iterator[RuleError]:
    """Yield everything that is wrong with the shipped rules: single files, examples, the whole set."""
    broken = list(errors(folder))
    yield from broken
    if broken:
        return
    book = in_memory(*compile_rules(folder))
    for rule in folder.rules.values():
        yield from _shipped_form(rule, folder)
        yield from _form(rule, folder)
        yield from test_rule(rule, folder, book)
    yield from _set(folder, folder.rules)
    yield from _unused(folder)
    for language in languages:
        yield from _translations(folder, language)


def lint_own(shipped: Path, own: Path) -> Iterator[RuleError]:
    """Yield everything that is wrong with a user's folder, together with the shipped rules.

    Ids and places of files are free there, translations may be missing.
    """
    folder = all_folders(shipped, [own])
    broken = list(errors(folder))
    yield from broken
    if broken:
        return
    book = in_memory(*compile_rules(folder))
    mine = {rule.id: rule for rule in folder.rules.values() if folder.files[rule.id].path.is_relative_to(own)}
    for rule in mine.values():
        yield from _form(rule, folder)
        yield from test_rule(rule, folder, book)
    yield from _set(folder, mine)
    for language in folder.translations:
        yield from _translations(folder, language, own)


def _shipped_form(rule: model.Rule, folder: Folder) -> Iterator[RuleError]:
    file = folder.files[rule.id]
    if folder.taxonomy.layer_of and rule.id not in folder.taxonomy.layer_of:
        near = did_you_mean(rule.id, folder.taxonomy.layer_of)
        yield file.error(("id",), f'"{rule.id}" is no class of taxonomy.yaml.{near}')
    if file.path.parent.name != rule.layer:
        yield file.error(("layer",), f'the file belongs into the folder "{rule.layer}"')
    first = file.path.read_text(encoding="utf-8").partition("\n")[0]
    if not first.startswith("# yaml-language-server: $schema="):
        yield file.error((), "the first line must be the schema comment: # yaml-language-server: $schema=...")
    if not rule.references:
        yield file.error(("references",), "no reference; name a page that tells of this failure")


def _unwritten(rule: model.Rule) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of texts that `rules new` left to the person."""
    because = rule.verdict.because
    texts: list[tuple[tuple[str | int, ...], model.Texts | None]] = [
        (("title",), rule.title),
        (("why",), rule.why),
        (("verdict", "no_probe"), rule.verdict.no_probe),
        *((("verdict", "because", name), getattr(because, name)) for name in ("confirmed", "refuted", "inconclusive")),
        *((("examples", "positive", i, "text"), one.text) for i, one in enumerate(rule.examples.positive)),
        *((("examples", "negative", i, "text"), one.text) for i, one in enumerate(rule.examples.negative)),
    ]
    for where, said in texts:
        if any(one.startswith(TODO) for one in ((said,) if isinstance(said, str) else said or ())):
            yield where


def _form(rule: model.Rule, folder: Folder) -> Iterator[RuleError]:
    file = folder.files[rule.id]
    for where in _unwritten(rule):
        yield file.error(where, f"{TODO}: this is still to be written")
    yield from _references(rule, file)
    yield from _examples(rule, file)
    for platform in rule.occurs_on:
        for i, use in enumerate(rule.fixes):
            if not any(platform in v.on or "any" in v.on for v in folder.recipes[use.use].variants):
                yield file.error(("fixes", i), f'{use.use} has no variant for "{platform}" (or `not_applicable`)')


def _examples(rule: model.Rule, file: YamlFile) -> Iterator[RuleError]:
    """Yield what is wrong with the examples as they stand: each engine has one, and two look alike."""
    if rule.match and not rule.engines:
        yield file.error(("engines",), "no engine: name the programs whose words the patterns are")
    covered = {one.engine for one in rule.examples.positive}
    for i, engine in enumerate(rule.engines):
        if rule.match and engine not in covered:
            yield file.error(("engines", i), f'no positive example in the words of "{engine}"')
    for one in rule.examples.positive:
        if one.engine not in rule.engines:
            yield file.error(("examples", "positive"), f'the engine "{one.engine}" of an example is not in `engines`')
    for i, negative in enumerate(rule.examples.negative):
        if negative.expect == rule.id:
            yield file.error(("examples", "negative", i), "a negative example is one that this rule does not win")
    texts = [*(one.text for one in rule.examples.positive), *(one.text for one in rule.examples.negative)]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        yield file.error(("examples",), f'the example "{text[:60]}" stands twice')
    if rule.match and len(rule.examples.negative) < 2:
        yield file.error(
            ("examples", "negative"), "give two texts that look alike and that a neighbour rule or nothing wins"
        )


_URL = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?/[^\s<>\"{}|\\^`]*", re.IGNORECASE)


def _references(rule: model.Rule, file: YamlFile) -> Iterator[RuleError]:
    seen: set[str] = set()
    for i, one in enumerate(rule.references):
        if not _URL.fullmatch(one.url):
            yield file.error(("references", i, "url"), f'"{one.url}" is no https:// address with a path')
        if one.url in seen:
            yield file.error(("references", i, "url"), f'"{one.url}" stands twice')
        seen.add(one.url)


def _both(rule: model.Rule, file: YamlFile) -> Iterator[RuleError]:
    try:
        found = both(rule)
    except UndecidedError:
        yield file.error(("verdict",), "`confirmed` and `refuted` name too much to tell whether both can be true")
        return
    if found is not None:
        said = ", ".join(f"{name}: {'none' if value is None else value}" for name, value in found.items())
        yield file.error(("verdict", "refuted"), f"`confirmed` and `refuted` are both true with {said}")


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


def _set(folder: Folder, judged: Mapping[str, model.Rule]) -> Iterator[RuleError]:
    """Yield what is wrong between rules: names that do not exist, circles. Told of the `judged` rules only."""
    known = {*folder.rules, *folder.taxonomy.layer_of}
    for rule in judged.values():
        for key in ("supersedes", "causes", "explained_by"):
            for i, other in enumerate(getattr(rule, key)):
                if other == rule.id:
                    yield folder.files[rule.id].error((key, i), f'the rule names itself in "{key}"')
                elif other not in known and not (key == "explained_by" and other in folder.taxonomy.layers):
                    yield folder.files[rule.id].error((key, i), f'no rule "{other}".{did_you_mean(other, known)}')
    for key, verb, after in (("causes", "explains", causes_of(folder)), ("supersedes", "replaces", replaces(folder))):
        for circle in circles(after):
            first = next((rule_id for rule_id in circle if rule_id in judged), None)
            if first:
                chain = f" {verb} ".join([*circle, circle[0]])
                yield folder.files[first].error((key,), f"rules in a circle: {chain}")


def causes_of(folder: Folder) -> dict[str, set[str]]:
    """Return for each rule the rules that it explains."""
    every = folder.rules.values()
    return {one.id: {other.id for other in every if other is not one and explains(one, other)} for one in every}


def replaces(folder: Folder) -> dict[str, set[str]]:
    """Return for each rule the rules that it replaces within a record."""
    return {
        one.id: {other for other in one.supersedes if other in folder.rules} - {one.id} for one in folder.rules.values()
    }


def circles(after: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Yield one circle of each group of names that lead to one another, the shortest through its first name."""
    reached = {name: _reached(name, after) for name in after}
    seen: set[str] = set()
    for name in sorted(after):
        if name not in seen and name in reached[name]:
            seen |= {other for other in reached[name] if name in reached[other]}
            yield _way_back(name, after)


def _reached(start: str, after: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(after[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += after.get(name, ())
    return found


def _way_back(start: str, after: Mapping[str, set[str]]) -> list[str]:
    ways = [[start]]
    while ways:
        way = ways.pop(0)
        for name in sorted(after.get(way[-1], ())):
            if name == start:
                return way
            if name not in way:
                ways.append([*way, name])
    return [start]


def _unused(folder: Folder) -> Iterator[RuleError]:
    used = {use.use for rule in folder.rules.values() for use in rule.fixes}
    for recipe_id in folder.recipes:
        if recipe_id not in used:
            yield folder.files[f"fixes/{recipe_id}"].error(("id",), f'no rule uses the recipe "{recipe_id}"')


def _translations(folder: Folder, language: str, own: Path | None = None) -> Iterator[RuleError]:
    """Yield what is wrong with translations; of a user's `own` folder only those that are there."""
    translations = folder.translations.get(language, {})
    wanted: dict[str, model.Rule | model.Recipe] = {**folder.rules}
    wanted |= {f"fixes/{key}": recipe for key, recipe in folder.recipes.items()}
    for item, source in wanted.items():
        translation = translations.get(item)
        if translation is None:
            if own is None:
                yield folder.files[item].error((), f"no translation: rules/i18n/{language}/{item}.yaml")
            continue
        file = folder.files[f"i18n/{language}/{item}"]
        if own is not None and not file.path.is_relative_to(own):
            continue
        for where, problem in translation_problems(
            translation, digest(source), partial(_unknown, _placeholders(source))
        ):
            yield file.error(where, problem)
        for problem in _missing(source, translation):
            yield file.error((), problem)
    for item in translations:
        if item not in wanted:
            yield folder.files[f"i18n/{language}/{item}"].error(("id",), f'nothing has the id "{item}"')


def _unknown(names: set[str], name: str) -> str | None:
    return None if name in names else f'no placeholder "{{{name}}}" in English'


def _placeholders(source: model.Rule | model.Recipe) -> set[str]:
    from kdoctor.rules.load import english

    return {name for text in english(source) for name in template.names(text)}


def _missing_reasons(reasons: set[str | None], translation: model.Translation) -> Iterator[str]:
    for text in sorted(str(reason) for reason in reasons - set(translation.reasons)):
        yield f'the reason "{text}" is not translated; it stands under `reasons`'
    for text in sorted(set(translation.reasons) - reasons):
        yield f'no reason reads "{text}"'


def _missing(source: model.Rule | model.Recipe, translation: model.Translation) -> Iterator[str]:
    if isinstance(source, model.Rule):
        if translation.why is None:
            yield "`why` is not translated"
        because = translation.because or model.Because()
        for name in ("confirmed", "refuted", "inconclusive"):
            if getattr(source.verdict.because, name) and not getattr(because, name):
                yield f"`because.{name}` is not translated"
        yield from _missing_reasons({source.verdict.no_probe} - {None}, translation)
        return
    yield from _missing_reasons({v.not_applicable for v in source.variants} - {None}, translation)
    texts = {
        text for v in source.variants for s in v.steps for text in ((s.text,) if isinstance(s.text, str) else s.text)
    }
    for text in sorted(texts - set(translation.steps)):
        yield f'the step "{text}" is not translated'
    for text in sorted(set(translation.steps) - texts):
        yield f'no step reads "{text}"'
    if re.search(r"\{[^}]*$", str(translation.title)):
        yield "an unclosed placeholder in `title`"
