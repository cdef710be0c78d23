"""Runs probes: each question once, each within its time, each only where its answer would count."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor import platforms
from kdoctor.model import CUT, UNSEEN, Evidence
from kdoctor.probes.ask import Found
from kdoctor.probes.kinds import KINDS, Kind
from kdoctor.probes.wire import FAR
from kdoctor.remote.vantage import Far
from kdoctor.vantages import Vantage

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.login import Login

PROBE_SECONDS = 5.0
"""The most that one probe may take."""
FAR_SECONDS = 8.0
"""The most on another machine: every question is a login or an exec of its own."""

FROM_AFAR = frozenset(
    {"dns.resolvers", "dns.lookup", "dns.elsewhere", "dns.system", "tcp.connect", "host.disk", "host.tool"}
    | {"proxy.settings", "proxy.listeners", "proxy.speaks", "proxy.tunnel", "tls.handshake"}
    | {"registry.ping", "registry.token", "registry.manifest", "registry.platform", "registry.blob"}
    | {"registry.mirrors", "registry.control", "registry.substitute", "docker.insecure"}
)
"""The kinds of probe that another machine answers: those whose network and files are all taken from it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where probes run: a vantage, or none with the reason why nobody can look there."""

    name: str
    vantage: Vantage | None
    why_not: str = ""


class Runner:
    """Memory and clock of one run. `seconds` is what the whole run may take.

    With `logins` the registries' stored logins may be taken, and credential helpers be run. `near` answers
    what is asked about this machine (facet "none") where the place is another one.
    """

    def __init__(
        self,
        seconds: float,
        trusted_hosts: frozenset[str] = frozenset(),
        near: Place | None = None,
        *,
        logins: bool = False,
    ) -> None:
        self._end = time.monotonic() + seconds
        self._near = near
        self.trusted_hosts = trusted_hosts
        self._may_log_in = logins
        self._logins: dict[str, asyncio.Task[Login | None]] = {}
        self._asked: dict[tuple[str, str, tuple[tuple[str, str], ...]], asyncio.Task[Evidence]] = {}

    @property
    def left(self) -> float:
        """Seconds until the run's deadline, never below zero."""
        return max(self._end - time.monotonic(), 0.0)

    async def ask(self, place: Place, kind: str, params: Mapping[str, str]) -> Evidence:
        """Return the answer of one probe; never raises for what it finds."""
        return await asyncio.shield(self.begin(place, kind, params))

    def begin(self, place: Place, kind: str, params: Mapping[str, str]) -> asyncio.Task[Evidence]:
        """Ask one probe, once, and go on: whoever asks for the answer later waits the less."""
        if KINDS[kind].facet == "none" and kind not in FROM_AFAR:
            place = self._of_this_machine(place, KINDS[kind])
        if KINDS[kind].by_shell and not _can_look(place, KINDS[kind]):
            place = self._near or place
        key = (place.name, kind, tuple(sorted(params.items())))
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._run(place, KINDS[kind], params))
            self._asked[key] = task
        return task

    def _of_this_machine(self, place: Place, kind: Kind) -> Place:
        """Return the shell for what is of this machine whoever pulls, and for what is of the node that it is."""
        if self._near is None or self._near.vantage is None:
            return place
        if isinstance(place.vantage, Far):
            return place if kind.of_machine else self._near
        is_node = place.name == "node" and place.vantage is None and platforms.is_node(self._near.vantage.machine)
        return self._near if is_node else place

    async def login(self, machine: Machine, registry: str) -> Login | None:
        """Return the login that is stored for a registry, looked for once; None where none may be taken."""
        if not self._may_log_in or FAR.get() is not None:  # no login leaves for another machine
            return None
        from kdoctor.probes.login import stored

        if registry not in self._logins:
            self._logins[registry] = asyncio.create_task(stored(machine, registry))
        return await asyncio.shield(self._logins[registry])

    def answers(self) -> list[Evidence]:
        """Return every answer that is there, in the order of asking."""
        return [t.result() for t in self._asked.values() if t.done() and not t.cancelled() and t.exception() is None]

    async def _run(self, place: Place, kind: Kind, params: Mapping[str, str]) -> Evidence:
        target = ", ".join(params.values())
        if place.vantage is None:
            return Evidence(kind.id, target, place.name, UNSEEN, place.why_not)
        far = place.vantage if isinstance(place.vantage, Far) else None
        if far is not None and kind.id not in FROM_AFAR:
            return Evidence(kind.id, target, place.name, UNSEEN, f"this cannot be asked on {far.name}")
        sharing = place.vantage.sharing(kind.facet)
        if kind.facet != "none" and not sharing.shared:
            return Evidence(kind.id, target, place.name, UNSEEN, sharing.because)
        limit = min(PROBE_SECONDS if far is None else FAR_SECONDS, self.left)
        if limit <= 0:
            return Evidence(kind.id, target, place.name, CUT, "the deadline had come")
        began = time.monotonic()
        FAR.set(far)  # in the context of this task alone
        try:
            asking = _Asking(self, place, began + limit)
            found = await asyncio.wait_for(_function(kind)(asking, **params), limit)
        except TimeoutError:
            return Evidence(
                kind.id, target, place.name, CUT, f"no answer within {limit:.1f} s", time.monotonic() - began
            )
        except Exception as error:  # noqa: BLE001  (a probe's own defect must not end the run)
            _log.debug("the probe %s failed", kind.id, exc_info=True)
            found = Found(UNSEEN, f"the probe {kind.id} itself failed: {type(error).__name__}: {error}")
        seconds = time.monotonic() - began
        return Evidence(kind.id, found.target or target, place.name, found.outcome, found.detail, seconds, found.data)


@dataclass(frozen=True, slots=True)
class _Asking:
    """What a probe's function gets; see `ask.Asking`."""

    runner: Runner
    place: Place
    end: float

    @property
    def vantage(self) -> Vantage:
        assert self.place.vantage is not None
        return self.place.vantage

    @property
    def remaining(self) -> float:
        return max(self.end - time.monotonic(), 0.0)

    @property
    def trusted_hosts(self) -> frozenset[str]:
        return self.runner.trusted_hosts

    def login(self, registry: str) -> Awaitable[Login | None]:
        return self.runner.login(self.vantage.machine, registry)

    def other(self, kind: str, **params: str) -> Awaitable[Evidence]:
        return self.runner.ask(self.place, kind, params)


def _can_look(place: Place, kind: Kind) -> bool:
    return place.vantage is not None and (kind.facet == "none" or place.vantage.sharing(kind.facet).shared)


def _function(kind: Kind) -> Callable[..., Awaitable[Found]]:
    module, _, name = kind.run.partition(":")
    function: Callable[..., Awaitable[Found]] = getattr(importlib.import_module(module), name)
    return function
