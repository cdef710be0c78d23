"""A plan, and what came of it, as plain JSON data: `kdoctor fix -o json`. Secrets are masked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kdoctor import __version__
from kdoctor.fixes.plan import Plan
from kdoctor.masking import mask
from kdoctor.model import Fix


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a fix.

    `status` is planned, nothing, by-hand, unproven, unknown, refused, failed, applied (made, and it counts
    later or is to be looked at), helped, not-helped or taken-back. `number` is that of the journal.
    """

    status: str
    exit_status: int = 0
    number: int | None = None
    said: tuple[str, ...] = ()


def document(plan: Plan | None, others: Sequence[Fix], came: Came) -> str:
    """Return the document, schema kdoctor/fix/1; within it fields are added, never removed or changed."""
    found = {
        "schema": "kdoctor/fix/1",
        "version": __version__,
        "status": came.status,
        "number": came.number,
        "said": list(came.said),
        "plan": None if plan is None else _plan(plan),
        "others": [{"id": fix.id, "title": fix.title, "risk": fix.risk.value} for fix in others],
    }
    return json.dumps(_masked(found), ensure_ascii=False, indent=2) + "\n"


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "risk": plan.risk.value,
        "fixes": [
            {
                "rule": one.rule,
                "id": one.fix.id,
                "title": one.fix.title,
                "risk": one.fix.risk.value,
                "proof": one.fix.proof,
                "verify": list(one.fix.check),
            }
            for one in plan.chosen
        ],
        "files": [
            {
                "file": change.shown,
                "link": change.link or None,
                "exists": change.found.data is not None,
                "mode": f"{change.found.mode:04o}",
                "diff": change.diff(),
            }
            for change in plan.changes
        ],
        "commands": [
            {"argv": list(one.argv), "undo": list(one.undo), "text": one.text, "origin": one.origin, "later": one.later}
            for one in plan.commands
        ],
        "services": [
            {
                "service": one.service,
                "action": one.verb,
                "argv": list(one.argv),
                "by_hand": one.by_hand,
                "stops": list(one.stops),
            }
            for one in plan.actions
        ],
        "by_hand": [{"text": step.text, "command": step.command, "file": step.file} for step in plan.by_hand],
        "trusts": list(plan.authorities),
    }


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _masked(one) for key, one in value.items()}
    return [_masked(one) for one in value] if isinstance(value, list) else value
