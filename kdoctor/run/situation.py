"""What a run with probes knows before it asks: vantages, platforms, settings that name hosts."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from kdoctor import kubeconfig, platforms
from kdoctor.kubeconfig import KubeconfigError
from kdoctor.machine import Machine
from kdoctor.model import Host
from kdoctor.probes.runner import Place, Runner
from kdoctor.registries import WELL_KNOWN
from kdoctor.remote import session, ways
from kdoctor.remote.vantage import Far
from kdoctor.rules.book import Book
from kdoctor.rules.commands import quoting
from kdoctor.rules.diagnose import Setting
from kdoctor.settings.known import host_forms, of_certs_d, of_docker_cli
from kdoctor.vantages import Docker, Vantages, look

Answer = TypeVar("Answer")

NODE_UNSEEN = (
    "the text comes from a node's runtime, and no node of a local cluster runs here; "
    "name the node with --via (ssh:HOST, docker-exec:CONTAINER, minikube, pod:NS/NAME)"
)
_LAST = 1.0
"""Seconds that what is cut off gets to let go of sockets and programs."""
NO_LIST = (
    "the text comes from a node's runtime, and nodes that are containers cannot be listed: {why}; "
    "name the node with --via (ssh:HOST, minikube, pod:NS/NAME)"
)
SEVERAL_NODES = "the text comes from a node's runtime, and it does not say which of {names}; name it with --via"


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
        lost = next((one for one in self.vantages.unreached if one.name == name), None)
        why = lost.because if lost else self.vantages.no_docker if name == "docker" else NODE_UNSEEN
        return Place(name, None, why)

    def nearest(self) -> Place:
        """Return who pulls on this machine: the Docker daemon, else the machine's own runtime, else the shell."""
        runtime = self.vantages.runtime
        return self.place("docker" if self.vantages.docker else runtime.name if runtime else "shell")

    def puller(self, name: str, text: str, *, sure: bool = True) -> Place:
        """Return the place of a text's puller: `name` is shell, docker or node; `sure` that the text shows it.

        What --via names comes first: the person says where the text is from. Only a text that is surely
        a Docker daemon's stays with the one here where what --via names has none.
        """
        asked = [far for far in self.vantages.far if far.way.asked]
        if name == "docker" and sure and self.vantages.docker is not None:
            asked = [far for far in asked if far.node.engine == "dockerd"]
        if asked:
            return Place(asked[0].name, asked[0])
        return self._node(text) if name == "node" else self.place(name)

    def _node(self, text: str) -> Place:
        far = self.vantages.far
        unreached = self.vantages.unreached
        runtime = self.vantages.runtime
        if runtime is not None and (not far or platforms.is_node(self.machine)) and not self._of_other(text):
            return Place(runtime.name, runtime)
        if not far:
            docker = self.vantages.docker
            silent = docker.failure.detail if docker and docker.failure else ""
            why = "; ".join(one.because for one in unreached) or (NO_LIST.format(why=silent) if silent else NODE_UNSEEN)
            return Place("node", None, why)
        said = [one for one in far if _named(text, one.machine.hostname) or _named(text, one.name.partition(":")[2])]
        clusters = {(one.way.tool, one.way.cluster) for one in far}
        fits = said or (list(far) if len(clusters) == 1 else self._current(far))
        if not fits:
            return Place("node", None, SEVERAL_NODES.format(names=", ".join(one.name for one in far)))
        return Place(fits[0].name, fits[0])

    def _of_other(self, text: str) -> bool:
        """Tell whether a text names a node that is a container or VM here."""
        names = [name for one in self.vantages.far for name in (one.machine.hostname, one.name.partition(":")[2])]
        return any(_named(text, name) for name in names)

    def _current(self, far: Sequence[Far]) -> list[Far]:
        """Return the nodes of the cluster that the kubeconfig's current context is for."""
        try:
            current = kubeconfig.load(self.machine).current
        except KubeconfigError:
            return []
        return [one for one in far if current in (f"{one.way.tool}-{one.way.cluster}", one.way.cluster)]

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

    def setting(self, book: Book, lang: str, on: Sequence[str], place: Place | None = None) -> Setting:
        """Return what judging needs, with fixes for the platforms `on`; first for the tool that made the node."""
        tool = place.vantage.way.tool if place and isinstance(place.vantage, Far) else ""
        on = tuple(dict.fromkeys((tool, *on))) if tool else on
        return Setting(book, lang, on, self.restart, self.known, quoting(sys.platform))


def _named(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


async def survey(
    given: Iterable[str] = (), seconds: float = 3.0, via: Sequence[str] = (), *, nodes: bool = True
) -> Situation:
    """Look at this machine; `given` are registries named by flag, `via` what --via names.

    With `nodes` the nodes of local clusters are looked at, too.
    """
    machine = Machine.here()
    vantages = await look(machine, min(seconds, 3.0), [ways.given(one) for one in via], nodes=nodes)
    host = await asyncio.to_thread(platforms.look, machine, vantages)
    known = {name for vantage in vantages.all() for name in vantage.known()}
    for registry in given:
        known |= host_forms(registry)
    return Situation(machine, vantages, host, frozenset(known))


def runner(situation: Situation, seconds: float, *, logins: bool = False) -> Runner:
    """Return the runner of a run: its clock starts now. With `logins` stored logins may be taken."""
    near = situation.place("shell")
    return Runner(seconds, frozenset(WELL_KNOWN) | situation.known, near, logins=logins)


def run(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run to the end without waiting for threads that a blocking call still holds.

    asyncio.run joins the default executor's threads; a getaddrinfo that hangs would hold the exit up.
    """
    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(coroutine)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=_LAST))
        for sentence in loop.run_until_complete(session.end_all()):
            print(f"kdoctor: {sentence}", file=sys.stderr)
        asyncio.set_event_loop(None)
        loop.close()
