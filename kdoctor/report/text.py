"""The report for a person at a terminal: what is wrong, how we know, what to do, in this order."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from kdoctor.model import CUT, UNSEEN, Report, Role, Status, Verdict
from kdoctor.report import Options, safety
from kdoctor.report.diagnosis import put_diagnosis, put_refuted, put_secondary
from kdoctor.report.layout import Page, Span, joined
from kdoctor.report.nearest import put_nearest
from kdoctor.report.walk import is_ok, put_checks, put_matrix, put_routes, route_text
from kdoctor.report.words import Words, words


def render(report: Report, options: Options) -> str:
    """Return the report as lines of `options.width` columns; commands and long words are never broken."""
    if report.proposal is not None:
        from kdoctor.report import proposal  # Markdown that reads well as it is; a person pastes it

        return proposal.render(report, report.proposal)
    page = Page(options.width)
    say = words(report.lang)
    if options.quiet:
        _put_headlines(page, report, say)
    else:
        _put_report(page, report, say, options)
    lines = page.finished()
    if options.color:
        from kdoctor.report.color import painted  # rich is imported only for colour

        return painted(lines)
    return joined(lines)


def _put_headlines(page: Page, report: Report, say: Words) -> None:
    for offer in (o for o in report.offers if o.serves and o.same is not False):
        page.row(Span(safety.one_line(offer.repository)))
    if report.command == "platforms" and report.host is not None:
        for platform in report.host.platforms:
            page.row(Span(safety.one_line(platform.id)))
    for row in report.settings:
        page.row(Span(safety.one_line(f"{row.puller} {row.topic} {row.name} {row.value}")))
    if report.command in _OWN_PAGES:
        return
    if report.command == "route":
        _put_ways(page, report, say)
        return
    for diagnosis in report.diagnoses:
        if diagnosis.verdict is not Verdict.REFUTED and diagnosis.role in (Role.ROOT, Role.INDEPENDENT):
            head = f"{say.severity[diagnosis.severity]} {safety.one_line(diagnosis.rule)}{say.colon}"
            page.row(Span(head + safety.one_line(diagnosis.title)))
    if report.status is Status.UNKNOWN:
        page.row(Span(_unknown(report, say)))


def _put_ways(page: Page, report: Report, say: Words) -> None:
    for route in report.routes:
        page.row(Span(safety.one_line(route_text(route, say))))


def _put_report(page: Page, report: Report, say: Words, options: Options) -> None:
    if report.command == "route":
        put_routes(page, report, say, verbose=1)
        _put_notices(page, report, say)
        return
    if report.checks and (report.command != "explain" or options.verbose):
        if report.status is not Status.HEALTHY or options.verbose:
            put_routes(page, report, say, options.verbose)
            put_checks(page, report, say, options.verbose)
    elif options.verbose:
        put_routes(page, report, say, options.verbose)
    if (own := _OWN_PAGES.get(report.command)) is not None:
        module, _, name = own.partition(":")
        getattr(importlib.import_module(module), name)(page, report, say, options.verbose)
        _put_notices(page, report, say)
        return
    if report.status is not Status.HEALTHY or options.verbose:
        put_matrix(page, report, say)
    present = [d for d in report.diagnoses if d.verdict is not Verdict.REFUTED]
    refuted = [d for d in report.diagnoses if d.verdict is Verdict.REFUTED]
    for diagnosis in present:
        page.gap()
        if diagnosis.role in (Role.ROOT, Role.INDEPENDENT) or options.verbose > 1:
            put_diagnosis(page, diagnosis, say, options.verbose)
        else:
            put_secondary(page, diagnosis, say)
    if not present:
        _put_no_problem(page, report, say, healed=bool(refuted))
    for diagnosis in refuted:
        page.gap()
        put_refuted(page, diagnosis, say, options.verbose)
    put_nearest(page, report.nearest, say)
    if report.command == "explain" and report.status is Status.UNKNOWN and not report.diagnoses:
        page.gap()
        page.text(say.propose, style="dim")
    _put_unseen(page, report, say)
    _put_notices(page, report, say)


_OWN_PAGES: Mapping[str, str] = {
    "mirrors": "kdoctor.report.offers:put_offers",
    "platforms": "kdoctor.report.inventory:put_platforms",
    "settings": "kdoctor.report.inventory:put_settings",
}
"""Commands that list what is here and judge nothing, and what puts their page; imported for them alone."""


def _unknown(report: Report, say: Words) -> str:
    return say.unknown_text if report.command == "explain" else say.unknown_checks


def _put_no_problem(page: Page, report: Report, say: Words, *, healed: bool) -> None:
    page.gap()
    if healed:
        page.text(say.healed, style="good")
    elif report.status is Status.HEALTHY:
        page.text(say.healthy, style="good")
        counted = {"ok": sum(is_ok(c) for c in report.checks), "skipped": sum(bool(c.skipped) for c in report.checks)}
        if report.checks:
            page.text(say.healthy_checks.format(**counted))
    elif report.status is Status.UNKNOWN:
        page.text(_unknown(report, say), style="warn")
    else:
        page.text(say.nothing_found)


def _put_unseen(page: Page, report: Report, say: Words) -> None:
    """Say what could not be looked at, each reason once; "could not look" is never "healthy"."""
    missed: dict[str, dict[str, None]] = {}
    seen_in_table = bool(report.checks) and report.command != "explain" and report.status is not Status.HEALTHY
    for evidence in (e for d in report.diagnoses for e in d.evidence if not e.known):
        why = evidence.detail or (say.cut if evidence.outcome == CUT else say.unseen)
        missed.setdefault(why, {})[f"{evidence.probe} {evidence.target} ({evidence.vantage})"] = None
    for check in report.checks:
        if check.outcome in (UNSEEN, CUT) and not check.skipped and not seen_in_table:
            why = check.detail or (say.cut if check.outcome == CUT else say.unseen)
            missed.setdefault(why, {})[f"{check.id} {check.target} ({check.vantage})"] = None
    if missed:
        page.gap()
        page.text(say.not_seen, style="head")
    for why, questions in missed.items():
        if len(questions) == 1:
            page.text(f"{next(iter(questions))}{say.colon}{why}", first="- ", indent=2)
            continue
        page.text(f"{why.rstrip('.')}{say.colon.rstrip()}", first="- ", indent=2)
        for question in questions:
            page.text(question, first="- ", indent=4)


def _put_notices(page: Page, report: Report, say: Words) -> None:
    if report.notices:
        page.gap()
        page.text(say.notes, style="head")
    for notice in report.notices:
        page.text(notice, first="- ", indent=2)
