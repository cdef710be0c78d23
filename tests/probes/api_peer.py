"""An API server over TLS: canned answers by path, the certificate and login that a test wants."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import trustme
import yaml

from tests.probes.net_peers import ended

VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}


def status(code: int, reason: str, message: str) -> tuple[int, object]:
    """An answer as kube-apiserver words its errors."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return code, body


UNAUTHORIZED = status(401, "Unauthorized", "Unauthorized")


@dataclass
class ApiServer:
    """What listens: its port, the CA of its certificate, the requests that came (target, Authorization)."""

    port: int = 0
    ca: trustme.CA = field(default_factory=trustme.CA)
    requests: list[tuple[str, str]] = field(default_factory=list)
    clients: list[bool] = field(default_factory=list)

    @property
    def ca_pem(self) -> bytes:
        return self.ca.cert_pem.bytes()

    def config(self, *, user: Mapping[str, object] | None = None, **cluster: object) -> str:
        """A kubeconfig for this server."""
        server: dict[str, object] = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority-data": base64.b64encode(self.ca_pem).decode(),
        }
        server |= {name.replace("_", "-"): value for name, value in cluster.items()}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "dev",
                "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
                "clusters": [{"name": "c", "cluster": {k: v for k, v in server.items() if v is not None}}],
                "users": [{"name": "u", "user": dict(user or {})}],
            }
        )


@contextlib.asynccontextmanager
async def api_server(
    answers: Mapping[str, tuple[int, object] | None],
    *,
    host: str = "127.0.0.1",
    tls: bool = True,
    token: str | None = None,
) -> AsyncIterator[ApiServer]:
    """Listen; a path not in `answers` is 404, None is silence, a missing or wrong token 401."""
    it = ApiServer()
    context: ssl.SSLContext | None = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        it.ca.issue_cert(host).configure_cert(context)
        it.ca.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await answer(reader, writer)
        finally:
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        target = head.split()[1]
        login = next(
            (line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("authorization:")), ""
        )
        it.requests.append((target, login))
        it.clients.append(bool(writer.get_extra_info("peercert")))
        said = answers.get(target.partition("?")[0], status(404, "NotFound", "the server could not find the resource"))
        if token is not None and login != f"Bearer {token}":
            said = UNAUTHORIZED
        if said is None:
            await asyncio.sleep(30)
            return
        data = json.dumps(said[1]).encode()
        writer.write(
            f"HTTP/1.1 {said[0]} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        await ended(server, tasks)
