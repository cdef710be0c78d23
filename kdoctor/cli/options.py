"""The options of the commands: each is declared here, once."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Optional

import typer

from kdoctor.cli.shared import Consent, Shared, language, outputs_of
from kdoctor.errors import UsageError, did_you_mean
from kdoctor.model import Severity

Command = Callable[..., int]

Output = Annotated[
    Optional[list[str]],
    typer.Option("--output", "-o", metavar="FORMAT[=FILE]", help="text, json, junit, github or markdown; repeatable."),
]
Timeout = Annotated[
    Optional[float], typer.Option("--timeout", metavar="SECONDS", min=0.1, max=3600.0, help="The whole run's deadline.")
]
Rules = Annotated[
    Optional[list[Path]], typer.Option("--rules", metavar="DIR", help="A folder of rules of your own; repeatable.")
]
FailOn = Annotated[str, typer.Option("--fail-on", metavar="error|warning", help="The least severity that counts.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit 0 instead of 1 or 3.")]
AllowInconclusive = Annotated[bool, typer.Option("--allow-inconclusive", help="Exit 0 instead of 3.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Say more; twice for all.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the answer, and that short.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.")]
Lang = Annotated[Optional[str], typer.Option("--lang", metavar="en|zh", help="The language; by default the locale's.")]

Fix = Annotated[bool, typer.Option("--fix", help="Plan the fix, too; --apply makes it.")]
Apply = Annotated[bool, typer.Option("--apply", help="Make the fix, after a yes.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (for scripts).")]
Rollback = Annotated[bool, typer.Option("--rollback-on-failure", help="Take the fix back where it does not help.")]
WeakerTrust = Annotated[
    bool, typer.Option("--accept-weaker-trust", help="Make a fix that weakens security; --yes does not cover it.")
]
TrustCa = Annotated[
    Optional[list[str]],
    typer.Option("--trust-ca", metavar="SHA256", help="Trust this certificate, which a registry showed; repeatable."),
]
AllowRun = Annotated[
    Optional[list[Path]],
    typer.Option("--allow-run", metavar="FILE", help="Run the commands of this file of your own rules; repeatable."),
]

Registry = Annotated[
    Optional[list[str]], typer.Option("--registry", metavar="HOST", help="A registry that this is about; repeatable.")
]
Image = Annotated[
    Optional[list[str]], typer.Option("--image", metavar="REF", help="An image that this is about; repeatable.")
]
Manifest = Annotated[
    Optional[list[Path]],
    typer.Option("--manifest", metavar="FILE", help="Kubernetes YAML whose images to reach; repeatable."),
]
Tool = Annotated[Optional[str], typer.Option("--for", metavar="TOOL", help="minikube, kind, k3s, kubeadm or docker.")]
Via = Annotated[
    Optional[list[str]],
    typer.Option("--via", metavar="WAY", help="Look from there, too: ssh:HOST, pod:NS/NAME, ...; repeatable."),
]
NoProbe = Annotated[bool, typer.Option("--no-probe", help="Ask nothing; the text alone.")]


def _options(
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
) -> Shared:
    """Return the checked options.

    Raises:
        UsageError: a format, threshold or language that is not there, with the nearest.
    """
    if fail_on not in ("error", "warning"):
        raise UsageError(
            f'--fail-on takes error or warning, not "{fail_on}".{did_you_mean(fail_on, ("error", "warning"))}'
        )
    return Shared(
        outputs=outputs_of(output or ["text"]),
        timeout=timeout,
        rules=tuple(rules or ()),
        fail_on=Severity(fail_on),
        exit_zero=exit_zero,
        allow_inconclusive=allow_inconclusive,
        verbose=verbose,
        quiet=quiet,
        no_color=no_color,
        lang=language(lang),
    )


def _consent(
    apply: Apply = False,
    yes: Yes = False,
    rollback: Rollback = False,
    weaker_trust: WeakerTrust = False,
    trust_ca: TrustCa = None,
    allow_run: AllowRun = None,
) -> Consent:
    """Return what was agreed to.

    Raises:
        UsageError: a fingerprint is none.
    """
    trusted: tuple[str, ...] = ()
    if trust_ca:
        from kdoctor.cli.agreeing import fingerprint

        trusted = tuple(map(fingerprint, trust_ca))
    return Consent(apply, yes, rollback, weaker_trust, tuple(map(str, allow_run or ())), trusted)


_MAKERS: dict[str, Callable[..., object]] = {"consent": _consent, "options": _options}
"""Parameters of commands that stand for several options, and what makes them."""

_MADE_OF = {name: inspect.signature(maker).parameters for name, maker in _MAKERS.items()}


def taking(*only: str) -> Callable[[Command], Command]:
    """Give a command the options that its parameters `options` and `consent` are made of, behind its own.

    `only` names those of `options` that the command takes; by default it takes all.
    """
    return lambda command: _with_options(command, only)


def _with_options(command: Command, only: tuple[str, ...]) -> Command:
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [parameter for name, parameter in own.items() if name not in _MAKERS]
    taken: dict[str, list[str]] = {}
    for name in (name for name in _MAKERS if name in own):
        made_of = _MADE_OF[name]
        taken[name] = [one for one in made_of if one in only or not only or name != "options"]
        parameters += [made_of[one] for one in taken[name]]

    @wraps(command)
    def whole(**given: object) -> int:
        for name, options in taken.items():
            given[name] = _MAKERS[name](**{option: given.pop(option) for option in options})
        return command(**given)

    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    whole.__annotations__ = {parameter.name: parameter.annotation for parameter in keywords}
    whole.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # what typer reads
    return whole
