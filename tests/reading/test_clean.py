"""What is taken off a line before it is read, and what is joined again."""

import itertools
import random
import re

import pytest

from kdoctor.errors import UsageError
from kdoctor.reading.clean import clean, decode, encoding_of, unwrap
from kdoctor.reading.records import records


def texts(text: str) -> list[str]:
    """Return the cleaned lines' texts."""
    return [line.text for line in clean(text)]


def test_stamps_of_ci_systems_and_tools_go() -> None:
    """GitHub Actions, buildkit and compose put a stamp before every line."""
    assert texts("2026-03-01T09:12:05.1234567Z dial tcp: refused") == ["dial tcp: refused"]
    assert texts("#12 0.345 dial tcp: refused") == ["dial tcp: refused"]
    assert texts("web-1  | dial tcp: refused") == ["dial tcp: refused"]
    assert texts("2026-03-01T09:12:05.1234567Z ##[error]dial tcp: refused") == ["dial tcp: refused"]
    assert texts("::error file=a.yaml,line=3::dial tcp: refused") == ["dial tcp: refused"]


def test_a_date_that_separates_records_stays() -> None:
    """A log's own time of day is how its records are told apart."""
    line = "2026-03-01T09:12:05Z level=error msg=refused"
    assert texts(line) == [line]


def test_what_stands_before_every_line_goes() -> None:
    """Quoting, indentation and a service's name with a bar, also one inside the other."""
    assert texts("> db | one\n> db | two") == ["one", "two"]
    assert texts("    one\n      two") == ["one", "  two"]
    assert texts("\tone\n\t\ttwo") == ["one", "\ttwo"]
    assert texts("db | one\ntwo") == ["db | one", "two"]


def test_a_folded_yaml_scalar_is_one_line() -> None:
    """kubectl folds a long message in single quotes, and doubles the quotes in it."""
    dump = "status:\n  message: 'rpc error: failed to pull ''a''\n    and unpack it'\n  reason: ErrImagePull"
    assert texts(dump) == [
        "status:",
        "  message: 'rpc error: failed to pull 'a' and unpack it'",
        "  reason: ErrImagePull",
    ]


def test_console_breaks_are_undone_although_quotes_were_escaped() -> None:
    """The console's width is that of the line before its escapes are undone; a blank at the break stays."""
    head = 'level=error msg="lookup of \\"reg.example\\" failed: '
    head += "x" * (79 - len(head)) + " "
    assert unwrap(clean(head + "\nbecause")) == head.replace('\\"', '"') + "because\n"


def test_powershell_names_the_command_first() -> None:
    """Windows PowerShell writes `docker : ` before a native command's error."""
    record = "docker : no such host\nAt line:1 char:1\n    + FullyQualifiedErrorId : NativeCommandError"
    assert texts(record)[0] == "no such host"


def test_markdowns_emphasis_goes_and_masks_stay() -> None:
    lines = clean("**dial tcp: lookup** quay.io: **no such host**\npassword=**** a ** b **c")
    assert [line.text for line in lines] == [
        "dial tcp: lookup quay.io: no such host",
        "password=**** a ** b **c",
    ]


def test_signs_that_html_has_escaped_are_read() -> None:
    """Named and by number, also where they were escaped twice; numbers of no printed sign stay."""
    assert texts("Get &quot;https://a/?b&amp;c&quot;: can&#x27;t, can&#39;t &lt;nil&gt;") == [
        "Get \"https://a/?b&c\": can't, can't <nil>"
    ]
    assert texts("can&amp;#39;t &#10; &#x1b; &bad;") == ["can't &#10; &#x1b; &bad;"]


def test_what_no_message_has_is_cut_short() -> None:
    """A token or a ruler of a thousand signs costs every pattern; what stands around it stays."""
    for long in ("a" * 5000, "a." * 3000, "=" * 5000, "[{" * 1000):
        (line,) = texts(f"before {long} dial tcp: refused")
        assert line.startswith("before ")
        assert line.endswith(" dial tcp: refused")
        assert len(line) < 600
    kept = "https://reg.example.com/" + "a/" * 250
    assert texts(kept) == [kept]


def test_a_line_without_end_is_read_to_its_end() -> None:
    """It comes in pieces; what stands at their borders is whole in one of them."""
    words = [f"word{i}" for i in range(5000)]
    whole = list(records(clean(" ".join(words))))
    for first, second in itertools.pairwise(words):
        assert any(f"{first} {second}" in record.text for record in whole)
    assert max(len(record.text) for record in whole) <= 4096
    assert {line.number for record in whole for line in record.lines} == {1}


def test_lines_alike_keep_their_numbers_and_widths() -> None:
    lines = clean("> pulled\n# said \n> pulled  \n\n> pulled")
    assert [(line.number, line.text, line.width, line.blank, line.mark) for line in lines] == [
        (1, "pulled", 6, False, ""),
        (2, "said", 5, True, "# "),
        (3, "pulled", 8, True, ""),
        (5, "pulled", 6, False, ""),
    ]


def test_a_line_that_repeats_itself_comes_in_pieces_alike() -> None:
    message = "dial tcp 192.0.2.7:443: connect: connection refused while the image was pulled; "
    whole = [record.text for record in records(clean("first, something else. " * 9 + message * 400))]
    assert len(whole) > 10
    assert len(set(whole[2:-1])) == 1
    assert all(message in text for text in whole)


def test_another_programs_failure_is_a_record_of_its_own() -> None:
    lines = ("docker: it failed", "psql: error: no server", "\tIs it running?", "x" * 120, "npm: gone")
    assert [record.text for record in records(clean("\n".join(lines)))] == [
        "docker: it failed",
        "psql: error: no server\n\tIs it running?\n" + "x" * 120,
        "npm: gone",
    ]


def test_lines_that_are_taken_over_as_they_are_have_nothing_to_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(7)
    signs = (
        "a",
        "b ",
        " ",
        "\t",
        "#",
        ">",
        "|",
        "//",
        "**x**",
        "&lt;",
        "<http://a>",
        "[http://a](http://a)",
        "\\",
        '"',
        "é",
        "\x07",
    )
    lines = ["".join(rng.choice(signs) for _ in range(rng.randrange(9))) for _ in range(4000)]
    cleaned = [clean(line) for line in lines]
    monkeypatch.setattr("kdoctor.reading.clean._BARE", re.compile("(?!)"))
    assert cleaned == [clean(line) for line in lines]


def test_a_url_between_angle_brackets_is_bare() -> None:
    [line] = clean("unexpected status from HEAD request to <https://reg.example/v2/web/manifests/7>: 403 Forbidden")
    assert line.text == "unexpected status from HEAD request to https://reg.example/v2/web/manifests/7: 403 Forbidden"


def test_the_tags_of_a_powershell_without_a_console_go() -> None:
    lines = (
        "docker : pull access denied for acme/odd, repository does not exist or may req",
        "uire login",
        "At line:1",
    )
    said = "".join(f'<S S="Error">{line}_x000D__x000A_</S>' for line in lines)
    progress = '<Obj S="progress" RefId="0"><MS><I64 N="SourceId">1</I64></MS></Obj>'
    found = clean(f'#< CLIXML\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/x">{progress}{said}</Objs>')
    assert [(line.number, line.text) for line in found] == [(2, lines[0] + lines[1]), (2, lines[2])]


SAID = {
    "gb18030": ("由于目标计算机积极拒绝，无法连接。", "系统找不到指定的文件。"),
    "cp950": ("無法連線，因為目標電腦拒絕連線。", "系統找不到指定的檔案。"),
    "cp932": (
        "対象のコンピューターによって拒否されたため、接続できませんでした。",
        "指定されたファイルが見つかりません。",
    ),
    "cp949": ("대상 컴퓨터에서 연결을 거부했으므로 연결하지 못했습니다.", "지정된 파일을 찾을 수 없습니다."),
    "cp1251": ("Не удается найти указанный файл.", "конечный компьютер отверг запрос на подключение"),
    "cp866": ("Не удается найти указанный файл.", "конечный компьютер отверг запрос на подключение"),
    "cp1252": ("Verbindungsversuch für den Host überschritten", "No se puede establecer una conexión"),
    "cp850": ("Verbindungsversuch für den Host überschritten", "No se puede establecer una conexión"),
}


@pytest.mark.parametrize(("name", "said"), [(name, said) for name, both in SAID.items() for said in both])
def test_what_cmd_writes_is_read_in_its_code_page(name: str, said: str) -> None:
    text = f"C:\\lab>docker pull acme/odd\r\nopen //./pipe/docker_engine: {said}\r\n"
    assert encoding_of(text.encode(name)) == name
    assert decode(text.encode(name)) == text
    assert decode(text.encode()) == text


def test_utf8_with_a_broken_sign_stays_utf8_and_noise_is_no_text() -> None:
    broken = "Pull für acme, ✓ fertig, ü\n".encode() * 3 + b"\xff cut off\n"
    assert encoding_of(broken) == "utf-8"
    for seed in range(40):
        with pytest.raises(UsageError, match="not text"):
            encoding_of(random.Random(seed).randbytes(2000))


def test_a_message_continued_behind_a_colon_is_one_line() -> None:
    lines = clean('Get "https://10.0.0.1:443/version": \\\n  dial tcp 10.0.0.1:443: \\\ni/o timeout\nnext')
    assert [(line.number, line.text) for line in lines] == [
        (1, 'Get "https://10.0.0.1:443/version": dial tcp 10.0.0.1:443: i/o timeout'),
        (4, "next"),
    ]
    assert len(clean("docker run \\\n  --rm \\\n  alpine")) == 3


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("# the pull failed", "# "),
        ("    // the pull failed", "    // "),
        ("the pull failed # twice", ""),
        ("> the pull failed", ""),
        ("## the pull failed", ""),
        ("# Error response from daemon: x", ""),
        ("#   WARNING: Failed to pull", ""),
        ('# time="2026-01-02" level=error', ""),
        ("//registry.example.com/v2/", ""),
    ],
)
def test_a_comments_sign_is_kept_beside_the_line(line: str, mark: str) -> None:
    assert [one.mark for one in clean(f"{line}\nnext")] == [mark, ""]


def test_a_record_has_the_same_line_twice_and_knows_of_the_others() -> None:
    lines = ["first", *["retrying", "layer missing"] * 20, "last"]
    (record,) = records(clean("\n".join(lines)))
    assert record.text.split("\n") == ["first", "retrying", "layer missing", "retrying", "layer missing", "last"]
    assert record.with_again([3, 5]) == [3, 5, *range(7, 42, 2)]
    assert record.with_again([1, 42]) == [1, 42]
    assert record.holds_any(frozenset({20}))
    assert not record.holds_any(frozenset({43}))
    (varied,) = records(clean("\n".join(["retrying", *map(str, range(20))])))
    assert len(varied.lines) == 21
