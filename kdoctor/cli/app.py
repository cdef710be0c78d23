"""The commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from kdoctor import __version__
from kdoctor.cli.options import Fix, Image, Manifest, NoProbe, Registry, Tool, Via, Yes, taking
from kdoctor.cli.rulesapp import rules_app, schema_app
from kdoctor.cli.shared import Consent, Shared

app = typer.Typer(
    name="kdoctor",
    help="Say why Kubernetes or Docker cannot start or pull images, prove it, and give the fix.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(rules_app, name="rules")
app.add_typer(schema_app, name="schema")


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
@taking()
def explain(
    options: Shared,
    consent: Consent,
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
    no_probe: NoProbe = False,
    elsewhere: Annotated[bool, typer.Option("--elsewhere", help="The text comes from another machine.")] = False,
    via: Via = None,
    registry: Registry = None,
    image: Image = None,
    report_unknown: Annotated[
        bool, typer.Option("--report-unknown", help="Print the text without secrets and names, to propose a rule.")
    ] = False,
    fix: Fix = False,
) -> int:
    """Explain an error text: the root cause, the proof, the fix for this machine."""
    from kdoctor.cli import explaining, named
    from kdoctor.cli.given import Input

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
    about = named.given(image or [], registry or [], via or [])
    asked = {"no_probe": no_probe, "elsewhere": elsewhere, "report_unknown": report_unknown}
    return explaining.explain(options, given, about, **asked, consent=consent if fix or consent.apply else None)


@app.command()
@taking()
def check(
    options: Shared,
    consent: Consent,
    files: Annotated[
        Optional[list[Path]], typer.Argument(metavar="FILE", help="The same as --manifest.", show_default=False)
    ] = None,
    registry: Registry = None,
    image: Image = None,
    manifest: Manifest = None,
    config: Annotated[
        Optional[list[Path]],
        typer.Option("--config", metavar="FILE", help="A configuration file to read for mistakes; repeatable."),
    ] = None,
    tool: Tool = None,
    skip_empty: Annotated[
        bool, typer.Option("--skip-empty", help="Manifests without an image are no error (for hooks).")
    ] = False,
    via: Via = None,
    fix: Fix = False,
) -> int:
    """Check every step from here to the images, before starting or in a pipeline."""
    from kdoctor.cli import checking, named

    wanted = (registry or [], image or [], [*(manifest or []), *(files or [])], tool, config or [])
    asked = consent if fix or consent.apply else None
    return checking.check(options, *wanted, skip_empty=skip_empty, consent=asked, via=named.ways(via or []))


@app.command()
@taking("output", "timeout", "rules", "quiet", "no_color", "lang")
def fix(
    options: Shared,
    consent: Consent,
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
    registry: Registry = None,
    image: Image = None,
    manifest: Manifest = None,
    tool: Tool = None,
) -> int:
    """Plan the fix of what is wrong here and, with --apply, make it, prove it, and keep the way back."""
    from kdoctor.cli import fixing
    from kdoctor.cli.checking import wanted_of

    wanted = wanted_of(options, registry or [], image or [], manifest or [], tool)
    return fixing.fix(options, wanted, ids or [], fact or [], source, recipe, consent)


@app.command()
@taking("quiet", "no_color", "lang")
def undo(
    options: Shared,
    number: Annotated[
        Optional[int],
        typer.Argument(metavar="ID", help="The fix's number; without one, the last.", show_default=False),
    ] = None,
    yes: Yes = False,
) -> int:
    """Take a fix back: every file byte for byte as it was before."""
    from kdoctor.cli import undoing

    return undoing.undo(options, number, yes=yes)


@app.command()
@taking("output", "no_color", "lang")
def history(options: Shared) -> int:
    """List the fixes that were made here, and which are undone."""
    from kdoctor.cli import undoing

    return undoing.history(options)


@app.command(context_settings={"allow_interspersed_args": False})
@taking()
def run(
    options: Shared,
    command: Annotated[
        list[str], typer.Argument(metavar="CMD", help="The command to run, behind --.", show_default=False)
    ],
    no_probe: NoProbe = False,
) -> int:
    """Run a command as it is, and explain its failure.

    The status is the command's, whatever --fail-on, --exit-zero and --allow-inconclusive say.
    """
    from kdoctor.cli import running

    return running.run(replace(options, to_stderr=True), command, no_probe=no_probe)


@app.command()
@taking()
def route(
    options: Shared,
    url: Annotated[list[str], typer.Argument(metavar="URL", help="The URLs to route.", show_default=False)],
    via: Via = None,
) -> int:
    """Say for every vantage through which proxy, if any, a URL goes, and which setting decided."""
    from kdoctor.cli import named, routing

    return routing.route(options, url, named.ways(via or []))


@app.command()
@taking()
def mirrors(
    options: Shared,
    of: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="IMAGE|REGISTRY", help="Whose mirrors; by default all.", show_default=False),
    ] = None,
    add: Annotated[
        Optional[list[str]],
        typer.Option("--add", metavar="HOST[/PATH]", help="A mirror of your own to ask as well; repeatable."),
    ] = None,
) -> int:
    """Ask the known mirrors of a registry: who serves from here, how fast, and the same content."""
    from kdoctor.cli import mirroring

    return mirroring.mirrors(options, of or [], add or [])


@app.command()
@taking("output", "timeout", "verbose", "quiet", "no_color", "lang")
def platforms(options: Shared) -> int:
    """Say what is installed here: engines, runtimes, cluster tools, and how each was found."""
    from kdoctor.cli import inventory

    return inventory.platforms(options)


@app.command()
@taking("output", "timeout", "verbose", "quiet", "no_color", "lang")
def settings(options: Shared) -> int:
    """Say what each puller is told about proxies, names, mirrors, trust and logins, and which file says so."""
    from kdoctor.cli import inventory

    return inventory.settings(options)
