"""What a run with probes knows before it asks: vantages, platforms, settings that name hosts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kdoctor import platforms
from kdoctor.machine import Machine
from kdoctor.model import Host
from kdoctor.probes.runner import Place, Runner
from kdoctor.registries import WELL_KNOWN
from kdoctor.rules.book import Book
from kdoctor.rules.commands import quoting
from kdoctor.rules.diagnose import Setting
from kdoctor.settings.known import host_forms, of_certs_d, of_docker_cli
from kdoctor.vantages import Docker, Vantages, look

Answer = TypeVar("Answer")

NODE_UNSEEN = (
    "the text comes from a node's runtime; from here kdoctor looks from this shell and from the Docker daemon only"
)


@dataclass(frozen=True, slots=True)
class Situation:
    """The machine as it was found; `known` are the hosts that settings here name, or flags."""

    machine: Machine
    vantages: Vantages
    host: Host
    known: frozenset[str]

    def place(self, name: str) -> Place:
        """Return where the probes of a vantage run."""
        vantage = self.vantages.named(name)
        if vantage is not None:
            return Place(name, vantage)
        why = self.vantages.no_docker if name == "docker" else NODE_UNSEEN
        return Place(name, None, why)

    def registries(self, place: Place) -> list[str]:
        """Return the registries that settings here name: mirrors' upstream, stored logins, certs.d."""
        named = of_docker_cli(self.machine)
        vantage = place.vantage
        if isinstance(vantage, Docker):
            named |= of_certs_d(self.machine, vantage.files.certs_d)
            named |= {r for r in (vantage.info.insecure if vantage.info else ()) if not r.startswith("127.")}
        return sorted(name for name in named if "/" not in name and f"{name}:443" not in named)

    def restart(self, service: str) -> Sequence[str]:
        """Return this machine's command that restarts a service."""
        return platforms.service_command(self.host, service, "restart", root=self.machine.uid == 0)

    def setting(self, book: Book, lang: str, on: Sequence[str]) -> Setting:
        """Return what judging needs, with fixes for the platforms `on`."""
        return Setting(book, lang, on, self.restart, self.known, quoting(sys.platform))


async def survey(given: Iterable[str] = (), seconds: float = 3.0) -> Situation:
    """Look at this machine; `given` are registries named by flag."""
    machine = Machine.here()
    vantages = await look(machine, min(seconds, 3.0))
    host = await asyncio.to_thread(platforms.look, machine, vantages)
    known = {name for vantage in vantages.all() for name in vantage.known()}
    for registry in given:
        known |= host_forms(registry)
    return Situation(machine, vantages, host, frozenset(known))


def runner(situation: Situation, seconds: float, *, logins: bool = False) -> Runner:
    """Return the runner of a run: its clock starts now. With `logins` stored logins may be taken."""
    return Runner(seconds, frozenset(WELL_KNOWN) | situation.known, logins=logins)


def run(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end without waiting for threads that a blocking call still holds.

    asyncio.run joins the default executor's threads; a getaddrinfo that hangs would hold the exit up.
    """
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(coroutine)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        asyncio.set_event_loop(None)
        loop.close()
