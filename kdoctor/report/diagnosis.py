"""One diagnosis on the page: title and verdict, evidence, reason, fix and how to ask again."""

from __future__ import annotations

from kdoctor.model import Diagnosis, Evidence, Fix, Severity, Step, Verdict
from kdoctor.report import safety
from kdoctor.report.layout import Page, Span, Style, columns, pad
from kdoctor.report.words import Words

_MATCHED_SHOWN = 300
"""Characters of the person's own text that are repeated."""


_IDLE = frozenset({"no-tool"})
"""Outcomes that say no more than that the question does not apply here."""

_OTHERS_SHOWN = 2


def severity_style(severity: Severity) -> Style:
    """Return the style in which a severity is shown."""
    return "bad" if severity is Severity.ERROR else "warn"


def put_diagnosis(page: Page, diagnosis: Diagnosis, say: Words, verbose: int) -> None:
    """Put a diagnosis in full."""
    _put_head(page, diagnosis, say)
    page.gap()
    page.text(diagnosis.because)
    _put_matched(page, diagnosis, say, verbose)
    _put_evidence(page, diagnosis, say, verbose)
    if diagnosis.why:
        page.gap()
        page.text(say.why, style="head")
        page.text(diagnosis.why, indent=2)
    _put_fixes(page, diagnosis, say, verbose)
    if diagnosis.references:
        page.gap()
        page.text(say.more, style="head")
        for reference in diagnosis.references if verbose else diagnosis.references[:2]:
            page.text(reference, indent=2, style="dim")


def put_secondary(page: Page, diagnosis: Diagnosis, say: Words) -> None:
    """Put a consequence or an alternative in two or three lines."""
    page.text(diagnosis.title, first=f"{say.role[diagnosis.role]}{say.colon}", lead="head")
    page.text(_verdict(diagnosis, say), indent=2, style="dim")
    if diagnosis.because:
        page.text(diagnosis.because, indent=2)


def put_refuted(page: Page, diagnosis: Diagnosis, say: Words, verbose: int) -> None:
    """Put a diagnosis that the probes say is not so, with what they saw."""
    page.text(diagnosis.title, first=f"{say.verdict[Verdict.REFUTED]}{say.colon}", lead="good")
    page.text(safety.one_line(diagnosis.rule) + _seen_from(diagnosis, say), indent=2, style="dim")
    page.text(diagnosis.because, indent=2)
    _put_evidence(page, diagnosis, say, verbose)


def _seen_from(diagnosis: Diagnosis, say: Words) -> str:
    return say.comma + say.seen_from.format(vantage=diagnosis.vantage) if diagnosis.vantage else ""


def _verdict(diagnosis: Diagnosis, say: Words) -> str:
    seen = "" if diagnosis.verdict is Verdict.UNCHECKED else _seen_from(diagnosis, say)
    return f"{diagnosis.rule}{say.comma}{say.verdict[diagnosis.verdict]}{seen}"


def _put_head(page: Page, diagnosis: Diagnosis, say: Words) -> None:
    role = say.role[diagnosis.role]
    if role:
        page.text(f"{role}{say.colon}".rstrip(), style="head")
    first = say.severity[diagnosis.severity] + say.colon
    page.text(diagnosis.title, first=first, style="title", lead=severity_style(diagnosis.severity))
    page.text(_verdict(diagnosis, say), indent=columns(first), style="dim")


def _put_matched(page: Page, diagnosis: Diagnosis, say: Words, verbose: int) -> None:
    """Show where the failure stands, if the text is more than a line that the person has before them."""
    matched = diagnosis.matched
    places = where(diagnosis, say)
    if not matched or not (verbose or places or matched.line > 1):
        return
    page.gap()
    page.text(say.in_the_text, style="head")
    page.text(matched.text[:_MATCHED_SHOWN], indent=2, first=f"{matched.line}: ")
    for place in places:
        page.text(place, indent=2, style="dim")


def where(diagnosis: Diagnosis, say: Words) -> list[str]:
    """Return sentences on where a failure stands, if it is there several times, and how often."""
    files = len(diagnosis.locations) > 1
    return [
        (say.repeated if loc.count > 1 else say.once).format(
            count=loc.count, first=loc.line, last=loc.last_line, source=loc.source
        )
        for loc in diagnosis.locations
        if loc.count > 1 or files
    ]


def _put_evidence(page: Page, diagnosis: Diagnosis, say: Words, verbose: int) -> None:
    known = [e for e in diagnosis.evidence if e.known and (verbose or e.outcome not in _IDLE)]
    if not known:
        if not diagnosis.evidence:
            page.gap()
            page.text(say.no_evidence, style="dim")
        return
    page.gap()
    page.text(say.how_we_know, style="head")
    width = max(columns(safety.one_line(evidence.outcome)) for evidence in known)
    for evidence in known:
        first = pad(safety.one_line(evidence.outcome), width) + "  "
        page.text(_asked(evidence, say, verbose), indent=2, first=first)
        if evidence.detail:
            page.text(evidence.detail, indent=2 + columns(first))
        if verbose:
            _put_data(page, evidence, 2 + columns(first))


def _asked(evidence: Evidence, say: Words, verbose: int) -> str:
    asked = (
        f"{evidence.probe} {evidence.target}".rstrip() + f"{say.comma}{say.seen_from.format(vantage=evidence.vantage)}"
    )
    return f"{asked}{say.comma}{say.seconds.format(seconds=evidence.seconds)}" if verbose else asked


def _put_data(page: Page, evidence: Evidence, indent: int) -> None:
    for name, value in evidence.data.items():
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        page.text(f"{name}: {shown}", indent=indent, style="dim")


def _put_fixes(page: Page, diagnosis: Diagnosis, say: Words, verbose: int) -> None:
    page.gap()
    if not diagnosis.fixes:
        page.text(say.no_fix)
        return
    put_fix(page, diagnosis.fixes[0], say, say.fix, verbose)
    others = diagnosis.fixes[1:]
    for fix in others if verbose else others[:_OTHERS_SHOWN]:
        page.gap()
        put_fix(page, fix, say, say.other_fixes, verbose)
    if len(others) > _OTHERS_SHOWN and not verbose:
        page.gap()
        page.text(say.more_fixes.format(count=len(others) - _OTHERS_SHOWN), style="dim")


def cost(fix: Fix, say: Words, verbose: int = 1) -> str:
    """Return what a fix may cost: its risk, unless it is safe, and, where it is told all, a weak proof."""
    costs = [say.risk[fix.risk]] if fix.risk.value != "safe" else []
    costs += [say.from_docs] if fix.proof == "docs" and verbose else []
    return f" ({say.comma.join(costs)})" if costs else ""


def put_fix(page: Page, fix: Fix, say: Words, word: str, verbose: int) -> None:
    """Put a fix with its steps; `word` stands before its title."""
    page.text(f"{fix.title}{cost(fix, say, verbose)}", first=f"{word}{say.colon}", lead="head", style="title")
    for number, step in enumerate(fix.steps, 1):
        _put_step(page, step, say, f"{number}. " if len(fix.steps) > 1 else "")
    if fix.verify:
        page.gap()
        page.text(f"{say.verify}{say.colon}".rstrip(), style="head")
        page.gap()
        page.verbatim(fix.verify)


def _put_step(page: Page, step: Step, say: Words, number: str) -> None:
    page.text(step.text, indent=2, first=number)
    if step.file:
        page.row(Span(" " * (2 + len(number)) + say.write_to.format(file=safety.one_line(step.file))))
    for block in (step.content, step.command):
        if block:
            page.gap()
            page.verbatim(block)
            page.gap()
