"""containerd, CRI-O, podman and k3s: proxies of their services, registries of their own files."""

from __future__ import annotations

from collections.abc import Iterator

from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.pullers.rows import of_service
from kdoctor.settings import daemon, endpoints, proxyvalue
from kdoctor.settings import node as nodes
from kdoctor.settings.endpoints import Containerd, Endpoint
from kdoctor.settings.node import Node
from kdoctor.yamltext import YamlError


def containerd(machine: Machine) -> Iterator[SettingFound]:
    """Yield containerd's proxies and the mirrors of config.toml and of its hosts directory."""
    there = machine.is_file(endpoints.CONTAINERD) or machine.path("/run/containerd/containerd.sock").exists()
    if not there:
        return
    yield from of_service(machine, "containerd", "containerd.service", ("containerd",))
    pid = daemon.running(machine, ("containerd",)).get("containerd")
    yield from _of_containerd(machine, "containerd", endpoints.containerd(machine), pid)


def _of_containerd(machine: Machine, puller: str, setup: Containerd, pid: int | None = None) -> Iterator[SettingFound]:
    """Yield a config.toml's own endpoints, and those of its folders, which are read anew for each pull."""
    for one in setup.endpoints:
        yield from _rows(puller, one, *_standing(machine, one.path, pid, "containerd"))
    note = "" if setup.named else f"{setup.path} sets no registry config_path: ctr reads it, Kubernetes not"
    for folder in setup.folders:
        for one in endpoints.hosts(machine, folder):
            yield from _rows(puller, one, Standing.WRITTEN if setup.named else Standing.IGNORED, note)


def containers_image(machine: Machine) -> Iterator[SettingFound]:
    """Yield what CRI-O and podman read in registries.conf, and CRI-O's proxies."""
    crio = machine.is_dir("/etc/crio")
    if crio:
        yield from of_service(machine, "cri-o", "crio.service", ("crio",), ("/etc/sysconfig/crio", "/etc/default/crio"))
    for one in endpoints.registries_conf(machine):
        yield from _rows("cri-o, podman" if crio else "podman", one)


def of_node(node: Node) -> Iterator[SettingFound]:
    """Yield the mirrors, CA files and unverified registries of the engine that pulls on another machine."""
    if node.engine == "dockerd":
        for mirror in nodes.mirrors(node, nodes.HUB):
            shown = proxyvalue.without_userinfo(mirror.url)
            yield SettingFound(
                node.name, "mirror", nodes.HUB, shown, mirror.source.text, mirror.file, mirror.line, Standing.WRITTEN
            )
    elif node.engine == "crio":
        for one in endpoints.registries_conf(node.machine):
            yield from _rows(node.name, one)
    elif node.engine == "containerd":
        for setup in endpoints.containerds(node.machine):
            yield from _of_containerd(node.machine, node.name, setup)


def k3s(machine: Machine) -> Iterator[SettingFound]:
    """Yield k3s's and RKE2's proxies (CONTAINERD_ names win for pulls) and registries.yaml."""
    for name, unit in (("k3s", "k3s.service"), ("rke2", "rke2-server.service")):
        if not machine.path(f"/etc/rancher/{name}").is_dir():
            continue
        service = unit.removesuffix(".service")
        files = (f"/etc/default/{service}", f"/etc/sysconfig/{service}", f"/etc/systemd/system/{unit}.env")
        yield from of_service(machine, name, unit, ("k3s-server", "k3s-agent") if name == "k3s" else ("rke2",), files)
        for path in files:
            yield from _prefixed(machine, name, path)
        yield from _registries_yaml(machine, name, f"/etc/rancher/{name}/registries.yaml")


def _prefixed(machine: Machine, puller: str, path: str) -> Iterator[SettingFound]:
    for number, line in enumerate((machine.read(path) or "").splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.startswith("CONTAINERD_") and name.endswith("_PROXY"):
            shown = proxyvalue.without_userinfo(value.strip("\"'"))
            yield SettingFound(puller, "proxy", name, shown, f"{name} in {path}", path, number, Standing.WRITTEN)


def _registries_yaml(machine: Machine, puller: str, path: str) -> Iterator[SettingFound]:
    try:
        found = list(endpoints.registries_yaml(machine, path))
    except YamlError as error:
        why = f"{error.problem} (line {error.line})"
        yield SettingFound(puller, "mirror", "", "", path, path, error.line, Standing.IGNORED, why)
        return
    pid = next(iter(daemon.running(machine, ("k3s-server", "k3s-agent", "rke2")).values()), None)
    standing, note = _standing(machine, path, pid, puller)
    for one in found:
        yield from _rows(puller, one, standing, note)


def _standing(machine: Machine, path: str, pid: int | None, service: str) -> tuple[Standing, str]:
    """Return how a file's settings stand that a process reads when it starts, and why they wait."""
    if pid is None or not daemon.edited_since(machine, path, pid):
        return Standing.WRITTEN, ""
    return Standing.PENDING, f"{path} was edited after process {pid} started: restart {service}"


def _rows(puller: str, one: Endpoint, standing: Standing = Standing.WRITTEN, note: str = "") -> Iterator[SettingFound]:
    """Yield the rows of an endpoint: as a mirror, as one that is not verified, and its CA files."""
    shown = proxyvalue.without_userinfo(one.url)
    where = f"{one.registry} in {one.path}"
    if one.pulls:
        yield SettingFound(puller, "mirror", one.registry, shown, where, one.path, one.line, standing, note)
    if one.insecure is not None:
        line = one.insecure or None
        yield SettingFound(puller, "insecure", one.registry, shown, where, one.path, line, standing, note)
    for ca, line in one.authorities:
        yield SettingFound(puller, "ca", one.registry, ca, f"ca in {one.path}", one.path, line, standing, note)
