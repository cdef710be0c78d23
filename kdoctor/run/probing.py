"""Asks a candidate's probes: those that need no other's fields at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from kdoctor.model import Diagnosis, Evidence, Verdict
from kdoctor.probes.kinds import KINDS
from kdoctor.probes.runner import Place, Runner
from kdoctor.rules import model
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.condition import Scope
from kdoctor.rules.diagnose import Setting, judged
from kdoctor.rules.judge import decide
from kdoctor.rules.template import fill, names


async def diagnosed(candidate: Candidate, setting: Setting, place: Place, runner: Runner) -> Diagnosis:
    """Return the diagnosis that the candidate's probes at `place` give."""
    return judged(candidate, setting, await probed(candidate, place, runner), place.name)


async def probed(candidate: Candidate, place: Place, runner: Runner) -> dict[str, Evidence]:
    """Ask a candidate's probes and return the answers by the probe's id.

    Those that need no other's fields are asked at once; those that cost somebody something (a pull of
    the quota, DESIGN.md section 3) only where the others do not decide.
    """
    cheap = [p for p in candidate.rule.probes if not KINDS[p.use].last]
    results = await _asked(candidate, cheap, {}, place, runner)
    costly = [p for p in candidate.rule.probes if KINDS[p.use].last]
    if costly and decide(candidate.rule, Scope(candidate.facts, results)) is Verdict.INCONCLUSIVE:
        results = await _asked(candidate, costly, results, place, runner)
    return {p.id: results[p.id] for p in candidate.rule.probes if p.id in results}


async def _asked(
    candidate: Candidate,
    probes: Sequence[model.ProbeUse],
    known: Mapping[str, Evidence],
    place: Place,
    runner: Runner,
) -> dict[str, Evidence]:
    results = dict(known)
    waiting = list(probes)
    while waiting:
        ready = [p for p in waiting if not _needs(p) & {w.id for w in waiting}]
        if not ready:
            break
        scope = Scope(candidate.facts, results)
        asked = [(p, params) for p in ready if (params := _params(p, scope)) is not None]
        answers = await asyncio.gather(*(runner.ask(place, p.use, params) for p, params in asked))
        results.update({p.id: answer for (p, _), answer in zip(asked, answers, strict=True)})
        waiting = [p for p in waiting if p not in ready]
    return results


def _needs(probe: model.ProbeUse) -> set[str]:
    return {n.partition(".")[0] for value in probe.with_.values() for n in names(value) if "." in n}


def _params(probe: model.ProbeUse, scope: Scope) -> dict[str, str] | None:
    """Return the parameters with their values; None where one that the kind needs has none."""
    params = {}
    for name, template in probe.with_.items():
        value = fill(template, scope)
        if value is not None:
            params[name] = value
        elif not KINDS[probe.use].params[name].endswith("?"):
            return None
    return params
