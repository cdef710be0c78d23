"""Where a probe runs, and what that place shares with whoever pulls: shown, or taken for not shared.

The shell vantage is this process. The docker vantage is the engine that the docker command uses here;
its probes run in this process as well, so each facet counts for the daemon only where both are shown to
share it; so do those of this machine's own runtime (runtime). Far vantages (remote.vantage) are asked where they are.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlsplit

from kdoctor import minikube
from kdoctor.machine import Machine
from kdoctor.remote import ways
from kdoctor.remote.vantage import Far, Unreached
from kdoctor.remote.vantage import look as look_afar
from kdoctor.remote.ways import Way
from kdoctor.runtime import Runtime
from kdoctor.runtime import find as find_runtime
from kdoctor.settings import containers, daemon, dockerd, known, proxy, resolv, sharing, shellfiles, trust
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.dockerd import Files, Mirror
from kdoctor.settings.engine import Endpoint, EngineError, EngineInfo, ask, endpoint
from kdoctor.settings.proxy import ProxySettings
from kdoctor.settings.resolv import ResolvConf
from kdoctor.settings.sharing import Facet, Sharing
from kdoctor.settings.trust import Trust

__all__ = ["Docker", "Facet", "Far", "Mirror", "Runtime", "Sharing", "Shell", "Vantage", "Vantages", "look"]

HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
"""The names of Docker Hub, the only registry that docker's registry-mirrors are for."""

_ENGINE_SECONDS = 3.0
_MOST_NODES = 4


class Vantage(Protocol):
    """A place that a probe's answer must hold for."""

    @property
    def name(self) -> str:
        """The vantage's name in reports: shell, docker."""

    @property
    def machine(self) -> Machine:
        """The machine of this process."""

    def sharing(self, facet: Facet) -> Sharing:
        """Tell whether a result got in this process holds for the puller."""

    def proxies(self) -> ProxySettings:
        """Return the proxy settings in effect for the puller."""

    def resolvers(self) -> ResolvConf:
        """Return the resolver settings of the puller."""

    def trust(self, registry: str) -> Trust:
        """Return what the puller's TLS handshake with host[:port] rests on."""

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        """Return the mirrors that the puller tries before the registry."""

    def platform(self) -> str:
        """Return the platform of the images that the puller takes, such as linux/amd64."""

    def known(self) -> frozenset[str]:
        """Return the proxies, resolvers and registries (as host and host:port) that settings name here."""


@dataclass(frozen=True, slots=True)
class Shell:
    """This process and programs started beside it."""

    machine: Machine
    name: str = "shell"

    def sharing(self, facet: Facet) -> Sharing:
        """Everything is shared with itself."""
        return Sharing(True, f"kdoctor runs here ({facet})")

    def proxies(self) -> ProxySettings:
        """Return what Go programs started here read from the environment."""
        return shellfiles.placed(proxy.from_environment(self.machine.env), self.machine)

    def resolvers(self) -> ResolvConf:
        """Return what Go programs started here read from resolv.conf."""
        return resolv.read(self.machine)

    def trust(self, registry: str) -> Trust:
        """Return the CA files that Go programs started here read."""
        if self.machine.os != "linux":
            return Trust(system=True)
        return Trust(ca_files=trust.system_ca_files(self.machine, self.machine.env))

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        """A shell pulls nothing by itself."""
        return ()

    def platform(self) -> str:
        """Return Linux on this machine's architecture: what container engines run here."""
        return f"linux/{self.machine.arch}"

    def known(self) -> frozenset[str]:
        """Return what the environment, resolv.conf and the docker command's configuration name."""
        return frozenset(known.of_puller(self.proxies(), self.resolvers()) | known.of_docker_cli(self.machine))


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine that the docker command uses, as it was when looked at.

    `info` is None where the engine did not answer; then `failure` says why. `shares` holds the sharing
    of every facet but "none".
    """

    machine: Machine
    endpoint: Endpoint
    info: EngineInfo | None
    failure: EngineError | None
    process: DaemonProcess | None
    files: Files
    shares: Mapping[str, Sharing] = field(default_factory=dict)
    name: str = "docker"

    def sharing(self, facet: Facet) -> Sharing:
        """Return what was shown when the engine was looked at."""
        if facet == "none":
            return Sharing(True, "it is about this machine")
        return self.shares.get(facet, Sharing(False, "it was not shown"))

    def proxies(self) -> ProxySettings:
        """Return the proxies of GET /info or of the process, with the place that sets each."""
        return dockerd.proxies(self.files, self.info)

    def resolvers(self) -> ResolvConf:
        """Return the resolver settings of the daemon's own file system, unseen where that is hidden."""
        if self.files.prefix is None:
            return ResolvConf(servers=(), unseen=self.shares["names"].because)
        return resolv.read(self.machine, self.files.prefix)

    def trust(self, registry: str) -> Trust:
        """Return the daemon's CA files, those of certs.d for the registry, and whether it is insecure."""
        prefix = self.files.prefix
        info = self.info or EngineInfo()
        insecure = trust.is_insecure(registry, info.insecure, info.insecure_networks)
        networks = tuple(dict.fromkeys((*trust.loopback_networks(), *info.insecure_networks)))
        if prefix is None or self.machine.os != "linux":
            return Trust(insecure=insecure, insecure_networks=networks, system=True)
        env = dockerd.certificate_environment(self.files)
        own = Trust() if registry in HUB else trust.certs_d(self.machine, self.files.certs_d, registry)
        return Trust(
            ca_files=(*trust.system_ca_files(self.machine, env, prefix), *own.own_ca_files),
            own_ca_files=own.own_ca_files,
            client=own.client,
            insecure=insecure,
            insecure_networks=networks,
            problem=own.problem,
            ca_folder=f"{self.files.shown(self.files.certs_d[0])}/{registry}",
        )

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        """Return registry-mirrors for Docker Hub, none for other registries."""
        return dockerd.mirrors(self.files, self.info) if registry in HUB else ()

    def platform(self) -> str:
        """Return the engine's platform, or Linux on this architecture where it does not say."""
        if self.info is None or not self.info.arch:
            return f"linux/{self.machine.arch}"
        return f"{self.info.os_type}/{self.info.arch}"

    def known(self) -> frozenset[str]:
        """Return what the daemon's settings, its resolv.conf and certs.d name."""
        mirrors = [urlsplit(mirror.url).netloc for mirror in self.mirrors("docker.io")]
        insecure = self.info.insecure if self.info else ()
        found = known.of_puller(self.proxies(), self.resolvers(), [*mirrors, *insecure])
        found |= known.of_docker_cli(self.machine) | known.of_certs_d(self.machine, self.files.certs_d)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Vantages:
    """The vantages of this machine. `no_docker` says why there is no docker vantage.

    `runtime` is the containerd or CRI-O that pulls for Kubernetes on this machine itself.

    `far` are the nodes of local clusters and what --via names, the latter first; `unreached` are those
    that could not be asked.
    """

    shell: Shell
    docker: Docker | None = None
    no_docker: str = ""
    far: tuple[Far, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    runtime: Runtime | None = None

    def all(self) -> tuple[Vantage, ...]:
        """Return the vantages that there are."""
        own = (one for one in (self.docker, self.runtime) if one is not None)
        return (self.shell, *own, *self.far)

    def named(self, name: str) -> Vantage | None:
        """Return a vantage by its name."""
        return next((v for v in self.all() if v.name == name), None)


async def look(
    machine: Machine, timeout: float = _ENGINE_SECONDS, via: Sequence[Way] = (), *, nodes: bool = True
) -> Vantages:
    """Find the vantages: this shell, the engine, what --via names, and with `nodes` those of local clusters.

    Asking the engine takes at most `timeout` seconds, and as long again whatever lies beyond.
    """
    near, asked = await asyncio.gather(_near(machine, timeout), _all_afar(via, timeout))
    own = await _local_nodes(machine, near.docker, timeout) if nodes else []
    new = [way for way in own if all(way.name != one.name for one in via)]
    found = [*asked, *await _all_afar(new, timeout)]
    far = tuple(one for one in found if isinstance(one, Far))
    return replace(near, far=far, unreached=tuple(one for one in found if isinstance(one, Unreached)))


async def _all_afar(found: Sequence[Way], timeout: float) -> list[Far | Unreached]:
    return await asyncio.gather(*(look_afar(way, timeout) for way in found))


async def _local_nodes(machine: Machine, docker: Docker | None, timeout: float) -> list[Way]:
    """Return the ways into running nodes of local clusters: docker exec, and minikube ssh into machines."""
    found: list[Way] = []
    if docker is not None and docker.info is not None and shutil.which("docker"):
        try:
            listed = await containers.nodes(machine, docker.endpoint, timeout)
        except EngineError:
            listed = []
        running = [node for node in listed if node.state == "running" and not node.helper]
        found += [
            replace(ways.docker_exec(node.name), tool=node.tool, cluster=node.cluster, asked=False)
            for node in sorted(running, key=lambda node: node.minor)[:_MOST_NODES]
        ]
    if shutil.which("minikube"):
        for profile in minikube.profiles(machine):
            if profile.driver not in minikube.CONTAINER_DRIVERS and minikube.runs(machine, profile):
                way = ways.minikube(profile.name)
                found.append(replace(way, tool="minikube", cluster=profile.name, asked=False))
    return found


async def _near(machine: Machine, timeout: float) -> Vantages:
    """Find this shell and the engine."""
    shell = Shell(machine)
    where = endpoint(machine)
    path = where.socket
    process = daemon.find(machine, path) if path is not None else None
    absent = path is not None and process is None and not machine.path(path).exists()
    if absent and where.default and not _installed(machine):
        why = f"{path} does not exist and dockerd is not installed here"
        return Vantages(shell, no_docker=why, runtime=find_runtime(machine))
    info: EngineInfo | None = None
    failure: EngineError | None = None
    try:
        info = await ask(machine, where, timeout)
    except EngineError as error:
        failure = error
    return Vantages(shell, _docker(machine, where, info, failure, process), runtime=find_runtime(machine))


def _installed(machine: Machine) -> bool:
    folders = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/snap/bin", "/opt/bin")
    return any(machine.path(f"{folder}/dockerd").exists() for folder in folders)


def _docker(
    machine: Machine,
    where: Endpoint,
    info: EngineInfo | None,
    failure: EngineError | None,
    process: DaemonProcess | None,
) -> Docker:
    apart = sharing.apart(machine, where, info)
    if apart:
        process = None
    network = Sharing(False, apart) if apart else sharing.network(machine, where, info, process)
    prefix = None if apart else sharing.prefix(machine, info, process, network)
    rootless = info.rootless if info else False
    desktop = info.desktop if info else where.context.startswith("desktop")
    names = sharing.names(machine, network, prefix)
    shares = {
        "network": network,
        "names": names,
        "trust": Sharing(True, f"{names.because}; its CA files are read") if names.shared else names,
        "settings": sharing.settings(where, info, process),
    }
    files = Files(machine, prefix, process, rootless, desktop)
    return Docker(machine, where, info, failure, process, files, shares)
