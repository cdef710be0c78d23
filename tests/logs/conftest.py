"""Running `kdoctor explain` as a person does, with an own home."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Explain = Callable[..., tuple[int, dict[str, Any], str]]


def report_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return document


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith(("LC_", "GITHUB_"))}
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    return {**kept, **home, "LANG": "C.UTF-8", "TZ": "UTC"}


@pytest.fixture
def explain(env: Mapping[str, str]) -> Explain:
    """Return the function that runs `explain --no-probe -o json`: status, report, standard error."""

    def run(*arguments: str, stdin: bytes = b"", changes: Mapping[str, str] | None = None) -> tuple[int, Any, str]:
        command = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", *arguments]
        done = subprocess.run(
            command, env={**env, **(changes or {})}, input=stdin, capture_output=True, check=False, timeout=100
        )
        assert b"Traceback" not in done.stderr, done.stderr
        assert b"kdoctor itself failed" not in done.stderr, done.stderr
        return done.returncode, report_of(done), done.stderr.decode()

    return run


def dated(text: str, stamp: str = "2026-11-26T10:00:00Z") -> str:
    """Return a line of containerd's with a time."""
    return f'{stamp} node containerd[1]: level=error msg="{text}"\n'


def refused(port: int = 3128) -> str:
    return (
        'Get \\"https://registry-1.docker.io/v2/\\": proxyconnect tcp: '
        f"dial tcp 10.9.8.7:{port}: connect: connection refused"
    )


def places(report: dict[str, Any], rule: str) -> list[tuple[str, int, int, int]]:
    """Return source, first line, last line and count of a rule's places."""
    found = next((d for d in report["diagnoses"] if d["rule"] == rule), None)
    places = found["locations"] if found else []
    return [(Path(p["source"]).name, p["line"], p["last_line"], p["count"]) for p in places]
