"""Edits TOML (tomlkit) and YAML (ruamel.yaml) documents: comments, order and quotes stay."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from kdoctor.fixes.errors import NotEditableError
from kdoctor.fixes.jsonedit import with_userinfo, with_words

Same = Callable[[str, str], str | None]


def edit_toml(
    text: str,
    put: Mapping[str, Any],
    add: Mapping[str, Any],
    remove: Mapping[str, Any],
    replace: Mapping[str, str],
    same: Same,
    first: bool = False,
) -> str:
    """Return a TOML document with the changes in it.

    Raises:
        NotEditableError: it is no TOML, or a table or list is meant where it has something else.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise NotEditableError(f"it is no valid TOML: {error}") from error
    before = document.unwrap()
    _change(document, put, add, {}, first)
    text = tomlkit.dumps(document) if document.unwrap() != before else text
    remove = _as_written(document, remove, same)
    text = _without_tables(text, remove)
    document = tomlkit.parse(text)
    before = document.unwrap()
    _remove(document, remove)
    for old, new in replace.items():
        text = _with_headers(text, old, new, same)
        document = tomlkit.parse(text)
        before = document.unwrap()
        _replace(document, old, new, same)
        text = tomlkit.dumps(document) if document.unwrap() != before else text
        document = tomlkit.parse(text)
        before = document.unwrap()
    return text if document.unwrap() == before else tomlkit.dumps(document)


def _as_written(document: Any, remove: Mapping[str, Any], same: Same) -> dict[str, Any]:
    """Return what to remove with keys and items that are URLs as the document spells them."""
    out: dict[str, Any] = {}
    for key, value in remove.items():
        keys = [key] if "://" not in key else [str(one) for one in document if same(str(one), key) is not None]
        for name in keys:
            there = document.get(name)
            if isinstance(value, Mapping) and isinstance(there, Mapping):
                out[name] = _as_written(there, value, same)
            elif isinstance(value, list | tuple) and isinstance(there, str):
                out |= {name: True} if any(there == old or _is_same_url(there, old, same) for old in value) else {}
            elif isinstance(value, list | tuple) and isinstance(there, list):
                out[name] = [one for one in there for old in value if one == old or _is_same_url(one, old, same)]
            else:
                out[name] = value
    return out


def _is_same_url(one: object, old: object, same: Same) -> bool:
    return isinstance(one, str) and isinstance(old, str) and "://" in old and same(one, old) is not None


def _without_tables(text: str, remove: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """Cut tables that go whole out of the text; comments before the next table stay with that."""
    import tomlkit

    for key, value in remove.items():
        if isinstance(value, Mapping):
            text = _without_tables(text, value, (*path, key))
            continue
        cut = _cut(text, (*path, key))
        if cut != text and value is True:
            expected: Any = tomlkit.parse(text).unwrap()
            _remove_path(expected, (*path, key))
            if tomlkit.parse(cut).unwrap() == expected:
                text = cut
    return text


def _remove_path(tree: Any, path: tuple[str, ...]) -> None:
    for at, key in enumerate(path):
        if not isinstance(tree, dict) or key not in tree:
            return
        if at == len(path) - 1:
            del tree[key]
        elif at == len(path) - 2 and list(tree[key]) == [path[-1]]:
            del tree[key]  # its parent stood nowhere but in the table's name
            return
        else:
            tree = tree[key]


def _cut(text: str, path: tuple[str, ...]) -> str:
    lines = text.splitlines(keepends=True)
    headers = [(i, name) for i, line in enumerate(lines) if (name := _header(line)) is not None]
    begin = next((i for i, name in headers if name == path), None)
    if begin is None:
        return text
    following = next((i for i, name in headers if i > begin and name[: len(path)] != path), len(lines))
    end = following
    while end > begin and following < len(lines) and lines[end - 1].lstrip()[:1] in ("", "#"):
        end -= 1
    while end < following and not lines[end].strip():
        end += 1
    return "".join([*lines[:begin], *lines[end:]])


def _header(line: str) -> tuple[str, ...] | None:
    """Return the names of a table's header line."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if not re.match(r"[ \t]*\[(?!\[)", line):
        return None
    try:
        tree: Any = tomlkit.parse(line).unwrap()
    except TOMLKitError:
        return None
    names: list[str] = []
    while isinstance(tree, dict) and tree:
        names.append(next(iter(tree)))
        tree = tree[names[-1]]
    return tuple(names)


def edit_yaml(
    text: str,
    put: Mapping[str, Any],
    add: Mapping[str, Any],
    remove: Mapping[str, Any],
    replace: Mapping[str, str],
    same: Same,
    first: bool = False,
) -> str:
    """Return a YAML document with the changes in it.

    Raises:
        NotEditableError: it is no YAML, several documents, or a mapping or list is meant where it has something else.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    _indentation(yaml, text)
    try:
        document = yaml.load(text)
    except YAMLError as error:
        first_line = str(error).partition("\n")[0]
        raise NotEditableError(f"it is no valid YAML: {first_line}") from error
    if document is None:
        document = CommentedMap()
    if not isinstance(document, MutableMapping):
        raise NotEditableError("it holds no mapping of keys to values")
    before = _plain(document)
    _change(document, put, add, _as_written(document, remove, same), first)
    for old, new in replace.items():
        _replace(document, old, new, same)
    if _plain(document) == before:
        return text
    out = io.StringIO()
    yaml.dump(document, out)
    written = out.getvalue()
    if not before and text.strip():  # comments alone
        written = text.rstrip("\n") + "\n" + written
    if text.startswith("---") and not written.startswith("---"):
        written = "---\n" + written
    return written


def _indentation(yaml: Any, text: str) -> None:
    """Take over how far mappings and lists are indented in the text."""
    mark = r"(?:[&!]\S+[ \t]*)*"  # an anchor or a tag
    blank = r"(?:[ \t]*#[^\n]*\n|[ \t]*\n)*"
    mapping = re.search(rf"^(?![#\s-])\S[^\n]*:[ \t]*{mark}\n{blank}( +)(?![-# ])", text, re.MULTILINE)
    listed = re.search(rf"^( *)(?![#\s-])\S[^\n]*:[ \t]*{mark}\n{blank}( *)- ( *)", text, re.MULTILINE)
    width = len(mapping[1]) if mapping else 2
    offset = max(len(listed[2]) - len(listed[1]), 0) if listed else 0
    behind = 2 + (len(listed[3]) if listed else 0)
    yaml.indent(mapping=width, sequence=offset + behind, offset=offset)


def _change(
    document: MutableMapping[str, Any],
    put: Mapping[str, Any],
    add: Mapping[str, Any],
    remove: Mapping[str, Any],
    first: bool,
) -> None:
    _put(document, put)
    _add(document, add, first)
    _remove(document, remove)


def _put(document: MutableMapping[str, Any], tree: Mapping[str, Any]) -> None:
    for key, value in tree.items():
        there = document.get(key)
        if isinstance(value, Mapping) and isinstance(there, MutableMapping):
            _put(there, value)
        elif isinstance(value, Mapping) and there is not None:
            raise NotEditableError(f'"{key}" holds no keys there')
        elif isinstance(value, list | tuple):
            if list(there or ()) != list(value):
                document[key] = list(value)
        elif isinstance(value, Mapping):
            document[key] = _thawed(value)
        elif there != value:
            document[key] = value


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(one) for key, one in value.items()}
    return [_thawed(one) for one in value] if isinstance(value, list | tuple) else value


def _add(document: MutableMapping[str, Any], tree: Mapping[str, Any], first: bool) -> None:
    for key, value in tree.items():
        there = document.get(key)
        if isinstance(value, Mapping):
            if there is None:
                document[key] = there = {}
                there = document[key]
            if not isinstance(there, MutableMapping):
                raise NotEditableError(f'"{key}" holds no keys there')
            _add(there, value, first)
            continue
        items = list(value) if isinstance(value, list | tuple) else [value]
        if there is None:
            document[key] = items
        elif isinstance(there, str):
            document[key] = with_words(there, [str(one) for one in items])
        elif not hasattr(there, "append"):
            raise NotEditableError(f'"{key}" is no list there')
        else:
            for item in reversed(items) if first else items:
                if item not in there and first:
                    there.insert(0, item)
                elif item not in there:
                    _append(there, item)


def _append(items: Any, item: Any) -> None:
    """Append; what stands behind the last item's own line (blank lines, comments) stays behind the list."""
    comments = getattr(getattr(items, "ca", None), "items", {})
    tokens = comments.get(len(items) - 1)
    token = tokens[0] if tokens else None
    own, newline, rest = token.value.partition("\n") if token is not None else ("", "", "")
    items.append(item)
    if rest.strip(" ") and tokens is not None and token is not None:
        from ruamel.yaml.tokens import CommentToken

        comments[len(items) - 1] = [CommentToken("\n" + rest, token.start_mark), None]
        if own.strip():
            token.value = own + newline
        else:
            del comments[len(items) - 2]


def _remove(document: MutableMapping[str, Any], tree: Mapping[str, Any]) -> None:
    for key, value in tree.items():
        there = document.get(key)
        if there is None:
            continue
        if isinstance(value, Mapping):
            if isinstance(there, MutableMapping):
                _remove(there, value)
        elif value is True or not hasattr(there, "remove"):
            del document[key]
        else:
            for item in value if isinstance(value, list | tuple) else [value]:
                while item in there:
                    there.remove(item)
            if not there:
                del document[key]


def _replace(node: Any, old: str, new: str, same: Same) -> None:
    entries = node.items() if isinstance(node, MutableMapping) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(entries):
        kept = same(str(value), old) if isinstance(value, str) else None
        if kept is not None:
            node[key] = with_userinfo(new, kept)
        elif isinstance(value, MutableMapping | list):
            _replace(value, old, new, same)


def _with_headers(text: str, old: str, new: str, same: Same) -> str:
    """Give tables whose name is the old value the new one where they stand: [host."https://..."] of hosts.toml."""
    lines = text.splitlines(keepends=True)
    for i, line in enumerate(lines):
        name = next((one for one in _header(line) or () if same(one, old) is not None), None)
        if name is not None:
            lines[i] = line.replace(f'"{name}"', f'"{new}"').replace(f"'{name}'", f'"{new}"')
    return "".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
