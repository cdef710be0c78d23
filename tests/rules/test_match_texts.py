"""From a text to candidates: what hits a record, which facts stand where, and which candidate is the root."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdoctor.model import Role
from kdoctor.reading.stream import Window
from kdoctor.rules.book import open_book
from kdoctor.rules.candidate import Candidate
from kdoctor.rules.match import match, match_windows, registry_of
from tests.rules.folders import RuleFolder

OPTIONAL = {"optional": True}
PROXY = {"proxy": {"type": "proxy", **OPTIONAL}}
PROXY_REGEX = r"proxyconnect tcp: dial tcp (?P<proxy>[0-9.]{7,15}:[0-9]{1,5}): connect: connection refused"
GET = 'Get "https://quay.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused'


def roles(candidates: list[Candidate]) -> dict[str, Role]:
    return {one.rule.id: one.role for one in candidates}


def test_a_text_that_no_pattern_is_in_nominates_nothing(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.match("all is well") == []
    assert folder.match("") == []


# --- any, none, context ------------------------------------------------------------------------------


def test_one_of_any_is_enough(folder: RuleFolder) -> None:
    folder.rule(
        "proxy-gone", match={"any": [{"id": "a", "regex": "proxy is gone"}, {"id": "b", "regex": "no proxy here"}]}
    )
    assert folder.matched("the proxy is gone") == ["proxy-gone"]
    assert folder.matched("There is NO  PROXY\nhere") == ["proxy-gone"]


def test_none_refuses_the_record_that_it_is_in_and_no_other(folder: RuleFolder) -> None:
    folder.rule(
        "proxy-gone",
        match={"any": [{"id": "a", "regex": "proxy is gone"}], "none": [{"id": "n", "regex": "just joking"}]},
    )
    assert folder.matched("proxy is gone, just joking") == []
    assert folder.matched("proxy is gone,\n  just joking") == []
    assert folder.matched("2025-01-01 10:00:00 just joking\n2025-01-01 10:00:01 proxy is gone") == ["proxy-gone"]


def test_a_context_may_stand_in_a_record_nearby_but_not_far_away(folder: RuleFolder) -> None:
    folder.words({}, {"registry": ["/v2/"]})
    folder.rule("net-refused", match={"any": [{"id": "a", "regex": "connection refused"}], "context": "registry"})
    stamp = "2025-01-01 10:00:0{} "
    near = [stamp.format(0) + "GET /v2/", stamp.format(1) + "hm", stamp.format(2) + "connection refused"]
    far = [near[0], *(stamp.format(i) + "hm" for i in range(1, 8)), stamp.format(9) + "connection refused"]
    assert folder.matched("connection refused by /v2/") == ["net-refused"]
    assert folder.matched("\n".join(near)) == ["net-refused"]
    assert folder.matched("\n".join(reversed(near))) == ["net-refused"]
    assert folder.matched("\n".join(far)) == []
    assert folder.matched("connection refused") == []


# --- supersedes --------------------------------------------------------------------------------------


def test_a_special_rule_replaces_the_general_one_in_its_record(folder: RuleFolder) -> None:
    folder.rule("net-refused", "connection refused")
    folder.rule("proxy-refused", "proxyconnect .{0,80}connection refused", supersedes=["net-refused"])
    assert folder.matched("proxyconnect tcp: connection refused") == ["proxy-refused"]
    assert folder.matched("connection refused") == ["net-refused"]


def test_supersedes_does_not_reach_another_record(folder: RuleFolder) -> None:
    folder.rule("net-refused", "connection refused")
    folder.rule("proxy-refused", "proxyconnect .{0,80}connection refused", supersedes=["net-refused"])
    text = "2025-01-01 10:00:00 proxyconnect tcp: connection refused\n2025-01-01 10:00:01 dial: connection refused"
    assert sorted(folder.matched(text)) == ["net-refused", "proxy-refused"]


def test_a_rule_that_is_dropped_for_want_of_a_fact_replaces_nothing(folder: RuleFolder) -> None:
    folder.rule("net-refused", "connection refused")
    folder.rule("proxy-refused", "connection refused", facts={"image": {"type": "image"}}, supersedes=["net-refused"])
    assert folder.matched("connection refused") == ["net-refused"]
    assert folder.matched('Failed to pull image "nginx:1.27": connection refused') == ["proxy-refused"]


# --- causes, explained_by, weak ----------------------------------------------------------------------


def two(
    folder: RuleFolder, first: dict[str, Any] | None = None, second: dict[str, Any] | None = None
) -> dict[str, Role]:
    """Match a text with two failures; `aa-first` stands above `bb-second`."""
    folder.rule("aa-first", "the first thing", **(first or {}))
    folder.rule("bb-second", "the second thing", **(second or {}))
    return roles(folder.match("2025-01-01 10:00:00 the first thing\n2025-01-01 10:00:01 the second thing"))


def test_without_an_order_the_first_in_the_text_leads(folder: RuleFolder) -> None:
    assert two(folder) == {"aa-first": Role.ROOT, "bb-second": Role.INDEPENDENT}


def test_two_readings_of_one_line_are_alternatives(folder: RuleFolder) -> None:
    folder.rule("aa-first", "the thing broke")
    folder.rule("bb-second", "broke in two")
    assert roles(folder.match("the thing broke in two")) == {"aa-first": Role.ROOT, "bb-second": Role.ALTERNATIVE}
    assert roles(folder.match("the thing broke\n  and broke in two"))["bb-second"] is Role.INDEPENDENT
    folder.rule("cc-third", "broke in", causes=["aa-first"])
    assert roles(folder.match("the thing broke in two")) == {
        "bb-second": Role.ROOT,
        "cc-third": Role.ALTERNATIVE,
        "aa-first": Role.CONSEQUENCE,
    }


def test_an_error_leads_before_a_warning(folder: RuleFolder) -> None:
    found = two(folder, {"severity": "warning"})
    assert list(found) == ["bb-second", "aa-first"]
    assert found["bb-second"] is Role.ROOT


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"causes": ["aa-first"]}),
        ({"explained_by": ["bb-second"]}, {}),
        ({"explained_by": ["dns"]}, {"layer": "dns"}),
        ({"weak": True}, {}),
    ],
)
def test_the_cause_leads_wherever_it_stands(folder: RuleFolder, first: dict[str, Any], second: dict[str, Any]) -> None:
    assert two(folder, first, second) == {"bb-second": Role.ROOT, "aa-first": Role.CONSEQUENCE}


def test_a_layer_explains_none_of_its_own(folder: RuleFolder) -> None:
    assert two(folder, {"explained_by": ["proxy"]}) == {"aa-first": Role.ROOT, "bb-second": Role.INDEPENDENT}


def test_causes_order_the_failures_of_one_record_too(folder: RuleFolder) -> None:
    folder.rule("sandbox-gone", "failed to create pod sandbox")
    folder.rule("proxy-gone", "proxyconnect", causes=["sandbox-gone"])
    assert roles(folder.match("failed to create pod sandbox: proxyconnect")) == {
        "proxy-gone": Role.ROOT,
        "sandbox-gone": Role.CONSEQUENCE,
    }


def test_two_that_explain_each_other_are_two_failures(folder: RuleFolder) -> None:
    assert two(folder, {"causes": ["bb-second"]}, {"causes": ["aa-first"]}) == {
        "aa-first": Role.ROOT,
        "bb-second": Role.INDEPENDENT,
    }


_IDS = [f"rule-{name}" for name in "abcde"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(_IDS), st.lists(st.sampled_from(_IDS), max_size=2, unique=True)),
    st.sets(st.sampled_from(_IDS)),
)
def test_whatever_the_order_there_is_one_root_and_it_leads(
    folder: RuleFolder, causes: dict[str, list[str]], weak: set[str]
) -> None:
    for name in _IDS:
        folder.rule(name, f"says {name}", causes=[o for o in causes.get(name, []) if o != name], weak=name in weak)
    found = folder.match("\n".join(f"2025-01-01 10:00:00 says {name}" for name in _IDS))
    assert sorted(one.rule.id for one in found) == _IDS
    assert [one.role for one in found].count(Role.ROOT) == 1
    assert found[0].role is Role.ROOT


# --- facts -------------------------------------------------------------------------------------------


def test_a_named_group_is_a_fact_without_quotes_and_userinfo(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", r"the proxy (?P<proxy>\S{1,80}) is gone", facts=PROXY)
    (found,) = folder.match('the proxy "http://me:secret@proxy.corp:3128", is gone')
    assert found.facts == {"proxy": "http://proxy.corp:3128"}


def test_of_a_registry_only_the_host_is_kept(folder: RuleFolder) -> None:
    folder.rule("pull-gone", r"from (?P<registry>\S{1,80}) failed", facts={"registry": {"type": "registry"}})
    assert folder.match("from a.pkg.dev:443/v2/x failed")[0].facts == {"registry": "a.pkg.dev:443"}


def test_facts_that_no_pattern_captured_are_taken_from_the_record(folder: RuleFolder) -> None:
    facts = {**PROXY, "registry": {"type": "registry", **OPTIONAL}, "url": {"type": "url", **OPTIONAL}}
    folder.rule("proxy-gone", PROXY_REGEX, facts=facts)
    (found,) = folder.match(f"Error response from daemon: {GET}")
    assert found.facts == {"proxy": "127.0.0.1:7890", "registry": "quay.io", "url": "https://quay.io/v2/"}


def test_a_fact_may_stand_on_a_neighbouring_record_and_the_nearest_counts(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", "proxy is gone", facts={"image": {"type": "image", **OPTIONAL}})
    lines = ['12:00 Pulling image "far/away:1"', '12:00 Pulling image "near/by:2"', "12:00 proxy is gone", "12:00 hm"]
    (found,) = folder.match("\n".join(line.replace("12:00", "2025-01-01 10:00:00") for line in lines))
    assert found.facts == {"image": "near/by:2"}


def test_the_registry_of_the_image_is_the_registry_where_none_is_named(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", "proxy is gone", facts={"registry": {"type": "registry", **OPTIONAL}})
    assert folder.match('Failed to pull image "quay.io/a/b:1": proxy is gone')[0].facts == {"registry": "quay.io"}
    assert folder.match('Failed to pull image "nginx": proxy is gone')[0].facts == {"registry": "registry-1.docker.io"}


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("nginx", "registry-1.docker.io"),
        ("a/b", "registry-1.docker.io"),
        ("docker.io/a/b", "registry-1.docker.io"),
        ("index.docker.io/a", "registry-1.docker.io"),
        ("localhost/a", "localhost"),
        ("reg:5000/a", "reg:5000"),
        ("ghcr.io/a/b@sha256:0", "ghcr.io"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_a_rule_whose_fact_is_nowhere_is_dropped(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", "proxy is gone", facts={"image": {"type": "image"}})
    assert folder.matched("proxy is gone") == []


def test_of_several_occurrences_the_one_that_states_most_is_shown(folder: RuleFolder) -> None:
    folder.rule(
        "proxy-gone",
        match={"any": [{"id": "a", "regex": PROXY_REGEX}, {"id": "b", "regex": "proxyconnect"}]},
        facts=PROXY,
    )
    (found,) = folder.match(
        f"2025-01-01 10:00:00 proxyconnect\n2025-01-01 10:00:01 {GET}\n2025-01-01 10:00:02 proxyconnect"
    )
    assert found.facts == {"proxy": "127.0.0.1:7890"}
    assert found.matched is not None
    assert found.matched.line == 2
    assert (found.locations[0].line, found.locations[0].last_line, found.locations[0].count) == (1, 3, 3)


# --- lines and counts --------------------------------------------------------------------------------


def place(candidates: list[Candidate]) -> tuple[int, int, int, int]:
    """Return the line shown, the first and last line, and the count of a single candidate."""
    (found,) = candidates
    assert found.matched is not None
    (location,) = found.locations
    return found.matched.line, location.line, location.last_line, location.count


@pytest.fixture
def gone(folder: RuleFolder) -> RuleFolder:
    folder.rule("proxy-gone", "the proxy is gone")
    return folder


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("the proxy is gone", (1, 1, 1, 1)),
        ("\n\nthe proxy is gone\n", (3, 3, 3, 1)),
        ("a\r\nb\r\nthe proxy is gone\r\n", (3, 3, 3, 1)),
        ("\x1b[31ma\x1b[0m\n\x1b[1mthe proxy\x1b[0m is gone", (2, 2, 2, 1)),
        ("a\n  the proxy\n  is gone\nb", (2, 2, 2, 1)),
        ('{"log":"a\\nb\\nthe proxy is gone\\n"}\n{"log":"c"}', (1, 1, 1, 1)),
        ("the proxy is gone\nthe proxy is gone\nthe proxy is gone", (1, 1, 3, 3)),
        ("2025-01-01 10:00:00 the proxy is gone\nx\n\n2025-01-01 10:00:01 the proxy is gone", (1, 1, 4, 2)),
        ("the proxy is gone and the proxy is gone", (1, 1, 1, 1)),
    ],
    ids=range(9),
)
def test_lines_are_those_of_the_persons_own_text(
    gone: RuleFolder, text: str, wanted: tuple[int, int, int, int]
) -> None:
    assert place(gone.match(text)) == wanted


def test_a_failure_told_by_two_patterns_is_counted_once(folder: RuleFolder) -> None:
    folder.rule(
        "proxy-gone", match={"any": [{"id": "a", "regex": "proxy is gone"}, {"id": "b", "regex": "gone for good"}]}
    )
    assert place(folder.match("the proxy is gone for good")) == (1, 1, 1, 1)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_line_of_a_failure_that_the_console_broke_is_where_it_begins(gone: RuleFolder, width: int) -> None:
    message = "x" * (2 * width - 8) + " the proxy is gone and more words follow"
    wrapped = "\n".join(message[i : i + width] for i in range(0, len(message), width))
    assert place(gone.match(f"first line\n{wrapped}"))[0] == 3


def test_the_line_shown_is_short_and_on_one_line(gone: RuleFolder) -> None:
    (found,) = gone.match("the proxy is gone" + " \t and so on" * 200)
    assert found.matched is not None
    assert found.matched.text.startswith("the proxy is gone and so on")
    assert len(found.matched.text) <= 400


def test_a_window_of_a_long_text_keeps_the_numbers_of_its_lines(gone: RuleFolder) -> None:
    windows = [Window(1001, "a\nthe proxy is gone"), Window(5000, "the proxy is gone\nb")]
    (found,) = match_windows(gone.book(), windows, "big.log")
    assert found.matched is not None
    assert found.matched.line == 1002
    (location,) = found.locations
    assert (location.source, location.line, location.last_line, location.count) == ("big.log", 1002, 5000, 2)


def test_a_log_of_many_lines_and_a_very_long_line_are_read_in_time(gone: RuleFolder) -> None:
    lines = [f"2025-01-01 10:00:00 line {i} with some ordinary words" for i in range(8000)]
    lines[7000] += " the proxy is gone"
    assert place(gone.match("\n".join(lines))) == (7001, 7001, 7001, 1)
    assert place(gone.match("y" * 8000 + " the proxy is gone " + "y" * 200_000))[0] == 1


def test_the_engine_is_told_by_the_words_near_the_failure_where_the_text_is_long(gone: RuleFolder) -> None:
    (found,) = gone.match("x\n" * 100_000 + "Error response from daemon: the proxy is gone")
    assert found.engine == "docker"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="abc \n\r\t\x1b[31m\\\"'{}>|#", max_size=200))
def test_no_text_whatever_makes_an_error(gone: RuleFolder, text: str) -> None:
    book = gone.book()
    match(book, text)
    assert "proxy-gone" in [one.rule.id for one in match(book, f"{text}\n2025-01-01 10:00:00 the proxy is gone")]


# --- the shipped rules: facts and counts -------------------------------------------------------------

MISBEHAVES = "dial tcp: lookup registry-1.docker.io on 192.168.64.1:53: server misbehaving"


@pytest.mark.parametrize(
    "text",
    [
        f"{MISBEHAVES}\n" * 13_600,
        f"{MISBEHAVES}\nanother line\n" * 6_000,
        "".join(f"{MISBEHAVES}\n" + "a line of another kind\n" * (i % 5) for i in range(6_000)),
    ],
)
def test_lines_without_a_time_are_counted_all(text: str) -> None:
    (found,) = match(open_book(), text)
    lines = [i for i, line in enumerate(text.split("\n"), 1) if line == MISBEHAVES]
    (place,) = found.locations
    assert (place.line, place.last_line, place.count) == (lines[0], lines[-1], len(lines))


def test_windows_that_overlap_count_a_line_once() -> None:
    text = "".join(f"{MISBEHAVES}\n" for _ in range(200))
    lines = text.splitlines(keepends=True)
    hits = tuple((i, b"") for i in range(1, 201))
    windows = [Window(1, "".join(lines[:130]), "", hits[:130]), Window(95, "".join(lines[94:]), "", hits[94:])]
    (found,) = match_windows(open_book(), windows, "log")
    (place,) = found.locations
    assert (place.line, place.last_line, place.count) == (1, 200, 200)


@pytest.mark.parametrize("broken", ["127.0.0.1:1\n0809", "127.0.0.1:1080\n9", "127.0.0.1\n:10809", "127.0.0.1:10809"])
def test_an_address_that_a_console_broke_is_stated_whole(broken: str) -> None:
    text = (
        "PS C:\\> docker pull nginx:1.27\n"
        'docker : Error response from daemon: Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp '
        f"{broken}: connectex: No connection could be made because the target machine actively refused it.\n"
        "At line:1 char:1\n+ docker pull nginx:1.27\n"
    )
    assert match(open_book(), text)[0].facts["proxy"] == "127.0.0.1:10809"


def test_an_image_that_a_console_broke_is_taken_where_it_is_whole() -> None:
    line = "ERROR: failed to solve: Canceled: mcr.microsoft.com/lab/sdk:8.0: failed to resolve source metadata for "
    text = (
        f'{line}mcr.mi\ncrosoft.com/lab/sdk:8.0: failed to do request: Head "https://mcr.microsoft.com/v2/lab/sdk/'
        'manifests/8.0": dial tcp: lookup mcr.microsoft.com on 192.168.65.7:53: no such host\n'
    )
    assert match(open_book(), text)[0].facts["image"] == "mcr.microsoft.com/lab/sdk:8.0"


def test_no_fact_is_taken_from_the_event_of_another_image() -> None:
    text = (
        '3m  Warning  Failed  pod/a  Failed to pull image "quay.io/lab/a:7": failed to do request: Head '
        '"https://quay.io/v2/lab/a/manifests/7": dial tcp 192.0.2.4:443: i/o timeout\n'
        '2m  Warning  Failed  pod/b  Failed to pull image "ghcr.io/lab/b:9": ghcr.io/lab/b:9: not found\n'
    )
    facts = {one.rule.id: one.facts for one in match(open_book(), text)}
    assert facts["image-tag-not-found"]["registry"] == "ghcr.io"
    assert "url" not in facts["image-tag-not-found"]


@pytest.mark.parametrize(
    ("after", "rules"),
    [
        ('  Normal  Pulled  40s  kubelet  Successfully pulled image "nginx:1.27" in 4.2s', []),
        ("Status: Downloaded newer image for nginx:1.27", []),
        ('time="t" level=info msg="Pulled image: docker.io/library/nginx@sha256:11"', []),
        ("Status: Downloaded newer image for nginx:1.28", ["registry-timeout"]),
        ("Status: Downloaded newer image for redis:1.27", ["registry-timeout"]),
    ],
)
def test_a_pull_that_came_right_in_the_end_is_no_failure(after: str, rules: list[str]) -> None:
    failed = (
        '  Warning  Failed  60s  kubelet  Failed to pull image "nginx:1.27": failed to do request: Head '
        '"https://registry-1.docker.io/v2/library/nginx/manifests/1.27": dial tcp 192.0.2.4:443: i/o timeout'
    )
    assert [one.rule.id for one in match(open_book(), f"{failed}\n{after}\n")] == rules
    assert [one.rule.id for one in match(open_book(), f"{after}\n{failed}\n")] == ["registry-timeout"]


SANDBOX = (
    "  Warning  FailedCreatePodSandBox  9s (x4 over 30s)  kubelet  Failed to create pod sandbox: rpc error: code = "
    'Unknown desc = failed to setup network for sandbox "0a1": plugin type="loopback" failed: no networks found in '
    "/etc/cni/net.d"
)
STARTED = "  Normal  Started  2s  kubelet  Started container web"
LEASE = (
    'E0101 10:00:00.000000 7 controller.go:145] "Failed to ensure lease exists, will retry" err="Get '
    '\\"https://192.0.2.1:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1?timeout=10s\\": '
    'dial tcp 192.0.2.1:6443: connect: connection refused"'
)
REGISTERED = 'I0101 10:00:09.000000 7 kubelet_node_status.go:78] "Successfully registered node" node="n1"'
UNSCHEDULED = "5m  Warning  FailedScheduling  pod/web-1  0/2 nodes are available: 2 Insufficient cpu."


@pytest.mark.parametrize(
    ("failed", "after", "rule"),
    [
        (SANDBOX, STARTED, "cni-not-ready"),
        (LEASE, REGISTERED, "apiserver-unreachable"),
        (
            UNSCHEDULED,
            "4m  Normal  Scheduled  pod/web-1  Successfully assigned default/web-1 to n1",
            "pod-unschedulable",
        ),
    ],
)
def test_a_failure_that_is_over_further_down_is_none(failed: str, after: str, rule: str) -> None:
    assert match(open_book(), f"{failed}\n{after}\n") == []
    assert [one.rule.id for one in match(open_book(), f"{after}\n{failed}\n")] == [rule]
    assert [one.rule.id for one in match(open_book(), f"{failed}\n{after}\n{failed}\n")] == [rule]


def test_what_another_pod_came_to_ends_no_failure() -> None:
    assert match(open_book(), f"Name:  b\nEvents:\n{SANDBOX}\nName:  a\nEvents:\n{STARTED}\n")
    assert match(open_book(), f"{UNSCHEDULED}\n4m  Normal  Scheduled  pod/b  Successfully assigned default/b to n1\n")


def test_an_end_is_of_the_rules_and_layers_that_it_names(folder: RuleFolder) -> None:
    folder.words({}, {}, {"back": {"of": ["proxy-gone"], "any": ["proxy (?P<name>[a-z]{1,9}) is back"]}})
    folder.rule("proxy-gone", "proxy [a-z]{1,9} is gone")
    folder.rule("proxy-lost", "proxy [a-z]{1,9} is lost")
    assert folder.matched("Proxy A is gone\nProxy A is lost\nProxy A is back") == ["proxy-lost"]
    assert folder.matched("Proxy A is gone\nProxy B is back") == ["proxy-gone"]


def test_a_vague_wording_counts_where_nothing_else_is_found(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", "proxy is gone")
    folder.rule("start-failed", match={"any": [{"id": "a", "regex": "start failed", "vague": True}]})
    assert folder.matched("start failed") == ["start-failed"]
    assert folder.matched("start failed\nproxy is gone") == ["proxy-gone"]


def test_a_start_that_failed_for_another_reason_is_not_said_to_lack_a_driver() -> None:
    text = (
        "❌  Exiting due to GUEST_PROVISION: Failed to start host: creating host: create: creating: create kic node: "
        'Error response from daemon: Get "https://quay.io/v2/": dial tcp 192.0.2.1:443: i/o timeout'
    )
    assert [one.rule.id for one in match(open_book(), text)] == ["registry-timeout"]


@pytest.mark.parametrize("width", [52, 58, 64, 67])
def test_a_message_that_was_broken_once_inside_a_word_at_any_width_is_read(width: int) -> None:
    text = "Error response from daemon: dial tcp 203.0.113.45:443: connect: operation not permitted"
    broken = "\n".join(text[i : i + width] for i in range(0, len(text), width))
    assert [one.rule.id for one in match(open_book(), broken)] == ["egress-blocked"]


def test_no_fact_goes_on_in_a_line_that_begins_anew() -> None:
    command = "$ docker run --rm --name shop-db -e SHOP_ROOT_PASSWORD=secret --detach db:8.0.36"
    assert len(command) == 80
    text = f"{command}\nUnable to find image 'db:8.0.36' locally\ndocker: no matching manifest for linux/arm64/v8"
    found = match(open_book(), text)
    assert (found[0].rule.id, found[0].facts["image"]) == ("image-platform-mismatch", "db:8.0.36")
    text = "Error: image shop.example.com/team/web:18.04\nno basic auth credentials"
    assert [one.facts.get("image") for one in match(open_book(), text)] == ["shop.example.com/team/web:18.04"]


def test_a_message_that_a_console_broke_twice_goes_on_with_a_capital() -> None:
    text = (
        "WARNING: Download from https://reg.example.com/v2/shop/web/manifests/3 failed: class com.google.devtools.build"
        ".lib.bazel.repository.downloader.UnrecoverableHttpException GET returned 403 Forbidden"
    )
    broken = "\n".join(text[i : i + 80] for i in range(0, len(text), 80))
    assert "\nException GET " in broken
    assert [one.rule.id for one in match(open_book(), broken)] == ["registry-forbidden"]


def test_a_url_in_escaped_angle_brackets_is_read() -> None:
    text = "docker: Get &lt;https://reg.lab.example/v2/&gt;: http: server gave HTTP response to HTTPS client"
    assert [one.rule.id for one in match(open_book(), text)] == ["registry-http-not-https"]
