"""`kdoctor run -- CMD`: the command runs as if alone; its failure is explained afterwards."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading

from kdoctor.cli import command as child
from kdoctor.cli.crash import ended
from kdoctor.cli.shared import Shared
from kdoctor.errors import UsageError
from kdoctor.masking import mask
from kdoctor.rules.book import open_book

KEPT = 1024 * 1024
"""Bytes of the command's output, the last ones, that are explained."""

_UNREAD = 128 + getattr(signal, "SIGPIPE", 13)
"""The status of a command whose output nobody reads any more; nothing of it has failed."""

_PLAIN = re.compile(r"[A-Za-z][\w.-]{0,40}")

UNKNOWN = "kdoctor: no known failure in the output"
OWN_STATUS = "kdoctor: --exit-zero and --allow-inconclusive change nothing: the status is the command's own"


def run(options: Shared, command: list[str], *, no_probe: bool) -> int:
    """Run the command, explain its output when it fails, and return its status as a shell gives it.

    Once the command has run, nothing that happens to the diagnosis changes the status.
    """
    if not command:
        raise UsageError("no command; give one: kdoctor run -- minikube start")
    if options.rules:
        open_book(options.rules)  # a mistake in them is told before the command runs
    if (options.exit_zero or options.allow_inconclusive) and not options.quiet:
        print(OWN_STATUS, file=sys.stderr)
    tail = Tail()
    try:
        status = child.run(command, tail.add)
    except OSError as error:
        status, why = child.told(command[0], error)
        print(f"kdoctor: {mask(command[0])}: {why}", file=sys.stderr)
        return status
    if status not in (0, _UNREAD):
        _explain(options, tail.text(), command, no_probe=no_probe)
    return status


def _explain(options: Shared, text: str, command: list[str], *, no_probe: bool) -> None:
    try:
        _delivered(options, text, command, no_probe=no_probe)
    except KeyboardInterrupt:
        print("kdoctor: interrupted", file=sys.stderr)
    except BrokenPipeError:
        pass  # nobody reads the diagnosis
    except Exception as error:  # noqa: BLE001  (a boundary: the status is the command's)
        ended(error)


def _delivered(options: Shared, text: str, command: list[str], *, no_probe: bool) -> None:
    from kdoctor.cli.explaining import SECONDS, answer
    from kdoctor.cli.pulled import images_of
    from kdoctor.logs import last
    from kdoctor.run.explain import Given, Question

    said = f"$ {_called(command)}\n{text}" if text.strip() else ""
    about = Given(images_of(command))
    last.keep(said, about.images)
    question = Question(said, command[0], options.timeout or SECONDS, options.lang, about)
    report = answer(open_book(options.rules), question, options, no_probe=no_probe, elsewhere=False)
    if not report.diagnoses and options.outputs == (("text", None),):
        if not options.quiet:
            print(UNKNOWN, file=sys.stderr)
        return
    options.deliver(report)


def _called(command: list[str]) -> str:
    """Return what tells whose words the output is: the program and its subcommand; no other argument is a witness."""
    words = [os.path.basename(command[0]), *command[1:2]]
    return " ".join(word for word in words if _PLAIN.fullmatch(word))


class Tail:
    """The last mebibyte of what was written, from the beginning of a line."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._cut = False
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Keep a piece; what is older than the last mebibyte goes."""
        with self._lock:
            self._held += data
            if len(self._held) > 2 * KEPT:
                del self._held[:-KEPT]
                self._cut = True

    def text(self) -> str:
        """Return what is kept; what is no UTF-8 in it is replaced."""
        with self._lock:
            last, cut = bytes(self._held[-KEPT:]), self._cut or len(self._held) > KEPT
        if cut:  # the rest of a word might be half of a secret, which nothing masks
            last = last.partition(b"\n")[2] or last
        return last.decode("utf-8", "replace")
