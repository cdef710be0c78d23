"""The command line: parsing here, the work in `kdoctor.run`, the looks in `kdoctor.report`."""

from __future__ import annotations

import contextlib
import copy
import errno
import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130

BEGAN = time.monotonic()
"""When this program began: what it takes to start counts, too."""

_GARBAGE = 50_000
"""Objects made between two looks for garbage: reading the rules makes many that stay, and each look costs."""

_OF_OUTPUT = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
"""How writing to standard output fails: the disk is full, the terminal gone."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the one place where errors become exit statuses."""
    status = 0
    gc.set_threshold(_GARBAGE)
    _open_closed_streams()
    try:
        status = _status(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `kdoctor ... | head`: the reader has what it wants
        forget_readers()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:
        forget_readers()
        status = _unwritable(error)
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said; Python's own end takes a moment
    gc.freeze()  # Python's last look for garbage would cost a tenth of the run
    raise SystemExit(status)


def _open_closed_streams() -> None:
    """Give Python the streams that it was started without (`>&-`): what is written there goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (until the end)


def forget_readers(stream: TextIO | None = None) -> None:
    """Write to nowhere from now on: whoever read the stream has gone, or it cannot be written."""
    with contextlib.suppress(OSError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, (stream or sys.stdout).fileno())


def _unwritable(error: OSError) -> int:
    from kdoctor.cli.crash import FAILED, say

    with contextlib.suppress(OSError):
        say(f"standard output cannot be written: {error.strerror or error}")
    return FAILED


def _named(app: typer.Typer, arguments: list[str] | None) -> typer.Typer:
    """Return the app with the one command that comes first, if one does: typer builds all that it is given."""
    from typer.main import get_command_name

    first = (sys.argv[1:] if arguments is None else arguments)[:1]
    named = [c for c in app.registered_commands if c.callback and [get_command_name(c.callback.__name__)] == first]
    if not named or named[0].name is not None:
        return app
    one = copy.copy(app)
    one.registered_commands, one.registered_groups = named, []
    return one


def _status(arguments: list[str] | None) -> int:
    import typer

    from kdoctor.cli.app import app

    try:
        code = _named(app, arguments)(args=arguments, prog_name="kdoctor", standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        return INTERRUPTED
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_OUTPUT and error.filename is None:
            raise
        from kdoctor.cli.crash import ended

        return ended(error)
    return code if isinstance(code, int) else 0
