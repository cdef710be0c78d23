"""Registries on loopback for the registry probes: real sockets, real TLS, scripted answers."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kdoctor.machine import Machine
from kdoctor.model import Evidence
from kdoctor.probes.kinds import KINDS
from kdoctor.probes.login import Login, stored
from kdoctor.settings.dockerd import Mirror
from kdoctor.settings.proxy import ProxySettings, from_environment
from kdoctor.settings.resolv import ResolvConf
from kdoctor.settings.trust import Trust
from kdoctor.vantages import Sharing
from tests.probes.net_peers import ended

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
V2 = {"Docker-Distribution-Api-Version": "registry/2.0"}


@dataclass(frozen=True)
class Puller:
    """A vantage whose settings the test gives."""

    root: Path
    insecure: bool = True
    ca_files: tuple[str, ...] = ()
    own_mirrors: tuple[Mirror, ...] = ()
    arch: str = "amd64"
    proxy_env: tuple[tuple[str, str], ...] = ()
    name: str = "shell"

    @property
    def machine(self) -> Machine:
        return Machine(root=self.root, env={}, os="linux", arch=self.arch, uid=1000, home=Path("/home/u"))

    def sharing(self, facet: str) -> Sharing:
        return Sharing(True, facet)

    def proxies(self) -> ProxySettings:
        return from_environment(dict(self.proxy_env))

    def resolvers(self) -> ResolvConf:
        return ResolvConf(servers=(), unseen="names are not resolved in these tests")

    def trust(self, registry: str) -> Trust:
        return Trust(ca_files=self.ca_files, insecure=self.insecure)

    def mirrors(self, registry: str) -> tuple[Mirror, ...]:
        return self.own_mirrors

    def platform(self) -> str:
        return f"linux/{self.arch}"

    def known(self) -> frozenset[str]:
        return frozenset()


@dataclass
class Asker:
    """An Asking that runs other probes for real, each question once."""

    vantage: Puller
    trusted_hosts: frozenset[str] = frozenset()
    seconds: float = 5.0
    began: float = field(default_factory=time.monotonic)
    answers: dict[object, Evidence] = field(default_factory=dict)
    logins: bool = False

    @property
    def remaining(self) -> float:
        return max(self.seconds - (time.monotonic() - self.began), 0.0)

    async def login(self, registry: str) -> Login | None:
        return await stored(self.vantage.machine, registry) if self.logins else None

    async def other(self, kind: str, **params: str) -> Evidence:
        key = (kind, tuple(sorted(params.items())))
        if key not in self.answers:
            module, _, name = KINDS[kind].run.partition(":")
            found = await getattr(importlib.import_module(module), name)(self, **params)
            known = {*KINDS[kind].outcomes, "unseen", "cut"}
            assert found.outcome in known, f"{kind} said {found.outcome}"
            assert set(found.data) <= set(KINDS[kind].fields), f"{kind} gave {sorted(found.data)}"
            self.answers[key] = Evidence(kind, "", "shell", found.outcome, found.detail, 0.0, found.data)
        return self.answers[key]


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Raw:
    """Bytes to send as they are; then the connection is closed, reset, or kept silent."""

    data: bytes
    then: str = "close"


Answer = tuple[int, Mapping[str, str], bytes] | Raw
Handler = Callable[[Request], Answer | Awaitable[Answer]]


class Peer:
    """A server on 127.0.0.1 that answers with what its handler says, and remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[Request] = []
        self.host = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def asked(self, method: str = "") -> list[str]:
        return [r.target for r in self.seen if r.method == method or not method]

    async def stop(self) -> None:
        assert self._server is not None
        await ended(self._server, self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.LimitOverrunError):
            try:
                while await self._one(reader, writer):
                    pass
            finally:
                writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a ClientHello: plain HTTP servers answer it like this
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        request = Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))))
        self.seen.append(request)
        answer = self.handler(request)
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, Raw):
            return await self._raw(answer, writer)
        status, fields, body = answer
        lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in fields.items())]
        if not any(k.lower() == "content-length" for k in fields):
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if method == "HEAD" else body))
        await writer.drain()
        return True

    async def _raw(self, answer: Raw, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer.data)
        await writer.drain()
        if answer.then == "silence":
            await asyncio.sleep(30)
        elif answer.then == "reset":
            writer.transport.abort()
        elif answer.then == "endless":
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        elif answer.then == "trickle":
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.2)
        return False


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer = Peer(handler)
    await peer.start(tls)
    try:
        yield peer
    finally:
        await peer.stop()


def sha(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class Content:
    """The content of a small registry: manifests by tag and digest, blobs by digest."""

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def image(self, architecture: str, layer: bytes, config_extra: str = "") -> tuple[str, bytes]:
        """Add an image for linux/architecture; return its digest and its manifest."""
        config = json.dumps({"architecture": architecture, "os": "linux", "x": config_extra}).encode()
        for blob in (config, layer):
            self.blobs[sha(blob)] = blob
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "c", "digest": sha(config), "size": len(config)},
            "layers": [{"mediaType": "l", "digest": sha(layer), "size": len(layer)}],
        }
        body = json.dumps(document).encode()
        self.manifests[sha(body)] = (MANIFEST, body)
        return sha(body), body

    def index(self, tag: str, *architectures: str, layer: bytes = b"layer") -> str:
        """Add an index for the architectures, and an attestation; return its digest."""
        entries: list[dict[str, object]] = []
        for architecture in architectures:
            digest, body = self.image(architecture, layer, tag)
            platform = {"os": "linux", "architecture": architecture}
            entries.append({"mediaType": MANIFEST, "digest": digest, "size": len(body), "platform": platform})
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries.append({"mediaType": MANIFEST, "digest": sha(b"attestation"), "size": 1, "platform": unknown})
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self.manifests[tag] = self.manifests[sha(body)] = (INDEX, body)
        return sha(body)

    def single(self, tag: str, architecture: str, layer: bytes = b"layer") -> str:
        digest, body = self.image(architecture, layer, tag)
        self.manifests[tag] = (MANIFEST, body)
        return digest


def error(status: int, code: str, message: str = "no") -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, {**V2, "Content-Type": "application/json"}, body


def registry(content: Content, **extra: str) -> Handler:
    """Return the handler of a registry without tokens; `extra` are header fields for every answer."""
    more = {name.replace("_", "-"): value for name, value in extra.items()}

    def answer(request: Request) -> Answer:
        parts = request.path.split("/")
        if request.path == "/v2/":
            return 200, {**V2, **more, "Content-Type": "application/json"}, b"{}"
        if parts[-2] == "manifests" and parts[-1] in content.manifests:
            kind, body = content.manifests[parts[-1]]
            return 200, {**V2, **more, "Content-Type": kind, "Docker-Content-Digest": sha(body)}, body
        if parts[-2] == "blobs" and parts[-1] in content.blobs:
            return 200, {**V2, **more, "Content-Type": "application/octet-stream"}, content.blobs[parts[-1]]
        if request.path.endswith("/tags/list"):
            tags = [tag for tag in content.manifests if ":" not in tag]
            return 200, {**V2, **more}, json.dumps({"name": "x", "tags": tags}).encode()
        return error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    return answer
