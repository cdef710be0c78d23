"""What every command owes a person: statuses, streams and words that a stranger's mistakes meet."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

REFUSED = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)
FORMATS = ("text", "json", "junit", "github", "markdown")
COMMANDS = (
    *("explain", "check", "fix", "undo", "history", "run", "route", "mirrors"),
    *("rules list", "rules show", "rules docs", "rules lint", "rules test", "rules schema", "schema report"),
)


def kdoctor(env: Mapping[str, str], *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "kdoctor", *arguments]
    done = subprocess.run(argv, env=env, input=stdin, capture_output=True, timeout=60, check=False)
    text = subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in text.stderr, text.stderr
    assert "itself failed" not in text.stderr, text.stderr
    return text


def piped(env: Mapping[str, str], command: str) -> tuple[str, str]:
    """Return the output and the errors of a shell's line in which `kdoctor` stands for this one."""
    line = command.replace("kdoctor ", f"{sys.executable} -m kdoctor ")
    done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout, done.stderr


# --- streams ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "rules list",
        "explain dns-timeout",
        "rules show dns-timeout -o json",
        "schema report",
        f"explain --no-probe -vv '{REFUSED}'",
        f"explain --no-probe -o json '{REFUSED}'",
        "route -o json https://quay.io/",
    ],
)
def test_a_reader_that_goes_away_changes_nothing(env: dict[str, str], command: str) -> None:
    out, err = piped(env, f"kdoctor {command} | head -c 1; echo ' '${{PIPESTATUS[0]}}")
    assert out[1:] == " 0\n"
    assert err == ""


def test_a_finding_is_one_though_nobody_reads_it(env: dict[str, str]) -> None:
    out, err = piped(env, "kdoctor explain -o json 'the cat sat' | true; echo ${PIPESTATUS[0]}")
    assert (out, err) == ("1\n", "")


def test_a_full_disk_is_told_in_a_line(env: dict[str, str]) -> None:
    for command in ("rules list", f"explain --no-probe '{REFUSED}'"):
        out, err = piped(env, f"kdoctor {command} >/dev/full; echo $?")
        assert out == "4\n"
        assert err == "kdoctor: standard output cannot be written: No space left on device\n"


def test_closed_streams_are_no_crash(env: dict[str, str]) -> None:
    out, err = piped(env, f"kdoctor explain --no-probe '{REFUSED}' >&-; echo $?")
    assert (out, err) == ("0\n", "")
    assert piped(env, f"kdoctor explain --no-probe '{REFUSED}' 2>&- | grep -c proxy-conn; echo $?")[0].endswith("0\n")


# --- usage ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["run", "--no-prob", "--", "true"], "--no-probe"),
        (["run"], "CMD"),
        (["explain", "dns-timeot"], "dns-timeout"),
        (["explain", "proxy-conection-refused"], "proxy-connection-refused"),
        (["rules", "list", "-o", "junit"], "json"),
        (["explain", "--image", "Not/An/Image", "x"], "lowercase"),
        (["explain", "--registry", "not a host", "x"], "no registry"),
        (["explain", "-o", "json=", "x"], "name is missing"),
        (["explain", "-o", "json=/no/such/folder/x", "--no-probe", REFUSED], "/no/such/folder/x: cannot be written"),
        (["explain", "-o", "json=/", "--no-probe", REFUSED], "/: cannot be written"),
        (["explain", "--timeout", "0", "x"], "0.1"),
        (["route", "--timeout", "soon", "https://quay.io/"], "number"),
        (["check", "--fail-on", "warn"], "warning"),
    ],
)
def test_wrong_usage_is_two_with_a_hint(env: dict[str, str], arguments: list[str], hint: str) -> None:
    done = kdoctor(env, *arguments)
    assert done.returncode == 2
    assert hint in done.stderr
    assert len(done.stderr.splitlines()) < 6


def test_a_word_that_is_no_id_by_far_is_a_text(env: dict[str, str]) -> None:
    assert kdoctor(env, "explain", "cat-on-mat").returncode == 1
    assert kdoctor(env, "explain", "dns-timeout", "proxy-unreachable").returncode == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_and_describes_every_option(env: dict[str, str], command: str) -> None:
    text = kdoctor({**env, "COLUMNS": "80", "TERMINAL_WIDTH": "80"}, *command.split(), "--help").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "[[" not in text
    options = text.partition("Options:\n")[2].splitlines()
    for line, following in zip(options, [*options[1:], ""], strict=True):
        if re.match(r" {2}-", line):
            described = re.search(r"\S {2,}\S", line.strip()) or re.match(r" {10,}\S", following)
            assert described, f"{command}: {line.strip()} is not described"


SHARED = (
    *("--output", "--timeout", "--rules", "--fail-on", "--exit-zero", "--allow-inconclusive"),
    *("--verbose", "--quiet", "--no-color", "--lang"),
)


@pytest.mark.parametrize(
    "command",
    ["explain", "check", "run", "route", *(f"rules {one}" for one in ("list", "show", "lint", "test", "schema"))],
)
def test_the_shared_options_are_every_commands(command: str) -> None:
    from typer.main import get_command

    from kdoctor.cli.app import app

    found: Any = get_command(app)
    for word in command.split():
        found = found.commands[word]
    assert not set(SHARED) - {name for parameter in found.params for name in parameter.opts}


def test_what_checks_rules_keeps_to_the_shared_options(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "my-rule.yaml").write_text("id: my-rule\nlayer: proxy\nsevrity: error\n")
    quiet = kdoctor(env, "rules", "lint", "--rules", str(tmp_path), "-q", "-o", "json")
    assert (quiet.returncode, quiet.stderr) == (2, "")
    assert any("severity" in one for one in json.loads(quiet.stdout)["mistakes"])
    told = kdoctor(env, "rules", "test", "dns-timeout", "-v", "--no-color", "--lang", "zh")
    assert (told.returncode, told.stdout) == (0, "")
    assert re.match(r"dns-timeout: \d+ examples, \d+ scenarios, 0 wrong\n1 rules, ", told.stderr)


def test_run_keeps_the_status_of_its_command_and_says_so(env: dict[str, str]) -> None:
    done = kdoctor(env, "run", "--exit-zero", "--fail-on", "warning", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert "the status is the command's own" in done.stderr
    assert kdoctor(env, "run", "-q", "--allow-inconclusive", "--", "true").stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_shells(env: dict[str, str], shell: str) -> None:
    done = kdoctor({**env, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}, "--show-completion", shell)
    assert done.returncode == 0
    assert "_KDOCTOR_COMPLETE" in done.stdout


def test_completion_completes(env: dict[str, str]) -> None:
    words = {"_KDOCTOR_COMPLETE": "complete_bash", "COMP_WORDS": "kdoctor rou", "COMP_CWORD": "1"}
    assert kdoctor({**env, **words}).stdout.strip() == "route"


# --- bad input --------------------------------------------------------------------------------------


def test_a_text_of_a_hundred_megabytes_is_read(env: dict[str, str], tmp_path: Path) -> None:
    big = tmp_path / "big.log"
    line = b'I0101 00:00:00.000000 1 reconciler.go:224] "operationExecutor.MountVolume started for volume"\n'
    with big.open("wb") as file:
        for _ in range(100):
            file.write(line * (1024 * 1024 // len(line)))
        file.write(REFUSED.encode() + b"\n")
    done = kdoctor(env, "explain", "--no-probe", "-o", "json", "--file", str(big))
    assert done.returncode == 0
    assert json.loads(done.stdout)["diagnoses"][0]["rule"] == "proxy-connection-refused"


@pytest.mark.parametrize("broken", ["{", "[]", '{"auths": 1}', "\x00\x01", ""])
@pytest.mark.parametrize("file", [".docker/config.json", ".kube/config"])
def test_broken_settings_are_findings_or_nothing(env: dict[str, str], file: str, broken: str) -> None:
    place = Path(env["HOME"]) / file
    place.parent.mkdir(parents=True)
    place.write_text(broken)
    done = kdoctor(env, "check", "--registry", "127.0.0.1:1", "--timeout", "5", "-o", "json")
    assert done.returncode in (1, 3)
    json.loads(done.stdout)


@pytest.mark.parametrize("form", FORMATS)
def test_a_proxys_password_is_masked_in_every_format(env: dict[str, str], form: str) -> None:
    env["HTTPS_PROXY"] = env["https_proxy"] = "http://me:hunter2secret@127.0.0.1:1"
    for arguments in (["check", "--registry", "127.0.0.1:1"], ["route", "https://quay.io/"], ["explain", REFUSED]):
        done = kdoctor(env, *arguments, "-o", form, "-vv", "--timeout", "5")
        assert "hunter2secret" not in done.stdout + done.stderr
        assert done.stdout


# --- route ------------------------------------------------------------------------------------------


def routed(env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return kdoctor(env, "route", "https://quay.io/v2/", *arguments)


def test_a_route_is_told_in_every_format(env: dict[str, str]) -> None:
    env["HTTPS_PROXY"] = "http://proxy.example.com:3128"
    for form in FORMATS:
        out = routed(env, "-o", form).stdout
        assert "proxy.example.com:3128" in out.replace("\\/", "/"), form
        assert "ealthy" not in out or form == "json", form
    junit = ET.fromstring(routed(env, "-o", "junit").stdout)
    assert junit.find(".//testcase[@classname='kdoctor.route.shell']") is not None
    assert routed(env, "-q").stdout.splitlines()[0].startswith("https://quay.io/v2/ (shell)")
    assert "代理" in routed(env, "--lang", "zh").stdout


def test_a_route_that_cannot_be_told_is_three(env: dict[str, str]) -> None:
    env["DOCKER_HOST"] = "tcp://127.0.0.1:1"
    done = routed(env, "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["status"] == "unknown"
    assert routed(env, "--allow-inconclusive").returncode == 0
    assert routed(env, "--exit-zero").returncode == 0


def test_an_engine_that_does_not_run_leaves_the_route_of_the_shell(env: dict[str, str]) -> None:
    if os.path.exists("/var/run/docker.sock"):
        pytest.skip("an engine runs here")
    assert routed(env).returncode == 0
