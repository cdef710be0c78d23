"""`kdoctor fix` in the lab: the pull fails, the fix is made, the same pull works; undone, all is as before."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import Lab
from .breaks import BREAKS, Break, Witness

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "kdoctor"]
ENV = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

_SNAPSHOT = """\
mkdir -p /root/.docker
find /etc /root/.docker -xdev -printf '%p %y %m %U %G %l\\n' | sort
find /etc /root/.docker -xdev -type f -exec sha256sum {} + | sort -k2
"""


@dataclass(frozen=True, slots=True)
class Mended:
    """A break of the lab and how it is fixed; `files` are those that the fix must touch."""

    fault: str
    files: tuple[str, ...]
    options: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


MENDED = (Mended("proxy-moved", ("/etc/default/docker",)),)


@pytest.fixture(autouse=True)
def _no_fixes_before(lab: Lab) -> Iterator[None]:
    """Begin and end each test without fixes and without what the snapshot makes."""
    lab.here.script("rm -rf /var/lib/kdoctor")
    yield
    lab.here.script("rm -rf /var/lib/kdoctor /root/.docker")


def kdoctor(lab: Lab, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kdoctor in the lab, without a terminal."""
    return lab.run([*PROGRAM, *arguments], env=ENV, timeout=120, stdin=stdin)


def snapshot(lab: Lab) -> str:
    """Return names, modes, owners and digests of everything that a fix may touch."""
    done = lab.here.run(["sh", "-s"], stdin=_SNAPSHOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(lab: Lab) -> list[dict[str, object]]:
    """Return what `kdoctor history` tells, the newest first."""
    rows: list[dict[str, object]] = json.loads(kdoctor(lab, "history", "-o", "json").stdout)["fixes"]
    return rows


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return both streams, for the message of a failed test."""
    return done.stdout + done.stderr


def broken(fault: Break, witness: Witness) -> bool:
    """Tell whether the break shows: the engine says its words, and the pull fails where it does."""
    return re.search(fault.words, witness.text, re.MULTILINE) is not None and witness.ok is fault.pull_works


@pytest.mark.parametrize("case", MENDED, ids=[case.fault for case in MENDED])
def test_fix_makes_the_pull_work_and_undo_restores(lab: Lab, case: Mended) -> None:
    fault = BREAKS[case.fault]
    fault.apply(lab)
    assert broken(fault, fault.witness(lab))
    before = snapshot(lab)

    image = ("--image", fault.image) if fault.image else ()
    planned = kdoctor(lab, "fix", *case.rules, *image, *case.options)
    assert planned.returncode == 0, said(planned)
    assert "Nothing was changed" in planned.stdout
    assert snapshot(lab) == before

    made = kdoctor(lab, "fix", *case.rules, *image, *case.options, "--apply", "--yes")
    assert made.returncode == 0, said(made)
    assert "It helped" in made.stdout, said(made)
    ok, text = lab.pull(fault.image)
    assert ok, text
    latest = history(lab)[0]
    assert latest["state"] == "applied"
    assert latest["files"] == list(case.files)
    after = snapshot(lab)
    assert after != before

    again = kdoctor(lab, "fix", *image, "--apply", "--yes")
    assert again.returncode == 0, said(again)
    assert "Nothing to fix" in again.stdout, said(again)
    assert snapshot(lab) == after

    undone = kdoctor(lab, "undo", "--yes")
    assert undone.returncode == 0, said(undone)
    assert snapshot(lab) == before
    assert history(lab)[0]["state"] == "undone"
    assert broken(fault, fault.witness(lab))


def test_explain_with_fix_mends_what_the_text_tells(lab: Lab, witness: Callable[[Break], Witness]) -> None:
    fault = BREAKS["proxy-moved"]
    fault.apply(lab)
    text = witness(fault).text
    made = kdoctor(lab, "explain", "-", "--fix", "--apply", "--yes", stdin=text)
    assert made.returncode == 0, said(made)
    ok, words = lab.pull()
    assert ok, words


def test_check_with_fix_mends_what_it_finds(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    made = kdoctor(lab, "check", "--image", "alpine", "--fix", "--apply", "--yes")
    assert made.returncode == 0, said(made)
    ok, words = lab.pull()
    assert ok, words


def test_without_a_terminal_and_a_yes_nothing_is_changed(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    before = snapshot(lab)
    refused = kdoctor(lab, "fix", "--image", "alpine", "--apply")
    assert refused.returncode == 2, said(refused)
    assert "--yes" in refused.stderr
    assert snapshot(lab) == before
    assert not history(lab)


def test_a_report_gives_the_rule_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    BREAKS["proxy-moved"].apply(lab)
    report = json.loads(kdoctor(lab, "check", "--image", "alpine", "-o", "json").stdout)
    for fix in report["diagnoses"][0]["fixes"]:
        fix["steps"] = [{"text": "x", "command": "touch /etc/evil", "file": "/etc/evil", "content": "x"}]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    made = kdoctor(lab, "fix", "--from", str(file), "--image", "alpine", "--apply", "--yes")
    assert made.returncode == 0, said(made)
    assert not lab.here.path("/etc/evil").exists()
    ok, words = lab.pull()
    assert ok, words


def test_a_fix_that_does_not_help_says_so_and_is_taken_back(lab: Lab) -> None:
    BREAKS["proxy-loopback-closed"].apply(lab)
    before = snapshot(lab)
    made = kdoctor(
        lab, "fix", "--image", "alpine", "--recipe", "proxy.unset", "--apply", "--yes", "--rollback-on-failure"
    )
    assert made.returncode == 1, said(made)
    assert "It did not help" in made.stdout
    assert snapshot(lab) == before
    assert history(lab)[0]["state"] == "undone"


def test_undo_refuses_a_file_that_has_changed_since(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    assert kdoctor(lab, "fix", "--image", "alpine", "--apply", "--yes").returncode == 0
    settings = lab.here.path("/etc/default/docker")
    settings.write_text(settings.read_text() + "# mine\n")
    refused = kdoctor(lab, "undo", "--yes")
    assert refused.returncode == 1, said(refused)
    assert "has changed since" in refused.stderr
    assert "# mine" in refused.stdout
    assert "# mine" in settings.read_text()
