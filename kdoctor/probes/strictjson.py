"""JSON as strict as Go's encoding/json, with the place and the name of the slip that people make."""

from __future__ import annotations

import json


class SlipError(Exception):
    """The text is no JSON: what is wrong, at which line and column (1-based)."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


def parse(text: str, *, first_value_only: bool = False) -> tuple[object, list[str]]:
    """Return the value and the keys that stand twice in an object; raise SlipError.

    `first_value_only`: what stands behind the value is not looked at, as json.Decoder does.
    """
    duplicates: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(items)
        if len(found) < len(items):
            names = [name for name, _ in items]
            duplicates.extend(name for name in found if names.count(name) > 1)
        return found

    def constant(name: str) -> object:
        raise _slip(text, f"{name} is no JSON value", text.find(name))

    start = len(text) - len(text.lstrip(" \t\r\n"))
    try:
        value, end = json.JSONDecoder(object_pairs_hook=pairs, parse_constant=constant).raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _named(text, error.pos, error.msg) from error
    except (RecursionError, ValueError) as error:  # nested, or a number, beyond reason
        raise SlipError("the file is nested too deeply", 1, 1) from error
    rest = text[end:].lstrip(" \t\r\n")
    if rest and not first_value_only:
        raise _slip(text, f"behind the end stands more: {rest[:20]!r}", len(text) - len(rest))
    return value, duplicates


def _slip(text: str, problem: str, position: int) -> SlipError:
    return SlipError(problem, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def _named(text: str, position: int, message: str) -> SlipError:
    """Name the slip that people make, with its place."""
    at = position + len(text[position:]) - len(text[position:].lstrip(" \t\r\n"))
    before = text[:at].rstrip(" \t\r\n")
    here = text[at : at + 1]
    comma = at if here == "," else len(before) - 1 if before.endswith(",") else -1
    after_comma = text[comma + 1 :].lstrip(" \t\r\n")[:1] if comma >= 0 else ""
    if not here:
        problem = "the file ends too early: a brace, a bracket or a quote is not closed"
    elif comma >= 0 and after_comma in ("}", "]"):
        problem, at = f"a comma stands before the closing {after_comma}", comma
    elif text.startswith(("//", "/*"), at) or here == "#":
        problem = "JSON has no comments"
    elif here in "“”„‟«»″＂":
        problem = f'a typographic quote {here} stands where a plain one (") belongs'
    elif here in "'‘’":
        problem = "JSON takes double quotes only"
    elif here == "\xa0" or (here.isspace() and here not in " \t\r\n"):
        problem = "an invisible blank that is none for JSON (no-break space) stands here"
    elif here in '"{[' and before[-1:] in '"}]0123456789el':
        problem = "a comma is missing before this"
    elif message.startswith("Invalid control character"):
        problem = "a quote is not closed on its line"
    elif message.startswith("Invalid \\escape"):
        problem = "a backslash is written \\\\ in JSON"
    else:
        problem = f"{message[:1].lower()}{message[1:]}"
    return _slip(text, problem, at)
