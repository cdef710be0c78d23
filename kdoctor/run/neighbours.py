"""Known failures that share words with a text that none of them is. Never a diagnosis."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdoctor.model import Neighbour
from kdoctor.reading.clean import clean
from kdoctor.reading.records import records
from kdoctor.rules.book import Book
from kdoctor.rules.condition import Scope
from kdoctor.rules.template import first_filled
from kdoctor.rules.vocabulary import Word, words

_MOST = 3
_READ = 65_536
"""Characters of a text that are read: the first and the last half of them."""
_SHARED_WORDS = 3
_SHARED_WEIGHT, _WEIGHT_OF_OURS = 7.0, 2.7
"""What a text and an example must share at least: so many words, of so much weight together; of ours less is enough."""
_OURS = re.compile(
    r"docker|containerd|kube|minikube|podman|cri-?o\b|buildkit|registr|manifest|\bimages?\b|\bpull|\bhelm\b|\bk3[sd]\b"
    r"|\bkind\b|镜像|容器",
    re.IGNORECASE,
)
"""Words of which a text about a cluster, an engine or an image has one."""
_SHARE, _SHARE_OF_OURS = 0.25, 0.15
"""... and this share of the weight of the example's words, and of those of the passage: of one of ours, which may say
something new in known words, less."""
_COMPLAINT = re.compile(
    r"error|fail|fatal|panic|warn|invalid|illegal|denied|refused|reject|forbidden|unauthori[sz]ed|unreachable|unavailable"
    r"|unable|cannot|can't|could ?n[o']t|won't|did not|does not|is not|not (?:found|supported|allowed|permitted|ready)"
    r"|no such|missing|timed? ?out|exceed|abort|crash|killed|broken|corrupt|exit(?:ed)? (?:status|code)|\bE[A-Z]{4,}\b"
    r"|错误|失败|无法|拒绝|超时|不能|未找到",
    re.IGNORECASE,
)
"""Words of which a text that tells of a failure has one; without, it is prose that only uses the same words."""
_PHRASES = 3
_FOREIGN = 5.0
"""The weight of a word that no rule has, when phrases are chosen."""
_LONGEST, _EXAMPLE = 70, 300
_GAP = re.compile(r"(?:[^\w\n\"]|\b[A-Za-z]{1,4}\b){0,6}")
"""What may stand between two words of one phrase: signs and small words."""


@dataclass(frozen=True, slots=True)
class _Near:
    """An example of a rule beside the record of the text that is nearest to it."""

    score: float
    rule: str
    example: str
    record: str
    line: int
    shared: frozenset[str]


def neighbours(book: Book, text: str, lang: str) -> tuple[Neighbour, ...]:
    """Return up to three rules that say nearly what the text says, the nearest first; none where nothing is near."""
    known = book.vocabulary()
    weights: Mapping[str, float] = known["weights"]
    best: dict[str, _Near] = {}
    for one in _near(known, _shortened(text)):
        if one.rule not in best or best[one.rule].score < one.score:
            best[one.rule] = one
    ranked = sorted(best.values(), key=lambda one: (-one.score, one.rule))[:_MOST]
    return tuple(_told(book, one, weights, lang) for one in ranked)


def _shortened(text: str) -> str:
    return text if len(text) <= _READ else f"{text[: _READ // 2]}\n{text[-_READ // 2 :]}"


def _near(known: Mapping[str, Any], text: str) -> Iterator[_Near]:
    weights: Mapping[str, float] = known["weights"]
    examples = [(rule, example, frozenset(found)) for rule, example, found in known["examples"]]
    having: dict[str, list[int]] = {}
    for number, (_, _, there) in enumerate(examples):
        for word in there:
            having.setdefault(word, []).append(number)
    seen: set[frozenset[str]] = set()
    for line, record in _passages(text):
        if not _COMPLAINT.search(record):
            continue
        here = frozenset(word.text for word in words(record))
        if len(here) < _SHARED_WORDS or here in seen:
            continue
        seen.add(here)
        ours = _OURS.search(record) is not None
        counted = Counter(number for word in here for number in having.get(word, ()))
        for number in (number for number, count in counted.items() if count >= _SHARED_WORDS):
            rule, example, there = examples[number]
            shared = here & there
            score = _score(shared, here, there, weights, known["unknown"], ours=ours)
            if score:
                yield _Near(score, rule, example, record, line, shared)


def _passages(text: str) -> Iterator[tuple[int, str]]:
    """Yield what may be one message: each record, and each line of a longer one, with its line's number."""
    for record in records(clean(text)):
        yield record.lines[0].number, record.text
        if len(record.lines) > 1:
            yield from ((line.number, line.text) for line in record.lines)


def _score(
    shared: frozenset[str],
    here: frozenset[str],
    there: frozenset[str],
    weights: Mapping[str, float],
    unknown: float,
    *,
    ours: bool,
) -> float:
    """Return how much of both texts is shared; 0 where it is too little."""
    weight = sum(weights[word] for word in shared)
    of_example = weight / sum(weights[word] for word in there)
    of_record = weight / sum(weights.get(word, unknown) for word in here)
    least, share = (_WEIGHT_OF_OURS, _SHARE_OF_OURS) if ours else (_SHARED_WEIGHT, _SHARE)
    if weight < least or of_example < _SHARE or of_record < share:
        return 0.0
    return 2 * of_example * of_record / (of_example + of_record)


def _told(book: Book, near: _Near, weights: Mapping[str, float], lang: str) -> Neighbour:
    """Return the neighbour with what is the same and what differs, as phrases in the order of the texts."""

    def worth(phrase: Sequence[Word]) -> float:
        return sum(weights.get(word.text, _FOREIGN) for word in phrase)

    def phrases(text: str, *, shared: bool, most: int) -> tuple[str, ...]:
        found = _without_repeats(_runs(text, near.shared, shared_ones=shared))
        kept = sorted(found, key=worth, reverse=True)[:most]
        shown = (" ".join(text[run[0].start : run[-1].end].split()) for run in found if run in kept)
        return tuple(dict.fromkeys(one if len(one) <= _LONGEST else f"{one[: _LONGEST - 4]} ..." for one in shown))

    return Neighbour(
        rule=near.rule,
        title=_title(book, near.rule, lang),
        shared=phrases(near.record, shared=True, most=_PHRASES + 2),
        only_text=phrases(near.record, shared=False, most=_PHRASES),
        only_rule=phrases(near.example, shared=False, most=_PHRASES),
        line=near.line,
        example=" ".join(near.example.split())[:_EXAMPLE],
        score=round(near.score, 2),
    )


def _runs(text: str, shared: frozenset[str], *, shared_ones: bool) -> Iterator[list[Word]]:
    """Yield runs of words that stand side by side and are (or are not) among the shared ones."""
    run: list[Word] = []
    for word in words(text):
        wanted = (word.text in shared) is shared_ones
        if run and (not wanted or not _GAP.fullmatch(text, run[-1].end, word.start)):
            yield run
            run = []
        if wanted:
            run.append(word)
    if run:
        yield run


def _without_repeats(runs: Iterator[list[Word]]) -> list[list[Word]]:
    """Return the runs without those whose words all stand in another."""
    found = [(run, {word.text for word in run}) for run in runs]
    return [
        run
        for i, (run, held) in enumerate(found)
        if not any(held < other or (held == other and j < i) for j, (_, other) in enumerate(found))
    ]


def _title(book: Book, rule_id: str, lang: str) -> str:
    translation = book.translation(lang, rule_id) if lang != "en" else None
    title = translation.title if translation else book.rule(rule_id).title
    templates = (title,) if isinstance(title, str) else title
    return first_filled(tuple(reversed(templates)), Scope({}, {})) or re.sub(r"\{[^}]*\}", "...", templates[-1])
