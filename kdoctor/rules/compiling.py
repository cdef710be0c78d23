"""From folders of YAML to the compiled form of `book`: checked, expanded, indexed by words."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from kdoctor.errors import RuleError
from kdoctor.rules.book import Book, in_memory
from kdoctor.rules.check import rule_problems, words_problems
from kdoctor.rules.checkrecipe import recipe_problems
from kdoctor.rules.literals import beginning, readings
from kdoctor.rules.load import Folder, read_folder
from kdoctor.rules.narrowing import words_of
from kdoctor.rules.patterns import ALONE, expand
from kdoctor.rules.trees import tree
from kdoctor.rules.vocabulary import vocabulary
from kdoctor.rules.yamlfile import read_yaml

Compiled = tuple[Mapping[str, Any], Mapping[str, Any]]


def compile_folder(path: Path) -> Compiled:
    """Return index and details of a folder of rules.

    Raises:
        RuleError: the first thing that is wrong in it.
    """
    folder = read_folder(path)
    refuse(folder)
    return compile_rules(folder)


def with_folders(shipped: Path, others: Iterable[Path]) -> Compiled:
    """Return the shipped rules with those of the users' folders, compiled; `notices` say what replaces what.

    Beside others the shipped rules are not checked again: checking them takes some seconds, and a folder can add to
    their words and replace them, not change them.

    Raises:
        RuleError: the first thing that is wrong in a user's folder.
        UsageError: there is no such folder.
    """
    notices: list[str] = []
    others = tuple(others)
    folder = all_folders(shipped, others, notices)
    origins = {name: str(file.path) for name, file in folder.files.items() if not file.path.is_relative_to(shipped)}
    refuse(folder, set(origins) if others else None)
    index, details = compile_rules(folder)
    return {**index, "notices": notices, "origins": origins}, details


def all_folders(shipped: Path, others: Iterable[Path], notices: list[str] | None = None) -> Folder:
    """Return the shipped folder with the others laid over it, each over those before.

    A folder adds rules, recipes, fragments, contexts, ends and layers; a rule or recipe of an equal id
    replaces, and `notices` say so.
    """
    base = read_folder(shipped)
    for path in others:
        _lay(base, read_folder(path, beside=base), notices if notices is not None else [])
    return base


def _lay(base: Folder, more: Folder, notices: list[str]) -> None:
    """Lay one user's folder over what is there."""
    base.errors += more.errors
    for kind, held, added in (("rule", base.rules, more.rules), ("recipe", base.recipes, more.recipes)):
        for id_ in sorted(set(added) & set(held)):
            key = id_ if kind == "rule" else f"fixes/{id_}"
            notices.append(f"the {kind} {id_} of {more.files[key].path} replaces that of {base.files[key].path}")
            for translations in base.translations.values():
                translations.pop(key, None)
    for lang, translations in more.translations.items():
        base.translations.setdefault(lang, {}).update(translations)
    base.rules.update(more.rules)
    base.recipes.update(more.recipes)
    base.files.update({key: file for key, file in more.files.items() if key not in ("words", "taxonomy")})
    base.words, base.word_files = more.words, more.word_files
    layer_of = {id_: layer for id_, layer in base.taxonomy.layer_of.items() if id_ not in more.rules}
    base.taxonomy = replace(base.taxonomy, layers=more.taxonomy.layers, layer_of={**layer_of, **more.taxonomy.layer_of})
    base.errors += _broken_uses(base, more)


def _broken_uses(base: Folder, more: Folder) -> Iterator[RuleError]:
    """Yield what rules of other folders pass to a replaced recipe that it does not take, or need from it."""
    uses = [(rule.id, use) for rule in base.rules.values() if rule.id not in more.rules for use in rule.fixes]
    for rule_id, use in uses:
        recipe = more.recipes.get(use.use)
        if recipe is None:
            continue
        file = more.files[f"fixes/{recipe.id}"]
        for name in use.with_:
            if name not in recipe.params:
                yield file.error(("params",), f'the rule {rule_id} gives this recipe "{name}"; name it in `params`')
        for name, spec in recipe.params.items():
            if not spec.optional and name not in use.with_:
                yield file.error(
                    ("params", name), f'the rule {rule_id} gives this recipe no "{name}"; make it optional'
                )


def as_book(folder: Folder) -> Book:
    """Return the book of a folder that has been checked."""
    return in_memory(*compile_rules(folder))


def refuse(folder: Folder, only: Container[str] | None = None) -> None:
    """Raise the first thing that is wrong in a folder; see `errors`.

    Raises:
        RuleError: with file, line and a hint.
    """
    for error in errors(folder, only):
        raise error


def errors(folder: Folder, only: Container[str] | None = None) -> Iterator[RuleError]:
    """Yield everything that is wrong with single files of a folder.

    Of rules and recipes: with those named in `only` (a rule by its id, a recipe as `fixes/ID`), by default with all.
    """
    yield from folder.errors
    for where, problem in words_problems(folder):
        yield folder.word_files[where[:2]].error(where, problem)
    for rule in folder.rules.values():
        if only is None or rule.id in only:
            for where, problem in rule_problems(rule, folder):
                yield folder.files[rule.id].error(where, problem)
    for recipe in folder.recipes.values():
        key = f"fixes/{recipe.id}"
        if key in folder.files and (only is None or key in only):
            for where, problem in recipe_problems(recipe):
                yield folder.files[key].error(where, problem)


def compile_rules(folder: Folder) -> Compiled:
    """Return index and details of rules that have been checked."""
    fragments = folder.words.fragments
    words: dict[str, dict[str, list[int]]] = {}
    rule_of: list[int] = []
    patterns: list[tuple[Any, bool, bool]] = []
    ways: list[Any] = []
    details: dict[str, Any] = {
        **{f"context/{key}": [tree(one, fragments) for one in parts] for key, parts in folder.words.contexts.items()},
        **{f"fragment/{name}": tree(fragment, fragments) for name, fragment in fragments.items()},
        **{
            f"end/{name}": [(tree(one, fragments), readings(expand(one, fragments))) for one in end.any]
            for name, end in folder.words.ends.items()
        },
        "ends": {name: end.of for name, end in folder.words.ends.items()},
        "patterns": patterns,
        "ways": ways,
    }
    for place, rule in enumerate(folder.rules.values()):
        for pattern in rule.match.any if rule.match else ():
            wide = expand(pattern.regex, fragments)
            ways.append(readings(wide))
            for word in {word for way in ways[-1] for word in way[0]}:
                words.setdefault(beginning(word), {}).setdefault(word, []).append(len(patterns))
            patterns.append((tree(pattern.regex, fragments), wide.startswith(ALONE), pattern.vague))
            rule_of.append(place)
        refusing = rule.match.none if rule.match else ()
        details[f"none/{rule.id}"] = [tree(one.regex, fragments) for one in refusing]
        details[f"rule/{rule.id}"] = plain(rule)
    details |= {f"literals/{begin}": literals for begin, literals in words.items()}
    for recipe in folder.recipes.values():
        details[f"recipe/{recipe.id}"] = plain(recipe)
    for lang, translations in folder.translations.items():
        for item, translation in translations.items():
            details[f"i18n/{lang}/{item}"] = plain(translation)
    details["words"] = sorted(_words(details))
    details["vocabulary"] = vocabulary(folder.rules.values())
    if (folder.path / "mirrors.yaml").is_file():
        details["mirrors"] = read_yaml(folder.path / "mirrors.yaml").content
    detect: dict[str, list[str]] = {}
    for rule in folder.rules.values():
        for key in {f"{one.step} {outcome}" for one in rule.detect for outcome in one.outcome}:
            detect.setdefault(key, []).append(rule.id)
    index = {
        "detect": detect,
        "beginnings": list(words),
        "patterns": rule_of,
        "ids": list(folder.rules),
        "layers": list(folder.taxonomy.layers),
    }
    return index, details


def _words(details: Mapping[str, Any]) -> Iterable[str]:
    """Return all words that the patterns in the details need, as a whole or for one of their branches."""
    trees = [tree for tree, *_ in details["patterns"]]
    for key, detail in details.items():
        if key.startswith("fragment/"):
            trees.append(detail)
        elif key.startswith(("context/", "none/")):
            trees += detail
    words = {word for ways in details["ways"] for way in ways for some in way for word in some}
    return words.union(*map(words_of, trees))


def plain(value: Any) -> Any:
    """Return a dataclass as plain JSON, defaults left out; scenarios stay in the YAML files."""
    if is_dataclass(value):
        return {
            f.name: plain(getattr(value, f.name))
            for f in fields(value)
            if f.name != "scenarios" and getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value
