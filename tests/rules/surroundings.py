"""What stands around an error where people copy it from: prefixes, quoting, wrapping, other lines.

Each surrounding is a function from a text to the text as it would be met; the answer must stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

Surrounding = Callable[[str], str]

LINES_BEFORE = (
    "I0301 09:12:01.123456       1 shared_informer.go:318] Caches are synced for garbage collector",
    "Mar 01 09:12:02 lab systemd[1]: Started Session 12 of User ana.",
    'time="2026-03-01T09:12:03Z" level=info msg="loading plugin" id=io.example.content type=io.example.v1',
    "Step 3/7 : COPY . /app",
    "2026-03-01 09:12:04,101 INFO  [main] Application - Started in 4.2 seconds",
    " ---> Using cache",
)
LINES_AFTER = (
    "I0301 09:12:09.123456       1 leaderelection.go:260] successfully acquired lease",
    "ana@lab:~/app$ ls",
    "README.md  src",
)


def _each(text: str, prefix: Callable[[int], str]) -> str:
    return "\n".join(prefix(i) + line for i, line in enumerate(text.split("\n")))


def _wrapped(width: int) -> Surrounding:
    def wrap(text: str) -> str:
        """Break where a Windows console does: at its width, in the middle of a word."""
        lines = [line[i : i + width] for line in text.split("\n") for i in range(0, max(len(line), 1), width)]
        return "\n".join(lines)

    return wrap


def _in_powershell(text: str) -> str:
    """A native command's error as Windows PowerShell 5 prints it: its first line, then the record's details."""
    body = _wrapped(119)("docker : " + text)
    return (
        body + "\nAt line:1 char:1\n+ docker compose up\n+ ~~~~~~~~~~~~~~~~~\n"
        "    + CategoryInfo          : NotSpecified: (:String) [], RemoteException\n"
        "    + FullyQualifiedErrorId : NativeCommandError\n "
    )


def _as_logfmt(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'time="2026-03-01T09:12:05.123456789Z" level=error msg="{quoted}" module=lab'


def _as_json(text: str) -> str:
    return json.dumps({"level": "error", "ts": 1772356325.12, "msg": text}, ensure_ascii=False)


def _in_status(text: str) -> str:
    """A pod's status as `kubectl get pod -o yaml` prints it, with the fold that a long message gets."""
    words = re.sub(r"\s*\n\s*", " ", text).replace("'", "''").split(" ")
    lines, line = [], "message: '"
    for word in words:
        if len(line) > 70:
            lines.append(line.rstrip())
            line = "          "
        line += word + " "
    lines.append(line.rstrip() + "'")
    body = "\n".join("        " + one for one in lines)
    head = "status:\n  containerStatuses:\n  - name: web\n    ready: false\n    state:\n      waiting:\n"
    return f"{head}{body}\n        reason: Waiting"


def _coloured(text: str) -> str:
    first, blank, rest = text.partition(" ")
    return f"\x1b[1;31m{first}\x1b[0m{blank}\x1b[38;5;180m{rest}\x1b[0m\x1b[K"


def _with_links(text: str) -> str:
    def link(found: re.Match[str]) -> str:
        return f"\x1b]8;;{found[0]}\x1b\\{found[0]}\x1b]8;;\x1b\\"

    return "\x1b]0;ana@lab: ~\x07" + re.sub(r"https?://[^\s\"'<>]+", link, text)


def _in_events(text: str) -> str:
    flat = re.sub(r"\s*\n\s*", " ", text)
    return (
        "Events:\n  Type     Reason     Age                From               Message\n"
        "  ----     ------     ----               ----               -------\n"
        "  Normal   Scheduled  41s                default-scheduler  Successfully assigned default/web to lab\n"
        f"  Warning  Failed     12s (x3 over 41s)  kubelet            {flat}"
    )


def _in_event_list(text: str) -> str:
    flat = re.sub(r"\s*\n\s*", " ", text)
    return (
        "LAST SEEN   TYPE      REASON      OBJECT    MESSAGE\n"
        "41s         Normal    Scheduled   pod/web   Successfully assigned default/web to lab\n"
        f"12s         Warning   Failed      pod/web   {flat}"
    )


def _in_compose(text: str) -> str:
    return "\n".join((" ⠿ db Pulled" + " " * 40 + "1.1s", " ⠿ web Error" + " " * 40 + "2.3s", text))


# Where each line has its own stamp, or the whole is one field, a message of several lines is not met whole.
OF_ONE_LINE = frozenset({"journald", "docker logs", "json", "json twice", "logfmt", "in quotation marks"})
# A few bare words are known for a registry's only where they stand alone, not in some program's log.
OF_A_PROGRAM = frozenset({"journald", "docker logs"})
FEW = 50
# A few words count only as the whole text; these leave it so.
LEAVE_ALONE = frozenset({"carriage returns", "coloured", "links", "quoted", "indented", "wrapped at 80"})
# Only the words of those who report to the API server are met in events and in a pod's status.
OF_A_NODE = frozenset({"events", "event list", "status"})
NODE_ENGINES = frozenset({"kubelet", "containerd", "cri-o", "k3s"})

SURROUNDINGS: Mapping[str, Surrounding] = {
    "lines before": lambda text: "\n".join((*LINES_BEFORE, text)),
    "lines after": lambda text: "\n".join((text, *LINES_AFTER)),
    "words after": lambda text: text + "\nPlease help, I have tried everything.",
    "journald": lambda text: _each(text, lambda i: f"Mar 01 09:12:{10 + i % 50} lab svc[812]: "),
    "actions": lambda text: _each(text, lambda i: f"2026-03-01T09:12:{10 + i % 50}.1234567Z "),
    "docker logs": lambda text: _each(text, lambda i: f"2026-03-01T09:12:{10 + i % 50}.123456789Z stderr F "),
    "compose service": lambda text: _each(text, lambda i: "web-1  | "),
    "buildkit": lambda text: _each(text, lambda i: f"#12 0.{340 + i} "),
    "compose progress": _in_compose,
    "wrapped at 80": _wrapped(80),
    "wrapped at 120": _wrapped(120),
    "powershell": _in_powershell,
    "coloured": _coloured,
    "links": _with_links,
    "carriage returns": lambda text: text.replace("\n", "\r\n") + "\r\n",
    "json": _as_json,
    "json twice": lambda text: _as_json(_as_json(text)),
    "logfmt": _as_logfmt,
    "quoted": lambda text: _each(text, lambda i: "> "),
    "fenced": lambda text: f"I get this:\n\n```console\n{text}\n```\n",
    "indented": lambda text: _each(text, lambda i: "    "),
    "in quotation marks": lambda text: f"It says “{text}”, why?",
    "events": _in_events,
    "event list": _in_event_list,
    "status": _in_status,
}

# What can stand around any other of them.
OUTER = frozenset(
    {
        "lines before",
        "lines after",
        "words after",
        "carriage returns",
        "quoted",
        "fenced",
        "indented",
        "coloured",
        "links",
    }
)
