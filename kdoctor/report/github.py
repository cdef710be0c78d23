"""GitHub Actions: an annotation for each finding, and a summary of the job in Markdown.

Escaping is that of actions/toolkit (packages/core/src/command.ts): data `%`, CR, LF; properties also
`:` and `,`.
"""

from __future__ import annotations

import re
from pathlib import Path

from kdoctor.masking import masked
from kdoctor.model import Diagnosis, Report, Role, Severity, Status, Verdict
from kdoctor.report import Options, markdown, nearest, safety
from kdoctor.report.diagnosis import where
from kdoctor.report.inventory import lacks, machine
from kdoctor.report.walk import route_text
from kdoctor.report.words import Words, words

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_A_FILE = re.compile(r"^[^\s:]+\.(?:ya?ml|json|log|txt|out|err)$")
_SUMMARY_LIMIT = 1024 * 1024
"""Bytes that GitHub takes of one step's summary."""


def render(report: Report, options: Options) -> str:  # noqa: ARG001  (every renderer has the same form)
    """Return workflow commands, one a line: roots and independent findings, and what could not be seen."""
    say = words(report.lang)
    out = [_annotation(diagnosis, say) for diagnosis in report.diagnoses if _is_shown(diagnosis)]
    out += [
        f"::warning title=kdoctor::{_data(f'{offer.repository}{say.colon}{say.digest_beware} {offer.digest}')}"
        for offer in report.offers
        if offer.same is False
    ]
    for route in report.routes if report.command == "route" else ():
        level = "warning" if route.error or route.unseen else "notice"
        out.append(f"::{level} title=kdoctor::{_data(route_text(route, say))}")
    if not out:
        out.append(_nothing(report, say))
    out += [f"::notice title=kdoctor::{_data(notice)}" for notice in report.notices]
    return "".join(line + "\n" for line in out)


def append_summary(report: Report, options: Options, path: Path) -> None:
    """Append the report to the file that $GITHUB_STEP_SUMMARY names; OSError if it cannot be written."""
    page = markdown.render(masked(report), options).encode()
    if len(page) > _SUMMARY_LIMIT:
        page = page[:_SUMMARY_LIMIT].rpartition(b"\n")[0] + b"\n"
    with path.open("ab") as file:
        file.write(page)


def _is_shown(diagnosis: Diagnosis) -> bool:
    return diagnosis.verdict is not Verdict.REFUTED and diagnosis.role in (Role.ROOT, Role.INDEPENDENT)


def _data(text: str) -> str:
    return safety.one_line(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _annotation(diagnosis: Diagnosis, say: Words) -> str:
    properties = [*_place(diagnosis), f"title={_property(f'kdoctor {diagnosis.rule}: {diagnosis.title}')}"]
    message = [f"{say.verdict[diagnosis.verdict]}{say.colon}{diagnosis.because}", diagnosis.why]
    message += where(diagnosis, say)
    if diagnosis.fixes:
        fix = diagnosis.fixes[0]
        message.append(f"{say.fix}{say.colon}{fix.title}")
        message += [step.command for step in fix.steps if step.command]
    text = "%0A".join(_data(part) for part in message if part)
    return f"::{_LEVELS[diagnosis.severity]} {','.join(properties)}::{text}"


def _place(diagnosis: Diagnosis) -> list[str]:
    """Return file and lines for a finding that stands in a file of the job: a manifest, a log."""
    for location in diagnosis.locations:
        if _A_FILE.search(location.source) and not location.source.startswith(("/", "~", "\\")):
            lines = [f"line={location.line}"]
            if location.last_line > location.line:
                lines.append(f"endLine={location.last_line}")
            return [f"file={_property(location.source)}", *lines]
    return []


def _nothing(report: Report, say: Words) -> str:
    if report.command == "settings":
        lines = [f"::notice title=kdoctor::{_data(lacks(one, say))}" for one in report.exemptions]
        return "\n".join(lines) if lines else f"::notice title=kdoctor::{say.nothing_found}"
    if report.command == "platforms" and report.host is not None:
        return f"::notice title=kdoctor::{_data(machine(report.host, say))}"
    if report.command == "mirrors":
        serving = sum(offer.serves for offer in report.offers)
        text = say.some_mirror.format(count=serving, all=len(report.offers)) if serving else say.no_mirror
        return f"::{'notice' if serving else 'warning'} title=kdoctor::{text}"
    if report.diagnoses:
        return f"::notice title=kdoctor::{say.healed}"
    if report.status is Status.UNKNOWN:
        text = say.unknown_text if report.command == "explain" else say.unknown_checks
        if report.nearest:
            text += f"%0A{say.nearest}{say.colon.rstrip()}"
        return "%0A".join((f"::warning title=kdoctor::{text}", *map(_data, nearest.lines(report.nearest, say))))
    return f"::notice title=kdoctor::{say.healthy}"
