"""`kdoctor rules lint`: what is wrong with rules one by one, then between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kdoctor.errors import RuleError, did_you_mean
from kdoctor.rules import model, template
from kdoctor.rules.book import in_memory
from kdoctor.rules.candidate import explains
from kdoctor.rules.compiling import all_folders, compile_rules, errors
from kdoctor.rules.load import TODO, Folder
from kdoctor.rules.testing import test_rule
from kdoctor.rules.translations import translation_errors
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
        yield from translation_errors(folder, language)


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
        yield from translation_errors(folder, language, own)


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
        if any(one.startswith(TODO) for one in template.several(said)):
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
