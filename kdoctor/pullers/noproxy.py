"""What must not go through a proxy on this machine, and what a NO_PROXY lacks of it, in its reader's dialect.

Go reads CIDR, ports and a leading dot (golang.org/x/net/http/httpproxy); wget, BusyBox and curl before 7.86
compare the end of the name only, so ranges say nothing to them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kdoctor import kubeconfig, minikube
from kdoctor.machine import Machine
from kdoctor.rules.internal import is_internal
from kdoctor.settings import goproxy, jsonfile

_FLAGS = {
    "service-cluster-ip-range": "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "cluster-cidr": "/etc/kubernetes/manifests/kube-controller-manager.yaml",
}
_K3S = (("10.42.0.0/16", "k3s's pods"), ("10.43.0.0/16", "k3s's services"))
# What the tools give services and pods where nobody says otherwise.
_OF_TOOL = {
    "kind": (("10.96.0.0/16", "kind's services"), ("10.244.0.0/16", "kind's pods")),
    "k3d": _K3S,
}
_MINIKUBE = (("10.96.0.0/12", "minikube's services"), ("10.244.0.0/16", "minikube's pods"))


@dataclass(frozen=True, slots=True)
class Need:
    """A host, address or range that must be reached directly, and why."""

    entry: str
    because: str

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts that stand for it: the first and the last of a range, one below a domain."""
        if self.entry.startswith("."):
            return (f"a{self.entry}",)
        try:
            network = ipaddress.ip_network(self.entry, strict=False)
        except ValueError:
            return (self.entry,)
        return str(network[min(1, network.num_addresses - 1)]), str(network[max(0, network.num_addresses - 2)])


def needs(
    machine: Machine,
    nodes: Iterable[str] = (),
    registries: Iterable[str] = (),
    tools: Iterable[str] = (),
) -> list[Need]:
    """Return what this machine needs: loopback, API server, nodes and VMs, services and pods, local registries.

    `nodes` are addresses or ranges of nodes seen here, `tools` those that made them (kind, k3d, minikube);
    `registries` the hosts that its settings name.
    """
    found = [Need("localhost", "this machine"), Need("127.0.0.1", "this machine"), Need("::1", "this machine")]
    clustered = [*_of_kubeconfig(machine), *_of_kubeadm(machine), *_of_k3s(machine), *_of_minikube(machine)]
    clustered += [Need(node, "a node") for node in nodes]
    clustered += [Need(*one) for tool in tools for one in _OF_TOOL.get(tool, ())]
    if clustered:
        found += [*clustered, Need(".svc", "services by name"), Need(".cluster.local", "services by name")]
    for registry in registries:
        split = goproxy.split_host_port(registry)
        host = (split[0] if split else registry).strip("[]").lower()
        if is_internal(host):
            found.append(Need(host, "a local registry"))
    return list({need.entry: need for need in reversed(found)}.values())[::-1]


def missing(value: str, wanted: Sequence[Need], dialect: str) -> list[Need]:
    """Return what a NO_PROXY value does not cover, as its reader reads it: go or suffix."""
    covers = _go_covers if dialect == "go" else _suffix_covers
    return [need for need in wanted if not all(covers(value, host) for host in need.hosts)]


def line(value: str, lacking: Sequence[Need], dialect: str) -> str:
    """Return the whole value to write: what is there, then what is missing and can be said in the dialect."""
    entries = [entry.strip() for entry in value.split(",") if entry.strip()]
    entries += [need.entry for need in lacking if dialect == "go" or "/" not in need.entry]
    return ",".join(dict.fromkeys(entries))


def _go_covers(value: str, host: str) -> bool:
    shown = f"[{host}]" if ":" in host else host
    config = goproxy.Config(http="http://proxy.invalid:1", https="http://proxy.invalid:1", no_proxy=value)
    return goproxy.decide(config, f"https://{shown}/").proxy is None


def _suffix_covers(value: str, host: str) -> bool:
    if value.strip() == "*":
        return True
    for entry in re.split(r"[,\s]+", value):
        bare = entry.partition(":")[0].lstrip(".") if entry.count(":") == 1 else entry.lstrip(".")
        if bare and (host == bare or host.endswith(f".{bare}")):
            return True
    return False


def _of_kubeconfig(machine: Machine) -> Iterator[Need]:
    try:
        config = kubeconfig.load(machine)
    except kubeconfig.KubeconfigError:
        return
    for cluster in config.clusters.values():
        endpoint = cluster.endpoint
        if endpoint is not None and is_internal(endpoint[0]) and not kubeconfig.is_loopback(endpoint[0]):
            yield Need(endpoint[0], f"the API server of {cluster.name}")


def _of_kubeadm(machine: Machine) -> Iterator[Need]:
    for flag, path in _FLAGS.items():
        found = re.search(rf"--{flag}=([0-9A-Fa-f:./,]+)", machine.read(path) or "")
        for entry in found[1].split(",") if found else ():
            yield Need(entry, f"--{flag} in {path}")


def _of_k3s(machine: Machine) -> Iterator[Need]:
    if machine.path("/etc/rancher/k3s").is_dir() or machine.path("/etc/rancher/rke2").is_dir():
        yield from (Need(*one) for one in _K3S)


def _of_minikube(machine: Machine) -> Iterator[Need]:
    for profile in minikube.profiles(machine):
        config = jsonfile.mapping(jsonfile.parse(machine.read(profile.path)))
        kubernetes = jsonfile.mapping(config.get("KubernetesConfig"))
        yield Need(jsonfile.text(kubernetes.get("ServiceCIDR")) or _MINIKUBE[0][0], _MINIKUBE[0][1])
        yield Need(*_MINIKUBE[1])
        nodes = config.get("Nodes")
        for node in nodes if isinstance(nodes, list) else []:
            address = jsonfile.text(jsonfile.mapping(node).get("IP"))
            if address:
                yield Need(_subnet(address), f"the nodes of minikube's {profile.name}")


def _subnet(address: str) -> str:
    """Return the /24 of a minikube node, whose address changes within it."""
    try:
        return str(ipaddress.ip_network(f"{address}/24", strict=False))
    except ValueError:
        return address
