"""Is the current context the cluster that is meant, and are its nodes ready?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kdoctor import kubeconfig, minikube
from kdoctor.kubeconfig import KubeconfigError
from kdoctor.masking import mask
from kdoctor.model import UNSEEN, Value
from kdoctor.probes import apiserver
from kdoctor.probes.ask import Found
from kdoctor.probes.kube import server_of
from kdoctor.settings import jsonfile

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.apiserver import Server
    from kdoctor.probes.ask import Asking

_MOST = 500
_SHOWN = 5
_MESSAGE_SHOWN = 500
_NODE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


# --- kube.context ------------------------------------------------------------------------------


async def context(ask: Asking, tool: str) -> Found:
    """Hold kubectl's current context against those that the tool writes for its clusters here (minikube, kind)."""
    machine = ask.vantage.machine
    if tool not in ("minikube", "kind"):
        return Found(UNSEEN, f"{tool[:40]} gives its contexts no name that could be told")
    try:
        loaded = kubeconfig.load(machine)
    except KubeconfigError as error:
        return Found("none", f"kubectl has no context: {error.problem}")
    wanted = await _contexts(ask, machine, tool) or sorted(c for c in loaded.contexts if c.startswith(f"{tool}-"))
    if not wanted:
        return Found("none", f"there is no cluster of {tool} here yet")
    data: dict[str, Value] = {"tool": tool, "path": loaded.paths[0]}
    if loaded.current:
        data["context"] = loaded.current
    if loaded.current in wanted:
        return Found("ok", f'the current context is "{loaded.current}", a cluster of {tool}', data)
    there = [name for name in wanted if name in loaded.contexts]
    name = (there or wanted)[0]
    data |= {"name": name, "cluster": name.removeprefix("kind-")}
    now = f'kubectl goes to "{loaded.current}"' if loaded.current else "kubectl has no current context"
    if there:
        return Found("other", f'{now}, not to "{name}", the cluster of {tool}', data)
    return Found("absent", f'{now}, and {loaded.paths[0]} has no context "{name}" for the cluster of {tool}', data)


async def _contexts(ask: Asking, machine: Machine, tool: str) -> list[str]:
    """Return the contexts of the tool's clusters that there are here."""
    if tool == "minikube":
        name = minikube.default_profile(machine)
        profile = minikube.profile(machine, name)
        return [name] if profile is not None and profile.problem is None else []
    listed = (await ask.other("cluster.local")).data.get("clusters")
    names = listed if isinstance(listed, tuple) else ()
    return [f"{tool}-{name.partition(':')[2]}" for name in names if name.startswith(f"{tool}:")]


# --- kube.nodes --------------------------------------------------------------------------------


async def nodes(ask: Asking) -> Found:
    """List the nodes as kubectl would, with the kubeconfig's static credentials, and read why one is not ready."""
    server = server_of(ask.vantage.machine)
    if isinstance(server, Found):
        return Found(UNSEEN, server.detail)
    shown = mask(server.cluster.server)
    answer = await apiserver.ask_server(ask, server, f"/api/v1/nodes?includeObject=None&limit={_MOST}", apiserver.TABLE)
    if isinstance(answer, Found):
        return Found(UNSEEN, answer.detail)
    if answer.status != 200:
        return Found(UNSEEN, f"{shown} does not show its nodes to this login ({answer.status})", target=shown)
    states = _states(jsonfile.mapping(jsonfile.parse(answer.body.decode("utf-8", "replace"))))
    if states is None:
        return Found(UNSEEN, f"{shown} answers with no list of nodes", target=shown)
    waiting = sorted(name for name, ready in states.items() if not ready)
    data: dict[str, Value] = {"nodes": len(states), "waiting": tuple(waiting)}
    if not states:
        return Found("none", f"the cluster at {shown} has no nodes", data, shown)
    if not waiting:
        return Found("ready", f"{len(states)} of {len(states)} nodes are ready", data, shown)
    data["node"] = waiting[0]
    why = await _why(ask, server, waiting[0])
    if why:
        data["message"] = why
    said = f"{len(waiting)} of {len(states)} nodes are not ready: {', '.join(waiting[:_SHOWN])}"
    outcome = "not-ready" if len(waiting) == len(states) else "some-not-ready"
    return Found(outcome, f"{said} ({why})" if why else said, data, shown)


def _states(body: Mapping[str, object]) -> dict[str, bool] | None:
    """Return which nodes are ready, from a Table as kubectl prints it or from a list of Node objects."""
    if body.get("kind") == "Table":
        columns = [jsonfile.text(jsonfile.mapping(one).get("name")).lower() for one in _list(body, "columnDefinitions")]
        if "name" not in columns or "status" not in columns:
            return None
        cells = [jsonfile.mapping(row).get("cells") for row in _list(body, "rows")]
        at, status = columns.index("name"), columns.index("status")
        rows = [row for row in cells if isinstance(row, list) and len(row) > max(at, status)]
        return {str(row[at])[:253]: str(row[status]).split(",")[0] == "Ready" for row in rows}
    if body.get("kind") != "NodeList":
        return None
    found = {}
    for item in _list(body, "items"):
        node = jsonfile.mapping(item)
        name = jsonfile.text(jsonfile.mapping(node.get("metadata")).get("name"))
        found[name[:253]] = _condition(node).get("status") == "True"
    return found


def _list(body: Mapping[str, object], name: str) -> list[object]:
    value = body.get(name)
    return value if isinstance(value, list) else []


def _condition(node: Mapping[str, object]) -> Mapping[str, object]:
    """Return the condition Ready of a Node object."""
    conditions = map(jsonfile.mapping, _list(jsonfile.mapping(node.get("status")), "conditions"))
    return next((one for one in conditions if one.get("type") == "Ready"), {})


async def _why(ask: Asking, server: Server, name: str) -> str:
    """Return reason and message of the node's condition Ready, empty where the server does not say."""
    if not _NODE.fullmatch(name):
        return ""
    answer = await apiserver.ask_server(ask, server, f"/api/v1/nodes/{name}")
    if isinstance(answer, Found) or answer.status != 200:
        return ""
    ready = _condition(jsonfile.mapping(jsonfile.parse(answer.body.decode("utf-8", "replace"))))
    said = ": ".join(part for part in (jsonfile.text(ready.get("reason")), jsonfile.text(ready.get("message"))) if part)
    return mask(" ".join(said.split()))[:_MESSAGE_SHOWN]
