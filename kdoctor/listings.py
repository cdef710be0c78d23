"""What the commands that list things find, as plain data: mirrors, settings, a text to propose. Judged by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Offer:
    """What a mirror was seen to serve: `image` is the name asked for there, `outcome` as registry.manifest has it.

    `fits` tells that `repository` can stand in `--image-repository`; `same` whether the digest is the upstream's or
    another mirror's (None: nothing to compare with). `rate` is in bytes a second, `listed` False for the person's own.
    """

    repository: str
    of: str
    image: str
    outcome: str
    detail: str = ""
    vantage: str = "shell"
    seconds: float = 0.0
    digest: str | None = None
    same: bool | None = None
    rate: int | None = None
    fits: bool = False
    listed: bool = True
    country: str = ""
    last_known: str = ""
    source: str = ""

    @property
    def serves(self) -> bool:
        """Tell whether the manifest and, where they were asked for, the first bytes came."""
        return self.outcome == "ok"


class Standing(StrEnum):
    """What becomes of a setting."""

    EFFECTIVE = "effective"
    WRITTEN = "written"
    PENDING = "pending"
    IGNORED = "ignored"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class SettingFound:
    """One value that a puller's settings hold, and the place that it came from.

    `topic` is proxy, dns, mirror, insecure, ca or credentials. `standing`: effective, where the program itself
    or its process says so; written, where only its file does; pending, edited since the program started;
    ignored, not taken; unseen, where it could not be looked at. `note` says why. Values hold no secret.
    """

    puller: str
    topic: str
    name: str
    value: str
    source: str
    file: str | None = None
    line: int | None = None
    standing: Standing = Standing.EFFECTIVE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exemption:
    """What a puller's NO_PROXY lacks: `missing` in the words to add, `line` the whole value to paste.

    `dialect` says who reads it: go (CIDR, ports, a leading dot for names below), or suffix (names and single
    addresses only, as wget and older curl).
    """

    puller: str
    dialect: str
    value: str
    missing: tuple[str, ...]
    line: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text made fit to show to strangers: without secrets, and placeholders for private names.

    `replaced` counts the values of each kind that have a placeholder, `left_out` the lines before the
    text that are not shown; `engine` is the program whose words it seems to be.
    """

    text: str
    replaced: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    engine: str | None = None
