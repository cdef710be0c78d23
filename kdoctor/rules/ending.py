"""What a text says later: that a failure is over (an image came after all, the network is ready)."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate

from kdoctor.reading.clean import Line, lowered
from kdoctor.reading.records import Record
from kdoctor.references import same_image
from kdoctor.rules.book import Book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.narrowing import pattern

_Ending = tuple[int, Mapping[str, str]]
"""The number of a line that says so, and what its pattern captured."""

_OBJECT = re.compile(r"\s{0,8}(?:Name|Events):(?:\s|$)")
"""Where `kubectl describe` begins with another object, of which the next events are."""


class Endings:
    """Finds in a text what `ends` in rules/words.yaml name."""

    def __init__(self, book: Book, whole: Sequence[Record]) -> None:
        self._book, self._whole = book, whole
        self._found: dict[str, list[_Ending]] = {}

    def over(self, candidate: Candidate, last: int) -> bool:
        """Tell whether a failure, whose `last` line (its number in the source) is given, is over further down."""
        return any(
            number > last and self._agree(candidate, facts) and not self._apart(last, number)
            for name in self._book.ends(candidate.rule)
            for number, facts in self._endings(name)
        )

    def _agree(self, candidate: Candidate, facts: Mapping[str, str]) -> bool:
        """Tell whether an ending is of the failure: of the same image, and else of what its line names, too."""
        for name, value in facts.items():
            if name == "image":
                image = candidate.facts.get(name)
                if image is None or not same_image(image, value.rstrip(".:")):
                    return False
            elif candidate.matched is None or not _names(candidate.matched.text, value):
                return False
        return True

    def _endings(self, name: str) -> list[_Ending]:
        if name not in self._found:
            self._found[name] = [
                (self._lines[bisect.bisect_right(self._starts, one.start()) - 1].number, self._captured(one))
                for tree, ways in self._book.end(name)
                if any(all(any(map(self._stands, words)) for words in way) for way in ways)
                for one in pattern(self._book.narrowing.whole(tree)).finditer(self._text, self._lower)
            ]
        return self._found[name]

    def _captured(self, found: re.Match[str]) -> Mapping[str, str]:
        """Return what the groups hold, as it is written: the pattern is found in the lower case."""
        return {name: self._text[slice(*found.span(name))] for name, value in found.groupdict().items() if value}

    def _stands(self, literal: str) -> bool:
        """Tell whether the words of a literal stand in the text."""
        return all(word in self._lower for word in literal.split())

    def _apart(self, last: int, number: int) -> bool:
        """Tell whether another object begins between two lines."""
        return any(last < other <= number for other in self._objects)

    @cached_property
    def _lines(self) -> list[Line]:
        return [line for record in self._whole for line in record.lines]

    @cached_property
    def _objects(self) -> list[int]:
        return [line.number for line in self._lines if _OBJECT.match(line.text)]

    @cached_property
    def _text(self) -> str:
        return "\n".join(line.text for line in self._lines)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(line.text) + 1 for line in self._lines)][:-1]

    @cached_property
    def _lower(self) -> str:
        return lowered(self._text)


def _names(text: str, name: str) -> bool:
    """Tell whether a name stands in a text as a whole."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None
