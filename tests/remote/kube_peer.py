"""A small API server for a real kubectl: one node, the pods that it makes, and exec by WebSocket.

`exec` runs here what the pod would run there, without `chroot /host`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.probes.net_peers import ended

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PROTOCOL = "v5.channel.k8s.io"
_PODS = "/api/v1/namespaces/default/pods"
_VERBS = ["create", "delete", "get", "list"]


def _resource(name: str, kind: str, *, namespaced: bool) -> dict[str, object]:
    return {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": _VERBS}


@dataclass
class Cluster:
    """What listens: its port; the node's images (name to size); the pods made, each request, each command run.

    `waiting` keeps a pod's container waiting with that reason.
    """

    images: Mapping[str, int]
    waiting: str = ""
    port: int = 0
    pods: dict[str, dict[str, object]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    made: list[dict[str, object]] = field(default_factory=list)

    def config(self) -> str:
        """Return a kubeconfig for it."""
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "dev",
                "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
                "users": [{"name": "u", "user": {}}],
            }
        )

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Answer what kubectl asks."""
        fixed: dict[str, object] = {
            "/api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {
                "kind": "APIResourceList",
                "groupVersion": "v1",
                "resources": [_resource("nodes", "Node", namespaced=False), _resource("pods", "Pod", namespaced=True)],
            },
            "/api/v1/nodes/n1": {
                "kind": "Node",
                "apiVersion": "v1",
                "metadata": {"name": "n1"},
                "status": {"images": [{"names": [name], "sizeBytes": size} for name, size in self.images.items()]},
            },
        }
        name = path.rpartition("/")[2]
        if path in fixed:
            return 200, fixed[path]
        if method == "POST" and path == _PODS:
            return 201, self._make(_pod(body))
        if path.startswith(f"{_PODS}/") and name in self.pods:
            return 200, self.pods.pop(name) if method == "DELETE" else self.pods[name]
        message = f'nodes "{name}" not found' if "/nodes/" in path else "the server could not find the resource"
        return 404, {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": "NotFound",
            "message": message,
        }

    def _make(self, pod: dict[str, object]) -> dict[str, object]:
        metadata = pod["metadata"]
        assert isinstance(metadata, dict)
        state = {"waiting": {"reason": self.waiting, "message": "because"}} if self.waiting else {"running": {}}
        phase = "Pending" if self.waiting else "Running"
        pod["status"] = {"phase": phase, "containerStatuses": [{"name": "debugger", "state": state}]}
        self.pods[metadata["name"]] = pod
        self.made.append(pod)
        return pod


def _fields(data: bytes) -> dict[int, list[bytes | int]]:
    """Return the fields of a protobuf message: numbers, and bytes for texts and messages."""
    found: dict[int, list[bytes | int]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.setdefault(key >> 3, []).append(varint())
        else:
            size = varint()
            found.setdefault(key >> 3, []).append(data[at : at + size])
            at += size
    return found


def _message(fields: Mapping[int, list[bytes | int]], number: int) -> dict[int, list[bytes | int]]:
    value = fields.get(number, [b""])[0]
    return _fields(value) if isinstance(value, bytes) else {}


def _text(fields: Mapping[int, list[bytes | int]], number: int) -> str:
    value = fields.get(number, [b""])[0]
    return value.decode() if isinstance(value, bytes) else ""


def _pod(body: bytes) -> dict[str, object]:
    """Return what is looked at of the pod that kubectl sends in protobuf (k8s.io/api/core/v1/generated.proto)."""
    if body.startswith(b"{"):
        found: dict[str, object] = json.loads(body)
        return found
    pod = _message(_fields(body.removeprefix(b"k8s\x00")), 2)
    spec = _message(pod, 2)
    container = _message(spec, 2)
    command = [one.decode() for one in container.get(3, []) if isinstance(one, bytes)]
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": _text(_message(pod, 1), 1), "namespace": "default"},
        "spec": {
            "nodeName": _text(spec, 10),
            "hostNetwork": spec.get(11) == [1],
            "hostPID": spec.get(12) == [1],
            "containers": [
                {
                    "name": _text(container, 1),
                    "image": _text(container, 2),
                    "command": command,
                    "imagePullPolicy": _text(container, 14),
                    "securityContext": {"privileged": _message(container, 15).get(2) == [1]},
                }
            ],
        },
    }


@contextlib.asynccontextmanager
async def cluster(images: Mapping[str, int], waiting: str = "") -> AsyncIterator[Cluster]:
    """Listen on loopback."""
    it = Cluster(images, waiting)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await _one(it, reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        await ended(server, tasks)


async def _one(it: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split(" ", 2)
    fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head.splitlines()[1:])}
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    url = urlsplit(target)
    it.requests.append(f"{method} {url.path}")
    if url.path.endswith("/exec"):
        command = parse_qs(url.query)["command"]
        it.commands.append(command)
        accept = base64.b64encode(hashlib.sha1((fields["sec-websocket-key"] + _GUID).encode()).digest()).decode()
        writer.write(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {_PROTOCOL}\r\n\r\n".encode()
        )
        await _run(command[2:], reader, writer)
        return
    status, said = it.answer(method, url.path, body)
    data = json.dumps(said).encode()
    kind = "Content-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"HTTP/1.1 {status} X\r\n{kind}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()


async def _run(argv: Sequence[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Run a command; channels 0 to 3 are its streams and its status, 255 closes one."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin
    assert process.stdout
    assert process.stderr

    async def out(channel: int, stream: asyncio.StreamReader) -> None:
        while data := await stream.read(16384):
            writer.write(_frame(bytes([channel]) + data))
            await writer.drain()

    feeding = asyncio.create_task(_feed(reader, process.stdin))
    try:
        await asyncio.gather(out(1, process.stdout), out(2, process.stderr))
        status = await process.wait()
        told = {"metadata": {}, "status": "Success"}
        if status:
            cause = {"reason": "ExitCode", "message": str(status)}
            told |= {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}
        writer.write(_frame(b"\x03" + json.dumps(told).encode()) + _frame(struct.pack(">H", 1000), 8))
        await writer.drain()
    finally:
        feeding.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _feed(reader: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
    """Pass on what the client sends for channel 0."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            first, second = await reader.readexactly(2)
            size = second & 127
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await reader.readexactly(8), "big")
            mask = await reader.readexactly(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
            if first & 15 == 2 and data[:1] == b"\x00":
                stdin.write(data[1:])
                await stdin.drain()
            elif data == b"\xff\x00":
                stdin.close()


def _frame(data: bytes, opcode: int = 2) -> bytes:
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    return bytes([0x80 | opcode]) + size + data
