"""`--since`: the time stamps of all kinds of logs, and which lines are left."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from kdoctor.errors import UsageError
from kdoctor.logs.times import instant, since
from tests.logs.conftest import Explain, dated, places, refused

NOW = datetime(2026, 11, 26, 19, 0, tzinfo=UTC)
TEN = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
RULE = "proxy-connection-refused"


@pytest.mark.parametrize(
    "line",
    [
        "E1126 10:00:00.000000    1234 log.go:32] x",
        "\x1b[31mE1126 10:00:00.000000    1234 log.go:32] x",
        "[Thu Nov 26 10:00:00 2026] x",
        '{"reason":"Failed","lastTimestamp":"2026-11-26T10:00:00Z"}',
        "Nov 26 10:00:00 node kubelet[1]: E1126 11:11:11.0 1 x.go:1] x",
        "Nov 26 10:00:00.000000 node kubelet[1]: x",
        "2026-11-26T10:00:00+0000 node kubelet[1]: x",
        "2026-11-26T11:00:00.000000+01:00 node kubelet[1]: x",
        "Thu 2026-11-26 10:00:00 UTC node kubelet[1]: x",
        'time="2026-11-26T10:00:00.000000000Z" level=info msg="x"',
        "2026-11-26T10:00:00.0000000Z ##[error]x",
        "build\tpull the image\t2026-11-26T10:00:00.0000000Z x",
        "2026-11-26T10:00:00.000000000Z stderr F x",
        "2026/11/26 10:00:00 x",
        "[2026-11-26T10:00:00.000Z][com.docker.backend] x",
        '{"log":"x\\n","stream":"stderr","time":"2026-11-26T10:00:00.000000000Z"}',
        '{"ts":1795687200000.0,"caller":"x","msg":"x"}',
        '{"level":"warn","ts":"2026-11-26T10:00:00.000Z","msg":"x"}',
        "1795687200.000000 node kubelet[1]: x",
        "web-1  | 2026-11-26T10:00:00Z x",
        "[pod/web-0/app] 2026-11-26T10:00:00Z x",
        "[Nov26 10:00] IPv6: x",
        "* Nov 26 10:00:00 minikube dockerd[1]: x",
        '10.0.0.9 - - [26/Nov/2026:10:00:00 +0000] "GET /v2/ HTTP/1.1" 200 2',
        "<30>Nov 26 10:00:00 node dockerd[1]: x",
    ],
)
def test_stamps(line: str) -> None:
    assert instant(line, NOW) == TEN.timestamp()


@pytest.mark.parametrize(
    "line",
    ["", "x", "Error: x509: certificate has expired: current time 2026-11-26T10:00:00Z is after 2025-01-01T00:00:00Z",
     "I0231 10:00:00.0 1 x", "pulling image 2026-11-26", "  Normal  Pulled  5m  kubelet  x"],
)  # fmt: skip
def test_lines_without_a_stamp(line: str) -> None:
    assert instant(line, NOW) is None


def test_a_stamp_without_zone_is_in_the_machines_and_without_year_the_last() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=8)))
    assert instant("E1126 10:00:00.0 1 x", east) == (TEN - timedelta(hours=8)).timestamp()
    assert instant("E1231 10:00:00.0 1 x", NOW) == datetime(2025, 12, 31, 10, tzinfo=UTC).timestamp()
    leap = datetime(2024, 3, 1, tzinfo=UTC)
    assert instant("E0229 10:00:00.0 1 x", leap) == datetime(2024, 2, 29, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("2h ago", timedelta(hours=2)),
        ("1w", timedelta(days=7)),
        ("-10m", timedelta(minutes=10)),
        ("2 hours ago", timedelta(hours=2)),
        ("1 day", timedelta(days=1)),
        ("1h 30min", timedelta(minutes=90)),
        ("2026-11-26 10:00", timedelta(hours=9)),
        ("2026-11-26T11:00:00+01:00", timedelta(hours=9)),
        ("2026-11-26", timedelta(hours=19)),
        ("10:00", timedelta(hours=9)),
        ("yesterday", timedelta(hours=43)),
        ("@1795687200", timedelta(hours=9)),
        ("1795687200", timedelta(hours=9)),
        ("1795687200.000000000", timedelta(hours=9)),
        ("Nov 26 10:00:00", timedelta(hours=9)),
        ("Nov 26 10:00", timedelta(hours=9)),
        ("I1126 10:00:00.0", timedelta(hours=9)),
        ("now", timedelta()),
    ],
)
def test_what_since_takes(text: str, ago: timedelta) -> None:
    assert since(text, NOW) == (NOW - ago).timestamp()


@pytest.mark.parametrize(
    "text", ["", "x", "--10m", "2 months", "2M", "1h30", "10", "10 parsecs", "2026-13-01", "2027-01-01", "10m; rm"]
)
def test_what_since_refuses(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        since(text, NOW)


def log(times: list[str], continued: str = "") -> str:
    return "".join(dated(refused(), f"2026-11-26T{time}:00Z") + continued for time in times)


@pytest.mark.parametrize("much", [0, 20_000])
def test_older_lines_are_left_out_and_the_others_keep_their_numbers(much: int, explain: Explain) -> None:
    noise = "".join(f"2026-11-26T09:30:00Z fine {n}\n" + "  and so on\n" for n in range(much))
    text = log(["08:00", "09:00"]) + noise + log(["10:00", "11:00"])
    _, report, _ = explain("-", "--since", "2026-11-26T09:59:00Z", stdin=text.encode())
    first = 3 + 2 * much
    assert places(report, RULE) == [("standard input", first, first + 1, 2)]


def test_lines_without_a_stamp_belong_to_the_record_before(explain: Explain) -> None:
    text = log(["08:00"], f"  caused by: {refused()}\n" * 3) + "2026-11-26T10:00:00Z later\n" + f"  {refused()}\n"
    _, report, _ = explain("-", "--since", "2026-11-26T09:00:00Z", stdin=text.encode())
    assert places(report, RULE) == [("standard input", 6, 6, 1)]


@pytest.mark.parametrize("much", [1, 3000])
def test_a_text_without_stamps_is_kept_and_that_is_said(much: int, explain: Explain) -> None:
    status, report, _ = explain(
        "-", "--since", "10m", stdin=("plain " * 100 + "\n").encode() * much + refused().encode()
    )
    assert status == 0
    assert any("time stamp" in notice for notice in report["notices"])


@pytest.mark.parametrize("much", [0, 40_000])
def test_when_all_is_older_that_is_said(much: int, explain: Explain) -> None:
    text = log(["08:00"]) + "2026-11-26T08:30:00Z fine\n" * (much + 1)
    status, report, _ = explain("-", "--since", "2026-11-26T09:00:00Z", stdin=text.encode())
    assert status == 1
    assert report["notices"] == [
        "nothing in standard input is newer than 2026-11-26 09:00:00: its last time stamp is 2026-11-26 08:30:00"
    ]


def test_sections_of_minikube_logs(explain: Explain) -> None:
    text = f"==> Docker <==\nNov 20 10:00:00 m dockerd[1]: old\n\n==> container status <==\n{refused()}\n"
    assert explain("-", "--since", "1h", stdin=text.encode())[0] == 0


def test_rotated_parts_are_read_as_far_as_the_time_reaches(tmp_path: Path, explain: Explain) -> None:
    (tmp_path / "a.log.1").write_text(log(["08:00", "10:00"]))
    (tmp_path / "a.log").write_text(log(["11:00"]))
    _, report, _ = explain("--file", str(tmp_path / "a.log"), "--since", "2026-11-26T09:00:00Z")
    assert places(report, RULE) == [("a.log.1", 2, 2, 1), ("a.log", 1, 1, 1)]
