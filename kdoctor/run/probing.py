"""Asks a candidate's probes: those that need no other's fields at once."""

from __future__ import annotations

import asyncio

from kdoctor.model import Diagnosis, Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.probes.runner import Place, Runner
from kdoctor.rules import model
from kdoctor.rules.condition import Scope
from kdoctor.rules.diagnose import Setting, judged
from kdoctor.rules.match import Candidate
from kdoctor.rules.template import fill, names


async def diagnosed(candidate: Candidate, setting: Setting, place: Place, runner: Runner) -> Diagnosis:
    """Return the diagnosis that the candidate's probes at `place` give."""
    return judged(candidate, setting, await probed(candidate, place, runner), place.name)


async def probed(candidate: Candidate, place: Place, runner: Runner) -> dict[str, Evidence]:
    """Ask a candidate's probes, those that need no other's fields at once; by the probe's id."""
    results: dict[str, Evidence] = {}
    waiting = list(candidate.rule.probes)
    while waiting:
        ready = [p for p in waiting if not _needs(p) & {w.id for w in waiting}]
        if not ready:
            break
        scope = Scope(candidate.facts, results)
        asked = [(p, params) for p in ready if (params := _params(p, scope)) is not None]
        answers = await asyncio.gather(*(runner.ask(place, p.use, params) for p, params in asked))
        results.update({p.id: answer for (p, _), answer in zip(asked, answers, strict=True)})
        waiting = [p for p in waiting if p not in ready]
    return {p.id: results[p.id] for p in candidate.rule.probes if p.id in results}


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
