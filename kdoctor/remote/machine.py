"""Another machine's files as its own script showed them, in the form that every reader of settings takes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kdoctor.machine import Machine, go_arch
from kdoctor.remote.answers import Answer, Ran

_NOWHERE = Path("/dev/null")


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system as df shows it: bytes and inodes, in all and free for users."""

    path: str
    free: int
    total: int
    inodes: int = 0
    free_inodes: int = 0


@dataclass(frozen=True, slots=True)
class FarMachine(Machine):
    """A machine of which only the files in `texts` are known, secrets in them masked by the script.

    `pullers` are the processes of engines (name to pid), `environments` the variables of each pid, or
    of "self" for the session's own; `unseen` the paths that may not be read there.
    """

    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    links: Mapping[str, str] = field(default_factory=dict)
    pullers: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    unseen: frozenset[str] = frozenset()
    directories: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    clock: int | None = None
    disks: tuple[Disk, ...] = ()

    @property
    def hostname(self) -> str:
        """Return the name that the machine has for itself."""
        return self.texts.get("/proc/sys/kernel/hostname", "")

    def path(self, path: str | Path) -> Path:
        """Return a path that does not exist: nothing of this process's machine stands for the other's."""
        return _NOWHERE / str(path).lstrip("/")

    def read(self, path: str | Path, limit: int = 1024 * 1024) -> str | None:
        """Return the text that was shown of a file."""
        text = self.texts.get(posixpath.normpath(str(path)))
        return None if text is None else text[:limit]

    def entries(self, directory: str | Path) -> list[str]:
        """Return the names below a directory of which something was shown."""
        start = posixpath.normpath(str(directory)).rstrip("/") + "/"
        known = (*self.texts, *self.directories)
        return sorted({path[len(start) :].partition("/")[0] for path in known if path.startswith(start)})

    def is_file(self, path: str | Path) -> bool:
        """Tell whether the file was shown."""
        return posixpath.normpath(str(path)) in self.texts

    def is_dir(self, path: str | Path) -> bool:
        """Tell whether something below the directory was shown, or it itself was named."""
        return posixpath.normpath(str(path)) in self.directories or bool(self.entries(path))


def machine_of(facts: Answer) -> FarMachine:
    """Return the machine that an answer to `facts` describes; what makes no sense is left out."""
    environments: dict[str, dict[str, str]] = {"self": {}}
    for line in facts.words.get("env", ()):
        whose, _, pair = line.partition(" ")
        name, equals, value = pair.partition("=")
        if equals:
            environments.setdefault(whose, {})[name] = value
    pullers: dict[str, str] = {}
    for line in facts.words.get("process", ()):
        pid, _, name = line.partition(" ")
        pullers.setdefault(name, pid)
    uid, clock = facts.one("uid"), facts.one("time")
    return FarMachine(
        root=_NOWHERE,
        env=environments["self"],
        os=facts.one("ostype").lower() or "linux",
        arch=go_arch(facts.one("arch")) if facts.one("arch") else "amd64",
        uid=int(uid) if uid.isdecimal() and len(uid) < 11 else None,
        texts={
            **{posixpath.normpath(path): text for path, text in facts.files.items()},
            "/proc/sys/kernel/hostname": facts.one("hostname"),
            "/proc/sys/kernel/osrelease": facts.one("osrelease"),
        },
        links=facts.links,
        pullers=pullers,
        environments=environments,
        unseen=frozenset(facts.words.get("hidden", ())),
        directories=frozenset(facts.words.get("directory", ())),
        tools=frozenset(facts.one("tools").split()),
        clock=int(clock) if clock.isdecimal() and len(clock) < 13 else None,
        disks=disks_of(facts),
    )


def disks_of(answer: Answer) -> tuple[Disk, ...]:
    """Return the file systems of an answer to `facts` or `disks`: df -Pk and df -Pi of each path (POSIX df)."""
    found: dict[str, Disk] = {}
    for ran in answer.ran:
        numbers = _columns(ran)
        if numbers is None:
            continue
        total, free = numbers
        if ran.tool == "df":
            found[ran.about] = Disk(ran.about, free * 1024, total * 1024)
        elif ran.about in found:
            found[ran.about] = replace(found[ran.about], inodes=total, free_inodes=free)
    return tuple(found.values())


def _columns(ran: Ran) -> tuple[int, int] | None:
    """Return the second and the fourth column of df's only row."""
    row = ran.lines[-1].split() if ran.tool in ("df", "df-inodes") and ran.lines else []
    at = next((i for i, word in enumerate(row) if i and re.fullmatch(r"\d{1,15}", word)), None)
    words = row[at : at + 3] if at else []
    if len(words) != 3 or not all(re.fullmatch(r"\d{1,15}", word) for word in words):
        return None
    return int(words[0]), int(words[2])
