"""One ssh connection for all questions to a host: a login takes a second, a session within it none.

ssh_config(5) ControlMaster. Where the connection does not come up (a login that only the person's own
ControlPath can make, a system without Unix sockets), every question logs in by itself, as before.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from kdoctor.remote.ways import Way

_SECONDS = 6.0
_NAP = 0.02
_LONGEST = 90
"""Characters of a socket's path: sun_path has 104 or 108, and ssh adds 17 of its own."""


class SshMaster:
    """The shared connection of one way; `process` is ssh's own, to be ended by whoever uses it."""

    def __init__(self, way: Way) -> None:
        self._program = way.program
        self._opening: asyncio.Task[str | None] | None = None
        self._folder = ""
        self.process: asyncio.subprocess.Process | None = None

    async def program(self) -> tuple[str, ...]:
        """Return the program that goes through the connection, opened by the first who asks."""
        if sys.platform == "win32" or self._program[:1] != ("ssh",):
            return self._program
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        path = await asyncio.shield(self._opening)
        return self._program if path is None else ("ssh", "-S", path, "-o", "ControlMaster=no", *self._program[1:])

    async def _open(self) -> str | None:
        self._folder = tempfile.mkdtemp(prefix="kdoctor-")
        path = Path(self._folder) / "s"
        if len(str(path)) > _LONGEST:
            return None
        nothing = asyncio.subprocess.DEVNULL
        argv = ["ssh", "-N", "-M", "-S", str(path), "-o", "ControlPersist=no", *self._program[1:]]
        try:
            self.process = await asyncio.create_subprocess_exec(
                *argv, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )
        except OSError:
            return None
        end = asyncio.get_running_loop().time() + _SECONDS
        while not path.exists():
            if self.process.returncode is not None or asyncio.get_running_loop().time() > end:
                return None
            await asyncio.sleep(_NAP)
        return str(path)

    def forget(self) -> None:
        """Remove the socket's folder, once the process has ended."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
