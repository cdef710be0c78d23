"""What a growing text nominates, batch by batch: the same as when it is read at once, as soon as it is there."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdoctor.reading.clean import encoding_of
from kdoctor.reading.repeats import Repeats
from kdoctor.reading.stream import Windows
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.match import Gathered
from kdoctor.rules.scan import scanner, telling

if TYPE_CHECKING:
    from kdoctor.logs.since import Since
    from kdoctor.logs.tail import Tail

_KEPT = 64 * 1024


class Growing:
    """Reads tails into one set of candidates."""

    def __init__(self, book: Book, since: Since | None) -> None:
        self._since = since
        self._scan, self._telling = scanner(book), telling(book)
        self._gathered = Gathered(book)
        self._known: set[str] = set()
        self.text = ""
        """The last of what was read around failures."""

    def stream(self, tail: Tail, order: int) -> Stream:
        """Return what reads one tail."""
        return Stream(self, tail, order)

    def windows(self) -> Windows:
        """Return the windows of a text that begins."""
        return Windows(self._scan, Repeats(telling=self._telling), self._since.back if self._since else 0)

    def read(self, windows: Windows, data: bytes, name: str, order: int, *, last: bool) -> None:
        """Read a batch of a text."""
        for window in windows.feed(data, last=last):
            self._again(windows, name)
            self.text = (self.text + window.text)[-_KEPT:]
            kept = self._since.recent(window) if self._since else window
            found = self._gathered.add(kept, name, order)
            for line, mark in kept.hits:
                windows.repeats.learn(mark, tuple(rule for rule, at in found if at == line))
        self._again(windows, name)

    def _again(self, windows: Windows, name: str) -> None:
        for again in windows.again:
            if self._since is None or self._since.is_recent(again.text.decode("utf-8", "replace")):
                for rule_id in again.outcome:
                    self._gathered.again(rule_id, name, again.line)
        windows.again.clear()

    def all(self) -> list[Candidate]:
        """Return all candidates until now, the root first."""
        return self._gathered.ranked()

    def news(self) -> Sequence[Candidate]:
        """Return the candidates that were not there when this was last asked."""
        new = [c for c in self.all() if c.rule.id not in self._known]
        self._known.update(c.rule.id for c in new)
        return new


class Stream:
    """One tail: whole lines are read at once, a line's beginning when nothing follows it for a while."""

    def __init__(self, growing: Growing, tail: Tail, order: int) -> None:
        self._growing, self._tail, self._order = growing, tail, order
        self.came = False
        """Whether something came in the last step."""
        self._begin()

    def _begin(self) -> None:
        self._name = self._tail.name
        self._windows = self._growing.windows()
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first, self._held, self._open = True, b"", False

    @property
    def ended(self) -> bool:
        """Tell whether nothing more can come."""
        return self._tail.ended

    def step(self) -> str | None:
        """Read what came. Return the name of the file that has taken the place of the one before, if any.

        Raises:
            UsageError: it is not text.
        """
        data = self._tail.more()
        self.came = bool(data)
        if data:
            self._held += self._utf8(data)
            end = self._held.rfind(b"\n") + 1
            whole, self._held = self._held[:end], self._held[end:]
            if whole:
                self._growing.read(self._windows, whole, self._name, self._order, last=False)
                self._open = True
        if self._tail.name == self._name:
            return None
        self.settle(partly=True)
        self._begin()
        return self._name

    def settle(self, *, partly: bool) -> None:
        """Read what waited for the lines after it; with `partly` also a line that has no end yet."""
        rest = self._held if partly else b""
        if rest or self._open:
            self._held = self._held[len(rest) :]
            self._growing.read(self._windows, rest, self._name, self._order, last=True)
            self._open = False

    def _utf8(self, data: bytes) -> bytes:
        if self._first:
            self._first = False
            encoding = encoding_of(data)
            self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("replace")
        return self._decoder.decode(data).encode() if self._decoder else data.replace(b"\0", b"")
