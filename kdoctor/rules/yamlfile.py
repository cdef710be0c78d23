"""YAML read strictly: every value knows its line, a key stands once, nothing is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kdoctor.errors import RuleError

_MOST_NODES = 50_000
_DEEPEST = 50
_SMALL = 8192
"""Bytes of a file that cannot nest deeply enough to exhaust the parser's stack."""

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
        RuleError: it cannot be read, does not parse, repeats a key, or is larger than any rule is.
    """
    text = _text(path)
    try:
        if len(text) > _SMALL:
            _refuse_depth(path, text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
        raise RuleError(f"{path}:{line}: not YAML: {problem}") from error
    reader = _Reader(path)
    content = reader.value(node, ())
    return YamlFile(path, content, reader.lines)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path}:1: cannot be read: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RuleError(f"{path}:{line}: not text in UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise RuleError(f"{path}:{line}: not text: it holds a NUL byte")
    return text


def _refuse_depth(path: Path, text: str) -> None:
    """Look at the nesting before the tree is built: the parser builds it by recursion."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise RuleError(f"{path}:{line}: nested more than {_DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Turns YAML nodes into plain values and notes where each stood."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._left = _MOST_NODES
        self._open: set[int] = set()

    def value(self, node: Any, where: tuple[str | int, ...]) -> Any:
        if node is None:
            return None
        line = node.start_mark.line + 1
        self._left -= 1
        if self._left < 0:
            raise RuleError(f"{self.path}:{line}: more than {_MOST_NODES} values; no rule is that large")
        if len(where) > _DEEPEST:
            raise RuleError(f"{self.path}:{line}: nested more than {_DEEPEST} deep")
        if id(node) in self._open:
            raise RuleError(f"{self.path}:{line}: a value that holds itself")
        self.lines[where] = line
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            found: Any = self._mapping(node, where)
        else:
            found = [self.value(child, (*where, i)) for i, child in enumerate(node.value)]
        self._open.discard(id(node))
        return found

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
