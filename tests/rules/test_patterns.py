"""Patterns: fragments, blanks, literals that every match holds, and what could take long is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kdoctor.reading.clean import Line
from kdoctor.reading.records import Record
from kdoctor.rules.literals import literals, readings
from kdoctor.rules.patterns import FLAGS, PatternError, compiled, dangers, expand, stretched

# --- fragments -------------------------------------------------------------------------------------


def test_fragments_stand_as_groups_of_their_own() -> None:
    fragments = {"REFUSED": "connection refused|actively refused", "WHO": "dial (?:%REFUSED%)"}
    assert compiled(expand("%WHO%!", fragments)).search("dial actively refused!")
    assert not compiled(expand("dial %REFUSED%", fragments)).search("actively refused")
    assert compiled(expand("(?:%REFUSED%)?x", fragments)).search("x")


def test_an_unknown_fragment_is_refused_with_the_nearest() -> None:
    with pytest.raises(PatternError, match=r'no fragment %REFUSE% in words.yaml. Did you mean "REFUSED"\?'):
        expand("%REFUSE%", {"REFUSED": "x"})


def test_fragments_in_a_circle_are_refused() -> None:
    with pytest.raises(PatternError, match="circle"):
        expand("%AA%", {"AA": "%BB%", "BB": "x%AA%"})


def test_fragments_that_would_grow_without_end_are_refused() -> None:
    doubling = {f"F{i}": f"%F{i + 1}%" * 20 for i in range(7)} | {"F7": "x" * 20}
    with pytest.raises(PatternError, match="long"):
        expand("%F0%", doubling)


def test_a_percent_sign_that_names_nothing_is_itself() -> None:
    assert expand("100% of %a% %", {}) == "100% of %a% %"


# --- blanks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap", [" ", "  ", "\n", "\t", " \n    ", "\u3000"])
def test_a_blank_matches_any_run_of_white_space(gap: str) -> None:
    assert compiled("connection refused").search(f"connection{gap}refused")


def test_a_blank_matches_neither_nothing_nor_a_whole_page() -> None:
    assert not compiled("connection refused").search("connectionrefused")
    assert not compiled("connection refused").search("connection" + " " * 200 + "refused")


@pytest.mark.parametrize("regex", ["[ x]y", "[^ ]y", "[] x]y", "[^] ]y", r"[\] x]y"])
def test_a_blank_in_a_class_is_itself(regex: str) -> None:
    assert stretched(regex) == regex
    assert not re.compile(stretched(regex), FLAGS).search("\ny") or regex.startswith("[^")


def test_blanks_behind_a_class_are_stretched_again() -> None:
    assert compiled("[a-z] b").search("a\nb")
    assert compiled(r"\[ERROR x\] b").search("[ERROR x]\nb")


@pytest.mark.parametrize(
    ("regex", "yes", "no"),
    [
        ("a ?b", ("ab", "a b", "a\nb"), ("a-b",)),
        ("a *b", ("ab", "a b", "a \n b"), ("a-b",)),
        ("a +b", ("a b", "a  b"), ("ab",)),
        ("a {0,3}b", ("ab", "a b"), ("a-b",)),
    ],
)
def test_a_repeated_blank_keeps_its_meaning(regex: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    pattern = compiled(regex)
    assert [text for text in yes if not pattern.fullmatch(text)] == []
    assert [text for text in no if pattern.search(text)] == []


def test_an_escaped_blank_is_one_blank() -> None:
    assert compiled(r"a\ b").search("a b")
    assert not compiled(r"a\ b").search("a\nb")


def test_case_does_not_count_and_line_ends_do() -> None:
    assert compiled("^error$").search("first\nERROR\nlast")
    assert not compiled("^error$").search("an error")


def test_what_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(PatternError, match="not a regular expression"):
        compiled("a(b")


# --- literals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regex", "wanted"),
    [
        ("proxyconnect tcp: x+", {"proxyconnect tcp:"}),
        ("(?:connection refused|actively refused) [0-9]+", {"connection refused", "actively refused"}),
        ("(?:long words|no)? short", {"short"}),
        ("(?P<x>[a-z]+)Exiting", {"exiting"}),
        ("(?:abcdef){2}", {"abcdef"}),
        ("(?:abcdef){0,2}xyz", {"xyz"}),
        ("a|bcd", set()),
        ("[0-9]+", set()),
        ("ab", set()),
        ("", set()),
    ],
)
def test_literals_are_the_longest_words_that_cannot_be_missing(regex: str, wanted: set[str]) -> None:
    assert set(literals(regex)) == wanted


_PARTS = {
    "dial tcp": "dial tcp",
    "Refused": "REFUSED",
    " on ": "\n  on\t",
    "x509: ": "x509: ",
    r"\[ERROR": "[Error",
    r"a\.b": "a.b",
    "[0-9]{1,3}": "42",
    r"\S{1,5}": "xyz",
    ".{0,6}": "",
    "(?:lookup){2}": "lookupLookup",
    "(?:i/o timeout)?": "",
}
"""Parts of patterns, each with a text that it matches."""

_group = st.lists(st.sampled_from(sorted(_PARTS)), min_size=1, max_size=3).flatmap(
    lambda parts: st.tuples(st.just(f"(?:{'|'.join(parts)})"), st.sampled_from(parts).map(_PARTS.__getitem__))
)


@given(st.lists(_group, min_size=1, max_size=5))
def test_every_match_holds_one_of_the_literals(groups: list[tuple[str, str]]) -> None:
    regex = "".join(part for part, _ in groups)
    words = literals(regex)
    assume(words)
    record = Record((Line(1, "".join(text for _, text in groups)),))
    found = re.compile(stretched(regex), FLAGS).search(record.text)
    assume(found)  # a loose part may have taken what a later one needs
    assert any(word in record.flat for word in words), (regex, words, record.text)
    assert any(all(any(w in record.flat for w in ws) for ws in way) for way in readings(regex)), regex


# --- dangers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regex", "why"),
    [
        ("(?:a+)+b", "inside another"),
        ("(?:[a-z]+ ?)*x", "inside another"),
        (r"\w+\w+x", "side by side"),
        (r"\w+[a-z]*x", "side by side"),
        (r"\w+(?:[a-z]*)x", "side by side"),
        (r"\w+x?\w+y", "side by side"),
        ("abc.*def", "bound it"),
        (r"abc[\s\S]*def", "bound it"),
        ("abc(?:.|\n)+def", "bound it"),
        ("(?:foo|fo)*x", "bound it"),
        ("(?=abc)abc", "look-around"),
        ("(?<!abc)abc", "look-around"),
        (r"(?P<q>['\"])abc(?P=q)", "back reference"),
        (r"(abc)\1", "back reference"),
        ("(a)?(?(1)abc|def)", "back reference"),
        ("(?>abc)", "RE2"),
        ("abc++", "RE2"),
    ],
)
def test_what_could_take_long_or_is_no_re2_is_refused(regex: str, why: str) -> None:
    assert any(why in problem for problem in dangers(regex)), list(dangers(regex))


@pytest.mark.parametrize(
    "regex",
    [
        "proxyconnect tcp: dial (?:tcp|tcp4|tcp6) (?P<a>[a-z.]{1,253}:[0-9]{1,5}): connection refused",
        r"abc.{0,200}def",
        r"[a-z0-9]+\.example",
        r"\[ERROR [A-Za-z]+\]: [^\n]{0,200}",
        r"[0-9]+ layers, [0-9]+ errors",
        "(?:[0-9a-f]{12}:[^\n]{0,160}\n){0,50}abc",
    ],
)
def test_ordinary_patterns_are_no_danger(regex: str) -> None:
    assert list(dangers(regex)) == []
