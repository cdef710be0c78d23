"""Has kubectl a configuration, and does the API server that it names answer?"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import TYPE_CHECKING

from kdoctor import kubeconfig
from kdoctor.kubeconfig import Cluster, Kubeconfig, KubeconfigError, User
from kdoctor.masking import mask
from kdoctor.model import UNSEEN, Value
from kdoctor.probes import apiserver, kubelogin
from kdoctor.probes.apiserver import Answer, Server
from kdoctor.probes.ask import Found
from kdoctor.probes.streams import host_port, split_host_port
from kdoctor.settings import jsonfile

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking


# --- kube.config -------------------------------------------------------------------------------


async def config(ask: Asking) -> Found:
    """Load the kubeconfig as kubectl does and look whether it names a cluster to talk to."""
    return looked_at(ask.vantage.machine)


def looked_at(machine: Machine) -> Found:
    """Return what kube.config finds on a machine."""
    try:
        loaded = kubeconfig.load(machine)
    except KubeconfigError as error:
        return _broken(error, {})
    data: dict[str, Value] = {"path": loaded.paths[0], "contexts": tuple(loaded.contexts)}
    if loaded.current:
        data["context"] = loaded.current
    try:
        cluster, user = loaded.chosen()
    except KubeconfigError as error:
        return _broken(error, data)
    data["server"] = mask(cluster.server)
    problem = _file_problem(machine, loaded)
    if problem:
        return Found("invalid", f"{loaded.paths[0]}: {problem}", {**data, "problem": problem}, loaded.paths[0])
    ended = kubelogin.ended(machine, cluster, user, dt.datetime.now(dt.UTC))
    if ended is not None:
        data |= {"problem": ended.told, "user": user.name, "until": f"{ended.since:%Y-%m-%d}"}
        return Found("expired", f"{loaded.paths[0]}: {ended.told}", data, loaded.paths[0])
    return Found("ok", f'the current context is "{loaded.current}": {data["server"]}', data, loaded.paths[0])


def _broken(error: KubeconfigError, data: dict[str, Value]) -> Found:
    data = {**data, "path": error.path, "problem": error.problem}
    if error.line is not None:
        data["line"] = error.line
    place = f"{error.path}, line {error.line}: " if error.line is not None else f"{error.path}: "
    detail = error.problem if error.path in error.problem else place + error.problem
    return Found(error.outcome, detail, data, error.path)


def _file_problem(machine: Machine, loaded: Kubeconfig) -> str | None:
    """Return what client-go refuses before it connects: a file that is missing, data that is no base64."""
    cluster, user = loaded.chosen()
    if not cluster.server:
        return f'the cluster "{cluster.name}" has no server'
    for what, path in (
        ("certificate-authority", cluster.ca_file if not cluster.ca_data else ""),
        ("client-certificate", user.cert_file if not user.cert_data else ""),
        ("client-key", user.key_file if not user.key_data else ""),
    ):
        if path and not machine.path(path).exists():
            return f"{what} {path} does not exist"
    for what, data in (
        ("certificate-authority-data", cluster.ca_data),
        ("client-certificate-data", user.cert_data),
        ("client-key-data", user.key_data),
    ):
        try:
            base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            return f"{what} is no base64"
    return None


# --- kube.api ----------------------------------------------------------------------------------


async def api(ask: Asking, address: str | None = None) -> Found:
    """Ask GET /version as kubectl would: its CA, its proxy rules, its static credentials, no plugin."""
    server = server_of(ask.vantage.machine, address)
    if isinstance(server, Found):
        return server
    data: dict[str, Value] = {
        "server": mask(server.cluster.server),
        "address": host_port(server.host, server.port),
        "local": kubeconfig.is_loopback(server.host),
    }
    answer = await apiserver.ask_server(ask, server, "/version")
    found = answer if isinstance(answer, Found) else _judged(server, answer)
    return Found(found.outcome, found.detail, {**data, **found.data}, str(data["server"]))


def server_of(machine: Machine, address: str | None = None) -> Server | Found:
    """Return the server of the current context, or the one at an address (host:port), with what may be sent to it."""
    loaded: Kubeconfig | None = None
    why = ""
    try:
        loaded = kubeconfig.load(machine)
        cluster, user = loaded.chosen()
    except KubeconfigError as error:
        why = error.problem
        cluster, user = Cluster("", ""), User("")
    if address is None:
        endpoint = cluster.endpoint
        if endpoint is None:
            return Found("no-config", f"kubectl has no server to ask: {why or 'the cluster has no server'}")
        return Server(cluster, user, *endpoint)
    try:
        host, port = split_host_port(address, 443)
    except ValueError:
        return Found(UNSEEN, f"{address[:120]!r} is no host:port")
    if cluster.endpoint == (host, port):
        return Server(cluster, user, host, port)
    known = loaded.knows(host, port) if loaded is not None else None
    if known is not None:
        return Server(known, User(""), host, port)
    if not kubeconfig.is_loopback(host):
        return Found(UNSEEN, f"{address} stands in no kubeconfig here")
    at = host_port(host, port)
    return Server(Cluster("", f"http://{at}" if port == 8080 else f"https://{at}"), User(""), host, port)


def _judged(server: Server, answer: Answer) -> Found:
    shown = mask(server.cluster.server)
    data: dict[str, Value] = {"status": answer.status}
    body = jsonfile.mapping(jsonfile.parse(answer.body.decode("utf-8", "replace")))
    by = " by a proxy" if answer.proxied else ""
    if answer.status == 200 and jsonfile.text(body.get("gitVersion")):
        return Found("ok", f"{shown} answers{by}: Kubernetes {jsonfile.text(body['gitVersion'])[:40]}", data)
    is_status = body.get("kind") == "Status"
    if answer.status == 401 and is_status:
        if server.sends_login:
            return Found("unauthorized", f"{shown} answers 401: it does not take the kubeconfig's credentials", data)
        plugin = f" (kubectl asks {server.user.plugin}; kdoctor runs no plugin)" if server.user.plugin else ""
        return Found("ok", f"{shown} answers{by} and wants a login{plugin}", data)
    if answer.status == 403 and is_status:
        return Found("ok", f"{shown} answers{by}: 403, this user may not ask for its version", data)
    if answer.from_proxy:
        says = f"the proxy answers {answer.status} in place of {shown}"
        return Found("proxied", says, {**data, "cause": "proxy response"})
    return Found("not-kubernetes", f"{shown} answers {answer.status}, not as an API server does", data)
