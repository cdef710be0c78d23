"""The walk on the page: the routes and a table of the steps from each vantage."""

from __future__ import annotations

from kdoctor.model import CUT, UNSEEN, Check, Report, Route
from kdoctor.report import safety
from kdoctor.report.layout import Page, Style, columns, pad
from kdoctor.report.words import Words

_OK_SHOWN = 12
"""Steps that went well and are shown one by one without -v."""


def is_ok(check: Check) -> bool:
    """Tell whether a step was taken, could look, and found nothing wrong."""
    return check.ok and not check.skipped and check.outcome not in (UNSEEN, CUT)


def put_routes(page: Page, report: Report, say: Words, verbose: int) -> None:
    """Put the routes: without -v those by a proxy and those that fail, unless they are what was asked for."""
    shown = [r for r in report.routes if verbose or r.proxy or r.error or report.command == "route"]
    if shown:
        page.gap()
        page.text(say.routes, style="head")
    for route in shown:
        page.text(route_text(route, say), first="- ", indent=2)


def route_text(route: Route, say: Words) -> str:
    """Return a route as a sentence."""
    if route.unseen:
        way = f"{say.unseen}{say.colon}{route.unseen}"
    elif route.error:
        way = f"{say.failed}{say.colon}{route.error}"
    else:
        way = say.by_proxy.format(proxy=route.proxy) if route.proxy else say.direct
        way += f"{say.comma}{route.because}" if route.because else ""
    return f"{route.url} ({route.vantage}){say.colon}{way}"


def put_matrix(page: Page, report: Report, say: Words) -> None:
    """Put, for walks from several vantages, the first step that breaks each way: a row for a vantage and target."""
    ways: dict[tuple[str, str], list[Check]] = {}
    for check in report.checks:
        if check.path:
            ways.setdefault((check.path, check.vantage), []).append(check)
    if len({vantage for _, vantage in ways}) < 2:
        return
    page.gap()
    page.text(say.breaks_where, style="head")
    width = max(columns(safety.one_line(vantage)) for _, vantage in ways)
    for path in dict.fromkeys(path for path, _ in ways):
        page.text(path, indent=2)
        for vantage in (vantage for one, vantage in ways if one == path):
            word, style = _broken(ways[path, vantage], say)
            page.text(word, indent=4, first=f"{pad(safety.one_line(vantage), width)}  ", style=style)


def _broken(checks: list[Check], say: Words) -> tuple[str, Style]:
    """Return the first step of a way that failed, else the first that could not look, else that it is whole."""
    failed = next((c for c in checks if not c.ok and not c.skipped), None)
    if failed is not None:
        return f"{failed.id}{say.colon}{failed.outcome}", "bad"
    blind = next((c for c in checks if c.skipped), None)
    if blind is not None:
        return f"{blind.id}{say.colon}{say.unseen}", "warn"
    return say.reached, "good"


def put_checks(page: Page, report: Report, say: Words, verbose: int) -> None:
    """Put a table of the steps for each vantage."""
    id_width = min(max((columns(safety.one_line(c.id)) for c in report.checks), default=0), 20)
    for vantage in dict.fromkeys(check.vantage for check in report.checks):
        checks = [c for c in report.checks if c.vantage == vantage]
        hidden = 0 if verbose else max(0, sum(is_ok(c) for c in checks) - _OK_SHOWN)
        page.gap()
        page.text(say.steps_from.format(vantage=vantage), style="head")
        left = _OK_SHOWN if hidden else len(checks)
        for check in checks:
            if is_ok(check):
                left -= 1
                if left < 0:
                    continue
            _put_check(page, check, say, id_width, verbose)
        if hidden:
            page.text(say.passed_too.format(count=hidden), indent=2, style="dim")


def _put_check(page: Page, check: Check, say: Words, id_width: int, verbose: int) -> None:
    word, style, tail = state(check, say)
    width = max(columns(w) for w in (say.ok, say.failed, say.skipped, say.unseen, say.cut))
    first = f"{pad(word, width)}  {pad(safety.one_line(check.id), id_width)}  "
    text = check.target + (f"  {tail}" if tail else "")
    if verbose and not check.skipped:
        text += f"  {say.seconds.format(seconds=check.seconds)}"
    page.text(text, indent=2, first=first, lead=style)


def state(check: Check, say: Words) -> tuple[str, Style, str]:
    """Return the word of a step, its style, and what is to say besides."""
    if check.skipped:
        return say.skipped, "dim", check.skipped
    if check.outcome == UNSEEN:
        return say.unseen, "warn", check.detail
    if check.outcome == CUT:
        return say.cut, "warn", check.detail
    if check.ok:
        return say.ok, "good", ""
    return say.failed, "bad", check.outcome + (f"{say.colon}{check.detail}" if check.detail else "")
