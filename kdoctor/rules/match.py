"""From a text to candidates: which rules its records hit, with facts, and which of them is the root.

Patterns nominate only. `any`, `none`, `context` and `supersedes` act within one record; `causes`
and `explained_by` order rules across records; a fact may stand on a neighbouring record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kdoctor.model import Location, Matched
from kdoctor.reading import extract
from kdoctor.reading.clean import clean
from kdoctor.reading.engines import engine
from kdoctor.reading.records import Record, records
from kdoctor.reading.stream import Window
from kdoctor.rules import model
from kdoctor.rules.book import BEGINNING, Book
from kdoctor.rules.candidate import Candidate, ranked
from kdoctor.rules.ending import Endings
from kdoctor.rules.search import NEIGHBOURS, Reader
from kdoctor.rules.standing import digits_alike

if TYPE_CHECKING:
    from kdoctor.reading.repeats import Likes

_SHOWN = 400
_MOST_OCCURRENCES = 10_000
_MANY = 65536
_MANY_RECORDS = 400
_BEGINNERS = frozenset({"dial", "failed", "error", "read", "write", "lookup", "get", "head", "proxyconnect", "net"})
"""Words with which a message goes on in the next line: no rest of a value."""

_HEAD = 65536
"""Characters from the beginning of a text that tell which program wrote it."""


@dataclass(slots=True)
class _Hit:
    rule: model.Rule
    record: int
    start: int
    facts: dict[str, str]
    matched: Matched
    lines: list[int] = field(default_factory=list)
    vague: bool = False


def match(book: Book, text: str, source: str = "text") -> list[Candidate]:
    """Return what the text nominates, the root first; empty when nothing is known."""
    return ranked(read(book, text, source))


def match_windows(book: Book, windows: Iterable[Window], source: str) -> list[Candidate]:
    """Return what the windows of a long text nominate, as `match` does for a short one."""
    gathered = Gathered(book)
    for window in windows:
        gathered.add(window, source)
    return gathered.ranked()


class Gathered:
    """What the windows of one or several sources nominate, each rule once, with all its places."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._found: dict[str, Candidate] = {}
        self._done: set[tuple[str, int]] = set()
        self._source = ""

    def add(self, window: Window, source: str, order: int = 0) -> list[tuple[str, int]]:
        """Read a window, and return the rules found there, each with its lines; a hit seen before counts once."""
        if source != self._source:
            self._source, self._done = source, set()
        self._done = {one for one in self._done if one[1] >= window.first}
        known = frozenset(self._done)
        only = frozenset(line for line, _ in window.hits)
        for candidate in read(self._book, window.text, source, window.first, self._done, only):
            self._add(replace(candidate, order=order))
        return sorted(self._done - known)

    def again(self, rule_id: str, source: str, line: int) -> None:
        """Count a line that is like others where the rule was found, unless it has been read."""
        held = self._found.get(rule_id)
        if held is not None and (rule_id, line) not in self._done:
            self._done.add((rule_id, line))
            if len(self._done) > _MOST_OCCURRENCES:
                self._done = {one for one in self._done if one[1] > line - NEIGHBOURS * 10}
            self._found[rule_id] = replace(held, locations=_places(held.locations, (Location(source, line, line),)))

    def ranked(self) -> list[Candidate]:
        """Return the candidates, the root first."""
        return ranked(self._found.values())

    def _add(self, candidate: Candidate) -> None:
        held = self._found.get(candidate.rule.id)
        self._found[candidate.rule.id] = candidate if held is None else _joined(held, candidate)


def _joined(held: Candidate, more: Candidate) -> Candidate:
    """Return the candidate that states most, with the places of both, its own source first."""
    fuller, other = (more, held) if len(more.facts) > len(held.facts) else (held, more)
    places = _places(held.locations, more.locations)
    own = fuller.locations[0].source
    return replace(
        fuller,
        facts={**other.facts, **fuller.facts} if _agree(fuller, other) else fuller.facts,
        locations=tuple(sorted(places, key=lambda place: place.source != own)),
        vague=held.vague and more.vague,
    )


def _places(held: Sequence[Location], more: Sequence[Location]) -> tuple[Location, ...]:
    """Return the places of both, one for each source."""
    places = {place.source: place for place in held}
    for b in more:
        a = places.get(b.source, replace(b, count=0))
        places[b.source] = Location(b.source, min(a.line, b.line), max(a.last_line, b.last_line), a.count + b.count)
    return tuple(places.values())


def _agree(one: Candidate, other: Candidate) -> bool:
    """Tell whether no fact of the two differs, so that one may complete the other."""
    return all(other.facts.get(name, value) == value for name, value in one.facts.items())


def read(
    book: Book,
    text: str,
    source: str = "text",
    first: int = 1,
    done: set[tuple[str, int]] | None = None,
    only: frozenset[int] = frozenset(),
) -> list[Candidate]:
    """Return the candidates of a text, unranked; `first` is the number of its first line in the source.

    What stands in `done` (rule and line) is left out, what is found is added to it. Where `only` names
    lines, the records without one of them are read as neighbours alone.
    """
    lines = clean(text, first)
    whole = list(records(lines))
    wanted = [i for i, record in enumerate(whole) if not only or record.holds_any(only)]
    numbers = present(book, [whole[i] for i in wanted])
    hits: dict[str, _Hit] = {}
    if numbers:
        reader = Reader(book, numbers, _likes(book, len(wanted)), alone=first == 1 and _one_line(whole))
        for i in wanted:
            for hit in _superseded(_hits_of(book, whole, i, reader), whole):
                if done:
                    hit.lines = [line for line in hit.lines if (hit.rule.id, line) not in done]
                if hit.lines:
                    _merge(hits, hit)
    complete = [(hit, c) for hit in hits.values() if _complete(c := _candidate(hit, whole, source))]
    endings = Endings(book, whole)
    complete = [(hit, c) for hit, c in complete if not endings.over(c, max(hit.lines))]
    if done is not None:
        done.update((hit.rule.id, line) for hit, _ in complete for line in hit.lines)
    written_by = engine(text[:_HEAD]) if complete else None
    return [replace(c, engine=written_by or _engine_near(whole, hit.record)) for hit, c in complete]


def _likes(book: Book, many: int) -> Likes | None:
    """Return what tells which records are alike; few records are read each."""
    if many < _MANY_RECORDS:
        return None
    from kdoctor.reading.repeats import Likes
    from kdoctor.rules.scan import telling

    return Likes(telling(book))


def _engine_near(whole: Sequence[Record], i: int) -> str | None:
    """Return the engine whose words stand around a record: the beginning of a long text may not tell."""
    return engine("\n".join(record.text for record in whole[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]))


def present(book: Book, whole: Sequence[Record]) -> Mapping[str, Sequence[int]]:
    """Return the words of the index that may stand anywhere, with the patterns they select.

    In a long text digits are taken for alike: its lines often differ in nothing else.
    """
    flats = {record.flat for record in whole}
    many = sum(map(len, flats)) > _MANY
    flat = "\n".join(set(map(digits_alike, flats)) if many else flats)
    # Most literals are ruled out by how their longest words begin, and by the distinct words, of which a long text
    # has few.
    distinct = "\n".join(set(flat.split()))
    alike = digits_alike(distinct)
    begins = {alike[i : i + BEGINNING] for i in range(len(alike))} | {""}

    def stands(literal: str) -> bool:
        return all(word in distinct for word in literal.split()) and (" " not in literal or literal in flat)

    return {
        literal: numbers
        for begin in begins.intersection(book.beginnings)
        for literal, numbers in book.literals_of(begin).items()
        if stands(digits_alike(literal) if many else literal)
    }


def _hits_of(book: Book, whole: Sequence[Record], i: int, reader: Reader) -> list[_Hit]:
    record = whole[i]
    hits: dict[str, _Hit] = {}
    refused: set[str] = set()
    for one in reader.found(record):
        if one.rule in hits:
            held = hits[one.rule]
            held.facts = {**one.facts, **held.facts}
            held.vague = held.vague and one.vague
            if record.unwrapped is None:
                own = [line.number for line in map(record.line_at, one.starts) if line.text[:1] not in " \t-"]
                held.lines = sorted({*held.lines, *record.with_again(own)})
            continue
        if one.rule in refused or not reader.admitted(one.rule, whole, i):
            refused.add(one.rule)
            continue
        line = record.line_at(one.starts[0])
        shown = " ".join(line.text.split())[:_SHOWN]
        lines = record.with_again(record.line_at(start).number for start in one.starts)
        matched = Matched(line.number, shown)
        hits[one.rule] = _Hit(book.rule(one.rule), i, one.starts[0], dict(one.facts), matched, lines, one.vague)
    return list(hits.values())


def _one_line(whole: Sequence[Record]) -> bool:
    """Tell whether the text is one line, or one that a console broke: a person's question, not a log."""
    return len(whole) == 1 and "\n" not in (whole[0].unwrapped or whole[0].text).strip()


def _superseded(hits: list[_Hit], whole: Sequence[Record]) -> list[_Hit]:
    """Drop the hits of a record that a more specific hit of the same record replaces.

    A hit that lacks a fact which its rule needs will be dropped, and replaces nothing.
    """
    strong = [hit.rule for hit in hits if hit.rule.supersedes and _stated(hit, whole)]
    gone = {other for rule in strong for other in rule.supersedes if other != rule.id}
    return [hit for hit in hits if hit.rule.id not in gone]


def _stated(hit: _Hit, whole: Sequence[Record]) -> bool:
    return all(
        spec.optional or name in hit.facts or _from_text(name, spec, hit, whole) is not None
        for name, spec in hit.rule.facts.items()
    )


def _merge(hits: dict[str, _Hit], hit: _Hit) -> None:
    """Keep the occurrence that states most, and every line."""
    held = hits.get(hit.rule.id)
    if held is None:
        hits[hit.rule.id] = hit
        return
    if len(hit.facts) > len(held.facts):
        held.facts, hit.facts = {**hit.facts}, held.facts
        held.record, held.start, held.matched = hit.record, hit.start, hit.matched
    held.vague = held.vague and hit.vague
    held.lines.extend(line for line in hit.lines if line != held.lines[-1])  # a long line comes in pieces


def _candidate(hit: _Hit, whole: Sequence[Record], source: str) -> Candidate:
    facts = {name: _cleaned(value, hit.rule.facts.get(name)) for name, value in hit.facts.items()}
    if "<" in facts.get("url", ""):  # a person put a name in angle brackets in the host's place
        del facts["url"]
    for name, spec in hit.rule.facts.items():
        if name not in facts:
            found = _from_text(name, spec, hit, whole)
            if found:
                facts[name] = found
    image, at, digest = facts.get("image", "").partition("@")
    if at and ":" in image.rpartition("/")[2]:
        facts |= {"image": image, "digest": digest}
    location = Location(source, min(hit.lines), max(hit.lines), len(hit.lines))
    return Candidate(hit.rule, facts, hit.matched, (location,), vague=hit.vague)


def _cleaned(value: str, spec: model.FactSpec | None) -> str:
    """Return a captured value without quotes and userinfo; of a registry only the host."""
    bare = extract.without_userinfo(value.strip(" \"'`,;"))
    return bare.partition("/")[0] if spec and spec.type == "registry" and "://" not in bare else bare


def _from_text(name: str, spec: model.FactSpec, hit: _Hit, whole: Sequence[Record]) -> str | None:
    """Return the fact from the record of the hit, else from its neighbours, nearest first.

    A fact with a name of its own (`healthz`, a url) is what its pattern found and nothing else.
    """
    if spec.type in extract.KINDS and name not in extract.KINDS:
        return None
    kind = name if name in ("image", "registry", "url", "port", "status") else spec.type
    own = _in_record(kind, whole[hit.record], hit.start)
    if own is not None:
        return own
    if name in ("registry", "url"):
        image = hit.facts.get("image") or _in_record("image", whole[hit.record], hit.start)
        if image:  # what stands beside it may be of another image
            return registry_of(image) if name == "registry" else None
    for away in range(1, NEIGHBOURS + 1):
        for i in (hit.record - away, hit.record + away):
            if 0 <= i < len(whole):
                found = _in_record(kind, whole[i], len(whole[i].text) if i < hit.record else 0)
                if found:
                    return found
    if name == "registry":
        image = _from_text("image", model.FactSpec("image"), hit, whole)
        return registry_of(image) if image else None
    return None


def _in_record(kind: str, record: Record, before: int) -> str | None:
    """Return the fact that a record has nearest to a place; whole where a console broke the line in it."""
    values = (value for text in (record.text, record.unwrapped) if text for value in extract.facts(kind, text, before))
    found = next(values, None)
    if found is None or f"{found}\n" not in record.text:
        return found
    others = (value for text in (record.unwrapped, record.text) if text for value in extract.facts(kind, text, before))
    longer = (value for value in others if len(value) > len(found) and value.startswith(found))
    longer = (value for value in longer if record.is_broken or value in record.text)
    rests = ((value, value[len(found) :]) for value in longer)
    return next((v for v, rest in rests if rest not in _BEGINNERS and f"{found}\n{rest[:3]}" in record.text), found)


def registry_of(image: str) -> str | None:
    """Return the API host of an image's registry; Docker Hub's where the name has none."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return "registry-1.docker.io" if first in ("docker.io", "index.docker.io") else first
    return "registry-1.docker.io"


def _complete(candidate: Candidate) -> bool:
    return all(spec.optional or name in candidate.facts for name, spec in candidate.rule.facts.items())
