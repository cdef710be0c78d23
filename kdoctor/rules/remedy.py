"""From a rule's fixes to steps for this machine: the variant for its platform, values filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kdoctor.model import Fix, Risk, Step
from kdoctor.rules import commands, doing, model, template
from kdoctor.rules.book import Book
from kdoctor.rules.condition import Scope, evaluate
from kdoctor.rules.template import fill, several
from kdoctor.rules.values import fits, is_plain

Restart = Callable[[str], Sequence[str]]
"""The command (argument vector) that restarts a service on this machine."""


def with_systemd(service: str) -> Sequence[str]:
    """Restart a service the way most Linux machines do."""
    return ("sudo", "systemctl", "restart", service)


class Here(NamedTuple):
    """What fixes need of this machine: platforms in charge, how services restart, how its shell quotes."""

    platforms: Sequence[str] = ("docker-engine", "shell")
    restart: Restart = with_systemd
    quote: commands.Quote = commands.posix


def fixes(rule: model.Rule, scope: Scope, book: Book, here: Here, lang: str = "en") -> Iterator[Fix]:
    """Yield the rule's fixes that hold here, each for the first of the platforms that its recipe knows.

    A rule may name a recipe again further down, with another condition; it is offered once. A fix of
    which nothing is left that would help is not offered.
    """
    offered: set[str] = set()
    for use in rule.fixes:
        if use.use in offered or (use.when is not None and evaluate(use.when, scope, fill) is not True):
            continue
        recipe = book.recipe(use.use)
        parameters = _parameters(rule, use, recipe, scope)
        if any(not spec.optional and name not in parameters for name, spec in recipe.params.items()):
            continue
        found = _variant(recipe, here.platforms)
        facts = {name: tuple(_facts(use.with_.get(name, f"{{{name}}}"))) for name in recipe.params}
        fix = _fix(recipe, *found, _Values(Scope(parameters, {}), facts), here, book, lang) if found else None
        if fix is not None:
            offered.add(use.use)
            asked = use.auto is not None and evaluate(use.auto, scope, fill) is not True
            yield replace(fix, asked=asked, origin=book.origins.get(f"fixes/{recipe.id}") or book.origins.get(rule.id))


class _Values(NamedTuple):
    """A recipe's parameters, and the facts of the diagnosis that each is made of."""

    scope: Scope
    facts: doing.Facts


def _facts(value: str) -> Iterator[str]:
    return (name for name in template.names(value) if "." not in name)


def _parameters(rule: model.Rule, use: model.FixUse, recipe: model.Recipe, scope: Scope) -> dict[str, str]:
    """Return the recipe's parameters that have a value of their type's form.

    One that the rule does not name has the fact of its own name. A fact that has not its type's form is
    none here: a text may state anything.
    """
    sound = {
        name: value for name, value in scope.facts.items() if name in rule.facts and fits(rule.facts[name].type, value)
    }
    facts = Scope(sound, scope.results)
    filled = {name: fill(use.with_.get(name, f"{{{name}}}"), facts) for name in recipe.params}
    return {name: value for name, value in filled.items() if value and fits(recipe.params[name].type, value)}


def by_itself(recipe: model.Recipe, values: Mapping[str, str], book: Book, here: Here, lang: str = "en") -> Fix | None:
    """Return a recipe that no rule offers, with values that a probe found; None where it does not help here."""
    found = _variant(recipe, here.platforms)
    sound = {n: v for n, v in values.items() if n in recipe.params and fits(recipe.params[n].type, v)}
    if found is None or any(not spec.optional and name not in sound for name, spec in recipe.params.items()):
        return None
    return _fix(recipe, *found, _Values(Scope(sound, {}), {}), here, book, lang)


def _variant(recipe: model.Recipe, platforms: Sequence[str]) -> tuple[model.Variant, str] | None:
    for platform in (*platforms, "any"):
        for variant in recipe.variants:
            if platform in variant.on:
                return None if variant.not_applicable else (variant, platform)
    return None


def _fix(
    recipe: model.Recipe, variant: model.Variant, platform: str, values: _Values, here: Here, book: Book, lang: str
) -> Fix | None:
    scope = values.scope
    translation = book.translation(lang, f"fixes/{recipe.id}") if lang != "en" else None
    said = translation.steps if translation else {}
    wanted = [one for one in variant.steps if one.when is None or evaluate(one.when, scope, fill) is True]
    filled = _useful(recipe, [(one, _step(one, values, here, said)) for one in wanted])
    if not filled:
        return None
    unknown = [one.edit for one in wanted if one.edit and doing.edit(one.edit, scope, values.facts) is None]
    lacking = (name for edit in unknown for name in doing.placeholders(edit) if scope.value(name) is None)
    titles = (*several(translation.title if translation else ()), *several(recipe.title))
    return Fix(
        id=recipe.id,
        title=_sentence(titles, scope) or recipe.id,
        risk=Risk(recipe.risk),
        proof=variant.proof or "docs",
        steps=filled,
        verify=commands.line(variant.verify, scope, here.quote),
        platform=platform,
        check=doing.argv(variant.verify, scope),
        lacking=bool(unknown),
        needs=tuple(dict.fromkeys(fact for name in lacking for fact in values.facts.get(name, ()))),
    )


def _useful(recipe: model.Recipe, tried: Sequence[tuple[model.RecipeStep, Step | None]]) -> tuple[Step, ...]:
    """Return the steps that have their values and still do something for the failure.

    A restart, or systemd reading its files again, takes over a change: without the change it only
    interrupts. Half of a fix that deletes something loses it for nothing.
    """
    left = [(one, step) for one, step in tried if step is not None]
    if len(left) < len(tried):
        if Risk(recipe.risk) is Risk.DESTRUCTIVE:
            return ()
        if any(map(_changes, (one for one, step in tried if step is None))) and not any(
            _changes(one) for one, _ in left
        ):
            left = [(one, step) for one, step in left if not _takes_over(one)]
    return tuple(step for _, step in left)


def _changes(step: model.RecipeStep) -> bool:
    return not _takes_over(step) and bool(step.run or step.file or step.edit)


def _takes_over(step: model.RecipeStep) -> bool:
    words = set(step.run or ())
    return (
        (step.restart is not None and not step.do)
        or step.reload is not None
        or ("systemctl" in words and bool(words & {"daemon-reload", "restart", "reload"}))
    )


def _step(step: model.RecipeStep, values: _Values, here: Here, said: Mapping[str, str]) -> Step | None:
    """Return the step with its values, or None where one is missing."""
    scope = values.scope
    text = next((one for t in several(step.text) if (one := _translated(t, scope, said)) is not None), None)
    file = fill(step.file, scope) if step.file else None
    content = fill(step.content, scope) if step.content and _fits_content(step.content, scope) else None
    command = commands.line(step.run, scope, here.quote)
    if step.restart:
        command = " ".join(map(here.quote, here.restart(step.restart)))
    if step.reload:
        command = " ".join(map(here.quote, _reload(here.restart(step.reload), step.reload)))
    if (
        text is None
        or (step.run and command is None)
        or (step.content and content is None)
        or (step.file and file is None)
    ):
        return None
    return Step(
        text,
        command,
        file,
        content,
        edit=doing.edit(step.edit, scope, values.facts),
        argv=doing.argv(step.run, scope) if step.do else (),
        lone=step.do and step.restart is not None,
        undo=doing.argv(step.undo, scope),
        later=step.later,
        service=step.restart or step.reload,
        action="restart" if step.restart else "reload" if step.reload else None,
    )


def _reload(restart: Sequence[str], service: str) -> Sequence[str]:
    """Return the command that lets a service read its settings again: its service manager's, or SIGHUP."""
    if "systemctl" in restart:
        return tuple("reload" if word == "restart" else word for word in restart)
    program = "dockerd" if service == "docker" else service
    return (*(["sudo"] if "sudo" in restart else []), "pkill", "-HUP", "-x", program)


def _fits_content(content: str, scope: Scope) -> bool:
    """Tell whether the values may stand in a file: JSON, TOML, YAML and systemd read quotes and brackets."""
    values = (str(scope.value(name) or "") for name in template.names(content))
    return all(is_plain(_IPV6.sub(r"\1", value)) for value in values)


_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+)\]")
_CODE = re.compile(r"`[^`]*`")


def _translated(text: str, scope: Scope, said: Mapping[str, str]) -> str | None:
    """Return a sentence in the person's language, in English where it cannot be said there."""
    return _sentence((said[text], text) if text in said else (text,), scope)


def _sentence(texts: Sequence[str], scope: Scope) -> str | None:
    """Return the first text that can be filled; what stands between backticks is a command to paste."""
    return next((one for text in texts if _pastes(text, scope) and (one := fill(text, scope)) is not None), None)


def _pastes(text: str, scope: Scope) -> bool:
    code = (name for found in _CODE.findall(text) for name in template.names(found))
    return all(is_plain(str(scope.value(name) or "")) for name in code)
