"""containerd, CRI-O, podman and k3s: proxies of their services, registries of their own files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdoctor import yamltext
from kdoctor.configs.slip import line_with, table, toml
from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.pullers.rows import of_service
from kdoctor.settings import proxyvalue

CONTAINERD_CONFIG = "/etc/containerd/config.toml"
_IMAGE_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "cri")
_REGISTRIES = ("/etc/containers/registries.conf", "/etc/containers/registries.conf.d")


def containerd(machine: Machine) -> Iterator[SettingFound]:
    """Yield containerd's proxies and the mirrors of config.toml and of its hosts directory."""
    there = machine.path(CONTAINERD_CONFIG).is_file() or machine.path("/run/containerd/containerd.sock").exists()
    if not there:
        return
    yield from of_service(machine, "containerd", "containerd.service", ("containerd",))
    config, text = _toml(machine, CONTAINERD_CONFIG)
    directory = ""
    for plugin in _IMAGE_PLUGINS:
        registry = table(config, "plugins", plugin, "registry")
        directory = directory or str(registry.get("config_path") or "")
        for host, mirror in table(registry, "mirrors").items():
            for endpoint in mirror.get("endpoint", []) if isinstance(mirror, dict) else []:
                yield _mirror("containerd", host, str(endpoint), CONTAINERD_CONFIG, line_with(text, str(endpoint)))
    for folder in directory.split(":") if directory else ("/etc/containerd/certs.d",):
        standing = Standing.WRITTEN if directory else Standing.IGNORED
        note = "" if directory else f"{CONTAINERD_CONFIG} sets no registry config_path: ctr reads it, Kubernetes not"
        yield from hosts(machine, "containerd", folder, standing, note)


def hosts(machine: Machine, puller: str, folder: str, standing: Standing, note: str = "") -> Iterator[SettingFound]:
    """Yield each host of the hosts.toml files below a directory (containerd docs/hosts.md)."""
    for registry in machine.entries(folder):
        path = f"{folder}/{registry}/hosts.toml"
        if not machine.path(path).is_file():
            continue
        config, text = _toml(machine, path)
        for url, options in table(config, "host").items():
            line = line_with(text, "[host", url)
            yield _mirror(puller, registry, url, path, line, standing, note)
            if isinstance(options, dict) and options.get("skip_verify") is True:
                where = f"skip_verify in {path}"
                yield SettingFound(
                    puller, "insecure", registry, url, where, path, line_with(text, "skip_verify"), standing
                )
            for ca in _texts(options.get("ca") if isinstance(options, dict) else None):
                yield SettingFound(puller, "ca", registry, ca, f"ca in {path}", path, line_with(text, ca), standing)


def containers_image(machine: Machine) -> Iterator[SettingFound]:
    """Yield what CRI-O and podman read in registries.conf (containers-registries.conf(5)), and CRI-O's proxies."""
    crio = machine.path("/etc/crio").is_dir()
    if crio:
        yield from of_service(machine, "cri-o", "crio.service", ("crio",), ("/etc/sysconfig/crio", "/etc/default/crio"))
    paths = [_REGISTRIES[0], *(f"{_REGISTRIES[1]}/{n}" for n in machine.entries(_REGISTRIES[1]) if n.endswith(".conf"))]
    puller = "cri-o, podman" if crio else "podman"
    for path in paths:
        config, text = _toml(machine, path)
        for entry in config.get("registry", []) if isinstance(config.get("registry"), list) else []:
            if not isinstance(entry, dict):
                continue
            name = str(entry.get("prefix") or entry.get("location") or "")
            if entry.get("insecure") is True:
                where = f"insecure in {path}"
                yield SettingFound(
                    puller, "insecure", name, name, where, path, line_with(text, "insecure"), Standing.WRITTEN
                )
            for mirror in entry.get("mirror", []) if isinstance(entry.get("mirror"), list) else []:
                location = str(mirror.get("location") or "") if isinstance(mirror, dict) else ""
                if location:
                    yield _mirror(puller, name, location, path, line_with(text, location))


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
    text = machine.read(path)
    if text is None:
        return
    try:
        documents = yamltext.documents(text)
    except yamltext.YamlError as error:
        why = f"{error.problem} (line {error.line})"
        yield SettingFound(puller, "mirror", "", "", path, path, error.line, Standing.IGNORED, why)
        return
    root = documents[0] if documents else None
    mirrors = root.get("mirrors") if root else None
    for key, value in (mirrors.pairs or []) if mirrors else []:
        for endpoint in value.list("endpoint"):
            yield _mirror(puller, key.text or "", endpoint.text or "", path, endpoint.line)


def _mirror(
    puller: str,
    registry: str,
    url: str,
    path: str,
    line: int | None,
    standing: Standing = Standing.WRITTEN,
    note: str = "",
) -> SettingFound:
    shown = proxyvalue.without_userinfo(url)
    return SettingFound(puller, "mirror", registry, shown, f"{registry} in {path}", path, line, standing, note)


def _toml(machine: Machine, path: str) -> tuple[Mapping[str, Any], str]:
    """Return a TOML file's tables and its text; no tables where it cannot be read or parsed."""
    text = machine.read(path) or ""
    return toml(text)[0], text


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
