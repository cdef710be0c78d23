"""Which images a command line pulls, where that can be told without running it.

Options are read as the programs read them (spf13/pflag): an option that is no boolean takes a value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from kdoctor.errors import UsageError
from kdoctor.references import parse


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GLOBAL = _names(
    "D debug tls tlsverify v version h help r remote trace syslog debug-full insecure-registry experimental"
)
_PULL = _names(
    "a all-tags disable-content-trust q quiet tls-verify all-platforms plain-http skip-verify k local "
    "skip-metadata print-chainid h help"
)
_RUN = _names(
    "d detach i interactive t tty rm init privileged P publish-all read-only no-healthcheck oom-kill-disable "
    "sig-proxy disable-content-trust q quiet use-api-socket no-hosts no-hostname replace rmi passwd tls-verify "
    "http-proxy env-host read-only-tmpfs help"
)
"""Options without a value: of the programs themselves, of `pull`, and of `run` and `create`."""

_ENGINES = frozenset({"docker", "podman", "nerdctl", "crictl", "ctr"})
_GROUPS = frozenset({"image", "images", "i", "container"})
_IMAGE_OPTION: Mapping[str, str] = {"kind": "image", "minikube": "base-image"}
"""Cluster tools to the option that names the image of the node."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def images_of(command: Sequence[str]) -> tuple[str, ...]:
    """Return the images that a command pulls by its own arguments; empty where that cannot be told."""
    words = _bare(list(command))
    if not words:
        return ()
    program = os.path.basename(words[0]).removesuffix(".exe")
    if program in _IMAGE_OPTION:
        found = list(_values(words[1:], f"--{_IMAGE_OPTION[program]}"))
    elif program in _ENGINES:
        found = _of_engine(words[1:])
    else:
        found = []
    return tuple(dict.fromkeys(image for image in found if _is_image(image)))


def _bare(words: list[str]) -> list[str]:
    """Return the command behind `sudo` and `env`."""
    while words and os.path.basename(words[0]) in ("sudo", "env", "time", "command"):
        words = words[1:]
        while words and (words[0] in ("-E", "-n", "-H", "--") or _ASSIGNMENT.match(words[0])):
            words = words[1:]
    return words


def _of_engine(words: list[str]) -> list[str]:
    words = _after_options(words, _GLOBAL)
    if words and words[0] in _GROUPS:
        words = _after_options(words[1:], _GLOBAL)
    if not words:
        return []
    verb, rest = words[0], words[1:]
    if verb in ("run", "create"):
        return _after_options(rest, _RUN)[:1]
    if verb != "pull":
        return []
    found = []
    while rest := _after_options(rest, _PULL):
        found.append(rest[0])
        rest = rest[1:]
    return found


def _after_options(words: list[str], booleans: frozenset[str]) -> list[str]:
    """Return the words from the first that is neither an option nor an option's value."""
    while words:
        first = words[0]
        if first == "--":
            return words[1:]
        if not first.startswith("-") or first == "-":
            return words
        words = words[2 if _takes_next(first, booleans) else 1 :]
    return []


def _takes_next(option: str, booleans: frozenset[str]) -> bool:
    if option.startswith("--"):
        return "=" not in option and option[2:] not in booleans
    letters = option[1:].partition("=")[0]
    first = next((at for at, letter in enumerate(letters) if letter not in booleans), None)
    return first is not None and option[1:] == letters[: first + 1]


def _values(words: Sequence[str], option: str) -> Iterator[str]:
    for at, word in enumerate(words):
        if word.startswith(f"{option}="):
            yield word.partition("=")[2]
        elif word == option and at + 1 < len(words):
            yield words[at + 1]


def _is_image(text: str) -> bool:
    try:
        parse(text)
    except UsageError:
        return False
    return True
