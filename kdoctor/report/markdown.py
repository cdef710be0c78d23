"""Markdown (GitHub's) for a job summary, an issue or a merge request.

Values stand in code spans where they can; elsewhere every mark of Markdown and HTML in them is
escaped (CommonMark 2.4, 2.5).
"""

from __future__ import annotations

import re

from kdoctor.model import Diagnosis, Evidence, Fix, Host, Report, Role, Status, Step, Verdict
from kdoctor.report import Options, nearest, safety
from kdoctor.report.diagnosis import cost, where
from kdoctor.report.inventory import lacks, machine, place
from kdoctor.report.offers import digest_word, speed
from kdoctor.report.offers import state as state_of
from kdoctor.report.walk import route_text, state
from kdoctor.report.words import Words, words

# Marks anywhere; `_` at a word's edge; an issue's number; what begins a block; what GFM makes a link.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|#(?=\w)|^(?:[#+=:-]|\d{1,9}(?=[.)]))|(?<=:)/(?=/)|(?<=[Ww]{3})\.")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """Return a text in which nothing is markup, a link, a mention or HTML."""
    line = safety.one_line(text).translate(_HTML)
    line = _MARKS.sub(lambda m: f"{m[0]}\\" if m[0].isdigit() else f"\\{m[0]}", line)
    return re.sub(r"(?<!\w)@", "&#64;", line)


def code(text: str) -> str:
    """Return a code span (CommonMark 6.1); inside a table cell `|` needs its own escape (GFM)."""
    value = safety.one_line(text).replace("|", "\\|") or " "
    fence = "`" * (max((len(run) for run in re.findall(r"`+", value)), default=0) + 1)
    return f"{fence} {value} {fence}" if "`" in value else f"{fence}{value}{fence}"


def block(text: str, language: str = "") -> str:
    """Return a fenced code block with a fence longer than any in the text."""
    body = "\n".join(safety.lines(text))
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", body)), default=0) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def render(report: Report, options: Options) -> str:
    """Return the whole report as one document."""
    if report.proposal is not None:
        from kdoctor.report import proposal  # it is made of this module's parts

        return proposal.render(report, report.proposal)
    say = words(report.lang)
    present = [d for d in report.diagnoses if d.verdict is not Verdict.REFUTED]
    parts: list[str] = []
    for diagnosis in present:
        full = diagnosis.role in (Role.ROOT, Role.INDEPENDENT)
        parts += _diagnosis(diagnosis, say, options.verbose) if full else _secondary(diagnosis, say)
    if report.command == "mirrors":
        parts += _offers(report, say)
    elif report.command == "platforms" and report.host is not None:
        parts += _platforms(report.host, say)
    elif report.command == "settings":
        parts += _settings(report, say)
    elif not present and report.command != "route":
        parts.append(_no_problem(report, say))
    for diagnosis in report.diagnoses:
        if diagnosis.verdict is Verdict.REFUTED:
            head = f"**{say.verdict[Verdict.REFUTED]}{say.colon}{escaped(diagnosis.title)}** ({code(diagnosis.rule)})"
            parts += [head, escaped(diagnosis.because)]
    parts += _nearest(report, say) + _walk(report, say)
    parts += ["\n".join(f"- {escaped(notice)}" for notice in report.notices)]
    return "\n".join(safety.inert(line) for line in "\n\n".join(part for part in parts if part).split("\n")) + "\n"


def _no_problem(report: Report, say: Words) -> str:
    if report.diagnoses:
        return f"**{say.healed}**"
    if report.status is Status.HEALTHY:
        return f"**{say.healthy}**"
    if report.status is Status.UNKNOWN:
        return f"**{say.unknown_text if report.command == 'explain' else say.unknown_checks}**"
    return say.nothing_found


def _verdict(diagnosis: Diagnosis, say: Words) -> str:
    seen = "" if diagnosis.verdict is Verdict.UNCHECKED else say.seen_from.format(vantage=code(diagnosis.vantage))
    return say.comma.join(part for part in (code(diagnosis.rule), say.verdict[diagnosis.verdict], seen) if part)


def _diagnosis(diagnosis: Diagnosis, say: Words, verbose: int) -> list[str]:
    parts = [f"### {say.severity[diagnosis.severity]}{say.colon}{escaped(diagnosis.title)}", _verdict(diagnosis, say)]
    parts.append(escaped(diagnosis.because))
    if diagnosis.matched:
        parts.append(block(diagnosis.matched.text))
    parts += _matched(diagnosis, say)
    parts.append(_evidence(diagnosis.evidence, say) or say.no_evidence)
    if diagnosis.why:
        parts.append(f"**{say.why}{say.colon.strip()}** {escaped(diagnosis.why)}")
    if not diagnosis.fixes:
        parts.append(say.no_fix)
    for number, fix in enumerate(diagnosis.fixes):
        if number == 0 or verbose:
            parts += _fix(fix, say, say.other_fixes if number else say.fix)
        else:
            parts.append(f"**{say.other_fixes}{say.colon.strip()}** {escaped(fix.title)}{cost(fix, say)}")
    parts.append("\n".join(f"- {autolink(reference)}" for reference in diagnosis.references))
    return parts


def _secondary(diagnosis: Diagnosis, say: Words) -> list[str]:
    head = f"**{say.role[diagnosis.role]}{say.colon}{escaped(diagnosis.title)}** ({_verdict(diagnosis, say)})"
    return [head, escaped(diagnosis.because), *map(escaped, where(diagnosis, say))]


def _matched(diagnosis: Diagnosis, say: Words) -> list[str]:
    """Show where the failure stands, if the text is more than a line."""
    matched, places = diagnosis.matched, where(diagnosis, say)
    if matched is None or not (places or matched.line > 1):
        return []
    return [f"**{say.in_the_text}{say.colon.strip()}** {matched.line}: {code(matched.text)}", *map(escaped, places)]


def autolink(url: str) -> str:
    """Return an autolink (CommonMark 6.5) for a plain https URL, else the text."""
    return f"<{url}>" if re.fullmatch(r"https://[\w.:/?#%&=+,;~!$()*'@-]+", url, re.ASCII) else code(url)


def _evidence(evidence: tuple[Evidence, ...], say: Words) -> str:
    if not evidence:
        return ""
    rows = [f"| {say.step} | {say.target} | {say.vantage} | {say.outcome} |", "| --- | --- | --- | --- |"]
    for one in evidence:
        cells = (code(one.probe), _cell(one.target), _cell(one.vantage), f"{code(one.outcome)} {escaped(one.detail)}")
        rows.append(f"| {' | '.join(cell.strip() for cell in cells)} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return code(text) if text else ""


def _fix(fix: Fix, say: Words, word: str) -> list[str]:
    parts = [f"**{word}{say.colon}{escaped(fix.title)}**{cost(fix, say)}"]
    for number, step in enumerate(fix.steps, 1):
        parts += _step(step, say, number)
    if fix.verify:
        parts += [f"**{say.verify}{say.colon.strip()}**", block(fix.verify, "sh")]
    return parts


def _step(step: Step, say: Words, number: int) -> list[str]:
    """Return a step; its number is text, a list would end at the code block."""
    parts = [f"{number}\\. {escaped(step.text)}"]
    if step.file:
        parts[0] += f" {say.write_to.format(file=code(step.file))}"
    if step.content:
        parts.append(block(step.content))
    if step.command:
        parts.append(block(step.command, "sh"))
    return parts


def _nearest(report: Report, say: Words) -> list[str]:
    if not report.nearest:
        return []
    items = []
    for one in report.nearest:
        items.append(f"- {code(one.rule)} {escaped(one.title)}")
        for head, phrases in ((say.same, nearest.same(one, say)), (say.differs, nearest.differs(one, say))):
            if phrases:
                items.append(f"  - {head}{say.colon}{escaped(phrases)}")
    return [f"{say.nearest}{say.colon.strip()}", "\n".join(items)]


def _platforms(host: Host, say: Words) -> list[str]:
    rows = ["| | | |", "| --- | --- | --- |"]
    for one in host.platforms:
        told = say.comma.join(part for part in (one.version or "", one.detail) if part)
        rows.append(f"| {code(one.id)} | {escaped(told)} | {escaped(one.found_by)} |")
    return [escaped(machine(host, say)), "\n".join(rows) if host.platforms else say.no_platform]


def _settings(report: Report, say: Words) -> list[str]:
    rows = ["| | | | | |", "| --- | --- | --- | --- | --- |"]
    for row in report.settings:
        told = say.comma.join(part for part in (place(row), say.standing[row.standing], row.note) if part)
        rows.append(f"| {code(row.puller)} | {row.topic} | {_cell(row.name)} | {_cell(row.value)} | {escaped(told)} |")
    parts = ["\n".join(rows)] if report.settings else [say.nothing_set]
    for one in report.exemptions:
        parts += [escaped(lacks(one, say)), block(f"NO_PROXY={one.line}")]
    return parts


def _offers(report: Report, say: Words) -> list[str]:
    parts: list[str] = []
    for registry in dict.fromkeys(offer.of for offer in report.offers):
        offers = [offer for offer in report.offers if offer.of == registry]
        parts.append(f"**{escaped(say.mirrors_of.format(registry=registry, vantage=offers[0].vantage))}**")
        rows = ["| | | | |", "| --- | --- | --- | --- |"]
        for offer in offers:
            told = speed(offer) if offer.serves else offer.detail
            word = digest_word(offer, say)[0]
            rows.append(f"| {state_of(offer, say)[0]} | {code(offer.repository)} | {escaped(told)} | {word} |")
        parts.append("\n".join(rows))
    for number, fix in enumerate(report.fixes):
        parts += _fix(fix, say, say.other_fixes if number else say.use_best)
    return parts


def _walk(report: Report, say: Words) -> list[str]:
    parts: list[str] = []
    if report.routes:
        parts.append("\n".join(f"- {escaped(route_text(route, say))}" for route in report.routes))
    if report.checks:
        rows = [f"| {say.outcome} | {say.step} | {say.target} | {say.vantage} |  |", "| --- | --- | --- | --- | --- |"]
        for check in report.checks:
            word, _, tail = state(check, say)
            cells = (word, code(check.id), _cell(check.target), _cell(check.vantage), escaped(tail))
            rows.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(rows))
    return parts
