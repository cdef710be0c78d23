"""Node containers of local clusters, as the engine lists them. Nothing runs inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor.machine import Machine
from kdoctor.settings import jsonfile
from kdoctor.settings.engine import Endpoint, EngineError, endpoint, engine_get
from kdoctor.vantages import Docker

if TYPE_CHECKING:
    from kdoctor.probes.ask import Asking

_MARGIN = 0.5
# The label that names the cluster of a node, by tool (minikube oci.ProfileLabelKey, kind, k3d).
_LABELS = {
    "minikube": "name.minikube.sigs.k8s.io",
    "kind": "io.x-k8s.kind.cluster",
    "k3d": "k3d.cluster",
}
# Node roles that a cluster lives without.
_MINOR = ("worker", "agent", "external-load-balancer", "loadbalancer", "registry")
_ROLES = ("io.x-k8s.kind.role", "k3d.role")


@dataclass(frozen=True, slots=True)
class NodeContainer:
    """A node: tool and cluster that it belongs to, name, state in Docker's words, and whether it is a worker."""

    tool: str
    cluster: str
    name: str
    state: str
    minor: bool = False


async def nodes(ask: Asking) -> list[NodeContainer]:
    """Return the node containers, running or not; raise EngineError."""
    vantage = ask.vantage
    where = vantage.endpoint if isinstance(vantage, Docker) else endpoint(vantage.machine)
    return await nodes_of(vantage.machine, where, max(ask.remaining - _MARGIN, 0.1))


async def nodes_of(machine: Machine, where: Endpoint, seconds: float) -> list[NodeContainer]:
    """Return the node containers of an engine, within `seconds`; raise EngineError."""
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
            return NodeContainer(tool, cluster, name, jsonfile.text(container.get("State")), minor)
    return None
