"""Node containers of local clusters, listed by the engine of a probe's vantage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kdoctor.settings import containers
from kdoctor.settings.containers import NodeContainer
from kdoctor.settings.engine import endpoint
from kdoctor.vantages import Docker

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

__all__ = ["NodeContainer", "nodes"]

_MARGIN = 0.5


async def nodes(ask: Asking) -> list[NodeContainer]:
    """Return the node containers, running or not; raise EngineError."""
    vantage = ask.vantage
    where = vantage.endpoint if isinstance(vantage, Docker) else endpoint(vantage.machine)
    return await containers.nodes(vantage.machine, where, max(ask.remaining - _MARGIN, 0.1))
