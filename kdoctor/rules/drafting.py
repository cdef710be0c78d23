"""`kdoctor rules new`: the file of a new rule, filled in as far as a text can tell.

What only a person can write is marked TODO; `kdoctor rules lint` says so until it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.masking import mask
from kdoctor.reading.clean import clean
from kdoctor.reading.engines import engine
from kdoctor.rules import model
from kdoctor.rules.book import Book
from kdoctor.rules.load import ID, TODO
from kdoctor.rules.match import match
from kdoctor.rules.patterns import compiled, expand
from kdoctor.rules.starting import Start, start
from kdoctor.rules.vocabulary import words

_LAYER_OF_FACT = (
    ("proxy", "proxy"),
    ("resolver", "dns"),
    ("image", "image"),
    ("url", "registry"),
    ("address", "network"),
)
_OCCURS_ON: Mapping[str, tuple[str, ...]] = {
    "docker": ("docker-engine", "docker-desktop"),
    "compose": ("docker-engine", "docker-desktop"),
    "buildkit": ("docker-engine", "docker-desktop"),
    "docker-desktop": ("docker-desktop",),
    "containerd": ("containerd",),
    "cri-o": ("cri-o",),
    "podman": ("podman",),
    "skopeo": ("shell",),
    "minikube": ("minikube",),
    "kind": ("kind",),
    "k3d": ("k3d",),
    "k3s": ("k3s",),
    "kubeadm": ("kubeadm",),
    "kubelet": ("kubeadm", "minikube", "kind", "k3s"),
}
_MOST_LINES = 40
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule file to be: its id and layer, its text, and the rules that read the text already."""

    id: str
    layer: str
    text: str
    known: tuple[str, ...]


def draft(
    book: Book,
    fragments: Mapping[str, str],
    text: str,
    near: Sequence[str] = (),
    rule_id: str | None = None,
    layer: str | None = None,
) -> Draft:
    """Return the rule that a text starts. `near` are ids of rules that read nearly the same, the nearest first.

    Secrets are masked first; the text is otherwise the person's own.

    Raises:
        UsageError: the id is taken or no id, the layer is not there, or the text names no failure.
    """
    text = mask(text).strip("\n")
    found = start(text, fragments)
    known = tuple(dict.fromkeys(one.rule.id for one in match(book, text)))
    chosen = _checked_id(book, rule_id) if rule_id else _free_id(book, found)
    if layer is not None and layer not in book.layers:
        raise UsageError(f'no layer "{layer}".{did_you_mean(layer, book.layers)} There are {", ".join(book.layers)}.')
    in_layer = layer or _layer(book, found, near)
    told = engine(text)
    written_by = told if told in model.ENGINES else "system"
    shown = _example(text, found, fragments)
    negatives = list(_negatives(book, compiled(expand(found.regex, fragments)), near))
    lines = _lines(chosen, in_layer, written_by, found, shown, negatives, guessed=layer is None, known=known)
    return Draft(chosen, in_layer, "\n".join(lines) + "\n", known)


def _checked_id(book: Book, rule_id: str) -> str:
    if rule_id in book.ids:
        raise UsageError(f'there is a rule "{rule_id}" already; `kdoctor explain {rule_id}` prints its page')
    if not ID.fullmatch(rule_id):
        raise UsageError(f'the id "{rule_id}" may hold small letters, digits and dashes')
    return rule_id


def _free_id(book: Book, found: Start) -> str:
    """Return an id of the first telling words that no rule has."""
    weights = book.vocabulary()["weights"]
    said = list(dict.fromkeys(word.text for word in words(found.fixed)))
    best = sorted(said, key=lambda word: -weights.get(word, 9.0))[:4]
    base = (
        "-".join(re.sub(r"[^a-z0-9]+", "-", word).strip("-") for word in said if word in best)[:60].strip("-")
        or "new-failure"
    )
    number, rule_id = 2, base
    while rule_id in book.ids:
        number, rule_id = number + 1, f"{base}-{number}"
    return rule_id


def _layer(book: Book, found: Start, near: Sequence[str]) -> str:
    for fact, layer in _LAYER_OF_FACT[:2]:
        if fact in found.facts and layer in book.layers:
            return layer
    if near:
        return book.rule(near[0]).layer
    return next((layer for fact, layer in _LAYER_OF_FACT if fact in found.facts and layer in book.layers), "host")


def _example(text: str, found: Start, fragments: Mapping[str, str]) -> str:
    """Return the text, or of a long one the lines around the one that names the failure."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) <= _MOST_LINES:
        return text
    around = "\n".join(lines[max(0, found.line - _MOST_LINES // 2) : found.line + _MOST_LINES // 2])
    pattern = compiled(expand(found.regex, fragments))
    return around if pattern.search("\n".join(line.text for line in clean(around))) else lines[found.line - 1]


def _negatives(book: Book, pattern: re.Pattern[str], near: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield texts of near rules that the new pattern leaves to them, with their ids; at most two."""
    count = 0
    for rule_id in near:
        for one in book.rule(rule_id).examples.positive:
            plain = "\n".join(line.text for line in clean(one.text))
            won = match(book, one.text)
            if count < 2 and "\n" not in one.text and not pattern.search(plain) and won and won[0].rule.id == rule_id:
                count += 1
                yield one.text, rule_id
                break


def _lines(
    rule_id: str,
    layer: str,
    engine: str,
    found: Start,
    example: str,
    negatives: Sequence[tuple[str, str]],
    *,
    guessed: bool,
    known: Sequence[str],
) -> Iterator[str]:
    guess = f"  # {TODO} if it is another: a guess" if guessed else ""
    yield "# yaml-language-server: $schema=../../docs/schema/rule.json"
    yield "# (outside of kdoctor's repository: kdoctor rules schema > rule.json, and name that file above)"
    yield f"# {TODO}: what is marked so only a person can write; docs/rules.md explains the parts."
    yield f"id: {rule_id}"
    yield f"layer: {layer}{guess}"
    yield "severity: error"
    yield f'title: "{TODO}: what is wrong, in one line"'
    yield f"engines: [{engine}]"
    yield "match:"
    yield "  any:"
    yield f"    - {{id: words, regex: {_quoted(found.regex)}}}"
    yield "facts:" if found.types else "facts: {}"
    for name in found.facts:
        yield f"  {name}: {{type: {found.types[name]}, optional: true}}"
    if known:
        yield f"supersedes: [{', '.join(known)}]  # {TODO} if this text is theirs: they read it already"
    yield "verdict:"
    yield f'  no_probe: "{TODO}: why nothing here can be asked; or give `probes` and conditions instead"'
    yield f'why: "{TODO}: what happens, and why it fails"'
    yield f"occurs_on: [{', '.join(_OCCURS_ON.get(engine, ('shell',)))}]"
    yield f"fixes: []  # {TODO} where something helps: recipes of rules/fixes, e.g. {{use: proxy.start}}"
    yield f"references: []  # {TODO} where there is one: {{url: ..., kind: docs}}"
    yield "examples:"
    yield "  positive:"
    yield f"    - engine: {engine}"
    yield from _text(example, "      ")
    if found.facts:
        yield "      facts:"
        yield from (f"        {name}: {_quoted(value)}" for name, value in found.facts.items())
    yield "  negative:"
    for text, other in negatives:
        yield from _text(text, "      ", first="    - ")
        yield f"      expect: {other}"
    for number in range(len(negatives), 2):
        yield f'    - {{text: "{TODO}: text {number + 1} that looks alike and is not this failure", expect: null}}'


def _text(text: str, indent: str, first: str | None = None) -> Iterator[str]:
    """Yield `text:` with a literal block where YAML keeps the text so, else in quotes."""
    lead = indent if first is None else first
    block = [f"{indent}  {line}".rstrip(" ") if not line else f"{indent}  {line}" for line in text.split("\n")]
    loose = f"{lead}text: |-\n" + "\n".join(block)
    try:
        kept = yaml.safe_load("x:\n" + "\n".join(["  text: |-", *block]))["x"]["text"] == text
    except yaml.YAMLError:
        kept = False
    kept = kept and not any(line[:1].isspace() for line in text.split("\n"))
    yield loose if kept else f"{lead}text: {_escaped(text)}"


def _quoted(text: str) -> str:
    """Return a text in single quotes, where YAML escapes nothing; in double ones where it has to."""
    plain = "'" + text.replace("'", "''") + "'"
    try:
        return plain if yaml.safe_load(plain) == text else _escaped(text)
    except yaml.YAMLError:
        return _escaped(text)


def _escaped(text: str) -> str:
    return yaml.safe_dump(text, default_style='"', allow_unicode=False, width=10**9).strip()
