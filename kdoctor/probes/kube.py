"""Has kubectl a configuration, and does the API server that it names answer?"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdoctor import kubeconfig
from kdoctor.kubeconfig import Cluster, Kubeconfig, KubeconfigError, User
from kdoctor.masking import mask
from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes import apiserver, dial
from kdoctor.probes.ask import Found
from kdoctor.probes.handshake import Failed, shake_hands
from kdoctor.probes.streams import host_port, split_host_port
from kdoctor.settings import jsonfile, proxy

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.dial import Clock, Opened, Unreached
    from kdoctor.probes.streams import Stream

_CONNECT = {"refused", "timeout", "unreachable", "reset"}


# --- kube.config -------------------------------------------------------------------------------


async def config(ask: Asking) -> Found:
    """Load the kubeconfig as kubectl does and look whether it names a cluster to talk to."""
    machine = ask.vantage.machine
    try:
        loaded = kubeconfig.load(machine)
    except KubeconfigError as error:
        return _broken(error, {})
    data: dict[str, Value] = {"path": loaded.paths[0], "contexts": tuple(loaded.contexts)}
    if loaded.current:
        data["context"] = loaded.current
    try:
        cluster, _ = loaded.chosen()
    except KubeconfigError as error:
        return _broken(error, data)
    data["server"] = mask(cluster.server)
    problem = _file_problem(machine, loaded)
    if problem:
        return Found("invalid", f"{loaded.paths[0]}: {problem}", {**data, "problem": problem}, loaded.paths[0])
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """The API server to ask, with the user whose static credentials go to it."""

    cluster: Cluster
    user: User
    host: str
    port: int

    @property
    def tls(self) -> bool:
        return self.cluster.server.startswith("https://")


async def api(ask: Asking, address: str | None = None) -> Found:
    """Ask GET /version as kubectl would: its CA, its proxy rules, its static credentials, no plugin."""
    asked = _asked(ask.vantage.machine, address)
    if isinstance(asked, Found):
        return asked
    data: dict[str, Value] = {
        "server": mask(asked.cluster.server),
        "address": host_port(asked.host, asked.port),
        "local": kubeconfig.is_loopback(asked.host),
    }
    found = await _exchange(ask, asked)
    return Found(found.outcome, found.detail, {**data, **found.data}, str(data["server"]))


def _asked(machine: Machine, address: str | None) -> _Asked | Found:
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
        return _Asked(cluster, user, *endpoint)
    try:
        host, port = split_host_port(address, 443)
    except ValueError:
        return Found(UNSEEN, f"{address[:120]!r} is no host:port")
    if cluster.endpoint == (host, port):
        return _Asked(cluster, user, host, port)
    known = loaded.knows(host, port) if loaded is not None else None
    if known is not None:
        return _Asked(known, User(""), host, port)
    if not kubeconfig.is_loopback(host):
        return Found(UNSEEN, f"{address} stands in no kubeconfig here")
    at = host_port(host, port)
    return _Asked(Cluster("", f"http://{at}" if port == 8080 else f"https://{at}"), User(""), host, port)


async def _exchange(ask: Asking, asked: _Asked) -> Found:
    clock = dial.Clock(ask)
    opened = await _route(ask, asked, clock)
    if isinstance(opened, Found):
        return opened
    stream: Stream = opened.stream
    try:
        if asked.tls and not asked.cluster.name:
            says = (
                f"{asked.cluster.server} accepts connections; no kubeconfig names it, so its certificate says nothing"
            )
            return Found(UNSEEN, says)
        token = ""
        if asked.tls:
            context = apiserver.context(ask.vantage.machine, asked.cluster, asked.user)
            if context is None:
                return Found("tls", "the kubeconfig's certificate authority holds no certificate", {"cause": "no CA"})
            name = asked.cluster.server_name or asked.host
            result = await shake_hands(stream, context, name, clock.left)
            if isinstance(result, Failed):
                return _untrusted(asked, result, opened)
            stream = result
            token = "" if asked.cluster.insecure else apiserver.token(ask.vantage.machine, asked.user)
        return await _version(stream, asked, opened, token, clock)
    finally:
        stream.close()


async def _route(ask: Asking, asked: _Asked, clock: Clock) -> Opened | Found:
    """Open kubectl's way to the server; its proxy is the cluster's proxy-url or the environment's."""
    env = ask.vantage.machine.env
    if asked.cluster.proxy_url:
        # As an environment whose NO_PROXY is empty: client-go puts the URL into http.ProxyURL.
        env = {"HTTPS_PROXY": asked.cluster.proxy_url, "HTTP_PROXY": asked.cluster.proxy_url}
    scheme = "https" if asked.tls else "http"
    decision = proxy.from_environment(env).route(f"{scheme}://{host_port(asked.host, asked.port)}/version")
    through = dial.proxy_of(decision)
    opened: Opened | Unreached
    if through is None:
        opened = await dial.dial(ask, asked.host, asked.port, clock)
    else:
        opened = await dial.open_through(ask, through, asked.host, asked.port, scheme=scheme, clock=clock)
    if isinstance(opened, dial.Opened):
        return opened
    if opened.outcome in (UNSEEN, CUT, "blocked"):
        return Found(CUT if opened.outcome == CUT else UNSEEN, opened.detail)
    data: dict[str, Value] = {"cause": opened.cause}
    if through is not None:
        detail = f"kubectl goes by the proxy {through.endpoint} ({decision.because}): {opened.detail}"
        return Found("proxied", detail, data)
    if opened.phase == "resolve":
        return Found("unresolved", opened.detail, data)
    return Found(opened.outcome if opened.outcome in _CONNECT else "unreachable", opened.detail, data)


def _untrusted(asked: _Asked, failed: Failed, opened: Opened) -> Found:
    where = host_port(asked.host, asked.port)
    data: dict[str, Value] = {"cause": f"tls {failed.outcome}"}
    if failed.outcome in ("timeout", "reset", "closed"):
        outcome = "timeout" if failed.outcome == "timeout" else "reset"
        return Found("proxied" if opened.proxied else outcome, f"{where}: {failed.says}", data)
    if opened.proxied:
        return Found(
            "proxied", f"{where}, reached by a proxy, does not show the cluster's certificate: {failed.says}", data
        )
    if failed.outcome == "certificate":
        says = (
            f"the kubeconfig's authority did not sign the certificate of {where}, or it does not fit: {failed.reason}"
        )
        return Found("tls", says, {"cause": failed.reason})
    if failed.outcome == "alert":
        return Found("tls", f"{where}: {failed.says}", data)
    return Found("not-kubernetes", f"{where}: {failed.says}", data)


async def _version(stream: Stream, asked: _Asked, opened: Opened, token: str, clock: Clock) -> Found:
    server, limit = mask(asked.cluster.server), clock.left
    target = f"{asked.cluster.server.rstrip('/')}/version" if opened.forward else apiserver.path(asked.cluster.server)
    headers = {"Host": host_port(asked.host, asked.port)}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if opened.proxy_authorization:
        headers["Proxy-Authorization"] = opened.proxy_authorization
    try:
        async with asyncio.timeout(limit):
            status, body = await apiserver.get(stream, target, headers)
    except TimeoutError:
        return Found(clock.verdict(limit, "timeout"), f"{server} accepts the connection and does not answer")
    except (OSError, EOFError):
        return Found("reset", f"{server} closed the connection without an answer", {"cause": "response closed"})
    except ValueError:
        return Found("not-kubernetes", f"{server} does not answer in HTTP", {"cause": "response malformed"})
    return _judged(asked, opened, status, body, sent=bool(token) or bool(asked.user.cert_data or asked.user.cert_file))


def _judged(asked: _Asked, opened: Opened, status: int, body: bytes, *, sent: bool) -> Found:
    server = mask(asked.cluster.server)
    data: dict[str, Value] = {"status": status}
    try:
        answer = jsonfile.mapping(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        answer = {}
    by = " by a proxy" if opened.proxied else ""
    if status == 200 and jsonfile.text(answer.get("gitVersion")):
        return Found("ok", f"{server} answers{by}: Kubernetes {jsonfile.text(answer['gitVersion'])[:40]}", data)
    is_status = answer.get("kind") == "Status"
    if status == 401 and is_status:
        if sent:
            return Found("unauthorized", f"{server} answers 401: it does not take the kubeconfig's credentials", data)
        plugin = f" (kubectl asks {asked.user.plugin}; kdoctor runs no plugin)" if asked.user.plugin else ""
        return Found("ok", f"{server} answers{by} and wants a login{plugin}", data)
    if status == 403 and is_status:
        return Found("ok", f"{server} answers{by}: 403, this user may not ask for its version", data)
    if opened.forward:
        return Found("proxied", f"the proxy answers {status} in place of {server}", {**data, "cause": "proxy response"})
    return Found("not-kubernetes", f"{server} answers {status}, not as an API server does", data)
