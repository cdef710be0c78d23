"""From sources of any length to what they nominate: short texts whole, long ones where words point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BufferedReader
from typing import TYPE_CHECKING, BinaryIO

from kdoctor.errors import UsageError
from kdoctor.logs.source import Source
from kdoctor.reading.clean import decode
from kdoctor.reading.stream import Window
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.match import Gathered

if TYPE_CHECKING:
    from kdoctor.logs.since import Since
    from kdoctor.reading.repeats import Repeats, Telling
    from kdoctor.reading.stream import Scan, Windows

SHORT = 1024 * 1024
"""Bytes up to which a text is read whole."""

_KEPT = 64 * 1024
_LONG_LINE = 8 * 1024


@dataclass(slots=True)
class Reading:
    """What sources came to: candidates, the text around them, sentences about the reading itself."""

    found: list[Candidate] = field(default_factory=list)
    text: str = ""
    names: list[str] = field(default_factory=list)
    empty: bool = True
    notices: list[str] = field(default_factory=list)
    interrupted: bool = False
    """Whether Ctrl-C ended it: what was read until then is there."""


def read_sources(book: Book, sources: Iterable[Source], since: Since | None = None) -> Reading:
    """Read sources one after the other.

    Raises:
        UsageError: one is not text.
    """
    return _Reader(book, since).read(sources)


def _fill(head: bytearray, stream: BinaryIO) -> None:
    """Read as much as a short text may have; from a pipe as it comes."""
    read = stream.read1 if isinstance(stream, BufferedReader) else stream.read
    while len(head) <= SHORT and (more := read(SHORT + 1 - len(head))):
        head += more


class _Reader:
    def __init__(self, book: Book, since: Since | None) -> None:
        self._book, self._since = book, since
        self._gathered = Gathered(book)
        self._reading = Reading()
        self._scan: Scan | None = None
        self._telling: Telling | None = None
        self._kept: list[str] = []

    def read(self, sources: Iterable[Source]) -> Reading:
        try:
            self._all(sources)
        except KeyboardInterrupt:
            self._reading.interrupted = True
        self._reading.found = self._gathered.ranked()
        self._reading.text = "\n".join(self._kept)
        return self._reading

    def _all(self, sources: Iterable[Source]) -> None:
        for order, source in enumerate(sources):
            self._reading.names.append(source.name)
            head = bytearray()
            try:
                _fill(head, source.stream)
            finally:  # interrupted, what has come is read all the same
                self._named(source, bytes(head), order)
            problem = getattr(source.stream, "problem", None)  # of a packed file
            if problem:
                self._reading.notices.append(f"{source.name}: {problem}")
            if self._since is not None and (notice := self._since.notice(source.name)):
                self._reading.notices.append(notice)

    def _named(self, source: Source, head: bytes, order: int) -> None:
        try:
            self._one(source, head, order)
        except UsageError as error:
            raise UsageError(f"{source.name}: {error}") from error

    def _one(self, source: Source, head: bytes, order: int) -> None:
        if len(head) <= SHORT:
            text = decode(head).replace("\0", "")
            self._reading.empty = self._reading.empty and not text.strip()
            if len(head) < _LONG_LINE or max(map(len, text.split("\n"))) < _LONG_LINE:
                window = Window(1, text)
                self._add(window, source.name, order)
                self._keep(text, SHORT)
                return
        self._reading.empty = False
        self._long(source, head, order)

    def _long(self, source: Source, head: bytes, order: int) -> None:
        from kdoctor.reading.repeats import Repeats
        from kdoctor.reading.stream import Windows, blocks

        scan = self._scanner()
        windows = Windows(scan, Repeats(telling=self._telling), self._since.back if self._since else 0)
        last = b""
        for block in blocks(head, source.stream):
            last = block
            self._fed(windows.feed(block), windows, source.name, order)
        self._fed(windows.feed(b"", last=True), windows, source.name, order)
        if self._since is not None:
            self._since.see(last[-_KEPT:].decode("utf-8", "replace"))

    def _scanner(self) -> Scan:
        from kdoctor.rules.scan import scanner, telling

        if self._scan is None:
            self._scan, self._telling = scanner(self._book), telling(self._book)
        return self._scan

    def _fed(self, fed: Iterable[Window], windows: Windows, name: str, order: int) -> None:
        for window in fed:
            self._again(windows, name)  # first, so that the window does not count them, too
            self._window(window, name, order, windows.repeats)
        self._again(windows, name)

    def _window(self, window: Window, name: str, order: int, repeats: Repeats) -> None:
        self._keep(window.text, _KEPT)
        kept, found = self._add(window, name, order)
        outcomes: dict[int, list[str]] = {}
        for rule_id, line in found:
            outcomes.setdefault(line, []).append(rule_id)
        for line, mark in kept.hits:
            repeats.learn(mark, tuple(outcomes.get(line, ())))

    def _add(self, window: Window, name: str, order: int) -> tuple[Window, list[tuple[str, int]]]:
        if self._since is not None:
            window = self._since.recent(window)
        return window, self._gathered.add(window, name, order)

    def _again(self, windows: Windows, name: str) -> None:
        for again in windows.again:
            if self._since is None or self._since.is_recent(again.text.decode("utf-8", "replace")):
                for rule_id in again.outcome:
                    self._gathered.again(rule_id, name, again.line)
        windows.again.clear()

    def _keep(self, text: str, most: int) -> None:
        if sum(map(len, self._kept)) < most:
            self._kept.append(text)
