"""`explain --follow`: each diagnosis once, through rotation and truncation, to the end of a pipe or Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.logs.conftest import Explain, dated, places, refused

RULE = "proxy-connection-refused"
DNS = 'Head \\"https://quay.io/v2/a/b/manifests/1\\": dial tcp: lookup quay.io on 10.0.0.2:53: no such host'
FINE = "2026-11-26T10:00:00Z fine\n"


class Following:
    """A running `explain --follow -o json`, and the documents that it has printed."""

    def __init__(self, env: dict[str, str], *arguments: str, stdin: int | None = subprocess.DEVNULL) -> None:
        command = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", "--follow", *arguments]
        self.process = subprocess.Popen(
            command, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.documents: list[dict[str, Any]] = []
        self.errors = ""
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._read, self._errors)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.documents.append(json.loads(line))

    def _errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line

    def wait(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 60
        while not ready():
            assert time.monotonic() < end, f"{what}: {self.documents} {self.errors}"
            time.sleep(0.05)

    def until(self, count: int) -> None:
        self.wait(lambda: len(self.documents) >= count, f"{count} documents")

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        for thread in self._threads:
            thread.join(10)
        assert "Traceback" not in self.errors, self.errors
        return status

    def rules(self) -> list[list[str]]:
        return [[d["rule"] for d in document["diagnoses"]] for document in self.documents]


@pytest.fixture
def following(env: dict[str, str]) -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def start(*arguments: str, **options: Any) -> Following:
        started.append(Following(env, *arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        for stream in (one.process.stdin, one.process.stdout, one.process.stderr):
            if stream is not None:
                stream.close()


def add(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_each_diagnosis_once_through_rotation_and_truncation(
    following: Callable[..., Following], tmp_path: Path
) -> None:
    log = tmp_path / "kubelet.log"
    log.write_text(FINE * 3 + dated(refused()))
    one = following("--file", str(log))
    one.until(1)
    add(log, FINE + dated(refused()) + dated(DNS))
    one.until(2)
    log.rename(tmp_path / "kubelet.log.1")
    log.write_text(dated(refused()))
    one.wait(lambda: "rotated or cut" in one.errors, "the rotation")
    add(log, FINE * 20)
    time.sleep(1)
    with log.open("r+") as file:
        file.truncate(0)
    one.wait(lambda: one.errors.count("rotated or cut") == 2, "the truncation")
    add(log, dated(refused()))
    time.sleep(2)
    assert one.end() == 130
    assert one.rules() == [[RULE], ["dns-no-such-host"], [RULE, "dns-no-such-host"]]
    assert places(one.documents[-1], RULE) == [
        ("kubelet.log", 4, 6, 2),
        ("kubelet.log (file 2)", 1, 1, 1),
        ("kubelet.log (file 3)", 1, 1, 1),
    ]
    assert one.documents[-1]["notices"] == ["followed until now: interrupted"]


def test_a_line_that_comes_in_parts_counts_once(following: Callable[..., Following], tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(FINE)
    one = following("--file", str(log))
    line = dated(refused())
    for part in (line[:60], line[60:-5], line[-5:], FINE):
        add(log, part)
        time.sleep(0.4)
    one.until(1)
    assert one.end() == 130
    assert places(one.documents[-1], RULE) == [("a.log", 2, 2, 1)]


def test_a_pipe_is_followed_to_its_end(following: Callable[..., Following]) -> None:
    one = following(stdin=subprocess.PIPE)
    assert one.process.stdin is not None
    one.process.stdin.write(FINE + dated(refused()))
    one.process.stdin.flush()
    one.until(1)
    one.process.stdin.write(dated(refused()) * 5 + "no end: " + DNS)
    one.process.stdin.close()
    assert one.process.wait(timeout=60) == 0
    assert one.end() == 0
    assert one.rules() == [[RULE], ["dns-no-such-host"], [RULE, "dns-no-such-host"]]
    assert places(one.documents[-1], RULE) == [("standard input", 2, 7, 6)]


def test_the_time_ends_it(following: Callable[..., Following], tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(FINE)
    one = following("--file", str(log), "--timeout", "1")
    assert one.process.wait(timeout=60) == 1
    assert one.end() == 1
    assert [(d["status"], d["notices"]) for d in one.documents] == [
        ("unknown", ["followed until now: stopped after 1 s"])
    ]


def test_a_big_log_is_caught_up_with(following: Callable[..., Following], tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text((FINE * 100 + dated(refused())) * 2000)
    one = following("--file", str(log), "--timeout", "20")
    one.until(1)
    add(log, dated(DNS))
    one.until(2)
    one.end()
    assert places(one.documents[-1], RULE) == [("a.log", 101, 202_000, 2000)]


def test_for_people_the_report_and_at_the_end_the_counts(env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "--follow", "-"]
    text = (dated(refused()) * 3).encode()
    done = subprocess.run(command, env=env, input=text, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    said = done.stdout.decode()
    assert said.count("error: The proxy 10.9.8.7:3128 refuses connections") == 1
    assert "Until now (the input ended):\n       3 x  proxy-connection-refused  standard input, lines 1 to 3\n" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["some text"], "--follow goes with"),
        (["--file", "/nowhere.log"], "cannot be read"),
        (["--file", "/tmp"], "directory"),
        (["--file", "a.log", "--rotated"], "do not go together"),
        (["--last"], "--follow goes with"),
    ],
)
def test_what_cannot_be_followed(arguments: list[str], said: str, explain: Explain) -> None:
    status, _, error = explain("--follow", *arguments)
    assert status == 2
    assert said in error


def test_files_go_while_they_are_followed(following: Callable[..., Following], tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(dated(refused()))
    one = following("--file", str(log))
    one.until(1)
    os.unlink(log)
    time.sleep(0.6)
    log.write_text(dated(DNS))
    one.until(2)
    assert one.end() == 130
