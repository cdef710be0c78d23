"""The route to a registry is the puller's: direct or through its proxy, and a failure says in which phase."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from kdoctor.probes.dial import Opened, Unreached, open_route
from kdoctor.settings.proxy import ProxySettings, Setting, Source
from kdoctor.settings.trust import Trust
from tests.probes.net_peers import (
    LOOPBACK,
    Ask,
    Tunnels,
    closed_port,
    closes,
    connect_proxy,
    full_backlog,
    nameserver,
    place,
    run,
    says,
    serve,
    server_context,
    silent,
    socks_proxy,
    trust_in,
    zone,
)

HELLO = says(b"hello")


async def greeted(opened: Opened | Unreached) -> bytes:
    assert isinstance(opened, Opened), opened
    try:
        await opened.stream.write(b"x\n")
        return await opened.stream.read()
    finally:
        opened.stream.close()


async def test_direct(tmp_path: Path) -> None:
    async with serve(HELLO) as server, nameserver(zone(reg_test="127.0.0.1")) as names:
        opened = await open_route(Ask(place(tmp_path, names.address)), "reg.test", server.port, tls=False)
        assert await greeted(opened) == b"hello"
    assert isinstance(opened, Opened)
    assert (opened.proxied, opened.forward, opened.address) == (False, False, server.address)


async def test_direct_with_verified_tls(tmp_path: Path) -> None:
    ca = trustme.CA()
    async with serve(HELLO, context=server_context(ca.issue_cert("reg.test"))) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test", trust=trust_in(tmp_path, ca)))
        opened = await open_route(ask, "reg.test", server.port, tls=True)
        assert await greeted(opened) == b"hello"
    assert isinstance(opened, Opened)
    assert opened.tls_version == "TLSv1.3"


async def test_untrusted_tls_is_not_opened(tmp_path: Path) -> None:
    async with serve(HELLO, context=server_context(trustme.CA().issue_cert("reg.test"))) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test", trust=trust_in(tmp_path, trustme.CA())))
        opened = await open_route(ask, "reg.test", server.port, tls=True)
    assert isinstance(opened, Unreached)
    assert (opened.cause, opened.address) == ("tls unknown-authority", server.address)


@pytest.mark.parametrize("trust", [Trust(insecure=True), Trust(insecure_networks=("127.0.0.0/8",))])
async def test_a_registry_that_docker_takes_for_insecure_is_opened_unverified(tmp_path: Path, trust: Trust) -> None:
    async with serve(HELLO, context=server_context(trustme.CA().issue_cert("other.test"))) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test", trust=trust))
        assert await greeted(await open_route(ask, "reg.test", server.port, tls=True)) == b"hello"


async def test_through_an_http_proxy_which_resolves_the_name(tmp_path: Path) -> None:
    tunnels = Tunnels()
    async with serve(HELLO) as server, serve(connect_proxy(tunnels)) as proxy:
        tunnels.ways["reg.test:443"] = (LOOPBACK, server.port)
        ca = trustme.CA()
        async with serve(HELLO, context=server_context(ca.issue_cert("reg.test"))) as secure:
            tunnels.ways["reg.test:443"] = (LOOPBACK, secure.port)
            env = {"HTTPS_PROXY": f"http://{proxy.address}"}
            ask = Ask(place(tmp_path, "127.0.0.1:1", env=env, trust=trust_in(tmp_path, ca)))
            opened = await open_route(ask, "reg.test", 443, tls=True)
            assert await greeted(opened) == b"hello"
    assert isinstance(opened, Opened)
    assert (opened.proxied, opened.address) == (True, proxy.address)
    assert ask.asked == []  # nobody here looked the registry up
    assert "authorization" not in tunnels.heads[0].lower()


async def test_plain_http_goes_to_the_proxy_itself(tmp_path: Path) -> None:
    tunnels = Tunnels()
    async with serve(connect_proxy(tunnels)) as proxy:
        env = {"HTTP_PROXY": f"http://u:p%40ss@{proxy.address}"}
        opened = await open_route(Ask(place(tmp_path, env=env)), "reg.test", 5000, tls=False)
        assert isinstance(opened, Opened)
        opened.stream.close()
    assert (opened.forward, opened.proxy_authorization) == (True, "Basic dTpwQHNz")
    assert "dTpwQHNz" not in repr(opened)
    assert tunnels.heads == []


async def test_no_proxy_is_heeded(tmp_path: Path) -> None:
    async with serve(HELLO) as server:
        env = {"HTTP_PROXY": f"http://{LOOPBACK}:{closed_port()}", "NO_PROXY": ".test"}
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test", env=env))
        assert await greeted(await open_route(ask, "reg.test", server.port, tls=False)) == b"hello"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_through_a_socks_proxy_with_the_name(tmp_path: Path, scheme: str) -> None:
    tunnels = Tunnels()
    async with serve(HELLO) as server, serve(socks_proxy(tunnels, password=b"secret")) as proxy:
        tunnels.ways["reg.test:5000"] = (LOOPBACK, server.port)
        env = {"HTTP_PROXY": f"{scheme}://user:secret@{proxy.address}"}
        opened = await open_route(Ask(place(tmp_path, env=env)), "reg.test", 5000, tls=False)
        assert await greeted(opened) == b"hello"
    assert tunnels.heads == ["reg.test:5000"]


async def test_through_an_https_proxy(tmp_path: Path) -> None:
    ca, tunnels = trustme.CA(), Tunnels()
    async with (
        serve(connect_proxy(tunnels), context=server_context(ca.issue_cert("proxy.test"))) as proxy,
        serve(HELLO, context=server_context(ca.issue_cert("reg.test"))) as server,
    ):
        tunnels.ways["reg.test:443"] = (LOOPBACK, server.port)
        env = {"HTTPS_PROXY": f"https://proxy.test:{proxy.port}"}
        ask = Ask(place(tmp_path, hosts="127.0.0.1 proxy.test", env=env, trust=trust_in(tmp_path, ca)))
        assert await greeted(await open_route(ask, "reg.test", 443, tls=True)) == b"hello"
        distrusting = Ask(place(tmp_path, hosts="127.0.0.1 proxy.test", env=env, trust=trust_in(tmp_path)))
        failed = await open_route(distrusting, "reg.test", 443, tls=True)
    assert isinstance(failed, Unreached)
    assert failed.cause == "proxy-tls unknown-authority"


async def test_an_https_url_for_a_plain_proxy_fails_in_its_tls(tmp_path: Path) -> None:
    async with serve(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as proxy:
        ask = Ask(place(tmp_path, env={"HTTPS_PROXY": f"https://{proxy.address}"}))
        failed = await open_route(ask, "reg.test", 443, tls=True)
        tunnel = await run(ask, "proxy.tunnel", registry="reg.test")
    assert isinstance(failed, Unreached)
    assert failed.cause == "proxy-tls http"
    assert tunnel.outcome == "tls"


async def test_each_phase_has_its_name(tmp_path: Path) -> None:
    async with nameserver(zone()) as names:
        resolve = await open_route(Ask(place(tmp_path, names.address)), "reg.test", 443, tls=True)
        env = {"HTTPS_PROXY": "http://proxy.test:3128"}
        proxy_resolve = await open_route(Ask(place(tmp_path, names.address, env=env)), "reg.test", 443, tls=True)
    ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test"))
    connect = await open_route(ask, "reg.test", closed_port(), tls=True)
    env = {"HTTPS_PROXY": f"http://{LOOPBACK}:{closed_port()}"}
    proxy_connect = await open_route(Ask(place(tmp_path, env=env)), "reg.test", 443, tls=True)
    async with serve(connect_proxy(Tunnels())) as proxy:
        env = {"HTTPS_PROXY": f"http://{proxy.address}"}
        tunnel = await open_route(Ask(place(tmp_path, env=env)), "reg.test", 443, tls=True)
    causes = [
        one.cause for one in (resolve, proxy_resolve, connect, proxy_connect, tunnel) if isinstance(one, Unreached)
    ]
    assert causes == [
        "resolve nxdomain",
        "proxy-resolve nxdomain",
        "connect refused",
        "proxy-connect refused",
        "tunnel denied",
    ]


async def test_settings_that_nobody_knows_leave_the_route_unseen(tmp_path: Path) -> None:
    vantage = place(tmp_path)
    object.__setattr__(vantage, "settings", ProxySettings(unseen="the daemon does not answer"))
    failed = await open_route(Ask(vantage), "reg.test", 443, tls=True)
    assert isinstance(failed, Unreached)
    assert failed.found().outcome == "unseen"
    assert (await run(Ask(vantage), "proxy.settings")).outcome == "unseen"
    assert (await run(Ask(vantage), "proxy.tunnel", registry="reg.test")).outcome == "unseen"


async def test_masked_credentials_make_a_407_unseen(tmp_path: Path) -> None:
    async with serve(connect_proxy(Tunnels(user="Basic eDp5"))) as proxy:
        source = Source("process", "docker info")
        setting = Setting("HTTPS_PROXY", f"http://xxxxx:xxxxx@{proxy.address}", source, masked=True)
        vantage = place(tmp_path)
        object.__setattr__(vantage, "settings", ProxySettings(https=setting))
        found = await run(Ask(vantage), "proxy.tunnel", registry="reg.test")
    assert found.outcome == "unseen"
    assert "not known here" in found.detail


@pytest.mark.parametrize("host", ['"http', "a\r\nHost: x", "a b", ""])
async def test_a_host_that_is_no_name_is_sent_to_nobody(tmp_path: Path, host: str) -> None:
    tunnels = Tunnels()
    async with serve(connect_proxy(tunnels)) as proxy:
        env = {"HTTPS_PROXY": f"http://{proxy.address}"}
        failed = await open_route(Ask(place(tmp_path, env=env)), host, 443, tls=True)
    assert isinstance(failed, Unreached)
    assert tunnels.heads == []


async def test_a_dead_first_address_does_not_stop_the_second(tmp_path: Path) -> None:
    with full_backlog() as port:
        async with serve(HELLO, host="127.0.0.2", port=port) as server:
            ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test\n127.0.0.2 reg.test\n"))
            assert await greeted(await open_route(ask, "reg.test", server.port, tls=False)) == b"hello"


async def test_a_silent_peer_costs_its_deadline_only(tmp_path: Path) -> None:
    async with serve(silent) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 reg.test"), seconds=2)
        failed = await open_route(ask, "reg.test", server.port, tls=True)
        assert ask.remaining > 0
    assert isinstance(failed, Unreached)
    assert failed.cause == "tls timeout"


async def test_closing_peers(tmp_path: Path) -> None:
    async with serve(closes) as server:
        env = {"HTTPS_PROXY": f"http://{server.address}"}
        failed = await open_route(Ask(place(tmp_path, env=env)), "reg.test", 443, tls=True)
    assert isinstance(failed, Unreached)
    assert failed.cause == "tunnel closed"
