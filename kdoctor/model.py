"""The words of a diagnosis as plain data: what was seen, what it means, and what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # made only where a command lists such things
    from kdoctor.listings import Exemption, Offer, Proposal, SettingFound
from typing import Any

Value = str | int | float | bool | tuple[str, ...] | None
"""A fact or a field of a probe's result."""

Facts = Mapping[str, str]
"""Facts of a diagnosis: name (registry, proxy, ...) to value, as text."""


class Severity(StrEnum):
    """How bad a finding is; `--fail-on` compares them."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(StrEnum):
    """What the probes say of a candidate."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    UNCHECKED = "unchecked"


class Role(StrEnum):
    """The place of a diagnosis among the others of its report."""

    ROOT = "root"
    CONSEQUENCE = "consequence"
    ALTERNATIVE = "alternative"
    INDEPENDENT = "independent"


class Status(StrEnum):
    """The answer of a whole report; the exit status follows from it."""

    PROBLEM = "problem"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Risk(StrEnum):
    """What a fix may cost."""

    SAFE = "safe"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"
    WEAKENS_TRUST = "weakens-trust"


UNSEEN = "unseen"
"""Outcome of every probe kind: the vantage, or what it shares with the puller, could not be looked at."""

CUT = "cut"
"""Outcome of every probe kind: the deadline came first; not a failure."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One probe's answer: `probe` is its kind, `outcome` one of the kind's closed list, UNSEEN or CUT."""

    probe: str
    target: str
    vantage: str
    outcome: str
    detail: str = ""
    seconds: float = 0.0
    data: Mapping[str, Value] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Tell whether the probe could look and had the time to."""
        return self.outcome not in (UNSEEN, CUT)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one file in its own format, its values filled in; see `kdoctor.fixes.edits`.

    `facts` are the diagnosis's facts whose values enter it: one that only a text states is not written.
    `authority` is the SHA-256 fingerprint, in hexadecimal, of a certificate that a peer showed.
    """

    file: str
    format: str
    set: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, Any] = field(default_factory=dict)
    remove: Mapping[str, Any] = field(default_factory=dict)
    replace: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None
    copy: str | None = None
    authority: str | None = None
    first: bool = False
    repair: bool = False
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a fix: a sentence, and the command or the lines of a file that it is about.

    `command` is a line ready to paste; `file` and `content` are what to write where. What `kdoctor fix`
    does for the step: `edit` a file, run `argv` (taken back by `undo`), or `action` (restart, reload) the
    `service`; `lone` tells that the restart is the fix, not what must follow an edit; `later` that
    the command counts from the next login on.
    """

    text: str
    command: str | None = None
    file: str | None = None
    content: str | None = None
    edit: Edit | None = None
    argv: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    service: str | None = None
    action: str | None = None
    lone: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """A recipe filled in for this machine. `proof` is lab, source or docs.

    `check` is `verify` as an argument vector; `origin` the file of a user's folder that rule or recipe come from.
    `asked` tells that it is made only when it is asked for by name: nothing shows that it would help.
    `lacking` tells that a value of one of its edits is not known; `needs` are the rule's facts that would give it.
    """

    id: str
    title: str
    risk: Risk
    proof: str
    steps: tuple[Step, ...]
    verify: str | None = None
    platform: str | None = None
    check: tuple[str, ...] = ()
    origin: str | None = None
    asked: bool = False
    lacking: bool = False
    needs: tuple[str, ...] = ()

    @property
    def automatic(self) -> bool:
        """Tell whether `kdoctor fix` can make it: it edits, runs, or is a restart alone, and lacks no value."""
        return not self.lacking and any(step.edit is not None or step.argv or step.lone for step in self.steps)


@dataclass(frozen=True, slots=True)
class Matched:
    """The line (1-based) of the text that a rule's pattern hit, as the person gave it, shortened."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Location:
    """Where a failure stands in its source: first and last line (1-based) and how often."""

    source: str
    line: int
    last_line: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A rule with facts, verdict, evidence and fixes."""

    rule: str
    layer: str
    severity: Severity
    role: Role
    title: str
    verdict: Verdict
    because: str
    vantage: str
    facts: Facts
    why: str
    matched: Matched | None = None
    locations: tuple[Location, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One step of the walk; `skipped` says why it was not taken, and then `outcome` is empty.

    `path` is the image or registry that the walk leads to, empty for a step about the machine.
    """

    id: str
    vantage: str
    target: str
    outcome: str
    seconds: float = 0.0
    skipped: str | None = None
    detail: str = ""
    ok: bool = True
    path: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a URL from a vantage: `proxy` is the proxy's URL without userinfo, None for direct.

    `error` is set where Go refuses the request. `unseen` says why the vantage could not be asked.
    """

    url: str
    vantage: str
    proxy: str | None
    because: str
    error: str | None = None
    unseen: str | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known failure that shares words with a text no rule matches. Not a diagnosis.

    `shared` are words that the text and an `example` of the failure have in common, in the text's
    order; `only_text` and `only_rule` are words that only one of them has. `line` (1-based) is the
    text's. `score` is above 0 and at most 1: the shares of both that are in common, their harmonic mean.
    """

    rule: str
    title: str
    shared: tuple[str, ...] = ()
    only_text: tuple[str, ...] = ()
    only_rule: tuple[str, ...] = ()
    line: int | None = None
    example: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Platform:
    """One thing that is installed here: a runtime or a cluster tool, and how it was found."""

    id: str
    version: str | None = None
    found_by: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """The machine: OS and architecture in Go's words, service manager, CI system, platforms found.

    `container` tells that kdoctor itself runs in a container, as far as files and variables tell.
    """

    os: str
    arch: str
    service_manager: str | None = None
    ci: str | None = None
    platforms: tuple[Platform, ...] = ()
    container: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a command found; every output format and the exit status come from it alone.

    `offers` and `fixes` are the answer of `mirrors`: what each mirror serves, how to use the best one.
    `settings` and `exemptions` are the answer of `settings`: every value with its place, and what NO_PROXY lacks.
    `notices` are sentences about the run itself: what was cut, which user rule replaced which.
    `blind` tells that a check that applies here could not look.
    """

    command: str
    status: Status
    lang: str
    diagnoses: tuple[Diagnosis, ...] = ()
    checks: tuple[Check, ...] = ()
    routes: tuple[Route, ...] = ()
    nearest: tuple[Neighbour, ...] = ()
    offers: tuple[Offer, ...] = ()
    settings: tuple[SettingFound, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    fixes: tuple[Fix, ...] = ()
    host: Host | None = None
    proposal: Proposal | None = None
    notices: tuple[str, ...] = ()
    blind: bool = False
    seconds: float = 0.0

    def at_least(self, threshold: Severity) -> Sequence[Diagnosis]:
        """Return the diagnoses that are not refuted and at least as bad as `threshold`."""
        order = list(Severity)
        return [
            d
            for d in self.diagnoses
            if d.verdict is not Verdict.REFUTED and order.index(d.severity) <= order.index(threshold)
        ]
