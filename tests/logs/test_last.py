"""`explain --last`: what `kdoctor run` keeps of the last command that failed."""

import subprocess
import sys
from pathlib import Path

from tests.logs.conftest import Explain, refused

RULE = "proxy-connection-refused"


def run(env: dict[str, str], script: str) -> int:
    command = [sys.executable, "-m", "kdoctor", "run", "--no-probe", "--", "sh", "-c", script]
    return subprocess.run(command, env=env, capture_output=True, check=False, timeout=60).returncode


def test_the_last_failure_is_explained_again(env: dict[str, str], explain: Explain, tmp_path: Path) -> None:
    status, _, error = explain("--last")
    assert (status, "no command has failed" in error) == (3, True)
    said = refused().replace("\\", "")
    assert run(env, f"echo '{said} http://me:hunter2secret@proxy.example.com/'; exit 5") == 5
    assert run(env, "true") == 0
    kept = tmp_path / "state" / "kdoctor" / "last.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert "hunter2secret" not in kept.read_text()
    status, report, _ = explain("--last")
    assert status == 0
    assert report["diagnoses"][0]["rule"] == RULE
    assert report["diagnoses"][0]["locations"][0]["source"].startswith("sh, run at 20")


def test_much_output_is_kept_in_part(env: dict[str, str], explain: Explain, tmp_path: Path) -> None:
    assert run(env, f"yes 'some line of the output' | head -c 5000000; echo '{refused()}'; exit 1") == 1
    assert (tmp_path / "state" / "kdoctor" / "last.json").stat().st_size < 2 * 1024 * 1024
    assert explain("--last")[1]["diagnoses"][0]["rule"] == RULE


def test_a_damaged_file_is_said(explain: Explain, tmp_path: Path) -> None:
    kept = tmp_path / "state" / "kdoctor" / "last.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    status, _, error = explain("--last")
    assert (status, "cannot be read" in error) == (3, True)
    kept.write_text("[]")
    assert explain("--last")[0] == 2


def test_without_a_place_to_write_run_is_as_before(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert run(env, "exit 7") == 7
