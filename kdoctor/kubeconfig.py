"""kubeconfig as kubectl loads it (client-go tools/clientcmd): files merged, a context chosen. No plugin is run."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from kdoctor import yamltext
from kdoctor.machine import Machine
from kdoctor.yamltext import Node, YamlError

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class KubeconfigError(Exception):
    """The configuration does not load; `outcome` is one of the probe kube.config's."""

    def __init__(self, outcome: str, problem: str, path: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.outcome = outcome
        self.problem = problem
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where an API server is and how its certificate is judged. Paths are absolute."""

    name: str
    server: str
    ca_file: str = ""
    ca_data: str = field(default="", repr=False)
    insecure: bool = False
    server_name: str = ""
    proxy_url: str = field(default="", repr=False)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port of the server, None where the URL has none."""
        try:
            parts = urlsplit(self.server if "://" in self.server else f"http://{self.server}")
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            return None
        return (parts.hostname, port) if parts.hostname else None


@dataclass(frozen=True, slots=True)
class User:
    """How kubectl logs in. `plugin` names an exec or auth-provider plugin, which kdoctor never runs."""

    name: str
    plugin: str = ""
    token: str = field(default="", repr=False)
    token_file: str = ""
    cert_file: str = ""
    cert_data: str = field(default="", repr=False)
    key_file: str = ""
    key_data: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """Names of a cluster and a user, and the namespace meant where none is named."""

    cluster: str
    user: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged configuration. `paths` are the files it came from."""

    paths: tuple[str, ...]
    current: str
    contexts: Mapping[str, Context]
    clusters: Mapping[str, Cluster]
    users: Mapping[str, User]

    def chosen(self) -> tuple[Cluster, User]:
        """Return cluster and user of the current context; raise KubeconfigError where one is missing."""
        path = self.paths[0]
        if not self.current:
            raise KubeconfigError("no-context", "no current-context is set", path)
        if self.current not in self.contexts:
            raise KubeconfigError("no-context", f'the current context "{self.current}" does not exist', path)
        chosen = self.contexts[self.current]
        if chosen.cluster not in self.clusters:
            problem = f'the cluster "{chosen.cluster}" of the context "{self.current}" does not exist'
            raise KubeconfigError("no-context", problem, path)
        return self.clusters[chosen.cluster], self.users.get(chosen.user, User(chosen.user))

    @property
    def namespace(self) -> str:
        """The namespace of the current context."""
        chosen = self.contexts.get(self.current)
        return chosen.namespace if chosen is not None and chosen.namespace else "default"

    def knows(self, host: str, port: int) -> Cluster | None:
        """Return the cluster whose server is at host and port."""
        return next((c for c in self.clusters.values() if c.endpoint == (host.lower(), port)), None)


def paths(machine: Machine) -> tuple[str, ...]:
    """Return the files that kubectl would read, whether they exist or not."""
    listed = machine.env.get("KUBECONFIG", "")
    found = [path for path in listed.split(";" if machine.os == "windows" else ":") if path]
    return tuple(found) or (f"{machine.home}/.kube/config",)


def load(machine: Machine) -> Kubeconfig:
    """Read and merge the files: the first that sets a value wins. Raise KubeconfigError."""
    wanted = paths(machine)
    texts: list[tuple[str, str]] = []
    for path in wanted:
        text = machine.read(path)
        if text is None:
            _check_missing(machine, path)
        else:
            texts.append((path, text))
    if not texts:
        inside = in_cluster(machine)
        if inside is not None and not machine.env.get("KUBECONFIG"):
            return inside
        raise KubeconfigError("missing", f"{', '.join(wanted)} does not exist", wanted[0])
    merged = _merged([(path, _root(path, text)) for path, text in texts])
    if not (merged.clusters or merged.contexts or merged.current):
        raise KubeconfigError("empty", f"{texts[0][0]} names no cluster", texts[0][0])
    return merged


def in_cluster(machine: Machine) -> Kubeconfig | None:
    """Return what client-go's InClusterConfig finds in a pod."""
    host, port = machine.env.get("KUBERNETES_SERVICE_HOST"), machine.env.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or machine.read(f"{SERVICE_ACCOUNT}/token") is None:
        return None
    at = f"[{host}]" if ":" in host else host
    cluster = Cluster("in-cluster", f"https://{at}:{port}", ca_file=f"{SERVICE_ACCOUNT}/ca.crt")
    user = User("service-account", token_file=f"{SERVICE_ACCOUNT}/token")
    contexts = {"in-cluster": Context(cluster.name, user.name)}
    return Kubeconfig((SERVICE_ACCOUNT,), "in-cluster", contexts, {cluster.name: cluster}, {user.name: user})


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very spelling."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_missing(machine: Machine, path: str) -> None:
    try:
        machine.path(path).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise KubeconfigError("unreadable", f"{path} cannot be read: {error.strerror}", path) from error
    raise KubeconfigError("unreadable", f"this user may not read {path}, or it is no file", path)


def _root(path: str, text: str) -> Node | None:
    try:
        found = yamltext.documents(text)
    except YamlError as error:
        raise KubeconfigError("invalid", error.problem, path, error.line) from error
    root = found[0] if found else None
    if root is None or root.is_null:
        return None
    if root.pairs is None:
        raise KubeconfigError("invalid", "it is no kubeconfig: the top level must be a mapping", path, root.line)
    kind = root.string("kind")
    if kind not in ("", "Config"):
        raise KubeconfigError("invalid", f'it is no kubeconfig: its kind is "{kind}"', path, root.line)
    return root


def _merged(roots: list[tuple[str, Node | None]]) -> Kubeconfig:
    clusters: dict[str, Cluster] = {}
    users: dict[str, User] = {}
    contexts: dict[str, Context] = {}
    current = ""
    for path, root in roots:
        if root is None:
            continue
        current = current or root.string("current-context")
        for name, node in _named(root, "clusters", "cluster"):
            clusters.setdefault(name, _cluster(name, node, path))
        for name, node in _named(root, "users", "user"):
            users.setdefault(name, _user(name, node, path))
        for name, node in _named(root, "contexts", "context"):
            contexts.setdefault(name, Context(node.string("cluster"), node.string("user"), node.string("namespace")))
    return Kubeconfig(tuple(path for path, _ in roots), current, contexts, clusters, users)


def _named(root: Node, plural: str, singular: str) -> list[tuple[str, Node]]:
    out = []
    for item in root.list(plural):
        node = item.get(singular)
        if node is not None and node.pairs is not None:
            out.append((item.string("name"), node))
    return out


def _beside(path: str, name: str) -> str:
    """Return a file named in a kubeconfig: a relative path begins at the kubeconfig's directory."""
    if not name or name.startswith("/") or (len(name) > 2 and name[1] == ":"):
        return name
    return str(PurePosixPath(path).parent / name)


def _cluster(name: str, node: Node, path: str) -> Cluster:
    return Cluster(
        name,
        node.string("server"),
        _beside(path, node.string("certificate-authority")),
        node.string("certificate-authority-data"),
        node.string("insecure-skip-tls-verify").lower() == "true",
        node.string("tls-server-name"),
        node.string("proxy-url"),
    )


def _user(name: str, node: Node, path: str) -> User:
    plugin = node.get("exec")
    provider = node.get("auth-provider")
    named = plugin.string("command") if plugin is not None else provider.string("name") if provider is not None else ""
    return User(
        name,
        named or ("exec" if plugin is not None else "auth-provider" if provider is not None else ""),
        node.string("token"),
        _beside(path, node.string("tokenFile")),
        _beside(path, node.string("client-certificate")),
        node.string("client-certificate-data"),
        _beside(path, node.string("client-key")),
        node.string("client-key-data"),
    )
