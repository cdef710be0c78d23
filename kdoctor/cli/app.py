"""The commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from kdoctor import __version__
from kdoctor.cli.options import (
    AllowInconclusive,
    AllowRun,
    Apply,
    ExitZero,
    FailOn,
    Lang,
    NoColor,
    Output,
    Quiet,
    Rollback,
    Rules,
    Timeout,
    TrustCa,
    Verbose,
    Via,
    WeakerTrust,
    Yes,
    shared,
)

if TYPE_CHECKING:
    from kdoctor.cli.agreeing import Consent

app = typer.Typer(
    name="kdoctor",
    help="Say why Kubernetes or Docker cannot start or pull images, prove it, and give the fix.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"kdoctor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def explain(
    text: Annotated[
        Optional[list[str]],
        typer.Argument(help="The error text, - for standard input, or a rule's id.", show_default=False),
    ] = None,
    file: Annotated[
        Optional[list[Path]], typer.Option("--file", "-f", help="A file, packed or not; - for a pipe; repeatable.")
    ] = None,
    rotated: Annotated[bool, typer.Option("--rotated", help="With --file: its rotated parts, too.")] = False,
    since: Annotated[
        Optional[str],
        typer.Option("--since", metavar="TIME", help='Only what is newer: 10m, 2h, 1d, "2026-11-26 10:00", RFC 3339.'),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Read on as the log grows.")] = False,
    pod: Annotated[Optional[str], typer.Option("--pod", metavar="NS/NAME", help="A pod's status and events.")] = None,
    unit: Annotated[
        Optional[list[str]], typer.Option("--unit", "-u", metavar="NAME", help="A unit's journal; repeatable.")
    ] = None,
    boot: Annotated[bool, typer.Option("--boot", "-b", help="With --unit: only since this boot.")] = False,
    docker_events: Annotated[bool, typer.Option("--docker-events", help="The engine's past events.")] = False,
    last: Annotated[bool, typer.Option("--last", help="The last command that failed under kdoctor run.")] = False,
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Ask nothing; the text alone.")] = False,
    elsewhere: Annotated[bool, typer.Option("--elsewhere", help="The text comes from another machine.")] = False,
    via: Via = None,
    registry: Annotated[
        Optional[list[str]],
        typer.Option("--registry", metavar="HOST", help="The registry that the text is about; repeatable."),
    ] = None,
    image: Annotated[
        Optional[list[str]],
        typer.Option("--image", metavar="REF", help="The image that was pulled; repeatable."),
    ] = None,
    report_unknown: Annotated[
        bool, typer.Option("--report-unknown", help="Print the text without secrets and names, to propose a rule.")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Plan the fix, too; --apply makes it.")] = False,
    apply: Apply = False,
    yes: Yes = False,
    rollback: Rollback = False,
    weaker_trust: WeakerTrust = False,
    trust_ca: TrustCa = None,
    allow_run: AllowRun = None,
    output: Output = None,
    timeout: Timeout = None,
    rules: Rules = None,
    fail_on: FailOn = "error",
    exit_zero: ExitZero = False,
    allow_inconclusive: AllowInconclusive = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Explain an error text: the root cause, the proof, the fix for this machine."""
    from kdoctor.cli import explaining, named
    from kdoctor.cli.given import Input

    flags = {"exit_zero": exit_zero, "allow_inconclusive": allow_inconclusive, "quiet": quiet, "no_color": no_color}
    options = shared(output, timeout, rules, fail_on, lang, verbose=verbose, **flags)
    about = named.given(image or [], registry or [], via or [])
    consent = _consent(apply, yes, rollback, weaker_trust, trust_ca, allow_run) if fix or apply else None
    given = Input(
        tuple(text or ()),
        tuple(file or ()),
        pod,
        rotated=rotated,
        since=since,
        units=tuple(unit or ()),
        boot=boot,
        events=docker_events,
        last=last,
        follow=follow,
    )
    asked = {"no_probe": no_probe, "elsewhere": elsewhere, "report_unknown": report_unknown}
    return explaining.explain(options, given, about, **asked, consent=consent)


@app.command()
def check(
    files: Annotated[
        Optional[list[Path]], typer.Argument(metavar="FILE", help="The same as --manifest.", show_default=False)
    ] = None,
    registry: Annotated[
        Optional[list[str]], typer.Option("--registry", metavar="HOST", help="A registry to reach; repeatable.")
    ] = None,
    image: Annotated[
        Optional[list[str]], typer.Option("--image", metavar="REF", help="An image to reach; repeatable.")
    ] = None,
    manifest: Annotated[
        Optional[list[Path]],
        typer.Option("--manifest", metavar="FILE", help="Kubernetes YAML whose images to reach; repeatable."),
    ] = None,
    config: Annotated[
        Optional[list[Path]],
        typer.Option("--config", metavar="FILE", help="A configuration file to read for mistakes; repeatable."),
    ] = None,
    tool: Annotated[
        Optional[str], typer.Option("--for", metavar="TOOL", help="minikube, kind, k3s, kubeadm or docker.")
    ] = None,
    skip_empty: Annotated[
        bool, typer.Option("--skip-empty", help="Manifests without an image are no error (for hooks).")
    ] = False,
    via: Via = None,
    fix: Annotated[bool, typer.Option("--fix", help="Plan the fix, too; --apply makes it.")] = False,
    apply: Apply = False,
    yes: Yes = False,
    rollback: Rollback = False,
    weaker_trust: WeakerTrust = False,
    trust_ca: TrustCa = None,
    allow_run: AllowRun = None,
    output: Output = None,
    timeout: Timeout = None,
    rules: Rules = None,
    fail_on: FailOn = "error",
    exit_zero: ExitZero = False,
    allow_inconclusive: AllowInconclusive = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Check every step from here to the images, before starting or in a pipeline."""
    from kdoctor.cli import checking, named

    flags = {"exit_zero": exit_zero, "allow_inconclusive": allow_inconclusive, "quiet": quiet, "no_color": no_color}
    options = shared(output, timeout, rules, fail_on, lang, verbose=verbose, **flags)
    manifests = [*(manifest or []), *(files or [])]
    consent = _consent(apply, yes, rollback, weaker_trust, trust_ca, allow_run) if fix or apply else None
    wanted = (registry or [], image or [], manifests, tool, config or [])
    return checking.check(options, *wanted, skip_empty=skip_empty, consent=consent, via=named.ways(via or []))


def _consent(
    apply: bool,
    yes: bool,
    rollback: bool,
    weaker_trust: bool,
    trust_ca: list[str] | None,
    allow_run: list[Path] | None,
) -> Consent:
    from kdoctor.cli.agreeing import Consent, fingerprint
    from kdoctor.cli.fixing import retold

    trusted = tuple(map(fingerprint, trust_ca or ()))
    files = tuple(map(str, allow_run or ()))
    return Consent(apply, yes, rollback, weaker_trust, files, trusted, retold(sys.argv[1:]))


@app.command()
def fix(
    ids: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="ID", help="Rules to fix; without one, what a check finds.", show_default=False),
    ] = None,
    fact: Annotated[
        Optional[list[str]], typer.Option("--fact", metavar="NAME=VALUE", help="A fact that a rule needs; repeatable.")
    ] = None,
    source: Annotated[
        Optional[Path],
        typer.Option("--from", metavar="REPORT", help="A JSON report: its rule and facts, probed again."),
    ] = None,
    recipe: Annotated[
        Optional[str], typer.Option("--recipe", metavar="ID", help="This fix of those that the rule offers.")
    ] = None,
    registry: Annotated[
        Optional[list[str]], typer.Option("--registry", metavar="HOST", help="A registry to reach; repeatable.")
    ] = None,
    image: Annotated[
        Optional[list[str]], typer.Option("--image", metavar="REF", help="An image to reach; repeatable.")
    ] = None,
    manifest: Annotated[
        Optional[list[Path]],
        typer.Option("--manifest", metavar="FILE", help="Kubernetes YAML whose images to reach; repeatable."),
    ] = None,
    tool: Annotated[
        Optional[str], typer.Option("--for", metavar="TOOL", help="minikube, kind, k3s, kubeadm or docker.")
    ] = None,
    apply: Apply = False,
    yes: Yes = False,
    rollback: Rollback = False,
    weaker_trust: WeakerTrust = False,
    trust_ca: TrustCa = None,
    allow_run: AllowRun = None,
    output: Output = None,
    timeout: Timeout = None,
    rules: Rules = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Plan the fix of what is wrong here and, with --apply, make it, prove it, and keep the way back."""
    from kdoctor.cli import fixing
    from kdoctor.cli.checking import wanted_of

    options = shared(output, timeout, rules, "error", lang, quiet=quiet, no_color=no_color)
    wanted = wanted_of(options, registry or [], image or [], manifest or [], tool)
    consent = _consent(apply, yes, rollback, weaker_trust, trust_ca, allow_run)
    return fixing.fix(options, wanted, ids or [], fact or [], source, recipe, consent)


@app.command()
def undo(
    number: Annotated[
        Optional[int],
        typer.Argument(metavar="ID", help="The fix's number; without one, the last.", show_default=False),
    ] = None,
    yes: Yes = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Take a fix back: every file byte for byte as it was before."""
    from kdoctor.cli import undoing

    return undoing.undo(shared(None, lang=lang, quiet=quiet, no_color=no_color), number, yes=yes)


@app.command()
def history(output: Output = None, no_color: NoColor = False, lang: Lang = None) -> int:
    """List the fixes that were made here, and which are undone."""
    from kdoctor.cli import undoing

    return undoing.history(shared(output, lang=lang, no_color=no_color))


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD", help="The command to run, behind --.", show_default=False)
    ],
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Ask nothing; the output alone.")] = False,
    output: Output = None,
    timeout: Timeout = None,
    rules: Rules = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Run a command as it is, and explain its failure. The status is the command's."""
    from kdoctor.cli import running

    options = shared(
        output, timeout, rules, "error", lang, verbose=verbose, quiet=quiet, no_color=no_color, to_stderr=True
    )
    return running.run(options, command, no_probe=no_probe)


@app.command()
def route(
    url: Annotated[list[str], typer.Argument(metavar="URL", help="The URLs to route.", show_default=False)],
    via: Via = None,
    output: Output = None,
    timeout: Timeout = None,
    exit_zero: ExitZero = False,
    allow_inconclusive: AllowInconclusive = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Say for every vantage through which proxy, if any, a URL goes, and which setting decided."""
    from kdoctor.cli import named, routing

    flags = {"exit_zero": exit_zero, "allow_inconclusive": allow_inconclusive, "quiet": quiet, "no_color": no_color}
    return routing.route(
        shared(output, timeout, None, "error", lang, verbose=verbose, **flags), url, named.ways(via or [])
    )


@app.command()
def mirrors(
    of: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="IMAGE|REGISTRY", help="Whose mirrors; by default all.", show_default=False),
    ] = None,
    add: Annotated[
        Optional[list[str]],
        typer.Option("--add", metavar="HOST[/PATH]", help="A mirror of your own to ask as well; repeatable."),
    ] = None,
    output: Output = None,
    timeout: Timeout = None,
    rules: Rules = None,
    exit_zero: ExitZero = False,
    allow_inconclusive: AllowInconclusive = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Ask the known mirrors of a registry: who serves from here, how fast, and the same content."""
    from kdoctor.cli import mirroring

    flags = {"exit_zero": exit_zero, "allow_inconclusive": allow_inconclusive, "quiet": quiet, "no_color": no_color}
    options = shared(output, timeout, rules, "error", lang, verbose=verbose, **flags)
    return mirroring.mirrors(options, of or [], add or [])


@app.command()
def platforms(
    output: Output = None,
    timeout: Timeout = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Say what is installed here: engines, runtimes, cluster tools, and how each was found."""
    from kdoctor.cli import inventory

    return inventory.platforms(shared(output, timeout, lang=lang, verbose=verbose, quiet=quiet, no_color=no_color))


@app.command()
def settings(
    output: Output = None,
    timeout: Timeout = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Say what each puller is told about proxies, names, mirrors, trust and logins, and which file says so."""
    from kdoctor.cli import inventory

    return inventory.settings(shared(output, timeout, lang=lang, verbose=verbose, quiet=quiet, no_color=no_color))


rules_app = typer.Typer(help="The known failures.", no_args_is_help=True, rich_markup_mode=None)
schema_app = typer.Typer(
    help="JSON Schemas of what kdoctor reads and writes.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(rules_app, name="rules")
app.add_typer(schema_app, name="schema")


@rules_app.command("list")
def rules_list(
    layer: Annotated[Optional[str], typer.Option("--layer", help="Only this layer.")] = None,
    output: Output = None,
    rules: Rules = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """List the rules: id, layer, severity, title; with -q the ids alone."""
    from kdoctor.cli import rulebook

    return rulebook.list_rules(shared(output, rules=rules, lang=lang, quiet=quiet, no_color=no_color), layer)


@rules_app.command("show")
def rules_show(
    rule: Annotated[str, typer.Argument(help="A rule's id.")],
    output: Output = None,
    rules: Rules = None,
    no_color: NoColor = False,
    lang: Lang = None,
) -> int:
    """Print a rule's page: what it means, how it is told apart, the probes, the fixes of every platform."""
    from kdoctor.cli import rulebook

    return rulebook.show(shared(output, rules=rules, lang=lang, no_color=no_color), rule)


@rules_app.command("new")
def rules_new(
    source: Annotated[Path, typer.Option("--from", metavar="FILE", help="The error text; - for standard input.")],
    rule_id: Annotated[Optional[str], typer.Option("--id", help="The rule's id; else from the text's words.")] = None,
    layer: Annotated[Optional[str], typer.Option("--layer", help="The rule's layer; else a guess.")] = None,
    output_file: Annotated[
        Optional[Path],
        typer.Option("--output-file", metavar="FILE", help="A new file, or a folder of rules; else standard output."),
    ] = None,
    rules: Rules = None,
) -> int:
    """Start a rule from an error text: its variable parts become facts, the rest is marked to be written."""
    from kdoctor.cli import newrule

    return newrule.new_rule(shared(rules=rules), source, rule_id, layer, output_file)


@rules_app.command("docs")
def rules_docs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the pages go.")] = Path("docs/rules"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 where a page is not current.")] = False,
    rules: Rules = None,
    lang: Lang = "en",
) -> int:
    """Write every rule's page as Markdown, with an index by layer and one by message."""
    from kdoctor.cli import rulebook

    return rulebook.write_docs(shared(rules=rules, lang=lang), folder, check=check)


@rules_app.command("lint")
def rules_lint(
    folders: Annotated[
        Optional[list[Path]], typer.Argument(help="Folders of rules; by default the shipped ones.")
    ] = None,
) -> int:
    """Check each rule and the whole set; say file and line of every mistake."""
    from kdoctor.cli import rulebook

    return rulebook.lint_folders(folders or [])


@rules_app.command("test")
def rules_test(
    ids: Annotated[Optional[list[str]], typer.Argument(help="Ids of rules; by default all.")] = None,
    rules: Rules = None,
) -> int:
    """Run the examples and scenarios of rules."""
    from kdoctor.cli import rulebook

    return rulebook.test_rules(ids or [], rules or [])


@rules_app.command("schema")
def rules_schema(kind: Annotated[str, typer.Argument(help="rule, recipe or translation.")] = "rule") -> int:
    """Print the JSON Schema of a rule file, for editors."""
    from kdoctor.cli import rulebook

    return rulebook.print_schema(kind)


@schema_app.command("report")
def schema_report() -> int:
    """Print the JSON Schema of `-o json`."""
    import json

    from kdoctor.report.json import schema

    sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
    return 0
