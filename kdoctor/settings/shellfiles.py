"""Where a shell's variable is set for good: the files that login and interactive shells read.

Only lines that assign the very value that is in effect count; what a script computes cannot be told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from kdoctor.machine import Machine
from kdoctor.settings.proxy import ProxySettings, Setting
from kdoctor.settings.source import Source

_OF_USER = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zshenv", ".zprofile", ".zshrc")
_OF_ALL = ("/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/zsh/zshenv")
_DROP_INS = "/etc/profile.d"


def placed(settings: ProxySettings, machine: Machine) -> ProxySettings:
    """Return the settings of this shell, each with the file and line that sets its value, where one does."""
    return replace(
        settings,
        http=_placed(settings.http, machine),
        https=_placed(settings.https, machine),
        no_proxy=_placed(settings.no_proxy, machine),
    )


def _placed(setting: Setting | None, machine: Machine) -> Setting | None:
    if setting is None or setting.source.kind != "environment":
        return setting
    for path in _paths(machine):
        text = machine.read(path) or ""
        if setting.variable not in text:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if (setting.variable, setting.value) in _assignments(line):
                return replace(setting, source=Source("environment", setting.source.text, path, number))
    return setting


def _paths(machine: Machine) -> Iterator[str]:
    yield from (f"{machine.home}/{name}" for name in _OF_USER)
    yield from (f"{_DROP_INS}/{name}" for name in machine.entries(_DROP_INS) if name.endswith(".sh"))
    yield from _OF_ALL


def _assignments(line: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    pairs = (word.partition("=") for word in (words[1:] if words[:1] == ["export"] else words))
    return [(name, value) for name, equals, value in pairs if equals]
