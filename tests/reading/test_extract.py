"""Facts are looked for where they can stand: the words before a pattern never hide a match of it."""

import pytest

from kdoctor.reading import extract
from kdoctor.rules.literals import needs

SEARCHED = (*extract._IMAGE, *extract._REGISTRY, extract._PULLING, extract._MANIFEST_URL)


@pytest.mark.parametrize(("words", "pattern"), SEARCHED, ids=[words[0] for words, _ in SEARCHED])
def test_every_match_has_one_of_the_words(words: tuple[str, ...], pattern: str) -> None:
    sets = needs(pattern, most=50)
    assert any(all(any(word in needed for word in words) for needed in one) for one in sets), sets


def test_a_name_that_is_left_out_leaves_the_registry() -> None:
    text = 'Failed to pull image "reg.example.com/...": unauthorized'
    assert list(extract.facts("image", text, len(text))) == []
    assert next(extract.facts("registry", text, len(text))) == "reg.example.com"
