"""The options that several commands share, and what they come to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TextIO

import typer

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.model import Report, Severity

if TYPE_CHECKING:
    from kdoctor.report import Options
    from kdoctor.report.layout import Page

FORMATS = ("text", "json", "junit", "github", "markdown")

Output = Annotated[
    Optional[list[str]],
    typer.Option("--output", "-o", metavar="FORMAT[=FILE]", help="text, json, junit, github or markdown; repeatable."),
]
Timeout = Annotated[
    Optional[float], typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600.0, help="The whole run's deadline.")
]
Rules = Annotated[
    Optional[list[Path]], typer.Option("--rules", metavar="DIR", help="A folder of rules of your own; repeatable.")
]
FailOn = Annotated[str, typer.Option("--fail-on", metavar="error|warning", help="The least severity that counts.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 instead of 1 or 3.")]
AllowInconclusive = Annotated[bool, typer.Option("--allow-inconclusive", help="Exit 0 instead of 3.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; twice for all.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the answer, and that short.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.")]
Via = Annotated[
    Optional[list[str]],
    typer.Option("--via", metavar="WAY", help="Look from there, too: ssh:HOST, pod:NS/NAME, ...; repeatable."),
]
Lang = Annotated[Optional[str], typer.Option("--lang", metavar="en|zh", help="The language; by default the locale's.")]

Apply = Annotated[bool, typer.Option("--apply", help="Make the fix, after a yes.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (for scripts).")]
Rollback = Annotated[bool, typer.Option("--rollback-on-failure", help="Take the fix back where it does not help.")]
WeakerTrust = Annotated[
    bool, typer.Option("--accept-weaker-trust", help="Make a fix that weakens security; --yes does not cover it.")
]
TrustCa = Annotated[
    Optional[list[str]],
    typer.Option("--trust-ca", metavar="SHA256", help="Trust this certificate, which a registry showed; repeatable."),
]
AllowRun = Annotated[
    Optional[list[Path]],
    typer.Option("--allow-run", metavar="FILE", help="Run the commands of this file of your own rules; repeatable."),
]


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared options of one call, checked."""

    outputs: tuple[tuple[str, Path | None], ...] = (("text", None),)
    timeout: float | None = None
    rules: tuple[Path, ...] = ()
    fail_on: Severity = Severity.ERROR
    exit_zero: bool = False
    allow_inconclusive: bool = False
    verbose: int = 0
    quiet: bool = False
    no_color: bool = False
    lang: str = "en"
    to_stderr: bool = field(default=False)

    def progress(self, sentence: str) -> None:
        """Say on standard error what is under way, where somebody watches."""
        if sys.stderr.isatty() and not self.quiet:
            from kdoctor.masking import mask
            from kdoctor.report.safety import inert, one_line

            print(inert(one_line(mask(sentence))), file=sys.stderr, flush=True)

    def deliver(self, report: Report) -> int:
        """Write the report in every format asked for, and return the exit status."""
        from kdoctor.report import RENDERERS, Options
        from kdoctor.report.status import exit_status

        for name, file in self.outputs:
            stream = sys.stderr if self.to_stderr else sys.stdout
            color = file is None and name == "text" and wants_color(self.no_color, stream.isatty())
            options = Options(color, self.verbose, self.quiet, _width(), self.fail_on)
            document = RENDERERS[name].render(report, options)
            if file is not None:
                _write(file, document)
            else:
                _print(document, stream)
            if name == "github":
                _summary(report, options)
        return exit_status(report, self.fail_on, self.exit_zero, self.allow_inconclusive)

    def publish(self, what: str, documents: Mapping[str, Callable[[bool], str]]) -> None:
        """Write a document that is no report in every format asked for; each is given whether to colour.

        Raises:
            UsageError: `what` does not come in a format asked for.
        """
        for name, _ in self.outputs:
            if name not in documents:
                raise UsageError(f'{what} does not come as "{name}"; there are {", ".join(documents)}')
        for name, file in self.outputs:
            if file is not None:
                _write(file, documents[name](False))
            else:
                _print(documents[name](wants_color(self.no_color, sys.stdout.isatty())), sys.stdout)

    def width(self) -> int:
        """Return the columns that a text may take."""
        return _width()

    def print_page(self, page: Page) -> None:
        """Write a page where the answer goes, in colour where that is wanted."""
        from kdoctor.report.layout import joined

        lines, stream = page.finished(), sys.stderr if self.to_stderr else sys.stdout
        if wants_color(self.no_color, stream.isatty()):
            from kdoctor.report.color import painted

            _print(painted(lines), stream)
        else:
            _print(joined(lines), stream)


def page_of(options: Shared) -> Page:
    """Return an empty page as wide as the terminal."""
    from kdoctor.report.layout import Page

    return Page(options.width())


def shared(
    output: list[str] | None = None,
    timeout: float | None = None,
    rules: list[Path] | None = None,
    fail_on: str = "error",
    lang: str | None = None,
    **flags: bool | int,
) -> Shared:
    """Return the checked options.

    Raises:
        UsageError: a format, threshold or language that is not there, with the nearest.
    """
    if fail_on not in ("error", "warning"):
        raise UsageError(
            f'--fail-on takes error or warning, not "{fail_on}".{did_you_mean(fail_on, ("error", "warning"))}'
        )
    if lang is not None and lang not in ("en", "zh"):
        raise UsageError(f'--lang takes en or zh, not "{lang}".')
    return Shared(
        outputs=_outputs(output or ["text"]),
        timeout=timeout,
        rules=tuple(rules or ()),
        fail_on=Severity(fail_on),
        lang=lang or locale_language(),
        **flags,  # type: ignore[arg-type]  # the flags' names are those of the fields
    )


def _outputs(wanted: list[str]) -> tuple[tuple[str, Path | None], ...]:
    found: list[tuple[str, Path | None]] = []
    for one in wanted:
        name, equals, file = one.partition("=")
        if name not in FORMATS:
            raise UsageError(f'no output format "{name}".{did_you_mean(name, FORMATS)} There are {", ".join(FORMATS)}.')
        if equals and not file:
            raise UsageError(f"-o {one}: the file's name is missing")
        found.append((name, Path(file) if file else None))
    if sum(file is None for _, file in found) > 1:
        raise UsageError("two formats cannot both go to standard output; give one a file: -o junit=report.xml")
    return tuple(found)


def locale_language() -> str:
    """Return the language of the locale, as gettext's order of variables has it; English where it is unknown."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def wants_color(refused: bool, terminal: bool) -> bool:
    """Tell whether to colour: --no-color, NO_COLOR, FORCE_COLOR, then whether it is a terminal."""
    if refused or os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def _width() -> int:
    import shutil

    return max(40, min(shutil.get_terminal_size((80, 24)).columns, 100))


def _print(document: str, stream: TextIO) -> None:
    """Write what the stream's encoding can say, question marks for the rest."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(document.encode(encoding, "replace").decode(encoding, "replace"))
        stream.flush()
    except BrokenPipeError:  # `kdoctor ... | head`: the status stays the report's
        from kdoctor.cli import forget_readers

        forget_readers(stream)


def _write(file: Path, document: str) -> None:
    try:
        file.write_text(document, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from error


def _summary(report: Report, options: Options) -> None:
    """Append the report to the job's summary page, where GitHub names one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from kdoctor.report.github import append_summary

    try:
        append_summary(report, options, Path(path))
    except OSError as error:
        print(f"kdoctor: the job summary could not be written: {error.strerror or error}", file=sys.stderr)
