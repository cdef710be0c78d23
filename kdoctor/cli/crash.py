"""A log to paste when kdoctor itself fails: the traceback, without secrets."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback

from kdoctor import __version__
from kdoctor.masking import mask


def log(error: BaseException) -> str | None:
    """Write the log into the temporary folder and return its path, None where that is not possible."""
    lines = "".join(traceback.format_exception(error))
    text = f"kdoctor {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n{lines}"
    try:
        handle, path = tempfile.mkstemp(prefix="kdoctor-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(mask(text))
    except OSError:
        return None
    return path
