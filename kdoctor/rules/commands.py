"""A recipe's commands: argument vectors that become a line to paste, and what they may not do with values.

Values come from texts, too. So the program is always the recipe's own word, no value begins with "-",
and none becomes part of a script that a shell or another interpreter reads (DESIGN.md, section 7).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from kdoctor.rules import template
from kdoctor.rules.condition import PLACEHOLDER, Scope
from kdoctor.rules.values import is_plain, is_printable

Quote = Callable[[str], str]
"""How a shell is told to take a word as it is."""

SIGNS = ("|", "&&", "||", ">", "<", ";", "2>/dev/null", "2>&1", "$USER")
"""Words of a recipe that are meant for the shell itself."""

_BREAKS = frozenset({"|", "&&", "||", ";"})
_REDIRECTS = frozenset({">", "<"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "su", "busybox"})
_POWERSHELLS = frozenset({"powershell", "pwsh", "cmd"})
_LANGUAGES = frozenset({"python", "python2", "python3", "perl", "ruby", "node", "php", "lua", "osascript", "expect"})
_FILTERS = frozenset({"sed", "awk", "gawk", "mawk", "jq", "yq"})
_SCRIPT_OPTION = re.compile(r"-[a-zA-Z]*[ceEr]|--(?:command|eval|execute|expression|run)")
_WRAPPERS = frozenset({"sudo", "doas", "env", "nohup", "time", "timeout", "nice", "exec", "command", "xargs", "setsid"})
_TAKES_VALUE = frozenset({"-u", "-g", "-h", "-C", "-p", "-r", "-t", "-I", "--user", "--group"})
_ASSIGNMENT = re.compile(r"[^=\s/]*=.*", re.DOTALL)
_DURATION = re.compile(r"[0-9.]+[smhd]?")
_ALWAYS_REMOTE = frozenset({"ssh", "plink", "wsl"})
_REMOTE = frozenset({"minikube", "colima", "limactl", "vagrant", "multipass", "rdctl", "podman"})
_REMOTELY = frozenset({"ssh", "shell", "exec"})
"""Programs that hand their words to a shell elsewhere, which reads them again, and the commands that do."""
_BEHIND_DASHES = _REMOTE | {"docker", "kubectl", "nerdctl", "k3s", "oc"}
"""Programs behind whose `--` another program's name stands."""


def posix(word: str) -> str:
    """Quote a word for a POSIX shell."""
    return shlex.quote(word)


def powershell(word: str) -> str:
    """Quote a word for PowerShell: single quotes, doubled inside."""
    return word if word and is_plain(word) and word[0] not in "@%" else "'" + word.replace("'", "''") + "'"


def quoting(system: str) -> Quote:
    """Return how the shell of a system (sys.platform) is told to take a word as it is."""
    return powershell if system == "win32" else posix


def line(run: Sequence[str] | None, scope: Scope, quote: Quote = posix) -> str | None:
    """Return an argument vector as a line for a shell; None where a value is missing or may not stand there."""
    if not run:
        return None
    exposed = set(_read_again(run))
    words = []
    for i, part in enumerate(run):
        values = [str(scope.value(name) or "") for name in template.names(part)]
        word = template.fill(part, scope)
        if word is None or any(value.startswith("-") or not is_printable(value) for value in values):
            return None
        if i in exposed and not all(map(is_plain, values)):
            return None
        words.append(_shown(word, literal=word == part, quote=quote))
    return " ".join(words)


def as_written(run: Sequence[str]) -> str:
    """Return an argument vector as a line with its placeholders unfilled, for a page that shows it."""
    return " ".join(word if _ONLY_NAME.fullmatch(word) else _shown(word, literal=True, quote=posix) for word in run)


_ONLY_NAME = re.compile(rf"[\w./:=@-]*(?:{PLACEHOLDER.pattern}[\w./:=@-]*)+")
"""A word of plain signs and placeholders needs no quotes in a page."""


def _shown(word: str, *, literal: bool, quote: Quote) -> str:
    if literal and word in SIGNS:
        return word
    if literal and word.startswith("~/"):  # the shell expands no quoted tilde
        return f"~/{quote(word[2:])}"
    return quote(word)


def _name(word: str) -> str:
    return re.split(r"[/\\]", word)[-1].lower().removesuffix(".exe")


def _segments(run: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the commands of a vector with signs between them, each with the place of its first word."""
    start = 0
    for i, word in enumerate([*run, ";"]):
        if word in _BREAKS or i == len(run):
            yield start, run[start:i]
            start = i + 1


def _programs(words: Sequence[str]) -> list[int]:
    """Return the places where a program's name stands: the first word, and behind sudo, env and their like.

    Behind `--` and `exec NAME` another program may begin; it counts as one.
    """
    found, i = [], 0
    while i < len(words):
        found.append(i)
        name, wraps = _name(words[i]), False
        if name in _WRAPPERS:
            i, wraps = _behind(words, i + 1), True
        elif name in _BEHIND_DASHES and "--" in words[i + 1 :]:
            i, wraps = words.index("--", i + 1) + 1, True
        elif "exec" in words[i + 1 : i + 3]:
            i, wraps = _behind(words, words.index("exec", i + 1) + 1) + 1, True
        elif name in _REMOTE and _REMOTELY & set(words[i + 1 : i + 3]):
            i, wraps = 1 + max(words.index(one, i + 1) for one in _REMOTELY & set(words[i + 1 : i + 3])), True
        if not wraps:
            break
    return [at for at in found if at < len(words)]


def _behind(words: Sequence[str], i: int) -> int:
    """Return the place behind options, VARIABLE=value words and a number of seconds."""
    while i < len(words) and (
        words[i].startswith("-") or _ASSIGNMENT.fullmatch(words[i]) or _DURATION.fullmatch(words[i])
    ):
        i += 2 if words[i] in _TAKES_VALUE else 1
    return i


def _read_again(run: Sequence[str]) -> Iterator[int]:
    """Yield the places of words that another reader than the shell takes apart: sed's, or a shell elsewhere."""
    for start, words in _segments(run):
        names = {_name(words[at]) for at in _programs(words)}
        if names & (_FILTERS | _ALWAYS_REMOTE) or (names & _REMOTE and _REMOTELY & set(words)):
            yield from range(start, start + len(words))


def problems(run: Sequence[str]) -> Iterator[str]:
    """Yield what a command does with values that it must not."""
    valued = [bool(list(template.names(word))) for word in run]
    for i, word in enumerate(run[:-1]):
        if word in _REDIRECTS and valued[i + 1]:
            yield f'a value "{run[i + 1]}" names the file that is written or read; name it in the recipe'
    for start, words in _segments(run):
        programs = _programs(words)
        for at in programs:
            if valued[start + at]:
                yield f'the program is a value, "{words[at]}"; name it in the recipe'
        for i, word in enumerate(words):
            name, equals, _ = word.partition("=")
            if equals and list(template.names(name)):
                yield f'the name before "=" is a value, "{word}"; name it in the recipe'
            script = valued[start + i] and next((words[at] for at in programs if _is_script(words, at, i)), None)
            if script:
                yield f'a value in what {script} reads as a script, "{word}"; pass it as an argument of a program'
        if start and words and any(valued[:start]) and _bare_interpreter(words, programs):
            yield f"values are piped into {words[programs[-1]]}, which runs what it reads"


def _is_script(words: Sequence[str], program: int, i: int) -> bool:
    """Tell whether the word at `i` is part of a script that the program reads."""
    name = _name(words[program])
    if i <= program:
        return False
    if name == "eval" or name in _POWERSHELLS:
        return True
    if name in _SHELLS | _LANGUAGES:
        scripts = [at + 1 for at in range(program + 1, len(words)) if _SCRIPT_OPTION.fullmatch(words[at])]
        return i in scripts or (not scripts and i == _behind(words, program + 1))
    return False


def _bare_interpreter(words: Sequence[str], programs: Sequence[int]) -> bool:
    last = programs[-1]
    return _name(words[last]) in (_SHELLS | _POWERSHELLS | _LANGUAGES) and all(
        word.startswith("-") for word in words[last + 1 :]
    )
