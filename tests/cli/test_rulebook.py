"""`kdoctor explain ID`, `rules show` and `rules docs`, run as a person runs them."""

from pathlib import Path

import pytest

from tests.cli.test_commands import kdoctor
from tests.rules.folders import RuleFolder


@pytest.mark.parametrize("command", [("explain",), ("rules", "show")])
def test_a_page_comes_as_text_markdown_and_json(env: dict[str, str], command: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    done = kdoctor(env, *command, "dns-timeout", "-o", f"markdown={file}", "-o", "json")
    assert done.returncode == 0
    assert b'"id": "dns-timeout"' in done.stdout
    assert "## What it means" in file.read_text()
    assert b"\xe8\xa7\xa3\xe5\x86\xb3" in kdoctor(env, *command, "dns-timeout", "--lang", "zh").stdout


def test_a_page_is_no_report(env: dict[str, str]) -> None:
    done = kdoctor(env, "rules", "show", "dns-timeout", "-o", "junit")
    assert done.returncode == 2
    assert b'a rule\'s page does not come as "junit"; there are text, markdown, json' in done.stderr


def test_docs_are_written_once_and_kept_current(env: dict[str, str], tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    assert kdoctor(env, "rules", "docs", str(docs)).returncode == 0
    assert (docs / "README.md").read_text().count("](") > 50
    assert kdoctor(env, "rules", "docs", "--check", str(docs)).returncode == 0
    (docs / "dns-timeout.md").write_text((docs / "dns-timeout.md").read_text() + "edited")
    (docs / "gone.md").write_text((docs / "dns-loop.md").read_text())
    (docs / "mine.md").write_text("my own page")
    checked = kdoctor(env, "rules", "docs", "--check", str(docs))
    assert checked.returncode == 1
    assert checked.stdout.decode().splitlines() == [
        f"{docs / 'dns-timeout.md'}: not current",
        f"{docs / 'gone.md'}: not current",
    ]
    assert f"kdoctor rules docs {docs}".encode() in checked.stderr
    assert b"1 written, 1 removed" in kdoctor(env, "rules", "docs", str(docs)).stderr
    assert not (docs / "gone.md").exists()
    assert (docs / "mine.md").read_text() == "my own page"
    assert "edited" not in (docs / "dns-timeout.md").read_text()


def test_docs_overwrite_nobodys_page(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My project\n")
    done = kdoctor(env, "rules", "docs", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path / 'README.md'} was not written by `kdoctor rules docs`".encode() in done.stderr
    assert [file.name for file in tmp_path.glob("*.md")] == ["README.md"]


def test_docs_have_the_users_rules_and_the_language(env: dict[str, str], tmp_path: Path) -> None:
    own = RuleFolder(tmp_path / "own", layers=())
    own.rule("our-gateway-down", "our gateway is down")
    docs = tmp_path / "docs"
    assert kdoctor(env, "rules", "docs", str(docs), "--rules", str(own.path), "--lang", "zh").returncode == 0
    assert "Title of our-gateway-down" in (docs / "our-gateway-down.md").read_text()
    assert "# 已知故障" in (docs / "README.md").read_text()
