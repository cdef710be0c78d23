"""Names are asked for as Go's resolver does, and each way to fail has its own word."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

from kdoctor.machine import Machine
from kdoctor.probes.dns import as_written
from kdoctor.probes.names import asks_system, candidates, in_hosts_file, is_domain_name
from tests.probes.net_peers import Answerer, Ask, Question, answer, closed_port, nameserver, place, run, zone


def code(rcode: int) -> Answerer:
    return lambda query, tcp: answer(query, rcode=rcode)


def mute(query: Question, tcp: bool) -> None:
    return None


def nodata(query: Question, tcp: bool) -> Question:
    return answer(query)


def lame(query: Question, tcp: bool) -> Question:
    message = answer(query)
    message.flags &= ~(dns.flags.RA | dns.flags.AA)
    message.use_edns(-1)
    return message


def foreign(query: Question, tcp: bool) -> bytes:
    return b"\xff\xff" + answer(query).to_wire()[2:]


def broken(query: Question, tcp: bool) -> bytes:
    wire = answer(query, "192.0.2.7").to_wire()
    return wire[:-6]


async def test_addresses_of_both_families(tmp_path: Path) -> None:
    async with nameserver(zone(reg_test="10.0.0.7 10.0.0.8 fd00::7")) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "ok"
    assert sorted(found.data["ipv4"]) == ["10.0.0.7", "10.0.0.8"]  # type: ignore[arg-type]
    assert found.data["ipv6"] == ("fd00::7",)
    assert found.data["addresses"] == (*found.data["ipv4"], "fd00::7")  # type: ignore[misc]
    assert found.data["resolver"] == server.address


@pytest.mark.parametrize(
    ("respond", "outcome"),
    [
        (zone(), "nxdomain"),
        (nodata, "nodata"),
        (code(dns.rcode.SERVFAIL), "servfail"),
        (code(dns.rcode.REFUSED), "refused"),
        (code(dns.rcode.NOTIMP), "servfail"),
        (lame, "lame"),
        (foreign, "malformed"),
        (broken, "malformed"),
        (mute, "timeout"),
    ],
)
async def test_each_way_to_fail_has_its_word(tmp_path: Path, respond: Answerer, outcome: str) -> None:
    began = time.monotonic()
    async with nameserver(respond) as server:
        found, asked_alone = await asyncio.gather(
            run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test"),
            run(Ask(place(tmp_path)), "dns.lookup", name="reg.test", resolver=server.address),
        )
    assert found.outcome == outcome
    assert found.data["answers"] == (f"{server.address} {outcome}",)
    assert found.data["resolver"] == server.address
    assert asked_alone.outcome == outcome
    assert time.monotonic() - began < 4


async def test_a_closed_port_is_not_silence(tmp_path: Path) -> None:
    server = f"127.0.0.1:{closed_port()}"
    found = await run(Ask(place(tmp_path, server)), "dns.lookup", name="reg.test")
    assert found.outcome == "closed"
    assert found.data["answers"] == (f"{server} closed",)


async def test_no_way_to_the_server_is_unreachable(tmp_path: Path) -> None:
    # A link-local address without a zone has no way anywhere; it may be asked, being the vantage's own.
    found = await run(Ask(place(tmp_path, "fe80::1")), "dns.lookup", name="reg.test")
    assert found.outcome == "unreachable"


async def test_three_silent_servers_are_a_timeout_in_under_four_seconds(tmp_path: Path) -> None:
    began = time.monotonic()
    async with nameserver(mute) as one, nameserver(mute) as two, nameserver(mute) as three:
        ask = Ask(place(tmp_path, one.address, two.address, three.address))
        found = await run(ask, "dns.lookup", name="reg.test")
    assert found.outcome == "timeout"
    assert found.data["resolver"] == three.address
    assert len(found.data["answers"]) == 3  # type: ignore[arg-type]
    assert time.monotonic() - began < 4


async def test_a_silent_server_is_asked_over_tcp_and_that_is_said(tmp_path: Path) -> None:
    def only_tcp(query: Question, tcp: bool) -> Question | None:
        return answer(query, "10.0.0.7") if tcp else None

    async with nameserver(only_tcp) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "timeout"  # Go asks over UDP only
    assert found.data["tcp"] == "ok"


async def test_a_short_deadline_still_ends_in_timeout(tmp_path: Path) -> None:
    async with nameserver(mute, tcp=False) as server:
        found = await run(Ask(place(tmp_path, server.address), seconds=1.5), "dns.lookup", name="reg.test")
    assert found.outcome == "timeout"


async def test_truncated_answers_are_fetched_over_tcp(tmp_path: Path) -> None:
    def respond(query: Question, tcp: bool) -> Question:
        return answer(query, "10.0.0.7") if tcp else answer(query, flags=dns.flags.TC)

    async with nameserver(respond) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert (found.outcome, found.data["ipv4"], found.data["tcp"]) == ("ok", ("10.0.0.7",), "ok")


async def test_truncated_without_tcp_is_closed(tmp_path: Path) -> None:
    async with nameserver(lambda query, tcp: answer(query, flags=dns.flags.TC), tcp=False) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "closed"


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
async def test_a_failing_server_is_passed_over(tmp_path: Path, rcode: int) -> None:
    async with nameserver(code(rcode)) as bad, nameserver(zone(reg_test="10.0.0.7")) as good:
        found = await run(Ask(place(tmp_path, bad.address, good.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "ok"
    assert found.data["resolver"] == good.address
    assert found.data["answers"] == (
        f"{bad.address} {dns.rcode.to_text(dns.rcode.Rcode(rcode)).lower()}",
        f"{good.address} ok",
    )


async def test_a_silent_server_is_passed_over(tmp_path: Path) -> None:
    async with nameserver(mute) as bad, nameserver(zone(reg_test="10.0.0.7")) as good:
        found = await run(Ask(place(tmp_path, bad.address, good.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "ok"
    assert found.data["answers"] == (f"{bad.address} timeout", f"{good.address} ok")


@pytest.mark.parametrize("respond", [zone(), nodata])
async def test_nxdomain_and_nodata_are_final(tmp_path: Path, respond: Answerer) -> None:
    async with nameserver(respond) as first, nameserver(zone(reg_test="10.0.0.7")) as second:
        found = await run(Ask(place(tmp_path, first.address, second.address)), "dns.lookup", name="reg.test")
        assert found.outcome in ("nxdomain", "nodata")
        assert found.data["resolver"] == first.address
        assert second.asked == []


async def test_the_last_server_is_the_one_reported(tmp_path: Path) -> None:
    async with nameserver(code(dns.rcode.SERVFAIL)) as first, nameserver(code(dns.rcode.REFUSED)) as last:
        found = await run(Ask(place(tmp_path, first.address, last.address)), "dns.lookup", name="reg.test")
    assert (found.outcome, found.data["resolver"]) == ("refused", last.address)


async def test_a_server_that_fails_once_gets_a_second_attempt(tmp_path: Path) -> None:
    asked: list[int] = []

    def flaky(query: Question, tcp: bool) -> Question:
        asked.append(1)
        return answer(query, "10.0.0.7") if len(asked) > 2 else answer(query, rcode=dns.rcode.SERVFAIL)

    async with nameserver(flaky) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "ok"


async def test_a_lost_packet_is_sent_again(tmp_path: Path) -> None:
    seen: set[int] = set()

    def lossy(query: Question, tcp: bool) -> Question | None:
        known = query.id in seen
        seen.add(query.id)
        return answer(query, "10.0.0.7") if known and not tcp else None

    async with nameserver(lossy) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name="reg.test")
    assert found.outcome == "ok"


async def test_search_domains_come_after_a_dotted_name_and_before_a_short_one(tmp_path: Path) -> None:
    async with nameserver(zone(reg_corp_test="10.0.0.7")) as server:
        dotted = await run(Ask(place(tmp_path, server.address, search=("corp.test",))), "dns.lookup", name="a.b")
        short = await run(Ask(place(tmp_path, server.address, search=("corp.test",))), "dns.lookup", name="reg")
        order = list(dict.fromkeys(server.asked))
    assert dotted.outcome == "nxdomain"
    assert (short.outcome, short.data["addresses"]) == ("ok", ("10.0.0.7",))
    assert order == ["a.b.", "a.b.corp.test.", "reg.corp.test."]


def test_candidates_as_go_makes_them() -> None:
    assert candidates("a.b", ("x",), 5) == ["a.b.x.", "a.b."]
    assert candidates("a.b.", ("x",), 5) == ["a.b."]
    assert candidates("a.onion", (), 1) == []


@pytest.mark.parametrize("name", ["registry-1.docker.io", "a_b.test", "x", "1a", "a.b."])
def test_names_go_asks_for(name: str) -> None:
    assert is_domain_name(name)


@pytest.mark.parametrize(
    "name", ['"http', "", ".", "a..b", "-a.test", "a-.test", "x" * 64, "1.2.3", "a b", "a\r\nb", "é.test"]
)
def test_names_go_does_not_ask_for(name: str) -> None:
    assert not is_domain_name(name)


async def test_an_invalid_name_is_asked_of_nobody(tmp_path: Path) -> None:
    async with nameserver(zone()) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name='"http')
        assert (found.outcome, server.asked) == ("nxdomain", [])


async def test_hosts_file_comes_first_and_alone(tmp_path: Path) -> None:
    async with nameserver(zone(reg_test="10.0.0.7")) as server:
        ask = Ask(place(tmp_path, server.address, hosts="# c\n10.9.9.9 other REG.test # x\nfd00::9 reg.test\n"))
        found = await run(ask, "dns.lookup", name="reg.test")
        direct = await run(ask, "dns.lookup", name="reg.test", resolver=server.address)
    assert found.data["addresses"] == ("10.9.9.9", "fd00::9")
    assert found.data["resolver"] == "/etc/hosts"
    assert direct.data["addresses"] == ("10.0.0.7",)


def test_comments_and_rubbish_in_the_hosts_file(tmp_path: Path) -> None:
    machine = place(tmp_path, hosts="nonsense reg.test\n#10.0.0.1 reg.test\n10.0.0.2\treg.test.\n").machine
    assert in_hosts_file(machine, "reg.test") == ("10.0.0.2",)


async def test_a_literal_address_is_ok_at_once(tmp_path: Path) -> None:
    found = await run(Ask(place(tmp_path, "127.0.0.1:1")), "dns.lookup", name="10.0.0.1")
    assert (found.outcome, found.data["addresses"]) == ("ok", ("10.0.0.1",))


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::", "203.0.113.1"])
@pytest.mark.parametrize("name", ["registry-1.docker.io", "auth.docker.io", "quay.io"])
async def test_a_public_registry_at_an_impossible_address_is_a_sinkhole(
    tmp_path: Path, name: str, address: str
) -> None:
    async with nameserver(lambda query, tcp: answer(query, address)) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name=name)
    assert (found.outcome, found.data["addresses"]) == ("sinkhole", (address,))


@pytest.mark.parametrize(
    ("name", "address"), [("reg.test", "127.0.0.1"), ("quay.io", "10.0.0.1"), ("quay.io", "198.18.0.5")]
)
async def test_private_names_and_fake_addresses_of_a_proxy_are_no_sinkhole(
    tmp_path: Path, name: str, address: str
) -> None:
    async with nameserver(lambda query, tcp: answer(query, address)) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.lookup", name=name)
    assert found.outcome == "ok"


async def test_resolv_conf_without_nameserver(tmp_path: Path, unused_dns_port: None) -> None:
    ask = Ask(place(tmp_path))
    assert (await run(ask, "dns.resolvers")).outcome == "empty"
    assert (await run(ask, "dns.lookup", name="reg.test")).outcome == "no-resolver"


@pytest.fixture
def unused_dns_port() -> None:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as one:
            if one.connect_ex((address, 53)) == 0:
                pytest.skip("something serves DNS on loopback here")


async def test_elsewhere_finds_the_resolver_that_knows(tmp_path: Path) -> None:
    async with nameserver(zone()) as bad, nameserver(zone(reg_test="10.0.0.7")) as good:
        ask = Ask(place(tmp_path, bad.address, good.address))
        given = await run(ask, "dns.elsewhere", name="reg.test", resolver=bad.address)
        implied = await run(ask, "dns.elsewhere", name="reg.test")
    for found in (given, implied):
        assert (found.outcome, found.data["resolver"]) == ("ok", good.address)
        assert found.data["addresses"] == ("10.0.0.7",)
        assert found.data["answers"] == (f"{good.address} ok",)
        assert "server" not in found.data  # resolv.conf and daemon.json cannot name another port than 53


@pytest.mark.parametrize(
    ("server", "written"),
    [("1.1.1.1:53", "1.1.1.1"), ("1.1.1.1", "1.1.1.1"), ("[2606::1]:53", "2606::1"), ("10.0.0.1:5353", None)],
)
def test_a_nameserver_is_written_without_its_port(server: str, written: str | None) -> None:
    assert as_written(server) == written


async def test_elsewhere_says_same_where_others_do_not_know_it_either(tmp_path: Path) -> None:
    async with nameserver(zone()) as one, nameserver(zone()) as two:
        found = await run(Ask(place(tmp_path, one.address, two.address)), "dns.elsewhere", name="reg.test")
    assert found.outcome == "same"


async def test_elsewhere_has_nobody_to_ask_for_a_private_name(tmp_path: Path) -> None:
    async with nameserver(zone()) as server:
        found = await run(Ask(place(tmp_path, server.address)), "dns.elsewhere", name="reg.test")
    assert (found.outcome, found.data["answers"]) == ("none", ())


async def test_elsewhere_asks_the_upstreams_of_resolved(tmp_path: Path) -> None:
    async with nameserver(zone()) as stub, nameserver(zone(reg_test="10.0.0.7")) as upstream:
        (tmp_path / "run/systemd/resolve").mkdir(parents=True)
        (tmp_path / "run/systemd/resolve/resolv.conf").write_text(f"nameserver {upstream.address}\n")
        found = await run(Ask(place(tmp_path, stub.address)), "dns.elsewhere", name="reg.test")
    assert (found.outcome, found.data["resolver"]) == ("ok", upstream.address)


async def test_getaddrinfo_knows_localhost(tmp_path: Path) -> None:
    found = await run(Ask(place(tmp_path)), "dns.system", name="localhost")
    assert found.outcome == "ok"


async def test_getaddrinfo_refuses_an_overlong_label(tmp_path: Path) -> None:
    found = await run(Ask(place(tmp_path)), "dns.system", name="x" * 80 + ".test")
    assert found.outcome in ("failed", "unknown")


def test_sources_that_go_leaves_to_the_c_library(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    machine = Machine(root=tmp_path)
    assert not asks_system(machine)
    assert asks_system(machine, "printer.local")
    assert asks_system(Machine(root=tmp_path, os="darwin"))
    for line, expected in (
        ("hosts: files dns", False),
        ("hosts: files mdns4_minimal [NOTFOUND=return] dns", False),
        ("hosts: files resolve [!UNAVAIL=return] dns", True),
    ):
        (tmp_path / "etc/nsswitch.conf").write_text(line + "\n")
        assert asks_system(machine) is expected
