"""Ctrl-C while a long text is being read: what was found until then is told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.logs.conftest import dated, places, refused

RULE = "proxy-connection-refused"
ORDINARY = dated("an ordinary line of some length, which says nothing").encode() * 20_000


@pytest.mark.skipif(sys.platform == "win32", reason="signals and FIFOs")
@pytest.mark.parametrize(("failures", "expected"), [(3, [("pipe", 1, 3, 3)]), (0, [])])
def test_what_was_read_is_told(
    failures: int, expected: list[tuple[str, int, int, int]], env: dict[str, str], tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "kdoctor", "explain", "-o", "json", "--file", str(pipe)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with pipe.open("wb") as writer:
            writer.write(dated(refused()).encode() * failures)
            for _ in range(10):  # more than waits in a pipe: the beginning has been read
                writer.write(ORDINARY)
            writer.flush()
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=60)
        assert process.returncode == 130, error
        assert b"Traceback" not in error
        if not expected:
            assert out == b""
            return
        report = json.loads(out)
        assert places(report, RULE) == expected
        assert report["diagnoses"][0]["verdict"] == "unchecked"
        assert any("not read to its end" in notice for notice in report["notices"])


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("failures", [1, 0])
def test_what_has_come_by_a_pipe_that_is_still_open_is_told(failures: int, env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "kdoctor", "explain", "-o", "json", "-"]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(refused().encode() * failures)
        process.stdin.flush()
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        assert process.stdout is not None
        assert process.stderr is not None
        out, error = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130, error
    assert b"failed (" not in error
    assert [one["rule"] for one in json.loads(out)["diagnoses"]] == [RULE] if failures else out == b""
