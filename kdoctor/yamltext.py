"""YAML that people wrote: kubeconfigs and manifests, with the line of every value, within bounds.

Nothing is constructed: scalars stay texts, tags mean nothing, an alias is another name of the same
node. Depth, number of nodes and aliases are bounded, so that no document costs more than its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_MOST_EVENTS = 500_000
_MOST_DEPTH = 100
_MOST_VISITS = 200_000
_NULLS = ("", "~", "null", "Null", "NULL")


class YamlError(Exception):
    """The text is no YAML, or more of it than is read: what is wrong, and at which line (1-based)."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(slots=True)
class Node:
    """A scalar (`text`), a sequence (`items`) or a mapping (`pairs`), with the line (1-based) where it begins."""

    line: int
    text: str | None = None
    plain: bool = False
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = field(default=None, repr=False)

    @property
    def is_null(self) -> bool:
        """Tell whether it is an unquoted null, or nothing."""
        return self.text is not None and self.plain and self.text in _NULLS

    def get(self, key: str) -> Node | None:
        """Return the value of a key of a mapping, merged ones included; None for another node."""
        merged: Node | None = None
        for name, value in self.pairs or ():
            if name.text == key:
                return value
            if name.text == "<<" and name.plain:
                for source in value.items or [value]:
                    merged = merged or next((v for n, v in source.pairs or () if n.text == key), None)
        return merged

    def string(self, key: str) -> str:
        """Return a key's scalar as text, empty where it is absent, null or no scalar."""
        value = self.get(key)
        return value.text if value is not None and value.text is not None and not value.is_null else ""

    def list(self, key: str) -> list[Node]:
        """Return a key's sequence, empty where it is none."""
        value = self.get(key)
        return value.items or [] if value is not None else []


def documents(text: str) -> list[Node]:
    """Return the documents of a text; raise YamlError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(_Builder().documents(yaml.parse(text, Loader=loader)))
    except yaml.MarkedYAMLError as error:
        of_key = "simple key" in (error.context or "")  # noticed only at the end of the text
        mark = (error.context_mark if of_key else error.problem_mark) or error.context_mark
        problem = error.problem or error.context or "it does not parse"
        raise YamlError(problem, mark.line + 1 if mark else 1) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise YamlError(f"the character U+{_code(error.character):04X} is not allowed", line) from error


def _code(character: object) -> int:
    return ord(character) if isinstance(character, str) and len(character) == 1 else int(str(character) or 0)


def _line(event: object) -> int:
    mark = getattr(event, "start_mark", None)
    return mark.line + 1 if mark else 1


class _Builder:
    """Builds nodes from the parser's events without recursion."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._stack: list[tuple[Node, list[Node]]] = []

    def documents(self, events: Iterator[object]) -> Iterator[Node]:
        import yaml

        root: Node | None = None
        for count, event in enumerate(events):
            if count > _MOST_EVENTS or len(self._stack) > _MOST_DEPTH:
                raise YamlError("there is more, or deeper, of it than kdoctor reads", _line(event))
            if isinstance(event, yaml.DocumentStartEvent):
                root, self._anchors = None, {}
            elif isinstance(event, yaml.DocumentEndEvent):
                if root is not None:
                    yield root
            else:
                finished = self._node(event)
                if finished is not None and self._stack:
                    self._stack[-1][1].append(finished)
                elif finished is not None:
                    root = finished

    def _node(self, event: object) -> Node | None:
        """Return the node that the event completes, None where it only opens one."""
        import yaml

        line = _line(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._named(event.anchor, Node(line, event.value, plain=not event.style))
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise YamlError(f'there is no anchor "{event.anchor}"', line)
            return self._anchors[event.anchor]
        if isinstance(event, yaml.SequenceStartEvent):
            self._stack.append((self._named(event.anchor, Node(line, items=[])), []))
        elif isinstance(event, yaml.MappingStartEvent):
            self._stack.append((self._named(event.anchor, Node(line, pairs=[])), []))
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            return self._closed()
        return None

    def _named(self, anchor: str | None, node: Node) -> Node:
        if anchor:
            self._anchors[anchor] = node
        return node

    def _closed(self) -> Node:
        node, children = self._stack.pop()
        if node.items is not None:
            node.items.extend(children)
        elif node.pairs is not None:
            node.pairs.extend(zip(children[::2], children[1::2], strict=False))
        return node


def walk(root: Node) -> Iterator[Node]:
    """Yield every node once, aliases too, in the order of the text; raise YamlError beyond a bound."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > _MOST_VISITS:
            raise YamlError("there is more of it than kdoctor reads", node.line)
        yield node
        waiting += reversed(node.items or [value for _, value in node.pairs or ()])
