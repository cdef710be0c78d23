"""Whatever surrounds a known failure where people copy it from, the answer's root stays.

CI has time for an eighth of the single surroundings (a different one for each) and some hundred pairs;
KDOCTOR_SURROUNDINGS=20000 tries all of the first and that many of the second.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdoctor.reading.clean import clean
from kdoctor.rules import model
from kdoctor.rules.book import shipped_folder
from kdoctor.rules.compiling import as_book
from kdoctor.rules.load import read_folder
from kdoctor.rules.match import match
from kdoctor.rules.patterns import compiled, expand
from kdoctor.rules.search import LIKE_CODE
from tests.rules.surroundings import (
    BESIDE_CODE,
    FEW,
    LEAVE_ALONE,
    NODE_ENGINES,
    OF_A_NODE,
    OF_A_PROGRAM,
    OF_ONE_LINE,
    OUTER,
    SURROUNDINGS,
)

PAIRS = int(os.environ.get("KDOCTOR_SURROUNDINGS", "0"))
FOLDER = read_folder(shipped_folder())
BOOK = as_book(FOLDER)
EXAMPLES = [(rule.id, example) for rule in FOLDER.rules.values() for example in rule.examples.positive]


def alone(rule: str, text: str) -> bool:
    """Tell whether an example counts only as the whole text."""
    matching = FOLDER.rules[rule].match
    whole = [one.regex for one in matching.any if one.regex.startswith(r"\A")] if matching else []
    return any(compiled(expand(regex, FOLDER.words.fragments)).search(text) for regex in whole)


ALONE = {example.text for rule, example in EXAMPLES if alone(rule, example.text)}


def fits(name: str, example: model.Positive) -> bool:
    """Tell whether that text is met in those surroundings at all."""
    if name not in LEAVE_ALONE and example.text in ALONE:
        return False
    if name in OF_ONE_LINE | OF_A_NODE and "\n" in example.text.strip():
        return False
    if name in BESIDE_CODE and any(
        LIKE_CODE.match(line) for line in (*example.text.split("\n"), *(one.text for one in clean(example.text)))
    ):
        return False
    if name in OF_A_PROGRAM and len(example.text) < FEW:
        return False
    return name not in OF_A_NODE or example.engine in NODE_ENGINES


def root(text: str) -> str | None:
    """Return the rule that comes first."""
    found = match(BOOK, text)
    return found[0].rule.id if found else None


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_every_example_keeps_its_root(name: str) -> None:
    """One surrounding around each positive example of each rule."""
    surround = SURROUNDINGS[name]
    start = sorted(SURROUNDINGS).index(name) % 8
    lost = [
        (rule, root(surround(example.text)), example.text)
        for rule, example in (EXAMPLES if PAIRS else EXAMPLES[start::8])
        if fits(name, example) and root(surround(example.text)) != rule
    ]
    assert not lost


@pytest.mark.timeout(0 if PAIRS else 120)
@settings(
    max_examples=PAIRS or 600,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not PAIRS,
)
@given(st.sampled_from(EXAMPLES), st.sampled_from(sorted(SURROUNDINGS)), st.sampled_from(sorted(OUTER)))
def test_two_surroundings_keep_the_root(named: tuple[str, model.Positive], inner: str, outer: str) -> None:
    """A second surrounding around the first: a log quoted in a ticket, a colourful CI job, ..."""
    rule, example = named
    terminal = {inner, outer} <= {"coloured", "links"}  # a terminal's sequences do not nest
    whole = example.text not in ALONE or outer in LEAVE_ALONE
    like_code = inner in BESIDE_CODE and outer == "indented"
    if inner != outer and not (terminal or like_code) and whole and fits(inner, example):
        assert root(SURROUNDINGS[outer](SURROUNDINGS[inner](example.text))) == rule
