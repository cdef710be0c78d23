"""Each way a TCP connection can end has its own word, and families are told apart."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path

import pytest

from kdoctor.probes.connect import in_order
from kdoctor.probes.streams import split_host_port, word
from tests.probes.net_peers import LOOPBACK, Ask, closed_port, full_backlog, nameserver, place, run, serve, silent, zone

no_ipv6 = pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")


async def test_open(tmp_path: Path) -> None:
    async with serve(silent) as server:
        found = await run(Ask(place(tmp_path)), "tcp.connect", address=server.address)
    assert (found.outcome, found.data["address"], found.data["ipv4"]) == ("open", server.address, "open")
    assert "ipv6" not in found.data


async def test_refused(tmp_path: Path) -> None:
    address = f"{LOOPBACK}:{closed_port()}"
    found = await run(Ask(place(tmp_path)), "tcp.connect", address=address)
    assert (found.outcome, found.data["errno"]) == ("refused", "ECONNREFUSED")
    assert found.data["tried"] == (f"{address} refused",)


async def test_timeout_within_four_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    with full_backlog() as port:
        found = await run(Ask(place(tmp_path)), "tcp.connect", address=f"{LOOPBACK}:{port}")
    assert found.outcome == "timeout"
    assert time.monotonic() - began < 4.5


async def test_a_wait_too_short_to_mean_anything_is_cut(tmp_path: Path) -> None:
    with full_backlog() as port:
        found = await run(Ask(place(tmp_path), seconds=1), "tcp.connect", address=f"{LOOPBACK}:{port}")
    assert found.outcome == "cut"


async def test_unreachable(tmp_path: Path) -> None:
    # A link-local address without a zone leads nowhere; allowed as the vantage's own resolver.
    found = await run(Ask(place(tmp_path, "fe80::1")), "tcp.connect", address="[fe80::1]:53")
    assert found.outcome == "unreachable"


async def test_blocked(tmp_path: Path) -> None:
    assert (await run(Ask(place(tmp_path)), "tcp.connect", address="169.254.169.254:80")).outcome == "blocked"


@no_ipv6
async def test_one_open_family_is_open_and_the_other_is_told(tmp_path: Path) -> None:
    async with serve(silent) as server, nameserver(zone(reg_test="127.0.0.1 ::1")) as names:
        ask = Ask(place(tmp_path, names.address))
        found = await run(ask, "tcp.connect", address=f"reg.test:{server.port}")
    assert found.outcome == "open"
    assert (found.data["ipv4"], found.data["ipv6"], found.data["family"]) == ("open", "refused", "ipv4")


async def test_one_open_address_of_a_family_is_open(tmp_path: Path) -> None:
    async with serve(silent, host="127.0.0.2") as server, nameserver(zone(reg_test="127.0.0.3 127.0.0.2")) as names:
        found = await run(Ask(place(tmp_path, names.address)), "tcp.connect", address=f"reg.test:{server.port}")
    assert (found.outcome, found.data["address"]) == ("open", f"127.0.0.2:{server.port}")
    assert sorted(found.data["tried"]) == [f"127.0.0.2:{server.port} open", f"127.0.0.3:{server.port} refused"]  # type: ignore[arg-type]


async def test_an_unknown_name_is_unresolved(tmp_path: Path) -> None:
    async with nameserver(zone()) as names:
        found = await run(Ask(place(tmp_path, names.address)), "tcp.connect", address="reg.test:443")
    assert found.outcome == "unresolved"
    assert "NXDOMAIN" in found.detail


async def test_the_hosts_file_decides(tmp_path: Path) -> None:
    async with serve(silent) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test\n"))
        assert (await run(ask, "tcp.connect", address=f"reg.test:{server.port}")).outcome == "open"


@pytest.mark.parametrize("address", ["reg.test", "reg.test:x", "10.0.0.1:0", "10.0.0.1:99999", ""])
async def test_no_address(tmp_path: Path, address: str) -> None:
    assert (await run(Ask(place(tmp_path)), "tcp.connect", address=address)).outcome == "unresolved"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.test:5000", ("a.test", 5000)),
        ("[::1]:443", ("::1", 443)),
        ("http://u:p@a.test:3128/x", ("a.test", 3128)),
        (":80", ("", 80)),
    ],
)
def test_split_host_port(text: str, expected: tuple[str, int]) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.EHOSTDOWN, "unreachable"),
        (errno.EADDRNOTAVAIL, "unreachable"),
        (errno.EINVAL, "unreachable"),
        (errno.ECONNRESET, "reset"),
        (errno.EPERM, "forbidden"),
        (errno.EACCES, "forbidden"),
    ],
)
def test_errno_words(code: int, outcome: str) -> None:
    assert word(OSError(code, "x")) == outcome


def test_ipv4_comes_first_where_ipv6_has_no_way() -> None:
    assert in_order(["10.0.0.1", "fe80::1"]) == ["10.0.0.1", "fe80::1"]
