"""YAML read strictly: every value knows its line, a key stands once, nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kdoctor.errors import RuleError, UsageError

_MOST_NODES = 50_000
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """The content of a file, and the line (1-based) of every path in it."""

    path: Path
    content: Any
    lines: Mapping[tuple[str | int, ...], int]

    def line(self, where: tuple[str | int, ...]) -> int:
        """Return the line of the path, or of the nearest path above it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def error(self, where: tuple[str | int, ...], problem: str) -> RuleError:
        """Return the error that says file, line and problem."""
        return RuleError(f"{self.path}:{self.line(where)}: {problem}")


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file of one document.

    Raises:
        RuleError: it does not parse, repeats a key, or is larger than any rule is.
        UsageError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RuleError(f"{path}:{line}: not YAML: {getattr(error, 'problem', None) or error}") from error
    reader = _Reader(path)
    content = reader.value(node, ())
    return YamlFile(path, content, reader.lines)


class _Reader:
    """Turns YAML nodes into plain values and notes where each stood."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._left = _MOST_NODES

    def value(self, node: Any, where: tuple[str | int, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RuleError(f"{self.path}: more than {_MOST_NODES} values; no rule is that large")
        if node is None:
            return None
        self.lines[where] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*where, i)) for i, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, where: tuple[str | int, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise RuleError(f"{self.path}:{line}: a key must be plain text")
            if key in found:
                raise RuleError(f'{self.path}:{line}: the key "{key}" stands twice')
            found[key] = self.value(child, (*where, key))
            self.lines[(*where, key)] = line
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.rpartition(":")[2]
        text: str = node.value
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on", "y")
        if kind in ("int", "float"):
            try:
                return int(text, 0) if kind == "int" else float(text)
            except ValueError:
                return text
        return text
