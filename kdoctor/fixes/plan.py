"""What a fix would do, in full, before anything is done: files with their old and new bytes, commands, restarts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kdoctor.fixes import files, links, services
from kdoctor.fixes.edits import edited
from kdoctor.fixes.errors import FixError, NotEditableError
from kdoctor.fixes.files import Found
from kdoctor.fixes.services import Action
from kdoctor.machine import Machine
from kdoctor.masking import MASK
from kdoctor.model import Edit, Fix, Host, Risk, Step

_USER_SERVICES = frozenset({"docker-rootless"})


@dataclass(frozen=True, slots=True)
class Change:
    """A file with what it holds now and what it will; `data` None is no file. `link` is the link that led there."""

    shown: str
    path: Path
    found: Found
    data: bytes | None
    link: str = ""

    def diff(self) -> list[str]:
        """Return the lines of a unified diff, without line ends."""
        old, new = _lines(self.found.data), _lines(self.data)
        before = self.shown if self.found.data is not None else "/dev/null"
        after = self.shown if self.data is not None else "/dev/null"
        return list(difflib.unified_diff(old, new, before, after, lineterm=""))


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run with its arguments; `undo` takes it back. `origin` is the user's file that says so.

    `later` tells that it counts from the next login on.
    """

    argv: tuple[str, ...]
    undo: tuple[str, ...] = ()
    text: str = ""
    origin: str | None = None
    later: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fix for a diagnosis's rule, with what is known of its facts.

    `stated` are facts that only a text states, with their values; they are not written into files.
    `shown` are certificates that a peer showed, fingerprint (SHA-256) to PEM.
    """

    rule: str
    fix: Fix
    stated: Mapping[str, str] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one or several fixes would do, in the order in which it is done."""

    chosen: tuple[Chosen, ...]
    changes: tuple[Change, ...] = ()
    commands: tuple[Command, ...] = ()
    actions: tuple[Action, ...] = ()
    by_hand: tuple[Step, ...] = ()

    @property
    def risk(self) -> Risk:
        """The worst of the fixes' risks."""
        return max((one.fix.risk for one in self.chosen), key=list(Risk).index)

    @property
    def authorities(self) -> tuple[str, ...]:
        """The fingerprints of the certificates that a peer showed and that would be trusted."""
        edits = [step.edit for one in self.chosen for step in one.fix.steps]
        return tuple(dict.fromkeys(edit.authority for edit in edits if edit is not None and edit.authority))

    @property
    def empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.changes or self.commands or self.actions)


def build(chosen: Sequence[Chosen], machine: Machine, host: Host, stops: Sequence[str] = ()) -> Plan:
    """Return the plan; nothing is changed. Edits of one file by several steps or fixes are composed.

    `stops` are the containers that a restart of dockerd would stop.

    Raises:
        FixError: a file cannot be edited, or a value comes from nowhere that may be written.
    """
    draft = _Draft(machine)
    commands: list[Command] = []
    wanted: dict[tuple[str, bool], str] = {}
    started: set[str] = set()
    by_hand: list[Step] = []
    for one in chosen:
        user = one.fix.platform in _USER_SERVICES
        for step in one.fix.steps:
            if step.edit is not None:
                _vouched(step.edit, one)
                draft.apply(step.edit, one.shown)
            elif step.argv:
                commands.append(
                    Command(
                        _without_sudo(step.argv, machine),
                        _without_sudo(step.undo, machine),
                        step.text,
                        one.fix.origin,
                        step.later,
                    )
                )
            elif step.service is not None:
                key = (step.service, user)
                wanted[key] = "restart" if "restart" in (step.action, wanted.get(key)) else "reload"
                started |= {step.service} if step.lone else set()
            else:
                by_hand.append(step)
    changes = draft.changes()
    for change in changes:
        size = len(change.data or b"") + len(change.found.data or b"")
        files.check_writable(change.path, change.shown, size)
    actions = _actions(wanted, changes, machine, host, stops)
    lone = started if not changes else set()
    actions = tuple(replace(one, back=_back(one, one.service in lone, changes, machine, host)) for one in actions)
    return Plan(tuple(chosen), changes, tuple(commands), actions, tuple(by_hand))


class _Draft:
    """The files as they become, edit by edit."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._found: dict[str, Found] = {}
        self._text: dict[str, str | None] = {}
        self._links: dict[str, str] = {}

    def apply(self, edit: Edit, shown_by_peer: Mapping[str, str]) -> None:
        shown = f"{self._machine.home}{edit.file[1:]}" if edit.file.startswith("~/") else edit.file
        named, shown = shown, links.followed(self._machine, shown)
        if named != shown:
            self._links[shown] = named
        if shown not in self._found:
            found = files.read(self._machine.path(shown), shown)
            self._found[shown] = found
            self._text[shown] = None if found.data is None else _decoded(found.data, shown)
        if edit.copy is not None:
            edit = replace(edit, content=_certificates(self._machine, edit.copy))
        if edit.authority is not None:
            edit = replace(edit, content=_shown(shown_by_peer, edit.authority))
        try:
            self._text[shown] = edited(edit, self._text[shown])
        except NotEditableError as error:
            raise FixError(f"{shown}: {error}; change it by hand") from error

    def changes(self) -> tuple[Change, ...]:
        out = []
        for shown, found in self._found.items():
            text = self._text[shown]
            data = None if text is None else text.encode("utf-8", "surrogateescape")
            if data != found.data:
                out.append(Change(shown, self._machine.path(shown), found, data, self._links.get(shown, "")))
        return tuple(out)


def _certificates(machine: Machine, file: str) -> str:
    """Return a file of PEM certificates as text.

    Raises:
        FixError: it cannot be read, or holds something else, or a private key.
    """
    shown = f"{machine.home}{file[1:]}" if file.startswith("~/") else file
    try:
        text = machine.path(shown).read_bytes()[: files.LIMIT].decode("ascii", "strict")
    except (OSError, UnicodeDecodeError) as error:
        raise FixError(
            f"{shown}: cannot be read as a PEM certificate: {getattr(error, 'strerror', None) or error}"
        ) from error
    if "-----BEGIN CERTIFICATE-----" not in text or "PRIVATE KEY" in text:
        raise FixError(f"{shown} holds no PEM certificate (-----BEGIN CERTIFICATE-----) alone; nothing was changed")
    return text


def _shown(certificates: Mapping[str, str], fingerprint: str) -> str:
    """Return the certificate of a fingerprint among those that a peer showed.

    Raises:
        FixError: there is none.
    """
    import hashlib
    import ssl

    pem = certificates.get(fingerprint, "")
    if not pem or hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() != fingerprint:
        raise FixError(f"the certificate {fingerprint} is not shown any more; nothing was changed. Run it again")
    return pem


def _decoded(data: bytes, shown: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FixError(f"{shown} is in UTF-16; save it as UTF-8 first")
    return data.decode("utf-8", "surrogateescape")


def _vouched(edit: Edit, chosen: Chosen) -> None:
    """Refuse values that only a text states, and values whose secret part was taken out."""
    for name in edit.facts:
        if name in chosen.stated:
            value = chosen.stated[name]
            raise FixError(
                f"{name} {value} stands only in the text; nothing on this machine names it. "
                f"If it is right, say so: kdoctor fix {chosen.rule} --fact {name}={value}"
            )
    for text in (*_values(edit.set), *_values(edit.add), *edit.replace.values(), edit.content or ""):
        if f"{MASK}@" in text or f":{MASK}" in text or "***" in text:
            raise FixError(
                "a value of this fix has its password taken out; change the setting by hand, or give it with --fact"
            )


def _values(tree: object) -> list[str]:
    if isinstance(tree, Mapping):
        return [text for value in tree.values() for text in _values(value)]
    if isinstance(tree, list | tuple):
        return [text for value in tree for text in _values(value)]
    return [tree] if isinstance(tree, str) else []


def _without_sudo(argv: tuple[str, ...], machine: Machine) -> tuple[str, ...]:
    return argv[1:] if argv[:1] == ("sudo",) and machine.uid == 0 else argv


def _actions(
    wanted: Mapping[tuple[str, bool], str],
    changes: Sequence[Change],
    machine: Machine,
    host: Host,
    stops: Sequence[str],
) -> tuple[Action, ...]:
    paths = [change.link or change.shown for change in changes]
    out: list[Action] = []
    for (service, user), verb in wanted.items():
        again = services.reload_command(machine, paths, user=user)
        if again and not any(one.argv == again for one in out):
            out.append(Action("systemd", "daemon-reload", again))
        now = services.action(machine, host, service, _verb(service, verb, changes), user=user)
        if now.verb == "reload" and not now.argv:
            now = services.action(machine, host, service, "restart", user=user)
        ends = tuple(stops) if service == "docker" and now.verb == "restart" else ()
        out.append(Action(now.service, now.verb, now.argv, now.by_hand, ends))
    return tuple(out)


def _back(action: Action, lone: bool, changes: Sequence[Change], machine: Machine, host: Host) -> tuple[str, ...]:
    """Return the command of an undo: a stop of what was started, a restart where SIGHUP would keep a key."""
    if lone:
        return services.stop(machine, host, action.service)
    if action.verb == "reload" and not all(services.reloads(one.data, one.found.data) for one in changes):
        return services.action(machine, host, action.service, "restart").argv or action.argv
    return action.argv


def _verb(service: str, verb: str, changes: Sequence[Change]) -> str:
    """Return reload only for what dockerd reloads, restart for all else."""
    if service != "docker":
        return verb
    if not changes:
        return verb
    enough = all(
        (one.link or one.shown).endswith("daemon.json") and services.reloads(one.found.data, one.data)
        for one in changes
    )
    return "reload" if enough else "restart"


def _lines(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode("utf-8", "replace").splitlines()
