"""Loading rules from YAML: each file checked in itself, every mistake with file, line and a hint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from kdoctor.errors import RuleError, UsageError, did_you_mean
from kdoctor.rules import model
from kdoctor.rules.patterns import FRAGMENT_NAME
from kdoctor.rules.template import several
from kdoctor.rules.yamlfile import YamlFile, read_yaml

Typed = TypeVar("Typed")

TODO = "TODO"
"""The first word of a text that a person has still to write; `kdoctor rules new` puts it."""


@dataclass(frozen=True, slots=True)
class End:
    """How a text says that failures are over: the rules or layers that it is said `of`, and patterns."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
    of: tuple[str, ...]
    any: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """`words.yaml`: fragments of patterns, contexts as lists of patterns, and what ends a failure."""

    fragments: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ends: Mapping[str, End] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """`taxonomy.yaml`: the layers in order, the layer of each class, and what a class means."""

    layers: tuple[str, ...] = ()
    layer_of: Mapping[str, str] = field(default_factory=dict)
    means: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Folder:
    """Everything that a folder of rules holds; `files` has each id's file, keyed `kind/id`.

    `word_files` has the file of each fragment, context and end: ("fragments", NAME).
    """

    path: Path
    words: Words = field(default_factory=Words)
    taxonomy: Taxonomy = field(default_factory=Taxonomy)
    rules: dict[str, model.Rule] = field(default_factory=dict)
    recipes: dict[str, model.Recipe] = field(default_factory=dict)
    translations: dict[str, dict[str, model.Translation]] = field(default_factory=dict)
    files: dict[str, YamlFile] = field(default_factory=dict)
    word_files: dict[tuple[str | int, ...], YamlFile] = field(default_factory=dict)
    errors: list[RuleError] = field(default_factory=list)


def read_folder(path: Path, *, beside: Folder | None = None) -> Folder:
    """Read all YAML files of a folder of rules; what is wrong is collected in `errors`.

    A user's folder is read `beside` the shipped one: it has the fragments, contexts, ends and layers of that,
    and may add its own.

    Raises:
        UsageError: there is no such folder.
    """
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder of rules")
    folder = Folder(path)
    if beside is not None:
        folder.words, folder.taxonomy = beside.words, Taxonomy(beside.taxonomy.layers)
        folder.word_files = dict(beside.word_files)
    for name, reader in (("words.yaml", _read_words), ("taxonomy.yaml", _read_taxonomy)):
        if (path / name).is_file():
            _collect(folder, partial(_read_named, folder, path / name, reader))
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() not in (".yaml", ".yml"):
            continue
        parts = file.relative_to(path).parts
        if file.name in ("words.yaml", "taxonomy.yaml", "mirrors.yaml") or any(p.startswith(".") for p in parts):
            continue
        _collect(folder, partial(_read_one, folder, file, parts))
    return folder


def _collect(folder: Folder, read: Callable[[], None]) -> None:
    try:
        read()
    except RuleError as error:
        folder.errors.append(error)


def _read_named(folder: Folder, file: Path, reader: Callable[[Folder, YamlFile], None]) -> None:
    reader(folder, read_yaml(file))


def _read_one(folder: Folder, file: Path, parts: tuple[str, ...]) -> None:
    if file.suffix != ".yaml":
        raise RuleError(f"{file}:1: name it {file.stem}.yaml; other endings are not read")
    yaml_file = read_yaml(file)
    if parts[0] == "i18n" and len(parts) > 2:
        translation = typed(yaml_file, model.Translation)
        kind = "fixes/" if parts[2] == "fixes" else ""
        folder.translations.setdefault(parts[1], {})[kind + translation.id] = translation
        _same_name(yaml_file, translation.id)
        folder.files[f"i18n/{parts[1]}/{kind}{translation.id}"] = yaml_file
    elif parts[0] == "fixes":
        recipe = typed(yaml_file, model.Recipe)
        _same_name(yaml_file, recipe.id)
        folder.recipes[recipe.id] = recipe
        folder.files[f"fixes/{recipe.id}"] = yaml_file
    else:
        rule = typed(yaml_file, model.Rule)
        _same_name(yaml_file, rule.id)
        if rule.id in folder.rules:
            raise yaml_file.error(("id",), f'the id "{rule.id}" stands in {folder.files[rule.id].path} too')
        folder.rules[rule.id] = rule
        folder.files[rule.id] = yaml_file


ID = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
"""What a rule's or recipe's id is."""


def _same_name(file: YamlFile, id_: str) -> None:
    if not ID.fullmatch(id_):
        raise file.error(("id",), f'the id "{id_}" may hold small letters, digits and dashes: {_as_id(id_)}')
    if file.path.stem != id_:
        raise file.error(("id",), f'the id "{id_}" must be the name of the file, "{file.path.stem}"')


def _as_id(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower())) or "proxy-connection-refused"


@dataclass(frozen=True, slots=True)
class _WordsFile:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
    fragments: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Class:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
    id: str
    layer: str
    means: str


@dataclass(frozen=True, slots=True)
class _TaxonomyFile:
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}
    layers: tuple[str, ...]
    classes: tuple[_Class, ...]
    version: int = 1


def _read_words(folder: Folder, file: YamlFile) -> None:
    words = typed(file, _WordsFile)
    for name in words.fragments:
        if not FRAGMENT_NAME.fullmatch(name):
            raise file.error(("fragments", name), f'"{name}": a fragment\'s name is of capital letters, digits and _')
    held = folder.words
    for part, added, there in (
        ("fragments", words.fragments, held.fragments),
        ("contexts", words.contexts, held.contexts),
        ("ends", words.ends, held.ends),
    ):
        for name in added:
            if name in there:
                known = folder.word_files[part, name].path
                raise file.error((part, name), f'"{name}" stands in {known} too; give yours another name')
            folder.word_files[part, name] = file
    folder.words = Words(
        {**held.fragments, **words.fragments}, {**held.contexts, **words.contexts}, {**held.ends, **words.ends}
    )
    folder.files["words"] = file


def _read_taxonomy(folder: Folder, file: YamlFile) -> None:
    taxonomy = typed(file, _TaxonomyFile)
    layer_of: dict[str, str] = {}
    layers = (*folder.taxonomy.layers, *(one for one in taxonomy.layers if one not in folder.taxonomy.layers))
    for i, one in enumerate(taxonomy.classes):
        if one.layer not in layers:
            near = did_you_mean(one.layer, layers)
            raise file.error(("classes", i), f'no layer "{one.layer}" in `layers`.{near}')
        if one.id in layer_of:
            raise file.error(("classes", i), f'the class "{one.id}" stands twice')
        layer_of[one.id] = one.layer
    folder.taxonomy = Taxonomy(layers, layer_of, {one.id: one.means for one in taxonomy.classes})
    folder.files["taxonomy"] = file


def typed(file: YamlFile, cls: type[Typed]) -> Typed:
    """Return the file's content as `cls`.

    Raises:
        RuleError: a key or value that the class does not have, with its line and the nearest key.
    """
    if not isinstance(file.content, dict):
        raise file.error((), f"a rule is a mapping of keys to values ({', '.join(_keys(cls)[:3])}, ...)")
    from pydantic import ValidationError

    try:
        return cast("Typed", _adapter(cast("Any", cls)).validate_python(_prepared(file.content), strict=False))
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: _severity(one["type"]))
        raise _explained(file, cls, first) from error


def _severity(kind: str) -> int:
    return 0 if kind == "unexpected_keyword_argument" else 1 if kind != "missing" else 2


def _prepared(value: Any) -> Any:
    """Turn lists into tuples and the key `with` into `with_`, as the classes have them."""
    if isinstance(value, dict):
        return {("with_" if key == "with" else key): _prepared(one) for key, one in value.items()}
    if isinstance(value, list):
        return tuple(_prepared(one) for one in value)
    return value


_MEANT = {
    "string_type": "a text is meant; put it in quotes",
    "bool_type": "true or false is meant",
    "tuple_type": "a list is meant",
    "dict_type": "a mapping is meant",
    "dataclass_type": "a mapping is meant",
    "dataclass_exact_type": "a mapping is meant",
}
"""Pydantic's kinds of errors in the words of the files."""


def _explained(file: YamlFile, cls: type, error: Any) -> RuleError:
    known = _field_names() | set(_keys(cls))
    where = tuple("with" if part == "with_" else part for part in error["loc"] if not _is_type_tag(part))
    if error["type"] == "unexpected_keyword_argument":
        key = where[-1]
        return file.error(where, f'unknown key "{key}".{did_you_mean(str(key), known)}')
    if error["type"] in ("missing", "missing_argument"):
        return file.error(where[:-1], f'the key "{where[-1]}" is missing')
    name = ".".join(str(part) for part in where)
    problem = _MEANT.get(error["type"]) or f"{error['msg'][:1].lower()}{error['msg'][1:]}"
    return file.error(where, f"{name}: {problem}")


def _is_type_tag(part: Any) -> bool:
    return isinstance(part, str) and (part in ("str", "dict") or part.startswith(("tuple[", "function-", "dict[")))


@cache
def _adapter(cls: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cls)


def _keys(cls: Any) -> list[str]:
    return [f.name.rstrip("_") for f in fields(cls)]


@cache
def _field_names() -> frozenset[str]:
    classes = [one for one in vars(model).values() if isinstance(one, type) and is_dataclass(one)]
    return frozenset(f.name.rstrip("_") for cls in classes for f in fields(cls))


def schema(cls: type = model.Rule) -> Mapping[str, Any]:
    """Return the JSON Schema of a rule (or recipe, or translation) as the files are written."""
    document = _adapter(cls).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_written(document)}


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {("with" if key == "with_" else key): _written(one) for key, one in value.items()}
    return [_written(one) for one in value] if isinstance(value, list) else value


def english(item: model.Rule | model.Recipe) -> Iterator[str]:
    """Yield the English texts of a rule or recipe, those that a translation has to follow."""
    yield from several(item.title)
    if isinstance(item, model.Rule):
        yield from several(item.why)
        for texts in (item.verdict.because.confirmed, item.verdict.because.refuted, item.verdict.because.inconclusive):
            yield from several(texts)
    else:
        for variant in item.variants:
            for step in variant.steps:
                yield from several(step.text)


def digest(item: model.Rule | model.Recipe) -> str:
    """Return what a translation's `of` must be: it changes when an English text does."""
    import hashlib

    return hashlib.sha256("\x1f".join(english(item)).encode()).hexdigest()[:12]
