"""Who has to agree to what: rules of a user's folder run nothing by --yes alone; a terminal is asked."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USER = 4242

RULE = """\
# yaml-language-server: $schema=rule.json
id: marker-missing
layer: host
severity: error
title: "The marker {tool} is missing"
why: "Somebody took it away."
engines: [system]
occurs_on: [shell]
match:
  any:
    - {id: plain, regex: 'marker (?P<tool>[a-z-]{1,40}) is missing'}
facts: {tool: {type: tool}}
probes:
  - {id: program, use: host.tool, with: {tool: "{tool}"}}
verdict:
  confirmed: {program.outcome: missing}
  refuted: {program.outcome: found}
  because: {confirmed: "{program.detail}.", refuted: "It is there."}
fixes:
  - {use: marker.make, with: {tool: "{tool}"}}
references: []
examples:
  positive: [{engine: system, text: "marker no-such-tool is missing", facts: {tool: no-such-tool}}]
"""
RECIPE = """\
# yaml-language-server: $schema=recipe.json
id: marker.make
title: "Make the marker {tool}"
risk: RISK
params: {tool: {type: tool}}
variants:
  - on: [any]
    proof: docs
    steps:
      - {text: "Make it.", run: [touch, "FOLDER/{tool}"], do: true, undo: [rm, "FOLDER/{tool}"]}
"""


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path
    marker: Path
    rule: Path
    env: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        program = [sys.executable, "-m", "kdoctor", *arguments]
        if os.geteuid() != 0:
            return program
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--", *program]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def at_terminal(self, answer: str, *arguments: str) -> tuple[int, str]:
        """Run at a terminal, answer each question in the same way; return status and what was shown."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            command = self.command(*arguments)
            os.execvpe(command[0], command, {**self.env, "TERM": "dumb"})
        shown, end = b"", time.monotonic() + 60
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 1)
            try:
                data = os.read(master, 4096) if ready else b""
            except OSError:
                break
            shown += data
            if data and shown.rstrip().endswith(b"[y/N]"):
                os.write(master, answer.encode() + b"\n")
        _, status = os.waitpid(pid, 0)
        os.close(master)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def fix(self) -> tuple[str, ...]:
        """Return the arguments that fix the rule of this folder."""
        return ("fix", "marker-missing", "--fact", "tool=no-such-tool", "--rules", str(self.folder / "rules"))


def opened() -> Path:
    """Make a folder; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="kdoctor-consent-"))
    folder.chmod(0o755)
    return folder


def place(risk: str, cache: Path) -> Place:
    """Make a user's folder of rules."""
    tmp_path = opened()
    rules = tmp_path / "rules"
    (rules / "host").mkdir(parents=True)
    (rules / "fixes").mkdir()
    (rules / "host" / "marker-missing.yaml").write_text(RULE)
    recipe = rules / "fixes" / "marker.make.yaml"
    target = tmp_path / "made"
    target.mkdir()
    recipe.write_text(RECIPE.replace("FOLDER", str(target)).replace("RISK", risk))
    home = tmp_path / "home"
    home.mkdir()
    if os.geteuid() == 0:
        os.chown(target, USER, USER)
        os.chown(home, USER, USER)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(home / "state")}
    env |= {"XDG_CACHE_HOME": str(cache)}
    return Place(tmp_path, target / "no-such-tool", recipe, env)


@pytest.fixture(scope="module")
def cache() -> Iterator[Path]:
    """Let the user compile the shipped rules once."""
    folder = opened()
    if os.geteuid() == 0:
        os.chown(folder, USER, USER)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make(cache: Path) -> Iterator[Callable[[str], Place]]:
    made: list[Place] = []

    def one(risk: str) -> Place:
        made.append(place(risk, cache))
        return made[-1]

    yield one
    for each in made:
        shutil.rmtree(each.folder)


@pytest.fixture
def safe(make: Callable[[str], Place]) -> Place:
    return make("safe")


def test_a_plan_names_the_file_that_the_commands_come_from(safe: Place) -> None:
    done = safe.run(*safe.fix())
    assert done.returncode == 0, done.stderr
    assert f"touch {safe.marker}" in done.stdout
    assert str(safe.rule) in done.stdout.replace("\n  ", "")
    assert not safe.marker.exists()


def test_yes_alone_runs_nothing_of_a_users_rule(safe: Place) -> None:
    done = safe.run(*safe.fix(), "--apply", "--yes")
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"--allow-run {safe.rule}" in done.stderr
    assert not safe.marker.exists()
    other = safe.run(*safe.fix(), "--apply", "--yes", "--allow-run", str(safe.folder / "another.yaml"))
    assert other.returncode == 2
    assert not safe.marker.exists()


def test_a_yes_that_names_the_file_runs_it_and_undo_takes_it_back(safe: Place) -> None:
    done = safe.run(*safe.fix(), "--apply", "--yes", "--allow-run", str(safe.rule))
    assert safe.marker.exists(), done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr  # a marker is no tool: it did not help, and says so
    assert "It did not help" in done.stdout
    rows = json.loads(safe.run("history", "-o", "json").stdout)["fixes"]
    assert [(row["number"], row["state"], row["better"]) for row in rows] == [(1, "applied", False)]
    undone = safe.run("undo", "1", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert not safe.marker.exists()
    again = safe.run("undo", "1", "--yes")
    assert again.returncode == 1
    assert "undone already" in again.stderr


def test_a_terminal_is_asked_for_the_file_and_for_the_change(safe: Place) -> None:
    status, shown = safe.at_terminal("n", *safe.fix(), "--apply")
    assert status == 2, shown
    assert "Run the commands of" in shown
    assert not safe.marker.exists()
    status, shown = safe.at_terminal("y", *safe.fix(), "--apply")
    assert shown.count("[y/N]") == 3, shown  # the file, the change, and whether to take it back
    assert status == 1
    assert not safe.marker.exists(), "the last yes took it back"


def test_what_removes_data_asks_whatever_yes_says(make: Callable[[str], Place]) -> None:
    risky = make("destructive")
    options = ("--apply", "--yes", "--allow-run", str(risky.rule))
    done = risky.run(*risky.fix(), *options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "terminal" in done.stderr
    assert "cannot be brought back" in done.stdout.replace("\n  ", " ")
    assert not risky.marker.exists()
    status, shown = risky.at_terminal("y", *risky.fix(), *options)
    assert status == 1, shown
    assert risky.marker.exists()


def test_what_weakens_security_needs_the_flag_that_names_it(make: Callable[[str], Place]) -> None:
    weak = make("weakens-trust")
    options = ("--apply", "--yes", "--allow-run", str(weak.rule))
    done = weak.run(*weak.fix(), *options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "--accept-weaker-trust" in done.stderr
    assert not weak.marker.exists()
    assert weak.run(*weak.fix(), *options, "--accept-weaker-trust").returncode == 1
    assert weak.marker.exists()


def _report(**facts: str) -> str:
    """Return a report that asks to fix a proxy."""
    return json.dumps(
        {"schema": "kdoctor/report/1", "diagnoses": [{"rule": "proxy-connection-refused", "facts": facts}]}
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "cannot be read"),
        ('{"schema": "other/1", "diagnoses": []}', "no report of kdoctor"),
        ('{"schema": "kdoctor/report/1", "diagnoses": []}', "nothing to fix"),
        ('{"schema": "kdoctor/report/1", "diagnoses": [{"rule": "no-such-rule", "facts": {}}]}', "no rule"),
        (_report(proxy="http://xxxxx:xxxxx@p:1"), "secret part taken out"),
        (_report(registry="a b;c"), "is no registry"),
        (_report(registry="--help"), "option"),
    ],
)
def test_a_report_that_is_none_or_holds_no_facts_is_told(safe: Place, document: str, said: str) -> None:
    file = safe.folder / "report.json"
    file.write_text(document)
    done = safe.run("fix", "--from", str(file))
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fix", "no-such-rule"), "no rule"),
        (("fix", "--fact", "a=b"), "needs the rule"),
        (("fix", "tls-unknown-authority", "--fact", "certificat=/x"), "certificate"),
        (("fix", "proxy-connection-refused", "--fact", "nonsense"), "NAME=VALUE"),
        (("fix", "proxy-connection-refused", "--fact", "registry=a/b"), "no registry"),
        (("undo",), "no fix to undo"),
        (("undo", "7"), "no fix 7"),
        (("explain", "--fix", "--no-probe", "x"), "--fix needs probes"),
    ],
)
def test_wrong_words_are_told_in_a_line(safe: Place, arguments: tuple[str, ...], said: str) -> None:
    done = safe.run(*arguments)
    assert done.returncode in (1, 2)
    assert said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
