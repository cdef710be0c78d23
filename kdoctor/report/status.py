"""The exit status: the same for every format, from the report alone (DESIGN.md section 4)."""

from __future__ import annotations

from kdoctor.model import Report, Severity, Status

EXPLAINED = HEALTHY = 0
FOUND = 1
BLIND = 3


def exit_status(report: Report, fail_on: Severity, exit_zero: bool = False, allow_inconclusive: bool = False) -> int:
    """Return the status that the command's own question has.

    `check`: 0 healthy, 1 found, 3 could not look. `explain`: 0 explained, 1 unknown. `mirrors`: 0 one serves,
    1 none does, 3 could not look.

    What ends otherwise (2 usage, 3 unreadable source, 4 our own failure) is an error, see errors.py.
    """
    judge = {"explain": _explain, "mirrors": _mirrors}.get(report.command)
    status = judge(report) if judge else _check(report, fail_on)
    if exit_zero and status in (FOUND, BLIND):
        return 0
    return 0 if allow_inconclusive and status == BLIND else status


def _explain(report: Report) -> int:
    return FOUND if report.status is Status.UNKNOWN else EXPLAINED


def _mirrors(report: Report) -> int:
    return {Status.HEALTHY: HEALTHY, Status.PROBLEM: FOUND, Status.UNKNOWN: BLIND}[report.status]


def _check(report: Report, fail_on: Severity) -> int:
    if report.at_least(fail_on):
        return FOUND
    return BLIND if report.blind or report.status is Status.UNKNOWN else HEALTHY
