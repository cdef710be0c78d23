"""Local clusters: minikube's profiles and drivers, kind, k3d and k3s, from files and the engine's list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor import kubeconfig, minikube
from kdoctor.kubeconfig import KubeconfigError
from kdoctor.minikube import CONTAINER_DRIVERS, Profile
from kdoctor.model import UNSEEN, Value
from kdoctor.probes import containers
from kdoctor.probes.ask import Found
from kdoctor.probes.dockerhost import find_program
from kdoctor.probes.threads import in_thread
from kdoctor.settings import daemon
from kdoctor.settings.engine import EngineError

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.containers import NodeContainer

# Driver to the program that minikube looks for (minikube pkg/minikube/registry/drvs).
_DRIVERS = {
    "docker": "docker",
    "podman": "podman",
    "kvm2": "virsh",
    "qemu2": "qemu-system-x86_64",
    "virtualbox": "VBoxManage",
    "hyperkit": "hyperkit",
    "vfkit": "vfkit",
    "krunkit": "krunkit",
    "hyperv": "powershell",
    "parallels": "prlctl",
    "vmware": "vmrun",
    "vmwarefusion": "vmrun",
}
_ALIASES = {"kvm": "kvm2", "qemu": "qemu2", "vbox": "virtualbox"}
_STATES = {"running": "running", "paused": "paused", "restarting": "running"}


# --- minikube ----------------------------------------------------------------------------------


async def minikube_profile(ask: Asking, profile: str | None = None) -> Found:
    """Read the profile's files, then look for its container or its machine's process."""
    machine = ask.vantage.machine
    name = profile or minikube.default_profile(machine)
    found = minikube.profile(machine, name)
    data: dict[str, Value] = {"profile": name}
    if found is None:
        if find_program(machine, "minikube") is None and not machine.path(minikube.home(machine)).is_dir():
            return Found("no-tool", "minikube is not installed, or not on PATH", data, name)
        return Found("none", f'there is no minikube profile "{name}"', data, name)
    data["path"] = found.path
    if found.problem:
        return Found("broken", f'the profile "{name}": {found.problem}', {**data, "problem": found.problem}, name)
    data |= {"driver": found.driver, "runtime": found.runtime}
    if found.driver in CONTAINER_DRIVERS:
        return await _profile_container(ask, found, data)
    return await _profile_machine(machine, found, data)


async def _profile_container(ask: Asking, profile: Profile, data: dict[str, Value]) -> Found:
    name = profile.name
    if profile.driver == "podman":
        return Found(UNSEEN, f'the profile "{name}" runs in podman, which kdoctor does not ask', data, name)
    try:
        nodes = await containers.nodes(ask)
    except EngineError as error:
        return Found(UNSEEN, f'the container of the profile "{name}" cannot be looked at: {error.detail}', data, name)
    node = next((n for n in nodes if n.tool == "minikube" and n.name == name), None)
    if node is None:
        problem = f'this engine has no container "{name}" (deleted, or made with another Docker context)'
        return Found("broken", f'the profile "{name}" is there, but {problem}', {**data, "problem": problem}, name)
    outcome = _STATES.get(node.state, "stopped")
    return Found(outcome, f'the container of the profile "{name}" is {node.state}', data, name)


async def _profile_machine(machine: Machine, profile: Profile, data: dict[str, Value]) -> Found:
    name = profile.name
    if profile.driver not in ("none", "ssh") and not minikube.has_machine(machine, name):
        problem = f"{minikube.home(machine)}/machines/{name} is missing"
        return Found("broken", f'the profile "{name}" has no machine: {problem}', {**data, "problem": problem}, name)
    if profile.driver not in minikube.MACHINE_MARKS:
        return Found(
            UNSEEN, f"whether a machine of the driver {profile.driver} runs cannot be seen from here", data, name
        )
    running = await in_thread(minikube.runs, machine, profile)
    if running is None:
        return Found(UNSEEN, "the processes of this machine cannot be listed", data, name)
    says = "runs" if running else "does not run"
    outcome = "running" if running else "stopped"
    return Found(outcome, f'the {profile.driver} machine of the profile "{name}" {says}', data, name)


async def minikube_driver(ask: Asking, driver: str | None = None) -> Found:
    """Look for the driver's program and for what it needs: the engine, /dev/kvm, libvirt's socket."""
    machine = ask.vantage.machine
    available = tuple(name for name, tool in _DRIVERS.items() if find_program(machine, tool))
    named = driver or minikube.default_driver(machine) or _profile_driver(machine)
    name = _ALIASES.get(named, named)
    data: dict[str, Value] = {"available": available}
    if not name:
        if not available:
            return Found("none", "no minikube driver is named, and none of their programs is installed", data)
        name = "docker" if "docker" in available else available[0]
    data["driver"] = name
    if name in ("none", "ssh"):
        return Found("ok", f"the driver {name} needs no program", data, name)
    if name not in _DRIVERS:
        return Found(UNSEEN, f"kdoctor does not know the minikube driver {name[:60]!r}", data, name)
    tool = _DRIVERS[name]
    data["tool"] = tool
    if name not in available:
        return Found("missing", f"the driver {name} needs {tool}, which is not on PATH", data, name)
    problem = await _health(ask, name)
    if problem is not None:
        return Found("unhealthy", f"the driver {name} is installed, but {problem}", {**data, "problem": problem}, name)
    return Found("ok", f"the driver {name} is installed and usable", data, name)


def _profile_driver(machine: Machine) -> str:
    found = minikube.profile(machine, minikube.default_profile(machine))
    return found.driver if found is not None else ""


async def _health(ask: Asking, driver: str) -> str | None:
    """Return why an installed driver is not usable, as far as that shows without running it."""
    if driver == "docker":
        said = await ask.other("docker.ping")
        return None if said.outcome == "ok" or not said.known else f"Docker does not answer: {said.detail}"
    if driver in ("kvm2", "qemu2") and ask.vantage.machine.os == "linux":
        return await in_thread(_kvm_problem, ask.vantage.machine, driver)
    return None


def _kvm_problem(machine: Machine, driver: str) -> str | None:
    device = machine.path("/dev/kvm")
    if not device.exists():
        return "/dev/kvm does not exist: virtualization is off in the firmware, or this is a VM without it"
    if driver == "qemu2":
        return None if os.access(device, os.R_OK | os.W_OK) else "this user may not open /dev/kvm (group kvm)"
    sockets = [machine.path(f"/{folder}/libvirt/libvirt-sock") for folder in ("var/run", "run")]
    existing = next((path for path in sockets if path.exists()), None)
    if existing is None:
        return "libvirtd does not run: /var/run/libvirt/libvirt-sock does not exist"
    return None if os.access(existing, os.R_OK | os.W_OK) else "this user may not open libvirt's socket (group libvirt)"


# --- clusters ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cluster:
    tool: str
    name: str
    running: bool

    @property
    def shown(self) -> str:
        return f"{self.tool}:{self.name}"

    @property
    def context(self) -> str:
        """Return the kubeconfig context that the tool writes."""
        return self.name if self.tool == "minikube" else "default" if self.tool == "k3s" else f"{self.tool}-{self.name}"


async def clusters(ask: Asking, cluster: str | None = None) -> Found:
    """List the local clusters; the outcome is that of the one named, else of the current context's, else of all."""
    machine = ask.vantage.machine
    blind = ""
    nodes: list[NodeContainer] = []
    try:
        nodes = await containers.nodes(ask)
    except EngineError as error:
        if error.outcome != "no-socket":
            blind = error.detail
    found = [*_of_nodes(nodes), *await _of_files(machine, nodes)]
    data: dict[str, Value] = {
        "clusters": tuple(c.shown for c in found),
        "stopped": tuple(c.shown for c in found if not c.running),
    }
    chosen = _chosen(machine, found, cluster)
    if chosen is not None:
        data |= {"tool": chosen.tool, "name": chosen.name}
        state = "running" if chosen.running else "stopped"
        return Found(state, f'the {chosen.tool} cluster "{chosen.name}" is {state}', data, chosen.shown)
    if blind:
        return Found(UNSEEN, f"the engine's containers cannot be listed: {blind}", data)
    if cluster is not None or not found:
        which = f'local cluster "{cluster}"' if cluster is not None else "local cluster (minikube, kind, k3d, k3s)"
        return Found("none", f"there is no {which}", data)
    running = [c.shown for c in found if c.running]
    if running:
        return Found("running", f"running: {', '.join(running)}", data)
    return Found("stopped", f"stopped: {', '.join(c.shown for c in found)}", data)


def _of_nodes(nodes: list[NodeContainer]) -> list[_Cluster]:
    """Return the clusters of node containers; one runs when its control plane's nodes do."""
    grouped: dict[tuple[str, str], list[NodeContainer]] = {}
    for node in nodes:
        grouped.setdefault((node.tool, node.cluster), []).append(node)
    out = []
    for (tool, name), members in grouped.items():
        major = [node for node in members if not node.minor] or members
        out.append(_Cluster(tool, name, all(node.state == "running" for node in major)))
    return out


async def _of_files(machine: Machine, nodes: list[NodeContainer]) -> list[_Cluster]:
    """Return minikube's machines, and k3s."""
    out = []
    listed = {node.cluster for node in nodes if node.tool == "minikube"}
    for profile in minikube.profiles(machine):
        marked = profile.driver in minikube.MACHINE_MARKS
        if profile.name not in listed and marked and minikube.has_machine(machine, profile.name):
            running = await in_thread(minikube.runs, machine, profile)
            out.append(_Cluster("minikube", profile.name, bool(running)))
    if machine.path("/etc/rancher/k3s").is_dir() and (
        find_program(machine, "k3s") or machine.path("/usr/local/bin/k3s").exists()
    ):
        out.append(_Cluster("k3s", "default", bool(daemon.running(machine, ("k3s-server", "k3s-agent")))))
    return out


def _chosen(machine: Machine, found: list[_Cluster], cluster: str | None) -> _Cluster | None:
    if cluster is not None:
        return next((c for c in found if cluster in (c.name, c.context, c.shown)), None)
    try:
        current = kubeconfig.load(machine).current
    except KubeconfigError:
        return None
    return next((c for c in found if c.context == current), None)
