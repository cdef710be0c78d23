"""`kdoctor rules new`, run as a person runs it: from a text to a rule that `rules lint` takes."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from kdoctor.rules.book import open_book, shipped_folder
from kdoctor.rules.drafting import draft
from kdoctor.rules.load import read_folder
from kdoctor.rules.match import match
from kdoctor.run.neighbours import neighbours
from tests.cli.test_commands import kdoctor

TEXTS = {
    "one-line": 'Error response: Get "https://reg.example.com/v2/": moon phase 17 of 10.2.3.4:8443 is wrong',
    "klog": 'E0102 03:04:05.123456    1234 kubelet.go:12] failed to weave volume "vol-1" at /var/w/x.sock: it\'s odd',
    "yaml-signs": "error: {frobnicate: [x, 'y']} # of %REFUSED% & *all* failed: \"a\\b\" @ 100% |",
    "several": "Starting the cluster\n\n  Error: cannot weave 12 knots into it\n    at moon.example.com\nSee logs",
    "near": "Error: failed to get containerd configuration: error converting YAML to JSON: line 36: odd mapping",
    "chinese": "错误: the moon 月亮 failed to rise at https://registry.example.com/v2/",
    "tabs": "Error:\tthe moon\tfailed  to rise   \n\tat 10.0.0.1:80   ",
}


def written(env: dict[str, str], tmp_path: Path, text: str, *more: str) -> Path:
    folder = tmp_path / "own"
    folder.mkdir(exist_ok=True)
    done = kdoctor(env, "rules", "new", "--from", "-", "--output-file", str(folder), *more, stdin=text)
    assert done.returncode == 0, done.stderr
    (file,) = folder.rglob("*.yaml")
    assert f"wrote {file}".encode() in done.stderr
    return file


def finished(file: Path) -> None:
    """Write what is marked, as a person would."""
    text = file.read_text()
    text = re.sub(r'"TODO: text (\d)[^"]*"', rf'"nothing of that kind \1, {file.stem}"', text)
    file.write_text(re.sub(r'"TODO:[^"]*"', '"The moon is odd"', text))


def test_lint_asks_only_for_what_a_person_must_write(env: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shipped, fragments = open_book(), read_folder(shipped_folder()).words.fragments
    for name, text in TEXTS.items():
        near = [one.rule for one in neighbours(shipped, text, "en")]
        made = draft(shipped, fragments, text, near, f"odd-{name}")
        (folder / made.layer).mkdir(parents=True, exist_ok=True)
        (folder / made.layer / f"{made.id}.yaml").write_text(made.text, encoding="utf-8")
    files = {str(file): file.read_text().splitlines() for file in folder.rglob("*.yaml")}
    assert len(files) == len(TEXTS)
    problems = kdoctor(env, "rules", "lint", str(folder)).stdout.decode().splitlines()
    for problem in problems:
        file, number, said = problem.split(":", 2)
        assert said == " TODO: this is still to be written", problem
        assert "TODO" in files[file][int(number) - 1], problem
    assert {problem.split(":")[0] for problem in problems} == set(files)
    for file, lines in files.items():
        assert lines[0].startswith("# yaml-language-server: $schema=")
        finished(Path(file))
    assert kdoctor(env, "rules", "lint", str(folder)).stdout == b""
    own = ("--rules", str(folder))
    assert kdoctor(env, "rules", "test", *own, *(f"odd-{name}" for name in TEXTS)).returncode == 0
    book = open_book([folder])
    for name, text in TEXTS.items():
        assert f"odd-{name}" in [found.rule.id for found in match(book, text)]


def test_a_near_rules_examples_are_the_negatives(env: dict[str, str], tmp_path: Path) -> None:
    rule = yaml.safe_load(written(env, tmp_path, TEXTS["near"]).read_text())
    assert rule["layer"] == "runtime"
    assert rule["examples"]["negative"][0]["expect"] == "runtime-config-invalid"


def test_the_same_failure_with_other_values_is_read(env: dict[str, str], tmp_path: Path) -> None:
    finished(written(env, tmp_path, TEXTS["one-line"], "--id", "moon-odd", "--layer", "network"))
    other = 'level=error msg="Error response: Get \\"https://o.test/v2/\\": moon phase 4 of [fd00::1]:443 is wrong"'
    done = kdoctor(env, "explain", "--no-probe", "-o", "json", "--rules", str(tmp_path / "own"), "-", stdin=other)
    assert b'"rule": "moon-odd"' in done.stdout
    assert b'"address": "[fd00::1]:443"' in done.stdout


def test_no_file_is_overwritten(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "network" / "moon-odd.yaml"
    file.parent.mkdir()
    file.write_text("mine")
    done = kdoctor(env, "rules", "new", "--from", "-", "--output-file", str(file), stdin=TEXTS["one-line"])
    assert done.returncode == 2
    assert f"{file} is there already; nothing was written".encode() in done.stderr
    assert file.read_text() == "mine"


def test_file_and_folder_name_id_and_layer(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "host" / "moon-odd.yaml"
    source = tmp_path / "text.txt"
    source.write_text(TEXTS["one-line"])
    assert kdoctor(env, "rules", "new", "--from", str(source), "--output-file", str(file)).returncode == 0
    rule = yaml.safe_load(file.read_text())
    assert (rule["id"], rule["layer"]) == ("moon-odd", "host")


def test_secrets_do_not_get_into_the_rule(env: dict[str, str]) -> None:
    text = "Error: failed to weave https://me:hunter2secret@reg.example.com/v2/ with password=hunter2secret now"
    done = kdoctor(env, "rules", "new", "--from", "-", stdin=text)
    assert done.returncode == 0
    assert b"hunter2secret" not in done.stdout


def test_a_known_text_is_said_to_be_known(env: dict[str, str]) -> None:
    known = (
        'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused'
    )
    done = kdoctor(env, "rules", "new", "--from", "-", stdin=known)
    assert b"proxy-connection-refused reads this text already: kdoctor explain proxy-connection-refused" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "hint"),
    [
        (["--from", "-"], "", "standard input is empty"),
        (["--from", "/nowhere.txt"], "", "/nowhere.txt: cannot be read"),
        (["--from", "-"], "exit status 1", "too few fixed words"),
        (["--from", "-", "--id", "dns-timeout"], TEXTS["several"], 'there is a rule "dns-timeout" already'),
        (["--from", "-", "--id", "Not An Id"], TEXTS["several"], "small letters"),
        (["--from", "-", "--layer", "netwrok"], TEXTS["several"], 'Did you mean "network"?'),
        (["--from", "-", "--output-file", "/tmp/x.yml"], TEXTS["several"], "ends in .yaml"),
    ],
)
def test_wrong_usage_is_two_with_a_hint(env: dict[str, str], arguments: list[str], stdin: str, hint: str) -> None:
    done: subprocess.CompletedProcess[bytes] = kdoctor(env, "rules", "new", *arguments, stdin=stdin)
    assert done.returncode == 2
    assert hint in done.stderr.decode()
    assert not done.stdout
