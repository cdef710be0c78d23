"""Texts in which nothing of ours has failed: healthy engines, other programs' errors, words in code. No diagnosis."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.rules.book import Book, open_book
from kdoctor.rules.match import match
from tests.rules.folders import RuleFolder

TEXTS = (Path(__file__).parent / "harmless.txt").read_text().split("\n=====\n")


@pytest.fixture(scope="module")
def book() -> Book:
    return open_book()


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: " ".join(text.split())[:60])
def test_nothing_is_nominated(book: Book, text: str) -> None:
    assert [one.rule.id for one in match(book, text)] == []


def test_there_are_many_and_each_is_another() -> None:
    assert len(TEXTS) == len(set(TEXTS)) > 60


def test_a_quoted_line_nominates_nothing_and_its_neighbours_do(folder: RuleFolder) -> None:
    folder.words({}, {"quoted": [r"\bprint\("]})
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.matched('    print("the proxy is gone")') == []
    assert folder.matched('    print("the proxy is gone")\nthe proxy is gone') == ["proxy-gone"]
    (one,) = folder.match('    print("the proxy is gone")\nthe proxy is gone')
    assert one.matched is not None
    assert one.matched.line == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('call(\n    "the proxy is gone",\n    assert_that,\n)', False),
        ("the proxy is gone\nassert_that(x)", True),
        ("assert_that(x)\nthe proxy is gone", True),
        ("assert_that(the proxy is gone)", False),
        ("it says the proxy is gone {\nassert_that(x)", False),
        ("    the proxy is gone\n\na\nb\nc\nd\nassert_that(x)", True),
        ("assert_that(x)\n  Warning  Failed  3s  kubelet  the proxy is gone", True),
        ("    // the proxy is gone\nassert_that(x)", False),
        ("    # the proxy is gone\nassert_that(x)", False),
        ("# the proxy is gone\nnext", True),
        ("# Error: the proxy is gone\nassert_that(x)", True),
        ("### the proxy is gone\nassert_that(x)", True),
    ],
)
def test_a_programs_lines_silence_what_looks_like_a_part_of_it(folder: RuleFolder, text: str, found: bool) -> None:
    folder.words({}, {"program": [r"\bassert_that\b"]})
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.matched(text) == (["proxy-gone"] if found else [])


def test_a_long_line_is_looked_at_near_the_words_only(folder: RuleFolder) -> None:
    folder.words({}, {"quoted": [r"\bprint\("]})
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.matched("print( " + "word " * 200 + "the proxy is gone") == ["proxy-gone"]


def test_a_comments_sign_is_seen_by_the_patterns_of_what_shows_no_failure(folder: RuleFolder) -> None:
    folder.words({}, {"quoted": [r"\A# it"]})
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.matched("# it says the proxy is gone") == []
    assert folder.matched("it says the proxy is gone\n# it says the proxy is gone") == ["proxy-gone"]


def test_a_line_with_escaped_breaks_is_one_line_of_a_program(folder: RuleFolder) -> None:
    folder.words({}, {"quoted": [r"\bprint\("]})
    folder.rule("proxy-gone", "the proxy is gone")
    assert folder.matched('print({"a": "one\\nthe proxy is gone"})') == []
    assert folder.matched('{"a": "one\\nthe proxy is gone"}') == ["proxy-gone"]
