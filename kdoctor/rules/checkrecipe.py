"""What one recipe must be, beyond its form: its steps can be done, its placeholders are parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from kdoctor.errors import did_you_mean
from kdoctor.probes.kinds import FACT_TYPES
from kdoctor.rules import commands, doing, model, template
from kdoctor.rules.check import Problem, Where
from kdoctor.rules.condition import problems

_SERVICE = re.compile(r"[a-z0-9][a-z0-9@._-]*", re.IGNORECASE)


def recipe_problems(recipe: model.Recipe) -> Iterator[Problem]:
    """Yield what is wrong in one recipe."""
    for name, fact in recipe.params.items():
        if fact.type not in FACT_TYPES:
            yield ("params", name), f'no type "{fact.type}" of facts.{did_you_mean(fact.type, FACT_TYPES)}'
    yield from _parameter_problems(recipe, ("title",), template.several(recipe.title))
    if not recipe.variants:
        yield ("variants",), "no variant; give one for each platform, or one for `any`"
    seen: set[str] = set()
    for i, variant in enumerate(recipe.variants):
        where: Where = ("variants", i)
        for platform in variant.on:
            if platform not in (*model.PLATFORMS, "any"):
                yield (*where, "on"), f'no platform "{platform}".{did_you_mean(platform, model.PLATFORMS)}'
            if platform in seen:
                yield (*where, "on"), f'the platform "{platform}" has a variant before this one'
            seen.add(platform)
        if (variant.not_applicable is None) == (not variant.steps):
            yield where, "a variant has either steps or `not_applicable` with the reason"
        if variant.steps and variant.proof is None:
            yield where, "`proof` is missing: lab, source or docs"
        yield from _parameter_problems(recipe, (*where, "verify"), variant.verify or ())
        for problem in commands.problems(variant.verify or ()):
            yield (*where, "verify"), problem
        for j, step in enumerate(variant.steps):
            yield from _step_problems(recipe, step, (*where, "steps", j))


def _step_problems(recipe: model.Recipe, step: model.RecipeStep, where: Where) -> Iterator[Problem]:
    if step.run is not None and not step.run:
        yield (*where, "run"), "`run` is empty"
    for name in ("run", "undo"):
        for problem in commands.problems(getattr(step, name) or ()):
            yield (*where, name), problem
    for name in ("restart", "reload"):
        service = getattr(step, name)
        if service is not None and not _SERVICE.fullmatch(service):
            yield (*where, name), f'"{service}" is no name of a service'
    if step.content is not None and step.file is None:
        yield (*where, "content"), "`content` without `file`"
    yield from _doing_problems(step, where)
    texts = (*template.several(step.text), *(step.run or ()), *(step.undo or ()), step.file or "", step.content or "")
    texts = (*texts, *(doing.texts(step.edit) if step.edit else ()))
    yield from _parameter_problems(recipe, where, texts)
    for path, problem in problems(step.when or {}, partial(_parameter_problem, recipe)):
        yield (*where, "when", *path), problem


def _doing_problems(step: model.RecipeStep, where: Where) -> Iterator[Problem]:
    """Yield what is wrong with what `kdoctor fix` does for a step."""
    if step.do and not step.run and not step.restart:
        yield (*where, "do"), "`do` without `run` or `restart`: there is nothing to do"
    if step.do and any(word in commands.SIGNS for word in step.run or ()):
        yield (*where, "run"), "a step that kdoctor runs is one program with its arguments, without a shell"
    if step.undo and not step.do:
        yield (*where, "undo"), "`undo` without `do`: kdoctor does not run this step"
    if sum(map(bool, (step.restart, step.reload, step.edit, step.do and step.run))) > 1:
        yield where, "a step is one of `edit`, `run` with `do`, `restart` and `reload`"
    edit = step.edit
    if edit is None:
        return
    at: Where = (*where, "edit")
    names = ("set", "add", "remove", "replace", "content", "copy", "authority", "repair")
    changes = {name for name in names if getattr(edit, name)}
    if not changes:
        yield at, "the edit changes nothing: give set, add, remove, replace, content or repair"
    allowed = {"text": {"content", "copy", "authority"}, "resolv": {"add", "remove"}, "ini": {"set", "add", "remove"}}
    wrong = changes - allowed.get(
        edit.format, {"set", "add", "remove", "replace"} | ({"repair"} if edit.format == "json" else set())
    )
    for name in sorted(wrong):
        yield (*at, name), f"the format {edit.format} takes no `{name}`"


def _parameter_problems(recipe: model.Recipe, where: Where, texts: Iterable[str]) -> Iterator[Problem]:
    for name in dict.fromkeys(name for text in texts for name in template.names(text)):
        wrong = _parameter_problem(recipe, name)
        if wrong:
            yield where, wrong


def _parameter_problem(recipe: model.Recipe, name: str) -> str | None:
    return None if name in recipe.params else f'no parameter "{name}".{did_you_mean(name, recipe.params)}'
