"""The steps of a check that are about this machine: the daemon, the disk, tools, the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from kdoctor.machine import Machine
from kdoctor.model import Evidence, Severity
from kdoctor.probes.configfiles import known_files
from kdoctor.probes.runner import Place
from kdoctor.rules.match import match
from kdoctor.rules.steps import KIND_OF
from kdoctor.run.prerequisites import Host
from kdoctor.run.situation import Situation
from kdoctor.run.walk import Target, Walk

OWN_RUNTIME = frozenset({"kubeadm", "k3s"})
"""The tools whose nodes pull with containerd or CRI-O on this very machine, whatever Docker does here."""

_CLUSTERS = frozenset({"minikube", "kind", "k3s", "kubeadm"})


_TIME = "registry-1.docker.io"
_SIGNS = ("/etc/kubernetes/admin.conf", "/etc/rancher/k3s/k3s.yaml")


def _uses_clusters(machine: Machine) -> bool:
    """Tell whether a cluster has been used from here: kubectl leaves ~/.kube, a control plane its kubeconfig."""
    home = (
        machine.path(machine.home / ".kube").is_dir() or machine.path(machine.home / ".minikube" / "profiles").is_dir()
    )
    return home or bool(machine.env.get("KUBECONFIG")) or any(machine.path(sign).exists() for sign in _SIGNS)


class Local:
    """The local part of one check."""

    def __init__(
        self, walk: Walk, situation: Situation, place: Place, tool: str | None, configs: Sequence[str] = ()
    ) -> None:
        self.walk, self.situation, self.place, self.tool = walk, situation, place, tool
        self.configs = configs
        self.shell = situation.place("shell")
        self.engine = False

    async def daemon(self) -> bool:
        """Look whether the Docker daemon answers; True where none is concerned."""
        if self.tool in OWN_RUNTIME:
            self.walk.skip("daemon", self.shell, "docker", f"the nodes of {self.tool} have a runtime of their own")
            return True
        wanted = self.tool in ("docker", "kind")
        if self.situation.vantages.docker is None and not wanted:
            self.walk.skip("daemon", self.shell, "docker", self.situation.vantages.no_docker)
            return True
        daemon, _ = await asyncio.gather(
            self.walk.step("daemon", self.shell, {}, {}), self.walk.step("daemon-config", self.shell, {}, {})
        )
        self.engine = daemon.outcome == "ok"
        return self.engine

    async def rest(self, targets: Sequence[Target]) -> None:
        """Look at disk, credentials, tools and, where one is meant, the cluster."""
        steps = [self._host(targets), self._cluster(), self.configurations(), self._far_disks()]
        if self.place.name == "docker":
            steps += [self._disk(), self._credentials(targets)]
        await asyncio.gather(*steps)

    async def _disk(self) -> None:
        vantage = self.place.vantage
        if vantage is None or not vantage.sharing("names").shared:
            self.walk.skip("disk", self.place, "", vantage.sharing("names").because if vantage else self.place.why_not)
            return
        await self.walk.step("disk", self.place, {}, {})

    async def _far_disks(self) -> None:
        """Look at the disks of the other machines on which images are kept: cluster nodes, and where an engine runs."""
        far = [one for one in self.situation.vantages.far if one.way.tool or one.node.engine]
        await asyncio.gather(*(self.walk.step("disk", Place(one.name, one), {}, {}) for one in far))

    async def _credentials(self, targets: Sequence[Target]) -> None:
        registries = dict.fromkeys(target.registry for target in targets)
        await asyncio.gather(
            *(self.walk.step("credentials", self.shell, {"registry": r}, {"registry": r}) for r in registries)
        )

    async def configurations(self) -> None:
        """Read the configuration files that are here, and those that the person named, for mistakes."""
        here = () if self.configs else known_files(self.situation.machine)
        paths = (*self.configs, *here)
        await asyncio.gather(*(self.walk.step("config", self.shell, {"path": p}, {"path": p}) for p in paths))

    async def _host(self, targets: Sequence[Target]) -> None:
        if self.tool is not None:
            await self._clock(targets)
            await Host(self.walk, self.shell, self.situation.machine, self.tool, engine=self.engine).look()

    async def _clock(self, targets: Sequence[Target]) -> None:
        """Hold the clock against Docker Hub's, where that is asked anyway."""
        if not any(target.registry == _TIME for target in targets):
            return
        seen = await self.walk.runner.ask(self.place, KIND_OF["clock"], {"registry": _TIME})
        if seen.known:
            await self.walk.step("clock", self.place, {"registry": _TIME}, {"registry": _TIME})

    async def _cluster(self) -> None:
        machine = self.situation.machine
        meant = self.tool in _CLUSTERS
        if not (meant or _uses_clusters(machine)):
            self.walk.skip("kubeconfig", self.shell, "kubectl", "nothing here shows that a cluster is meant (--for)")
            return
        if self.tool == "minikube":
            await asyncio.gather(
                self.walk.step("profile", self.shell, {}, {}), self.walk.step("driver", self.shell, {}, {})
            )
        # the cluster's tool writes the kubeconfig: that there is none yet is no mistake before it has run
        seen = await self.walk.runner.ask(self.shell, KIND_OF["kubeconfig"], {})
        made = await self.walk.runner.ask(self.shell, KIND_OF["cluster"], {})
        begun = made.outcome in ("running", "stopped") or machine.path(_SIGNS[0]).exists()
        yet_to_come = meant and not begun and seen.outcome in ("missing", "empty")
        config = await self.walk.step("kubeconfig", self.shell, {}, {}, judge=not yet_to_come)
        if config.outcome in ("ok", "expired"):
            await self._current()
        self._only_warn()

    async def _current(self) -> None:
        """Look at the cluster of the current context: is it the one meant, does it answer, are its nodes ready?"""
        if self.tool in ("minikube", "kind"):
            await self.walk.step("context", self.shell, {"tool": self.tool}, {"tool": self.tool})
        await self.walk.step("cluster", self.shell, {}, {})
        answers = await self.walk.step("apiserver", self.shell, {}, {})
        if answers.outcome != "ok":
            return
        seen = await self.walk.runner.ask(self.shell, KIND_OF["nodes"], {})
        if not seen.known:  # a login by a plugin, or one that may not list nodes: the server answers all the same
            self.walk.skip("nodes", self.shell, "", seen.detail)
        else:
            await self._nodes(seen)
        names = await self.walk.runner.ask(self.shell, KIND_OF["corefile"], {})
        if names.known:
            await self.walk.step("corefile", self.shell, {}, {})
        else:
            self.walk.skip("corefile", self.shell, "", names.detail)

    async def _nodes(self, seen: Evidence) -> None:
        await self.walk.step("nodes", self.shell, {}, {})
        if seen.data.get("message"):
            told = match(self.walk.book, f"kubelet: {seen.data['message']}", "the node's condition")
            severity = None if seen.outcome == "not-ready" else Severity.WARNING.value
            self.walk.found += [replace(one, seen=(seen,), vantage=self.shell.name, severity=severity) for one in told]

    def _only_warn(self) -> None:
        """Before a cluster is made, none answers, and its tool writes the kubeconfig: a warning.

        Other chains add to the same list meanwhile; theirs stay as they are.
        """
        kinds = {KIND_OF[step] for step in ("profile", "kubeconfig", "cluster", "apiserver")}
        self.walk.found[:] = [
            replace(c, severity=Severity.WARNING.value) if any(e.probe in kinds for e in c.seen) else c
            for c in self.walk.found
        ]
