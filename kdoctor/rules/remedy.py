"""From a rule's fixes to steps for this machine: the variant for its platform, values filled in. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence

from kdoctor.model import Fix, Risk, Step
from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.condition import Scope, evaluate
from kdoctor.rules.template import fill, first_filled

Restart = Callable[[str], Sequence[str]]
"""The command (argument vector) that restarts a service on this machine."""


def with_systemd(service: str) -> Sequence[str]:
    """Restart a service the way most Linux machines do."""
    return ("sudo", "systemctl", "restart", service)


def fixes(
    rule: model.Rule,
    scope: Scope,
    book: Book,
    platforms: Sequence[str],
    restart: Restart = with_systemd,
    lang: str = "en",
) -> Iterator[Fix]:
    """Yield the rule's fixes that hold here, each for the first of `platforms` that its recipe knows.

    A rule may name a recipe again further down, with another condition; it is offered once.
    """
    offered: set[str] = set()
    for use in rule.fixes:
        if use.use in offered or (use.when is not None and evaluate(use.when, scope, fill) is not True):
            continue
        recipe = book.recipe(use.use)
        parameters = {name: fill(value, scope) for name, value in use.with_.items()}
        filled = {name: value for name, value in parameters.items() if value is not None}
        if any(not spec.optional and name not in filled for name, spec in recipe.params.items()):
            continue
        found = _variant(recipe, platforms)
        if found is not None:
            variant, platform = found
            offered.add(use.use)
            yield _fix(recipe, variant, platform, Scope({**scope.facts, **filled}, {}), restart, book, lang)


def _variant(recipe: model.Recipe, platforms: Sequence[str]) -> tuple[model.Variant, str] | None:
    for platform in (*platforms, "any"):
        for variant in recipe.variants:
            if platform in variant.on:
                return None if variant.not_applicable else (variant, platform)
    return None


def _fix(
    recipe: model.Recipe, variant: model.Variant, platform: str, scope: Scope, restart: Restart, book: Book, lang: str
) -> Fix:
    translation = book.translation(lang, f"fixes/{recipe.id}") if lang != "en" else None
    said = translation.steps if translation else {}
    steps = tuple(step for one in variant.steps if (step := _step(one, scope, restart, said)) is not None)
    title = first_filled(translation.title if translation else recipe.title, scope)
    return Fix(
        id=recipe.id,
        title=title or first_filled(recipe.title, scope) or recipe.id,
        risk=Risk(recipe.risk),
        proof=variant.proof or "docs",
        steps=steps,
        verify=_command(variant.verify, scope),
        platform=platform,
    )


def _step(step: model.RecipeStep, scope: Scope, restart: Restart, said: dict[str, str]) -> Step | None:
    if step.when is not None and evaluate(step.when, scope, fill) is not True:
        return None
    texts = (step.text,) if isinstance(step.text, str) else step.text
    translated = tuple(said.get(text, text) for text in texts)
    text = first_filled(translated, scope)
    file = fill(step.file, scope) if step.file else None
    content = fill(step.content, scope) if step.content else None
    command = _command(step.run, scope)
    if step.restart:
        command = shlex.join(restart(step.restart))
    if (
        text is None
        or (step.run and command is None)
        or (step.content and content is None)
        or (step.file and file is None)
    ):
        return None
    return Step(text, command, file, content)


_BARE = ("|", "&&", "||", ">", "<", ";", "2>/dev/null", "2>&1", "$USER")


def _command(run: Sequence[str] | None, scope: Scope) -> str | None:
    """Return an argument vector as a line for a POSIX shell; None where a value is missing or unsafe.

    A value that begins with "-" would be read as an option, so a placeholder alone may not yield one.
    """
    if not run:
        return None
    words = []
    for part in run:
        word = fill(part, scope)
        if word is None or (word != part and word.startswith("-") and not part.startswith("-")):
            return None
        if word == part and word.startswith("~/"):  # the shell expands no quoted tilde
            words.append(f"~/{shlex.quote(word[2:])}")
        else:
            words.append(word if word in _BARE and word == part else shlex.quote(word))
    return " ".join(words)
