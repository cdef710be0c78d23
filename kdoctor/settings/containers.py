"""Node containers of local clusters, as the engine lists them. Nothing runs inside them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kdoctor.machine import Machine
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import Endpoint, EngineError, engine_get

# The label that names the cluster of a node, by tool (minikube oci.ProfileLabelKey, kind, k3d).
_LABELS = {
    "minikube": "name.minikube.sigs.k8s.io",
    "kind": "io.x-k8s.kind.cluster",
    "k3d": "k3d.cluster",
}
# Node roles that a cluster lives without.
_HELPERS = ("external-load-balancer", "loadbalancer", "registry")
_MINOR = ("worker", "agent", *_HELPERS)
_ROLES = ("io.x-k8s.kind.role", "k3d.role")


@dataclass(frozen=True, slots=True)
class NodeContainer:
    """A node: tool and cluster that it belongs to, name, state in Docker's words, and whether it is a worker.

    `helper` tells that nothing is pulled there: a load balancer, a registry. `networks` are the ranges of
    its addresses.
    """

    tool: str
    cluster: str
    name: str
    state: str
    minor: bool = False
    helper: bool = False
    networks: tuple[str, ...] = ()


async def nodes(machine: Machine, where: Endpoint, seconds: float) -> list[NodeContainer]:
    """Return the node containers of an engine, running or not; raise EngineError."""
    status, answer = await engine_get(machine, where, "/containers/json?all=1", seconds)
    if status != 200 or not isinstance(answer, list):
        raise EngineError("not-docker", f"{where.url} answers GET /containers/json with status {status}")
    return [node for node in map(_node, answer) if node is not None]


def _node(entry: object) -> NodeContainer | None:
    container = jsonfile.mapping(entry)
    labels = jsonfile.mapping(container.get("Labels"))
    for tool, label in _LABELS.items():
        cluster = jsonfile.text(labels.get(label))
        if cluster:
            role = next((jsonfile.text(labels[name]) for name in _ROLES if name in labels), "")
            names = jsonfile.texts(container.get("Names"))
            name = names[0].lstrip("/") if names else cluster
            minor = name != cluster if tool == "minikube" else role in _MINOR
            state, helper = jsonfile.text(container.get("State")), role in _HELPERS
            return NodeContainer(tool, cluster, name, state, minor, helper, tuple(_networks(container)))
    return None


def _networks(container: Mapping[str, object]) -> Iterator[str]:
    for raw in jsonfile.mapping(jsonfile.mapping(container.get("NetworkSettings")).get("Networks")).values():
        network = jsonfile.mapping(raw)
        address, length = jsonfile.text(network.get("IPAddress")), network.get("IPPrefixLen")
        with contextlib.suppress(ValueError):
            if address:
                yield str(ipaddress.ip_network(f"{address}/{length}", strict=False))
