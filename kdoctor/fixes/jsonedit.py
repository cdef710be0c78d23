"""Edits JSON as text: what is not meant to change keeps every byte (RFC 8259; indentation, order, line ends)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kdoctor.fixes.errors import NotEditableError

_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_DEEPEST = 200
_DECODER = json.JSONDecoder()


@dataclass(slots=True)
class _Node:
    """A value with its place in the text; `members` of an object have the place of their key, those of a list none."""

    start: int
    end: int
    value: Any
    members: list[tuple[str | None, int, _Node]] = field(default_factory=list)
    is_list: bool = False

    def member(self, key: str) -> _Node | None:
        """Return the member that counts: the last one of the name."""
        return next((node for name, _, node in reversed(self.members) if name == key), None)


def edit(
    text: str,
    put: Mapping[str, Any],
    add: Mapping[str, Any],
    remove: Mapping[str, Any],
    replace: Mapping[str, str],
    same: Callable[[str, str], str | None],
    first: bool = False,
) -> str:
    """Return the text with values put, added, removed and replaced; an empty text is an empty object.

    `same` gets a value that stands there and the old one of `replace`; it returns what to keep before the
    new one's host (a userinfo, mostly ""), None where they are not the same.

    Raises:
        NotEditableError: the text is no JSON object, or a list is meant where it has something else.
    """
    document = _Document(text)
    for path, value in _leaves(put):
        document.put(path, value)
    for path, value in _leaves(add):
        document.add(path, list(value) if isinstance(value, list | tuple) else [value], first=first)
    for path, value in _leaves(remove):
        document.remove(path, value)
    for old, new in replace.items():
        document.replace(old, new, same)
    return document.text


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            found += _leaves(value, (*path, key))
        else:
            found.append(((*path, key), value))
    return found


class _Document:
    def __init__(self, text: str) -> None:
        self.text = text if text.removeprefix("\ufeff").strip() else "{}\n"
        self._newline = "\r\n" if "\r\n" in self.text else "\n"
        found = re.search(r"[{\[][ \t]*\r?\n([ \t]+)\S", self.text)
        self._indent = found[1] if found else "  "
        self._root()

    def _root(self) -> _Node:
        root = _parse(self.text)
        if root.is_list or not isinstance(root.value, dict):
            raise NotEditableError("it holds no JSON object: it must begin with { and end with }")
        return root

    def _find(self, path: tuple[str, ...]) -> tuple[_Node, _Node | None, int]:
        """Return the deepest object on the path that is there, the value at the end, how many names were found."""
        node, depth = self._root(), 0
        for key in path:
            inner = node.member(key)
            if inner is None:
                return node, None, depth
            depth += 1
            if depth == len(path):
                return node, inner, depth
            if inner.is_list or not isinstance(inner.value, dict):
                raise NotEditableError(f'"{key}" is no object there')
            node = inner
        return node, None, depth

    def _splice(self, start: int, end: int, new: str) -> None:
        self.text = self.text[:start] + new + self.text[end:]

    def put(self, path: tuple[str, ...], value: Any) -> None:
        parent, there, depth = self._find(path)
        if there is not None:
            if there.value != value or type(there.value) is not type(value):
                self._splice(there.start, there.end, self._written(value, self._depth(there.start)))
            return
        for name in reversed(path[depth + 1 :]):
            value = {name: value}
        self._insert(parent, path[depth], value)

    def add(self, path: tuple[str, ...], items: list[Any], *, first: bool) -> None:
        _, there, _ = self._find(path)
        if there is None:
            self.put(path, list(items))
            return
        if isinstance(there.value, str):  # a list written with commas: no-proxy
            self.put(path, with_words(there.value, [str(one) for one in items]))
            return
        if not there.is_list:
            raise NotEditableError(f'"{path[-1]}" is no list there')
        for item in reversed(items) if first else items:
            _, there, _ = self._find(path)
            assert there is not None
            if item not in there.value:
                self._insert(there, None, item, first=first)

    def remove(self, path: tuple[str, ...], value: Any) -> None:
        parent, there, _ = self._find(path)
        if there is None:
            return
        if not there.is_list and value not in (True, there.value):
            return
        if not there.is_list or value is True:
            self._cut(parent, next(i for i, one in enumerate(parent.members) if one[2] is there))
            return
        wanted = {_bare(one) for one in (value if isinstance(value, list | tuple) else [value])}
        while (index := next((i for i, one in enumerate(there.value) if _bare(one) in wanted), None)) is not None:
            self._cut(there, index)  # an empty list stays: dockerd reloads a key only where it is set
            _, there, _ = self._find(path)
            assert there is not None

    def replace(self, old: str, new: str, same: Callable[[str, str], str | None]) -> None:
        while (hit := _first(self._root(), old, new, same)) is not None:
            node, text = hit
            self._splice(node.start, node.end, _dumped(text))

    def _insert(self, parent: _Node, key: str | None, value: Any, *, first: bool = False) -> None:
        many = self._newline in self.text[parent.start : parent.end]
        depth = self._depth(parent.start)
        lead = f"{_dumped(key)}: " if key is not None else ""
        if not parent.members:
            at, root = parent.start + 1, parent.start == self._root().start
            if root or many:
                inner = self._newline + self._indent * (depth + 1)
                body = inner + lead + self._written(value, depth + 1) + self._newline + self._indent * depth
            else:
                body = lead + self._written(value, depth, flat=True)
            self._splice(at, parent.end - 1, body)
            return
        begin = parent.members[0][1]
        before = self.text[parent.start + 1 : begin]
        gap = before if many and self._newline in before else " "
        own = lead + self._written(value, depth + 1 if many else depth, flat=not many)
        if first:
            self._splice(begin, begin, own + "," + gap)
        else:
            end = parent.members[-1][2].end
            self._splice(end, end, "," + gap + own)

    def _cut(self, parent: _Node, index: int) -> None:
        begin, node = parent.members[index][1], parent.members[index][2]
        if index > 0:
            self._splice(parent.members[index - 1][2].end, node.end, "")
        elif len(parent.members) > 1:
            self._splice(begin, parent.members[1][1], "")
        else:
            self._splice(parent.start + 1, parent.end - 1, "")

    def _depth(self, at: int) -> int:
        """Return how many indents the line of a place begins with."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        blank = line[: len(line) - len(line.lstrip(" \t"))]
        return len(blank) // len(self._indent) if self._indent else 0

    def _written(self, value: Any, depth: int, *, flat: bool = False) -> str:
        if flat or not isinstance(value, dict) or not value:
            return _dumped(value)
        text = json.dumps(value, ensure_ascii=False, indent=self._indent)
        return text.replace("\n", self._newline + self._indent * depth)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bare(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


def with_words(text: str, words: list[str]) -> str:
    """Return a text of words between commas with those that it lacks behind them."""
    there = [one.strip() for one in text.split(",") if one.strip()]
    missing = [one for one in words if one not in there]
    return text if not missing else ",".join([text.rstrip(", "), *missing] if there else missing)


def _first(node: _Node, old: str, new: str, same: Callable[[str, str], str | None]) -> tuple[_Node, str] | None:
    if isinstance(node.value, str):
        kept = same(node.value, old)
        changed = None if kept is None else with_userinfo(new, kept)
        return (node, changed) if changed is not None and changed != node.value else None
    return next((hit for _, _, inner in node.members if (hit := _first(inner, old, new, same))), None)


def with_userinfo(url: str, userinfo: str) -> str:
    """Return the URL with USER:PASSWORD@ before its host."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{userinfo}{rest}" if mark and userinfo else url


def _parse(text: str) -> _Node:
    at = _skip(text, 1 if text.startswith("\ufeff") else 0)
    root = _value(text, at, 0)
    rest = _skip(text, root.end)
    if rest != len(text):
        raise _slip(text, rest, "something stands behind the closing bracket")
    return root


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> _Node:
    if depth > _DEEPEST:
        raise _slip(text, at, "it is nested too deeply")
    sign = text[at : at + 1]
    if sign == '"':
        value, end = _string(text, at)
        return _Node(at, end, value)
    if sign in ("{", "["):
        return _inner(text, at, depth, is_list=sign == "[")
    found = _SCALAR.match(text, at)
    if found is None:
        raise _slip(text, at, "a value is missing")
    return _Node(at, found.end(), json.loads(found[0]))


def _inner(text: str, start: int, depth: int, *, is_list: bool) -> _Node:
    node = _Node(start, start, [] if is_list else {}, is_list=is_list)
    closing = "]" if is_list else "}"
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        if node.members:
            if text[at : at + 1] != ",":
                raise _slip(text, at, "a comma is missing")
            at = _skip(text, at + 1)
        begin, key = at, None
        if not is_list:
            key, at = _string(text, at)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                raise _slip(text, at, "a colon is missing")
            at = _skip(text, at + 1)
        inner = _value(text, at, depth + 1)
        node.members.append((key, begin, inner))
        if is_list:
            node.value.append(inner.value)
        else:
            node.value[key] = inner.value
        at = _skip(text, inner.end)
    node.end = at + 1
    return node


def _string(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise _slip(text, at, "a text in quotes is missing")
    try:
        value, end = _DECODER.raw_decode(text, at)
    except ValueError:
        raise _slip(text, at, "a text in quotes does not end, or holds a control character") from None
    return str(value), int(end)


def _slip(text: str, at: int, problem: str) -> NotEditableError:
    line = text.count("\n", 0, at) + 1
    return NotEditableError(f"line {line}: {problem}; it is no valid JSON")
