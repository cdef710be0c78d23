"""The contract between a probe's function and whoever runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kdoctor.model import Evidence, Value
    from kdoctor.probes.login import Login
    from kdoctor.vantages import Vantage


@dataclass(frozen=True, slots=True)
class Found:
    """What a probe's function returns: an outcome of its kind, a sentence for the person, the data."""

    outcome: str
    detail: str = ""
    data: Mapping[str, Value] = field(default_factory=dict)
    target: str | None = None


class Asking(Protocol):
    """What a probe may use: its vantage, the time it has, other probes, and the rules of safety."""

    @property
    def vantage(self) -> Vantage:
        """The place the answer must hold for."""

    @property
    def remaining(self) -> float:
        """Seconds until this probe is cut off."""

    @property
    def trusted_hosts(self) -> frozenset[str]:
        """Registries (host[:port]) that more than /v2/ may be asked of: well known, in settings, by flag."""

    def login(self, registry: str) -> Awaitable[Login | None]:
        """Return the stored login for exactly this registry, where this run may take it."""

    def other(self, kind: str, **params: str) -> Awaitable[Evidence]:
        """Run another probe at the same vantage; equal questions are asked once."""


ProbeFunction = "Callable[[Asking, ...], Awaitable[Found]]"
