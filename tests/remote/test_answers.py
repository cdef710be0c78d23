"""Answers of a hostile or broken other side: an error in one line, or nothing; never more."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.model import UNSEEN
from kdoctor.probes import far as through
from kdoctor.probes.far_dns import query_of, read_answer
from kdoctor.remote import answers, session
from kdoctor.remote.answers import HEADER, Answer, AnswerError, Ran
from kdoctor.remote.machine import machine_of
from kdoctor.remote.session import Session, end_all
from kdoctor.remote.vantage import Far, Unreached, look
from kdoctor.remote.ways import Way
from kdoctor.settings import node


@dataclass(frozen=True, slots=True)
class Says(Way):
    """Another side that runs a program of Python's instead of the script."""

    code: str = ""

    def argv(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", self.code]


def says(text: str, then: str = "") -> Says:
    return Says(
        "node:evil", ("evil",), code=f"import sys, time\nsys.stdout.write({text!r})\nsys.stdout.flush()\n{then}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Welcome to host\n",
        f"{HEADER}\n",
        f"{HEADER}\nfile /etc/hosts\n| x\n",
        f"{HEADER}\n| nobody's\nend\n",
        f"{HEADER}\nrun rm\nend\n",
        f"{HEADER}\nran nc 1 2 3\nend\n",
        f"{HEADER}\nran NC x\nend\n",
        f"{HEADER}\nrefused\nend\n",
        "kdoctor-vantage 2\nend\n",
        "\x1b[31mkdoctor-vantage 1\nend\n",
    ],
)
def test_what_is_no_answer_is_an_error(text: str) -> None:
    with pytest.raises(AnswerError):
        answers.read(text.split("\n"))


def test_a_logins_noise_before_the_answer_is_passed_over() -> None:
    found = answers.read(["Last login: today", "motd\r", f"{HEADER}\r", "uid 0\r", "end\r", "logout"])
    assert found.one("uid") == "0"


@given(st.lists(st.text(max_size=40), max_size=30))
def test_any_lines_are_an_answer_or_an_error(lines: list[str]) -> None:
    try:
        found = answers.read([HEADER, *lines, "end"])
    except AnswerError:
        return
    assert not any(ord(c) < 32 and c not in "\t\n" for text in found.files.values() for c in text)
    machine_of(found)


@given(
    st.sampled_from(["bash-udp", "dig", "nslookup", "x"]),
    st.integers(0, 255),
    st.lists(st.text(max_size=60), max_size=9),
)
def test_any_words_of_a_tool_have_an_outcome_of_the_list(tool: str, status: int, lines: list[str]) -> None:
    from kdoctor.probes.kinds import KINDS

    found = read_answer("1.2.3.4:53", "A", query_of("reg.test.", "A"), Ran(tool, status, tuple(lines)))
    assert found.outcome in (*KINDS["dns.lookup"].outcomes, UNSEEN)


async def _look(way: Way) -> Far | Unreached:
    try:
        return await look(way, 1.0)
    finally:
        await end_all()


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "ANSWER_LIMIT", 100_000)
    found = await _look(says(f"{HEADER}\n", "while True: sys.stdout.write('| x\\n' * 1000)"))
    assert isinstance(found, Unreached)
    assert "no end" in found.because


async def test_a_silent_side_costs_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE", 0.5)
    began = time.monotonic()
    found = await _look(says(f"{HEADER}\n", "time.sleep(60)"))
    assert isinstance(found, Unreached)
    assert "did not answer" in found.because
    assert time.monotonic() - began < 4.0


async def test_the_last_words_of_the_way_are_shown_masked_and_inert() -> None:
    line = "\\x1b]0;x\\x07 http://ann:s3cret@h \\x1b[2J::error::\\n"
    words = f"import sys; sys.stderr.write('{line}' * 9000); sys.exit(255)"
    found = await _look(Says("node:evil", ("docker",), code=words))
    assert isinstance(found, Unreached)
    assert "\x1b" not in found.because
    assert "s3cret" not in found.because
    assert len(found.because) < 400


async def test_a_missing_program_is_said() -> None:
    found = await _look(Way("node:x", ("kdoctor-no-such-program",)))
    assert isinstance(found, Unreached)
    assert "kdoctor-no-such-program cannot be run" in found.because


async def test_a_stream_that_lies_about_its_end_is_closed_with_its_program() -> None:
    way = says(f"{HEADER}\nstream\nhello", "time.sleep(60)")
    place = Session(way)
    opened = await place.connect("127.0.0.1", 9, 2.0)
    assert not isinstance(opened, Answer)
    assert await opened.read() == b"hello"
    opened.close()
    opened.close()
    await asyncio.sleep(0.2)
    assert not session._RUNNING


def test_hostile_facts_make_no_settings(tmp_path: Path) -> None:
    facts = answers.read(
        [
            HEADER, "ostype Linux", "hostname \x1b[31mevil", "uid 99999999999999999999", "time -1", "arch ../../x",
            "env self HTTPS_PROXY=http://[::1", "env self", "env 1", "process x y z", "tools", "disk /", "ran df 0",
            "| a b c d e f", "| /dev/x -1 -2 -3 99% /", "file ../../etc/passwd", "| root", "file /etc/resolv.conf",
            "| nameserver 169.254.169.254", "| nameserver -oProxyCommand", "end",
        ]
    )  # fmt: skip
    machine = machine_of(facts)
    assert machine.uid is None
    assert machine.clock is None
    assert machine.disks == ()
    way = Way("node:x", ())
    place = Far(way, machine, node.Node("node:x", machine, env=machine.environments["self"]), Session(way))
    assert place.resolvers().servers == ("169.254.169.254",)
    assert place.mirrors("docker.io") == ()
    assert not machine.path("/etc/passwd").exists()


@pytest.mark.parametrize(
    ("tool", "status", "lines", "outcome"),
    [
        ("bash", 1, ["kdoctor: connect: No route to host", "/dev/tcp/10.0.0.1/443: No route to host"], "unreachable"),
        ("bash", 1, ["kdoctor: connect: Network is unreachable"], "unreachable"),
        ("bash", 1, ["kdoctor: connect: Permission denied"], "forbidden"),
        ("bash", 143, [], "timeout"),
        ("nc", 1, ["nc: connect to 10.0.0.1 port 443 (tcp) failed: Connection refused"], "refused"),
        ("nc", 1, ["(UNKNOWN) [10.0.0.1] 443 (https) : Connection timed out"], "timeout"),
        ("nc-busybox", 1, ["nc: can't connect to remote host (10.0.0.1): Host is unreachable"], "unreachable"),
        ("nc-busybox", 143, [], "open"),
        ("curl", 28, ["* Connected to 10.0.0.1 (10.0.0.1) port 443 (#0)"], "open"),
        ("curl", 7, ["* connect to 10.0.0.1 port 443 failed: Connection refused"], "refused"),
        ("openssl", 1, ["40:error:8000006F:BIO_connect:Connection refused", "connect:errno=111"], "refused"),
        ("nc", 1, ["invalid option -- z"], UNSEEN),
    ],
)  # fmt: skip
def test_words_of_the_tools(tool: str, status: int, lines: list[str], outcome: str) -> None:
    assert through._judged("10.0.0.1:443", Ran(tool, status, tuple(lines))).outcome == outcome


def test_an_answer_that_was_cut_off_is_not_taken_for_one_without_addresses() -> None:
    import dns.flags
    import dns.message

    query = query_of("reg.test.", "A")
    for flags, outcome in ((dns.flags.RA, "nodata"), (dns.flags.RA | dns.flags.TC, UNSEEN)):
        message = dns.message.make_response(query.message)
        message.flags |= flags
        said = read_answer("1.2.3.4:53", "A", query, Ran("bash-udp", 0, (message.to_wire().hex(" "),)))
        assert said.outcome == outcome
