"""What a rule's probes ask, and what each of their outcomes decides, evaluated from its conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kdoctor.model import Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.rules import model
from kdoctor.rules.condition import PLACEHOLDER, TREES, Scope, Truth, evaluate
from kdoctor.rules.page.blocks import Block, Code, Heading, Item, Paragraph, Part
from kdoctor.rules.page.words import PageWords, question
from kdoctor.rules.template import fill


def probing(rule: model.Rule, translation: model.Translation | None, lang: str, say: PageWords) -> Iterator[Block]:
    """Yield the section: the probes with their outcomes, then the verdict's conditions and sentences."""
    yield Heading((say.probed,))
    if not rule.probes:
        reason = rule.verdict.no_probe or say.not_probed
        yield Paragraph((translation.reasons.get(reason, reason) if translation else reason,))
        return
    for probe in rule.probes:
        kind = KINDS[probe.use]
        asked = say.asks.format(question=question(kind.id, kind.asks, lang), facet=say.facet[kind.facet])
        target = [part for value in probe.with_.values() for part in (" ", Code(value))]
        yield Item((Code(probe.id), " (", Code(probe.use), *target, f"){say.colon}", asked))
        for decision, outcomes in decisions(rule, probe).items():
            yield Item((*_listed(outcomes, say), f"{say.colon}{say.decides[decision]}{say.full_stop}"), 1)
        uses = _uses(rule, probe.id)
        if uses:
            yield Item((say.fills.format(uses=say.comma.join(uses)),), 1)
    yield Paragraph((say.others_undecided,))
    because = (translation.because if translation else None) or model.Because()
    for name, lead in (("confirmed", say.confirmed), ("refuted", say.refuted)):
        tree = getattr(rule.verdict, name)
        if tree:
            yield Paragraph((lead + say.colon.rstrip(),))
            yield from told(tree, say)
            said = getattr(because, name) or getattr(rule.verdict.because, name)
            if said:
                yield Paragraph((say.says + say.colon, Code(said if isinstance(said, str) else said[0])))


class _Only(Scope):
    """A scope in which one probe's outcome is known and nothing else."""

    def __init__(self, probe: str, kind: str, outcome: str) -> None:
        super().__init__({}, {probe: Evidence(kind, "", "shell", outcome)})
        self._name = f"{probe}.outcome"

    def known(self, name: str) -> bool:
        return name == self._name


def decisions(rule: model.Rule, probe: model.ProbeUse) -> Mapping[str, Sequence[str]]:
    """Return what each outcome of a probe decides, were it the only thing known: decision to outcomes.

    The decisions are those of `PageWords.decides`; empty where no condition asks for the outcome.
    """
    outcomes = KINDS[probe.use].outcomes
    confirmed = _truths(rule.verdict.confirmed, probe, outcomes)
    refuted = _truths(rule.verdict.refuted, probe, outcomes)
    if not {*confirmed.values(), *refuted.values()} - {None}:
        return {}
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        found.setdefault(_decision(outcome, confirmed, refuted), []).append(outcome)
    order = ("confirms", "speaks for it", "refutes", "speaks against it", "does not confirm it", "open")
    return {name: found[name] for name in order if name in found}


def _truths(tree: model.Condition | None, probe: model.ProbeUse, outcomes: Sequence[str]) -> Mapping[str, Truth]:
    if tree is None:
        return dict.fromkeys(outcomes)
    return {outcome: evaluate(tree, _Only(probe.id, probe.use, outcome), fill) for outcome in outcomes}


def _decision(outcome: str, confirmed: Mapping[str, Truth], refuted: Mapping[str, Truth]) -> str:
    if confirmed[outcome] is True:
        return "confirms"
    if refuted[outcome] is True:
        return "refutes"
    may_confirm = confirmed[outcome] is None and False in confirmed.values()
    may_refute = refuted[outcome] is None and False in refuted.values()
    if may_confirm != may_refute:
        return "speaks for it" if may_confirm else "speaks against it"
    if not may_confirm and confirmed[outcome] is False:
        return "does not confirm it"
    return "open"


def _uses(rule: model.Rule, probe: str) -> list[str]:
    """Return the probes and fixes that take a field of this probe."""
    used: dict[str, None] = {}
    for other in rule.probes:
        if any(_names(value, probe) for value in other.with_.values()):
            used[other.id] = None
    for use in rule.fixes:
        fields = (*use.with_.values(), *_keys(use.when or {}))
        if any(_names(value, probe) or value.startswith(f"{probe}.") for value in fields):
            used[use.use] = None
    return list(used)


def _names(template: str, probe: str) -> bool:
    return any(found[1].startswith(f"{probe}.") for found in PLACEHOLDER.finditer(template))


def _keys(tree: Mapping[str, Any]) -> Iterator[str]:
    for key, operand in tree.items():
        if key in TREES:
            for part in operand:
                yield from _keys(part)
        else:
            yield key


def told(tree: model.Condition, say: PageWords, level: int = 0) -> Iterator[Item]:
    """Yield a condition as nested items, one comparison each."""
    for key, operand in tree.items():
        if key not in TREES:
            yield from (Item(text, level) for text in _comparisons(key, operand, say))
        elif len(operand) == 1 and key != "none":
            yield from told(operand[0], say, level)
        else:
            yield Item(({"all": say.all_of, "any": say.any_of, "none": say.none_of}[key] + say.colon.rstrip(),), level)
            for part in operand:
                yield from told(part, say, level + 1)


def in_line(tree: model.Condition, say: PageWords, *, inside: bool = False) -> tuple[Part, ...]:
    """Return a condition as one phrase; `inside` another, alternatives stand in brackets."""
    out: list[Part] = []
    for key, operand in tree.items():
        phrases: list[tuple[Part, ...]] = []
        if key not in TREES:
            phrases = list(_comparisons(key, operand, say))
            joint = say.and_
        else:
            phrases = [in_line(part, say, inside=len(operand) > 1 or key == "none") for part in operand]
            joint = say.and_ if key == "all" else say.or_
        phrase = _joined(phrases, joint)
        if key == "none":
            phrase = (say.not_open, *phrase, ")")
        elif key == "any" and len(phrases) > 1 and (inside or len(tree) > 1):
            phrase = ("(", *phrase, ")")
        out += [say.and_, *phrase] if out else phrase
    return tuple(out)


def _joined(phrases: Sequence[tuple[Part, ...]], joint: str) -> tuple[Part, ...]:
    out: list[Part] = []
    for phrase in phrases:
        out += [joint, *phrase] if out else phrase
    return tuple(out)


def _comparisons(name: str, operand: Any, say: PageWords) -> Iterator[tuple[Part, ...]]:
    if not isinstance(operand, Mapping):
        yield _compared("equal", name, operand, say)
        return
    for operator, wanted in operand.items():
        if operator == "exists":
            yield _compared("exists" if wanted else "missing", name, "", say)
        elif operator == "internal":
            yield _compared("internal" if wanted else "public", name, "", say)
        else:
            yield _compared(operator, name, wanted, say)


def _compared(how: str, name: str, wanted: Any, say: PageWords) -> tuple[Part, ...]:
    sentence = say.compare[how]
    head, _, rest = sentence.partition("{name}")
    between, _, tail = rest.partition("{value}")
    values = wanted if isinstance(wanted, list | tuple) else [wanted]
    shown = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    if "{value}" not in sentence:
        return (head, Code(name), rest)
    return (head, Code(name), between, *_listed(shown, say), tail)


def _listed(values: Sequence[str], say: PageWords) -> tuple[Part, ...]:
    out: list[Part] = []
    for value in values:
        out += [say.or_, Code(value)] if out else [Code(value)]
    return tuple(out)
