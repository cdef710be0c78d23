"""Where a registry's images are fetched from, as containerd, CRI-O, podman and k3s read it in their files.

Works on any Machine whose files are known. Sources: containerd docs/hosts.md, docs/cri/registry.md and
core/remotes/docker/config/hosts.go; containers-registries.conf(5); k3s's private registry configuration.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from kdoctor import yamltext
from kdoctor.configs.slip import line_with, table, tables_of, toml
from kdoctor.machine import Machine
from kdoctor.registries import canonical
from kdoctor.settings import jsonfile

CONTAINERD = "/etc/containerd/config.toml"
CERTS_D = "/etc/containerd/certs.d"
RANCHER = tuple(f"/var/lib/rancher/{name}/agent/etc/containerd" for name in ("k3s", "rke2"))
_PLUGINS = ("io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "cri")
_REGISTRIES = "/etc/containers/registries.conf"
_ANY = ("_default", "*")


def netloc(url: str) -> str:
    """Return host[:port] of a URL or of a location without a scheme."""
    return (url.partition("://")[2] or url).partition("/")[0]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place that a file names for a registry's images, or what it says of the registry itself.

    `registry` is the file's own name for it, with "_default" and "*" for all others; `key` the word of the
    file that holds it. `pulls` tells that it is tried before the registry. `insecure` is the line (1-based,
    0 where unknown) that lets its certificate go unverified, `authorities` are CA files with their lines.
    `instead` tells that it is a hosts.toml's `server`: tried last, and in the registry's place.
    """

    registry: str
    url: str
    key: str
    path: str
    line: int | None = None
    pulls: bool = True
    insecure: int | None = None
    authorities: tuple[tuple[str, int | None], ...] = ()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Containerd:
    """A containerd's config.toml: its folders of hosts.toml, whether it names them, and what itself says.

    Where it names none, ctr and nerdctl still read the usual folder, the CRI does not.
    """

    path: str
    folders: tuple[str, ...]
    named: bool
    endpoints: tuple[Endpoint, ...] = ()


def containerd(machine: Machine, path: str = CONTAINERD) -> Containerd:
    """Return what a config.toml and the files that it imports say of registries."""
    folders: tuple[str, ...] = ()
    endpoints: list[Endpoint] = []
    for file in (path, *_imports(machine, path)):
        text = machine.read(file) or ""
        tables, _ = toml(text)
        for plugin in _PLUGINS:
            registry = table(tables, "plugins", plugin, "registry")
            folders = tuple(f for f in str(registry.get("config_path") or "").split(":") if f) or folders
            endpoints += [*_older_mirrors(registry, file, text), *_older_configs(registry, file, text)]
    usual = CERTS_D if path == CONTAINERD else posixpath.join(posixpath.dirname(path), "certs.d")
    return Containerd(path, folders or (usual,), bool(folders), tuple(endpoints))


def containerds(machine: Machine) -> list[Containerd]:
    """Return the containerds that are set up here: k3s's and RKE2's own, else the machine's."""
    own = [containerd(machine, f"{folder}/config.toml") for folder in RANCHER if machine.is_dir(folder)]
    return own or [containerd(machine)]


def hosts(machine: Machine, folder: str) -> Iterator[Endpoint]:
    """Yield what every hosts.toml below a folder says."""
    for entry in machine.entries(folder):
        path = f"{folder}/{entry}/hosts.toml"
        text = machine.read(path)
        if text is not None:
            yield from _of_hosts_toml(entry, path, text)


def registries_conf(machine: Machine) -> Iterator[Endpoint]:
    """Yield what registries.conf and its drop-ins say; a mirror stands before the registry that has it."""
    drop_ins = [f"{_REGISTRIES}.d/{e}" for e in machine.entries(f"{_REGISTRIES}.d") if e.endswith(".conf")]
    for path in (_REGISTRIES, *drop_ins):
        text = machine.read(path) or ""
        for entry in tables_of(toml(text)[0].get("registry")):
            location = jsonfile.text(entry.get("location"))
            name = jsonfile.text(entry.get("prefix")) or location
            for mirror in tables_of(entry.get("mirror")):
                where = jsonfile.text(mirror.get("location"))
                if where:
                    yield _of_container(name, where, "registry.mirror", mirror, path, text)
            elsewhere = bool(location) and canonical(netloc(location)) != canonical(netloc(name))
            yield _of_container(name, location or name, "registry", entry, path, text, pulls=elsewhere)


def registries_yaml(machine: Machine, path: str) -> Iterator[Endpoint]:
    """Yield what k3s's or RKE2's registries.yaml says; raise YamlError where it is no YAML."""
    roots = yamltext.documents(machine.read(path) or "")
    mirrors = roots[0].get("mirrors") if roots else None
    for key, value in mirrors.pairs or [] if mirrors else []:
        for endpoint in value.list("endpoint"):
            yield Endpoint(key.text or "", endpoint.text or "", "mirrors", path, endpoint.line)
    configs = roots[0].get("configs") if roots else None
    for key, value in configs.pairs or [] if configs else []:
        tls = value.get("tls")
        if tls is not None:
            skip, ca = tls.get("insecure_skip_verify"), tls.get("ca_file")
            insecure = skip.line if skip is not None and (skip.text or "").lower() == "true" else None
            authorities = ((ca.text, ca.line),) if ca is not None and ca.text else ()
            yield Endpoint(key.text or "", key.text or "", "configs", path, key.line, False, insecure, authorities)


def of_registry(machine: Machine, engine: str, registry: str) -> list[Endpoint]:
    """Return the endpoints that count for one registry (its canonical name); engine: crio or containerd."""
    if engine == "crio":
        return [one for one in registries_conf(machine) if one.registry == registry or _below(registry, one.registry)]
    setups = containerds(machine)
    for setup in setups:
        for folder in setup.folders:
            # containerd's hostDirectory() writes a port as _5000_; a file of the registry's own hides _default.
            for name in (_with_port(registry), registry, "_default"):
                path = f"{folder}/{name}/hosts.toml"
                text = machine.read(path)
                if text is not None:
                    return list(_of_hosts_toml(name, path, text))
    older = [one for setup in setups for one in setup.endpoints]
    return [one for one in older if one.registry == registry] or [one for one in older if one.registry in _ANY]


def _older_mirrors(registry: Mapping[str, Any], path: str, text: str) -> Iterator[Endpoint]:
    """Yield the endpoints of registry.mirrors; the registry itself, often written as the last one, is no mirror."""
    for name, options in table(registry, "mirrors").items():
        for url in jsonfile.texts(table({"of": options}, "of").get("endpoint")):
            upstream = canonical(netloc(url)) == canonical(name)
            yield Endpoint(name, url, "registry.mirrors", path, line_with(text, url), pulls=not upstream)


def _older_configs(registry: Mapping[str, Any], path: str, text: str) -> Iterator[Endpoint]:
    for name, options in table(registry, "configs").items():
        tls = table({"of": options}, "of", "tls")
        ca = jsonfile.text(tls.get("ca_file"))
        insecure = line_with(text, "insecure_skip_verify") or 0 if tls.get("insecure_skip_verify") is True else None
        if ca or insecure is not None:
            authorities = ((ca, line_with(text, ca)),) if ca else ()
            line = line_with(text, "configs", name)
            yield Endpoint(name, name, "registry.configs", path, line, False, insecure, authorities)


def beside(machine: Machine, registry: str) -> list[str]:
    """Return the *.crt that containerd takes from a registry's folder that has no hosts.toml (loadCertFiles)."""
    for setup in containerds(machine):
        for folder in setup.folders:
            for name in (_with_port(registry), registry):
                if machine.is_dir(f"{folder}/{name}"):
                    if machine.is_file(f"{folder}/{name}/hosts.toml"):
                        return []
                    entries = machine.entries(f"{folder}/{name}")
                    return [f"{folder}/{name}/{entry}" for entry in entries if entry.endswith(".crt")]
    return []


def _of_hosts_toml(registry: str, path: str, text: str) -> Iterator[Endpoint]:
    root = toml(text)[0]
    for url, raw in table(root, "host").items():
        yield _host(registry, url, table({"of": raw}, "of"), path, text)
    server = jsonfile.text(root.get("server"))
    if server and registry not in _ANY:
        found = _host(registry, server, {key: value for key, value in root.items() if key != "host"}, path, text)
        upstream = canonical(netloc(found.url)) == canonical(registry)
        line = line_with(text, "server")
        yield replace(found, key="server", line=line, pulls=found.pulls and not upstream, instead=not upstream)


def _host(registry: str, url: str, options: Mapping[str, Any], path: str, text: str) -> Endpoint:
    capabilities = options.get("capabilities", ["pull", "resolve", "push"])
    given = options.get("ca")
    authorities = (given,) if isinstance(given, str) else jsonfile.texts(given)
    return Endpoint(
        registry,
        url if url.startswith("http") else f"https://{url}",  # containerd's parseHostConfig
        f'host."{url}"',
        path,
        line_with(text, "[host", url) or line_with(text, url),
        isinstance(capabilities, list) and "pull" in capabilities,
        (line_with(text, "skip_verify") or 0) if options.get("skip_verify") is True else None,
        tuple((ca, line_with(text, ca)) for ca in authorities),
    )


def _of_container(
    name: str, location: str, key: str, options: Mapping[str, Any], path: str, text: str, *, pulls: bool = True
) -> Endpoint:
    plain = options.get("insecure") is True
    url = f"{'http' if plain and pulls else 'https'}://{location}"
    insecure = (line_with(text, "insecure", "true") or 0) if plain else None
    return Endpoint(name, url, key, path, line_with(text, location), pulls, insecure)


def _imports(machine: Machine, path: str) -> Iterator[str]:
    """Yield the files that a config.toml imports, each a path or a pattern in its last part."""
    listed = toml(machine.read(path) or "")[0].get("imports")
    for pattern in jsonfile.texts(listed):
        folder, name = posixpath.split(posixpath.join(posixpath.dirname(path), pattern))
        yield from (f"{folder}/{entry}" for entry in machine.entries(folder) if fnmatchcase(entry, name))


def _with_port(registry: str) -> str:
    host, colon, port = registry.rpartition(":")
    return f"{host}_{port}_" if colon and port.isdigit() else registry


def _below(registry: str, prefix: str) -> bool:
    return prefix.startswith("*.") and registry.endswith(prefix[1:])
