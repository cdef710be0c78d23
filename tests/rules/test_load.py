"""Every mistake that a rule file can hold is told with file, line and a hint, and never as a traceback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdoctor.errors import RuleError, UsageError
from kdoctor.rules.load import read_folder
from kdoctor.rules.yamlfile import read_yaml
from tests.rules.folders import RuleFolder, recipe_content, rule_content

PLACE = re.compile(r"^[\w/. -]+\.yaml:\d+: ")

PROBES: dict[str, Any] = {
    "probes": [{"id": "listener", "use": "tcp.connect", "with": {"address": "{proxy}"}}],
    "facts": {"proxy": {"type": "proxy"}},
    "verdict": {"confirmed": {"listener.outcome": "refused"}},
}


def one_problem(folder: RuleFolder) -> str:
    """Return the single mistake of a folder, which must say its place."""
    (problem,) = folder.problems()
    assert PLACE.match(problem), problem
    return problem


def test_a_folder_without_mistakes_has_none(folder: RuleFolder) -> None:
    folder.recipe("thing.do", params={"proxy": {"type": "proxy"}})
    folder.rule("proxy-gone", fixes=[{"use": "thing.do", "with": {"proxy": "{proxy}"}}], **PROBES)
    assert folder.problems() == []
    assert folder.loaded("proxy-gone").probes[0].with_ == {"address": "{proxy}"}


# --- files that are no rules at all ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "a rule is a mapping"),
        (b"# only a comment\n", 1, "a rule is a mapping"),
        (b"- a\n- b\n", 1, "a rule is a mapping"),
        (b"just words\n", 1, "a rule is a mapping"),
        (b"id: x\ntitle: [unclosed\nlayer: y\n", 3, "not YAML"),
        (b"id: x\n\tlayer: y\n", 2, "not YAML"),
        (b"id: one\n---\nid: two\n", 2, "not YAML"),
        (b"id: *nowhere\n", 1, "not YAML"),
        (b"id: x\nid: y\n", 2, 'the key "id" stands twice'),
        (b"id: x\nmatch:\n  any: []\n  none: []\n  any: []\n", 5, 'the key "any" stands twice'),
        (b"id: x\n? [a, b]\n: c\n", 2, "a key must be plain text"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", 1, "not text"),
        (b"id: caf\xe9\n", 1, "not text in UTF-8"),
        (b"id: x\nwhy: a\x00b\n", 1, "not"),
        ("id: x\n".encode("utf-16"), 1, "not text in UTF-8"),
        (b"[" * 3_000 + b"]" * 3_000, 1, "deep"),
        (b"[" * 500_000 + b"]" * 500_000, 1, "deep"),
        (b"a:\n" + b"".join(b" " * i + b"- \n" for i in range(1, 300)), 1, "deep"),
        (b"a: &a [*a]\n", 1, "itself"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_what_is_no_rule_is_refused_with_its_line(folder: RuleFolder, content: bytes, line: int, words: str) -> None:
    folder.write("proxy/proxy-gone.yaml", content)
    problem = one_problem(folder)
    assert problem.startswith(f"proxy/proxy-gone.yaml:{line}: ") or words in ("deep", "itself", "not")
    assert words in problem
    assert "\n" not in problem


def test_a_bomb_of_anchors_is_refused_soon(folder: RuleFolder) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    folder.write("proxy/bomb.yaml", "\n".join(lines))
    assert "more than 50000 values" in one_problem(folder)


def test_nothing_in_a_file_is_executed(folder: RuleFolder, tmp_path: Path) -> None:
    target = tmp_path / "made"
    folder.write("proxy/proxy-gone.yaml", f"id: !!python/object/apply:os.mkdir ['{target}']\n")
    assert folder.problems()
    assert not target.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.one_of(st.binary(max_size=60), st.text(alphabet="idabc:{}[]&*!|>-'\"# \n\t,?", max_size=60).map(str.encode)))
def test_no_file_whatever_makes_another_error_than_a_rule_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    try:
        read_yaml(file)
    except RuleError as error:
        assert str(error).startswith(f"{file}:")


def test_lines_are_those_of_keys_and_items(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("# first\nid: x\nlist:\n  - a\n  - {b: 1,\n     c: 2}\n")
    read = read_yaml(file)
    assert [read.line(w) for w in ((), ("id",), ("list",), ("list", 1), ("list", 1, "c"), ("list", 9, "z"))] == [
        2,
        2,
        3,
        5,
        6,
        3,
    ]


def test_a_byte_order_mark_is_no_mistake(folder: RuleFolder) -> None:
    file = folder.rule("proxy-gone")
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert folder.problems() == []


def test_a_file_that_may_not_be_read_is_told(folder: RuleFolder) -> None:
    (folder.path / "proxy").mkdir()
    (folder.path / "proxy" / "proxy-gone.yaml").symlink_to(folder.path / "nowhere.yaml")
    assert "cannot be read" in one_problem(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of rules"):
        read_folder(tmp_path / "nowhere")


def test_all_mistakes_are_told_not_only_the_first(folder: RuleFolder) -> None:
    folder.rule("proxy-gone", layer="proxi")
    folder.rule("proxy-slow", engines=["dokcer"])
    folder.write("dns/bad.yaml", "id: [")
    assert len(folder.problems()) == 3


# --- the form ----------------------------------------------------------------------------------------


def changed(**changes: Any) -> dict[str, Any]:
    return rule_content("proxy-gone", **changes)


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"titel": "x"}, "titel", 'unknown key "titel". Did you mean "title"?'),
        ({"match": {"any": [{"id": "a", "regexp": "abc"}]}}, "regexp", 'unknown key "regexp". Did you mean "regex"?'),
        ({"verdict": {"confirm": {}}}, "confirm", 'unknown key "confirm". Did you mean "confirmed"?'),
        ({"title": True}, "title", "title: a text is meant; put it in quotes"),
        ({"title": 3}, "title", "title: "),
        ({"title": ["a", 3]}, "title", "title"),
        ({"id": 7}, "id", "id: "),
        ({"layer": False}, "layer", "layer: "),
        ({"severity": "fatal"}, "severity", "severity: input should be 'error', 'warning' or 'info'"),
        ({"engines": "docker"}, "engines", "engines: a list is meant"),
        ({"engines": [1]}, "- 1", "engines.0: "),
        ({"weak": "yes please"}, "weak", "weak: "),
        ({"match": {"any": [{"id": "a", "regex": 404}]}}, "regex", "match.any.0.regex: "),
        ({"facts": {"proxy": "proxy"}}, "proxy: proxy", "facts.proxy: a mapping is meant"),
        ({"facts": {"proxy": {"type": "proxy", "optional": "no way"}}}, "optional", "facts.proxy.optional: "),
        ({"references": ["https://example.com"]}, "- https", "references.0: a mapping is meant"),
        ({"references": [{"url": "https://e.com", "kind": "blog"}]}, "kind", "references.0.kind: "),
        ({"examples": {"positive": [{"engine": "docker", "text": 1}]}}, "text", "examples.positive.0.text: "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_key_or_value_is_refused_with_its_line(
    folder: RuleFolder, change: dict[str, Any], key: str, words: str
) -> None:
    file = folder.rule("proxy-gone", **change)
    problem = one_problem(folder)
    assert words in problem
    lines = file.read_text().split("\n")
    assert key in lines[int(problem.split(":")[1]) - 1]
    for internal in ("with_", "tuple", "function-", "dataclass", "Traceback"):
        assert internal not in problem


@pytest.mark.parametrize(
    "key",
    [
        "id",
        "layer",
        "severity",
        "title",
        "why",
        "facts",
        "verdict",
        "fixes",
        "references",
        "examples",
        "engines",
        "occurs_on",
    ],
)
def test_a_missing_key_is_named(folder: RuleFolder, key: str) -> None:
    folder.rule("proxy-gone", **{key: None})
    assert f'the key "{key}" is missing' in one_problem(folder)


def test_a_missing_key_deeper_down_is_named_with_its_line(folder: RuleFolder) -> None:
    file = folder.rule("proxy-gone", match={"any": [{"regex": "abcdef"}]})
    problem = one_problem(folder)
    assert 'the key "id" is missing' in problem
    assert "regex: abcdef" in file.read_text().split("\n")[int(problem.split(":")[1]) - 1]


def test_the_id_is_the_name_of_the_file(folder: RuleFolder) -> None:
    folder.rule("proxy-gone").rename(folder.path / "proxy" / "proxy-away.yaml")
    assert 'the id "proxy-gone" must be the name of the file, "proxy-away"' in one_problem(folder)


@pytest.mark.parametrize("name", ["proxy-gone.yml", "proxy-gone.YAML"])
def test_a_file_with_another_ending_is_told_rather_than_left_out(folder: RuleFolder, name: str) -> None:
    folder.rule("proxy-gone").rename(folder.path / "proxy" / name)
    assert ".yaml" in "".join(folder.problems())


def test_an_id_stands_once(folder: RuleFolder) -> None:
    folder.rule("proxy-gone")
    folder.rule("proxy-gone", layer="dns")
    problem = one_problem(folder)
    assert 'the id "proxy-gone" stands in' in problem
    assert "dns/proxy-gone.yaml" in problem


@pytest.mark.parametrize("rule_id", ["Proxy-Gone", "proxy gone", "proxy_gone", "-proxy", "agent-ü"])
def test_an_id_is_made_of_small_letters_digits_and_dashes(folder: RuleFolder, rule_id: str) -> None:
    folder.rule(rule_id, match={"any": [{"id": "a", "regex": "abcdef"}]})
    assert f'"{rule_id}"' in one_problem(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.yaml", "fragments: {A: 1}\n"),
        ("words.yaml", "fragments: [a]\n"),
        ("words.yaml", "fragments:\ncontexts: [a]\n"),
        ("words.yaml", "contexts: {a: abc}\n"),
        ("words.yaml", "contexts: {a: [1]}\n"),
        ("words.yaml", "fragment: {}\n"),
        ("words.yaml", "- a\n"),
        ("words.yaml", "fragments: {Aa: x}\n"),
        ("words.yaml", "fragments: {OK: '('}\n"),
        ("words.yaml", "contexts: {a: ['(']}\n"),
        ("words.yaml", "contexts: {a: ['%NOWHERE%']}\n"),
        ("words.yaml", "ends: {a: ['abcdef']}\n"),
        ("words.yaml", "ends: {a: {of: [nowhere], any: ['abcdef']}}\n"),
        ("words.yaml", "ends: {a: {of: [], any: ['(']}}\n"),
        ("words.yaml", "ends: {a: {of: [], any: ['..']}}\n"),
        ("taxonomy.yaml", "layers: proxy\nclasses: []\n"),
        ("taxonomy.yaml", "classes: []\n"),
        ("taxonomy.yaml", "layers: [proxy]\n"),
        ("taxonomy.yaml", "layers: [proxy]\nclasses: [{id: x}]\n"),
        ("taxonomy.yaml", "layers: [proxy]\nclasses: [{id: x, layer: dns, means: y}]\n"),
        ("taxonomy.yaml", "layers: [proxy]\nclasses: [x]\n"),
        ("taxonomy.yaml", "layers: [a]\nclasses: [{id: x, layer: a, means: y}, {id: x, layer: a, means: y}]\n"),
        ("taxonomy.yaml", ""),
        ("taxonomy.yaml", "- a\n"),
    ],
)
def test_words_and_taxonomy_are_checked_too(folder: RuleFolder, name: str, content: str) -> None:
    folder.write(name, content)
    problems = folder.problems()
    assert problems
    assert all(PLACE.match(one) and one.startswith(name) for one in problems)


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": "prox"}, 'no layer "prox". Did you mean "proxy"?'),
        ({"engines": ["dokcer"]}, 'no engine "dokcer". Did you mean "docker"?'),
        ({"occurs_on": ["docker-engin"]}, 'no platform "docker-engin". Did you mean "docker-engine"?'),
        ({"facts": {"proxy": {"type": "prxy"}}}, 'no type "prxy" of facts. Did you mean "proxy"?'),
        ({"facts": {"Proxy1": {"type": "proxy"}}}, '"Proxy1"'),
        (
            {"match": {"any": [{"id": "a", "regex": "abc (?P<proxi>x)"}]}, "facts": {"proxy": {"type": "proxy"}}},
            'no fact "proxi" in `facts`. Did you mean "proxy"?',
        ),
        (
            {"match": {"any": [{"id": "a", "regex": "abc %REFUSE%"}]}},
            'no fragment %REFUSE% in words.yaml. Did you mean "REFUSED"?',
        ),
        ({"match": {"any": [{"id": "a", "regex": "abc ("}]}}, "not a regular expression"),
        ({"match": {"any": [{"id": "a", "regex": "abc|x*"}]}}, "it matches the empty text"),
        ({"match": {"any": [{"id": "a", "regex": "[0-9]{3}"}]}}, "no words of three characters"),
        ({"match": {"any": [{"id": "a", "regex": "abc.*def"}]}}, "bound it"),
        (
            {"match": {"any": [{"id": "a", "regex": "abcdef"}], "none": [{"id": "b", "regex": "x("}]}},
            "b: not a regular expression",
        ),
        ({"match": {"any": [{"id": "a", "regex": "abcdef"}, {"id": "a", "regex": "ghijkl"}]}}, '"a" stands twice'),
        ({"match": {"any": []}}, "`any` is empty"),
        (
            {"match": {"any": [{"id": "a", "regex": "abcdef"}], "context": "registri"}},
            'no context "registri". Did you mean "registry"?',
        ),
        ({"match": None}, "neither `match` nor `detect`"),
        ({"detect": [{"step": "conect", "outcome": ["refused"]}]}, 'no step "conect". Did you mean "connect"?'),
        (
            {"detect": [{"step": "connect", "outcome": ["refusd"]}]},
            'tcp.connect has no outcome "refusd". Did you mean "refused"?',
        ),
        ({"detect": [{"step": "connect", "outcome": ["unseen"]}]}, "unseen"),
        ({"verdict": {}}, "no probes: say why"),
        ({"title": "The {proxy}"}, 'no fact "proxy".'),
        (
            {"title": "The {proxy}", "facts": {"proxy": {"type": "proxy", "optional": True}}},
            '"{proxy}" may have no value',
        ),
        ({"fixes": [{"use": "thing.doo"}]}, 'no recipe "thing.doo". Did you mean "thing.do"?'),
        (
            {"fixes": [{"use": "thing.do", "with": {"proxi": "x", "proxy": "y"}}]},
            'thing.do takes no "proxi". Did you mean "proxy"?',
        ),
        ({"fixes": [{"use": "thing.do"}]}, 'thing.do needs "proxy"'),
        ({"fixes": [{"use": "thing.do", "with": {"proxy": "{image}"}}]}, 'no fact "image".'),
        ({"fixes": [{"use": "thing.do", "with": {"proxy": "x"}, "when": {"image": "y"}}]}, 'no fact "image".'),
        (
            {"scenarios": [{"given": {}, "expect": {"verdict": "inconclusive"}, "platform": "dockr-engine"}]},
            'no platform "dockr-engine". Did you mean "docker-engine"?',
        ),
        (
            {"scenarios": [{"given": {}, "expect": {"verdict": "inconclusive"}, "facts": {"proxy": "x"}}]},
            'no fact "proxy".',
        ),
        (
            {"scenarios": [{"given": {}, "expect": {"verdict": "inconclusive", "fix": "thing.doo"}}]},
            'no recipe "thing.doo". Did you mean "thing.do"?',
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(
    folder: RuleFolder, change: dict[str, Any], words: str
) -> None:
    folder.recipe("thing.do", params={"proxy": {"type": "proxy"}})
    folder.rule("proxy-gone", **change)
    assert words in one_problem(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"probes": [{"id": "listener", "use": "tcp.conect", "with": {"address": "{proxy}"}}]},
            'no probe "tcp.conect". Did you mean "tcp.connect"?',
        ),
        (
            {"probes": [{"id": "listener", "use": "tcp.connect", "with": {"adress": "{proxy}", "address": "x"}}]},
            'tcp.connect takes no "adress". Did you mean "address"?',
        ),
        ({"probes": [{"id": "listener", "use": "tcp.connect"}]}, 'tcp.connect needs "address"'),
        (
            {"probes": [{"id": "listener", "use": "tcp.connect", "with": {"address": "{proxi}"}}]},
            'no fact "proxi". Did you mean "proxy"?',
        ),
        (
            {
                "probes": [
                    {"id": "listener", "use": "tcp.connect", "with": {"address": "{other.endpoint}"}},
                    {"id": "other", "use": "proxy.settings"},
                ]
            },
            'no probe "other" before this',
        ),
        (
            {"probes": [{"id": "listener", "use": "tcp.connect", "with": {"address": "{proxy}"}}] * 2},
            'the probe id "listener" stands twice',
        ),
        (
            {
                "probes": [{"id": "listener-1", "use": "tcp.connect", "with": {"address": "{proxy}"}}],
                "verdict": {"confirmed": {"listener-1.outcome": "open"}},
            },
            '"listener-1"',
        ),
        ({"verdict": {"because": {}}}, "probes without a `confirmed` condition"),
        ({"verdict": {"confirmed": {"listner.outcome": "refused"}}}, 'no probe "listner"'),
        (
            {"verdict": {"confirmed": {"listener.outcom": "refused"}}},
            'tcp.connect has no field "outcom". Did you mean "outcome"?',
        ),
        (
            {"verdict": {"confirmed": {"listener.outcome": "refusd"}}},
            'tcp.connect has no outcome "refusd". Did you mean "refused"?',
        ),
        ({"verdict": {"confirmed": {"listener.outcome": "unseen"}}}, '"unseen" makes a condition unknown'),
        ({"verdict": {"confirmed": {"listener.outcome": {"is": "refused"}}}}, 'no operator "is"'),
        ({"verdict": {"confirmed": {"proxy": "{nowhere}"}}}, 'no fact "nowhere"'),
        (
            {"verdict": {"confirmed": {"listener.outcome": "refused"}, "because": {"confirmed": "{listener.nothing}"}}},
            'tcp.connect has no field "nothing"',
        ),
        ({"title": "It is {listener.address}"}, '"{listener.address}" may have no value'),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_probe_or_condition_is_refused(folder: RuleFolder, change: dict[str, Any], words: str) -> None:
    folder.rule("proxy-gone", **{**PROBES, **change})
    assert words in one_problem(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variants": []}, "no variant"),
        (
            {"variants": [{"on": ["docker-engin"], "proof": "docs", "steps": [{"text": "x"}]}]},
            'no platform "docker-engin". Did you mean "docker-engine"?',
        ),
        ({"variants": [{"on": ["any"], "steps": [{"text": "x"}]}]}, "`proof` is missing"),
        ({"variants": [{"on": ["any"], "proof": "docs"}]}, "either steps or `not_applicable`"),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x"}], "not_applicable": "y"}]},
            "either steps or",
        ),
        (
            {"variants": [{"on": ["kind", "kind"], "proof": "docs", "steps": [{"text": "x"}]}]},
            '"kind" has a variant before',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "hearsay", "steps": [{"text": "x"}]}]},
            "proof: input should be 'lab', 'source' or 'docs'",
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x {prxy}"}]}]},
            'no parameter "prxy". Did you mean "proxy"?',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x", "run": ["a", "{prxy}"]}]}]},
            'no parameter "prxy"',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x", "when": {"prxy": "1"}}]}]},
            'no parameter "prxy"',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x", "when": {"proxy": {"has": "1"}}}]}]},
            'no operator "has"',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x"}], "verify": ["a", "{prxy}"]}]},
            'no parameter "prxy"',
        ),
        (
            {"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x", "content": "y"}]}]},
            "`content` without `file`",
        ),
        ({"variants": [{"on": ["any"], "proof": "docs", "steps": [{"text": "x", "run": []}]}]}, "`run` is empty"),
        ({"title": "To {prxy}"}, 'no parameter "prxy"'),
        ({"params": {"proxy": {"type": "prxy"}}}, 'no type "prxy" of facts'),
        ({"risk": "none"}, "risk: input should be"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_recipe_is_refused(folder: RuleFolder, change: dict[str, Any], words: str) -> None:
    folder.recipe("thing.do", **{"params": {"proxy": {"type": "proxy"}}, **change})
    assert words in one_problem(folder)


def test_the_helpers_of_these_tests_write_what_they_say() -> None:
    assert rule_content("a", title=None).keys() >= {"id", "layer"}
    assert "title" not in rule_content("a", title=None)
    assert recipe_content("a")["variants"]
