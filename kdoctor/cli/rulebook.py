"""`kdoctor rules ...`: the known failures themselves."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kdoctor.cli.shared import Shared
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.rules.book import installed_folders, open_book, shipped_folder


def _announce(notices: Sequence[str]) -> None:
    """Say on standard error what a user's folder replaces."""
    for notice in notices:
        print(notice, file=sys.stderr)


def list_rules(options: Shared, layer: str | None) -> int:
    """Print one line a rule, or JSON."""
    book = open_book(options.rules)
    _announce(book.notices)
    if layer is not None and layer not in book.layers:
        raise UsageError(f'no layer "{layer}".{did_you_mean(layer, book.layers)} There are {", ".join(book.layers)}.')
    rules = [rule for rule in map(book.rule, book.ids) if layer in (None, rule.layer)]
    rules.sort(key=lambda rule: (book.layers.index(rule.layer) if rule.layer in book.layers else 99, rule.id))
    rows = []
    for rule in rules:
        translation = book.translation(options.lang, rule.id) if options.lang != "en" else None
        title = translation.title if translation else rule.title
        general = re.sub(r"\{[^}]*\}", "...", title if isinstance(title, str) else title[-1])
        rows.append((rule.id, rule.layer, rule.severity, general))
    keys = ("id", "layer", "severity", "title")
    options.publish(
        "the list of rules",
        {
            "text": lambda _: _table(rows, short=options.quiet),
            "json": lambda _: (
                json.dumps([dict(zip(keys, row, strict=True)) for row in rows], ensure_ascii=False, indent=2) + "\n"
            ),
        },
    )
    return 0


def _table(rows: Sequence[tuple[str, str, str, str]], *, short: bool) -> str:
    if short:
        return "".join(f"{row[0]}\n" for row in rows)
    width = max((len(row[0]) for row in rows), default=0)
    return "".join(f"{id_:<{width}}  {layer:<8}  {severity:<7}  {title}\n" for id_, layer, severity, title in rows)


def show(options: Shared, rule_id: str) -> int:
    """Print a rule's page, or with `-o json` the rule."""
    from kdoctor.report.pages import as_markdown, as_text
    from kdoctor.rules.compiling import plain
    from kdoctor.rules.page import page

    book = open_book(options.rules)
    _announce(book.notices)
    rule = book.rule(rule_id)
    blocks = page(book, rule, options.lang)
    options.publish(
        "a rule's page",
        {
            "text": lambda color: as_text(blocks, options.width(), color=color),
            "markdown": lambda _: as_markdown(blocks),
            "json": lambda _: json.dumps(plain(rule), ensure_ascii=False, indent=2) + "\n",
        },
    )
    return 0


def write_docs(options: Shared, folder: Path, *, check: bool) -> int:
    """Write the pages of all rules and their indexes; with `check` only say which are not current (status 1).

    Pages in the folder that an earlier run wrote, of rules that are gone, are removed; other files stay.

    Raises:
        UsageError: a file cannot be written, or one in the way was not written by this command; with `check`, there
            is no such folder.
    """
    from kdoctor.report.pages import documents, is_ours

    wanted = documents(open_book(options.rules), options.lang)
    here = {file.name: file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.glob("*.md"))}
    gone = [name for name, text in here.items() if name not in wanted and is_ours(text)]
    stale = [name for name, text in wanted.items() if here.get(name) != text]
    if check:
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder; `kdoctor rules docs {folder}` writes the pages")
        for name in sorted((*stale, *gone)):
            print(f"{folder / name}: not current")
        if stale or gone:
            _say(options, f"write the pages anew: kdoctor rules docs {folder}")
        return 1 if (stale or gone) and not options.exit_zero else 0
    foreign = [name for name in stale if name in here and not is_ours(here[name])]
    if foreign:
        raise UsageError(f"{folder / foreign[0]} was not written by `kdoctor rules docs`; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (folder / name).write_text(wanted[name], encoding="utf-8", newline="\n")
        for name in gone:
            (folder / name).unlink()
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from error
    _say(options, f"{len(wanted)} pages in {folder}: {len(stale)} written, {len(gone)} removed")
    return 0


def lint_folders(options: Shared, folders: list[Path]) -> int:
    """Print every mistake; 0 when there is none, else 2."""
    from kdoctor.rules.lint import lint, lint_own
    from kdoctor.rules.load import read_folder

    shipped = shipped_folder()
    rules = count = 0
    wrong: list[str] = []
    for path in (*folders, *options.rules) or [shipped]:
        folder = read_folder(path)
        rules += len(folder.rules)
        count += len(folder.files) + len(folder.errors)
        own = path.resolve() != shipped.resolve()
        found = [str(error) for error in (lint_own(shipped, path) if own else lint(folder))]
        if options.verbose:
            _say(options, f"{path}: {len(folder.rules)} rules, {_mistakes(len(found))}")
        wrong += found
    if count == 0:
        raise UsageError(f"{', '.join(map(str, (*folders, *options.rules)))}: no rules in it")
    _publish_mistakes(options, "the list of mistakes", wrong, {"rules": rules})
    _say(options, f"{rules} rules, {_mistakes(len(wrong))}")
    return 2 if wrong else 0


def _mistakes(count: int) -> str:
    return f"{count} {'mistake' if count == 1 else 'mistakes'}"


def _publish_mistakes(options: Shared, what: str, wrong: Sequence[str], counts: Mapping[str, int]) -> None:
    options.publish(
        what,
        {
            "text": lambda _: "".join(f"{one}\n" for one in wrong),
            "json": lambda _: json.dumps({**counts, "mistakes": wrong}, ensure_ascii=False, indent=2) + "\n",
        },
    )


def _say(options: Shared, sentence: str) -> None:
    if not options.quiet:
        print(sentence, file=sys.stderr)


def test_rules(options: Shared, ids: list[str]) -> int:
    """Run examples and scenarios; print what does not come out; 0 when all do, else 2."""
    from kdoctor.rules.compiling import all_folders, as_book, refuse
    from kdoctor.rules.testing import test_rule

    notices: list[str] = []
    folder = all_folders(shipped_folder(), (*installed_folders(), *options.rules), notices)
    refuse(folder)
    _announce(notices)
    for one in ids:
        if one not in folder.rules:
            raise UsageError(f'no rule "{one}".{did_you_mean(one, folder.rules)} See `kdoctor rules list`.')
    book = as_book(folder)
    counts = dict.fromkeys(("rules", "examples", "scenarios"), 0)
    wrong: list[str] = []
    for rule in (folder.rules[rule_id] for rule_id in ids or folder.rules):
        examples = len(rule.examples.positive) + len(rule.examples.negative)
        found = [str(error) for error in test_rule(rule, folder, book)]
        if options.verbose:
            _say(options, f"{rule.id}: {examples} examples, {len(rule.scenarios)} scenarios, {len(found)} wrong")
        counts["rules"] += 1
        counts["examples"] += examples
        counts["scenarios"] += len(rule.scenarios)
        wrong += found
    _publish_mistakes(options, "the list of mistakes", wrong, counts)
    _say(options, ", ".join(f"{count} {what}" for what, count in counts.items()) + f", {len(wrong)} wrong")
    return 2 if wrong else 0


def print_schema(options: Shared, kind: str) -> int:
    """Print the JSON Schema of rules, recipes or translations."""
    from kdoctor.rules import model
    from kdoctor.rules.load import schema

    classes: dict[str, type] = {"rule": model.Rule, "recipe": model.Recipe, "translation": model.Translation}
    if kind not in classes:
        raise UsageError(f'no schema "{kind}".{did_you_mean(kind, classes)} There are {", ".join(classes)}.')
    return _publish_schema(options, schema(classes[kind]))


def print_report_schema(options: Shared) -> int:
    """Print the JSON Schema of `-o json`."""
    from kdoctor.report.json import schema

    return _publish_schema(options, schema())


def _publish_schema(options: Shared, schema: object) -> int:
    def document(_color: bool) -> str:
        return json.dumps(schema, indent=2) + "\n"

    options.publish("a schema", {"text": document, "json": document})
    return 0
