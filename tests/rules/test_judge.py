"""From probe results to a verdict with its reason, and from a candidate to a diagnosis in the person's language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kdoctor.model import CUT, UNSEEN, Evidence, Severity, Verdict
from kdoctor.rules import model
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.diagnose import Setting, foreign, judged, unprobed
from kdoctor.rules.judge import decide, judge
from kdoctor.rules.words import Words
from tests.rules.folders import RuleFolder, evidence, scope

BECAUSE = {
    "confirmed": "Nothing listens at {proxy}.",
    "refuted": "{proxy} accepts.",
    "inconclusive": "It may be {proxy}.",
}
CHECKED: dict[str, Any] = {
    "facts": {"proxy": {"type": "proxy", "optional": True}},
    "probes": [
        {"id": "listener", "use": "tcp.connect", "with": {"address": "{proxy}"}},
        {"id": "other", "use": "proxy.listeners"},
    ],
    "verdict": {
        "confirmed": {"listener.outcome": "refused"},
        "refuted": {"all": [{"listener.outcome": "open"}, {"other.outcome": "none"}]},
        "because": BECAUSE,
    },
}
FACTS = {"proxy": "10.0.0.9:7890"}
NONE = evidence("none")


@pytest.fixture
def rule(folder: RuleFolder) -> model.Rule:
    folder.rule("proxy-gone", **CHECKED)
    return folder.loaded("proxy-gone")


def said(
    rule: model.Rule, foreign: str | None = None, facts: dict[str, str] | None = None, **results: Evidence
) -> tuple[Verdict, str]:
    return judge(rule, scope(FACTS if facts is None else facts, **results), Words(), foreign)


def test_confirmed_and_refuted_are_told_in_the_rules_words(rule: model.Rule) -> None:
    assert said(rule, listener=evidence("refused")) == (Verdict.CONFIRMED, "Nothing listens at 10.0.0.9:7890.")
    assert said(rule, listener=evidence("open"), other=NONE) == (Verdict.REFUTED, "10.0.0.9:7890 accepts.")


def test_neither_is_inconclusive(rule: model.Rule) -> None:
    assert said(rule, listener=evidence("timeout"), other=NONE) == (Verdict.INCONCLUSIVE, "It may be 10.0.0.9:7890.")


@pytest.mark.parametrize("outcome", [UNSEEN, CUT])
def test_what_could_not_be_looked_at_refutes_nothing(rule: model.Rule, outcome: str) -> None:
    assert said(rule, listener=evidence("open"), other=evidence(outcome))[0] is Verdict.INCONCLUSIVE
    assert said(rule, listener=evidence(outcome), other=NONE)[0] is Verdict.INCONCLUSIVE
    assert said(rule, listener=evidence("open"))[0] is Verdict.INCONCLUSIVE


def test_what_could_not_be_looked_at_is_said_before_anything_else(rule: model.Rule) -> None:
    unseen = evidence(UNSEEN, "the daemon runs in a VM.")
    assert said(rule, "10.0.0.9:7890", listener=unseen)[1] == "Could not look: the daemon runs in a VM."
    assert said(rule, listener=evidence(CUT))[1] == "The deadline came before the probes had answered."


def test_one_unseen_probe_does_not_hinder_what_the_others_confirm(rule: model.Rule) -> None:
    assert said(rule, listener=evidence("refused"), other=evidence(UNSEEN))[0] is Verdict.CONFIRMED


def test_a_text_of_another_machine_is_never_refuted_here(rule: model.Rule) -> None:
    verdict, why = said(rule, "10.0.0.9:7890", listener=evidence("open"), other=NONE)
    assert verdict is Verdict.INCONCLUSIVE
    assert why == "10.0.0.9:7890 stands in no settings found here; the text may come from another machine."


def test_a_text_of_another_machine_may_be_confirmed_here(rule: model.Rule) -> None:
    assert said(rule, "10.0.0.9:7890", listener=evidence("refused"))[0] is Verdict.CONFIRMED


def test_confirmed_counts_before_refuted(rule: model.Rule) -> None:
    both = replace(rule, verdict=replace(rule.verdict, refuted={"listener.outcome": "refused"}))
    assert decide(both, scope(FACTS, listener=evidence("refused"))) is Verdict.CONFIRMED


def test_a_sentence_whose_value_is_missing_gives_way_to_what_the_probes_said(rule: model.Rule) -> None:
    verdict, why = said(
        rule,
        facts={},
        listener=evidence("refused", "connect: connection refused."),
        other=evidence("none", "no port answers"),
    )
    assert (verdict, why) == (Verdict.CONFIRMED, "connect: connection refused; no port answers.")


def test_there_is_always_a_reason(rule: model.Rule) -> None:
    bare = replace(rule, verdict=replace(rule.verdict, because=model.Because()))
    assert said(bare)[1].strip()
    for outcome in ("refused", "timeout", "open", UNSEEN, CUT):
        assert said(bare, listener=evidence(outcome))[1].strip()


def test_a_rule_that_nothing_can_prove_says_why(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", verdict={"no_probe": "The image was built elsewhere."})
    assert said(folder.loaded("proxy-gone")) == (Verdict.INCONCLUSIVE, "The image was built elsewhere.")


# --- foreign -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "known", "wanted"),
    [
        ({}, set(), None),
        ({"proxy": "10.0.0.9:7890"}, set(), "10.0.0.9:7890"),
        ({"proxy": "10.0.0.9:7890"}, {"10.0.0.9:7890"}, None),
        ({"proxy": "http://10.0.0.9:7890/"}, {"10.0.0.9:7890"}, None),
        ({"resolver": "192.168.64.1:53"}, {"192.168.64.1"}, None),
        ({"resolver": "192.168.64.1:53"}, {"192.168.64.2"}, "192.168.64.1:53"),
        ({"resolver": "[fd00::1]:53"}, {"fd00::1"}, None),
        ({"registry": "registry-1.docker.io"}, set(), None),
        ({"registry": "quay.io:443"}, set(), None),
        ({"registry": "harbor.corp"}, set(), "harbor.corp"),
        ({"registry": "harbor.corp:5000"}, {"harbor.corp:5000"}, None),
        ({"image": "harbor.corp/a/b"}, set(), "harbor.corp"),
        ({"image": "harbor.corp/a/b"}, {"harbor.corp"}, None),
        ({"image": "nginx"}, set(), None),
        ({"image": "ghcr.io/a/b@sha256:0"}, set(), None),
        ({"proxy": "10.0.0.9:7890", "registry": "harbor.corp"}, {"harbor.corp"}, "10.0.0.9:7890"),
    ],
)  # fmt: skip
def test_a_value_is_foreign_that_no_setting_here_names(
    facts: dict[str, str], known: set[str], wanted: str | None
) -> None:
    assert foreign(facts, frozenset(known)) == wanted


# --- diagnosis ---------------------------------------------------------------------------------------


def setting(folder: RuleFolder, **changes: Any) -> Setting:
    return Setting(folder.book())._replace(**changes)


def test_a_diagnosis_has_texts_facts_evidence_and_fixes_filled_in(folder: RuleFolder) -> None:
    folder.recipe(
        "proxy.start",
        title="Start {proxy}",
        params={"proxy": {"type": "proxy"}},
        variants=[
            {
                "on": ["docker-engine"],
                "proof": "lab",
                "steps": [{"text": "Start {proxy}.", "run": ["start", "{proxy}"]}],
            }
        ],
    )
    folder.rule(
        "proxy-gone",
        **CHECKED
        | {
            "title": ["The proxy {proxy}", "A proxy"],
            "fixes": [{"use": "proxy.start", "with": {"proxy": "{proxy}"}}],
            "references": [{"url": "https://example.com/", "kind": "docs"}],
        },
    )
    one = setting(folder, known=frozenset({"10.0.0.9:7890"}))
    found = judged(Candidate(folder.loaded("proxy-gone"), FACTS), one, {"listener": evidence("refused")}, "docker")
    assert (found.verdict, found.title, found.vantage) == (Verdict.CONFIRMED, "The proxy 10.0.0.9:7890", "docker")
    assert [e.outcome for e in found.evidence] == ["refused"]
    assert [(f.id, f.proof, f.steps[0].command) for f in found.fixes] == [("proxy.start", "lab", "start 10.0.0.9:7890")]
    assert found.references == ("https://example.com/",)


def test_what_is_refuted_needs_no_fix(folder: RuleFolder) -> None:
    folder.recipe("proxy.start")
    folder.rule("proxy-gone", **CHECKED | {"fixes": [{"use": "proxy.start"}]})
    one = setting(folder, known=frozenset({"10.0.0.9:7890"}))
    found = judged(
        Candidate(folder.loaded("proxy-gone"), FACTS), one, {"listener": evidence("open"), "other": NONE}, "docker"
    )
    assert (found.verdict, found.fixes) == (Verdict.REFUTED, ())


@pytest.mark.parametrize(("name", "verdict"), [("proxy.corp", Verdict.REFUTED), ("x.corp", Verdict.INCONCLUSIVE)])
def test_the_address_of_a_name_in_the_settings_is_not_foreign(folder: RuleFolder, name: str, verdict: Verdict) -> None:
    folder.rule("proxy-gone", **CHECKED)
    one = setting(folder, known=frozenset({"proxy.corp:7890"}))
    opened = replace(evidence("open", address="10.0.0.9:7890"), target=f"{name}:7890")
    found = judged(Candidate(folder.loaded("proxy-gone"), FACTS), one, {"listener": opened, "other": NONE}, "docker")
    assert found.verdict is verdict


def test_the_step_of_a_walk_may_be_milder_than_the_rule(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    candidate = Candidate(folder.loaded("proxy-gone"), {}, severity="warning")
    assert unprobed(candidate, setting(folder), "off").severity is Severity.WARNING


def test_without_probes_the_verdict_is_unchecked_with_the_reason(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", **CHECKED)
    candidate = Candidate(folder.loaded("proxy-gone"), FACTS)
    for sentence, word in (("off", "--no-probe"), ("elsewhere", "--elsewhere"), ("cut", "deadline")):
        found = unprobed(candidate, setting(folder), sentence)
        assert found.verdict is Verdict.UNCHECKED
        assert word in found.because


def translated(folder: RuleFolder) -> Setting:
    folder.recipe(
        "proxy.start",
        variants=[{"on": ["any"], "proof": "docs", "steps": [{"text": "Start it."}, {"text": "Stop it."}]}],
    )
    folder.rule("proxy-gone", **CHECKED | {"fixes": [{"use": "proxy.start"}]})
    because = {"confirmed": "{proxy} 拒绝连接。"}
    folder.translation("proxy-gone", of="x", title="代理 {proxy}", why="为什么", because=because)
    folder.translation("fixes/proxy.start", of="x", title="启动", steps={"Start it.": "启动它。"})
    return setting(folder, lang="zh", known=frozenset({"10.0.0.9:7890"}))


def test_a_translated_rule_speaks_chinese_and_what_is_missing_stays_english(folder: RuleFolder) -> None:
    one = translated(folder)
    candidate = Candidate(folder.loaded("proxy-gone"), FACTS)
    found = judged(candidate, one, {"listener": evidence("refused")}, "docker")
    assert (found.title, found.why, found.because) == ("代理 10.0.0.9:7890", "为什么", "10.0.0.9:7890 拒绝连接。")
    assert [(f.title, [s.text for s in f.steps]) for f in found.fixes] == [("启动", ["启动它。", "Stop it."])]
    refuted = judged(candidate, one, {"listener": evidence("open"), "other": NONE}, "docker")
    assert (refuted.verdict, refuted.because) == (Verdict.REFUTED, "10.0.0.9:7890 accepts.")


def test_the_reason_why_nothing_can_be_asked_is_translated(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", verdict={"no_probe": "It was built elsewhere."})
    candidate = Candidate(folder.loaded("proxy-gone"), {})
    folder.translation("proxy-gone", of="x", title="代理", reasons={"It was built elsewhere.": "它是在别处构建的。"})
    assert judged(candidate, setting(folder, lang="zh"), {}, "docker").because == "它是在别处构建的。"
    folder.translation("proxy-gone", of="x", title="代理", reasons={"It was built there.": "它是在那里构建的。"})
    assert judged(candidate, setting(folder, lang="zh"), {}, "docker").because == "It was built elsewhere."


def test_an_untranslated_rule_stays_english_in_a_chinese_run(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    found = unprobed(Candidate(folder.loaded("proxy-gone"), {}), setting(folder, lang="zh"), "off")
    assert (found.title, found.because) == ("Title of proxy-gone", "未探测（--no-probe）。")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_value_in_a_sentence_is_put_in_once_as_it_is(lang: str) -> None:
    assert "{what} {why}" in Words(lang).say("foreign", what="{what} {why}", why="no")


def test_a_language_that_is_not_there_is_english() -> None:
    assert Words("de").say("off") == Words("en").say("off")
