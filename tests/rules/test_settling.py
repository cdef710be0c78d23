"""Text's readings and the walk's findings become one list: what is proven nearest to the puller leads."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kdoctor.model import Diagnosis, Evidence, Matched, Role, Severity, Verdict
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.match import match
from kdoctor.run.check import merged, ordered
from kdoctor.run.explain import Question, by_text
from kdoctor.run.live import with_probes
from kdoctor.run.settling import Known, settle, witnessed
from tests.rules.folders import RuleFolder

NOBODY = Known(lambda cause, effect: (cause, effect) == ("blob-refused", "pull-broken"), lambda d: "foreign" in d.facts)


def diagnosis(rule: str, layer: str, verdict: Verdict, role: Role = Role.ROOT, **facts: str) -> Diagnosis:
    return Diagnosis(rule, layer, Severity.ERROR, role, rule, verdict, "", "docker", facts, "")


def names(found: list[Diagnosis]) -> list[tuple[str, Role]]:
    return [(d.rule, d.role) for d in found]


def test_a_proven_cause_nearer_to_the_puller_leads() -> None:
    text = diagnosis("registry-slow", "network", Verdict.INCONCLUSIVE)
    walked = diagnosis("proxy-silent", "proxy", Verdict.CONFIRMED)
    assert names(settle([text], [walked], NOBODY)) == [("proxy-silent", Role.ROOT), ("registry-slow", Role.CONSEQUENCE)]


def test_an_unproven_finding_stays_an_alternative() -> None:
    text = diagnosis("registry-slow", "network", Verdict.INCONCLUSIVE)
    walked = diagnosis("proxy-silent", "proxy", Verdict.INCONCLUSIVE)
    assert names(settle([text], [walked], NOBODY))[1] == ("proxy-silent", Role.ALTERNATIVE)


def test_a_proven_reading_keeps_its_place_before_what_lies_farther() -> None:
    text = diagnosis("proxy-silent", "proxy", Verdict.CONFIRMED)
    walked = diagnosis("tag-missing", "image", Verdict.CONFIRMED)
    assert names(settle([text], [walked], NOBODY)) == [("proxy-silent", Role.ROOT)]


def test_a_cause_of_the_reading_leads_even_at_the_same_distance() -> None:
    text = diagnosis("pull-broken", "network", Verdict.CONFIRMED)
    walked = diagnosis("blob-refused", "network", Verdict.CONFIRMED)
    assert settle([text], [walked], NOBODY)[0].rule == "blob-refused"


def test_what_fails_here_says_little_of_another_machine() -> None:
    text = diagnosis("proxy-refused", "proxy", Verdict.INCONCLUSIVE, foreign="10.9.9.9:3128")
    walked = diagnosis("dns-silent", "dns", Verdict.CONFIRMED)
    assert settle([text], [walked], NOBODY)[0].rule == "proxy-refused"


def test_a_refuted_reading_leads_nothing_that_is_proven() -> None:
    text = diagnosis("proxy-refused", "proxy", Verdict.REFUTED, foreign="10.9.9.9:3128")
    walked = diagnosis("proxy-odd", "proxy", Verdict.CONFIRMED)
    found = settle([text], [walked], NOBODY)
    assert names(found) == [("proxy-odd", Role.ROOT), ("proxy-refused", Role.ALTERNATIVE)]


STEP = Evidence("registry.blob", "app", "docker", "server-error", "cdn.example.com answered 503", 0.1)


def test_a_failed_step_is_not_undone_by_the_refutation_of_every_rule_that_it_nominates() -> None:
    near = diagnosis("proxy-odd", "proxy", Verdict.REFUTED)
    far = diagnosis("registry-odd", "registry", Verdict.REFUTED)
    told = witnessed([(far, (STEP,)), (near, (STEP,))])
    assert [(d.rule, d.verdict) for d in told] == [
        ("registry-odd", Verdict.REFUTED),
        ("proxy-odd", Verdict.INCONCLUSIVE),
    ]
    assert told[1].because == "cdn.example.com answered 503."


def test_a_rule_that_is_refuted_beside_one_that_holds_stays_refuted() -> None:
    holds = diagnosis("registry-odd", "registry", Verdict.CONFIRMED)
    refuted = diagnosis("proxy-odd", "proxy", Verdict.REFUTED)
    assert witnessed([(refuted, (STEP,)), (holds, (STEP,))]) == [refuted, holds]


def test_of_one_cause_found_twice_the_worse_finding_is_told(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    mild = replace(finding(folder, "proxy-gone", proxy="10.0.0.9:7890")[1], severity="warning")
    bad = finding(folder, "proxy-gone", proxy="10.0.0.9:7890", registry="quay.io")[1]
    assert merged([mild, bad]) == merged([bad, mild]) == [bad]


def test_the_walk_completes_the_same_rule() -> None:
    text = diagnosis("dns-silent", "dns", Verdict.INCONCLUSIVE, resolver="10.0.0.2:53")
    walked = diagnosis("dns-silent", "dns", Verdict.CONFIRMED, host="quay.io")
    (one,) = settle([text], [walked], NOBODY)
    assert one.verdict is Verdict.CONFIRMED
    assert one.facts == {"resolver": "10.0.0.2:53", "host": "quay.io"}


def test_a_dead_mirrors_failure_is_the_mirrors() -> None:
    refused = diagnosis("registry-refused", "network", Verdict.CONFIRMED, registry="mirror.example.com")
    seen = Evidence("registry.mirrors", "", "docker", "all-dead", data={"dead": ("https://mirror.example.com",)})
    mirror = diagnosis("mirror-broken", "registry", Verdict.CONFIRMED, Role.INDEPENDENT)
    mirror = Diagnosis(**{f: getattr(mirror, f) for f in mirror.__slots__} | {"evidence": (seen,)})
    assert names(settle([refused, mirror], [], NOBODY))[0][0] == "mirror-broken"


def test_refuted_readings_come_last() -> None:
    healed = diagnosis("proxy-refused", "proxy", Verdict.REFUTED)
    now = diagnosis("tag-missing", "image", Verdict.CONFIRMED)
    assert names(settle([healed], [now], NOBODY)) == [("tag-missing", Role.ROOT), ("proxy-refused", Role.ALTERNATIVE)]


# --- what was proven decides the roles, and nothing becomes a consequence that nobody explains -----------


def at(line: int, found: Diagnosis) -> Diagnosis:
    return replace(found, matched=Matched(line, f"line {line}"))


def test_another_failure_of_the_text_that_is_proven_leads_and_the_first_stays_one_of_its_own() -> None:
    first = at(1, diagnosis("proxy-refused", "proxy", Verdict.INCONCLUSIVE))
    second = at(9, diagnosis("tag-missing", "image", Verdict.CONFIRMED, Role.INDEPENDENT))
    assert names(settle([first, second], [], NOBODY)) == [
        ("tag-missing", Role.ROOT),
        ("proxy-refused", Role.INDEPENDENT),
    ]


def test_of_two_readings_of_one_line_the_proven_one_leads_and_the_other_stays_an_alternative() -> None:
    first = at(1, diagnosis("registry-slow", "network", Verdict.INCONCLUSIVE))
    second = at(1, diagnosis("tls-slow", "tls", Verdict.CONFIRMED, Role.ALTERNATIVE))
    assert names(settle([first, second], [], NOBODY)) == [("tls-slow", Role.ROOT), ("registry-slow", Role.ALTERNATIVE)]


def test_what_the_proven_one_explains_is_its_consequence() -> None:
    first = at(1, diagnosis("pull-broken", "network", Verdict.INCONCLUSIVE))
    second = at(9, diagnosis("blob-refused", "network", Verdict.CONFIRMED, Role.INDEPENDENT))
    assert names(settle([first, second], [], NOBODY)) == [
        ("blob-refused", Role.ROOT),
        ("pull-broken", Role.CONSEQUENCE),
    ]


def test_the_walks_cause_takes_the_texts_root_and_its_line_and_leaves_other_failures_alone() -> None:
    text = [
        at(1, diagnosis("registry-slow", "network", Verdict.INCONCLUSIVE)),
        at(1, diagnosis("tls-slow", "tls", Verdict.INCONCLUSIVE, Role.ALTERNATIVE)),
        at(5, diagnosis("disk-full", "host", Verdict.INCONCLUSIVE, Role.INDEPENDENT)),
        at(7, diagnosis("pull-broken", "network", Verdict.REFUTED, Role.INDEPENDENT)),
    ]
    walked = diagnosis("proxy-silent", "proxy", Verdict.CONFIRMED)
    assert names(settle(text, [walked], NOBODY)) == [
        ("proxy-silent", Role.ROOT),
        ("registry-slow", Role.CONSEQUENCE),
        ("tls-slow", Role.CONSEQUENCE),
        ("disk-full", Role.INDEPENDENT),
        ("pull-broken", Role.ALTERNATIVE),
    ]


# --- a check's findings ----------------------------------------------------------------------------------


def finding(folder: RuleFolder, rule_id: str, role: Role = Role.ROOT, **facts: str) -> tuple[Diagnosis, Candidate]:
    rule = folder.loaded(rule_id)
    found = replace(diagnosis(rule.id, rule.layer, Verdict.CONFIRMED), facts=facts)
    return found, Candidate(rule, facts, role=role)


def test_findings_of_one_rule_have_roles_of_their_own(folder: RuleFolder) -> None:
    folder.rule("net-refused", layer="network")
    behind = finding(folder, "net-refused", Role.CONSEQUENCE, registry="a.example")
    other = finding(folder, "net-refused", registry="b.example")
    for order in ([behind, other], [other, behind]):
        assert [(d.facts["registry"], d.role) for d in ordered(order)] == [
            ("b.example", Role.ROOT),
            ("a.example", Role.CONSEQUENCE),
        ]


def test_the_worst_and_nearest_finding_leads(folder: RuleFolder) -> None:
    folder.rule("net-refused", layer="network")
    folder.rule("proxy-gone", causes=["tag-missing"])
    folder.rule("tag-missing", layer="image")
    found = [finding(folder, name) for name in ("tag-missing", "net-refused", "proxy-gone")]
    assert names(ordered(found)) == [
        ("proxy-gone", Role.ROOT),
        ("net-refused", Role.INDEPENDENT),
        ("tag-missing", Role.CONSEQUENCE),
    ]
    milder = [(replace(d, severity=Severity.WARNING), c) if d.rule == "proxy-gone" else (d, c) for d, c in found]
    assert names(ordered(milder))[0] == ("net-refused", Role.ROOT)


# --- explain ---------------------------------------------------------------------------------------------


def test_failures_beyond_those_that_are_probed_are_told_all_the_same(folder: RuleFolder) -> None:
    for name in "abcdefghij":
        folder.rule(f"gone-{name}", f"gone {name} now")
    book = folder.book()
    question = Question("\n".join(f"2025-01-01 10:00:00 gone {name} now" for name in "abcdefghij"), seconds=5)
    report = asyncio.run(with_probes(book, question, match(book, question.text)))
    assert [d.rule for d in report.diagnoses] == [f"gone-{name}" for name in "abcdefghij"]
    assert [d.verdict for d in report.diagnoses] == [Verdict.INCONCLUSIVE] * 8 + [Verdict.UNCHECKED] * 2
    assert "only the first failures" in report.diagnoses[9].because


def test_a_text_from_elsewhere_has_the_fixes_of_its_own_words(folder: RuleFolder) -> None:
    variants = [{"on": [on], "proof": "docs", "steps": [{"text": on}]} for on in ("docker-engine", "docker-desktop")]
    folder.recipe("docker.again", variants=variants)
    folder.rule("pull-gone", "pull gone", fixes=[{"use": "docker.again"}])
    book = folder.book()
    for text, wanted in (
        ("Error response from daemon: pull gone", "docker-engine"),
        ("Docker Desktop: Error response from daemon: pull gone", "docker-desktop"),
    ):
        report = by_text(book, Question(text), match(book, text), "elsewhere")
        assert [fix.platform for fix in report.diagnoses[0].fixes] == [wanted]
        assert report.diagnoses[0].verdict is Verdict.UNCHECKED
