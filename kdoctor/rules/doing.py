"""From a recipe's step to what `kdoctor fix` does for it: an edit, an argument vector, a restart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdoctor.model import Edit
from kdoctor.rules import commands, model
from kdoctor.rules.condition import PLACEHOLDER, Scope
from kdoctor.rules.template import fill, names
from kdoctor.rules.values import fits

Facts = Mapping[str, tuple[str, ...]]
"""A recipe's parameter to the facts of the diagnosis that its value is made of."""


class _Missing(Exception):  # noqa: N818  (no error: it ends the filling)
    """A placeholder has no value."""


def edit(spec: model.EditSpec | None, scope: Scope, facts: Facts) -> Edit | None:
    """Return the edit with its values; None where one has none, or would be no value but an option or a path."""
    if spec is None:
        return None
    used: set[str] = set()

    def text(template: str) -> str:
        value = fill(template, scope)
        if value is None or "\0" in value:
            raise _Missing
        used.update(names(template))
        return value

    def tree(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, Mapping):
            return {name: tree(one) for key, one in value.items() for name in several(str(key))}
        if isinstance(value, list | tuple):
            return tuple(part for one in value for part in (several(one) if isinstance(one, str) else (tree(one),)))
        return value

    def several(template: str) -> tuple[str, ...]:
        """Fill an item of a list, or a key; one that is a placeholder alone for several URLs becomes several."""
        value = text(template)
        alone = PLACEHOLDER.fullmatch(template) is not None
        return tuple(value.split(", ")) if alone and fits("urls", value) else (value,)

    try:
        file = text(spec.file)
        if not _is_path(spec.file, file):
            return None
        return Edit(
            file=file,
            format=spec.format,
            set=tree(spec.set),
            add=tree(spec.add),
            remove=tree(spec.remove),
            replace=tree(spec.replace),
            content=None if spec.content is None else text(spec.content),
            copy=None if spec.copy is None else text(spec.copy),
            authority=None if spec.authority is None else text(spec.authority),
            first=spec.first,
            repair=spec.repair,
            facts=tuple(sorted({fact for name in used for fact in facts.get(name, ())})),
        )
    except _Missing:
        return None


def placeholders(spec: model.EditSpec) -> Iterator[str]:
    """Yield the parameters that an edit needs."""
    yield from (name for text in texts(spec) for name in names(text))


def texts(spec: model.EditSpec) -> Iterator[str]:
    """Yield the texts of an edit in which placeholders may stand, keys included."""
    yield from _leaves(
        (spec.file, spec.content, spec.copy, spec.authority, spec.set, spec.add, spec.remove, spec.replace)
    )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for one in pair for text in _leaves(one))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in _leaves(one))


def _is_path(template: str, path: str) -> bool:
    """Tell whether a filled path is absolute and its values go into no other folder than they are meant to."""
    if not path.startswith(("/", "~/")) and path[1:3] not in (":/", ":\\"):
        return False
    added = len(path.split("/")) - len(template.split("/"))
    return ".." not in path.split("/") and (template.startswith("{") or added == 0)


def argv(run: Sequence[str] | None, scope: Scope) -> tuple[str, ...]:
    """Return a command as an argument vector; empty where a value may not stand there, or a shell is needed."""
    if not run or any(word in commands.SIGNS for word in run) or commands.line(run, scope) is None:
        return ()
    return tuple(fill(word, scope) or "" for word in run)
