"""Conditions: Kleene's logic over facts and probe results, every operator, and what is refused at load."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.model import CUT, UNSEEN
from kdoctor.rules.condition import OPERATORS, TREES, Truth, evaluate, outcomes_named, problems
from kdoctor.rules.internal import is_internal
from kdoctor.rules.template import fill
from tests.rules.folders import evidence, scope

SEEN = scope({"proxy": "127.0.0.1:7890"}, p=evidence("refused"), gone=evidence(UNSEEN), late=evidence(CUT))
TRUE: dict[str, Any] = {"p.outcome": "refused"}
FALSE: dict[str, Any] = {"p.outcome": "open"}
UNKNOWN: dict[str, Any] = {"gone.outcome": "open"}
ATOM: dict[Truth, dict[str, Any]] = {True: TRUE, False: FALSE, None: UNKNOWN}


def truth(condition: dict[str, Any], **data: Any) -> Truth:
    """Evaluate over one probe `p` with the data given, or over SEEN."""
    return evaluate(condition, scope({"proxy": "127.0.0.1:7890"}, p=evidence("set", **data)) if data else SEEN, fill)


@pytest.mark.parametrize("values", list(product((True, False, None), repeat=3)))
def test_trees_follow_kleene(values: tuple[Truth, ...]) -> None:
    parts = [ATOM[value] for value in values]
    conjunction = False if False in values else None if None in values else True
    disjunction = True if True in values else None if None in values else False
    assert truth({"all": parts}) is conjunction
    assert truth({"any": parts}) is disjunction
    assert truth({"none": parts}) is (None if disjunction is None else not disjunction)


def _trees(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(TREES), st.lists(inner, min_size=1, max_size=3), min_size=1, max_size=1)


@given(st.recursive(st.sampled_from([TRUE, FALSE, UNKNOWN]), _trees, max_leaves=12))
def test_what_is_decided_despite_the_unknown_stays_so_whatever_it_turns_out_to_be(condition: dict[str, Any]) -> None:
    before = evaluate(condition, SEEN, fill)
    for outcome in ("open", "refused"):
        later = evaluate(condition, scope(p=evidence("refused"), gone=evidence(outcome)), fill)
        assert later is not None
        assert before in (None, later)


def test_several_keys_of_one_mapping_must_all_hold() -> None:
    assert truth({**TRUE, "proxy": "127.0.0.1:7890"}) is True
    assert truth({**TRUE, "proxy": "127.0.0.1:1"}) is False
    assert truth({**TRUE, **UNKNOWN}) is None


@pytest.mark.parametrize("probe", ["gone", "late", "never-asked"])
@pytest.mark.parametrize(
    "operand",
    [
        "open",
        ["open", "refused"],
        {"exists": True},
        {"exists": False},
        {"not": "open"},
        {"above": 1},
        {"contains": "x"},
    ],
)
def test_a_probe_that_did_not_look_makes_every_condition_on_it_unknown(probe: str, operand: Any) -> None:
    assert truth({f"{probe}.outcome": operand}) is None
    assert truth({f"{probe}.address": operand}) is None


@pytest.mark.parametrize(
    "operand", ["{gone.address}", ["a", "{gone.address}"], {"contains": "{gone.address}"}, {"not": "{gone.address}"}]
)
def test_a_value_from_a_probe_that_did_not_look_makes_the_comparison_unknown(operand: Any) -> None:
    assert truth({"proxy": operand}) is None
    assert truth({"none": [{"proxy": operand}]}) is None


def test_one_of_several_values_holds_although_another_is_unknown() -> None:
    assert truth({"proxy": ["127.0.0.1:7890", "{gone.address}"]}) is True
    assert truth({"proxy": {"not": ["127.0.0.1:7890", "{gone.address}"]}}) is False


def test_equal_ignores_case_and_compares_numbers_as_they_are_written() -> None:
    assert truth({"p.outcome": "REFUSED"}) is True
    assert truth({"p.line": 3}, line=3) is True
    assert truth({"p.line": "3"}, line=3) is True
    assert truth({"p.line": 4}, line=3) is False


def test_a_truth_value_equals_only_a_truth_value() -> None:
    assert truth({"p.local": True}, local=True) is True
    assert truth({"p.local": False}, local=True) is False
    assert truth({"p.local": "true"}, local=True) is False
    assert truth({"p.line": True}, line=1) is False


def test_a_list_means_one_of() -> None:
    assert truth({"p.outcome": ["open", "refused"]}) is True
    assert truth({"p.outcome": ["open", "reset"]}) is False


def test_a_missing_fact_equals_nothing() -> None:
    assert truth({"registry": "quay.io"}) is False
    assert truth({"proxy": "{registry}"}) is False
    assert truth({"registry": "{image}"}) is False


def test_contains_is_membership_for_lists_and_a_part_for_texts() -> None:
    data = {"endpoints": ("127.0.0.1:7890", "10.0.0.1:3128"), "value": "http://127.0.0.1:7890/"}
    assert truth({"p.endpoints": {"contains": "{proxy}"}}, **data) is True
    assert truth({"p.endpoints": {"contains": "127.0.0.1"}}, **data) is False
    assert truth({"p.value": {"contains": "{proxy}"}}, **data) is True
    assert truth({"p.value": {"contains": "HTTP:"}}, **data) is True
    assert truth({"p.value": {"contains": "{registry}"}}, **data) is False
    assert truth({"p.value": {"contains": ["nowhere", "7890"]}}, **data) is True


@pytest.mark.parametrize("value", [None, "", ()])
def test_exists_asks_for_a_value_that_says_something(value: Any) -> None:
    assert truth({"p.x": {"exists": True}}, x=value) is False
    assert truth({"p.x": {"exists": False}}, x=value) is True
    assert truth({"p.x": {"exists": True}}, x="v") is True
    assert truth({"p.x": {"exists": True}}, x=False) is True


def test_not_holds_for_every_other_value() -> None:
    assert truth({"p.outcome": {"not": "open"}}) is True
    assert truth({"p.outcome": {"not": "refused"}}) is False
    assert truth({"p.outcome": {"not": ["open", "refused"]}}) is False


def test_above_and_below_compare_numbers_and_texts_that_are_numbers() -> None:
    assert truth({"p.skew": {"above": 300}}, skew=301) is True
    assert truth({"p.skew": {"above": 300}}, skew=300) is False
    assert truth({"p.skew": {"below": 300}}, skew="299.5") is True
    assert truth({"p.skew": {"above": 10, "below": 20}}, skew=15) is True
    assert truth({"p.skew": {"above": 10, "below": 20}}, skew=25) is False
    assert truth({"p.skew": {"above": 0}}, skew="many") is False
    assert truth({"p.skew": {"above": 0}}, skew=True) is False


def test_under_is_the_name_itself_or_one_below_it() -> None:
    condition = {"registry": {"under": ["gcr.io", "pkg.dev"]}}
    for name, wanted in (
        ("gcr.io", True),
        ("EU.gcr.io", True),
        ("us-docker.pkg.dev", True),
        ("notgcr.io", False),
        ("gcr.io.evil.example", False),
    ):
        assert evaluate(condition, scope({"registry": name}), fill) is wanted, name
    assert evaluate({"registry": {"under": "GCR.io"}}, scope({"registry": "k8s.gcr.io"}), fill) is True


def test_internal_tells_private_hosts() -> None:
    assert evaluate({"registry": {"internal": True}}, scope({"registry": "harbor.corp:5000"}), fill) is True
    assert evaluate({"registry": {"internal": False}}, scope({"registry": "quay.io"}), fill) is True


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "10.1.2.3:5000",
        "http://user@192.168.1.1:3128/",
        "[fd00::1]:5000",
        "::1",
        "localhost",
        "localhost:5000",
        "registry",
        "registry:5000",
        "registry.kube-system.svc.cluster.local",
        "harbor.corp.",
        "100.64.1.1",
    ],
)
def test_these_hosts_are_internal(host: str) -> None:
    assert is_internal(host)


@pytest.mark.parametrize(
    "host",
    ["", "8.8.8.8", "quay.io", "quay.io:443", "https://registry-1.docker.io/v2/", "[2606:4700::1]:443", "notlocal.com"],
)
def test_these_hosts_are_not_internal(host: str) -> None:
    assert not is_internal(host)


def test_the_detail_and_target_of_a_probe_can_be_asked_for() -> None:
    one = scope(p=evidence("refused", "connect: connection refused"))
    assert evaluate({"p.detail": {"contains": "refused"}}, one, fill) is True
    assert evaluate({"p.target": "192.0.2.1:443"}, one, fill) is True


@pytest.mark.parametrize(
    ("condition", "path", "word"),
    [
        ({"all": {}}, ("all",), "list"),
        ({"any": []}, ("any",), "list"),
        ({"any": ["x"]}, ("any", 0), "mapping"),
        ({"all": [{"none": [{"x": {"is": 1}}]}]}, ("all", 0, "none", 0, "x", "is"), '"is"'),
        ({"x": {"above": "10"}}, ("x", "above"), "number"),
        ({"x": {"below": True}}, ("x", "below"), "number"),
        ({"x": {"exists": "yes"}}, ("x", "exists"), "true or false"),
        ({"x": {"internal": 1}}, ("x", "internal"), "true or false"),
        ({"x": {"under": [1]}}, ("x", "under"), "text"),
        ({"x": {"contains": [1]}}, ("x", "contains"), "text"),
        ({"x": {}}, ("x",), "operator"),
        ({"x": []}, ("x",), "value"),
        ({"x": None}, ("x",), "value"),
        ({"x": [{"a": 1}]}, ("x",), "value"),
    ],
)
def test_a_condition_that_could_not_be_evaluated_is_refused_with_its_place(
    condition: dict[str, Any], path: tuple[Any, ...], word: str
) -> None:
    found = list(problems(condition, lambda _: None))
    assert [where for where, _ in found] == [path]
    assert word in found[0][1]


def test_an_unknown_operator_is_refused_with_the_nearest() -> None:
    ((_, problem),) = problems({"x": {"exist": True}}, lambda _: None)
    assert 'Did you mean "exists"?' in problem


def test_placeholders_of_values_are_checked_like_keys() -> None:
    def wrong(name: str) -> str | None:
        return f"no {name}" if name == "nope" else None

    condition = {"all": [{"x": "{nope}"}, {"x": ["a", "{nope}"]}, {"x": {"contains": "{nope}"}}, {"x": "{fine}"}]}
    assert [problem for _, problem in problems(condition, wrong)] == ["no nope"] * 3


_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
)
_operands = st.one_of(
    st.text(max_size=6),
    st.booleans(),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=3),
    st.floats(),
    st.none(),
    st.dictionaries(
        st.sampled_from(OPERATORS),
        st.one_of(st.text(max_size=6), st.booleans(), st.integers(), st.lists(st.text(max_size=3))),
    ),
)


@given(_values, _operands)
def test_what_passes_the_check_can_be_evaluated_over_any_value(value: Any, operand: Any) -> None:
    condition = {"p.x": operand}
    if not list(problems(condition, lambda _: None)):
        assert evaluate(condition, scope(p=evidence("open", x=value)), fill) in (True, False, None)


def test_outcomes_that_are_compared_are_found_in_every_form() -> None:
    condition = {"all": [{"a.outcome": "open"}, {"any": [{"b.outcome": ["x", "y"]}, {"c.outcome": {"not": "z"}}]}]}
    assert set(outcomes_named(condition)) == {("a", "open"), ("b", "x"), ("b", "y"), ("c", "z")}
