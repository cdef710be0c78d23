"""From one Report to every output; a new output is one module here and one entry in RENDERERS."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol, cast

from kdoctor.masking import masked
from kdoctor.model import Report, Severity


class Options(NamedTuple):
    """How a report is to look. `verbose` counts the -v's, `width` is in columns.

    `fail_on` is the threshold of the exit status, for outputs that show failed and passed.
    """

    color: bool = False
    verbose: int = 0
    quiet: bool = False
    width: int = 80
    fail_on: Severity = Severity.ERROR


class Renderer(Protocol):
    """What turns a masked report into a document."""

    def render(self, report: Report, options: Options) -> str:
        """Return the document; it ends with a newline unless it is empty."""


class _Module(NamedTuple):
    """A renderer that is imported when it is used; the one place where reports are masked."""

    name: str

    def render(self, report: Report, options: Options) -> str:
        module = cast(Renderer, importlib.import_module(self.name))
        return module.render(masked(report), options)


RENDERERS: Mapping[str, Renderer] = {
    name: _Module(f"kdoctor.report.{name}") for name in ("text", "json", "junit", "github", "markdown")
}
"""Format of `-o` to its renderer."""
