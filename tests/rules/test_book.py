"""The compiled rules: a cache that is damaged, missing, foreign or vanishing is never noticed by the person."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kdoctor.errors import UsageError
from kdoctor.rules import cache
from kdoctor.rules.book import open_book, read_compiled, write_compiled
from kdoctor.rules.compiling import compile_rules, plain
from kdoctor.rules.match import match
from tests.rules.folders import RuleFolder

REFUSED = (
    'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused'
)


@pytest.fixture
def checkout(folder: RuleFolder, monkeypatch: pytest.MonkeyPatch) -> RuleFolder:
    """A small checkout: the shipped rules take seconds to compile."""
    folder.recipe("proxy.unset")
    folder.rule("proxy-gone", "proxyconnect tcp: .{0,80}refused")
    folder.translation("proxy-gone", of="x", title="代理")
    monkeypatch.setattr("kdoctor.rules.book._CHECKOUT", folder.path)
    return folder


@pytest.fixture
def home(checkout: RuleFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, with the compiled rules in its cache."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(open_book().ids) == len(checkout.read().rules)
    return tmp_path


def states(home: Path) -> list[Path]:
    return sorted((home / ".cache" / "kdoctor").glob("rules-*"))


def works() -> None:
    assert match(open_book(), REFUSED)[0].rule.id == "proxy-gone"


def test_the_rules_are_compiled_once(home: Path) -> None:
    (state,) = states(home)
    before = (state / "index.json").stat().st_mtime_ns
    works()
    assert (state / "index.json").stat().st_mtime_ns == before
    assert [file.name for file in (home / ".cache" / "kdoctor").iterdir()] == [state.name]


@pytest.mark.parametrize("name", ["index.json", "details.json"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "json", "missing", "folder", "flipped"])
def test_a_damaged_cache_is_made_anew(home: Path, name: str, damage: str) -> None:
    (state,) = states(home)
    file = state / name
    good = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage != "missing":
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
        broken = {"empty": b"", "cut": good[:-100], "text": b"\xff\x00no", "json": b'["a"]', "flipped": flipped}
        file.write_bytes(broken[damage])
    works()
    if damage != "folder":
        assert (states(home)[0] / name).read_bytes() == good


def test_a_cache_that_vanishes_under_a_running_process_is_not_missed(home: Path) -> None:
    book = open_book()
    shutil.rmtree(home / ".cache")
    assert match(book, REFUSED)[0].rule.id == "proxy-gone"
    assert book.recipe("proxy.unset").id == "proxy.unset"
    assert book.translation("zh", "proxy-gone") is not None


def test_a_cache_of_an_older_form_is_made_anew(home: Path) -> None:
    (state,) = states(home)
    index = json.loads((state / "index.json").read_text())
    (state / "index.json").write_text(json.dumps({**index, "format": 1}))
    assert read_compiled(state) is None
    works()
    assert read_compiled(state) is not None


def test_other_checkouts_caches_stay_but_not_without_end(home: Path) -> None:
    folder = home / ".cache" / "kdoctor"
    shutil.rmtree(states(home)[0])
    for i in range(20):
        (folder / f"rules-{i:024x}").mkdir()
        (folder / f"rules-{i:024x}" / "index.json").write_text("x")
        os.utime(folder / f"rules-{i:024x}", (1000 + i, 1000 + i))
    (folder / "mine.txt").write_text("keep")
    works()
    assert len(states(home)) == 8
    assert (folder / "rules-000000000000000000000013").is_dir()
    assert (folder / "mine.txt").read_text() == "keep"


def test_where_nothing_can_be_kept_the_rules_serve_as_they_are(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("x")
    for value in (str(home / "file"), str(home / "file" / "below"), "/proc/nowhere"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        works()


def test_a_relative_cache_folder_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    works()
    assert not (home / "here").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give folders away")
def test_another_users_folder_is_neither_read_nor_written(home: Path) -> None:
    base = home / ".cache"
    shutil.rmtree(base / "kdoctor")
    os.chown(base, 12345, 12345)
    works()
    assert list(base.iterdir()) == []


def test_no_home_and_no_entry_in_passwd(tmp_path: Path) -> None:
    code = (
        "import os, pwd, sys\n"
        "pwd.getpwuid = lambda uid: (_ for _ in ()).throw(KeyError(uid))\n"
        "from kdoctor.rules.book import open_book\n"
        "print(len(open_book().ids))"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
    assert list(tmp_path.iterdir()) == []


def test_an_edited_file_is_seen(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    before = cache.place((folder.path,), "1")
    assert before == cache.place((folder.path,), "1") != cache.place((folder.path,), "2")
    folder.rule("proxy-gone", severity="warning")
    assert cache.place((folder.path,), "1") != before


def test_what_is_written_is_read_back(folder: RuleFolder, tmp_path: Path) -> None:
    folder.recipe("proxy.start", params={"proxy": {"type": "proxy", "optional": True}})
    folder.rule(
        "proxy-gone",
        fixes=[{"use": "proxy.start", "when": {"all": [{"proxy": {"exists": True}}]}}],
        facts={"proxy": {"type": "proxy", "optional": True}},
    )
    folder.translation("proxy-gone", of="x", title=["一 {proxy}", "二"], because={"confirmed": "三"})
    write_compiled(tmp_path / "out", *compile_rules(folder.read()))
    book = read_compiled(tmp_path / "out")
    assert book is not None
    original = folder.read()
    assert plain(book.rule("proxy-gone")) == plain(original.rules["proxy-gone"])
    assert book.recipe("proxy.start") == original.recipes["proxy.start"]
    assert book.translation("zh", "proxy-gone") == original.translations["zh"]["proxy-gone"]
    assert book.translation("zh", "nothing") is None
    assert list(book.ids) == ["proxy-gone"]


def test_a_rule_that_is_not_there_is_told_with_the_nearest(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    with pytest.raises(UsageError, match="proxy-gone"):
        folder.book().rule("proxy-gune")
