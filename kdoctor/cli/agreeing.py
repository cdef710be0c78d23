"""The yes that a fix needs: by flag, or at a terminal; some fixes need one that --yes is not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.cli.saying import clean
from kdoctor.cli.shared import Consent
from kdoctor.errors import UsageError
from kdoctor.fixes.errors import RefusedError
from kdoctor.model import Risk

if TYPE_CHECKING:
    from kdoctor.fixes.plan import Plan
    from kdoctor.run.fixing import Offer


def agree(plan: Plan, made: Offer, consent: Consent) -> None:
    """Return when everything that needs a yes has one.

    Raises:
        RefusedError: nobody is there to ask, or the answer was no.
    """
    terminal = sys.stdin.isatty()
    _agree_to_commands(plan, consent, terminal)
    if plan.risk is Risk.WEAKENS_TRUST:
        _tell_trust(made)
        _agree_to_trust(plan, consent)
    if plan.risk is Risk.DESTRUCTIVE:
        if not terminal:
            raise RefusedError(
                "this fix removes data, so it is only made after a yes at a terminal, whatever --yes says"
            )
        ask("This removes what cannot be brought back. Do it?")
        return
    if consent.yes:
        return
    if not terminal:
        raise RefusedError("nothing was changed: there is no terminal to ask at; --yes makes the change without asking")
    ask("Make this change?")


def _agree_to_trust(plan: Plan, consent: Consent) -> None:
    """Want the flag that names what is trusted: the certificate by its fingerprint, else the weaker trust as such."""
    for shown in plan.authorities:
        if shown not in consent.trusted:
            raise RefusedError(
                "this fix trusts a certificate that the registry showed, and --yes does not cover that; "
                f"when whoever runs the registry says that it is theirs, add --trust-ca {shown}"
            )
    if not plan.authorities and not consent.weaker_trust:
        raise RefusedError(
            "this fix weakens security, and --yes does not cover that; add --accept-weaker-trust to make it"
        )


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint in lower-case hexadecimal, from how openssl, browsers or kdoctor write it.

    Raises:
        UsageError: it is none.
    """
    bare = text.strip().lower().rpartition("=")[2].removeprefix("sha256:").removeprefix("sha-256:").replace(":", "")
    if len(bare) != 64 or not set(bare) <= set("0123456789abcdef"):
        raise UsageError(f'--trust-ca takes a SHA-256 fingerprint (64 hexadecimal digits), not "{clean(text)}"')
    return bare


def _agree_to_commands(plan: Plan, consent: Consent, terminal: bool) -> None:
    for origin in dict.fromkeys(command.origin for command in plan.commands if command.origin):
        if any(_same_file(origin, one) for one in consent.allowed_files):
            continue
        if not terminal:
            raise RefusedError(
                f"{origin}, a rule of yours, wants to run commands; --yes does not cover that: add --allow-run {origin}"
            )
        ask(f"Run the commands of {origin}?")


def _same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _tell_trust(made: Offer) -> None:
    """Name the safer way first, then whom the registry's certificate names."""
    for fix in made.others:
        if fix.risk is not Risk.WEAKENS_TRUST:
            print(f"Safer: {clean(fix.title)} ({fix.id})", file=sys.stderr)
    seen = [e for case in made.cases for e in case.diagnosis.evidence if e.probe.startswith("tls.")]
    for evidence in seen[:1]:
        for name in ("issuer", "subject", "not_before", "not_after", "fingerprint"):
            if evidence.data.get(name):
                print(f"  {name.replace('_', ' ')}: {clean(str(evidence.data[name]))}", file=sys.stderr)
        for name in ("ca_subject", "ca_not_before", "ca_not_after", "ca_fingerprint"):
            if evidence.data.get(name):
                label = name.removeprefix("ca_").replace("_", " ")
                print(f"  authority's {label}: {clean(str(evidence.data[name]))}", file=sys.stderr)


def ask(question: str) -> None:
    """Ask for a yes at the terminal.

    Raises:
        RefusedError: the answer is another one.
    """
    sys.stderr.write(f"{clean(question)} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes", "j", "ja", "是"):
        raise RefusedError("nothing was changed")
