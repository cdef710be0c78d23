"""No address of a metadata service is ever dialled, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.probes.guard import endpoint, refusal, refusal_of_name
from tests.probes.net_peers import Ask, place, run


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "not an address",
    ],
)
def test_refused(address: str) -> None:
    assert refusal(address, 443)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.64.1", "8.8.8.8", "2606:4700::1", "0.0.0.0"]
)
def test_allowed(address: str) -> None:
    assert refusal(address, 443) is None


def test_link_local_resolver_of_own_settings_may_be_asked_on_port_53_only() -> None:
    own = ("169.254.20.10", "10.0.0.1:5353")
    assert refusal("169.254.20.10", 53, own) is None
    assert refusal("169.254.20.10", 80, own)
    assert refusal("169.254.169.254", 53, own)
    assert refusal("169.254.20.10", 53, ("169.254.20.10:5353",))
    assert refusal("fe80::1%eth0", 53, ("fe80::1%eth0",)) is None


def test_metadata_services_have_names_too() -> None:
    assert refusal_of_name("Metadata.Google.Internal.")
    assert refusal_of_name("registry.example.com") is None


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("10.0.0.1", "10.0.0.1", 53),
        ("10.0.0.1:5353", "10.0.0.1", 5353),
        ("[fd00::1]:5353", "fd00::1", 5353),
        ("fd00::1", "fd00::1", 53),
        ("[fd00::1]", "fd00::1", 53),
    ],
)
def test_endpoint_of_a_nameserver(text: str, address: str, port: int) -> None:
    assert tuple(map(str, endpoint(text))) == (address, str(port))


@pytest.mark.parametrize("text", ["dns.google", "10.0.0.1:0", "10.0.0.1:70000", "10.0.0.1:x", ""])
def test_no_endpoint(text: str) -> None:
    assert endpoint(text)[0] is None


async def test_a_name_that_resolves_to_metadata_is_not_contacted(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path, hosts="169.254.169.254 evil.example\n"))
    assert (await run(ask, "tcp.connect", address="evil.example:80")).outcome == "blocked"
    assert (await run(ask, "proxy.speaks", proxy="evil.example:80")).outcome == "blocked"
    assert (await run(ask, "proxy.tunnel", registry="x.example", proxy="evil.example:80")).outcome == "blocked"
    handshake = await run(ask, "tls.handshake", registry="evil.example")
    assert (handshake.outcome, handshake.data["cause"]) == ("unreached", "connect blocked")


async def test_a_resolver_that_a_text_names_is_guarded(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path, "127.0.0.1:1"))
    assert (await run(ask, "dns.lookup", name="x.example", resolver="169.254.169.254")).outcome == "blocked"


async def test_a_proxy_is_not_asked_for_metadata(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path, env={"HTTPS_PROXY": "http://127.0.0.1:1"}))
    for host in ("169.254.169.254", "metadata.google.internal"):
        assert (await run(ask, "proxy.tunnel", registry=host)).outcome == "blocked"
