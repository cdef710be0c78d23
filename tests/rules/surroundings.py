"""What stands around an error where people copy it from: prefixes, quoting, wrapping, other lines.

Each surrounding is a function from a text to the text as it would be met; the answer must stay.
"""

from __future__ import annotations

import html
import itertools
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
CODE = ("if err != nil {", '\treturn fmt.Errorf("cannot open the file: %w", err)', "}", "console.log('done');")
OTHERS = (
    'psql: error: connection to server at "db.example" (10.0.0.5), port 5432 failed: Connection refused',
    "\tIs the server running on that host and accepting TCP/IP connections?",
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


def _in_json_log(text: str) -> str:
    """Lines of Docker's json-file log driver."""
    lines = [
        {"log": line + "\n", "stream": "stderr", "time": f"2026-03-01T09:12:{10 + i % 50}.123456789Z"}
        for i, line in enumerate(text.split("\n"))
    ]
    return "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)


def _in_err(times: int) -> Surrounding:
    """A field of a structured klog line, as the kubelet writes it; an error in an error is escaped again."""

    def within(text: str) -> str:
        for _ in range(times):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            text = f'"Error syncing pod, skipping" err="{escaped}" pod="default/web" podUID="5f0c6d0e"'
        return f"E0301 09:12:05.123456    1234 pod_workers.go:1301] {text}"

    return within


def _in_gitlab(text: str) -> str:
    begin = "section_start:1772356325:step_script\r\x1b[0K\x1b[0KExecuting the script\x1b[0;m"
    return f"{begin}\n{text}\nsection_end:1772356330:step_script\r\x1b[0K\x1b[31;1mERROR: Job failed\n\x1b[0;m"


def _in_jenkins(text: str) -> str:
    return (
        "[Pipeline] { (Test)\n[Pipeline] sh\n+ make test\n" + text + "\n[Pipeline] }\n[Pipeline] // stage\n"
        "[Pipeline] End of Pipeline\nERROR: script returned exit code 1\nFinished: FAILURE"
    )


def _with_typographic_quotes(text: str) -> str:
    """What a word processor or a chat makes of quotation marks."""
    marks = itertools.cycle("“”")
    return re.sub('"', lambda _: next(marks), text).replace("'", "’")


def _among_many(text: str) -> str:
    def lines(first: int) -> list[str]:
        return [
            f"2026-03-01 09:{i // 60:02}:{i % 60:02},101 INFO [w-{i % 4}] Orders - order {i * 37} kept in {i} ms"
            for i in range(first, first + 50)
        ]

    return "\n".join((*lines(100), text, *lines(200)))


# Where each line has its own stamp, or the whole is one field, a message of several lines is not met whole.
OF_ONE_LINE = frozenset(
    {"journald", "docker logs", "json", "json twice", "logfmt", "in quotation marks", "json-file", "err", "err twice"}
    | {"klog", "dated", "dated as by Python", "[ERROR]", "inline code", "##[error]"}
)
# A few bare words are known for a registry's only where they stand alone, not in some program's log.
OF_A_PROGRAM = frozenset({"journald", "docker logs", "json-file", "klog", "dated", "dated as by Python", "[ERROR]"})
FEW = 50
# A few words count only as the whole text; these leave it so.
LEAVE_ALONE = frozenset(
    {"carriage returns", "coloured", "links", "quoted", "indented", "wrapped at 80", "tabs", "entities"}
)
# Only the words of those who report to the API server are met in events, in a pod's status and the kubelet's log.
OF_A_NODE = frozenset({"events", "event list", "status", "err", "err twice"})
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
    "klog": lambda text: "E0301 09:12:05.123456    1234 runner.go:77] " + text,
    "json-file": _in_json_log,
    "err": _in_err(1),
    "err twice": _in_err(2),
    "dated": lambda text: "2026-03-01T09:12:05.123Z " + text,
    "dated as by Python": lambda text: "2026-03-01 09:12:05,123 - root - ERROR - " + text,
    "[ERROR]": lambda text: "[ERROR] " + text,
    "##[error]": lambda text: "2026-03-01T09:12:05.1234567Z ##[error]" + text,
    "gitlab": _in_gitlab,
    "jenkins": _in_jenkins,
    "compose before 2": lambda text: _each(text, lambda i: "web_1         | "),
    "tabs": lambda text: _each(text, lambda i: "\t"),
    "typographic": _with_typographic_quotes,
    "inline code": lambda text: f"I get `{text}` since today.",
    "entities": html.escape,
    "jira": lambda text: f"Steps: see below\n{{code:bash}}\n{text}\n{{code}}\nAny idea?",
    "slack": lambda text: f"hi all, anyone seen this?\n```{text}```",
    "among many lines": _among_many,
    "command": lambda text: f"ana@lab:~$ docker pull reg.example.com/team/app:1.2\n{text}",
    "code before": lambda text: "\n".join((*CODE, text)),
    "code after": lambda text: "\n".join((text, *CODE)),
    "another's failure after": lambda text: "\n".join((text, *OTHERS)),
    "question after": lambda text: f"{text}\n\nWhy does this happen? I followed the guide on the page of the project.",
    "bare command": lambda text: f"$ docker pull nginx\n{text}",
    "powershell prompt": lambda text: f"PS C:\\Users\\ana> docker pull nginx\n{text}",
}

# A line that may be part of a program is taken for one beside others of a program.
BESIDE_CODE = frozenset({"code before", "code after"})

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
