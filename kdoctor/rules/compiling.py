"""From folders of YAML to the compiled form of `book`: checked, expanded, indexed by words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from kdoctor.errors import RuleError
from kdoctor.rules.book import Book, in_memory
from kdoctor.rules.check import recipe_problems, rule_problems
from kdoctor.rules.load import Folder, read_folder
from kdoctor.rules.patterns import expand, literals
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


def with_folders(shipped: Path, others: Iterable[Path]) -> Book:
    """Return the shipped rules with those of the users' folders; an equal id replaces.

    Raises:
        RuleError: the first thing that is wrong in a user's folder.
    """
    base = read_folder(shipped)
    notices = []
    for path in others:
        more = read_folder(path, words=base.words)
        more.taxonomy = base.taxonomy
        more.recipes = {**base.recipes, **more.recipes}
        refuse(more)
        for rule_id, rule in more.rules.items():
            if rule_id in base.rules:
                notices.append(f"the rule {rule_id} of {path} replaces the shipped one")
                for translations in base.translations.values():
                    translations.pop(rule_id, None)
            base.rules[rule_id] = rule
        base.recipes = more.recipes
        for lang, translations in more.translations.items():
            base.translations.setdefault(lang, {}).update(translations)
    book = in_memory(*compile_rules(base))
    book.notices = tuple(notices)
    return book


def refuse(folder: Folder) -> None:
    """Raise the first thing that is wrong in a folder.

    Raises:
        RuleError: with file, line and a hint.
    """
    for error in errors(folder):
        raise error


def errors(folder: Folder) -> Iterator[RuleError]:
    """Yield everything that is wrong with single files of a folder."""
    yield from folder.errors
    for rule in folder.rules.values():
        for where, problem in rule_problems(rule, folder):
            yield folder.files[rule.id].error(where, problem)
    for recipe in folder.recipes.values():
        if f"fixes/{recipe.id}" in folder.files:
            for where, problem in recipe_problems(recipe):
                yield folder.files[f"fixes/{recipe.id}"].error(where, problem)


def compile_rules(folder: Folder) -> Compiled:
    """Return index and details of rules that have been checked."""
    words: dict[str, list[int]] = {}
    patterns: list[tuple[str, int]] = []
    details: dict[str, Any] = {
        "contexts": {
            name: [expand(one, folder.words.fragments) for one in parts] for name, parts in folder.words.contexts.items()
        }
    }
    for rule in folder.rules.values():
        expanded = []
        for place, pattern in enumerate(rule.match.any if rule.match else ()):
            regex = expand(pattern.regex, folder.words.fragments)
            expanded.append((pattern.id, regex))
            for word in literals(regex):
                words.setdefault(word, []).append(len(patterns))
            patterns.append((rule.id, place))
        none = [expand(one.regex, folder.words.fragments) for one in (rule.match.none if rule.match else ())]
        details[f"rule/{rule.id}"] = {"rule": _plain(rule), "patterns": expanded, "none": none}
    for recipe in folder.recipes.values():
        details[f"recipe/{recipe.id}"] = _plain(recipe)
    for lang, translations in folder.translations.items():
        for item, translation in translations.items():
            details[f"i18n/{lang}/{item}"] = _plain(translation)
    if (folder.path / "mirrors.yaml").is_file():
        details["mirrors"] = read_yaml(folder.path / "mirrors.yaml").content
    index = {
        "literals": words,
        "patterns": patterns,
        "ids": list(folder.rules),
        "layers": list(folder.taxonomy.layers),
    }
    return index, details


def _plain(value: Any) -> Any:
    """Return a dataclass as plain JSON, defaults left out; examples stay in the YAML files."""
    if is_dataclass(value):
        return {
            f.name: _plain(getattr(value, f.name))
            for f in fields(value)
            if f.name not in ("scenarios",) and getattr(value, f.name) != f.default
        }
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value
