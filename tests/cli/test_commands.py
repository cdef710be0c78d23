"""The command itself: exit statuses, streams, outputs, bad input. Run as a person runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

REFUSED = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)
SECRET = "hunter2secret"
HOSTILE = f"\x1b]0;owned\x07\u202e::error::x\n##[error]y {REFUSED} http://me:{SECRET}@proxy.example.com:3128/"


def kdoctor(
    env: Mapping[str, str], *arguments: str, stdin: str | bytes = "", timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    command = [sys.executable, "-m", "kdoctor", *arguments]
    done = subprocess.run(command, env=env, input=data, capture_output=True, timeout=timeout, check=False)
    assert b"Traceback" not in done.stderr, done.stderr
    return done


def report(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_known_text_is_explained(env: dict[str, str]) -> None:
    done = kdoctor(env, "explain", "--no-probe", "-o", "json", REFUSED)
    assert done.returncode == 0
    first = report(done)["diagnoses"][0]
    assert (first["rule"], first["verdict"], first["role"]) == ("proxy-connection-refused", "unchecked", "root")
    assert first["facts"]["proxy"] == "127.0.0.1:7890"


@pytest.mark.parametrize("source", ["-", "pipe", "file"])
def test_every_source_says_the_same(env: dict[str, str], source: str, tmp_path: Path) -> None:
    file = tmp_path / "error.txt"
    file.write_text(REFUSED)
    arguments = {"-": ["-"], "pipe": [], "file": ["--file", str(file)]}[source]
    done = kdoctor(env, "explain", "--no-probe", "-o", "json", *arguments, stdin="" if source == "file" else REFUSED)
    assert report(done)["diagnoses"][0]["rule"] == "proxy-connection-refused"


def test_an_unknown_text_is_no_diagnosis(env: dict[str, str]) -> None:
    done = kdoctor(env, "explain", "-o", "json", "the cat sat on the mat")
    assert done.returncode == 1
    assert report(done)["status"] == "unknown"
    assert report(done)["diagnoses"] == []
    assert kdoctor(env, "explain", "--exit-zero", "the cat sat on the mat").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "hint"),
    [
        (["explain", "--no-prob", "x"], "", "--no-probe"),
        (["explian", "x"], "", "explain"),
        (["explain", "-o", "jsn", "x"], "", "json"),
        (["explain", "-o", "json", "-o", "junit", "x"], "", "one a file"),
        (["explain", "--lang", "de", "x"], "", "en or zh"),
        (["explain", "-"], "", "empty"),
        (["explain", "-"], "  \n \n", "empty"),
        (["explain", "-"], b"\x00\x01\x02" * 400, "not text"),
        (["explain", "--file", "/nowhere/at/all"], "", "cannot be read"),
        (["explain", "--file", "/etc/hosts", "text"], "", "one source"),
        (["explain", "--rules", "/nowhere", "x"], "", "no such folder"),
        (["check", "--for", "minikub"], "", "minikube"),
        (["check", "--image", "Foo/Bar"], "", "lowercase"),
        (["check", "--registry", "not a host"], "", "no registry"),
        (["check", "--manifest", "/nowhere.yaml"], "", "/nowhere.yaml"),
        (["check", "--fail-on", "eror"], "", "error"),
        (["route", "registry-1.docker.io"], "", "https://"),
        (["rules", "show", "proxy-conection-refused"], "", "proxy-connection-refused"),
        (["rules", "list", "--layer", "prox"], "", "proxy"),
    ],
)
def test_wrong_usage_is_two_with_a_hint(
    env: dict[str, str], arguments: list[str], stdin: str | bytes, hint: str
) -> None:
    done = kdoctor(env, *arguments, stdin=stdin)
    assert done.returncode == 2
    assert hint in done.stderr.decode()
    assert not done.stdout


def test_an_id_alone_is_the_rules_page(env: dict[str, str]) -> None:
    page = kdoctor(env, "explain", "dns-timeout").stdout.decode()
    assert page.splitlines()[2] == "  dns-timeout · Layer dns, severity error."
    assert "dns.lookup" in page


def test_documents_fit_the_schema(env: dict[str, str]) -> None:
    schema = json.loads(kdoctor(env, "schema", "report").stdout)
    for arguments in (["explain", "--no-probe", REFUSED], ["explain", "nothing known"], ["route", "https://quay.io/"]):
        jsonschema.validate(report(kdoctor(env, *arguments, "-o", "json")), schema)


def test_several_outputs_come_from_one_run(env: dict[str, str], tmp_path: Path) -> None:
    files = [f"{name}={tmp_path / name}" for name in ("json", "junit", "markdown", "github")]
    done = kdoctor(env, "explain", "--no-probe", REFUSED, "-o", "text", *(x for file in files for x in ("-o", file)))
    assert b"proxy-connection-refused" in done.stdout
    for name in ("json", "junit", "markdown", "github"):
        assert "proxy-connection-refused" in (tmp_path / name).read_text()


@pytest.mark.parametrize("form", ["text", "json", "junit", "github", "markdown"])
def test_secrets_and_hostile_signs_leave_no_output(env: dict[str, str], form: str) -> None:
    out = kdoctor(env, "explain", "--no-probe", "-o", form, "-", stdin=HOSTILE).stdout.decode()
    assert "proxy-connection-refused" in out
    assert SECRET not in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    ours = ("::error title=", "::warning title=", "::notice title=")
    assert all(line.startswith(ours) for line in out.splitlines() if line.lstrip().startswith("::"))
    assert not any(line.startswith("##[") for line in out.splitlines())


def test_colours_follow_the_conventions(env: dict[str, str]) -> None:
    arguments = ("explain", "--no-probe", REFUSED)
    assert b"\x1b[" not in kdoctor(env, *arguments).stdout
    assert b"\x1b[" in kdoctor({**env, "FORCE_COLOR": "1"}, *arguments).stdout
    assert b"\x1b[" not in kdoctor({**env, "FORCE_COLOR": "1", "NO_COLOR": "1"}, *arguments).stdout
    assert b"\x1b[" not in kdoctor({**env, "FORCE_COLOR": "1"}, *arguments, "--no-color").stdout


def test_languages(env: dict[str, str]) -> None:
    arguments = ("explain", "--no-probe", REFUSED)
    chinese = kdoctor(env, *arguments, "--lang", "zh").stdout.decode()
    assert "代理" in chinese
    assert kdoctor({**env, "LC_ALL": "zh_CN.UTF-8"}, *arguments).stdout.decode() == chinese
    assert "代理" not in kdoctor({**env, "LC_ALL": "zh_CN.UTF-8"}, *arguments, "--lang", "en").stdout.decode()


def test_version_and_completion(env: dict[str, str]) -> None:
    assert kdoctor(env, "--version").stdout.startswith(b"kdoctor ")
    assert b"--show-completion" in kdoctor(env, "--help").stdout


def test_a_reader_that_goes_away_is_no_error(env: dict[str, str]) -> None:
    command = f"{sys.executable} -m kdoctor rules list | head -1"
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, check=False)
    assert done.stderr == b""


def test_a_wrong_rule_says_file_and_line(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my-rule.yaml").write_text("id: my-rule\nlayer: proxy\nsevrity: error\n")
    done = kdoctor(env, "explain", "--rules", str(tmp_path / "mine"), "x")
    assert done.returncode == 2
    assert "my-rule.yaml:3" in done.stderr.decode()
    assert "severity" in done.stderr.decode()


def interrupted(env: Mapping[str, str], *arguments: str) -> tuple[int, bytes, bytes]:
    """Interrupt kdoctor once it says, on a terminal, that it is at work; return status and both streams."""
    master, slave = os.openpty()
    argv = [sys.executable, "-m", "kdoctor", *arguments]
    with subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave) as child:
        os.close(slave)
        said = b""
        while b"..." not in said:
            said += os.read(master, 4096)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=20)
    os.close(master)
    return child.returncode, out, said


def test_an_interrupted_check_prints_what_is_known(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env["DOCKER_HOST"] = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        status, out, said = interrupted(env, "check", "--registry", "registry.example.com", "-o", "json")
    assert status == 130
    assert b"Traceback" not in said
    assert any("interrupted" in notice for notice in json.loads(out)["notices"])


def test_an_interrupted_explanation_is_that_of_the_text(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"127.0.0.1:{silent.getsockname()[1]}"
        env["HTTPS_PROXY"] = f"http://{proxy}"
        text = 'podman: Get "https://quay.io/v2/": net/http: TLS handshake timeout'
        status, out, _ = interrupted(env, "explain", text, "-o", "json")
    assert status == 130
    assert json.loads(out)["diagnoses"][0]["verdict"] == "unchecked"


def test_route_decides_as_go_does(env: dict[str, str]) -> None:
    env |= {"HTTPS_PROXY": f"http://me:{SECRET}@proxy.corp:3128", "NO_PROXY": ".corp.test"}
    urls = ["https://registry-1.docker.io/v2/", "https://reg.corp.test/v2/", "https://localhost:5000/"]
    done = kdoctor(env, "route", "-o", "json", *urls)
    routes = [route for route in report(done)["routes"] if route["vantage"] == "shell"]
    assert [route["proxy"] for route in routes] == ["http://proxy.corp:3128", None, None]
    assert SECRET.encode() not in done.stdout


# --- start-up ---------------------------------------------------------------------------------------


def test_a_plain_explain_leaves_heavy_modules_alone(env: dict[str, str]) -> None:
    kdoctor(env, "rules", "list")
    code = (
        "import sys; sys.argv = ['kdoctor', 'explain', '--no-probe', sys.argv[1]]\n"
        "from kdoctor.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(' '.join(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, REFUSED], env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {
        "asyncio",
        "httpx",
        "h11",
        "dns",
        "kubernetes",
        "rich",
        "yaml",
        "psutil",
        "cryptography",
        "ssl",
        "hyperscan",
    }
    assert not heavy & loaded
