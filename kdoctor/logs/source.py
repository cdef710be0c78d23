"""A text under its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Source:
    """A text under its name; `stream` is read once, to its end."""

    name: str
    stream: BinaryIO
