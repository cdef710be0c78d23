"""The JSON document `kdoctor/report/1`: its own frozen form, and its schema.

Within version 1 fields are added, never removed or changed (DESIGN.md section 4).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from kdoctor import __version__
from kdoctor.listings import Offer
from kdoctor.model import Check, Diagnosis, Evidence, Fix, Host, Neighbour, Report, Step
from kdoctor.report import Options, safety

SCHEMA = "kdoctor/report/1"


def render(report: Report, options: Options) -> str:  # noqa: ARG001  (every renderer has the same form)
    """Return the document, indented; it is the same whatever the options are."""
    return safety.json_text(json.dumps(document(report), ensure_ascii=False, indent=2)) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the document."""
    from kdoctor.report.schema import REPORT

    return REPORT


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON data."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "command": report.command,
        "lang": report.lang,
        "status": report.status.value,
        "diagnoses": [_diagnosis(diagnosis) for diagnosis in report.diagnoses],
        "checks": [_check(check) for check in report.checks],
        "routes": [asdict(route) for route in report.routes],
        "nearest": [_neighbour(neighbour) for neighbour in report.nearest],
        "settings": [asdict(row) for row in report.settings],
        "exemptions": [asdict(one) for one in report.exemptions],
        "offers": [_offer(offer) for offer in report.offers],
        "fixes": [_fix(fix) for fix in report.fixes],
        "platform": _host(report.host),
        "proposal": None if report.proposal is None else {**asdict(report.proposal)},
        "notices": list(report.notices),
        "blind": report.blind,
        "seconds": round(report.seconds, 3),
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "rule": diagnosis.rule,
        "layer": diagnosis.layer,
        "severity": diagnosis.severity.value,
        "role": diagnosis.role.value,
        "title": diagnosis.title,
        "verdict": diagnosis.verdict.value,
        "because": diagnosis.because,
        "vantage": diagnosis.vantage,
        "facts": dict(diagnosis.facts),
        "matched": asdict(diagnosis.matched) if diagnosis.matched else None,
        "locations": [asdict(location) for location in diagnosis.locations],
        "evidence": [_evidence(evidence) for evidence in diagnosis.evidence],
        "why": diagnosis.why,
        "fixes": [_fix(fix) for fix in diagnosis.fixes],
        "references": list(diagnosis.references),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "probe": evidence.probe,
        "target": evidence.target,
        "vantage": evidence.vantage,
        "outcome": evidence.outcome,
        "detail": evidence.detail,
        "seconds": round(evidence.seconds, 3),
        "data": {name: list(value) if isinstance(value, tuple) else value for name, value in evidence.data.items()},
    }


def _neighbour(neighbour: Neighbour) -> dict[str, Any]:
    return {
        "rule": neighbour.rule,
        "title": neighbour.title,
        "shared": list(neighbour.shared),
        "differs": {"text": list(neighbour.only_text), "rule": list(neighbour.only_rule)},
        "line": neighbour.line,
        "example": neighbour.example,
        "score": neighbour.score,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "id": fix.id,
        "title": fix.title,
        "risk": fix.risk.value,
        "proof": fix.proof,
        "platform": fix.platform,
        "steps": [_step(step) for step in fix.steps],
        "verify": fix.verify,
    }


def _step(step: Step) -> dict[str, Any]:
    """Return a step; what it does not have is left out."""
    parts = {"text": step.text, "command": step.command, "file": step.file, "content": step.content}
    return {name: value for name, value in parts.items() if value is not None}


def _check(check: Check) -> dict[str, Any]:
    return {**asdict(check), "seconds": round(check.seconds, 3)}


def _offer(offer: Offer) -> dict[str, Any]:
    return {**asdict(offer), "seconds": round(offer.seconds, 3)}


def _host(host: Host | None) -> dict[str, Any]:
    if host is None:
        return {}
    return {
        "os": host.os,
        "arch": host.arch,
        "service_manager": host.service_manager,
        "ci": host.ci,
        "platforms": [asdict(platform) for platform in host.platforms],
        "container": host.container,
    }
