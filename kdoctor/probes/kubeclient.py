"""The official Kubernetes client, over a connection that kdoctor has opened.

The client knows the API. Its own way to a server would go by Python's rules for proxies and OpenSSL's
for certificates, and to an address that nobody checked; so it gets kubectl's way (apiserver.open_line)
as a pair of sockets, TLS done. It loads no kubeconfig: none of its plugins can run.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import urllib3
from kubernetes import client
from urllib3.connection import HTTPConnection

from kdoctor import __version__
from kdoctor.probes import apiserver
from kdoctor.probes.apiserver import Answer
from kdoctor.probes.ask import Found
from kdoctor.probes.dial import Clock
from kdoctor.probes.streams import READ_SIZE, host_port, settle
from kdoctor.probes.threads import in_thread

if TYPE_CHECKING:
    from kdoctor.probes.apiserver import Server
    from kdoctor.probes.ask import Asking
    from kdoctor.probes.streams import Stream

MOST_BYTES = 4 * 1024 * 1024
"""What is taken of one answer."""

Call = Callable[[client.CoreV1Api, float], Any]
"""Asks for one thing within so many seconds, with _preload_content=False: urllib3's response comes back."""


async def ask_api(ask: Asking, server: Server, call: Call) -> Answer | Found:
    """Make one call; a Found, with an outcome of kube.api, where there is no answer."""
    clock = Clock(ask)
    opened = await apiserver.open_line(ask, server, clock, tunnel=True)
    if isinstance(opened, Found):
        return opened
    left, login = clock.left, server.login(ask.vantage.machine)
    ours, theirs = socket.socketpair()
    passing = asyncio.create_task(_pass_on(opened.stream, ours))
    try:
        async with asyncio.timeout(left):
            status, body = await in_thread(_call, server, login, theirs, call, left)
    except (TimeoutError, urllib3.exceptions.TimeoutError):
        return apiserver.silent(server, clock.verdict(left, "timeout"))
    except urllib3.exceptions.HTTPError as error:
        broke = any(isinstance(cause, OSError) for cause in error.args)
        return apiserver.closed(server) if broke else apiserver.not_http(server)
    finally:
        await settle([passing])
        ours.close()
        opened.stream.close()
    return Answer(status, body, opened.proxied, from_proxy=False)


def _call(server: Server, login: str, end: socket.socket, call: Call, seconds: float) -> tuple[int, bytes]:
    """Make the call over a socket; return status and body. Blocks."""
    configuration = client.Configuration(host=f"http://{host_port(server.host, server.port)}{server.below}")
    configuration.proxy = None  # which it took from the environment
    configuration.retries = False  # nor are redirects followed
    if login:
        configuration.api_key = {"authorization": login}
    with end, client.ApiClient(configuration) as api:
        api.user_agent = f"kdoctor/{__version__}"
        api.rest_client.pool_manager = _only(end, seconds)
        try:
            answer: urllib3.BaseHTTPResponse = call(client.CoreV1Api(api), seconds)
        except client.ApiException as error:
            said = error.body or ""
            return error.status or 0, said.encode() if isinstance(said, str) else said
        with contextlib.closing(answer):
            try:
                return answer.status, answer.read(MOST_BYTES, decode_content=False)
            except urllib3.exceptions.ProtocolError:  # cut off in the middle
                return answer.status, b""


def _only(end: socket.socket, seconds: float) -> urllib3.PoolManager:
    """Return a pool whose one connection is there already."""

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            end.settimeout(seconds)
            return end

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Connection

    manager = urllib3.PoolManager(retries=False)
    manager.pool_classes_by_scheme = {"http": Pool}
    return manager


async def _pass_on(stream: Stream, end: socket.socket) -> None:
    """Pass the bytes on between a connection and a socket, until the peer or an answer's limit ends it."""
    loop = asyncio.get_running_loop()
    end.setblocking(False)

    async def sent() -> None:
        while data := await loop.sock_recv(end, READ_SIZE):
            await stream.write(data)

    sending = asyncio.create_task(sent())
    left = MOST_BYTES + READ_SIZE  # room for the head
    try:
        while left > 0 and (data := await stream.read()):
            await loop.sock_sendall(end, data)
            left -= len(data)
    finally:
        await settle([sending])
        end.close()
