"""Questions to the script on the other side, each within its time and in bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from importlib import resources

from kdoctor.masking import mask
from kdoctor.remote import answers
from kdoctor.remote.answers import Answer, AnswerError
from kdoctor.remote.sshmaster import SshMaster
from kdoctor.remote.ways import Way

ANSWER_LIMIT = 4 * 1024 * 1024
"""Bytes of an answer; a system's CA bundle has a quarter of a mebibyte."""
AT_ONCE = 6
"""Sessions at a time: sshd refuses some of the new ones from its tenth on (MaxStartups)."""

GRACE = 2.5
"""Seconds that the way itself may take, a login by ssh above all."""

_WORDS_LIMIT = 8192
_MOST_LINES = 2000
_LAST = 1.0
_VALUE = re.compile(r"[A-Za-z0-9_./:\\\[\]@%+,][A-Za-z0-9_./:\\\[\]@%+,-]{0,4095}")


_RUNNING: set[asyncio.subprocess.Process] = set()
_AT_END: list[Callable[[], Awaitable[str | None]]] = []


class SessionError(Exception):
    """The other side could not be asked; the text is a sentence for the person."""


def script() -> bytes:
    """Return the script that is read by `sh -s`."""
    return resources.files("kdoctor.data").joinpath("vantage.sh").read_bytes()


class Stream:
    """A connection that the other side opened: what its program reads and writes. See probes.streams.Stream."""

    __slots__ = ("_ending", "_process")

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ending: asyncio.Task[None] | None = None

    async def read(self, limit: int = 65536) -> bytes:
        """Return at least one and at most `limit` bytes, none at the end."""
        assert self._process.stdout is not None
        return await self._process.stdout.read(limit)

    async def write(self, data: bytes) -> None:
        """Send all of `data`; OSError when the program has ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    def close(self) -> None:
        """End the program; twice does no harm."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(_ended(self._process))


class Session:
    """The sessions of one way. It belongs to one event loop."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._master = SshMaster(way)
        at_end(self._closed)

    async def ask(self, command: str, seconds: float, *values: str) -> Answer:
        """Ask one question; raise SessionError. The tools there get `seconds`, the way GRACE more."""
        limit = max(round(seconds), 1)
        process: asyncio.subprocess.Process | None = None
        try:
            async with asyncio.timeout(limit + GRACE), self._gate:
                process = await self._start([command, str(limit), *values])
                out, words = await asyncio.gather(_all(process), _words(process))
                status = await process.wait()
        except TimeoutError as error:
            raise SessionError(f"{self.way.name} did not answer within {limit + GRACE:g} s") from error
        finally:
            await _ended(process)
        return self._read(out.decode("utf-8", "replace").split("\n"), words, status)

    async def connect(self, address: str, port: int, seconds: float) -> Stream | Answer:
        """Open a connection from the other side within `seconds`, or return why there is none; raise SessionError.

        Whoever gets a stream closes it.
        """
        limit = max(round(seconds), 1)
        process: asyncio.subprocess.Process | None = None
        opened: list[str] | None = []
        words = ""
        try:
            async with asyncio.timeout(limit + GRACE), self._gate:
                process = await self._start(["relay", str(limit), address, str(port)])
                opened = await _until_stream(process)
                if opened is not None and "end" not in opened:
                    words = await _words(process)
        except TimeoutError as error:
            raise SessionError(f"{self.way.name} did not answer within {limit + GRACE:g} s") from error
        finally:
            if opened is not None:
                await _ended(process)
        return Stream(process) if opened is None else self._read(opened, words, process.returncode)

    async def _start(self, arguments: Sequence[str]) -> asyncio.subprocess.Process:
        values = checked(arguments)
        argv = replace(self.way, program=await self._master.program()).argv(values)
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            raise SessionError(f"{argv[0]} cannot be run: {error.strerror or error}") from error
        _RUNNING.add(process)
        return process

    async def _closed(self) -> None:
        """End the connection that all questions of the session share."""
        await _ended(self._master.process)
        self._master.forget()

    def _read(self, lines: Sequence[str], words: str, status: int | None) -> Answer:
        """Return the answer, or raise what the program on the way said last, else what came instead."""
        try:
            return answers.read(lines)
        except AnswerError as error:
            shown = last_line(words)
            reason = f"{self.way.program[0]}: {shown}" if shown else f"{error} (status {status})"
            raise SessionError(f"{self.way.name} cannot be asked: {reason}") from error


def last_line(words: str) -> str:
    """Return the last line of a program's words, printable and masked; at most 200 characters."""
    said = [line.strip() for line in words.splitlines() if line.strip()]
    return "".join(c if c.isprintable() else " " for c in mask(said[-1]))[:200] if said else ""


def checked(arguments: Sequence[str]) -> list[str]:
    """Return the arguments; raise SessionError for one that a shell or a tool could take for more than a value."""
    for one in arguments:
        if not _VALUE.fullmatch(one):
            raise SessionError(f"{one[:60]!r} is no value that is given to another machine")
    return list(arguments)


async def _ended(process: asyncio.subprocess.Process | None) -> None:
    """Kill what was started for the way, if it still runs, and close its pipes."""
    if process is None:
        return
    if process.returncode is None:
        with contextlib.suppress(OSError):
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)  # minikube runs ssh, ssh its ProxyCommand
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST):
            await process.wait()
    _RUNNING.discard(process)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  (there is no public way)


def at_end(undo: Callable[[], Awaitable[str | None]]) -> None:
    """Have `undo` called once by end_all; it returns what it could not take back, as a sentence."""
    _AT_END.append(undo)


async def end_all() -> list[str]:
    """End every program that a cancelled question left behind, and take back what was started on other machines.

    For the end of the event loop. Returns what could not be taken back.
    """
    await asyncio.gather(*(_ended(process) for process in tuple(_RUNNING)))
    undone = [await _AT_END.pop()() for _ in tuple(_AT_END)]
    return [one for one in undone if one]


async def _all(process: asyncio.subprocess.Process) -> bytes:
    """Give the script and return what comes back; raise SessionError beyond ANSWER_LIMIT bytes."""
    assert process.stdin is not None
    assert process.stdout is not None
    await _give(process)
    process.stdin.close()
    held = bytearray()
    while more := await process.stdout.read(65536):
        held += more
        if len(held) > ANSWER_LIMIT:
            raise SessionError("the other side's answer has no end")
    return bytes(held)


async def _give(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(script())
        await process.stdin.drain()


async def _words(process: asyncio.subprocess.Process) -> str:
    """Return the beginning of standard error; the rest is read and thrown away."""
    assert process.stderr is not None
    held = bytearray()
    while more := await process.stderr.read(4096):
        held += more[: max(_WORDS_LIMIT - len(held), 0)]
    return held.decode("utf-8", "replace")


async def _until_stream(process: asyncio.subprocess.Process) -> list[str] | None:
    """Return None once the connection is there, else the lines of an answer that says why not."""
    assert process.stdout is not None
    await _give(process)
    lines: list[str] = []
    while len(lines) < _MOST_LINES:
        try:
            line = (await process.stdout.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            break
        if line == "stream" and answers.HEADER in lines:
            return None
        lines.append(line)
        if line == "end":
            break
    return lines
