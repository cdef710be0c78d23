"""Colour by rich, imported only for it; markup, highlighting and emoji codes are off."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from kdoctor.report.layout import Line, Style

_STYLES: Mapping[Style, str] = {
    "": "",
    "title": "bold",
    "head": "bold",
    "bad": "bold red",
    "warn": "yellow",
    "good": "green",
    "dim": "dim",
    "command": "cyan",
}


def painted(lines: Iterable[Line]) -> str:
    """Return the lines with terminal colours, each as long as it is."""
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        color_system="standard",
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        legacy_windows=False,
        no_color=False,
        width=10_000,
    )
    for line in lines:
        text = Text()
        for span in line:
            text.append(span.text, _STYLES[span.style])
        text.rstrip()
        console.print(text)
    return out.getvalue()
