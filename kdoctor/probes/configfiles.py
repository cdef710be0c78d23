"""Do the configuration files of runtimes, units and resolvers say what their programs accept?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kdoctor.configs import containerd, dockercli, names, registries, units
from kdoctor.configs.slip import Slip
from kdoctor.machine import Machine
from kdoctor.model import UNSEEN, Value
from kdoctor.probes import daemonjson, kube
from kdoctor.probes.ask import Found
from kdoctor.settings import resolv

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

_UNITS = ("docker", "containerd", "crio", "k3s", "k3s-agent", "rke2-server", "rke2-agent", "kubelet", "podman")
_UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system")
_KUBELET = "/var/lib/kubelet/config.yaml"
_CERTS_D = "/etc/containerd/certs.d"
_KUBECONFIGS = ("kubeconfig", "admin.conf", "super-admin.conf", "kubelet.conf", "k3s.yaml", "rke2.yaml")
_FIXED = (
    "/etc/containerd/config.toml",
    "/etc/containers/registries.conf",
    "/etc/rancher/k3s/registries.yaml",
    "/etc/rancher/rke2/registries.yaml",
    "/etc/resolv.conf",
)


NAMES = (
    "config.toml",
    "hosts.toml",
    "registries.conf",
    "registries.conf.d/*",
    "registries.yaml",
    "*.service.d/*",
    "resolv.conf",
    "Corefile",
    "daemon.json",
    ".docker/config.json",
    ".kube/config",
    "*.kubeconfig",
    "admin.conf",
    "k3s.yaml",
)
"""The names, or folders, by which the kind of a file is told."""


def is_known(path: str) -> bool:
    """Tell whether kdoctor reads files of this name for mistakes."""
    return _reader(Machine(), path)[1] is not None


def known_files(machine: Machine) -> Iterator[str]:
    """Yield the paths of the files on this machine that kdoctor can read for mistakes."""
    yield from (path for path in _FIXED if machine.path(path).is_file())
    for registry in machine.entries(_CERTS_D):
        if machine.path(f"{_CERTS_D}/{registry}/hosts.toml").is_file():
            yield f"{_CERTS_D}/{registry}/hosts.toml"
    for name in machine.entries("/etc/containers/registries.conf.d"):
        if name.endswith(".conf"):
            yield f"/etc/containers/registries.conf.d/{name}"
    for folder in _UNIT_FOLDERS:
        for unit in _UNITS:
            yield from (f"{folder}/{unit}.service.d/{n}" for n in machine.entries(f"{folder}/{unit}.service.d"))


async def file(ask: Asking, path: str) -> Found:
    """Read one file for mistakes; the worst is told, the others are listed."""
    machine = ask.vantage.machine
    family, read = _reader(machine, path)
    if read is None:
        return Found(UNSEEN, f"{path} is of a kind that kdoctor does not read", target=path)
    if not machine.path(path).exists():
        return Found("missing", f"{path} does not exist", {"path": path}, path)
    text = machine.read(path)
    if text is None:
        return Found(UNSEEN, f"{path} may not be read by this user", {"path": path}, path)
    return told_of(read(text), path, family)


def told_of(slips: Iterable[Slip], path: str, family: str) -> Found:
    """Return what the slips of a text come to; the worst is told, the others are listed."""
    found = sorted(slips, key=lambda slip: slip.weight != "invalid")
    data: dict[str, Value] = {"path": path, "family": family}
    if family == "kubeconfig":
        data["kubeconfig"] = path
    if not found:
        return Found("ok", f"{path} has no mistake that kdoctor knows", data, path)
    worst = found[0]
    data |= {"mistake": worst.mistake, "problem": worst.problem, "others": tuple(_told(s, path) for s in found[1:])}
    if worst.line is not None:
        data["line"] = worst.line
    return Found(worst.weight, _told(worst, path), data, path)


def _told(slip: Slip, path: str) -> str:
    return f"{path}{f', line {slip.line}' if slip.line else ''}: {slip.problem}"


def _reader(machine: Machine, path: str) -> tuple[str, Callable[[str], Iterator[Slip]] | None]:
    """Return the family of a file, by its path, and what reads it."""
    parts = path.replace("\\", "/").split("/")
    name, parent = parts[-1], parts[-2] if len(parts) > 1 else ""
    if name == "hosts.toml":
        return "hosts", lambda text: containerd.hosts(text, parent)
    if name == "config.toml":
        kubernetes, cgroups = _kubelet(machine)
        return "containerd", lambda text: containerd.config(text, kubernetes=kubernetes, kubelet_cgroups=cgroups)
    if name == "registries.conf" or parent == "registries.conf.d":
        return "registries", registries.registries_conf
    if name == "registries.yaml":
        return "k3s", registries.registries_yaml
    if parent.endswith(".service.d"):
        return f"unit-{parent.removesuffix('.service.d')}", lambda text: units.drop_in(text, name)
    if name == "resolv.conf":
        return "resolv", names.resolv_conf
    if name == "daemon.json":
        return "daemon-json", _daemon_json
    if name == "config.json" and parent in (".docker", "docker"):
        return "docker-command", dockercli.config
    if (name == "config" and parent == ".kube") or name in _KUBECONFIGS or name.endswith(".kubeconfig"):
        return "kubeconfig", lambda _: _kubeconfig(machine, path)
    if name == "Corefile":
        return "corefile", lambda text: names.corefile(text, _upstream(machine))
    return "", None


def _daemon_json(text: str) -> Iterator[Slip]:
    """Yield what a dockerd makes of daemon.json whose version and command line are not known."""
    found = daemonjson.examine(text)
    if found.outcome != "ok":
        yield Slip(found.outcome, "invalid", found.problem, found.line)
    elif found.problem:
        yield Slip("passed-over", "ignored", found.problem, found.line)


def _kubeconfig(machine: Machine, path: str) -> Iterator[Slip]:
    found = kube.looked_at(replace(machine, env={**machine.env, "KUBECONFIG": path}))
    if found.outcome != "ok":
        line = found.data.get("line")
        problem = str(found.data.get("problem") or found.detail)
        yield Slip(found.outcome, "invalid", problem, line if isinstance(line, int) else None)


def _kubelet(machine: Machine) -> tuple[bool, str]:
    """Tell whether a kubelet is set up here, and its cgroupDriver (empty where its file does not say)."""
    text = machine.read(_KUBELET)
    driver = re.search(r"^cgroupDriver:\s*\"?(\w+)", text or "", re.MULTILINE)
    return text is not None, driver[1] if driver else ""


def _upstream(machine: Machine) -> Sequence[str]:
    return resolv.read(machine).servers
