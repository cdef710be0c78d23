"""Narrowing: what is left of a pattern finds in a text what the whole pattern finds."""

from __future__ import annotations

import functools
import sys
from itertools import chain

import pytest

from kdoctor.reading.clean import clean, lowered
from kdoctor.reading.records import Record, records
from kdoctor.rules.book import shipped_folder
from kdoctor.rules.compiling import as_book
from kdoctor.rules.load import read_folder
from kdoctor.rules.narrowing import Narrowing, pattern, words_of
from kdoctor.rules.patterns import PatternError, compiled, expand
from kdoctor.rules.standing import Words, standing
from kdoctor.rules.trees import tree

FRAGMENTS = {"LEVEL": "informational|catastrophic|%SEVERE%", "SEVERE": "terrible to say|dreadful to hear"}


def left(regex: str, text: str) -> str | None:
    """Return what is left of a pattern for a text."""
    asked, flat = tree(regex, FRAGMENTS), " ".join(text.lower().split())
    trees = [asked, *(tree(fragment, FRAGMENTS) for fragment in FRAGMENTS.values())]
    narrowing = Narrowing(
        lambda name: tree(FRAGMENTS[name], FRAGMENTS), lambda: chain.from_iterable(map(words_of, trees))
    )
    first = narrowing.of(("", 0), asked, flat)
    while narrowing.standing(flat) is None:
        pass
    narrowing.of(("", 1), asked, "")
    assert narrowing.of(("", 2), asked, flat) == first, "with all words looked up at once"
    return first


@pytest.mark.parametrize(
    ("regex", "text", "narrow"),
    [
        ("reading failed|writing broken|nothing there", "the Writing  broken", r"writing\s{1,80}broken"),
        ("(?P<what>disk-full|memory-gone|cpu-missing):x", "memory-gone", "(?P<what>memory-gone):x"),
        ("a%LEVEL%b", "catastrophic", "a(?:catastrophic)b"),
        ("a%LEVEL%b", "dreadful to hear", r"a(?:(?:dreadful\s{1,80}to\s{1,80}hear))b"),
        ("a%LEVEL%b", "mild", None),
        ("a(?:%LEVEL%: )?b", "mild", "a(?:(?!))?b"),
        ("a(?:(?:informational|catastrophic) x){0,2}b", "mild", "a(?:(?!)){0,2}b"),
        ("a(?:(?:informational|catastrophic) x){1,2}b", "mild", None),
        ("(?:to|from)", "neither", "(?:to|from)"),
        (r"[(|]|\(\||informational text", "x", None),
        (r"[(|]|\(\||informational text", "f(x", "[(|]"),
        (r"\w \+ [\"']|informational text", "a + 'b'", r"\w\s{1,80}\+\s{1,80}[\"']"),
        (r"\w \+ [\"']|informational text", "a + b", None),
        ("[0-9]{3}|informational|x{3}y|catastrophic", "catastrophic", "[0-9]{3}|x{3}y|catastrophic"),
        ("(?-i:INFORMATIONAL|catastrophic)", "informational", "(?i)(?-i:INFORMATIONAL)"),
        ("(?-i:INFORMATIONAL|catastrophic)", "x", None),
    ],
)
def test_branches_whose_words_are_missing_are_left_out(regex: str, text: str, narrow: str | None) -> None:
    assert left(regex, text) == narrow


def test_the_words_that_stand_in_a_long_text_are_those_that_stand_in_it() -> None:
    words = [
        "refused",
        "connection refused",
        "refused by",
        "use",
        " no ",
        ": n",
        "d: no-such h",
        "no host",
        "host n",
        "o-such",
        "such",
        "é",
        "zz",
        "--..--",
        "d--..",
    ]
    text = "connection refused: no-such host no é " * 90
    every = Words(words)
    for one in (text, text[:80], text[3:40], "zz", "", "no-such-use." * 40, "refused" + "--.." * 300 + "such"):
        assert standing(words, one) == every.standing(one) == frozenset(word for word in words if word in one)


def test_an_unknown_fragment_is_refused() -> None:
    with pytest.raises(PatternError, match="LEVELS"):
        tree("%LEVELS%", FRAGMENTS)


def test_a_text_of_many_forms_is_searched_with_the_whole_pattern_and_with_what_comes_often() -> None:
    words = [f"word{letter}end" for letter in "abcdefgh"]
    narrowing = Narrowing(lambda name: tree(FRAGMENTS[name], FRAGMENTS), tuple)
    branches = tree("|".join(words), {})
    asked = [narrowing.of(("", 0), branches, word) for word in words]
    assert asked == [*words[:4], *["|".join(words)] * 4]
    assert [narrowing.of(("", 0), branches, words[7]) for _ in range(5)][-1] == words[7]
    assert narrowing.of(("", 0), branches, words[1]) == words[1]
    long = "word " * 1000 + words[5]
    assert narrowing.of(("", 0), branches, long) == words[5], "compiling it is little beside searching the text"


def test_a_text_in_lower_case_is_as_long_as_before() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert len(lowered(every)) == len(every)
    assert lowered("\u0130STANBUL \u00c9") == "istanbul \u00e9"


def _records(rule_id: str) -> list[Record]:
    """Return the records of a rule's examples, positive and negative."""
    examples = FOLDER.rules[rule_id].examples
    texts = [*(one.text for one in examples.positive), *(one.text for one in examples.negative)]
    return [record for text in texts for record in records(clean(text))]


FOLDER = read_folder(shipped_folder())
WORDS = FOLDER.words


@pytest.mark.parametrize("rule_id", sorted(FOLDER.rules))
def test_the_shipped_patterns_find_narrowed_what_they_find_whole(rule_id: str) -> None:
    """Also those of `none`, and the contexts, at the same places."""
    matching = FOLDER.rules[rule_id].match
    if matching is None:
        pytest.skip("the rule has no patterns: probes find it")
    regexes = [one.regex for one in (*matching.any, *matching.none)]
    regexes += WORDS.contexts.get("quoted", ()) if rule_id < "dns" else ()
    regexes += WORDS.contexts[matching.context] if matching.context else ()
    held = _records(rule_id)
    for number, regex in enumerate(dict.fromkeys(regexes)):
        whole, branches = compiled(expand(regex, WORDS.fragments)), tree(regex, WORDS.fragments)
        for text in held:
            narrow = narrowing().of((rule_id, number), branches, text.flat)
            found = pattern(narrow).finditer(text.text, text.lower) if narrow else ()
            assert [one.span() for one in found] == [one.span() for one in whole.finditer(text.text)], regex


@functools.cache
def narrowing() -> Narrowing:
    return as_book(FOLDER).narrowing
