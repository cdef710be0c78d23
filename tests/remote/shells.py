"""Ways to a shell on this very machine, with exactly the tools that a test leaves it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kdoctor.remote import session
from kdoctor.remote.vantage import Far, look
from kdoctor.remote.ways import Way

BUSYBOX = "/bin/busybox"
SHELLS = {"dash": ["/bin/dash"], "bash": ["/bin/bash"], "busybox": [BUSYBOX, "sh"]}
TOOLS = (
    "bash", "cat", "curl", "date", "dd", "df", "dig", "getent", "hexdump", "id", "nc", "nslookup", "od", "openssl",
    "readlink", "sleep", "timeout", "tr", "uname", "xxd",
)  # fmt: skip
APPLETS = ("cat", "date", "dd", "df", "hexdump", "id", "nc", "nslookup", "od", "readlink", "sleep", "tr", "uname")

_PATH = re.compile(r"^PATH=.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Local(Way):
    """A shell of this machine whose PATH is one folder."""

    folder: str = ""
    shell: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def argv(self, arguments: Sequence[str]) -> list[str]:
        """Return the command line; the environment holds PATH and what the test gives."""
        clean = ["/usr/bin/env", "-i", f"PATH={self.folder}", *self.environment]
        return [*clean, *self.shell, "-s", "--", *arguments]


def only_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the script from adding the system's folders to PATH, so that a tool can be taken away."""
    text = session.script().decode()
    assert len(_PATH.findall(text)) == 1
    without = _PATH.sub(":", text).encode()
    monkeypatch.setattr(session, "script", lambda: without)


def tools(folder: Path, names: Iterable[str]) -> Path:
    """Make a PATH folder of the system's own tools."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(os.path.realpath(found))
    return folder


def applets(folder: Path, names: Iterable[str]) -> Path:
    """Make a PATH folder of BusyBox's tools."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).symlink_to(BUSYBOX)
    return folder


def way(shell: str, folder: Path, *environment: str) -> Local:
    """Return the way to a shell with the tools of a folder; skip where the shell is missing."""
    if not Path(SHELLS[shell][0]).exists():
        pytest.skip(f"{shell} is not installed")
    return Local("node:here", (shell,), folder=str(folder), shell=tuple(SHELLS[shell]), environment=environment)


async def far(shell: str, folder: Path, *environment: str) -> Far:
    """Return the vantage behind such a way."""
    found = await look(way(shell, folder, *environment), 10.0)
    assert isinstance(found, Far), found
    return found
