"""Text's readings and the walk's findings become one list: what is proven nearest to the puller leads."""

from kdoctor.model import Diagnosis, Evidence, Role, Severity, Verdict
from kdoctor.run.settling import Known, settle

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
