"""The same hostile strings go through every renderer: values stay data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kdoctor.model import Report, Severity
from kdoctor.report import RENDERERS, Options
from kdoctor.report.layout import wrap
from kdoctor.report.safety import inert, json_text, lines, one_line

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;https://evil.test\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31mred\x85next",
    "nul \x00 bell \a back \b\b del \x7f",
    "rtl \u202e txt.exe \u2066 isolate \u2069 mark \u200f",
    "invisible \u200b\u2060\ufeff\U000e0041",
    "lines \u2028 two \u2029 three \x0b \x0c",
    "\n::error title=x::owned",
    "a b\r::set-output name=x::y\r\n##[error]owned ##vso[task.setvariable]x",
    "   ::stop-commands::x",
    "long enough that it wraps before the next word wherever the column is " * 2 + "::add-mask::x " * 30,
    "[bold red]x[/bold red] [link=https://evil.test]y[/link] :boom:",
    "</testcase></testsuite><script>alert(1)</script>]]> & \ufffe\uffff \"'",
    "<!-- --> <img src=x onerror=y> **b** _i_ [l](https://evil.test) ![i](https://evil.test) `c` ``` ~~~",
    "# heading",
    "1. item",
    "- item",
    "| a | b |",
    "https://evil.test/x www.evil.test @someone #12",
    "```\nfence\n```\n<b>out</b>",
    "lone \ud800 surrogate",
    "%0A::error::x %25 a:b,c",
    "section_start:0:x\r\x1b[0Kowned",
    "{0} {x} %s ${{ secrets.X }} $(id) `id`",
]
_INVISIBLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
_COLORS = re.compile(r"\x1b\[(?:0|1|2|1;31|31|32|33|36)m")


def _spoiled(value: Any, text: str) -> Any:
    """Put `text` in every string of a report except the words of closed lists."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_spoiled(item, text) for item in value)
    if isinstance(value, Mapping):
        return {text if name == "proxy" else name: _spoiled(item, text) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _spoiled(getattr(value, f.name), text) for f in fields(value)})
    return value


@pytest.fixture(params=HOSTILE, ids=lambda text: repr(text)[:24])
def hostile(request: pytest.FixtureRequest, walked: Report, unknown: Report) -> Report:
    """A report whose every value is hostile, with all its parts."""
    report: Report = replace(
        _spoiled(replace(walked, nearest=unknown.nearest), request.param), command="check", lang="en"
    )
    first, *rest = report.diagnoses
    return replace(report, diagnoses=(first, *rest, replace(first, verdict=first.verdict.REFUTED)))


def _assert_harmless(document: str) -> None:
    assert not _INVISIBLE.search(document)
    for line in document.split("\n"):
        assert "##[" not in line
        assert "##vso[" not in line
    document.encode()  # no lone surrogate


def _assert_no_commands(document: str) -> None:
    for line in document.split("\n"):
        assert not line.strip().startswith("::")


@pytest.mark.parametrize("verbose", [0, 2])
@pytest.mark.parametrize("width", [40, 80])
def test_text(hostile: Report, verbose: int, width: int) -> None:
    options = Options(verbose=verbose, width=width)
    out = RENDERERS["text"].render(hostile, options)
    _assert_harmless(out)
    _assert_no_commands(out)
    colored = RENDERERS["text"].render(hostile, options._replace(color=True))
    assert _COLORS.sub("", colored) == out


def test_quiet_text(hostile: Report) -> None:
    out = RENDERERS["text"].render(hostile, Options(quiet=True))
    _assert_harmless(out)
    assert len(out.splitlines()) == 1


def test_json(hostile: Report) -> None:
    out = RENDERERS["json"].render(hostile, Options())
    _assert_harmless(out)
    _assert_no_commands(out)
    because = hostile.diagnoses[0].because.replace("\ud800", "\ufffd")
    assert json.loads(out)["diagnoses"][0]["because"] == because


def test_junit(hostile: Report) -> None:
    out = RENDERERS["junit"].render(hostile, Options())
    _assert_harmless(out)
    _assert_no_commands(out)
    root = ET.fromstring(out)
    assert {element.tag for element in root.iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "skipped",
        "system-out",
    }
    assert len(root.findall("testsuite/testcase")) == len(hostile.checks) + len(hostile.diagnoses)


def test_github(hostile: Report) -> None:
    out = RENDERERS["github"].render(hostile, Options())
    _assert_harmless(out)
    lines_ = out.splitlines()
    assert len(lines_) == 1 + len(hostile.notices)
    for line in lines_:
        assert re.fullmatch(r"::(error|warning|notice) (?:file=[^:,]*,line=\d+,)?title=[^:,]*::.*", line)
        assert not re.search(r"%(?!25|0A|3A|2C)", line)


def test_markdown(hostile: Report) -> None:
    out = RENDERERS["markdown"].render(hostile, Options(verbose=1))
    _assert_harmless(out)
    _assert_no_commands(out)
    tokens = MarkdownIt("commonmark").enable("table").parse(out)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in [*tokens, *inline]}
    assert not kinds & {"html_block", "html_inline", "image", "heading_close_h1", "em_open", "blockquote_open", "hr"}
    assert not kinds & {"link_open", "ordered_list_open"}
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h3"]
    assert all(t.content.count("\n") <= 40 for t in tokens if t.type == "fence")


def test_every_format_is_tested() -> None:
    assert set(RENDERERS) == {"text", "json", "junit", "github", "markdown"}


@given(st.text(st.characters(), max_size=60), st.integers(10, 40))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    line = one_line(text)
    assert "".join(wrap(line, width)).replace(" ", "") == line.replace(" ", "")


@given(st.text(st.characters(), max_size=60))
def test_one_line_is_visible_and_stays_as_it_is(text: str) -> None:
    line = one_line(text)
    _assert_harmless(line)
    _assert_no_commands(line)
    assert one_line(line) == line
    assert all(inert(part) == part for part in lines(text))


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_text_decodes_to_the_same_data(data: Any) -> None:
    assert json.loads(json_text(json.dumps(data, ensure_ascii=False))) == data


_secrets = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("/@#?%:\"'\\<>&;`|*_"), min_size=1
).filter(lambda s: "@sha" not in s and not s[0].isdigit())


@settings(max_examples=40, deadline=None)
@given(_secrets)
def test_no_proxy_password_survives_in_any_format(walked: Report, secret: str) -> None:
    """The password is known by two marks, so that none of its escapes can hide it."""
    proxy = f"http://bob:Qz7{secret}Qz8@proxy.corp:3128"
    report = _spoiled(walked, f'HTTPS_PROXY="{proxy}" of {proxy}')
    report = replace(report, command="check", lang="en")
    for name, renderer in RENDERERS.items():
        for options in (Options(verbose=2), Options(color=True, fail_on=Severity.WARNING)):
            out = renderer.render(report, options)
            assert "Qz7" not in out, name
            assert "Qz8" not in out, name
            assert "proxy.corp" in out, name
