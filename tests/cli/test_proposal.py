"""`kdoctor explain --report-unknown`: a block to paste, without secrets and private names."""

import json
from pathlib import Path

import jsonschema
import pytest

from kdoctor import __version__
from tests.cli.test_commands import kdoctor, report

SECRET = "hunter2secret"
UNKNOWN = f"""alice@build-07:~$ nerdctl pull registry.acme.com/shop/web:1
level=error msg="failed to weave from https://bob:{SECRET}@registry.acme.com/v2/: moon at 10.1.2.3:443 odd"
open /home/alice/.docker/config.json: moon phase mismatch, write to bob@acme.com
"""
PRIVATE = (SECRET, "alice", "build-07", "acme", "10.1.2.3", "bob")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_block_is_markdown_without_secrets_and_names(env: dict[str, str], lang: str) -> None:
    done = kdoctor(env, "explain", "--report-unknown", "--lang", lang, "-", stdin=UNKNOWN)
    out = done.stdout.decode()
    assert done.returncode == 1
    for value in PRIVATE:
        assert value not in out, value
    assert f"- kdoctor {__version__}" in out
    assert "linux/" in out
    assert "```text\nuser1@host1:~$ nerdctl pull host2.example.com/project/image1:1\n" in out
    assert "open /home/user1/.docker/config.json: moon phase mismatch, write to user1@example.com" in out
    assert "kdoctor rules new --from" in out
    assert ("A text that no rule of kdoctor knows" if lang == "en" else "没有任何规则认识") in out
    assert b"Nothing was sent" in done.stderr


def test_text_and_markdown_are_the_same_and_json_fits_the_schema(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "block.md"
    done = kdoctor(env, "explain", "--report-unknown", "-o", f"markdown={file}", "-o", "json", "-", stdin=UNKNOWN)
    document = report(done)
    jsonschema.validate(document, json.loads(kdoctor(env, "schema", "report").stdout))
    assert document["status"] == "unknown"
    assert document["proposal"]["text"].startswith("user1@host1")
    assert document["proposal"]["replaced"]["host"] == 2
    assert document["platform"]["os"] == "linux"
    for value in PRIVATE:
        assert value not in done.stdout.decode(), value
    assert file.read_text() == kdoctor(env, "explain", "--report-unknown", "-", stdin=UNKNOWN).stdout.decode()


def test_the_block_starts_a_rule(env: dict[str, str]) -> None:
    document = report(kdoctor(env, "explain", "--report-unknown", "-o", "json", "-", stdin=UNKNOWN))
    done = kdoctor(env, "rules", "new", "--from", "-", stdin=document["proposal"]["text"])
    assert done.returncode == 0
    assert b"failed to weave from (?P<url>" in done.stdout


def test_a_text_that_is_known_says_what_it_is_read_as(env: dict[str, str]) -> None:
    known = 'Get "https://reg.acme.com/v2/": proxyconnect tcp: dial tcp 10.9.8.7:7890: connect: connection refused'
    done = kdoctor(env, "explain", "--report-unknown", known)
    assert done.returncode == 0
    assert b"kdoctor reads it as: `proxy-connection-refused`" in done.stdout
    assert b"10.9.8.7" not in done.stdout
    assert b"acme" not in done.stdout


def test_near_rules_are_told_and_a_long_text_is_cut(env: dict[str, str]) -> None:
    text = (
        "\n".join(f"Starting step {i}" for i in range(500)) + "\nError converting YAML to JSON: yaml: line 3: mapping"
    )
    out = kdoctor(env, "explain", "--report-unknown", "-", stdin=text).stdout.decode()
    assert "runtime-config-invalid" in out
    assert "The first 301 lines are left out." in out


def test_a_fence_in_the_text_does_not_end_the_block(env: dict[str, str]) -> None:
    out = kdoctor(env, "explain", "--report-unknown", "-", stdin="```\n<b>moon</b> is odd\n::error::x").stdout.decode()
    assert "````text\n```\n<b>moon</b> is odd\n" in out
    assert not any(line.startswith("::") for line in out.splitlines())


def test_other_outputs_are_refused(env: dict[str, str]) -> None:
    done = kdoctor(env, "explain", "--report-unknown", "-o", "junit", "moon is odd")
    assert done.returncode == 2
    assert b'--report-unknown does not come as "junit"; there are text, markdown, json' in done.stderr
