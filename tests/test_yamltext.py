"""YAML with lines, within bounds."""

from __future__ import annotations

import time

import pytest

from kdoctor.yamltext import YamlError, documents, walk


def test_values_have_lines_and_stay_texts() -> None:
    (root,) = documents("a: 1\nb:\n  - yes\n  - &x {c: null, d: 'null'}\n  - *x\n")
    assert root.string("a") == "1"
    yes, mapped, alias = root.list("b")
    assert (yes.text, yes.line) == ("yes", 3)
    assert mapped is alias
    assert mapped.string("c") == ""
    assert mapped.string("d") == "null"


def test_merge_keys_are_followed_and_own_keys_win() -> None:
    (root,) = documents("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  x: 3\nlist:\n  <<: [*b]\n")
    more, listed = root.get("more"), root.get("list")
    assert more is not None
    assert listed is not None
    assert (more.string("x"), more.string("y"), listed.string("y")) == ("3", "2", "2")


def test_documents_are_separate() -> None:
    assert [d.string("a") for d in documents("a: 1\n---\n---\na: 2\n...\n") if d.pairs] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1\nb: 2\n", 2),
        ("a: b: c\n", 1),
        ("\tx: 1\n", 1),
        ("a: *nope\n", 1),
        ("a: \x00\n", 1),
        ("x: 1\n{{ .Values.x }}\n", 2),
    ],
)
def test_what_is_no_yaml_has_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError) as caught:
        documents(text)
    assert caught.value.line == line


def test_a_bomb_of_aliases_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    merges = "m0: &m0 {k: v}\n" + "".join(
        f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 30)
    )
    began = time.monotonic()
    (root,) = documents("\n".join(lines) + "\n" + merges)
    assert sum(1 for _ in walk(root)) < 1000
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(YamlError):
        documents(text)


def test_a_node_that_holds_itself_is_visited_once() -> None:
    (root,) = documents("a: &a\n  b: *a\n")
    assert len(list(walk(root))) == 2
