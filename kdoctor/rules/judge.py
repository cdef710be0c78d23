"""From a candidate and its probes' results to a verdict with its reason. Pure.

The verdict is inconclusive whenever a probe that matters could not look; a text that may come
from another machine is never refuted here (DESIGN.md, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping

from kdoctor.model import CUT, UNSEEN, Evidence, Verdict
from kdoctor.rules import model
from kdoctor.rules.condition import Scope, Truth, evaluate
from kdoctor.rules.template import fill, first_filled
from kdoctor.rules.words import Words


def decide(rule: model.Rule, scope: Scope) -> Verdict:
    """Return what the conditions say: confirmed, refuted, or inconclusive."""
    if _truth(rule.verdict.confirmed, scope) is True:
        return Verdict.CONFIRMED
    if _truth(rule.verdict.refuted, scope) is True:
        return Verdict.REFUTED
    return Verdict.INCONCLUSIVE


def judge(rule: model.Rule, scope: Scope, words: Words, foreign: str | None) -> tuple[Verdict, str]:
    """Return the verdict and one sentence why.

    `foreign` says which of the text's values stands in no settings here, or is None.
    """
    verdict = decide(rule, scope)
    if verdict is Verdict.REFUTED and foreign:
        return Verdict.INCONCLUSIVE, words.say("foreign", what=foreign)
    because = rule.verdict.because
    texts = {
        Verdict.CONFIRMED: because.confirmed,
        Verdict.REFUTED: because.refuted,
        Verdict.INCONCLUSIVE: because.inconclusive,
    }[verdict]
    said = first_filled(texts, scope)
    if verdict is Verdict.INCONCLUSIVE:
        return verdict, _why_not(rule, scope.results, said, foreign, words)
    return verdict, said or _details(scope.results, words)


def _truth(condition: model.Condition | None, scope: Scope) -> Truth:
    return None if condition is None else evaluate(condition, scope, fill)


def _why_not(
    rule: model.Rule, results: Mapping[str, Evidence], said: str | None, foreign: str | None, words: Words
) -> str:
    """Say why the probes could not decide: none is possible, unseen, cut, foreign, or the rule's own words."""
    if not rule.probes:
        return rule.verdict.no_probe or words.say("no-probe")
    unseen = next((e.detail for e in results.values() if e.outcome == UNSEEN and e.detail), None)
    if unseen:
        return words.say("unseen", why=unseen.rstrip("."))
    if any(e.outcome == CUT for e in results.values()):
        return words.say("cut")
    if foreign:
        return words.say("foreign", what=foreign)
    return said or words.say("undecided", what=_details(results, words))


def _details(results: Mapping[str, Evidence], words: Words) -> str:
    told = [e.detail.rstrip(".") for e in results.values() if e.known and e.detail]
    return "; ".join(told[:2]) + "." if told else words.say("undecided", what="-")
