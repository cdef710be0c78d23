"""Platforms and settings on the page: what is here, and what each puller is told, from where."""

from __future__ import annotations

from kdoctor.listings import Exemption, SettingFound, Standing
from kdoctor.model import Host, Report
from kdoctor.report import safety
from kdoctor.report.layout import Page, Span, Style, columns, pad
from kdoctor.report.words import Words

_STYLES: dict[Standing, Style] = {
    Standing.EFFECTIVE: "",
    Standing.WRITTEN: "",
    Standing.PENDING: "warn",
    Standing.IGNORED: "bad",
    Standing.UNSEEN: "warn",
}


def put_platforms(page: Page, report: Report, say: Words, verbose: int) -> None:  # noqa: ARG001  (one form for all)
    """Put the machine, then a line for each platform with how it was found."""
    host = report.host
    if host is None:
        return
    page.text(machine(host, say), style="head")
    page.gap()
    if not host.platforms:
        page.text(say.no_platform)
        return
    width = max(columns(safety.one_line(platform.id)) for platform in host.platforms)
    for platform in host.platforms:
        told = say.comma.join(part for part in (platform.version or "", platform.detail) if part)
        first = f"{pad(safety.one_line(platform.id), width)}  "
        page.text(told or platform.found_by, indent=2, first=first, lead="title")
        if told and platform.found_by:
            page.text(platform.found_by, indent=2 + columns(first), style="dim")


def machine(host: Host, say: Words) -> str:
    """Return what the machine itself is, as one sentence."""
    manager = host.service_manager or say.no_ci
    told = say.machine.format(os=host.os, arch=host.arch, manager=manager, ci=host.ci or say.no_ci)
    return told + (say.comma + say.in_container if host.container else "")


def put_settings(page: Page, report: Report, say: Words, verbose: int) -> None:  # noqa: ARG001  (one form for all)
    """Put a table for each puller, then what its NO_PROXY lacks."""
    if not report.settings:
        page.text(say.nothing_set)
    for puller in dict.fromkeys(row.puller for row in report.settings):
        rows = [row for row in report.settings if row.puller == puller]
        page.gap()
        page.text(say.settings_of.format(puller=puller), style="head")
        topic = max(columns(row.topic) for row in rows)
        name = min(max(columns(safety.one_line(row.name)) for row in rows), 24)
        for row in rows:
            _put_row(page, row, say, topic, name)
    for one in report.exemptions:
        page.gap()
        page.text(lacks(one, say), style="warn")
        for reason in one.because:
            page.text(reason, first="- ", indent=2, style="dim")
        page.text(f"{say.paste}{say.colon}".rstrip(), indent=2)
        page.verbatim(f"NO_PROXY={one.line}")


def lacks(one: Exemption, say: Words) -> str:
    """Return what a NO_PROXY lacks, as one sentence."""
    sentence = say.lacks if one.dialect == "go" else say.lacks_suffix
    return sentence.format(puller=one.puller, missing=say.comma.join(one.missing))


def place(row: SettingFound) -> str:
    """Return where a value stands, with the line where it is known."""
    return f"{row.source}:{row.line}" if row.line and row.file and row.source.endswith(row.file) else row.source


def _put_row(page: Page, row: SettingFound, say: Words, topic: int, name: int) -> None:
    first = f"{pad(row.topic, topic)}  "
    value = row.value or say.standing[row.standing]
    lead = f"{pad(safety.one_line(row.name), name)}  " if row.name else ""
    page.row(Span(f"  {first}", "dim"), Span(lead), Span(safety.one_line(value), _STYLES[row.standing]))
    standing = say.standing[row.standing] if row.value else ""
    told = say.comma.join(part for part in (place(row), standing, row.note) if part)
    if told:
        page.text(told, indent=2 + columns(first) + columns(lead), style="dim")
