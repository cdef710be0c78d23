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


def test_what_could_not_be_resolved_is_a_host_only_where_it_reads_as_one() -> None:
    for text in (
        'failed to resolve reference "reg.example/a:1"',
        "failed to resolve image: x",
        "cannot resolve the name",
    ):
        assert list(extract.facts("host", text, len(text))) == []
    for text in ("could not resolve host: reg", 'cannot resolve "reg.example"', "Could not resolve proxy: reg.example"):
        assert next(extract.facts("host", text, len(text))).startswith("reg")


def test_the_namespace_of_a_schema_is_no_registry() -> None:
    text = '<Objs xmlns="http://schemas.microsoft.com/powershell/2004/04">denied'
    assert list(extract.facts("registry", text, len(text))) == []


def test_the_url_is_that_of_the_request_that_failed() -> None:
    text = 'looks like "https://charts.example.com" is no repository: Get "https://charts.example.com/index.yaml": x509'
    assert next(extract.facts("url", text, text.index("is no"))) == "https://charts.example.com/index.yaml"


def test_an_inspected_image_may_stand_on_the_next_line() -> None:
    text = "distribution inspect failed for\n     reg.example.com/lab/web:2: toomanyrequests"
    assert next(extract.facts("image", text, len(text))) == "reg.example.com/lab/web:2"


def test_a_quoted_name_before_a_colon_is_the_image_where_no_other_word_names_one() -> None:
    text = 'collect catalog "reg.example.com/lab/index:v4":\n  pinging container registry reg.example.com: no such host'
    assert next(extract.facts("image", text, len(text))) == "reg.example.com/lab/index:v4"
    text = 'open "reg.example.com/lab/index": denied'
    assert list(extract.facts("image", text, len(text))) == []


def test_what_nc_could_not_reach_is_the_registry() -> None:
    text = "nc: connect to reg.example.com port 443 (tcp) failed: Connection timed out"
    assert next(extract.facts("registry", text, len(text))) == "reg.example.com"
