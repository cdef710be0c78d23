"""`kdoctor explain --follow`: each diagnosis once, when its failure appears; at the end how often it did.

With `-o json` every report is one line (JSON Lines); the last one holds all diagnoses with their counts.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kdoctor.cli.explaining import INTERRUPTED, SECONDS, answer
from kdoctor.cli.given import Input, since_of
from kdoctor.cli.shared import Shared
from kdoctor.logs.tail import FileTail, PipeTail, Tail
from kdoctor.model import Diagnosis, Report, Status, Verdict
from kdoctor.report.safety import inert, one_line
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.run.explain import Given, Question
from kdoctor.run.following import Growing, Stream

_PAUSE = 0.2
_QUIET = 0.5
"""Seconds without a new line after which those that came are read without waiting for more."""

_STALLED = 1.5
"""Seconds after which the beginning of a line is read, too."""

_ENDS = ("junit",)
"""Formats of which there can be only one document."""


def follow(options: Shared, book: Book, given: Input, about: Given, *, no_probe: bool, elsewhere: bool) -> int:
    """Follow until the end of a pipe, --timeout or Ctrl-C, and return the exit status.

    Raises:
        UsageError: a file cannot be read or followed.
        SourceError: there is no journalctl.
        KeyboardInterrupt: after what is known was told.
    """
    with _tails(given) as tails:
        following = _Following(options, book, given, about, no_probe=no_probe, elsewhere=elsewhere)
        streams = [following.growing.stream(tail, order) for order, tail in enumerate(tails)]
        options.progress(f"following {', '.join(tail.name for tail in tails)}; Ctrl-C ends it ...")
        why = "the input ended"
        try:
            why = following.run(streams, options.timeout)
        except KeyboardInterrupt:
            why = "interrupted"
        with contextlib.suppress(KeyboardInterrupt):
            for stream in streams:
                stream.settle(partly=True)
            following.tell(last=True)
        status = following.end(why)
    if why == "interrupted":
        raise KeyboardInterrupt
    return status


@contextlib.contextmanager
def _tails(given: Input) -> Iterator[list[Tail]]:
    with contextlib.ExitStack() as stack:
        tails: list[Tail] = []
        if given.units:
            from kdoctor.logs.journal import following

            since = since_of(given)
            source = stack.enter_context(following(given.units, since.at if since else None, boot=given.boot))
            tails.append(PipeTail(source.stream, source.name))
        elif given.files and not given.stdin:
            tails += [FileTail(path) for path in given.files]
        else:
            tails.append(PipeTail(sys.stdin.buffer, "standard input"))
        for tail in tails:
            stack.callback(tail.close)
        yield tails


class _Following:
    """What was told, and how."""

    def __init__(
        self, options: Shared, book: Book, given: Input, about: Given, *, no_probe: bool, elsewhere: bool
    ) -> None:
        self._options, self._book, self._about = options, book, about
        self._no_probe, self._elsewhere = no_probe, elsewhere
        self.growing = Growing(book, since_of(given))
        self._told: dict[str, Diagnosis] = {}
        self._until: float | None = None

    def run(self, streams: Sequence[Stream], seconds: float | None) -> str:
        """Read and tell until there is nothing more or the time is over; return which."""
        self._until = time.monotonic() + seconds if seconds else None
        last = time.monotonic()
        while True:
            came = False
            for stream in streams:
                came = self._step(stream) or came
            now = time.monotonic()
            last = now if came else last
            if not came and now - last >= _QUIET:
                for stream in streams:
                    stream.settle(partly=now - last >= _STALLED)
            self.tell()
            if all(stream.ended for stream in streams):
                return "the input ended"
            if self._until is not None and now >= self._until:
                return f"stopped after {seconds:g} s"
            if not came:
                time.sleep(_PAUSE)

    def _step(self, stream: Stream) -> bool:
        renewed = stream.step()
        if renewed and not self._options.quiet:
            print(f"kdoctor: {inert(one_line(renewed))}: rotated or cut; reading from its beginning", file=sys.stderr)
        return stream.came or renewed is not None

    def tell(self, *, last: bool = False) -> None:
        """Tell what is new, with probes unless the time is over."""
        new = self.growing.news()
        if not new:
            return
        left = SECONDS if self._until is None else min(SECONDS, self._until - time.monotonic())
        question = Question(self.growing.text, "what is followed", max(left, 0.1), self._options.lang, self._about)
        report = answer(
            self._book,
            question,
            self._options,
            no_probe=self._no_probe or last,
            elsewhere=self._elsewhere,
            found=list(new),
        )
        self._told.update((diagnosis.rule, diagnosis) for diagnosis in report.diagnoses)
        self._deliver(report)
        if INTERRUPTED in report.notices:
            raise KeyboardInterrupt

    def _deliver(self, report: Report) -> None:
        for name, file in self._options.outputs:
            if file is not None or name in _ENDS:
                continue
            if name == "json":
                self._json(report)
            else:
                replace(self._options, outputs=((name, None),)).deliver(report)
                print(flush=True)

    def _json(self, report: Report) -> None:
        from kdoctor.report import RENDERERS, Options

        document = json.loads(RENDERERS["json"].render(report, Options()))
        print(json.dumps(document, ensure_ascii=True, separators=(",", ":")), flush=True)

    def end(self, why: str) -> int:
        """Tell how often what was found; return the exit status."""
        from kdoctor.report.status import exit_status

        report = self._whole(why)
        for name, file in self._options.outputs:
            if file is not None or name in _ENDS or not report.diagnoses:
                if name == "json" and file is None:
                    self._json(report)
                else:
                    replace(self._options, outputs=((name, file),)).deliver(report)
            elif name == "json":
                self._json(report)
            elif name == "text":
                print("\n".join(_summary(report, why)), flush=True)
        o = self._options
        return exit_status(report, o.fail_on, o.exit_zero, o.allow_inconclusive)

    def _whole(self, why: str) -> Report:
        places = {c.rule.id: c for c in self.growing.all()}
        diagnoses = tuple(_counted(d, places.get(d.rule)) for d in self._told.values())
        held = [d for d in diagnoses if d.verdict is not Verdict.REFUTED]
        status = Status.PROBLEM if held else Status.HEALTHY if diagnoses else Status.UNKNOWN
        notices = (*self._book.notices, f"followed until now: {why}")
        return Report("explain", status, self._options.lang, diagnoses, notices=notices)


def _counted(diagnosis: Diagnosis, found: Candidate | None) -> Diagnosis:
    return diagnosis if found is None else replace(diagnosis, locations=found.locations)


def _summary(report: Report, why: str) -> Iterator[str]:
    yield f"Until now ({why}):"
    for diagnosis in report.diagnoses:
        for place in diagnosis.locations:
            lines = f"lines {place.line} to {place.last_line}" if place.count > 1 else f"line {place.line}"
            yield f"  {place.count:>6} x  {diagnosis.rule}  {inert(one_line(place.source))}, {lines}"
