"""The puller's proxy: its setting, what its port speaks, whether it lets us through, and what else listens."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from kdoctor.probes.ask import Found
from kdoctor.probes.listening import PORTS
from tests.probes.net_peers import (
    LOOPBACK,
    Ask,
    Handler,
    Tunnels,
    closed_port,
    closes,
    connect_proxy,
    drips,
    floods,
    full_backlog,
    nameserver,
    place,
    resets,
    run,
    says,
    serve,
    server_context,
    silent,
    socks_proxy,
    zone,
)

SECRET = "s3cret"

# --- settings -------------------------------------------------------------------------------------


async def test_a_setting_with_its_place_and_without_its_password(tmp_path: Path) -> None:
    env = {"HTTPS_PROXY": f"http://user:{SECRET}@proxy.test:3128", "NO_PROXY": "localhost,.corp"}
    found = await run(Ask(place(tmp_path, env=env)), "proxy.settings")
    assert found.outcome == "set"
    assert found.data["endpoint"] == "proxy.test:3128"
    assert found.data["endpoints"] == ("proxy.test:3128",)
    assert (found.data["scheme"], found.data["variable"], found.data["kind"]) == ("http", "HTTPS_PROXY", "environment")
    assert found.data["credentials"] is True
    assert found.data["no_proxy"] == "localhost,.corp"
    assert SECRET not in str(found)


async def test_direct_says_why(tmp_path: Path) -> None:
    env = {"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "reg.test"}
    found = await run(Ask(place(tmp_path, env=env)), "proxy.settings", url="https://reg.test/v2/")
    assert found.outcome == "direct"
    assert "NO_PROXY" in str(found.data["reason"])
    assert found.data["endpoints"] == ("proxy.test:3128",)
    assert (await run(Ask(place(tmp_path)), "proxy.settings")).outcome == "direct"


async def test_a_proxy_that_is_set_and_not_asked_is_named(tmp_path: Path) -> None:
    env = {"HTTP_PROXY": f"http://user:{SECRET}@proxy.test:3128"}
    found = await run(Ask(place(tmp_path, env=env)), "proxy.settings", url="https://reg.test/v2/")
    assert (found.outcome, found.data["spare"], found.data["lacks"]) == (
        "direct",
        "http://proxy.test:3128",
        "HTTPS_PROXY",
    )
    env = {"HTTPS_PROXY": f"http://user:{SECRET}@proxy.test:3128", "NO_PROXY": "a.test,*"}
    past = await run(Ask(place(tmp_path, env=env)), "proxy.settings", url="https://reg.test/v2/")
    assert (past.outcome, past.data["spare"], past.data["entry"]) == ("direct", "http://proxy.test:3128", "*")
    assert "NO_PROXY" in str(past.data["source"])
    assert SECRET not in f"{found} {past}"
    none = await run(Ask(place(tmp_path, env={})), "proxy.settings", url="https://reg.test/v2/")
    assert "spare" not in none.data


@pytest.mark.parametrize(
    "value", ["http://user:pa%ss@p.test:3128", '"http://p.test:3128"', "http://p.test:3128 ", "http://u:a/b@p.test:1"]
)
async def test_values_that_go_drops_or_mangles(tmp_path: Path, value: str) -> None:
    found = await run(Ask(place(tmp_path, env={"HTTPS_PROXY": value})), "proxy.settings")
    assert found.outcome == "invalid"
    assert found.data["problem"]
    assert found.data["variable"] == "HTTPS_PROXY"


async def test_socks5h_is_a_setting_with_a_remark(tmp_path: Path) -> None:
    found = await run(Ask(place(tmp_path, env={"HTTPS_PROXY": "socks5h://p.test:1080"})), "proxy.settings")
    assert (found.outcome, found.data["scheme"]) == ("set", "socks5h")
    assert "1.23" in str(found.data["problem"])


# --- tunnel ---------------------------------------------------------------------------------------


async def tunnel(root: Path, handler: Handler, scheme: str = "http", userinfo: str = "", seconds: float = 5.0) -> Found:
    async with serve(handler) as proxy:
        env = {"HTTPS_PROXY": f"{scheme}://{userinfo}{proxy.address}"}
        return await run(Ask(place(root, env=env), seconds=seconds), "proxy.tunnel", registry="reg.test")


async def test_a_tunnel_is_opened_and_closed(tmp_path: Path) -> None:
    tunnels = Tunnels()
    async with serve(silent) as server, serve(connect_proxy(tunnels)) as proxy:
        tunnels.ways = {"registry-1.docker.io:443": (LOOPBACK, server.port), "reg.test:5000": (LOOPBACK, server.port)}
        ask = Ask(place(tmp_path, env={"HTTPS_PROXY": f"http://{proxy.address}"}))
        assert (await run(ask, "proxy.tunnel", registry="docker.io")).outcome == "ok"
        found = await run(ask, "proxy.tunnel", registry="reg.test:5000")
    assert (found.outcome, found.data["status"], found.data["endpoint"]) == ("ok", 200, proxy.address)


async def test_credentials_of_the_setting_go_to_its_proxy_and_to_no_other(tmp_path: Path) -> None:
    own, other = Tunnels(user="Basic dTpwQHNz"), Tunnels(user="Basic dTpwQHNz")
    async with serve(silent) as server, serve(connect_proxy(own)) as proxy, serve(connect_proxy(other)) as second:
        own.ways["reg.test:443"] = (LOOPBACK, server.port)
        vantage = place(tmp_path, env={"HTTPS_PROXY": f"http://u:p%40ss@{proxy.address}"})
        allowed = await run(Ask(vantage), "proxy.tunnel", registry="reg.test")
        named = await run(Ask(vantage), "proxy.tunnel", registry="reg.test", proxy=proxy.address)
        elsewhere = await run(Ask(vantage), "proxy.tunnel", registry="reg.test", proxy=second.address)
    assert (allowed.outcome, named.outcome, elsewhere.outcome) == ("ok", "ok", "auth-required")
    assert "authorization" not in other.heads[0].lower()


async def test_407_names_the_schemes(tmp_path: Path) -> None:
    found = await tunnel(tmp_path, connect_proxy(Tunnels(user="Basic x")))
    assert found.outcome == "auth-required"
    assert found.data["schemes"] == ("Negotiate", "Basic")
    assert (found.data["status"], found.data["server"]) == (407, "squid/5.7")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "denied"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://portal.test/\r\n\r\n", "denied"),
        (b"HTTP/1.0 405\r\n\r\n", "denied"),
        (b"HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", "failed"),
        (b"HTTP/1.1 502 Bad Gateway\r\n", "failed"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "failed"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "tls"),
        (b"\x05\xff", "not-http"),
        (b"220 mail.test ESMTP\r\n", "not-http"),
        (b"HTTP/1.1", "closed"),
        (b"", "closed"),
    ],
)
async def test_each_answer_has_its_word(tmp_path: Path, answer: bytes, outcome: str) -> None:
    assert (await tunnel(tmp_path, says(answer))).outcome == outcome


@pytest.mark.parametrize(("handler", "outcome"), [(closes, "closed"), (resets, "reset"), (floods, "not-http")])
async def test_proxies_that_do_not_answer(tmp_path: Path, handler: Handler, outcome: str) -> None:
    found = await tunnel(tmp_path, handler)
    # The endless header holds a status line: Go would go on reading, and so would nobody else.
    assert found.outcome in (outcome, "closed")


@pytest.mark.parametrize("handler", [silent, drips])
async def test_silence_ends_before_the_deadline(tmp_path: Path, handler: Handler) -> None:
    began = time.monotonic()
    assert (await tunnel(tmp_path, handler, seconds=2)).outcome == "silent"
    assert time.monotonic() - began < 2.2


async def test_refused_unresolved_and_none(tmp_path: Path) -> None:
    env = {"HTTPS_PROXY": f"http://{LOOPBACK}:{closed_port()}"}
    assert (await run(Ask(place(tmp_path, env=env)), "proxy.tunnel", registry="reg.test")).outcome == "refused"
    async with nameserver(zone()) as names:
        ask = Ask(place(tmp_path, names.address, env={"HTTPS_PROXY": "http://proxy.test:3128"}))
        assert (await run(ask, "proxy.tunnel", registry="reg.test")).outcome == "unresolved"
    assert (await run(Ask(place(tmp_path)), "proxy.tunnel", registry="reg.test")).outcome == "no-proxy"


@pytest.mark.parametrize(
    ("code", "outcome"), [(1, "failed"), (2, "denied"), (5, "failed"), (8, "failed"), (99, "failed")]
)
async def test_socks_replies(tmp_path: Path, code: int, outcome: str) -> None:
    found = await tunnel(tmp_path, socks_proxy(Tunnels(), code=code), "socks5")
    assert found.outcome == outcome


async def test_socks_authentication(tmp_path: Path) -> None:
    handler = socks_proxy(Tunnels(), password=b"right")
    assert (await tunnel(tmp_path, handler, "socks5")).outcome == "auth-required"
    found = await tunnel(tmp_path, handler, "socks5", "u:wrong@")
    assert found.outcome == "auth-required"


async def test_an_http_proxy_behind_a_socks_url(tmp_path: Path) -> None:
    found = await tunnel(tmp_path, says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "socks5")
    assert found.outcome == "not-http"


# --- what a port speaks ---------------------------------------------------------------------------


async def mixed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A port that takes both HTTP and SOCKS5, as Clash has."""
    first = await reader.read(3)
    writer.write(b"\x05\x00" if first[0] == 5 else b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.drain()


async def tls_that_answers_in_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As Go's and nginx's TLS ports do."""
    if (await reader.read(65536))[0] == 0x16:
        await asyncio.sleep(0.2)
        writer.write(b"\x15\x03\x01\x00\x02\x02\x28")
    else:
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (connect_proxy(Tunnels()), "http"),
        (says(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"), "http"),
        (socks_proxy(Tunnels()), "socks5"),
        (mixed, "http"),
        (tls_that_answers_in_clear, "tls"),
        (silent, "silent"),
        (closes, "closed"),
        (resets, "closed"),
        (says(b"SSH-2.0-x\r\n"), "other"),
        (drips, "http"),
        (floods, "http"),
    ],
)
async def test_what_a_port_speaks(tmp_path: Path, handler: Handler, outcome: str) -> None:
    began = time.monotonic()
    async with serve(handler) as server:
        found = await run(Ask(place(tmp_path), seconds=2.2), "proxy.speaks", proxy=server.address)
    assert found.outcome == outcome
    assert found.data["address"] == server.address
    assert time.monotonic() - began < 2.2


async def test_a_tls_port(tmp_path: Path) -> None:
    async with serve(silent, context=server_context(trustme.CA().issue_cert("proxy.test"))) as server:
        ask = Ask(place(tmp_path, hosts="127.0.0.1 proxy.test"))
        found = await run(ask, "proxy.speaks", proxy=f"https://proxy.test:{server.port}")
    assert found.outcome == "tls"


async def test_ports_that_are_not_there(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path))
    assert (await run(ask, "proxy.speaks", proxy=f"{LOOPBACK}:{closed_port()}")).outcome == "refused"
    with full_backlog() as port:
        ask = Ask(place(tmp_path), seconds=2)
        assert (await run(ask, "proxy.speaks", proxy=f"{LOOPBACK}:{port}")).outcome == "timeout"


async def test_a_banner_is_one_printable_line(tmp_path: Path) -> None:
    async with serve(says(b"\x1b[31m\r\n::error::x" + b"y" * 500)) as server:
        found = await run(Ask(place(tmp_path)), "proxy.speaks", proxy=server.address)
    banner = str(found.data["banner"])
    assert banner.isprintable()
    assert len(banner) < 400


# --- listeners ------------------------------------------------------------------------------------


async def free_common_port(handler: Handler, stack: AsyncExitStack) -> int:
    for port in PORTS:
        try:
            served = await stack.enter_async_context(serve(handler, port=port))
        except OSError:
            continue
        return int(served.port)
    pytest.skip("every common proxy port is taken on this machine")


@pytest.mark.parametrize(
    ("handler", "scheme"), [(says(b"HTTP/1.1 200 OK\r\n\r\n"), "http"), (socks_proxy(Tunnels()), "socks5")]
)
async def test_a_proxy_on_another_port_is_found(tmp_path: Path, handler: Handler, scheme: str) -> None:
    async with AsyncExitStack() as stack:
        port = await free_common_port(handler, stack)
        ask = Ask(place(tmp_path, env={"HTTPS_PROXY": f"http://{LOOPBACK}:{closed_port()}"}))
        found = await run(ask, "proxy.listeners")
        given = await run(ask, "proxy.listeners", proxy=f"{LOOPBACK}:{closed_port()}")
    assert found.outcome == "found"
    assert f"{scheme}://{LOOPBACK}:{port}" in found.data["alternatives"]  # type: ignore[operator]
    assert given.outcome == "found"


@pytest.mark.parametrize("status", [b"404 Not Found", b"405 Method Not Allowed", b"400 Bad Request", b"501 No"])
async def test_a_web_server_is_no_proxy(tmp_path: Path, status: bytes) -> None:
    async with AsyncExitStack() as stack:
        port = await free_common_port(says(b"HTTP/1.1 " + status + b"\r\nServer: x\r\n\r\n"), stack)
        found = await run(Ask(place(tmp_path)), "proxy.listeners", proxy=f"{LOOPBACK}:1")
    assert f"http://{LOOPBACK}:{port}" not in found.data.get("alternatives", ())  # type: ignore[operator]


async def test_silent_ports_cost_a_second(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await free_common_port(silent, stack)
        began = time.monotonic()
        await run(Ask(place(tmp_path)), "proxy.listeners", proxy=f"{LOOPBACK}:1")
        assert time.monotonic() - began < 3


async def test_a_proxy_on_another_machine_has_no_local_stand_in(tmp_path: Path) -> None:
    ask = Ask(place(tmp_path, hosts="192.0.2.55 proxy.test\n"))
    found = await run(ask, "proxy.listeners", proxy="proxy.test:3128")
    assert found.outcome == "none"
    assert "not this machine" in found.detail
    assert (await run(Ask(place(tmp_path)), "proxy.listeners")).outcome == "none"
