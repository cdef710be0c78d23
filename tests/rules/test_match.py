"""From a text to candidates, with rules of the test's own."""

import re
from pathlib import Path

import pytest

from kdoctor.reading.clean import clean
from kdoctor.reading.records import records
from kdoctor.rules.book import Book, open_book, shipped_folder
from kdoctor.rules.compiling import as_book, refuse
from kdoctor.rules.load import read_folder
from kdoctor.rules.match import match, present
from kdoctor.rules.patterns import compiled, expand, lowered

RULE = """id: {id}
layer: {layer}
severity: error
title: t
why: w
engines: [docker]
match: {{any: [{{id: a, regex: '{regex}'}}]{match}}}
facts: {{{facts}}}
verdict: {{no_probe: none}}
fixes: []
references: []
occurs_on: []
examples: {{positive: []}}
{more}
"""


def rule(
    folder: Path, id_: str, regex: str, *, layer: str = "network", match: str = "", facts: str = "", more: str = ""
) -> None:
    file = folder / layer / f"{id_}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(RULE.format(id=id_, layer=layer, regex=regex, match=match, facts=facts, more=more))


@pytest.fixture
def book(tmp_path: Path) -> Book:
    (tmp_path / "taxonomy.yaml").write_text("layers: [network, distro]\nclasses: []\n")
    (tmp_path / "words.yaml").write_text("fragments: {END: 'refused|reset'}\ncontexts: {pull: ['pull', 'registry']}\n")
    rule(tmp_path, "general", "connection (?:%END%)", match=", context: pull", more="causes: [wrapper]")
    rule(tmp_path, "special", "proxy connection refused", more="supersedes: [general]")
    rule(
        tmp_path,
        "tls",
        "bad certificate (?P<host>[a-z.]{3,30})",
        facts="host: {type: host}",
        match=", none: [{id: n, regex: 'expired'}]",
    )
    rule(tmp_path, "wrapper", "could not start the cluster", layer="distro")
    rule(tmp_path, "image", "no image found", facts="image: {type: image}")
    folder = read_folder(tmp_path)
    refuse(folder)
    return as_book(folder)


def found(book: Book, text: str) -> list[tuple[str, str]]:
    return [(c.rule.id, c.role) for c in match(book, text)]


def test_a_context_must_be_near(book: Book) -> None:
    assert found(book, "dial: connection refused") == []
    assert found(book, "cannot pull\ndial: connection refused") == [("general", "root")]


def test_the_special_rule_supersedes_the_general_one_in_a_record(book: Book) -> None:
    assert found(book, "pull failed: proxy connection refused") == [("special", "root")]


def test_a_cause_leads_its_consequence_across_records(book: Book) -> None:
    text = "I0101 10:00:00.0 could not start the cluster\nI0101 10:00:01.0 pull: connection reset"
    assert found(book, text) == [("general", "root"), ("wrapper", "consequence")]


def test_none_keeps_a_record_out(book: Book) -> None:
    assert found(book, "bad certificate reg.example.com") == [("tls", "root")]
    assert found(book, "bad certificate reg.example.com: expired") == []


def test_facts_stand_on_a_neighbouring_line(book: Book) -> None:
    (one,) = match(book, "$ docker pull quay.io/a/b:1\nno image found")
    assert one.facts["image"] == "quay.io/a/b:1"
    assert match(book, "no image found") == []


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mpull failed: proxy connection refused\x1b[0m",
        "pull failed: proxy\r\n  connection refused",
        "> pull failed: proxy\n> connection refused",
        'level=error msg="pull failed: \\"x\\": proxy connection refused"',
        f"{'x' * 63} pull: proxy con\nnection refused and more that follows",
    ],
)
def test_colours_breaks_quoting_and_escapes_change_nothing(book: Book, text: str) -> None:
    assert found(book, text) == [("special", "root")]


def test_lines_and_counts_are_the_persons_own(book: Book) -> None:
    text = "\n".join(["I0101 10:00:00.0 fine", "I0101 10:00:01.0 pull: connection reset"] * 3)
    (one,) = match(book, text)
    assert one.matched is not None
    assert one.matched.line == 2
    assert (one.locations[0].line, one.locations[0].last_line, one.locations[0].count) == (2, 6, 3)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("it is moon odd", True),
        ("> it is moon odd\n\n", True),
        ("\x1b[31mit is moon odd\x1b[0m", True),
        ("Starting.\nit is moon odd", False),
        ("it is moon odd\nRetrying.", False),
        ("2026-03-01T09:12:05Z started\n2026-03-01T09:12:06Z it is moon odd", False),
        ("panic: it is moon odd", False),
    ],
)
def test_a_pattern_of_the_whole_text_counts_only_alone(tmp_path: Path, text: str, counts: bool) -> None:
    (tmp_path / "taxonomy.yaml").write_text("layers: [network]\nclasses: []\n")
    (tmp_path / "words.yaml").write_text("fragments: {}\ncontexts: {}\n")
    rule(tmp_path, "weave-moon-odd", r"\A(?:it is )?moon odd$")
    found = match(as_book(read_folder(tmp_path)), text)
    assert [one.rule.id for one in found] == (["weave-moon-odd"] if counts else [])


@pytest.mark.parametrize("regex", ["Pull of %NAME% failed", r"[A-Z]{3}_\S+ x", r"(?:No|not) K8s", "É[^A-Z]x"])
def test_the_second_spelling_finds_what_the_first_does(regex: str) -> None:
    """In lower case, where case counts: `re` is quicker so."""
    expanded = expand(regex, {"NAME": r"[A-Za-z0-9_.-]+"})
    spelling = lowered(expanded)
    assert spelling is not None
    second = re.compile(spelling, re.MULTILINE)
    texts = ("PULL OF Reg.example FAILED", "pull  of a\nfailed", "ABC_d X", "abc_ x", "NOT k8S", "éx", "É1X", "É X", "")
    for text in texts:
        assert bool(second.search(text.lower())) == bool(compiled(expanded).search(text))


@pytest.mark.parametrize("regex", [r"(?-i:[^A-Z]x)", r"\x41b", "[A-z]x", r"[\x00-z]", "[0-Z]", r"[^\]A-~]x"])
def test_what_has_no_second_spelling(regex: str) -> None:
    """Where lower case would mean something else."""
    assert lowered(regex) is None


def test_many_records_alike_are_read_as_one_is() -> None:
    """Also where letters are written in capitals."""
    book = open_book()
    line = 'Get "https://REG.example.com/v2/": DIAL TCP: lookup reg.example.com on 10.0.0.2:53: NO SUCH HOST'
    other = "dial tcp: lookup db{0}.example on 10.0.0.2:53: no such host"
    others = [f"2026-03-01T09:12:{i % 60:02}Z {other.format(i)}" for i in range(99)]
    fine = ["2026-03-01T09:12:59Z fine"] * 4  # no context is near the others
    (found,) = match(book, "\n".join((*others, *fine, f"2026-03-01T09:13:00Z {line}", *fine, *others)))
    assert (found.rule.id, found.locations[0].line, found.locations[0].count) == ("dns-no-such-host", 104, 1)


def test_what_a_number_tells_is_told_in_a_text_of_many_records_alike() -> None:
    """Records that differ in a count are read once; a status is no count, and each states its own facts."""
    book = open_book()
    said = "received unexpected HTTP status: "
    lines = [f"2026-03-01T09:12:{i % 60:02}Z pulled layer {i} of reg{i}.example.com" for i in range(900)]
    lines += [f"2026-03-01T09:13:00Z Error response from daemon: {said}429 Gateway"] * 2
    lines += [f"2026-03-01T09:14:{i:02}Z Error response from daemon: {said}50{i % 4} Gateway" for i in range(30)]
    lines += [
        f'2026-03-01T09:15:{i:02}Z Get "https://reg{i}.example.com/v2/": x509: certificate has expired'
        for i in range(9)
    ]
    found = {one.rule.id: one for one in match(book, "\n".join(lines))}
    assert set(found) == {"registry-rate-limited", "registry-server-error", "tls-certificate-expired"}
    assert found["registry-rate-limited"].locations[0].count == 2
    assert found["registry-server-error"].locations[0].count == 30
    assert found["tls-certificate-expired"].facts["registry"] == "reg0.example.com"
    assert found["tls-certificate-expired"].locations[0].count == 9


def test_each_literal_of_the_index_that_stands_in_a_text_is_found() -> None:
    found = open_book()
    rules = read_folder(shipped_folder()).rules.values()
    texts = [example.text for rule in rules for example in rule.examples.positive]
    for text in (*texts[::40], "\n".join(texts)):
        whole = list(records(clean(text)))
        flat = "\n".join(record.flat for record in whole)
        standing = {literal for literal in found.literals if literal in flat}
        assert standing <= present(found, whole).keys()
