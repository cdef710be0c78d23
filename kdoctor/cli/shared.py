"""What the shared options come to: where the answer goes, in which formats, and for how long one may ask."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from kdoctor.errors import UsageError, did_you_mean
from kdoctor.model import Report, Severity

if TYPE_CHECKING:
    from kdoctor.report import Options
    from kdoctor.report.layout import Page

FORMATS = ("text", "json", "junit", "github", "markdown")


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

    def left(self, default: float) -> float:
        """Return the seconds left of the run's deadline, at least half of it: to start has cost some."""
        from kdoctor.cli import BEGAN

        whole = self.timeout or default
        return max(whole - (time.monotonic() - BEGAN), whole / 2)

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


class Consent(NamedTuple):
    """What the person has agreed to on the command line; `trusted` are fingerprints of certificates."""

    apply: bool = False
    yes: bool = False
    rollback: bool = False
    weaker_trust: bool = False
    allowed_files: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


def outputs_of(wanted: list[str]) -> tuple[tuple[str, Path | None], ...]:
    """Return the formats, each with its file or None for standard output.

    Raises:
        UsageError: a format that is not there, with the nearest, or two that both go to standard output.
    """
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


def language(wanted: str | None) -> str:
    """Return the language that --lang names, else the locale's.

    Raises:
        UsageError: there is no such language.
    """
    if wanted is not None and wanted not in ("en", "zh"):
        raise UsageError(f'--lang takes en or zh, not "{wanted}".')
    return wanted or locale_language()


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
