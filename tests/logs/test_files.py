"""Log files: several, rotated, packed, broken, in other encodings, with lines without end."""

import bz2
import contextlib
import gzip
import lzma
import os
from pathlib import Path

import pytest

from kdoctor.errors import UsageError
from kdoctor.logs.files import open_log, rotated
from tests.logs.conftest import Explain, dated, places, refused

RULE = "proxy-connection-refused"


@pytest.mark.parametrize(
    ("log", "beside", "expected"),
    [
        ("kubelet.log", ["kubelet.log.1", "kubelet.log.2.gz", "kubelet.log.10.gz"], ["10.gz", "2.gz", "1", "log"]),
        ("syslog", ["syslog-20261125.gz", "syslog-20261124.gz", "syslog.1"], ["24.gz", "25.gz", ".1", "syslog"]),
        ("kubelet.log", ["kubelet-20261125.log", "kubelet-20261124.log.gz"], ["24.log.gz", "25.log", "kubelet.log"]),
        ("0.log", ["0.log.20261126-101010", "0.log.20261125-101010.gz", "1.log"], ["25-101010.gz", "101010", "0.log"]),
        ("a.log", ["a-2026-11-25T10-10-10.000.log.gz", "a-other.log", "ab.log.1"], [".log.gz", "a.log"]),
        ("x-json.log", ["x-json.log.1", "x-json.log.tmp", "x-json.log.old"], [".1", "x-json.log"]),
        ("a.log", ["a.log.1", "a.log.1.gz"], ["a.log.1", "a.log"]),
        ("a.log", ["b.log.1", "a.log.swp", "a.log.1.tmp"], ["a.log"]),
    ],
)
def test_rotated_parts_come_oldest_first(log: str, beside: list[str], expected: list[str], tmp_path: Path) -> None:
    for name in (log, *beside):
        (tmp_path / name).write_text("x")
    found = [path.name for path in rotated(tmp_path / log)]
    assert len(found) == len(expected)
    assert all(name.endswith(end) for name, end in zip(found, expected, strict=True)), found


def test_parts_of_a_link_are_those_of_its_target(tmp_path: Path) -> None:
    (tmp_path / "pods").mkdir()
    for name in ("0.log", "0.log.20261126-101010"):
        (tmp_path / "pods" / name).write_text("x")
    (tmp_path / "web.log").symlink_to(tmp_path / "pods" / "0.log")
    assert [path.name for path in rotated(tmp_path / "web.log")] == ["0.log.20261126-101010", "web.log"]


def test_only_the_parts_that_reach_into_the_time(tmp_path: Path) -> None:
    for name, written in (("a.log.2", 1000), ("a.log.1", 3000), ("a.log", 5000)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (written, written))
    assert [path.name for path in rotated(tmp_path / "a.log", 2000)] == ["a.log.1", "a.log"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_packed_logs_are_read_whatever_their_name(pack: object, tmp_path: Path, explain: Explain) -> None:
    assert callable(pack)
    log = tmp_path / "a.log"
    log.write_bytes(pack(dated(refused()).encode()))
    status, report, _ = explain("--file", str(log))
    assert status == 0
    assert places(report, RULE) == [("a.log", 1, 1, 1)]
    assert places(explain("-", stdin=log.read_bytes())[1], RULE) == [("standard input", 1, 1, 1)]


def test_a_rotated_log_is_read_whole_with_a_place_in_each_part(tmp_path: Path, explain: Explain) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-11-26T10:00:00Z fine\n" + dated(refused()))
    (tmp_path / "a.log.1").write_text(dated(refused()) + dated(refused()))
    (tmp_path / "a.log.2.gz").write_bytes(gzip.compress(dated(refused()).encode()))
    _, report, _ = explain("--file", str(log), "--rotated")
    assert places(report, RULE) == [("a.log.2.gz", 1, 1, 1), ("a.log.1", 1, 2, 2), ("a.log", 2, 2, 1)]
    assert "read, in this order" in " ".join(report["notices"])
    assert places(explain("--file", str(log))[1], RULE) == [("a.log", 2, 2, 1)]


def test_several_files(tmp_path: Path, explain: Explain) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(dated(refused()))
    _, report, _ = explain("--file", str(tmp_path / "a.log"), "--file", str(tmp_path / "b.log"))
    assert places(report, RULE) == [("a.log", 1, 1, 1), ("b.log", 1, 1, 1)]


def test_packed_data_that_is_cut_off_is_read_up_to_there(tmp_path: Path, explain: Explain) -> None:
    whole = gzip.compress(
        (dated(refused()) + "".join(f"2026-11-26T10:00:00Z {os.urandom(30).hex()}\n" for _ in range(50000))).encode()
    )
    log = tmp_path / "a.log.gz"
    log.write_bytes(whole[: len(whole) // 2])
    status, report, _ = explain("--file", str(log))
    assert status == 0
    assert places(report, RULE) == [("a.log.gz", 1, 1, 1)]
    assert any("cut off or broken" in notice for notice in report["notices"])


def test_what_is_no_log_is_said(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "kubelet.log").write_text("x")
    with pytest.raises(UsageError, match=r"directory; give a file in it, such as .*kubelet\.log"):
        open_log(tmp_path / "sub")
    (tmp_path / "z.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"0" * 50)
    (tmp_path / "g.gz").write_bytes(b"\x1f\x8b" + b"0" * 50)
    for name, said in (
        ("z.zst", "zstdcat|cannot be unpacked"),
        ("g.gz", "cannot be unpacked"),
        ("none", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=said), contextlib.closing(open_log(tmp_path / name)) as stream:
            stream.read(100)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("UTF-16 with a mark", ("\ufeff" + dated(refused())).encode("utf-16-le")),
        ("UTF-16 without", dated(refused()).encode("utf-16-le")),
        ("UTF-16, the other way", dated(refused()).encode("utf-16-be")),
        ("UTF-32", dated(refused()).encode("utf-32")),
        ("UTF-8 with a mark", b"\xef\xbb\xbf" + dated(refused()).encode()),
        ("a hole, as copytruncate leaves it", bytes(100_000) + dated(refused()).encode()),
        ("some NUL bytes", b"a\0b\n" + dated(refused()).replace("connect", "conn\0ect").encode()),
        ("invalid UTF-8", b"\xff\xfe\xfd: \xc3\x28\n" * 3 + dated(refused()).encode()),
        ("UTF-16 behind UTF-8", b"PS C:\\> docker pull x\n" * 30 + dated(refused()).encode("utf-16-le")),
    ],
)
@pytest.mark.parametrize("much", [False, True])
def test_encodings(name: str, data: bytes, much: bool, explain: Explain) -> None:
    if name == "invalid UTF-8":
        data = data[2:]
    wide = "UTF-16" in name and "behind" not in name
    more = ("x" * 99 + "\n") * 15000 if much else ""
    tail = (
        more.encode("utf-16-be" if "other" in name else "utf-16-le")
        if wide
        else more.encode("utf-32-le" if "32" in name else "utf-8")
    )
    status, report, error = explain("-", stdin=data + tail)
    assert status == 0, error
    assert [d["rule"] for d in report["diagnoses"]] == [RULE]


@pytest.mark.parametrize("size", [20_000, 700_000, 6_000_000])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_line_without_end_is_read_all_along(size: int, share: float, explain: Explain) -> None:
    noise = b'{"kind":"Event","reason":"Fine"},' * (size // 33)
    at = int(len(noise) * share)
    _, report, _ = explain("-", stdin=noise[:at] + refused().encode() + noise[at:])
    assert places(report, RULE) == [("standard input", 1, 1, 1)]


@pytest.mark.parametrize(
    "data", [b"\x7fELF" + bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n" + os.urandom(9000), b"LPKSHHRH" + bytes(400)]
)
def test_what_is_no_text_is_refused(data: bytes, explain: Explain) -> None:
    status, _, error = explain("-", stdin=data)
    assert status == 2
    assert "not text" in error


def test_what_others_say_after_many_alike_is_read(tmp_path: Path, explain: Explain) -> None:
    lines = []
    for i in range(12_000):
        port = 10248 if i in (9_000, 11_000) else 9090
        stamp = f"I1126 10:{i // 60 % 60:02}:{i % 60:02}.000000    1234 prober.go:107]"
        refused = f"Get http://127.0.0.1:{port}/healthz: dial tcp 127.0.0.1:{port}: connect: connection refused"
        lines.append(f'{stamp} "Probe failed" output="{refused}"')
    log = tmp_path / "kubelet.log"
    log.write_text("\n".join(lines) + "\n")
    assert log.stat().st_size > 1024 * 1024
    _, report, _ = explain("--file", str(log))
    assert places(report, "kubelet-not-running") == [("kubelet.log", 9_001, 11_001, 2)]
