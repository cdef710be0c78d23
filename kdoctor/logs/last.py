"""The output of the last command that failed under `kdoctor run`, kept for `kdoctor explain --last`.

One file of this user's alone (mode 0600) in the state directory (XDG Base Directory Specification);
secrets are masked before it is written.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kdoctor.errors import SourceError
from kdoctor.masking import mask
from kdoctor.settings import jsonfile

_MOST = 1024 * 1024
_MOST_FILE = 8 * _MOST


@dataclass(frozen=True, slots=True)
class Last:
    """What a failed command said, the images that its arguments name, and when it ended (epoch seconds)."""

    text: str
    images: tuple[str, ...] = ()
    at: float = 0.0

    @property
    def name(self) -> str:
        """What the text came from, for locations and titles."""
        called = self.text.partition("\n")[0].removeprefix("$ ").strip()
        when = datetime.fromtimestamp(self.at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        return f"{called or 'the command'}, run at {when}"


def file() -> Path:
    """Return where the last failure is kept."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".local" / "state") / "kdoctor" / "last.json"


def keep(text: str, images: tuple[str, ...] = ()) -> None:
    """Keep the end of a text, masked; where nothing can be written nothing is kept."""
    if not text.strip():
        return
    first, _, rest = text.partition("\n")
    data = json.dumps(asdict(Last(f"{mask(first)}\n{mask(rest)[-_MOST:]}", images, time.time())), ensure_ascii=False)
    target = file()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=target.parent, prefix="last-")  # of mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
                stream.write(data)
            os.replace(fresh, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise
    except OSError:
        return


def read() -> Last:
    """Return the last failure.

    Raises:
        SourceError: there is none, or it cannot be read.
    """
    path = file()
    try:
        with path.open("rb") as stream:
            content = jsonfile.mapping(json.loads(stream.read(_MOST_FILE)))
    except FileNotFoundError:
        raise SourceError(
            "no command has failed under kdoctor run yet; run one: kdoctor run -- minikube start"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: the last failure cannot be read: {error}") from error
    at = content.get("at")
    return Last(
        jsonfile.text(content.get("text")),
        jsonfile.texts(content.get("images")),
        float(at) if isinstance(at, int | float) and 0 <= at < 1e11 else 0.0,
    )
