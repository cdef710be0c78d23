"""What `kdoctor explain` is given: a text, files with their rotated parts, a pipe, a pod, the journal, events."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kdoctor.errors import UsageError
from kdoctor.logs.source import Source

if TYPE_CHECKING:
    from kdoctor.logs.since import Since

NOTHING = "nothing to explain; give the error text: kdoctor explain '...', --file FILE, or a pipe"


class Input(NamedTuple):
    """The arguments of `explain` that say where the text comes from."""

    text: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    pod: str | None = None
    rotated: bool = False
    since: str | None = None
    units: tuple[str, ...] = ()
    boot: bool = False
    events: bool = False
    last: bool = False
    follow: bool = False

    @property
    def bare(self) -> str | None:
        """The single argument that nothing else goes with: it may be a rule's id."""
        alone = len(self.text) == 1 and not (self.files or self.pod or self.units or self.events or self.last)
        return self.text[0] if alone else None

    @property
    def stdin(self) -> bool:
        """Tell whether standard input is what is read."""
        if self.files:
            return self.files == (Path("-"),)
        others = self.pod is not None or self.units or self.events or self.last
        return self.text == ("-",) or (not self.text and not others and not sys.stdin.isatty())

    def check(self) -> None:
        """Raise UsageError for arguments that do not go together."""
        named = (bool(self.text), bool(self.files), self.pod is not None, bool(self.units), self.events, self.last)
        if sum(named) > 1:
            raise UsageError("give one source: the text, --file, --pod, --unit, --docker-events or --last")
        if Path("-") in self.files and len(self.files) > 1:
            raise UsageError("--file - is standard input; it goes with no other file")
        if self.boot and not self.units:
            raise UsageError("--boot goes with --unit NAME")
        if self.rotated and not self.files:
            raise UsageError("--rotated goes with --file FILE")
        if self.since and (self.pod is not None or self.last or (self.text and self.text != ("-",))):
            raise UsageError("--since goes with --file, --unit, --docker-events or a pipe")
        if self.follow and (self.text not in ((), ("-",)) or self.pod is not None or self.events or self.last):
            raise UsageError("--follow goes with --file, --unit or a pipe")
        if self.follow and self.rotated:
            raise UsageError("--rotated and --follow do not go together; explain the rotated parts first")


def since_of(given: Input) -> Since | None:
    """Return what --since means.

    Raises:
        UsageError: it is no time.
    """
    if given.since is None:
        return None
    from kdoctor.logs.since import Since
    from kdoctor.logs.times import local_now, since

    now = local_now()
    return Since(since(given.since, now), now)


def sources(given: Input, since: Since | None, seconds: float) -> Generator[Source, None, None]:
    """Yield what is to be read, one after the other; each is closed when the next is wanted.

    Raises:
        UsageError: nothing is given, or a file cannot be read.
        SourceError: the pod, the journal or the engine cannot be read.
    """
    if given.pod is not None:
        yield _pod(given.pod, seconds)
    elif given.units:
        from kdoctor.logs.journal import journal

        with journal(given.units, since.at if since else None, boot=given.boot) as source:
            yield source
    elif given.events:
        yield _events(since.at if since else None, seconds)
    elif given.last:
        from kdoctor.logs.last import read

        last = read()
        yield Source(last.name, io.BytesIO(last.text.encode("utf-8", "replace")))
    elif given.stdin:
        from kdoctor.logs.files import unpacked

        yield Source("standard input", unpacked(sys.stdin.buffer, "standard input"))
    elif given.files:
        yield from _files(given, since)
    elif given.text:
        yield Source("text", io.BytesIO(" ".join(given.text).encode("utf-8", "surrogateescape")))
    else:
        raise UsageError(NOTHING)


def _files(given: Input, since: Since | None) -> Iterator[Source]:
    from kdoctor.logs.files import open_log, rotated

    for path in given.files:
        parts = rotated(path, since.at if since else None) if given.rotated or since else [path]
        for part in parts:
            with contextlib.closing(open_log(part)) as stream:
                yield Source(str(part), stream)


def _pod(pod: str, seconds: float) -> Source:
    from kdoctor.machine import Machine
    from kdoctor.pods import describe
    from kdoctor.run.situation import run

    found = run(describe(pod, Machine.here(), seconds))
    return Source(found.source, io.BytesIO(found.text.encode()))


def _events(since: float | None, seconds: float) -> Source:
    from kdoctor.logs.events import docker_events
    from kdoctor.machine import Machine
    from kdoctor.run.situation import run

    text = run(docker_events(Machine.here(), since, seconds))
    return Source("docker events", io.BytesIO(text.encode()))
