"""A vantage on another machine: its settings as the script showed them, its network asked through the script."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kdoctor.remote.machine import FarMachine, machine_of
from kdoctor.remote.session import Session, SessionError
from kdoctor.remote.ways import Way
from kdoctor.settings import known, node, resolv
from kdoctor.settings.dockerd import Mirror
from kdoctor.settings.node import Node
from kdoctor.settings.proxy import ProxySettings
from kdoctor.settings.resolv import ResolvConf
from kdoctor.settings.sharing import Facet, Sharing
from kdoctor.settings.trust import Trust

_WAY_SECONDS = 5
"""What a login may take: a clock that differs by less is not said to differ."""


@dataclass(frozen=True, slots=True)
class Far:
    """A node, VM, host or pod as it was when looked at; see vantages.Vantage.

    `ahead` is by how many seconds its clock is ahead of this machine's; few are the way's own and count as none.
    """

    way: Way
    machine: FarMachine
    node: Node
    session: Session = field(repr=False, compare=False)
    ahead: int = 0

    @property
    def name(self) -> str:
        """The vantage's name in reports."""
        return self.way.name

    @property
    def relays(self) -> bool:
        """Tell whether the machine has the tools to carry a connection: bash with cat and sleep, or nc."""
        return "nc" in self.machine.tools or {"bash", "cat", "sleep"} <= self.machine.tools

    def sharing(self, facet: Facet) -> Sharing:
        """Everything is asked there."""
        return Sharing(True, f"it is asked on {self.name} itself ({facet})")

    def proxies(self) -> ProxySettings:
        """Return the proxies of the engine that pulls there."""
        return node.proxies(self.node)

    def resolvers(self) -> ResolvConf:
        """Return the resolver settings there."""
        text = self.machine.read(resolv.PATH)
        if text is None and resolv.PATH in self.machine.unseen:
            return ResolvConf(servers=(), unseen=f"{resolv.PATH} may not be read on {self.name}")
        if text is None:
            return ResolvConf(exists=False, fallback=True)
        return resolv.described(self.machine, text, self.machine.links.get(resolv.PATH, ""))

    def trust(self, registry: str) -> Trust:
        """Return the CA files there, and what the engine's settings say of the registry."""
        return node.trusted(self.node, registry)

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        """Return the mirrors of the engine there."""
        return node.mirrors(self.node, registry)

    def platform(self) -> str:
        """Return the platform of images there."""
        return f"linux/{self.machine.arch}"

    def known(self) -> frozenset[str]:
        """Return what the settings there name."""
        return frozenset(known.of_puller(self.proxies(), self.resolvers(), node.named(self.node)))


@dataclass(frozen=True, slots=True)
class Unreached:
    """A way that led nowhere, and why."""

    name: str
    because: str


async def look(way: Way, seconds: float) -> Far | Unreached:
    """Look at the other side; at most `seconds`."""
    try:
        if way.debug is not None:
            from kdoctor.remote.debugging import started

            way = await started(way)
        session = Session(way)
        began = time.time()
        machine = machine_of(await session.ask("facts", seconds))
    except SessionError as error:
        return Unreached(way.name, str(error))
    engine = node.puller(machine.pullers)
    pid = machine.pullers.get(engine or "", "")
    hidden = f"/proc/{pid}/environ" in machine.unseen
    env = None if hidden else machine.environments.get(pid or "self", {})
    ahead = 0 if machine.clock is None else round(machine.clock - (began + time.time()) / 2)
    far = Node(way.name, machine, engine, pid, env)
    return Far(way, machine, far, session, ahead if abs(ahead) > _WAY_SECONDS else 0)
