"""Requests to an API server as kubectl makes them: its proxy rules, the kubeconfig's authority and credentials.

No plugin of the kubeconfig is run; without verification no credential is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kdoctor.masking import mask
from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes import dial, kubelogin
from kdoctor.probes.ask import Found
from kdoctor.probes.handshake import Failed, TlsStream, shake_hands
from kdoctor.probes.streams import host_port
from kdoctor.settings import proxy

if TYPE_CHECKING:
    from kdoctor.kubeconfig import Cluster, User
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.dial import Clock, Opened
    from kdoctor.probes.streams import Stream

_ANSWER_LIMIT = 64 * 1024
_CONNECT = {"refused", "timeout", "unreachable", "reset"}


@dataclass(frozen=True, slots=True)
class Server:
    """An API server, and the user whose static credentials go to it."""

    cluster: Cluster
    user: User
    host: str
    port: int

    @property
    def tls(self) -> bool:
        """Tell whether it is spoken to over TLS."""
        return self.cluster.server.startswith("https://")

    @property
    def below(self) -> str:
        """The path that the API is under, mostly none."""
        path = self.cluster.server.partition("://")[2].partition("/")[2].strip("/")
        return f"/{path}" if path else ""

    @property
    def sends_login(self) -> bool:
        """Tell whether the kubeconfig holds a login that goes along."""
        user = self.user
        static = user.token or user.token_file or user.cert_data or user.cert_file
        return bool(static) and self.tls and not self.cluster.insecure

    def login(self, machine: Machine) -> str:
        """Return the value of Authorization, empty where none may be sent."""
        return kubelogin.bearer(machine, self.user) if self.sends_login else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, by a proxy or directly; `from_proxy`: it may be the proxy's own."""

    status: int
    body: bytes
    proxied: bool
    from_proxy: bool


_JSON = "application/json"
TABLE = f"{_JSON};as=Table;v=v1;g=meta.k8s.io,{_JSON}"
"""What kubectl accepts for lists: the columns that it prints, a fraction of the objects themselves."""


async def ask_server(ask: Asking, server: Server, path: str, accept: str = _JSON) -> Answer | Found:
    """GET a path of the server; a Found, with an outcome of kube.api, where there is no answer.

    At most 64 KiB of the answer's body are read.
    """
    clock = dial.Clock(ask)
    opened = await open_line(ask, server, clock)
    if isinstance(opened, Found):
        return opened
    try:
        return await _exchange(ask, server, opened, path, clock, accept)
    finally:
        opened.stream.close()


async def open_line(ask: Asking, server: Server, clock: Clock, *, tunnel: bool = False) -> Opened | Found:
    """Open kubectl's way to the server, TLS included; with `tunnel` no proxy is asked to forward requests."""
    opened = await _route(ask, server, clock, tunnel=tunnel)
    if isinstance(opened, Found) or not server.tls:
        return opened
    secured: TlsStream | None = None
    try:
        if not server.cluster.name:
            says = f"{server.cluster.server} accepts connections; no kubeconfig names it: its certificate says nothing"
            return Found(UNSEEN, says)
        context = kubelogin.context(ask.vantage.machine, server.cluster, server.user)
        if context is None:
            return Found("tls", "the kubeconfig's certificate authority holds no certificate", {"cause": "no CA"})
        result = await shake_hands(opened.stream, context, server.cluster.server_name or server.host, clock.left)
        if isinstance(result, Failed):
            return _untrusted(server, result, opened)
        secured = result
        return replace(opened, stream=secured)
    finally:
        if secured is None:
            opened.stream.close()


async def _route(ask: Asking, server: Server, clock: Clock, *, tunnel: bool) -> Opened | Found:
    """Open the connection; its proxy is the cluster's proxy-url or the environment's."""
    scheme = "https" if server.tls else "http"
    given = server.cluster.proxy_url
    if given:  # client-go puts it into http.ProxyURL, which exempts no host
        settings = proxy.from_environment({"HTTPS_PROXY": given, "HTTP_PROXY": given})
        decision = settings.route(f"{scheme}://api.invalid/")
    else:
        settings = proxy.from_environment(ask.vantage.machine.env)
        decision = settings.route(f"{scheme}://{host_port(server.host, server.port)}/version")
    through = dial.proxy_of(decision)
    if through is None:
        opened = await dial.dial(ask, server.host, server.port, clock)
    else:
        spoken = "https" if tunnel else scheme
        opened = await dial.open_through(ask, through, server.host, server.port, scheme=spoken, clock=clock)
    if isinstance(opened, dial.Opened):
        return opened
    if opened.outcome in (UNSEEN, CUT, "blocked"):
        return Found(CUT if opened.outcome == CUT else UNSEEN, opened.detail)
    data: dict[str, Value] = {"cause": opened.cause}
    if through is not None:
        because = "the kubeconfig's proxy-url" if given else decision.because
        return Found("proxied", f"kubectl goes by the proxy {through.endpoint} ({because}): {opened.detail}", data)
    if opened.phase == "resolve":
        return Found("unresolved", opened.detail, data)
    return Found(opened.outcome if opened.outcome in _CONNECT else "unreachable", opened.detail, data)


def _untrusted(server: Server, failed: Failed, opened: Opened) -> Found:
    where = host_port(server.host, server.port)
    data: dict[str, Value] = {"cause": f"tls {failed.outcome}"}
    if failed.outcome == CUT:
        return Found(CUT, f"{where}: {failed.says}", data)
    if opened.proxied:
        says = f"{where}, reached by a proxy, does not show the cluster's certificate: {failed.says}"
        return Found("proxied", says, data)
    if failed.outcome in ("timeout", "reset", "closed"):
        return Found("timeout" if failed.outcome == "timeout" else "reset", f"{where}: {failed.says}", data)
    if failed.outcome == "certificate":
        says = f"the certificate of {where} does not fit the kubeconfig's authority or its name: {failed.reason}"
        return Found("tls", says, {"cause": failed.reason})
    return Found("tls" if failed.outcome == "alert" else "not-kubernetes", f"{where}: {failed.says}", data)


async def _exchange(
    ask: Asking, server: Server, opened: Opened, path: str, clock: Clock, accept: str
) -> Answer | Found:
    base, left = server.cluster.server.rstrip("/"), clock.left
    headers = {"Host": host_port(server.host, server.port), "Accept": accept}
    if login := server.login(ask.vantage.machine):
        headers["Authorization"] = login
    if opened.proxy_authorization:
        headers["Proxy-Authorization"] = opened.proxy_authorization
    target = f"{base}{path}" if opened.forward else f"{server.below}{path}"
    try:
        async with asyncio.timeout(left):
            status, body = await _get(opened.stream, target, headers)
    except TimeoutError:
        return silent(server, clock.verdict(left, "timeout"))
    except (OSError, EOFError):
        return closed(server)
    except ValueError:
        return not_http(server)
    return Answer(status, body, opened.proxied, opened.forward)


def silent(server: Server, outcome: str) -> Found:
    """Return what it means that no answer came in time."""
    return Found(outcome, f"{mask(server.cluster.server)} accepts the connection and does not answer")


def closed(server: Server) -> Found:
    """Return what it means that the connection ended instead."""
    says = f"{mask(server.cluster.server)} closed the connection without an answer"
    return Found("reset", says, {"cause": "response closed"})


def not_http(server: Server) -> Found:
    """Return what it means that the answer could not be read."""
    return Found(
        "not-kubernetes", f"{mask(server.cluster.server)} does not answer in HTTP", {"cause": "response malformed"}
    )


async def _get(stream: Stream, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """GET a target; return status and what is needed of the body; EOFError for no answer, ValueError for no HTTP."""
    import httpcore
    import httpx

    from kdoctor.probes.http_line import Line, client

    line = Line(stream)
    fields = {"Accept": _JSON, **headers, "User-Agent": "kdoctor", "Connection": "close"}
    try:
        # Of the URL only the target is sent; user and password in the cluster's own stay there.
        url = f"http://{headers['Host']}/"
        asked = httpx.Request("GET", url, headers=fields, extensions={"target": target.encode("ascii")})
        answer = await client(line).send(asked, stream=True)
    except (httpx.InvalidURL, httpcore.LocalProtocolError) as error:
        raise ValueError(str(error)) from error
    except httpcore.RemoteProtocolError as error:
        if line.ended:
            raise EOFError from error
        raise ValueError(str(error)) from error
    body = b""
    with contextlib.suppress(httpcore.RemoteProtocolError):
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) >= _ANSWER_LIMIT:
                break
    return answer.status_code, body
