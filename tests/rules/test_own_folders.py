"""Folders of the person's own: beside the shipped rules, in place of one, or from an installed package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kdoctor.errors import RuleError, UsageError
from kdoctor.rules.book import Book, in_memory, installed_folders, open_book
from kdoctor.rules.compiling import with_folders
from kdoctor.rules.diagnose import Setting, unprobed
from kdoctor.rules.match import match
from tests.rules.folders import RuleFolder


@pytest.fixture
def own(tmp_path: Path) -> RuleFolder:
    """A folder of the person's own: no taxonomy, no words, until a test writes some."""
    return RuleFolder(tmp_path / "own", layers=())


@pytest.fixture
def shipped(folder: RuleFolder) -> RuleFolder:
    folder.recipe("proxy.start", params={"proxy": {"type": "proxy", "optional": True}})
    folder.rule(
        "proxy-gone",
        "the proxy is %REFUSED%",
        fixes=[{"use": "proxy.start", "with": {"proxy": "{proxy}"}}],
        facts={"proxy": {"type": "proxy", "optional": True}},
    )
    folder.translation("proxy-gone", of="x", title="代理")
    folder.translation("fixes/proxy.start", of="x", title="启动")
    return folder


def book(shipped: RuleFolder, *own: RuleFolder) -> Book:
    return in_memory(*with_folders(shipped.path, [one.path for one in own]))


def wins(found: Book, text: str) -> list[str]:
    return [candidate.rule.id for candidate in match(found, text)]


def test_a_rule_of_the_persons_own_stands_beside_the_shipped_ones(shipped: RuleFolder, own: RuleFolder) -> None:
    own.rule("acme-gate-closed", "acme gate %REFUSED%")
    found = book(shipped, own)
    assert wins(found, "acme gate connection refused") == ["acme-gate-closed"]
    assert wins(found, "the proxy is connection refused") == ["proxy-gone"]
    assert found.notices == ()


def test_it_may_use_shipped_recipes_and_bring_recipes_words_and_layers(shipped: RuleFolder, own: RuleFolder) -> None:
    own.words({"GATE": "acme gate"}, {"gate": ["acme"]})
    own.write("taxonomy.yaml", "layers: [gates]\nclasses: []\n")
    own.recipe("gate.open")
    own.rule(
        "acme-gate-closed",
        layer="gates",
        match={"any": [{"id": "a", "regex": "%GATE% %REFUSED%"}], "context": "gate"},
        fixes=[{"use": "gate.open"}, {"use": "proxy.start"}],
    )
    found = book(shipped, own)
    (candidate,) = match(found, "acme gate connection refused")
    diagnosis = unprobed(candidate, Setting(found), "off")
    assert [fix.id for fix in diagnosis.fixes] == ["gate.open", "proxy.start"]
    assert found.layers[-1] == "gates"
    assert wins(found, "the proxy is connection refused") == ["proxy-gone"]


def test_beside_a_folder_only_its_own_rules_are_checked(shipped: RuleFolder, own: RuleFolder) -> None:
    shipped.rule("slow-one", "(a+)+ was slow")
    own.rule("acme-gate-closed", "acme gate %REFUSED%")
    assert wins(book(shipped, own), "acme gate connection refused") == ["acme-gate-closed"]
    with pytest.raises(RuleError, match="slow-one"):
        book(shipped)
    own.rule("acme-slow", "(b+)+ was slow")
    with pytest.raises(RuleError, match="acme-slow"):
        book(shipped, own)


def test_a_shipped_fragment_or_context_is_not_changed_from_outside(shipped: RuleFolder, own: RuleFolder) -> None:
    own.words({"REFUSED": "anything"}, {})
    with pytest.raises(RuleError, match=r"own/words.yaml:\d+: \"REFUSED\" stands in .*rules/words.yaml too"):
        book(shipped, own)
    own.words({}, {"registry": ["anything"]})
    with pytest.raises(RuleError, match='"registry" stands in'):
        book(shipped, own)


def test_a_mistake_in_words_of_ones_own_is_told_there(shipped: RuleFolder, own: RuleFolder) -> None:
    own.words({"GATE": "acme ("}, {})
    with pytest.raises(RuleError, match=r"own/words\.yaml:"):
        book(shipped, own)


def test_a_replaced_rule_is_told_and_its_translation_is_gone(shipped: RuleFolder, own: RuleFolder) -> None:
    file = own.rule("proxy-gone", "the gate is %REFUSED%", title="Ours")
    found = book(shipped, own)
    assert found.notices == (f"the rule proxy-gone of {file} replaces that of {shipped.path}/proxy/proxy-gone.yaml",)
    assert found.translation("zh", "proxy-gone") is None
    assert wins(found, "the proxy is connection refused") == []
    assert wins(found, "the gate is connection refused") == ["proxy-gone"]


def test_a_replacing_rule_may_stand_in_another_layer(shipped: RuleFolder, own: RuleFolder) -> None:
    shipped.taxonomy(proxy_gone="proxy")
    own.rule("proxy-gone", layer="network")
    assert book(shipped, own).rule("proxy-gone").layer == "network"
    assert own.lint_beside(shipped) == []


def test_a_replaced_recipe_is_told_and_its_translation_is_gone(shipped: RuleFolder, own: RuleFolder) -> None:
    file = own.recipe("proxy.start", title="Ours", params={"proxy": {"type": "proxy", "optional": True}})
    found = book(shipped, own)
    assert found.notices == (
        f"the recipe proxy.start of {file} replaces that of {shipped.path}/fixes/proxy.start.yaml",
    )
    assert found.translation("zh", "fixes/proxy.start") is None
    (candidate,) = match(found, "the proxy is connection refused")
    assert unprobed(candidate, Setting(found, "zh"), "off").fixes[0].title == "Ours"


def test_a_replaced_recipe_must_take_what_the_shipped_rules_give_it(shipped: RuleFolder, own: RuleFolder) -> None:
    own.recipe("proxy.start")
    with pytest.raises(
        RuleError, match=r'own/fixes/proxy.start.yaml:\d+: the rule proxy-gone gives this recipe "proxy"'
    ):
        book(shipped, own)
    own.recipe("proxy.start", params={"proxy": {"type": "proxy"}, "more": {"type": "text"}})
    with pytest.raises(RuleError, match='gives this recipe no "more"'):
        book(shipped, own)


def test_a_translation_of_ones_own_is_used(shipped: RuleFolder, own: RuleFolder) -> None:
    own.rule("proxy-gone", "the gate is %REFUSED%")
    own.translation("proxy-gone", of="x", title="我们的")
    found = book(shipped, own)
    assert unprobed(match(found, "the gate is connection refused")[0], Setting(found, "zh"), "off").title == "我们的"


def test_the_last_of_several_folders_counts(shipped: RuleFolder, own: RuleFolder, tmp_path: Path) -> None:
    other = RuleFolder(tmp_path / "other", layers=())
    own.rule("proxy-gone", "the gate is %REFUSED%", title="First")
    other.rule("proxy-gone", "the gate is %REFUSED%", title="Second")
    found = book(shipped, own, other)
    assert found.rule("proxy-gone").title == "Second"
    assert [str(own.path) in notice for notice in found.notices] == [True, True]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        open_book([tmp_path / "nowhere"])


# --- lint --------------------------------------------------------------------------------------------


def test_ids_and_places_are_free_and_neighbours_are_the_shipped_rules(shipped: RuleFolder, own: RuleFolder) -> None:
    negative = [{"text": "the proxy is connection refused", "expect": "proxy-gone"}, {"text": "nothing"}]
    positive = [{"engine": "docker", "text": "acme gate connection refused"}]
    own.rule(
        "my.own-thing",
        "acme gate %REFUSED%",
        examples={"positive": positive, "negative": negative},
        causes=["proxy-gone"],
    )
    file = own.path / "proxy" / "my.own-thing.yaml"
    file.rename(own.path / "my.own-thing.yaml")
    assert own.lint_beside(shipped) == []


def test_an_example_that_a_shipped_rule_wins_is_told(shipped: RuleFolder, own: RuleFolder) -> None:
    positive = [{"engine": "docker", "text": "acme: the proxy is connection refused"}]
    own.rule(
        "acme-gate-closed", "acme: the proxy", examples={"positive": positive}, causes=[], explained_by=["proxy-gone"]
    )
    assert any("proxy-gone wins this example" in problem for problem in own.lint_beside(shipped))


def test_names_that_do_not_exist_are_told_and_shipped_mistakes_are_not(shipped: RuleFolder, own: RuleFolder) -> None:
    own.rule("acme-gate-closed", causes=["proxy-gonne"])
    found = own.lint_beside(shipped)
    assert [p for p in found if "acme" not in p] == []
    assert any('no rule "proxy-gonne". Did you mean "proxy-gone"?' in p for p in found)


def test_a_stale_translation_of_ones_own_is_told_and_none_is_asked_for(shipped: RuleFolder, own: RuleFolder) -> None:
    own.rule("acme-gate-closed")
    assert own.lint_beside(shipped) == []
    own.translation("acme-gate-closed", of="x", title="门")
    assert any("the English texts have changed" in problem for problem in own.lint_beside(shipped))


# --- installed packages ------------------------------------------------------------------------------


def installed(tmp_path: Path, value: str) -> Path:
    """Write what pip leaves of a package that names a folder of rules; importing it would fail the test."""
    site = tmp_path / "site"
    (site / "acme").mkdir(parents=True)
    (site / "acme" / "__init__.py").write_text("raise SystemExit('imported')")
    info = site / "acme_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\nx = y:z\n\n[kdoctor.rules]\nacme = {value}\n")
    return site


@pytest.mark.parametrize(
    ("value", "folder"), [("acme", "acme"), ("acme.rules", "acme/rules"), ("acme:rules", "acme/rules")]
)
def test_an_installed_package_brings_rules_and_none_of_its_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, folder: str
) -> None:
    site = installed(tmp_path, value)
    (site / folder).mkdir(exist_ok=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    assert installed_folders() == (site / folder,)
    assert "acme" not in sys.modules


def test_without_such_a_package_nothing_is_found() -> None:
    assert installed_folders() == ()


def test_a_package_whose_folder_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("acme.nowhere", "nopackage"):
        site = installed(tmp_path / value, value)
        monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
        with pytest.raises(UsageError, match="update or uninstall acme-rules"):
            installed_folders()
        sys.path.remove(str(site))


def test_the_command_uses_an_installed_packages_rules_and_says_what_they_replace(tmp_path: Path) -> None:
    site = installed(tmp_path, "acme.rules")
    mine = RuleFolder(site / "acme" / "rules", layers=())
    mine.rule("acme-gate-closed", "acme gate closed")
    mine.rule("profile-corrupt", "the profile of acme", layer="distro")
    code = f"import sys; sys.path.append({str(site)!r}); from kdoctor.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "explain", "--no-probe", "-o", "json", "acme gate closed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["diagnoses"][0]["rule"] == "acme-gate-closed"
    assert any("profile-corrupt" in notice for notice in report["notices"])
