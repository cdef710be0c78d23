"""A command that runs as if alone, while what it writes is kept.

Each of its output streams is a pipe, or a pseudo-terminal where ours is a terminal. Standard input,
process group and controlling terminal are ours: the terminal itself passes keys and Ctrl-C on, once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

Keep = Callable[[bytes], None]

QUIET = 0.5
"""Seconds without a byte after which a stream is left that a child in the background still holds open."""

_PASSED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM")
_FROM_TERMINAL = ("SIGHUP", "SIGINT", "SIGQUIT")
_CHUNK = 65536


def run(command: Sequence[str], keep: Keep) -> int:
    """Run a command to its end and return its status: 128+n where a signal ended it.

    `keep` gets each piece of both output streams; it is called from two threads.

    Raises:
        OSError: the system does not start the command.
    """
    code = _run(command, keep)
    return 128 - code if code < 0 else code


def _run(command: Sequence[str], keep: Keep) -> int:
    if not hasattr(signal, "sigwait"):
        return _unsignalled(command, keep)
    watched = {number for name in (*_PASSED, "SIGCHLD", "SIGWINCH") if (number := getattr(signal, name, None))}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    # by default these two are dropped, blocked or not, on some systems
    handlers = {number: signal.signal(number, _noted) for number in (signal.SIGCHLD, signal.SIGWINCH)}
    try:
        streams = Streams()
        process = streams.start(command, keep, lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))
        _attend(process, streams, watched)
        streams.finish()
        while signal.sigpending() & watched:
            signal.sigwait(watched)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process.returncode


def _noted(*_: object) -> None:
    """Exist, so that the signal waits to be read."""


def _attend(process: subprocess.Popen[bytes], streams: Streams, watched: set[signal.Signals]) -> None:
    """Pass on every signal that the command has not got by itself, until it ends."""
    while process.poll() is None:
        number, has_it = _next_signal(watched)
        if number == signal.SIGWINCH:
            streams.resize()
        elif number == signal.SIGCHLD or has_it:
            continue
        process.send_signal(number)


def _next_signal(watched: set[signal.Signals]) -> tuple[int, bool]:
    """Return the next signal, and whether a terminal sent it, to the whole process group."""
    if hasattr(signal, "sigwaitinfo"):
        told = signal.sigwaitinfo(watched)
        return told.si_signo, told.si_code > 0  # SI_USER and its like are 0 or less
    number = signal.sigwait(watched)
    return number, number in {getattr(signal, name) for name in _FROM_TERMINAL} and _in_foreground()


def _in_foreground() -> bool:
    with contextlib.suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False


def _unsignalled(command: Sequence[str], keep: Keep) -> int:
    """Run where signals cannot be waited for (Windows): the console sends Ctrl-C to the command itself."""
    handler = signal.signal(signal.SIGINT, _noted)
    try:
        program = shutil.which(command[0]) or command[0]  # finds .cmd and .bat too
        streams = Streams(terminals=False)
        process = streams.start([program, *command[1:]], keep)
        process.wait()
        streams.finish()
    finally:
        signal.signal(signal.SIGINT, handler)
    return process.returncode


class Streams:
    """The output streams of one command, each on its way to ours."""

    def __init__(self, *, terminals: bool = True) -> None:
        self._masters: dict[int, tuple[int, int, int]] = {}
        """Device number of a terminal of ours to master, slave, and our stream."""
        self._ways = {1: self._way(1, terminals), 2: self._way(2, terminals)}
        self._copies: list[_Copy] = []

    def _way(self, stream: int, terminals: bool) -> int | None:
        """Return the slave that stands for our terminal; None where a pipe does."""
        if not (terminals and os.isatty(stream)):
            return None
        device = os.fstat(stream).st_rdev
        if device not in self._masters:
            master, slave = os.openpty()
            _unprocessed(slave)
            self._masters[device] = master, slave, stream
        return self._masters[device][1]

    def start(
        self, command: Sequence[str], keep: Keep, prepare: Callable[[], object] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the command; `prepare` is called in its process first."""
        self.resize()
        out, err = (subprocess.PIPE if self._ways[n] is None else self._ways[n] for n in (1, 2))
        try:
            process = _start(command, out, err, prepare)
        except OSError:
            for master, slave, _ in self._masters.values():
                os.close(master)
                os.close(slave)
            raise
        sources = {n: pipe for n, pipe in ((1, process.stdout), (2, process.stderr)) if pipe is not None}
        self._copies = [_Copy(os.dup(pipe.fileno()), n, keep) for n, pipe in sources.items()]
        for pipe in sources.values():
            pipe.close()
        for master, slave, stream in self._masters.values():
            os.close(slave)
            self._copies.append(_Copy(master, stream, keep))
        for copy in self._copies:
            copy.start()
        return process

    def resize(self) -> None:
        """Give the pseudo-terminals the size of the terminals that they stand for."""
        if not self._masters:
            return
        import fcntl
        import termios

        for master, _, stream in self._masters.values():
            with contextlib.suppress(OSError):
                fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(stream, termios.TIOCGWINSZ, b"\0" * 8))

    def finish(self) -> None:
        """Wait until all that the ended command wrote has been passed on."""
        ended = time.monotonic()
        for copy in self._copies:
            while copy.is_alive() and copy.idle(ended) < QUIET:
                copy.join(0.05)


def _start(
    command: Sequence[str], out: int | None, err: int | None, prepare: Callable[[], object] | None
) -> subprocess.Popen[bytes]:
    """Start a command as a shell does, which reads a script without #! itself."""
    try:
        return subprocess.Popen(command, stdout=out, stderr=err, preexec_fn=prepare)  # noqa: S603, PLW1509  # the person's own command; no thread of ours runs yet
    except OSError as error:
        script = shutil.which(command[0])
        if error.errno != errno.ENOEXEC or script is None or _is_binary(script):
            raise
    return subprocess.Popen(["/bin/sh", script, *command[1:]], stdout=out, stderr=err, preexec_fn=prepare)  # noqa: S603, PLW1509  # as above


def _is_binary(path: str) -> bool:
    with open(path, "rb") as file:
        return b"\0" in file.read(128)


def _unprocessed(slave: int) -> None:
    """Let bytes pass as they are: the real terminal does what is to be done with a newline."""
    import termios

    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)


class _Copy(threading.Thread):
    """Copies what a command writes to our stream, and keeps it."""

    def __init__(self, source: int, stream: int, keep: Keep) -> None:
        super().__init__(daemon=True)
        self._source, self._stream, self._keep = source, stream, keep
        self._waits_since: float | None = time.monotonic()

    def idle(self, since: float) -> float:
        """Return for how many seconds nothing has come, counted from `since`; 0 while something is written."""
        return 0.0 if self._waits_since is None else time.monotonic() - max(self._waits_since, since)

    def run(self) -> None:
        """Copy until the command's side is closed, or ours: the command then gets the same broken pipe."""
        try:
            while data := self._read():
                self._waits_since = None
                self._keep(data)
                if not _written(self._stream, data):
                    break
                self._waits_since = time.monotonic()
        finally:
            os.close(self._source)

    def _read(self) -> bytes:
        try:
            return os.read(self._source, _CHUNK)
        except OSError as error:  # Linux: EIO where no process has the pseudo-terminal any more
            if error.errno != errno.EIO:
                raise
            return b""


def _written(stream: int, data: bytes) -> bool:
    """Write all of the data; False when whoever read our stream has gone."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(stream, view) :]
        except BlockingIOError:  # whoever shares our stream has made it non-blocking
            import select

            select.select([], [stream], [])
        except OSError:  # EPIPE, EIO of a terminal that was closed, ENOSPC
            return False
    return True


def told(command: str, error: OSError) -> tuple[int, str]:
    """Return the status that a shell gives for a command that did not start, and why in words."""
    found = shutil.which(command) or (command if os.path.exists(command) else None)
    if isinstance(error, FileNotFoundError) and found is None:
        return 127, "command not found"
    if isinstance(error, FileNotFoundError):
        return 126, "its interpreter, named in its first line, does not exist"
    if found is not None and os.path.isdir(found):
        return 126, "is a directory"
    if error.errno == errno.ENOEXEC:
        return 126, f"is no program for this machine ({sys.platform})"
    return 126, (error.strerror or "cannot be run").lower()
