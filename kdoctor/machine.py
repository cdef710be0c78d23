"""The machine that kdoctor runs on, as far as files and variables tell; tests give it another root."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_READ_LIMIT = 1024 * 1024

# uname's machine to GOARCH; "armv7l" and its like are "arm".
_ARCHITECTURES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "i386": "386",
    "i686": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loongarch64": "loong64",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """Where to look: the root of the file system, the environment, OS and architecture in Go's words."""

    root: Path = Path("/")
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    os: str = "linux"
    arch: str = "amd64"
    uid: int | None = None
    home: Path = Path("/root")

    @classmethod
    def here(cls) -> Machine:
        """Return the machine of this process."""
        return cls(
            root=Path("/"),
            env=dict(os.environ),
            os={"win32": "windows", "cygwin": "windows"}.get(sys.platform, sys.platform.rstrip("0123456789")),
            arch=go_arch(platform.machine()),
            uid=os.getuid() if sys.platform != "win32" else None,
            home=_home(),
        )

    def path(self, path: str | Path) -> Path:
        """Return `path`, an absolute path of this machine, under the machine's root."""
        if self.root == Path("/"):
            return Path(path)
        return self.root / str(path).lstrip("/")

    def read(self, path: str | Path, limit: int = _READ_LIMIT) -> str | None:
        """Return at most `limit` bytes of a regular file as text, None where it cannot be read."""
        return read_text(self.path(path), limit)

    def entries(self, directory: str | Path) -> list[str]:
        """Return the sorted names in a directory, none where it cannot be listed."""
        try:
            return sorted(os.listdir(self.path(directory)))
        except OSError:
            return []

    def is_file(self, path: str | Path) -> bool:
        """Tell whether a regular file is there."""
        return self.path(path).is_file()

    def is_dir(self, path: str | Path) -> bool:
        """Tell whether a directory is there."""
        return self.path(path).is_dir()


def go_arch(machine: str) -> str:
    """Return GOARCH for what uname or an engine calls the architecture."""
    lower = machine.lower()
    return _ARCHITECTURES.get(lower, "arm" if lower.startswith("arm") else lower)


def read_text(path: Path, limit: int = _READ_LIMIT) -> str | None:
    """Return the beginning of a regular file as UTF-8 with replacements; never blocks on a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # no HOME and no passwd entry, as in a scratch container
        return Path("/")
