"""The vantage of this machine's own container runtime: containerd or CRI-O, where Kubernetes pulls with it.

Its probes run in this process, which counts only where both are shown to share network and files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kdoctor.machine import Machine
from kdoctor.settings import daemon, known, node, resolv, trust
from kdoctor.settings.dockerd import Mirror
from kdoctor.settings.node import Node
from kdoctor.settings.proxy import ProxySettings
from kdoctor.settings.resolv import ResolvConf
from kdoctor.settings.sharing import Facet, Sharing
from kdoctor.settings.trust import Trust

NAMES = {"containerd": "containerd", "crio": "cri-o"}
"""The vantage's name, by engine."""

_SOCKETS = {"containerd": "/run/containerd/containerd.sock", "crio": "/run/crio/crio.sock"}

_PROGRAMS = ("containerd", "crio", "dockerd", "cri-dockerd", "kubelet", "k3s-server", "k3s-agent", "rke2")


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime that runs in this process's network and with its files; see vantages.Vantage."""

    machine: Machine
    node: Node
    because: str

    @property
    def name(self) -> str:
        """The vantage's name in reports: containerd or cri-o."""
        return NAMES[self.node.engine or "containerd"]

    def sharing(self, facet: Facet) -> Sharing:
        """Everything is shared: otherwise there is no such vantage."""
        return Sharing(True, f"{self.because} ({facet})")

    def proxies(self) -> ProxySettings:
        """Return the proxies in the environment of the runtime's process."""
        return node.proxies(self.node)

    def resolvers(self) -> ResolvConf:
        """Return the resolver settings of this machine."""
        return resolv.read(self.machine)

    def trust(self, registry: str) -> Trust:
        """Return the CA files of this machine, and what the runtime's settings say of the registry."""
        found = node.of_registry(self.node, registry)
        own = tuple(str(self.machine.path(path)) for path in found.own_ca_files)
        files = trust.system_ca_files(self.machine, self.node.env or {})
        return replace(found, own_ca_files=own, ca_files=(*files, *own))

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        """Return the endpoints that the runtime tries first."""
        return node.mirrors(self.node, registry)

    def platform(self) -> str:
        """Return Linux on this machine's architecture."""
        return f"linux/{self.machine.arch}"

    def known(self) -> frozenset[str]:
        """Return the hosts that the runtime's settings name."""
        return frozenset(known.of_puller(self.proxies(), self.resolvers(), node.named(self.node)))


def find(machine: Machine) -> Runtime | None:
    """Return the runtime that pulls for Kubernetes on this machine; None where there is none, or it is apart.

    The containerd beside a dockerd is Docker's own, unless a kubelet runs here (node.puller).
    """
    if machine.os != "linux":
        return None
    running = daemon.running(machine, _PROGRAMS)
    engine = node.puller({name: str(pid) for name, pid in running.items()})
    if engine not in NAMES:
        return None
    process = daemon.described(machine, running[engine], "the list of processes")
    if process.same_network is False or process.same_files is False:
        return None
    if process.same_network is None and not daemon.listens_here(machine, _SOCKETS[engine]):
        return None
    found = Node("this machine", machine, engine, str(process.pid), process.env)
    return Runtime(machine, found, f"{engine} (pid {process.pid}) runs on this machine")
