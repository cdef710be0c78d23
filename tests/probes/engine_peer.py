"""An engine's API on a Unix socket: canned answers by path, over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from tests.probes.net_peers import ended

VERSION = {
    "Version": "28.2.2",
    "ApiVersion": "1.50",
    "Os": "linux",
    "Arch": "amd64",
    "Components": [{"Name": "Engine"}],
}
PODMAN = {**VERSION, "Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}

Answers = Mapping[str, tuple[int, object] | bytes | None]
"""Path to status and JSON, to raw bytes, or to None for silence."""


@contextlib.asynccontextmanager
async def engine(path: Path, answers: Answers) -> AsyncIterator[list[str]]:
    """Listen on `path` and yield the list of the targets asked for."""
    asked: list[str] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            target = head.split()[1]
            asked.append(target)
            said = answers.get(target, (404, {"message": "page not found"}))
            if said is None:
                await asyncio.sleep(30)
            elif isinstance(said, bytes):
                writer.write(said)
            else:
                status, body = said
                data = json.dumps(body).encode()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
            await writer.drain()

    path.parent.mkdir(parents=True, exist_ok=True)
    server = await asyncio.start_unix_server(serve, str(path))
    try:
        yield asked
    finally:
        await ended(server, tasks)
