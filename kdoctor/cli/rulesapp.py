"""The commands about the known failures themselves, and about the forms of what kdoctor reads and writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from kdoctor.cli.options import Lang, taking
from kdoctor.cli.shared import Shared, language

rules_app = typer.Typer(help="The known failures.", no_args_is_help=True, rich_markup_mode=None)
schema_app = typer.Typer(
    help="JSON Schemas of what kdoctor reads and writes.", no_args_is_help=True, rich_markup_mode=None
)


@rules_app.command("list")
@taking()
def rules_list(
    options: Shared, layer: Annotated[Optional[str], typer.Option("--layer", help="Only this layer.")] = None
) -> int:
    """List the rules: id, layer, severity, title; with -q the ids alone."""
    from kdoctor.cli import rulebook

    return rulebook.list_rules(options, layer)


@rules_app.command("show")
@taking()
def rules_show(options: Shared, rule: Annotated[str, typer.Argument(help="A rule's id.")]) -> int:
    """Print a rule's page: what it means, how it is told apart, the probes, the fixes of every platform."""
    from kdoctor.cli import rulebook

    return rulebook.show(options, rule)


@rules_app.command("new")
@taking("rules", "quiet")
def rules_new(
    options: Shared,
    source: Annotated[Path, typer.Option("--from", metavar="FILE", help="The error text; - for standard input.")],
    rule_id: Annotated[Optional[str], typer.Option("--id", help="The rule's id; else from the text's words.")] = None,
    layer: Annotated[Optional[str], typer.Option("--layer", help="The rule's layer; else a guess.")] = None,
    output_file: Annotated[
        Optional[Path],
        typer.Option("--output-file", metavar="FILE", help="A new file, or a folder of rules; else standard output."),
    ] = None,
) -> int:
    """Start a rule from an error text: its variable parts become facts, the rest is marked to be written."""
    from kdoctor.cli import newrule

    return newrule.new_rule(options, source, rule_id, layer, output_file)


@rules_app.command("docs")
@taking("rules", "exit_zero", "quiet")
def rules_docs(
    options: Shared,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the pages go.")] = Path("docs/rules"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a page is not current.")] = False,
    lang: Lang = "en",
) -> int:
    """Write every rule's page as Markdown, with an index by layer and one by message."""
    from kdoctor.cli import rulebook

    return rulebook.write_docs(replace(options, lang=language(lang)), folder, check=check)


@rules_app.command("lint")
@taking()
def rules_lint(
    options: Shared,
    folders: Annotated[
        Optional[list[Path]], typer.Argument(help="Folders of rules, as --rules; by default the shipped ones.")
    ] = None,
) -> int:
    """Check each rule and the whole set; say file and line of every mistake."""
    from kdoctor.cli import rulebook

    return rulebook.lint_folders(options, folders or [])


@rules_app.command("test")
@taking()
def rules_test(
    options: Shared,
    ids: Annotated[Optional[list[str]], typer.Argument(help="Ids of rules; by default all.")] = None,
) -> int:
    """Run the examples and scenarios of rules; with -v each rule is named."""
    from kdoctor.cli import rulebook

    return rulebook.test_rules(options, ids or [])


@rules_app.command("schema")
@taking()
def rules_schema(
    options: Shared, kind: Annotated[str, typer.Argument(help="rule, recipe or translation.")] = "rule"
) -> int:
    """Print the JSON Schema of a rule file, for editors."""
    from kdoctor.cli import rulebook

    return rulebook.print_schema(options, kind)


@schema_app.command("report")
@taking()
def schema_report(options: Shared) -> int:
    """Print the JSON Schema of `-o json`."""
    from kdoctor.cli import rulebook

    return rulebook.print_report_schema(options)
