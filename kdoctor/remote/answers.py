"""The script's answers, read strictly: whoever answers is not trusted, nor is what answers in its place.

Everything before the first line of the protocol is a login's noise and is passed over. After it each
line is one of the words of docs/vantages.md, or the answer as a whole counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HEADER = "kdoctor-vantage 1"
"""The first line: the protocol's name and version."""

_WORDS = frozenset(
    {"ostype", "osrelease", "hostname", "arch", "uid", "time", "tools", "env", "process", "hidden", "dangling"}
    | {"directory", "found", "question", "cut"}
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class AnswerError(Exception):
    """The answer is none of the script's; the text is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that the script ran: its status (143: killed when its time was up) and its lines.

    `about` is the word that stood before it, such as the kind of a question or a disk's path.
    """

    tool: str
    status: int
    lines: tuple[str, ...] = ()
    about: str = ""

    @property
    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. `words` holds the values of each single-line word, in order."""

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    links: Mapping[str, str] = field(default_factory=dict)
    ran: tuple[Ran, ...] = ()
    lacks: tuple[str, ...] = ()

    def one(self, word: str) -> str:
        """Return the first value of a word, empty where there is none."""
        return next(iter(self.words.get(word, ())), "")


class _Reader:
    """Collects the lines of an answer."""

    def __init__(self) -> None:
        self.words: dict[str, list[str]] = {}
        self.files: dict[str, list[str]] = {}
        self.links: dict[str, str] = {}
        self.ran: list[tuple[str, int, list[str], str]] = []
        self.lacks: tuple[str, ...] = ()
        self._into: list[str] | None = None
        self._file = self._about = ""

    def take(self, line: str) -> None:
        """Read one line; raise AnswerError."""
        word, _, value = line.partition(" ")
        if word == "|":
            if self._into is None:
                raise AnswerError("it sent text that belongs to nothing")
            self._into.append(value)
            return
        self._into = None
        match word:
            case "file":
                self._file, self._into = value, self.files.setdefault(value, [])
            case "link":
                self.links[self._file] = value
                self._into = self.files.get(self._file)
            case "ran":
                self._into = self._run(value)
            case "disk":
                self._about = value
            case "lacks":
                self.lacks = tuple(value.split())
            case "refused":
                raise AnswerError("it did not accept the question")
            case _ if word in _WORDS:
                self.words.setdefault(word, []).append(value)
                self._about = value if word == "question" else self._about
            case _:
                raise AnswerError(f"it sent a line that is not kdoctor's: {line[:60]!r}")

    def _run(self, value: str) -> list[str]:
        tool, _, status = value.partition(" ")
        if not re.fullmatch(r"[a-z-]{1,20}", tool) or not re.fullmatch(r"\d{1,3}", status):
            raise AnswerError(f"it sent a line that is not kdoctor's: {value[:60]!r}")
        self.ran.append((tool, int(status), [], self._about))
        return self.ran[-1][2]

    def answer(self) -> Answer:
        return Answer(
            {word: tuple(values) for word, values in self.words.items()},
            {path: "".join(f"{line}\n" for line in lines) for path, lines in self.files.items()},
            dict(self.links),
            tuple(Ran(tool, status, tuple(lines), about) for tool, status, lines, about in self.ran),
            self.lacks,
        )


def read(lines: Sequence[str]) -> Answer:
    """Return the answer that stands in the lines; raise AnswerError."""
    plain = [_CONTROL.sub(" ", line.rstrip("\r")) for line in lines]
    if HEADER not in plain:
        said = next((line.strip() for line in plain if line.strip()), "")
        raise AnswerError(f"it does not answer as kdoctor's script does{f': {said[:120]}' if said else ''}")
    body = plain[plain.index(HEADER) + 1 :]
    if "end" not in body:
        raise AnswerError("its answer breaks off")
    reader = _Reader()
    for line in body[: body.index("end")]:
        reader.take(line)
    return reader.answer()
