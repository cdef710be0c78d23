"""`kdoctor run -- CMD`: the command runs as if alone; its failure is explained afterwards.

Standard output and error stay the command's own. On a terminal it gets a pseudo-terminal, so that it
draws as usual; elsewhere each stream is copied byte by byte. The last mebibyte is kept to explain.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import BinaryIO

from kdoctor.cli.options import Shared
from kdoctor.errors import UsageError
from kdoctor.rules.book import open_book

KEPT = 1024 * 1024
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


def run(options: Shared, command: list[str], *, no_probe: bool) -> int:
    """Run the command, explain its output when it fails, and return its status as a shell gives it."""
    if not command:
        raise UsageError("no command; give one: kdoctor run -- minikube start")
    book = open_book(options.rules)
    tail = _Tail()
    try:
        status = _terminal(command, tail) if _on_terminal() else _pipes(command, tail)
    except FileNotFoundError:
        print(f"kdoctor: {command[0]}: command not found", file=sys.stderr)
        return _NOT_FOUND
    except OSError as error:  # no permission, no program, too many arguments
        print(f"kdoctor: {command[0]}: {(error.strerror or 'permission denied').lower()}", file=sys.stderr)
        return _NOT_EXECUTABLE
    if status != 0:
        _explain(options, book, tail.text(), command, no_probe)
    return status


def _explain(options: Shared, book: object, text: str, command: list[str], no_probe: bool) -> None:
    from kdoctor.cli.explaining import SECONDS, answer
    from kdoctor.rules.book import Book
    from kdoctor.run.explain import Question

    assert isinstance(book, Book)
    if not text.strip():
        return
    question = Question(f"$ {shlex.join(command)}\n{text}", command[0], options.timeout or SECONDS, options.lang)
    report = answer(book, question, options, no_probe=no_probe, elsewhere=False)
    if report.diagnoses or any(file for _, file in options.outputs):
        options.deliver(report)
    elif not options.quiet:
        print("kdoctor: no known failure in the output", file=sys.stderr)


class _Tail:
    """The last mebibyte of what was written."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        with self._lock:
            self._held += data
            if len(self._held) > 2 * KEPT:
                del self._held[:-KEPT]

    def text(self) -> str:
        return bytes(self._held[-KEPT:]).decode("utf-8", "replace")


def _on_terminal() -> bool:
    return sys.platform != "win32" and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def _status(code: int) -> int:
    """Return 128+n for a signal, as a shell does."""
    return 128 - code if code < 0 else code


def _pipes(command: list[str], tail: _Tail) -> int:
    with _signals_passed() as watch:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603  # the person's own command
        watch(process)
        assert process.stdout is not None
        assert process.stderr is not None
        copies = [
            threading.Thread(target=_copy, args=(process.stdout, sys.stdout.buffer, tail), daemon=True),
            threading.Thread(target=_copy, args=(process.stderr, sys.stderr.buffer, tail), daemon=True),
        ]
        for copy in copies:
            copy.start()
        code = process.wait()
        for copy in copies:
            copy.join(timeout=2.0)  # a grandchild may hold the pipe open
    return _status(code)


def _copy(source: BinaryIO, to: BinaryIO, tail: _Tail) -> None:
    while data := os.read(source.fileno(), 65536):
        tail.add(data)
        with contextlib.suppress(BrokenPipeError, ValueError):
            to.write(data)
            to.flush()


@contextlib.contextmanager
def _signals_passed():  # type: ignore[no-untyped-def]
    """Pass the signals that end or pause kdoctor on to the command; it decides what they mean."""
    child: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        if child and child[0].poll() is None:
            # a terminal sends SIGINT to the whole group by itself
            if number == signal.SIGINT and sys.stdin.isatty():
                return
            child[0].send_signal(number)

    numbers = [signal.SIGINT, signal.SIGTERM]
    numbers += [getattr(signal, name) for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)]
    before = {number: signal.signal(number, pass_on) for number in numbers}
    watch: Callable[[subprocess.Popen[bytes]], None] = child.append
    try:
        yield watch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal(command: list[str], tail: _Tail) -> int:
    """Run the command on a pseudo-terminal of our terminal's size, in raw mode, so that it draws as alone."""
    if shutil.which(command[0]) is None:
        raise PermissionError if os.path.exists(command[0]) else FileNotFoundError
    import fcntl
    import pty
    import termios
    import tty

    pid, master = pty.fork()
    if pid == 0:
        try:
            os.execvp(command[0], command)  # noqa: S606  # the person's own command
        except OSError:
            os._exit(_NOT_EXECUTABLE)

    def resize(*_: object) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)

    resize()
    before = termios.tcgetattr(sys.stdin.fileno())
    handler = signal.signal(signal.SIGWINCH, resize)
    passed = {n: signal.signal(n, lambda number, _: os.kill(pid, number)) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setraw(sys.stdin.fileno())
        _shuttle(master, tail)
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
        for number, old in passed.items():
            signal.signal(number, old)
    _, waited = os.waitpid(pid, 0)
    return _status(os.waitstatus_to_exitcode(waited))


def _shuttle(master: int, tail: _Tail) -> None:
    """Copy between our terminal and the command's until the command's end closes."""
    import select

    inputs = [sys.stdin.fileno(), master]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: the command's side is closed
                return
            if not data:
                return
            tail.add(data)
            os.write(sys.stdout.fileno(), data)
        if sys.stdin.fileno() in ready:
            typed = os.read(sys.stdin.fileno(), 4096)
            if typed:
                os.write(master, typed)
            else:
                inputs.remove(sys.stdin.fileno())
