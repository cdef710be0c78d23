"""Where nothing is known: known failures that read nearly the same, never as a diagnosis."""

from pathlib import Path

import pytest

from kdoctor.model import Report, Status
from kdoctor.report import RENDERERS, Options
from kdoctor.rules.book import Book, open_book
from kdoctor.rules.match import match
from kdoctor.run.explain import Question, by_text, candidates
from kdoctor.run.neighbours import neighbours
from tests.rules.folders import RuleFolder

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = (
    "Error: failed to get containerd configuration: error converting YAML to JSON: line 36: mapping values are odd"
)
PROSE = (
    "The network was quiet that evening, and the proxy of the minister had not answered the letter.",
    "A server that listens at port 80 is asked by many clients; each connection is closed after the answer.",
    "Images of the moon were pulled from the archive and registered by hand. No image was lost.",
    "Die Verbindung zum Server wurde wiederhergestellt; alle Dienste laufen normal.",
    "If the setting cannot be changed here, ask the person who looks after the building for the key.",
    "I could not find the recipe for bread that was in the kitchen, and the shop did not have any either.",
    "今天天气很好，我们无法决定去哪里。",
)


@pytest.fixture(scope="module")
def book() -> Book:
    return open_book()


def report(book: Book, text: str, lang: str = "en") -> Report:
    question = Question(text, lang=lang)
    return by_text(book, question, candidates(book, question))


@pytest.mark.parametrize("text", PROSE)
def test_prose_has_no_neighbours(book: Book, text: str) -> None:
    assert neighbours(book, text, "en") == ()


def test_a_licence_has_no_neighbours(book: Book) -> None:
    for paragraph in (ROOT / "LICENSE").read_text().split("\n\n"):
        assert neighbours(book, paragraph, "en") == ()


def test_every_example_is_nearest_to_its_own_rule(book: Book) -> None:
    """With the patterns out of play, the words alone lead back to the rule, or to one with the same words."""
    first = total = 0
    for rule_id in book.ids:
        for one in book.rule(rule_id).examples.positive[:2]:
            found = neighbours(book, one.text, "en")
            if found:
                total += 1
                first += found[0].rule == rule_id
    assert total > len(book.ids)
    assert first / total > 0.9


def test_what_is_told_is_true(book: Book) -> None:
    for rule_id in book.ids:
        for one in book.rule(rule_id).examples.positive[:1]:
            text = one.text.replace("connection", "conversation").replace("failed", "flopped") + " frobnicated"
            for near in neighbours(book, text, "en"):
                said, example = " ".join(text.split()).lower(), near.example.lower()
                assert 0 < near.score <= 1
                assert near.line is not None
                for phrase in near.shared:
                    assert phrase.removesuffix(" ...").lower() in said
                for phrase in near.only_rule:
                    assert len(near.example) >= 300 or phrase.removesuffix(" ...").lower() in example
                assert not set(near.only_text) & set(near.only_rule)


def test_rare_words_weigh_more_than_common_ones(folder: RuleFolder) -> None:
    def rule(rule_id: str, text: str) -> None:
        examples = {"positive": [{"engine": "docker", "text": text}], "negative": []}
        folder.rule(rule_id, text, examples=examples)

    rule("zeta-seen", "error: frobnicator stalled while waiting for quorum")
    for number in range(40):
        name = "abcdefghij"[number % 10] * 4 + "klmn"[number // 10] * 2
        rule(f"{name}-seen", f"error while waiting for {name} socket of the daemon")
    found = neighbours(folder.book(), "error: frobnicator broke: stalled, waiting, quorum of the daemon gone", "en")
    assert found[0].rule == "zeta-seen"
    assert "frobnicator" in " ".join(found[0].shared)


def test_at_most_three_and_the_nearest_first(book: Book) -> None:
    text = "the daemon could not resolve the reference: certificate of the registry signed by an odd authority"
    found = neighbours(book, text, "en")
    assert 0 < len(found) <= 3
    assert [near.score for near in found] == sorted((near.score for near in found), reverse=True)


def test_a_failure_deep_in_a_log_is_found(book: Book) -> None:
    lines = [f"Jan 02 03:04:{i % 60:02} node systemd[1]: Started session {i} of user core." for i in range(300)]
    lines[250] = UNKNOWN
    found = neighbours(book, "\n".join(lines), "en")
    assert found[0].rule == "runtime-config-invalid"
    assert found[0].line == 251


def test_unknown_is_status_unknown_with_neighbours_and_no_diagnosis(book: Book) -> None:
    assert match(book, UNKNOWN) == []
    found = report(book, UNKNOWN)
    assert (found.status, found.diagnoses) == (Status.UNKNOWN, ())
    assert [near.rule for near in found.nearest][:1] == ["runtime-config-invalid"]


def test_a_known_text_has_no_neighbours(book: Book) -> None:
    known = (
        'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused'
    )
    assert report(book, known).nearest == ()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", list(RENDERERS))
def test_every_output_says_what_is_the_same_and_what_differs(book: Book, name: str, lang: str) -> None:
    out = RENDERERS[name].render(report(book, UNKNOWN, lang), Options(width=200))
    assert "runtime-config-invalid" in out
    assert "error converting YAML to JSON" in out
    assert "mapping values" in out
    if name != "json":
        for word in ("Not a diagnosis", "The same", "Differs") if lang == "en" else ("不是诊断", "相同", "不同"):
            assert word in out


def test_new_last_words_of_a_known_message_leave_its_neighbours(book: Book) -> None:
    text = 'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp 192.0.2.4:443: wedged and odd'
    found = neighbours(book, text, "en")
    assert "registry-timeout" in [one.rule for one in found]
    assert all("wedged and odd" in " ".join(one.only_text) for one in found)
