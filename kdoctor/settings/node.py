"""Who pulls on a node, and its settings there: the engine's process, its service's files, its registries.

Works on any Machine whose files and processes are known, such as remote.machine.FarMachine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kdoctor.machine import Machine
from kdoctor.registries import canonical
from kdoctor.settings import dockerd, endpoints, jsonfile, proxy, systemd, trust
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.dockerd import Files, Mirror
from kdoctor.settings.endpoints import Endpoint, netloc
from kdoctor.settings.proxy import ProxySettings, Setting
from kdoctor.settings.source import Source
from kdoctor.settings.trust import Trust

Engine = Literal["containerd", "crio", "dockerd"]

HUB = "docker.io"
_UNITS = {"containerd": ("containerd", "k3s", "k3s-agent", "rke2-server", "rke2-agent"), "crio": ("crio",)}


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
        for path in (f"/etc/default/{unit}", f"/etc/sysconfig/{unit}"):  # of init scripts and EnvironmentFile=
            for number, line in enumerate((node.machine.read(path) or "").splitlines(), 1):
                for name, value in dockerd.shell_assignments(line):
                    if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
                        text = f"{name} in {path} on {node.name}"
                        yield Setting(name, value, Source("init-defaults", text, path, number))


def _docker_files(node: Node) -> Files:
    process = DaemonProcess(int(node.pid or 0), f"the processes of {node.name}", ("dockerd",), node.env)
    return Files(node.machine, "", process)


# --- registries ----------------------------------------------------------------------------------


def mirrors(node: Node, registry: str) -> tuple[Mirror, ...]:
    """Return the endpoints that the engine tries before the registry itself."""
    name = canonical(registry)
    if node.engine == "dockerd":
        return dockerd.mirrors(_docker_files(node), None) if name == HUB else ()
    found = [one for one in _endpoints(node, name) if one.pulls and canonical(netloc(one.url)) != name]
    return tuple(Mirror(one.url, _source(node, one), one.instead) for one in found)


def of_registry(node: Node, registry: str) -> Trust:
    """Return what the engine's settings say of a registry: its own CA files, and whether it is verified at all."""
    machine, name = node.machine, canonical(registry)
    if node.engine == "dockerd":
        own = [f"/etc/docker/certs.d/{registry}/{e}" for e in machine.entries(f"/etc/docker/certs.d/{registry}")]
        config = jsonfile.mapping(jsonfile.parse(machine.read("/etc/docker/daemon.json")))
        insecure = trust.is_insecure(registry, jsonfile.texts(config.get("insecure-registries")), ())
    else:
        upstream = [one for one in _endpoints(node, name) if netloc(one.url) in (registry, name)]
        own = [path for one in upstream for path, _ in one.authorities]
        if node.engine == "containerd":
            own += endpoints.beside(machine, name)
        insecure = any(one.insecure is not None for one in upstream)
    return Trust(own_ca_files=tuple(own), insecure=insecure, ca_folder=_ca_folder(node, name))


def trusted(node: Node, registry: str) -> Trust:
    """Return the CA files that were shown of the node, and what its engine says of the registry."""
    machine, env, found = node.machine, node.env or {}, of_registry(node, registry)
    files = [p for p in (env.get("SSL_CERT_FILE"), *trust.CA_FILES) if p and machine.read(p) is not None][:1]
    folders = env.get("SSL_CERT_DIR", "").split(":") if env.get("SSL_CERT_DIR") else trust.CA_DIRECTORIES
    files += [f"{d}/{e}" for d in folders if d for e in machine.entries(d) if f"{d}/{e}" not in files]
    texts = [text for path in (*files, *found.own_ca_files) if (text := machine.read(path, 8 * 1024 * 1024))]
    return replace(found, ca_files=tuple(files), bundle="\n".join(texts))


def named(node: Node) -> frozenset[str]:
    """Return the registries and mirrors that the node's files name."""
    found = list(endpoints.registries_conf(node.machine))
    for setup in endpoints.containerds(node.machine):
        found += setup.endpoints
        found += [one for folder in setup.folders for one in endpoints.hosts(node.machine, folder)]
    names = {one.registry for one in found} - {"_default", "*", ""}
    urls = [*(one.url for one in found), *(mirror.url for mirror in mirrors(node, HUB))]
    return frozenset(names | {netloc(url) for url in urls})


def _endpoints(node: Node, name: str) -> list[Endpoint]:
    return endpoints.of_registry(node.machine, node.engine or "containerd", name)


def _source(node: Node, one: Endpoint) -> Source:
    return Source("file", f"{one.key} in {one.path} on {node.name}", one.path, one.line)


def _ca_folder(node: Node, name: str) -> str | None:
    """Return the folder in which the engine looks for a registry's authority, None where its settings name none."""
    if node.engine == "crio":
        return f"/etc/containers/certs.d/{name}"
    if node.engine == "dockerd":
        return f"/etc/docker/certs.d/{name}"
    setup = endpoints.containerds(node.machine)[0]
    return f"{setup.folders[0]}/{name}" if setup.named else None
