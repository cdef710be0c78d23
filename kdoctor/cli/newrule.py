"""`kdoctor rules new`: a rule file from a text; no file is ever overwritten."""

from __future__ import annotations

import sys
from pathlib import Path

from kdoctor.cli.shared import Shared
from kdoctor.errors import UsageError
from kdoctor.reading.clean import decode
from kdoctor.rules.book import Book, open_book, shipped_folder
from kdoctor.rules.drafting import Draft, draft
from kdoctor.rules.load import TODO, read_folder
from kdoctor.run.neighbours import neighbours

_MOST = 1024 * 1024
"""Bytes of a text that are read: a rule starts from one message, not from a log."""


def new_rule(options: Shared, source: Path, rule_id: str | None, layer: str | None, target: Path | None) -> int:
    """Write the rule that the text of `source` (`-`: standard input) starts, to `target` or standard output.

    A folder as `target` gets `LAYER/ID.yaml`; a file's name is the id, and its folder's name the layer,
    where they are not given.

    Raises:
        UsageError: the text names no failure, the id or layer does not fit, or the file is there already.
    """
    text = _text(source)
    book = open_book(options.rules)
    if target is not None and not target.is_dir():
        rule_id, layer = _of_file(book, target, rule_id, layer)
    fragments = read_folder(shipped_folder()).words.fragments
    near = [one.rule for one in neighbours(book, text, "en")]
    made = draft(book, fragments, text, near, rule_id, layer)
    if target is None:
        sys.stdout.write(made.text)
    else:
        _write(target / made.layer / f"{made.id}.yaml" if target.is_dir() else target, made)
    _say(made)
    return 0


def _text(source: Path) -> str:
    if str(source) == "-":
        data = sys.stdin.buffer.read(_MOST)
    else:
        try:
            with source.open("rb") as file:
                data = file.read(_MOST)
        except OSError as error:
            raise UsageError(f"{source}: cannot be read: {error.strerror or error}") from error
    text = decode(data)
    if not text.strip():
        raise UsageError(f"{'standard input' if str(source) == '-' else source} is empty; give the error text")
    return text


def _of_file(book: Book, file: Path, rule_id: str | None, layer: str | None) -> tuple[str, str | None]:
    """Return id and layer as the file's name and folder say: a rule's file is named by them."""
    if file.suffix != ".yaml":
        raise UsageError(f"{file}: a rule's file ends in .yaml; for a folder, create it first")
    if rule_id is not None and rule_id != file.stem:
        raise UsageError(f'{file}: the file of the rule "{rule_id}" is named {rule_id}.yaml')
    folder = file.absolute().parent.name
    return file.stem, layer or (folder if folder in book.layers else None)


def _write(file: Path, made: Draft) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(made.text)
    except FileExistsError as error:
        raise UsageError(
            f"{file} is there already; nothing was written. Name another with --id or --output-file"
        ) from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from error
    print(f"wrote {file}", file=sys.stderr)


def _say(made: Draft) -> None:
    for rule_id in made.known[:1]:
        print(f"{rule_id} reads this text already: kdoctor explain {rule_id}", file=sys.stderr)
    print(
        f"{made.id}: write what is marked {TODO}; kdoctor rules lint DIR says what is left (docs/rules.md)",
        file=sys.stderr,
    )
