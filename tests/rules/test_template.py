"""Placeholders: filled once, a value is never scanned again, a missing value is no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.model import UNSEEN
from kdoctor.rules.template import fill, first_filled, names
from tests.rules.folders import evidence, scope


def test_facts_and_fields_of_probes_are_filled_in() -> None:
    one = scope({"proxy": "127.0.0.1:7890"}, listener=evidence("refused", "connect: connection refused", line=3))
    text = "{proxy}: {listener.outcome}, {listener.detail}, line {listener.line}, {listener.target}"
    assert fill(text, one) == "127.0.0.1:7890: refused, connect: connection refused, line 3, 192.0.2.1:443"


def test_a_name_may_hold_digits_behind_its_first_letter() -> None:
    assert fill("{ipv4} {4ipv}", scope({"ipv4": "192.0.2.1", "4ipv": "x"})) == "192.0.2.1 {4ipv}"


def test_a_list_is_told_with_commas() -> None:
    assert fill("{p.servers}", scope(p=evidence("ok", servers=("10.0.0.1", "10.0.0.2")))) == "10.0.0.1, 10.0.0.2"


def test_zero_and_false_are_values() -> None:
    assert fill("{p.n} {p.b}", scope(p=evidence("ok", n=0, b=False))) == "0 False"


@pytest.mark.parametrize(
    "template", ["{image}", "a {image} b", "{p.address}", "{p.empty}", "{p.none}", "{q.outcome}", "{proxy} {image}"]
)
def test_a_template_with_a_missing_value_is_no_text(template: str) -> None:
    assert fill(template, scope({"proxy": "x"}, p=evidence("ok", empty="", none=()))) is None


def test_a_value_is_never_scanned_again() -> None:
    one = scope({"proxy": "{registry}", "registry": "{proxy}{proxy}"})
    assert fill("{proxy} {registry}", one) == "{registry} {proxy}{proxy}"


@given(st.text(), st.text())
def test_values_come_out_as_they_went_in(first: str, second: str) -> None:
    got = fill("<{proxy}|{p.value}>", scope({"proxy": first}, p=evidence("ok", value=second)))
    assert got == (f"<{first}|{second}>" if first and second else None)


@pytest.mark.parametrize(
    "text",
    [
        "{{.HTTPSProxy}}",
        "{ proxy }",
        "{}",
        "{0}",
        "{Proxy}",
        '{"dns": ["1.1.1.1"]}',
        "{proxy",
        "{proxy!r}",
        "{proxy.a.b}",
    ],
)
def test_other_braces_stay_as_they_are(text: str) -> None:
    assert fill(text, scope({"proxy": "x"})) == text
    assert list(names(text)) == []


def test_what_an_unseen_probe_would_have_said_is_missing_but_its_reason_can_be_told() -> None:
    one = scope(p=evidence(UNSEEN, "the daemon is in a VM"))
    assert fill("{p.address}", one) is None
    assert fill("{p.detail}", one) == "the daemon is in a VM"


def test_the_first_alternative_that_can_be_filled_is_taken() -> None:
    one = scope({"proxy": "x"})
    assert first_filled(("{image}", "by {proxy}", "plain"), one) == "by x"
    assert first_filled(("{image}", "{registry}"), one) is None
    assert first_filled("by {proxy}", one) == "by x"
    assert first_filled(None, one) is None
    assert first_filled((), one) is None


def test_names_are_told_in_order() -> None:
    assert list(names("{b} and {a.c_1} and {b}")) == ["b", "a.c_1", "b"]
