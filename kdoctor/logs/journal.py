"""The journal of systemd units, as journalctl prints it."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from kdoctor.errors import SourceError, UsageError
from kdoctor.logs.source import Source

_UNIT = re.compile(r"[A-Za-z0-9:_.@\\*?\[][A-Za-z0-9:_.@\\*?\[\]!-]{0,254}")  # systemd.unit(5), and patterns


def command(units: Sequence[str], since: float | None, *, boot: bool, follow: bool = False) -> list[str]:
    """Return journalctl's argument vector; `since` is in seconds since the epoch.

    Raises:
        UsageError: a name is no unit's.
        SourceError: journalctl is not here.
    """
    for unit in units:
        if not _UNIT.fullmatch(unit):
            raise UsageError(f"--unit: {unit[:80]!r} is no name of a unit")
    program = shutil.which("journalctl")
    if program is None:
        raise SourceError(
            "journalctl is not on this machine (the journal is systemd's); "
            "give a log with --file, or pipe one into kdoctor explain"
        )
    arguments = [program, "--no-pager", "--quiet", "--output=short-iso-precise", *(f"--unit={unit}" for unit in units)]
    arguments += [f"--since=@{since:.0f}"] if since is not None else []
    arguments += ["--boot"] if boot else []
    return arguments + (["--follow", "--lines=all"] if follow else [])


@contextlib.contextmanager
def following(units: Sequence[str], since: float | None, *, boot: bool) -> Iterator[Source]:
    """Give the growing journal of units as a source; journalctl ends with it.

    Raises:
        UsageError: a name is no unit's.
        SourceError: journalctl is not here.
    """
    arguments = command(units, since, boot=boot, follow=True)
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  # an argument vector, its values checked
    assert process.stdout is not None
    try:
        yield Source(f"journal of {', '.join(units)}", cast("BinaryIO", process.stdout))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def journal(units: Sequence[str], since: float | None, *, boot: bool) -> Iterator[Source]:
    """Give the journal of units as a source; journalctl ends with it.

    Raises:
        UsageError: a name is no unit's.
        SourceError: journalctl is not here, fails, or has nothing to show.
    """
    arguments = command(units, since, boot=boot)
    name = f"journal of {', '.join(units)}"
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)  # noqa: S603  # an argument vector, its values checked
        assert process.stdout is not None
        try:
            stream = cast("io.BufferedReader", process.stdout)
            if not stream.peek(1):
                process.wait()
                errors.seek(0)
                raise SourceError(_nothing(name, errors.read(4096).decode("utf-8", "replace")))
            yield Source(name, cast("BinaryIO", stream))
        finally:
            process.stdout.close()
            process.terminate()
            process.wait()


def _nothing(name: str, said: str) -> str:
    first = next((line for line in said.splitlines() if line.strip()), "")
    if first:
        return f"the {name} cannot be read: {first[:200]}"
    return (
        f"the {name} shows nothing: no unit of that name has logged in that time, "
        "or this user may not read it (try with sudo, or as a member of systemd-journal)"
    )
