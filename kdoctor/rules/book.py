"""The rules as a run needs them: an index of words, and each rule decoded only when it is hit.

A wheel carries the compiled form; a checkout compiles it once into the user's cache and again
whenever a file under `rules/` or in a user's folder changes (see `kdoctor.rules.cache`).
"""

from __future__ import annotations

import json
import os
import sys
import typing
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kdoctor import __version__
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.rules import model
from kdoctor.rules.narrowing import Narrowing

BEGINNING = 4
"""Characters of a word by which literals are grouped."""

FORMAT = 32
_IN_PARTS = ("patterns", "ways")
"""Details that are a list by a pattern's number, of which a text asks for a few."""

_SUMS = 18
"""Bytes of the sums behind the details."""

_PACKAGED = Path(__file__).parent.parent / "_rules"
_CHECKOUT = Path(__file__).parent.parent.parent / "rules"


def shipped_folder() -> Path:
    """Return the folder with the YAML files of the shipped rules: the package's, or the checkout's.

    Raises:
        UsageError: the installation is broken.
    """
    for folder in (_CHECKOUT, _PACKAGED):
        if (folder / "taxonomy.yaml").is_file():
            return folder
    raise UsageError("the rules are missing from this installation; install kdoctor-cli again")


def installed_folders() -> tuple[Path, ...]:
    """Return the folders that installed packages name in the entry point group `kdoctor.rules`.

    Only files are looked at; importing `importlib.metadata` and the packages would cost more than the run.
    """
    for place in sys.path:
        try:
            names = [name for name in os.listdir(place or ".") if name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(place, name, "entry_points.txt"), encoding="utf-8") as file:
                    named = "[kdoctor.rules]" in file.read()
            except (OSError, UnicodeDecodeError):
                continue
            if named:
                from kdoctor.rules.installed import folders

                return folders()
    return ()


class Book:
    """All rules of a run."""

    def __init__(self, index: Mapping[str, Any], details: _Held | _Details) -> None:
        self._index = index
        self._details = details
        self._rules: dict[str, model.Rule] = {}
        self.narrowing = Narrowing(self.fragment, self._words)

    @property
    def origins(self) -> Mapping[str, str]:
        """The file of each rule (its id) and recipe (`fixes/ID`) that comes from a user's folder."""
        return typing.cast("Mapping[str, str]", self._index.get("origins", {}))

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences on which user's rule or recipe replaces which."""
        return tuple(self._index.get("notices", ()))

    @property
    def literals(self) -> Mapping[str, Sequence[int]]:
        """Words (lower case) to the numbers of the patterns whose every match has one of them."""
        return {word: numbers for begin in self.beginnings for word, numbers in self.literals_of(begin).items()}

    @property
    def beginnings(self) -> Sequence[str]:
        """What `literals.beginning` says of the literals."""
        return typing.cast("Sequence[str]", self._index["beginnings"])

    def literals_of(self, begin: str) -> Mapping[str, Sequence[int]]:
        """Return the literals with this beginning; see `literals`."""
        return typing.cast("Mapping[str, Sequence[int]]", self._details[f"literals/{begin}"])

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all rules."""
        return typing.cast("Sequence[str]", self._index["ids"])

    @property
    def layers(self) -> Sequence[str]:
        """The layers, from the user to the image."""
        return typing.cast("Sequence[str]", self._index["layers"])

    def pattern(self, number: int) -> tuple[Sequence[Any], bool, bool]:
        """Return the tree of a pattern's number, whether it is for a line alone, and whether it is vague."""
        return typing.cast("tuple[Sequence[Any], bool, bool]", self._details.part("patterns", number))

    def ways(self, number: int) -> Sequence[Sequence[Sequence[str]]]:
        """Return the ways in which a pattern can be found; see `kdoctor.rules.literals.readings`."""
        return typing.cast("Sequence[Sequence[Sequence[str]]]", self._details.part("ways", number))

    def fragment(self, name: str) -> Sequence[Any]:
        """Return the tree of a fragment of rules/words.yaml, which the trees of patterns name."""
        return typing.cast("Sequence[Any]", self._details[f"fragment/{name}"])

    def rule_of(self, number: int) -> str:
        """Return the id of the rule that a pattern's number belongs to."""
        place: int = self._index["patterns"][number]
        return self.ids[place]

    def detecting(self, step: str, outcome: str) -> Sequence[str]:
        """Return the ids of the rules that name this outcome of this step."""
        return typing.cast("Sequence[str]", self._index["detect"].get(f"{step} {outcome}", ()))

    def readings(self, rule_id: str) -> Sequence[Sequence[Sequence[str]]]:
        """Return the ways in which one of a rule's patterns can be found."""
        place = self.ids.index(rule_id)
        numbers = [number for number, of in enumerate(self._index["patterns"]) if of == place]
        return [way for number in numbers for way in self.ways(number)]

    def none(self, rule_id: str) -> Sequence[Sequence[Any]]:
        """Return the `none` patterns of a rule as trees."""
        return typing.cast("Sequence[Sequence[Any]]", self._details[f"none/{rule_id}"])

    def context(self, name: str) -> Sequence[Sequence[Any]]:
        """Return the patterns of a context as trees; empty if there is no such context."""
        return typing.cast("Sequence[Sequence[Any]]", self._details.get(f"context/{name}") or ())

    def ends(self, rule: model.Rule) -> Sequence[str]:
        """Return the names of what may say that a rule's failure is over."""
        return [name for name, of in self._details["ends"].items() if rule.id in of or rule.layer in of]

    def end(self, name: str) -> Sequence[tuple[Sequence[Any], Sequence[Sequence[Sequence[str]]]]]:
        """Return the patterns of what ends a failure: the tree of each, and its ways (see `ways`)."""
        return typing.cast("Sequence[tuple[Sequence[Any], Any]]", self._details[f"end/{name}"])

    def rule(self, rule_id: str) -> model.Rule:
        """Return a rule by its id.

        Raises:
            UsageError: there is none; the text names the nearest.
        """
        if rule_id not in self._index["set"]:
            raise UsageError(f'no rule "{rule_id}".{did_you_mean(rule_id, self.ids)} See `kdoctor rules list`.')
        if rule_id not in self._rules:
            self._rules[rule_id] = _decoded(model.Rule, self._details[f"rule/{rule_id}"])
        return self._rules[rule_id]

    def recipe(self, recipe_id: str) -> model.Recipe:
        """Return a recipe by its id; rules name only recipes that are there."""
        return typing.cast("model.Recipe", _decoded(model.Recipe, self._details[f"recipe/{recipe_id}"]))

    def translation(self, lang: str, item: str) -> model.Translation | None:
        """Return the translation of a rule's id, or of `fixes/RECIPE`."""
        raw = self._details.get(f"i18n/{lang}/{item}")
        return None if raw is None else typing.cast("model.Translation", _decoded(model.Translation, raw))

    def _words(self) -> Sequence[str]:
        """Return all words that patterns need, as a whole or for one of their branches."""
        return typing.cast("Sequence[str]", self._details["words"])

    def vocabulary(self) -> Mapping[str, Any]:
        """Return the words of the rules and their weights; see `kdoctor.rules.vocabulary`."""
        return typing.cast("Mapping[str, Any]", self._details["vocabulary"])

    def substitutes(self) -> Any:
        """Return what `mirrors.yaml` holds, or None."""
        return self._details.get("mirrors")


class _Details:
    """Details by key, each decoded from the compiled bytes when asked for; `places` are where its parts begin."""

    def __init__(self, data: bytes, places: Mapping[str, Sequence[int]]) -> None:
        self._data, self._places = data, places
        self._decoded: dict[int, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self.part(key, 0)

    def part(self, key: str, number: int) -> Any:
        """Return one of the parts that some details come in."""
        begin, end = self._places[key][number : number + 2]
        if begin not in self._decoded:
            self._decoded[begin] = json.loads(self._data[begin:end])
        return self._decoded[begin]

    def get(self, key: str) -> Any:
        """Return a detail, or None."""
        return self[key] if key in self._places else None


class _Held(dict[str, Any]):
    """Details that were compiled in this run."""

    def part(self, key: str, number: int) -> Any:
        """Return one of the parts that some details come in."""
        return self[key][number]


def open_book(folders: Iterable[Path] = ()) -> Book:
    """Return the shipped rules together with those of installed packages and of the user's folders.

    Raises:
        RuleError: a rule file is wrong.
        UsageError: a folder is missing.
    """
    others = (*installed_folders(), *folders)
    packaged = None if others else read_compiled(_PACKAGED)
    if packaged is not None:
        return packaged
    from kdoctor.rules import cache

    source = shipped_folder()
    place = cache.place((source, *others), f"{FORMAT} {__version__}")
    cached = read_compiled(place) if place else None
    if cached is not None:
        return cached
    from kdoctor.rules.compiling import with_folders

    parts = with_folders(source, others)
    if place:
        cache.keep(place, lambda folder: write_compiled(folder, *parts))
    return in_memory(*parts)


def read_compiled(folder: Path) -> Book | None:
    """Return the book that `write_compiled` left in the folder; None where there is none, or not the whole of it."""
    try:
        raw = (folder / "index.json").read_bytes()
        index = json.loads(raw)
        whole = (folder / "details.json").read_bytes()
        data, sums = whole[:-_SUMS], whole[-_SUMS:]
        if index["format"] != FORMAT or sums != _sums(data, raw):
            return None
        index["set"] = set(index["ids"])
        return Book(index, _Details(data, index["places"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_compiled(folder: Path, index: Mapping[str, Any], details: Mapping[str, Any]) -> None:
    """Write the compiled form: the details one after the other, the index with their places."""
    places: dict[str, list[int]] = {}
    chunks: list[bytes] = []
    at = 0
    for key, value in details.items():
        places[key] = [at]
        for part in value if key in _IN_PARTS else [value]:
            chunk = json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode()
            chunks.append(chunk)
            at += len(chunk)
            places[key].append(at)
    data = b"".join(chunks)
    folder.mkdir(parents=True, exist_ok=True)
    whole = {**index, "places": places, "format": FORMAT}
    raw = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    (folder / "details.json").write_bytes(data + _sums(data, raw))
    (folder / "index.json").write_bytes(raw)


def _sums(data: bytes, index: bytes) -> bytes:
    """Return what stands behind the details: whether they and the index are whole."""
    return b"\n%08x %08x" % (zlib.crc32(data), zlib.crc32(index))


def in_memory(index: Mapping[str, Any], details: Mapping[str, Any]) -> Book:
    """Return a book of compiled parts without files."""
    return Book({**index, "set": set(index["ids"])}, _Held(details))


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return typing.get_type_hints(cls)


def _decoded(cls: Any, raw: Any) -> Any:
    """Return `raw` (plain JSON, already validated when it was compiled) as the type `cls`."""
    if is_dataclass(cls):
        hints = _hints(typing.cast("type", cls))
        values = {f.name: _decoded(hints[f.name], raw[f.name]) for f in fields(cls) if f.name in raw}
        return typing.cast("type", cls)(**values)
    arguments = typing.get_args(cls)
    origin = typing.get_origin(cls)
    if isinstance(raw, list) and origin is tuple:
        return tuple(_decoded(arguments[0], one) for one in raw)
    if isinstance(raw, list):  # Texts, or X | None around a tuple
        inner = next((a for a in arguments if typing.get_origin(a) is tuple), tuple[Any, ...])
        return _decoded(inner, raw)
    if isinstance(raw, dict) and origin is dict:
        return {key: _decoded(arguments[1], one) for key, one in raw.items()}
    if isinstance(raw, dict):
        inner = next((a for a in arguments if is_dataclass(a)), None)
        return raw if inner is None else _decoded(inner, raw)
    return raw
