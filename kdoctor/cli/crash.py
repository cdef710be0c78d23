"""How a command ends by an error: a line for the person, and a log to paste when kdoctor itself fails."""

from __future__ import annotations

import os
import sys

from kdoctor.errors import KdoctorError

FAILED = 4
"""The status when kdoctor itself failed."""


def ended(error: Exception) -> int:
    """Say on standard error what went wrong, and return the exit status that it means."""
    if isinstance(error, KdoctorError):
        say(str(error))
        return error.exit_status
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        # a usage error of click's, which typer carries under a name of its own since 0.20
        error.show()
        return int(error.exit_code)
    where = log(error)
    say(f"kdoctor itself failed ({type(error).__name__}); please report it" + (f" with {where}" if where else ""))
    return FAILED


def say(text: str) -> None:
    """Print a line of ours on standard error, without secrets and with nothing that acts on a terminal or in CI."""
    from kdoctor.masking import mask
    from kdoctor.report.safety import inert, one_line

    print("\n".join(inert(one_line(line)) for line in f"kdoctor: {mask(text)}".splitlines()), file=sys.stderr)


def log(error: BaseException) -> str | None:
    """Write the log into the temporary folder and return its path, None where that is not possible."""
    import platform
    import tempfile
    import traceback

    from kdoctor import __version__
    from kdoctor.masking import mask

    lines = "".join(traceback.format_exception(error))
    text = f"kdoctor {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n{lines}"
    try:
        handle, path = tempfile.mkstemp(prefix="kdoctor-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(mask(text))
    except OSError:
        return None
    return path
