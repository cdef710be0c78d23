"""Go's proxy decisions: golang.org/x/net/http/httpproxy and net/url."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdoctor.settings import goproxy, gourl
from kdoctor.settings.goproxy import Reason

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "go_proxy_rules.jsonl"
P = "http://proxy.example.test:8080"


def way(env: dict[str, str], url: str) -> str:
    decision = goproxy.decide(goproxy.from_environment(env), url)
    if decision.error is not None:
        return f"error: {decision.error}"
    return decision.proxy.text() if decision.proxy else "direct"


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus of Go's decisions is not beside the checkout")
def test_agrees_with_every_decision_that_go_made() -> None:
    cases = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    assert len(cases) >= 200
    assert [(c, got) for c in cases if (got := way(c["env"], c["url"])) != c["proxy"]] == []


@pytest.mark.parametrize(
    ("no_proxy", "url", "exempt"),
    [
        ("example.org", "https://example.org/", True),
        ("example.org", "https://a.b.example.org/", True),
        ("example.org", "https://badexample.org/", False),
        (".example.org", "https://example.org/", False),
        ("*.example.org", "https://a.example.org/", True),
        ("*example.org", "https://a.example.org/", False),
        ("example.org:444", "https://example.org/", False),
        ("example.org:443", "https://example.org/", True),
        ("example.org:443", "http://example.org/", False),
        ("a.test\u00a0, EXAMPLE.org", "https://example.ORG/", True),
        ("a.test example.org", "https://example.org/", False),
        ("a.test,*", "https://example.org/", True),
        ("10.1.0.0/16", "https://10.1.2.3/", True),
        ("10.1.0.0/255.255.0.0", "https://10.1.2.3/", False),
        ("10.1.2.3:8443", "https://10.1.2.3:8443/", True),
        ("10.1.2.3:8443", "https://10.1.2.3/", False),
        ("10.1.2", "https://10.1.2.3/", False),
        ("3", "https://10.1.2.3/", False),
        ("010.1.2.3", "https://10.1.2.3/", False),
        ("::ffff:10.1.2.3", "https://10.1.2.3/", True),
        ("::ffff:10.1.0.0/112", "https://10.1.2.3/", True),
        ("0.0.0.0/0", "https://[2001:db8::1]/", False),
        ("::/0", "https://10.1.2.3/", False),
        ("2001:db8::/32", "https://[2001:db8::1]:8443/", True),
        ("[2001:db8::1]", "https://[2001:db8::1]/", False),
        ("[2001:db8::1]:443", "https://[2001:db8::1]/", True),
        ("fe80::1", "https://[fe80::1%25eth0]/", True),
        ("https://example.org", "https://example.org/", False),
        ("b\u00fccher.test", "https://xn--bcher-kva.test/", True),
        ("xn--bcher-kva.test", "https://www.B\u00dcCHER.test/", True),
        (",,:443, ,", "https://example.org/", False),
    ],
)
def test_no_proxy_covers_what_go_says_it_covers(no_proxy: str, url: str, exempt: bool) -> None:
    env = {"HTTP_PROXY": P, "HTTPS_PROXY": P, "NO_PROXY": no_proxy}
    assert way(env, url) == ("direct" if exempt else P)


@pytest.mark.parametrize(
    "url", ["https://localhost/", "http://127.9.9.9:80/", "https://[::1]/", "https://[::ffff:127.0.0.1]/"]
)
def test_loopback_is_never_proxied(url: str) -> None:
    decision = goproxy.decide(goproxy.Config(http=P, https=P), url)
    assert (decision.proxy, decision.reason) == (None, Reason.LOOPBACK)


@pytest.mark.parametrize(
    "url", ["https://LOCALHOST/", "https://localhost.localdomain/", "https://0.0.0.0/", "https://127.1/"]
)
def test_what_only_looks_like_loopback_is_proxied(url: str) -> None:
    assert way({"HTTPS_PROXY": P}, url) == P


def test_the_upper_case_variable_wins_unless_it_is_empty() -> None:
    assert way({"HTTPS_PROXY": P, "https_proxy": "http://other.test:1"}, "https://a.test/") == P
    assert way({"HTTPS_PROXY": "", "https_proxy": "http://other.test:1"}, "https://a.test/") == "http://other.test:1"


def test_the_scheme_of_the_url_picks_the_variable() -> None:
    assert way({"HTTP_PROXY": P, "ALL_PROXY": P}, "https://a.test/") == "direct"
    assert way({"HTTPS_PROXY": P}, "http://a.test/") == "direct"
    assert way({"HTTPS_PROXY": P}, "HTTPS://a.test/") == P
    assert way({"HTTPS_PROXY": P, "HTTP_PROXY": P}, "ftp://a.test/") == "direct"


def test_a_cgi_program_is_refused_http_proxy_before_no_proxy_is_looked_at() -> None:
    env = {"http_proxy": P, "REQUEST_METHOD": "GET", "NO_PROXY": "*"}
    assert way(env, "http://a.test/") == f"error: {goproxy.CGI_REFUSAL}"


@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("proxy", "http://proxy"),
        ("user:pw@proxy:1", "http://user:pw@proxy:1"),
        ("HTTP://Proxy:1/", "http://Proxy:1/"),
        ("socks5://u@p:1080", "socks5://u@p:1080"),
        ("ftp://p:21", "ftp://p:21"),
        ("http://p:1?x", "http://p:1?x"),
        ("http://p:1?", "http://p:1?"),
        ("http://p:1/a%2Fb%41#f r", "http://p:1/a%2Fb%41#f%20r"),
        ("http://u:a@b@p:1", "http://u:a%40b@p:1"),
        ("http://u:pa/ss@p:1", "http://http://u:pa/ss@p:1"),
        ("http://p:1 ", "http://http://p:1%20"),
        ("http://[fe80::1%25en0]:1", "http://[fe80::1%25en0]:1"),
        ("http://[1.2.3.4]:1", "http://http://[1.2.3.4]:1"),
        ("http://[::1", "http://http://[::1"),
        ("///p:1", "http://///p:1"),
        ("*", "http://*"),
        ("http://", "http://http://"),
        ("mailto:x", None),
        ("http://u:%zz@p:1", None),
        ("http://p\x7f:1", None),
        (" http://p:1", None),
        ("http://[::1]x", "http://http://[::1]x"),
    ],
)
def test_a_value_becomes_the_proxy_that_go_makes_of_it(value: str, proxy: str | None) -> None:
    try:
        got: str | None = goproxy.parse_proxy(value).text()
    except gourl.GoURLError:
        got = None
    if value == "mailto:x":  # "http://mailto:x" has no valid port: Go keeps the first reading
        assert got == "mailto:x"
    else:
        assert got == proxy


def test_a_request_url_that_go_cannot_parse_is_an_error() -> None:
    assert way({"HTTPS_PROXY": P}, "https://a.test:port/") == (
        'error: parse "https://a.test:port/": invalid port ":port" after host'
    )


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("a:1", ("a", "1")),
        ("a:", ("a", "")),
        (":1", ("", "1")),
        ("[::1]:1", ("::1", "1")),
        ("::1", None),
        ("[::1]", None),
        ("a", None),
        ("a:b:1", None),
        ("a]:1", None),
        ("[a]b:1", None),
    ],
)
def test_split_host_port_is_gos(text: str, split: tuple[str, str] | None) -> None:
    assert goproxy.split_host_port(text) == split
