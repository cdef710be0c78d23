"""A rule's page: derived from the rule, its neighbours and its recipes, in both languages and both layouts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdoctor.probes.kinds import KINDS
from kdoctor.report.layout import columns
from kdoctor.report.pages import INDEX, MESSAGES, as_markdown, as_text, documents
from kdoctor.rules import model
from kdoctor.rules.book import Book, open_book
from kdoctor.rules.page import page
from kdoctor.rules.page.index import messages
from kdoctor.rules.page.probing import decisions, in_line
from kdoctor.rules.page.words import page_words, question
from tests.rules.folders import RuleFolder

CONNECT = {"id": "listener", "use": "tcp.connect", "with": {"address": "{proxy}"}}


@pytest.fixture(scope="module")
def book() -> Book:
    return open_book()


@pytest.fixture(scope="module")
def english(book: Book) -> dict[str, str]:
    return {rule_id: as_text(page(book, book.rule(rule_id)), 80) for rule_id in book.ids}


def flat(text: str) -> str:
    return " ".join(text.split())


def platforms_with_steps(book: Book, rule: model.Rule) -> Iterator[str]:
    for use in rule.fixes:
        for variant in book.recipe(use.use).variants:
            yield from (one for one in variant.on if one in rule.occurs_on)


def test_every_page_has_meaning_neighbours_probes_fixes_and_references(book: Book, english: dict[str, str]) -> None:
    for rule_id, text in english.items():
        rule, words = book.rule(rule_id), flat(text)
        for part in ("What it means", "What is probed", "What helps", f"{rule_id} · Layer {rule.layer}"):
            assert part in words, rule_id
        for other in (*rule.supersedes, *(one.expect for one in rule.examples.negative if one.expect)):
            assert other not in book.ids or other in words, (rule_id, other)
        for probe in rule.probes:
            assert f"{probe.id} ({probe.use}" in words, rule_id
        for use in rule.fixes:
            assert f"({use.use}," in words, rule_id
        for platform in platforms_with_steps(book, rule):
            assert re.search(rf"On [^:]*{re.escape(platform)}", words), (rule_id, platform)
        for one in rule.references:
            assert one.url in words, rule_id


def test_platforms_with_the_same_steps_share_them_and_each_asks_again_in_its_way(
    book: Book, english: dict[str, str]
) -> None:
    words = flat(english["dns-resolv-conf-unusable"])
    recipe = book.recipe("dns.resolv-conf")
    first = str(recipe.variants[0].steps[0].text)
    alike = [variant for variant in recipe.variants if variant.steps == recipe.variants[0].steps]
    assert len(alike) > 1
    assert words.count(first) == 1
    assert "Then ask again (docker-engine, docker-rootless): docker pull {image}" in words
    assert "Then ask again (kubeadm, containerd, cri-o, k3s): sudo crictl pull {image}" in words


def test_of_texts_that_look_alike_each_rule_has_one_and_harmless_ones_are_few(
    book: Book, english: dict[str, str]
) -> None:
    for rule_id, text in english.items():
        shown = re.findall(r"Looks like it, but is (no known failure|[a-z0-9-]+)", flat(text))
        told = {one.expect for one in book.rule(rule_id).examples.negative}
        assert shown.count("no known failure") <= 3, rule_id
        assert {one or "no known failure" for one in told} == set(shown), rule_id
        assert len(set(shown) - {"no known failure"}) == len([one for one in shown if one != "no known failure"]), (
            rule_id
        )


def test_lines_fit_a_terminal(english: dict[str, str]) -> None:
    for rule_id, text in english.items():
        for line in text.splitlines():
            command = line.startswith("      ")
            assert columns(line) <= 80 or command or " " not in line.strip(" -0123456789."), (rule_id, line)


def test_neighbours_are_told_from_both_sides(folder: RuleFolder) -> None:
    folder.rule("proxy-refuses", supersedes=["registry-refuses"], causes=["pull-fails"])
    folder.rule("registry-refuses")
    folder.rule("pull-fails")
    book = folder.book()
    texts = {one: flat(as_text(page(book, book.rule(one)))) for one in book.ids}
    assert "this one is meant and not: - registry-refuses: Title of registry-refuses" in texts["proxy-refuses"]
    assert "gives way to: - proxy-refuses: Title of proxy-refuses" in texts["registry-refuses"]
    assert "these are consequences: - pull-fails" in texts["proxy-refuses"]
    assert "is the consequence of these, where they are seen as well: - proxy-refuses" in texts["pull-fails"]


def rule_with(folder: RuleFolder, **verdict: object) -> model.Rule:
    folder.rule(
        "a",
        facts={"proxy": {"type": "proxy"}},
        match={"any": [{"id": "w", "regex": "proxy (?P<proxy>%REFUSED%)"}]},
        probes=[CONNECT],
        verdict=verdict,
    )
    return folder.loaded("a")


def test_an_outcome_that_suffices_confirms_and_refutes(folder: RuleFolder) -> None:
    rule = rule_with(folder, confirmed={"listener.outcome": "refused"}, refuted={"listener.outcome": "open"})
    found = decisions(rule, rule.probes[0])
    assert found["confirms"] == ["refused"]
    assert found["refutes"] == ["open"]
    assert found["does not confirm it"] == ["timeout", "unreachable", "reset", "forbidden", "unresolved", "blocked"]


def test_an_outcome_that_needs_more_only_speaks_for_it(folder: RuleFolder) -> None:
    more = {"proxy": {"exists": True}}
    rule = rule_with(folder, confirmed={"all": [{"listener.outcome": "refused"}, more]})
    found = decisions(rule, rule.probes[0])
    assert found["speaks for it"] == ["refused"]
    assert "confirms" not in found
    assert "open" in found["does not confirm it"]


def test_a_probe_that_no_condition_asks_decides_nothing(folder: RuleFolder) -> None:
    rule = rule_with(folder, confirmed={"proxy": "x"})
    assert decisions(rule, rule.probes[0]) == {}


def test_every_decision_of_a_shipped_rule_names_all_outcomes(book: Book) -> None:
    for rule in map(book.rule, book.ids):
        for probe in rule.probes:
            found = decisions(rule, probe)
            named = [outcome for outcomes in found.values() for outcome in outcomes]
            assert not found or sorted(named) == sorted(KINDS[probe.use].outcomes), (rule.id, probe.id)


@pytest.mark.parametrize(
    ("tree", "phrase"),
    [
        ({"a.outcome": ["x", "y"]}, "a.outcome is x or y"),
        ({"all": [{"a": 1}, {"any": [{"b": 2}, {"c": {"exists": False}}]}]}, "a is 1 and (b is 2 or c is not known)"),
        ({"none": [{"a": {"contains": "x"}}, {"b": {"above": 3}}]}, "not (a has x or b is above 3)"),
        ({"a": {"under": "k8s.io", "internal": False}}, "a is k8s.io or a name below it and a belongs to no private"),
    ],
)
def test_a_condition_reads_as_a_phrase(tree: model.Condition, phrase: str) -> None:
    text = "".join(
        part if isinstance(part, str) else getattr(part, "text", "") for part in in_line(tree, page_words("en"))
    )
    assert text.startswith(phrase)


def test_chinese_pages_are_chinese(book: Book) -> None:
    for rule_id in book.ids:
        translation = book.translation("zh", rule_id)
        text = as_markdown(page(book, book.rule(rule_id), "zh"))
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        assert all(re.search("[\u4e00-\u9fff]", heading) for heading in headings), (rule_id, headings)
        assert translation is None or flat(str(translation.why))[:10] in flat(text).replace("\\", ""), rule_id


def test_every_question_of_a_probe_is_translated() -> None:
    assert [kind.id for kind in KINDS.values() if question(kind.id, kind.asks, "zh") == kind.asks] == []


def test_pages_link_to_each_other(book: Book) -> None:
    written = documents(book)
    assert {f"{rule_id}.md" for rule_id in book.ids} | {INDEX, MESSAGES} == set(written)
    for name, text in written.items():
        for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"(`+).+?\1", "", text)):  # code holds no links
            assert target in written, (name, target)
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
    for rule_id in book.ids:
        assert f"]({rule_id}.md)" in written[INDEX]


def test_the_pages_in_docs_are_current(book: Book) -> None:
    """They are generated: `make docs` writes them after a change of a rule, a recipe or a translation."""
    folder = Path(__file__).resolve().parents[2] / "docs" / "rules"
    wanted = documents(book)
    here = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.md")}
    stale = sorted(name for name in {*wanted, *here} if here.get(name) != wanted.get(name))
    assert not stale, f"not current in docs/rules: {', '.join(stale[:5])} ({len(stale)}); run `make docs`"


def test_the_index_by_message_is_sorted_and_leads_to_whoever_says_it(book: Book) -> None:
    found = messages(book)
    assert "proxy-connection-refused" in found["proxyconnect tcp: dial tcp"]
    listed = [
        re.sub(r"^- `+ ?(.*?) ?`+: \[.*", r"\1", line).lower()
        for line in documents(book)[MESSAGES].splitlines()
        if line.startswith("- ")
    ]
    assert len(listed) == len(found)
    letters = [words for words in listed if words[0].isalpha() and words.isascii()]
    assert letters == sorted(letters)
    for words, ids in found.items():
        for rule_id in ids:
            texts = flat(" ".join(one.text for one in book.rule(rule_id).examples.positive)).lower()
            assert words.lower() in texts


def test_what_a_rule_says_is_no_markup(folder: RuleFolder) -> None:
    folder.rule("its-words", why="See <b>this</b> [link](http://example.com) *now*", title="# Title `x`")
    book = folder.book()
    text = as_markdown(page(book, book.rule("its-words")))
    assert "&lt;b&gt;this&lt;/b&gt; \\[link\\](http:\\//example.com) \\*now\\*" in text
    assert text.startswith("# \\# Title \\`x\\`\n")
