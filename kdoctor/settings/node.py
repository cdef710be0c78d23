"""Who pulls on a node, and its settings there: the engine's process, its service's files, its registries.

Works on any Machine whose files and processes are known, such as remote.machine.FarMachine.
containerd: docs/hosts.md of containerd; CRI-O and podman: containers-registries.conf(5).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kdoctor.machine import Machine
from kdoctor.registries import canonical
from kdoctor.settings import dockerd, jsonfile, proxy, systemd, trust
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.dockerd import Files, Mirror
from kdoctor.settings.proxy import ProxySettings, Setting
from kdoctor.settings.source import Source
from kdoctor.settings.trust import Trust

Engine = Literal["containerd", "crio", "dockerd"]

HUB = "docker.io"
_K3S = "/var/lib/rancher/k3s/agent/etc/containerd"
_UNITS = {"containerd": ("containerd", "k3s", "k3s-agent", "rke2-server", "rke2-agent"), "crio": ("crio",)}
_CONFIG_PATH = re.compile(r'^\s*config_path\s*=\s*["\']([^"\']*)["\']', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Node:
    """A machine where images are pulled. `engine` is None where no engine's process was seen.

    `env` are the variables of the engine's process, or, without one, of the session; None where they
    may not be read.
    """

    name: str
    machine: Machine
    engine: Engine | None = None
    pid: str = ""
    env: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def whose(self) -> str:
        """Whose environment it is, in words."""
        return f"{self.engine} (pid {self.pid}) on {self.name}" if self.engine else f"a session on {self.name}"


def puller(processes: Mapping[str, str]) -> Engine | None:
    """Return the engine that pulls for Kubernetes there, else the one that people pull with.

    dockerd always has a containerd beside it; with a kubelet it pulls only behind cri-dockerd.
    """
    kubernetes = not {"kubelet", "k3s-server", "k3s-agent", "rke2"}.isdisjoint(processes)
    if "crio" in processes:
        return "crio"
    if "dockerd" in processes and ("cri-dockerd" in processes or not kubernetes):
        return "dockerd"
    return "containerd" if "containerd" in processes else None


def proxies(node: Node) -> ProxySettings:
    """Return the proxies in effect: those of the engine's own environment, with the file that sets each."""
    if node.env is None:
        return ProxySettings(unseen=f"the environment of {node.whose} may not be read there")
    if node.engine == "dockerd":
        found = dockerd.proxies(_docker_files(node), None)
        return replace(found, http=_as_masked(found.http), https=_as_masked(found.https))
    declared = list(_declared(node))

    def sourced(setting: Setting | None) -> Setting | None:
        if setting is None:
            return None
        source = next(
            (s.source for s in declared if s.variable == setting.variable and s.value == setting.value),
            Source("process", f"{setting.variable} in the environment of {node.whose}"),
        )
        return _as_masked(Setting(setting.variable, setting.value, source))

    found = proxy.from_environment(node.env)
    return ProxySettings(sourced(found.http), sourced(found.https), sourced(found.no_proxy), found.cgi)


def _as_masked(setting: Setting | None) -> Setting | None:
    """Return the setting as one whose user and password were taken out where it was read, if they were."""
    return replace(setting, masked=True) if setting and "xxxxx:xxxxx@" in setting.value else setting


def _declared(node: Node) -> Iterator[Setting]:
    for unit in _UNITS.get(node.engine or "", ()):
        for name, a in systemd.unit_environment(node.machine, f"{unit}.service").items():
            if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
                text = f"{name} in {a.file} on {node.name}"
                yield Setting(name, a.value, Source("systemd", text, a.file, a.line))


def _docker_files(node: Node) -> Files:
    process = DaemonProcess(int(node.pid or 0), f"the processes of {node.name}", ("dockerd",), node.env)
    return Files(node.machine, "", process)


# --- registries ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Host:
    """A [host."URL"] of a hosts.toml, or an endpoint of another file that means the same."""

    url: str
    source: Source
    pulls: bool = True
    skip_verify: bool = False
    authorities: tuple[str, ...] = ()


def mirrors(node: Node, registry: str) -> tuple[Mirror, ...]:
    """Return the endpoints that the engine tries before the registry itself."""
    name = canonical(registry)
    if node.engine == "dockerd":
        return dockerd.mirrors(_docker_files(node), None) if name == HUB else ()
    return tuple(Mirror(host.url, host.source) for host in _hosts(node, name) if host.pulls)


def trusted(node: Node, registry: str) -> Trust:
    """Return the CA files that were shown of the node, and what its engine says of the registry."""
    machine, name = node.machine, canonical(registry)
    own: list[str] = []
    insecure = False
    if node.engine == "dockerd":
        own = [f"/etc/docker/certs.d/{registry}/{e}" for e in machine.entries(f"/etc/docker/certs.d/{registry}")]
        config = jsonfile.mapping(jsonfile.parse(machine.read("/etc/docker/daemon.json")))
        insecure = trust.is_insecure(registry, jsonfile.texts(config.get("insecure-registries")), ())
    else:
        upstream = [host for host in _hosts(node, name) if _netloc(host.url) in (registry, name)]
        own = [path for host in upstream for path in host.authorities]
        insecure = any(host.skip_verify for host in upstream)
    env = node.env or {}
    files = [p for p in (env.get("SSL_CERT_FILE"), *trust.CA_FILES) if p and machine.read(p) is not None][:1]
    folders = env.get("SSL_CERT_DIR", "").split(":") if env.get("SSL_CERT_DIR") else trust.CA_DIRECTORIES
    files += [f"{d}/{e}" for d in folders if d for e in machine.entries(d) if f"{d}/{e}" not in files]
    texts = [text for path in (*files, *own) if (text := machine.read(path, 8 * 1024 * 1024))]
    return Trust(tuple(files), tuple(own), insecure=insecure, bundle="\n".join(texts))


def named(node: Node) -> frozenset[str]:
    """Return the registries and mirrors that the node's files name."""
    found = set()
    for folder in _folders(node.machine):
        found |= {entry for entry in node.machine.entries(folder) if entry != "_default"}
    for registry in (HUB, *found):
        found |= {_netloc(mirror.url) for mirror in mirrors(node, registry)}
    return frozenset(found)


def _hosts(node: Node, name: str) -> list[_Host]:
    if node.engine == "crio":
        return list(_of_registries_conf(node, name))
    for folder in _folders(node.machine):
        for registry in (name, "_default"):
            path = f"{folder}/{registry}/hosts.toml"
            text = node.machine.read(path)
            if text is not None:
                return list(_of_hosts_toml(node, path, text))
    return list(_of_config_toml(node, name))


def _folders(machine: Machine) -> list[str]:
    """Return the directories of hosts.toml files: config_path of config.toml, else where they usually are."""
    for path in (f"{_K3S}/config.toml", "/etc/containerd/config.toml"):
        match = _CONFIG_PATH.search(machine.read(path) or "")
        if match and match[1]:
            return match[1].split(":")
    return ["/etc/containerd/certs.d", f"{_K3S}/certs.d"]


def _of_hosts_toml(node: Node, path: str, text: str) -> Iterator[_Host]:
    hosts = _table(_toml(text).get("host"))
    for url, raw in hosts.items():
        entry = _table(raw)
        capabilities = entry.get("capabilities", ["pull", "resolve", "push"])
        line = next((n for n, row in enumerate(text.splitlines(), 1) if url in row), None)
        source = Source("file", f'host."{url}" in {path} on {node.name}', path, line)
        given = entry.get("ca")
        authorities = (given,) if isinstance(given, str) else jsonfile.texts(given)
        pulls = isinstance(capabilities, list) and "pull" in capabilities
        shown = url if url.startswith("http") else f"https://{url}"  # containerd's parseHostConfig
        yield _Host(shown, source, pulls, entry.get("skip_verify") is True, authorities)


def _of_config_toml(node: Node, name: str) -> Iterator[_Host]:
    """Yield the endpoints of the older `registry.mirrors` of the CRI plugin; the last is often upstream itself."""
    path = "/etc/containerd/config.toml"
    text = node.machine.read(path) or ""
    for plugin in _table(_toml(text).get("plugins")).values():
        found = _table(_table(_table(plugin).get("registry")).get("mirrors"))
        for url in jsonfile.texts(_table(found.get(name)).get("endpoint")):
            if canonical(_netloc(url)) != name:
                line = next((n for n, row in enumerate(text.splitlines(), 1) if url in row), None)
                yield _Host(url, Source("file", f"registry.mirrors in {path} on {node.name}", path, line))


def _of_registries_conf(node: Node, name: str) -> Iterator[_Host]:
    folder = "/etc/containers/registries.conf.d"
    paths = ["/etc/containers/registries.conf", *(f"{folder}/{entry}" for entry in node.machine.entries(folder))]
    for path in paths:
        text = node.machine.read(path) or ""
        entries = _toml(text).get("registry")
        for entry in entries if isinstance(entries, list) else []:
            row = _table(entry)
            if name not in (row.get("prefix"), row.get("location")):
                continue
            listed = row.get("mirror")
            for one in listed if isinstance(listed, list) else []:
                location = jsonfile.text(_table(one).get("location"))
                if location:
                    scheme = "http" if _table(one).get("insecure") is True else "https"
                    line = next((n for n, line in enumerate(text.splitlines(), 1) if location in line), None)
                    source = Source("file", f"registry.mirror in {path} on {node.name}", path, line)
                    yield _Host(f"{scheme}://{location}", source)


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _netloc(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url
