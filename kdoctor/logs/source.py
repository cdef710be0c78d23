"""A text under its name."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple


class Source(NamedTuple):
    """A text under its name; `stream` is read once, to its end."""

    name: str
    stream: BinaryIO
