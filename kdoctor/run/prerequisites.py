"""The steps of a check that are about the host of a cluster: what the tool of `--for` needs of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from kdoctor import minikube
from kdoctor.machine import Machine
from kdoctor.model import Evidence, Severity
from kdoctor.probes import needs
from kdoctor.probes.runner import Place
from kdoctor.run.walk import Walk

_VM_DRIVERS = frozenset({"kvm2", "kvm", "qemu2", "qemu", "virtualbox", "vbox"})
_ON_DOCKER = frozenset({"docker", "kind"})
_ON_ENGINE = frozenset({"docker", "kind", "minikube"})


class Host:
    """The steps for one tool; elsewhere than on Linux the node has a kernel of its own, in a virtual machine."""

    def __init__(self, walk: Walk, place: Place, machine: Machine, tool: str, *, engine: bool) -> None:
        self.walk, self.place, self.machine, self.tool = walk, place, machine, tool
        self.engine = engine

    async def look(self) -> None:
        """Take all steps that apply; those about a kernel only where it is this machine's."""
        steps = [*self._programs(), *self._size()]
        if self.machine.os == "linux":
            steps += [*self._kernel(), self._node(), *self._virtual()]
        await asyncio.gather(*steps)

    def _step(self, name: str, **params: str) -> Coroutine[Any, Any, Evidence]:
        return self.walk.step(name, self.place, params, params)

    def _programs(self) -> list[Coroutine[Any, Any, object]]:
        needed = [self._step("tool", tool=name) for name in needs.PROGRAMS.get(self.tool, ())]
        return [*needed, *(self._useful(name) for name in needs.USEFUL.get(self.tool, ()))]

    async def _useful(self, name: str) -> None:
        """Look for a program that is missed with a warning."""
        await self._step("tool", tool=name)
        self.walk.found[:] = [
            replace(one, severity=Severity.WARNING.value)
            if one.facts.get("tool") == name and any(e.probe == "host.tool" for e in one.seen)
            else one
            for one in self.walk.found
        ]

    def _size(self) -> list[Coroutine[Any, Any, object]]:
        return [self._step("capacity", tool=self.tool)] if self.tool in needs.SIZES else []

    def _kernel(self) -> list[Coroutine[Any, Any, object]]:
        steps: list[Coroutine[Any, Any, object]] = [
            *(self._step("module", module=name) for name in needs.MODULES.get(self.tool, ())),
            *(self._step("setting", path=path) for path in needs.SETTINGS.get(self.tool, ())),
        ]
        steps += [self._step("cgroup", controller=name) for name in needs.CONTROLLERS.get(self.tool, ())]
        if self.tool in _ON_DOCKER and self.engine:
            self.walk.skip("kernel", self.place, self.tool, "the engine runs on this kernel")
        elif self.tool in needs.OPTIONS:
            steps.append(self._step("kernel", tool=self.tool))
        if self.tool in ("kind", "k3s", "kubeadm", "minikube"):
            steps.append(self._step("inotify"))
        if self.tool in _ON_ENGINE and self._rootless():
            steps.append(self._step("userns"))
        return steps

    def _rootless(self) -> bool:
        """Tell whether this user has a rootless Docker of its own: its socket, or the service that makes it."""
        uid, config = self.machine.uid, self.machine.env.get("XDG_CONFIG_HOME") or f"{self.machine.home}/.config"
        run = self.machine.env.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}"
        signs = (f"{run}/docker.sock", f"{config}/systemd/user/docker.service")
        return bool(uid) and any(self.machine.path(sign).exists() for sign in signs)

    async def _node(self) -> None:
        """Look whether the machine is free to become a node; one that is a node already has its own ports taken."""
        if self.tool == "kubeadm":
            runtime = self.walk.step("cri", self.place, {}, {"tool": self.tool})
            await asyncio.gather(self._step("swap"), self._step("node-name"), runtime)
            left = await self._step("leftovers", tool=self.tool)
            if left.outcome == "in-use":
                self.walk.skip("port", self.place, ", ".join(needs.PORTS[self.tool]), left.detail)
                return
        await asyncio.gather(*(self._port(port) for port in needs.PORTS.get(self.tool, ())))

    async def _port(self, port: str) -> None:
        held = await self.walk.runner.ask(self.place, "host.port", {"port": port})
        if self.tool == "k3s" and str(held.data.get("holder", "")).startswith("k3s"):
            self.walk.skip("port", self.place, port, "k3s runs here and has it")
            return
        await self._step("port", port=port)

    def _virtual(self) -> list[Coroutine[Any, Any, object]]:
        """Look at virtualization where minikube's driver makes a virtual machine."""
        if self.tool != "minikube":
            return []
        user: list[Coroutine[Any, Any, object]] = [self._step("user")] if not self.machine.env.get("SUDO_USER") else []
        found = minikube.profile(self.machine, minikube.default_profile(self.machine))
        driver = minikube.default_driver(self.machine) or (found.driver if found else "")
        if driver in _VM_DRIVERS:
            return [*user, self._step("virtualization")]
        self.walk.skip("virtualization", self.place, "/dev/kvm", f"the driver {driver or 'docker'} needs none")
        return user
