"""Routes in words, problems of values, and secrets kept."""

from __future__ import annotations

import pytest

from kdoctor.settings import proxy, proxyvalue
from kdoctor.settings.reasons import NOT_READABLE
from kdoctor.settings.source import Source

HUB = "https://registry-1.docker.io/v2/"


def route(url: str = HUB, **env: str) -> proxy.Decision:
    return proxy.from_environment(env).route(url)


def test_the_reason_names_the_variable_and_the_rule() -> None:
    assert route(https_proxy="http://p:1").because == "https_proxy is set"
    assert route("https://a.corp.test/", HTTPS_PROXY="http://p:1", no_proxy=".corp.test").because == (
        'no_proxy entry ".corp.test" covers it'
    )
    assert route("http://localhost/", HTTP_PROXY="http://p:1").because == "loopback hosts are never proxied"
    assert route(HTTP_PROXY="http://p:1").because == "no HTTPS_PROXY is set; HTTP_PROXY is not used for https URLs"
    assert route().because == "no HTTPS_PROXY is set"


def test_the_reason_comes_in_chinese() -> None:
    drop_in = Source("systemd", "HTTPS_PROXY in /etc/x.conf", "/etc/x.conf", 3)
    settings = proxy.ProxySettings(http=None, https=proxy.Setting("HTTPS_PROXY", "http://p:1", drop_in))
    assert settings.route("https://quay.io/", "zh").because == "设置了 HTTPS_PROXY（/etc/x.conf 第 3 行）"
    assert settings.route("http://quay.io/", "zh").because == "没有设置 HTTP_PROXY；HTTPS_PROXY 不用于 http 的 URL"
    unseen = proxy.ProxySettings(unseen=NOT_READABLE).route("https://quay.io/", "zh")
    assert unseen.because == unseen.unseen == "引擎没有应答，其进程的环境变量也无法读取"


def test_the_proxy_is_shown_without_userinfo_and_dialled_with_it() -> None:
    decision = route(HTTPS_PROXY="http://bob:s3cret@p:3128")
    assert (decision.proxy, decision.raw, decision.endpoint) == (
        "http://p:3128",
        "http://bob:s3cret@p:3128",
        ("p", 3128),
    )
    assert "s3cret" not in repr(decision)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("http://u:pa%ss@p:1", ("drops", "connects directly", "%25")),
        (" http://p:1", ("drops", "begins with a blank")),
        ("http://p:1 ", ('takes "http"', "ends with a blank")),
        ('"http://p:1"', ("quotes",)),
        ("http://u:pa/ss@p:1", ('takes "http"', "'/' as %2F")),
        ("http://u:pa#ss@p:1", ("'#' as %23",)),
        ("http://DOM\\u:pass@p:1", ("'\\\\' as %5C",)),
        ("http://p:port", ("port is not a number",)),
        ("//p:1", ("host is missing",)),
        ("http://:3128", ("host is missing",)),
        ("http:p:3128", ("// after http: is missing",)),
        ("http:/p:3128", ("scheme://host:port",)),
        ("http//p:3128", ("scheme://host:port",)),
        ("htp://p:1", ("unknown scheme htp",)),
        ("socks5h://p:1", ("socks5h", "socks5 means the same")),
        ("http://p:99999", ("99999",)),
        ("http://a:1,http://b:2", ("no host name holds ,",)),
        ("http://2001:db8::1:3128", ("brackets",)),
    ],
)
def test_a_value_that_go_mangles_or_drops_is_a_problem(value: str, words: tuple[str, ...]) -> None:
    decision = route(HTTPS_PROXY=value)
    assert decision.problem is not None
    assert [word for word in words if word not in decision.problem] == []


@pytest.mark.parametrize(
    "value",
    [
        "http://p:1",
        "p:3128",
        "p",
        "10.0.0.1:8080",
        "[::1]:3128",
        "https://p",
        "socks5://p:1",
        "http://u:a%40b@p:1",
        "http://u:a@b@p:1",
        "u:p@proxy:1",
        "http://p:1/",
        "http://proxy_1.corp:3128",
        "http://b\u00fccher.test:1",
    ],
)
def test_a_value_that_works_is_no_problem(value: str) -> None:
    assert route(HTTPS_PROXY=value).problem is None


@pytest.mark.parametrize(
    "value",
    [
        "http://bob:s3cret@p:1",
        "http://bob:s3/cret@p:1",
        "http://bob:s3#cret@p:1",
        "http://bob:s3?cret@p:1",
        "http://bob:s3%cret@p:1",
        "bob:s3cret@p:1",
        '"http://bob:s3 cret@p:1"',
        "http://bob:s3\\cret@p:1",
        "http:bob:s3cret@p",
    ],
)
def test_no_output_holds_the_password(value: str) -> None:
    settings = proxy.from_environment({"HTTPS_PROXY": value})
    decision = settings.route(HUB)
    shown = [repr(settings), repr(decision), str(decision.proxy), str(decision.problem), decision.because]
    shown.append(proxyvalue.without_userinfo(value))
    assert [text for text in shown if "cret" in text or "bob" in text] == []


def test_settings_that_nobody_could_see_decide_nothing() -> None:
    decision = proxy.ProxySettings(unseen="the engine does not answer").route(HUB)
    assert (decision.proxy, decision.unseen) == (None, "the engine does not answer")


def test_a_masked_setting_gives_no_url_to_dial() -> None:
    setting = proxy.Setting("HTTPS_PROXY", "http://xxxxx:xxxxx@p:1", Source("unknown", "x"), masked=True)
    decision = proxy.ProxySettings(https=setting).route(HUB)
    assert (decision.proxy, decision.raw) == ("http://p:1", None)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ('"http://127.0.0.1:7890"', "http://127.0.0.1:7890"),
        ("http:/proxy.corp:3128", "http://proxy.corp:3128"),
        ("http//proxy.corp:3128/", "http://proxy.corp:3128"),
        (" htpp://Proxy.corp: 3128", "http://proxy.corp:3128"),
        ("http://me:50%off@proxy.corp:3128", None),
        ("socks5h://proxy.corp:1080", None),
        ("http://proxy.corp", None),
        ("http://http:80", None),
        ("http://a:99999", None),
        ("$PROXY", None),
    ],
)
def test_what_a_value_with_a_slip_was_meant_to_be(value: str, url: str | None) -> None:
    assert proxyvalue.meant(value) == url
