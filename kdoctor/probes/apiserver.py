"""Requests to an API server as kubectl makes them: its proxy rules, the kubeconfig's authority and credentials.

No plugin of the kubeconfig is run; without verification no credential is shown.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.masking import mask
from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes import dial
from kdoctor.probes.ask import Found
from kdoctor.probes.handshake import Failed, client_context, shake_hands
from kdoctor.probes.streams import host_port
from kdoctor.settings import proxy
from kdoctor.settings.trust import Trust, system_ca_files

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
    def sends_login(self) -> bool:
        """Tell whether the kubeconfig holds a login that goes along."""
        user = self.user
        static = user.token or user.token_file or user.cert_data or user.cert_file
        return bool(static) and self.tls and not self.cluster.insecure


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, by a proxy or directly; `from_proxy`: it may be the proxy's own."""

    status: int
    body: bytes
    proxied: bool
    from_proxy: bool


async def ask_server(ask: Asking, server: Server, path: str, limit: int = _ANSWER_LIMIT) -> Answer | Found:
    """GET a path of the server; a Found, with an outcome of kube.api, where there is no answer."""
    clock = dial.Clock(ask)
    opened = await _route(ask, server, clock)
    if isinstance(opened, Found):
        return opened
    stream: Stream = opened.stream
    try:
        if server.tls and not server.cluster.name:
            says = f"{server.cluster.server} accepts connections; no kubeconfig names it: its certificate says nothing"
            return Found(UNSEEN, says)
        if server.tls:
            context = _context(ask.vantage.machine, server.cluster, server.user)
            if context is None:
                return Found("tls", "the kubeconfig's certificate authority holds no certificate", {"cause": "no CA"})
            result = await shake_hands(stream, context, server.cluster.server_name or server.host, clock.left)
            if isinstance(result, Failed):
                return _untrusted(server, result, opened)
            stream = result
        return await _exchange(ask, server, stream, opened, path, limit, clock)
    finally:
        stream.close()


async def _route(ask: Asking, server: Server, clock: Clock) -> Opened | Found:
    """Open kubectl's way to the server; its proxy is the cluster's proxy-url or the environment's."""
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
        opened = await dial.open_through(ask, through, server.host, server.port, scheme=scheme, clock=clock)
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
    ask: Asking, server: Server, stream: Stream, opened: Opened, path: str, limit: int, clock: Clock
) -> Answer | Found:
    base, shown, left = server.cluster.server.rstrip("/"), mask(server.cluster.server), clock.left
    headers = {"Host": host_port(server.host, server.port)}
    token = _token(ask.vantage.machine, server.user) if server.sends_login else ""
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if opened.proxy_authorization:
        headers["Proxy-Authorization"] = opened.proxy_authorization
    below = base.partition("://")[2].partition("/")[2].strip("/")
    target = f"{base}{path}" if opened.forward else f"/{below}{path}" if below else path
    try:
        async with asyncio.timeout(left):
            status, body = await _get(stream, target, headers, limit)
    except TimeoutError:
        return Found(clock.verdict(left, "timeout"), f"{shown} accepts the connection and does not answer")
    except (OSError, EOFError):
        return Found("reset", f"{shown} closed the connection without an answer", {"cause": "response closed"})
    except ValueError:
        return Found("not-kubernetes", f"{shown} does not answer in HTTP", {"cause": "response malformed"})
    return Answer(status, body, opened.proxied, opened.forward)


def _context(machine: Machine, cluster: Cluster, user: User) -> ssl.SSLContext | None:
    """Return a TLS context with the cluster's authority (else Go's system files) and the client certificate.

    None where the authority holds no certificate.
    """
    if cluster.insecure:
        return client_context(None)
    if cluster.ca_data or cluster.ca_file:
        found = client_context(Trust())
        pem = _bytes(machine, cluster.ca_data, cluster.ca_file)
        try:
            found.load_verify_locations(cadata=pem.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError):
            return None
    else:
        found = client_context(Trust(ca_files=system_ca_files(machine, machine.env), system=machine.os != "linux"))
    certificate = _bytes(machine, user.cert_data, user.cert_file)
    key = _bytes(machine, user.key_data, user.key_file)
    if certificate and key:
        with _as_file(certificate + b"\n" + key) as name, contextlib.suppress(OSError):
            # ssl.SSLError is an OSError: a pair that does not fit shows as unauthorized.
            found.load_cert_chain(name, password=lambda: b"")
    return found


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """Give ssl, which takes files only, the name of one that is in memory, or that only this user can read."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("kdoctor")
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp(prefix="kdoctor-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _bytes(machine: Machine, data: str, file: str) -> bytes:
    if not data:
        return (machine.read(file) or "").encode() if file else b""
    try:
        return base64.b64decode("".join(data.split()))
    except (binascii.Error, ValueError):
        return b""


def _token(machine: Machine, user: User) -> str:
    """Return the user's static bearer token, empty where it has none that could be sent."""
    found = (user.token or (machine.read(user.token_file) or "" if user.token_file else "")).strip()
    return found if found.isascii() and found.isprintable() and " " not in found else ""


async def _get(stream: Stream, target: str, headers: Mapping[str, str], limit: int) -> tuple[int, bytes]:
    """GET a target; return status and some `limit` bytes; EOFError for no answer, ValueError for no HTTP."""
    import httpcore
    import httpx

    from kdoctor.probes.http_line import Line, client

    line = Line(stream)
    fields = {**headers, "Accept": "application/json", "User-Agent": "kdoctor", "Connection": "close"}
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
            if len(body) >= limit:
                break
    return answer.status_code, body
