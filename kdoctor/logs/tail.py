"""Texts that grow: a file as `tail -F` follows it, and a pipe."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from pathlib import Path
from typing import BinaryIO, Protocol

from kdoctor.errors import UsageError
from kdoctor.logs.files import Packed, open_log

PIECE = 4 * 1024 * 1024
_READ = 64 * 1024
_WAITING = 64


class Tail(Protocol):
    """A text that grows; `name` changes where another file takes the place of the first."""

    name: str
    ended: bool

    def more(self) -> bytes:
        """Return what came, at most PIECE bytes; empty where nothing did. Waits for nothing."""

    def close(self) -> None:
        """Let go of it."""


class FileTail:
    """A file; followed by name through rotation and truncation, to no end."""

    ended = False

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            UsageError: it cannot be read, or is packed.
        """
        self._path, self._times = path, 1
        self.name = str(path)
        stream = open_log(path)
        stream.close()
        if isinstance(stream, Packed):
            raise UsageError(f"{path}: it is packed, and does not grow; leave --follow out")
        self._open()

    def _open(self) -> None:
        self._file: BinaryIO = self._path.open("rb", buffering=0)  # raw: nothing is held back
        found = os.fstat(self._file.fileno())
        self._id = (found.st_dev, found.st_ino)

    def more(self) -> bytes:
        """Return what was written; after a rotation the rest of the old file comes first."""
        data = self._file.read(PIECE)
        if data:
            return data
        try:
            found = os.stat(self._path)
        except OSError:  # between two files, or gone: it may come again
            return b""
        if (found.st_dev, found.st_ino) != self._id:
            self._file.close()
            try:
                self._open()
            except OSError:
                return b""
        elif found.st_size < self._file.tell():
            self._file.seek(0)
        else:
            return b""
        self._times += 1
        self.name = f"{self._path} (file {self._times})"
        return b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PipeTail:
    """A pipe, read by a thread of its own; it ends when its writers close it."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self.ended = False
        self._pieces: queue.Queue[bytes] = queue.Queue(_WAITING)
        self._stopped = False
        threading.Thread(target=self._read, args=(stream.fileno(),), daemon=True).start()

    def _read(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, _READ):
                self._put(data)
        self._put(b"")

    def _put(self, data: bytes) -> None:
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._pieces.put(data, timeout=0.5)
                return

    def more(self) -> bytes:
        """Return what came."""
        held: list[bytes] = []
        with contextlib.suppress(queue.Empty):
            while sum(map(len, held)) < PIECE:
                piece = self._pieces.get_nowait()
                if not piece:
                    self.ended = True
                    break
                held.append(piece)
        return b"".join(held)

    def close(self) -> None:
        """Let the thread end."""
        self._stopped = True
