"""`rules lint`: what is wrong with a rule is told where it stands; a good folder has nothing."""

from __future__ import annotations

from typing import Any

import pytest

from kdoctor.rules import model
from kdoctor.rules.condition import Scope, evaluate
from kdoctor.rules.exclusive import UndecidedError, both
from kdoctor.rules.lint import circles
from kdoctor.rules.load import digest
from kdoctor.rules.template import fill
from tests.rules.folders import RuleFolder

REFERENCE = [{"url": "https://docs.example.com/proxy", "kind": "docs"}]
PROBED: dict[str, Any] = {
    "facts": {"address": {"type": "address"}},
    "probes": [{"id": "dial", "use": "tcp.connect", "with": {"address": "{address}"}}],
    "verdict": {"confirmed": {"dial.outcome": "refused"}, "refuted": {"dial.outcome": "open"}},
}
TEXT = "proxy gone at 10.0.0.1:3128"
REGEX = r"proxy gone at (?P<address>[0-9.]{7,15}:\d{1,5})"
SCENARIOS = [
    {"given": {"dial.outcome": outcome}, "facts": {"address": "10.0.0.1:3128"}, "expect": {"verdict": verdict}}
    for outcome, verdict in (("refused", "confirmed"), ("open", "refuted"), ("timeout", "inconclusive"))
]


def examples(*positive: str, negative: tuple[Any, ...] = ("something else", "nothing of it")) -> dict[str, Any]:
    return {
        "positive": [{"engine": "docker", "text": text} for text in positive],
        "negative": [one if isinstance(one, dict) else {"text": one} for one in negative],
    }


def good(folder: RuleFolder, rule_id: str = "proxy-gone", **changes: Any) -> None:
    """Write a rule with nothing wrong, but for the changes."""
    folder.taxonomy(proxy_gone="proxy", net_gone="network", dns_gone="dns")
    content: dict[str, Any] = {"references": REFERENCE, **changes}
    folder.rule(rule_id, **content)


def probed(folder: RuleFolder, **changes: Any) -> None:
    match = {"any": [{"id": "words", "regex": REGEX}]}
    base: dict[str, Any] = {**PROBED, "match": match, "examples": examples(TEXT), "scenarios": SCENARIOS}
    good(folder, **base | changes)


def one(folder: RuleFolder, words: str) -> None:
    """Assert that lint says one thing, and that it has these words."""
    found = folder.lint()
    assert len(found) == 1, found
    assert words in found[0]


def test_a_good_folder(folder: RuleFolder) -> None:
    good(folder)
    assert folder.lint() == []
    probed(folder)
    assert folder.lint() == []


# --- form --------------------------------------------------------------------------------------------


def test_a_shipped_rule_is_a_class_of_the_taxonomy_in_its_layers_folder(folder: RuleFolder) -> None:
    good(folder, "proxy-gune")
    one(folder, 'proxy-gune.yaml:2: "proxy-gune" is no class of taxonomy.yaml. Did you mean "proxy-gone"?')
    (folder.path / "proxy" / "proxy-gune.yaml").unlink()
    good(folder)
    (folder.path / "proxy").rename(folder.path / "elsewhere")
    one(folder, 'the file belongs into the folder "proxy"')


def test_the_schema_comment(folder: RuleFolder) -> None:
    good(folder)
    file = folder.path / "proxy" / "proxy-gone.yaml"
    file.write_text(file.read_text().partition("\n")[2])
    one(folder, "the first line must be the schema comment")


@pytest.mark.parametrize(
    "url", ["http://docs.example.com/a", "docs.example.com/a", "https://x/", "https://a.b/c d", "https://a.b"]
)
def test_references_are_addresses(folder: RuleFolder, url: str) -> None:
    good(folder, references=[{"url": url, "kind": "docs"}])
    one(folder, "is no https:// address")


def test_references_are_there_and_stand_once(folder: RuleFolder) -> None:
    good(folder, references=[])
    one(folder, "no reference")
    good(folder, references=[*REFERENCE, *REFERENCE])
    one(folder, "stands twice")


def test_each_platform_has_a_variant_or_a_reason_why_not(folder: RuleFolder) -> None:
    variants = [{"on": ["docker-engine"], "proof": "docs", "steps": [{"text": "Do it."}]}]
    folder.recipe("proxy.start", variants=variants)
    good(folder, occurs_on=["docker-engine", "minikube"], fixes=[{"use": "proxy.start"}])
    one(folder, 'proxy.start has no variant for "minikube" (or `not_applicable`)')
    folder.recipe("proxy.start", variants=[*variants, {"on": ["minikube"], "not_applicable": "It has none."}])
    assert folder.lint() == []


def test_a_recipe_that_nobody_uses(folder: RuleFolder) -> None:
    folder.recipe("proxy.start")
    good(folder)
    one(folder, 'no rule uses the recipe "proxy.start"')


# --- examples ----------------------------------------------------------------------------------------


def test_each_engine_has_an_example_and_each_example_an_engine(folder: RuleFolder) -> None:
    good(folder, engines=["docker", "podman"])
    one(folder, 'no positive example in the words of "podman"')
    good(folder, engines=[], examples={**examples(), "positive": []})
    assert any("no engine" in problem for problem in folder.lint())
    good(
        folder,
        engines=["docker"],
        examples=examples("proxy gone") | {"positive": [{"engine": "podman", "text": "proxy gone"}]},
    )
    assert any('the engine "podman" of an example is not in `engines`' in problem for problem in folder.lint())


def test_two_negative_examples_that_others_win(folder: RuleFolder) -> None:
    good(folder, examples=examples("proxy gone", negative=("a",)))
    one(folder, "give two texts that look alike")
    good(folder, examples=examples("proxy gone", negative=("a", {"text": "the proxy gone", "expect": "proxy-gone"})))
    one(folder, "one that this rule does not win")
    good(folder, examples=examples("proxy gone", negative=("a", "the proxy gone")))
    one(folder, "proxy-gone wins this text, not nothing")
    good(folder, examples=examples("proxy gone", negative=("a", {"text": "b", "expect": "net-gone"})))
    one(folder, "nothing wins this text, not net-gone")


def test_an_example_stands_once(folder: RuleFolder) -> None:
    good(folder, examples=examples("proxy gone", "proxy gone"))
    one(folder, "stands twice")


def test_a_positive_example_is_won_by_its_own_rule_with_its_facts(folder: RuleFolder) -> None:
    good(folder, examples=examples("proxy gone", "the proxy is gone"))
    one(folder, "nothing wins this example, not proxy-gone")
    probed(
        folder,
        examples=examples() | {"positive": [{"engine": "docker", "text": TEXT, "facts": {"address": "10.0.0.2:1"}}]},
    )
    one(folder, 'the fact address is "10.0.0.1:3128", not "10.0.0.2:1"')


def test_each_pattern_has_an_example_of_its_own(folder: RuleFolder) -> None:
    patterns = [{"id": "words", "regex": "proxy gone"}, {"id": "other", "regex": "proxy went away"}]
    good(folder, match={"any": patterns})
    one(folder, 'proxy-gone.yaml:12: the pattern "other" is in no positive example')


def test_each_pattern_has_words_to_look_for(folder: RuleFolder) -> None:
    good(folder, match={"any": [{"id": "words", "regex": "[a-z]{2} [0-9]{3}"}]})
    one(folder, "no words of three characters")


# --- scenarios and verdicts --------------------------------------------------------------------------


def test_scenarios_reach_every_verdict_and_come_out_as_they_say(folder: RuleFolder) -> None:
    probed(folder, scenarios=SCENARIOS[:2])
    one(folder, "no scenario comes to inconclusive")
    probed(folder, scenarios=[*SCENARIOS, {**SCENARIOS[0], "expect": {"verdict": "refuted"}}])
    one(folder, "the verdict is confirmed, not refuted")
    probed(folder, scenarios=[*SCENARIOS, {**SCENARIOS[0], "given": {"dial.outcome": "refussed"}}])
    assert any('no outcome "refussed". Did you mean "refused"?' in problem for problem in folder.lint())


def test_a_scenario_names_the_first_fix(folder: RuleFolder) -> None:
    folder.recipe("proxy.start")
    folder.recipe("proxy.stop")
    uses = [{"use": "proxy.stop", "when": {"dial.outcome": "open"}}, {"use": "proxy.start"}]
    wrong = {**SCENARIOS[0], "expect": {"verdict": "confirmed", "fix": "proxy.stop"}}
    probed(folder, fixes=uses, scenarios=[*SCENARIOS, wrong])
    one(folder, "the first fix is proxy.start, not proxy.stop")


def test_confirmed_and_refuted_are_never_both_true(folder: RuleFolder) -> None:
    verdict = {"confirmed": {"dial.outcome": ["refused", "open"]}, "refuted": {"dial.outcome": "open"}}
    probed(folder, verdict=verdict)
    said = "proxy-gone.yaml:20: `confirmed` and `refuted` are both true with dial.outcome: open"
    assert any(said in problem for problem in folder.lint())


OUTCOMES = {"dial": "tcp.connect", "tls": "tls.handshake", "ping": "registry.ping", "manifest": "registry.manifest"}


def rule_with(folder: RuleFolder, confirmed: dict[str, Any], refuted: dict[str, Any]) -> model.Rule:
    """Return a rule with four probes, the last costly, and these conditions."""
    given = {
        "dial": {"address": "{address}"},
        "tls": {"registry": "{registry}"},
        "ping": {"registry": "{registry}"},
        "manifest": {"image": "{image}"},
    }
    probes = [{"id": key, "use": use, "with": given[key]} for key, use in OUTCOMES.items()]
    probes += [{"id": "daemon", "use": "docker.distribution", "with": {"image": "{image}"}}]
    facts = {
        "address": {"type": "address", "optional": True},
        "registry": {"type": "registry"},
        "image": {"type": "image", "optional": True},
    }
    folder.rule("proxy-gone", facts=facts, probes=probes, verdict={"confirmed": confirmed, "refuted": refuted})
    return folder.loaded("proxy-gone")


@pytest.mark.parametrize(
    ("confirmed", "refuted"),
    [
        ({"dial.outcome": "refused"}, {"tls.outcome": "ok"}),
        ({"dial.outcome": "refused"}, {"none": [{"dial.outcome": "open"}]}),
        ({"registry": {"under": "docker.io"}}, {"registry": {"not": "docker.io"}}),
        ({"manifest.remaining": {"above": 3}}, {"manifest.remaining": {"below": 5}}),
        ({"manifest.tags": {"contains": "a"}}, {"manifest.tags": {"contains": "b"}}),
        ({"ping.body": {"contains": "a"}}, {"ping.body": {"contains": "b"}}),
        ({"tls.self_signed": True}, {"tls.outcome": "ok"}),
        ({"tls.subject": "{registry}"}, {"tls.subject": {"not": "{image}"}}),
        ({"registry": {"internal": True}}, {"registry": {"not": "docker.io"}}),
        ({"image": {"exists": False}, "ping.outcome": "ok"}, {"ping.outcome": ["ok", "challenge"]}),
        (
            {"any": [{"dial.outcome": "refused"}, {"ping.outcome": "timeout"}]},
            {"all": [{"tls.outcome": "ok"}, {"any": [{"address": {"exists": False}}, {"dial.outcome": "open"}]}]},
        ),
    ],
)  # fmt: skip
def test_a_case_in_which_both_are_true_is_found(
    folder: RuleFolder, confirmed: dict[str, Any], refuted: dict[str, Any]
) -> None:
    assert both(rule_with(folder, confirmed, refuted)) is not None


@pytest.mark.parametrize(
    ("confirmed", "refuted"),
    [
        ({"dial.outcome": "refused"}, {"dial.outcome": "open"}),
        ({"dial.outcome": "refused"}, {"all": [{"tls.outcome": "ok"}, {"none": [{"dial.outcome": "refused"}]}]}),
        ({"manifest.remaining": {"above": 5}}, {"manifest.remaining": {"below": 3}}),
        ({"tls.subject": "{registry}"}, {"tls.subject": {"not": "{registry}"}}),
        ({"registry": {"internal": True}, "tls.outcome": "ok"}, {"registry": {"internal": False}, "tls.outcome": "ok"}),
        # Without an address nobody dials it.
        ({"dial.outcome": "refused"}, {"address": {"exists": False}, "tls.outcome": "ok"}),
        # The daemon is asked only where the others do not decide.
        ({"manifest.outcome": "not-found"}, {"any": [{"manifest.outcome": "ok"}, {"daemon.outcome": "ok"}]}),
        (
            {"any": [{"manifest.outcome": "not-found"}, {"daemon.outcome": "failed"}]},
            {"any": [{"manifest.outcome": "ok"}, {"daemon.outcome": "ok"}]},
        ),
    ],
)  # fmt: skip
def test_where_both_cannot_be_true_nothing_is_found(
    folder: RuleFolder, confirmed: dict[str, Any], refuted: dict[str, Any]
) -> None:
    assert both(rule_with(folder, confirmed, refuted)) is None


def test_a_case_that_is_told_is_one(folder: RuleFolder) -> None:
    rule = rule_with(folder, {"ping.status": {"above": 399}}, {"ping.status": {"below": 600}, "registry": "a.example"})
    found = both(rule)
    assert found is not None
    assert found["registry"] == "a.example"
    assert isinstance(found["ping.status"], int)
    assert 399 < found["ping.status"] < 600


def test_conditions_that_name_very_much_are_told_apart_or_said_to_be_too_much(folder: RuleFolder) -> None:
    names = ("body", "realm", "service", "server", "scheme")
    parts = [{f"ping.{name}": {"contains": ["a", "b", "c"]}} for name in names]
    whole: dict[str, Any] = {"all": [{"dial.outcome": "open"}, {"any": parts}]}
    assert both(rule_with(folder, whole, {"all": [{"dial.outcome": "open"}, {"none": parts}]})) is None
    parts += [{f"tls.{name}": {"contains": ["a", "b", "c"]}} for name in ("issuer", "subject", "version", "alert")]
    opposite = {"none": [{"all": parts}]}
    with pytest.raises(UndecidedError):
        both(rule_with(folder, {"all": parts}, {"all": [opposite, {"none": [opposite]}]}))


# --- the set -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["causes", "explained_by", "supersedes"])
def test_names_that_do_not_exist(folder: RuleFolder, key: str) -> None:
    good(folder, "proxy-gone", **{key: ["net-gonne"]})
    one(folder, 'no rule "net-gonne". Did you mean "net-gone"?')
    good(folder, "proxy-gone", **{key: ["proxy-gone"]})
    one(folder, "the rule names itself")


def three(folder: RuleFolder, **by_rule: dict[str, list[str]]) -> list[str]:
    for name, layer in (("proxy", "proxy"), ("net", "network"), ("dns", "dns")):
        good(folder, f"{name}-gone", layer=layer, **by_rule.get(name, {}))
    return folder.lint()


@pytest.mark.parametrize(
    "by_rule",
    [
        {"proxy": {"causes": ["net-gone"]}, "net": {"causes": ["dns-gone"]}, "dns": {"causes": ["proxy-gone"]}},
        {"proxy": {"causes": ["net-gone"]}, "dns": {"explained_by": ["net-gone"], "causes": ["proxy-gone"]}},
        {"net": {"explained_by": ["proxy"]}, "dns": {"explained_by": ["network"]}, "proxy": {"explained_by": ["dns"]}},
    ],
)
def test_circles_of_causes_of_any_length(folder: RuleFolder, by_rule: dict[str, Any]) -> None:
    found = three(folder, **by_rule)
    assert len(found) == 1
    assert "rules in a circle: dns-gone explains proxy-gone explains net-gone explains dns-gone" in found[0]


def test_circles_of_supersedes(folder: RuleFolder) -> None:
    found = three(
        folder, proxy={"supersedes": ["net-gone"]}, net={"supersedes": ["dns-gone"]}, dns={"supersedes": ["proxy-gone"]}
    )
    assert len(found) == 1
    assert "replaces" in found[0]
    assert three(folder, proxy={"supersedes": ["net-gone", "dns-gone"]}, net={"supersedes": ["dns-gone"]}) == []


def test_each_group_of_circles_is_told_once() -> None:
    after = {"a": {"b"}, "b": {"a", "c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}, "f": {"a"}, "g": set()}
    assert list(circles(after)) == [["a", "b"], ["d", "e"]]


# --- translations ------------------------------------------------------------------------------------


def test_translations_are_complete_and_not_stale(folder: RuleFolder) -> None:
    folder.recipe("proxy.start")
    good(folder, fixes=[{"use": "proxy.start"}])
    assert [problem.partition(": ")[2] for problem in folder.lint("zh")] == [
        "no translation: rules/i18n/zh/proxy-gone.yaml",
        "no translation: rules/i18n/zh/fixes/proxy.start.yaml",
    ]
    rule, recipe = folder.read().rules["proxy-gone"], folder.read().recipes["proxy.start"]
    reasons = {"Nothing here can be asked.": "无法询问。"}
    folder.translation("proxy-gone", of=digest(rule), title="题", why="因", reasons=reasons)
    folder.translation("fixes/proxy.start", of=digest(recipe), title="题", steps={"Do it.": "做。"})
    assert folder.lint("zh") == []
    good(folder, fixes=[{"use": "proxy.start"}], why="Another reason.")
    assert len(folder.lint("zh")) == 1
    assert "i18n/zh/proxy-gone.yaml:2: the English texts have changed" in folder.lint("zh")[0]


def test_a_translation_lacks_nothing_and_has_no_placeholder_of_its_own(folder: RuleFolder) -> None:
    folder.recipe(
        "proxy.start", variants=[{"on": ["any"], "proof": "docs", "steps": [{"text": "Do it."}, {"text": "Rest."}]}]
    )
    good(folder, fixes=[{"use": "proxy.start"}], verdict={"no_probe": "x", "because": {"inconclusive": "Perhaps."}})
    rule, recipe = folder.read().rules["proxy-gone"], folder.read().recipes["proxy.start"]
    folder.translation("proxy-gone", of=digest(rule), title="题 {proxy}")
    folder.translation(
        "fixes/proxy.start", of=digest(recipe), title="题", steps={"Do it.": "做 {proxy}。", "Gone.": "无"}
    )
    found = "\n".join(folder.lint("zh"))
    for words in (
        'no placeholder "{proxy}" in English',
        "`why` is not translated",
        "`because.inconclusive` is not translated",
        'the step "Rest." is not translated',
        'no step reads "Gone."',
        'the reason "x" is not translated',
    ):
        assert words in found
    assert found.count('no placeholder "{proxy}" in English') == 2


def test_a_translation_of_nothing(folder: RuleFolder) -> None:
    good(folder)
    folder.translation(
        "proxy-gone",
        of=digest(folder.read().rules["proxy-gone"]),
        title="题",
        why="因",
        reasons={"Nothing here can be asked.": "无法询问。"},
    )
    folder.translation("net-gone", of="x", title="题")
    one_found = folder.lint("zh")
    assert len(one_found) == 1
    assert 'nothing has the id "net-gone"' in one_found[0]


def test_conditions_are_evaluated_as_the_search_takes_them(folder: RuleFolder) -> None:
    rule = rule_with(folder, {"dial.outcome": "refused"}, {"tls.outcome": "ok"})
    assert rule.verdict.confirmed is not None
    assert evaluate(rule.verdict.confirmed, Scope({}, {}), fill) is None
