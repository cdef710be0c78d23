"""`rules new`: the pattern from one text matches it, and the same text with other values."""

import re
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdoctor.errors import UsageError
from kdoctor.reading.clean import clean
from kdoctor.rules.book import Book, open_book, shipped_folder
from kdoctor.rules.literals import literals
from kdoctor.rules.load import read_folder
from kdoctor.rules.patterns import compiled, dangers, expand
from kdoctor.rules.starting import start, without_envelope

FRAGMENTS = read_folder(shipped_folder()).words.fragments

_1970 = datetime(1970, 1, 1)  # noqa: DTZ001  (hypothesis wants it without a zone)
_label = st.from_regex(r"[a-z][a-z0-9]{1,10}", fullmatch=True)
_host = st.builds(
    lambda parts, top: ".".join([*parts, top]),
    st.lists(_label, min_size=1, max_size=3),
    st.sampled_from(["com", "io", "local", "example"]),
)
_ipv4 = st.ip_addresses(v=4).map(str)
_ipv6 = st.ip_addresses(v=6).map(lambda one: f"[{one}]")
_port = st.integers(10, 65535).map(str)
_hex = st.text("0123456789abcdef", min_size=64, max_size=64)
VALUES = {
    "host": _host,
    "address": st.builds("{}:{}".format, st.one_of(_ipv4, _ipv6, _host), _port),
    "resolver": st.builds("{}:53".format, st.one_of(_ipv4, _ipv6)),
    "image": st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "quay.io/", "reg.example.com:5000/"]),
        _label,
        st.sampled_from(["", ":1.2", ":latest"]),
    ),
    "url": st.builds("https://{}/{}".format, _host, st.from_regex(r"[a-z0-9/_.-]{0,20}[a-z0-9]", fullmatch=True)),
    "path": st.builds("/{}/{}".format, _label, st.from_regex(r"[a-z0-9_-]{1,12}(?:\.[a-z]{2,4})?", fullmatch=True)),
    "digest": _hex.map("sha256:{}".format),
    "uuid": st.uuids().map(str),
    "status": st.sampled_from(["200", "404", "418", "503"]),
    "number": st.integers(0, 10**9).map(str),
    "time": st.datetimes(min_value=_1970).map(lambda one: one.strftime("%Y-%m-%dT%H:%M:%SZ")),
    "duration": st.builds("{}.{}s".format, st.integers(0, 999), st.integers(0, 999)),
    "name": st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,20}[a-z0-9]", fullmatch=True).map('"{}"'.format),
}
MESSAGES = (
    "Error response from daemon: frobnication of the layer failed at {address} after {duration}",
    "dial tcp: lookup {host} on {resolver}: quota of questions exhausted, {number} left",
    'failed to pull image "{image}": flux capacitor {name} is on fire',
    'Get "{url}": proxyconnect tcp: dial tcp {address}: unexpected moon phase',
    "cannot weave {path} into the volume {uuid}: knot {name} came loose",
    "unexpected status {status} while it asked for blob {digest} since {time}",
    "error: mirror {host} and mirror {address} quarrel about {name}",
)
ENVELOPES = (
    "{}",
    "2026-01-02T03:04:05.678Z {}",
    "Jan  2 03:04:05 node-1 dockerd[812]: {}",
    "E0102 03:04:05.123456    1234 kubelet.go:12] {}",
    "  Warning  Failed     12s (x3 over 55s)  kubelet            {}",
    "[ERROR] {}",
    "web-1  | {}",
    "❌  {}",
    "> {}",
)


@pytest.fixture(scope="module")
def book() -> Book:
    return open_book()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(MESSAGES), st.sampled_from(ENVELOPES), st.sampled_from(ENVELOPES))
def test_the_pattern_matches_the_text_and_its_like(data: st.DataObject, message: str, one: str, other: str) -> None:
    names = re.findall(r"\{(\w+)\}", message)

    def filled(envelope: str) -> str:
        return envelope.replace("{}", message.format(**{name: data.draw(VALUES[name]) for name in names}))

    first, second = filled(one), filled(other)
    regex = expand(start(first, FRAGMENTS).regex, FRAGMENTS)
    for text in (first, second):
        assert compiled(regex).search("\n".join(line.text for line in clean(text))), (regex, text)
    assert list(dangers(regex)) == []
    assert literals(regex)


def test_every_shipped_example_can_start_a_rule(book: Book) -> None:
    made = total = 0
    for rule_id in book.ids:
        for one in book.rule(rule_id).examples.positive:
            total += 1
            try:
                found = start(one.text, FRAGMENTS)
            except UsageError:
                continue
            made += 1
            wide = expand(found.regex, FRAGMENTS)
            assert list(dangers(wide)) == [], found.regex
            assert literals(wide), found.regex
    assert made / total > 0.95, (made, total)


@pytest.mark.parametrize(
    ("text", "regex", "facts"),
    [
        (
            'Error: Get "https://reg.example.com/v2/": odd answer by 10.2.3.4:8443 (status 418, see /var/x.log)',
            (
                r'Error: %METHOD% "?(?P<url>https?://[^\s"]{1,400}?)"?: odd answer by (?P<address>%ADDRESS%) '
                r"""\(status (?P<status>[1-5][0-9]{2}), see (?P<path>/[^\s:"',)]{1,200})\)"""
            ),
            {
                "url": "https://reg.example.com/v2/",
                "address": "10.2.3.4:8443",
                "status": "418",
                "path": "/var/x.log",
            },
        ),
        (
            "proxyconnect tcp: dial tcp 10.0.0.9:3128: strange: connection refused",
            "proxyconnect tcp: dial tcp (?P<proxy>%ADDRESS%): strange: %REFUSED%",
            {"proxy": "10.0.0.9:3128"},
        ),
        (
            "error: mirror a.example.com and mirror b.example.com quarrel",
            "error: mirror (?P<host>%HOST%) and mirror (?P<host_2>%HOST%) quarrel",
            {"host": "a.example.com", "host_2": "b.example.com"},
        ),
        (
            "cannot bind lease lk-9 of pod web-7d9f8c6b5-x2k4q to slot gpu3: x509 of k8s v1beta1 is bad",
            "cannot bind lease {0} of pod {0} to slot {0}: x509 of k8s v1beta1 is bad".format(
                r"[a-z0-9][a-z0-9_-]{0,400}"
            ),
            {},
        ),
        (
            "the list of moons for reg.corp.example:5000/team/app:1.2 is frozen until 2031-02-03",
            "the list of moons for (?P<image>%IMAGE%) is frozen until [0-9]{4}-[0-9]{2}-[0-9]{2}",
            {"image": "reg.corp.example:5000/team/app:1.2"},
        ),
        ("failed to weave the moon with token=xxxxx", "failed to weave the moon with token=[^\\s\"']{1,400}", {}),
        (
            "月亮 gpu-3 的代理退出，任务 9981 被搁置",
            "月亮 [a-z0-9][a-z0-9_-]{0,400} 的代理退出，任务 [0-9]{1,20} 被搁置",
            {},
        ),
        ("[ERROR OddMoon]: the moon is at 3", r"\[ERROR OddMoon\]: the moon is at [0-9]{1,20}", {}),
        (
            'HTTP/1.1 409 Conflict\n{"errors":[{"code":"ODD","message":"the moon v1.2 is frozen"}]}',
            r"the moon v?[0-9][\w.+-]{0,60} is frozen",
            {},
        ),
        (
            "$ docker login -u bob -p xxxxx reg.example.com\nlogin relay said: tenant is parked",
            "login relay said: tenant is parked",
            {},
        ),
        ("100% of %ADDRESS% failed to frobnicate", "[0-9]{1,20}% of [%]ADDRESS% failed to frobnicate", {}),
    ],
)
def test_variable_parts_become_facts(text: str, regex: str, facts: dict[str, str]) -> None:
    found = start(text, FRAGMENTS)
    assert found.regex == regex
    assert found.facts == facts


@pytest.mark.parametrize(
    "line",
    [
        'time="2026-01-02T03:04:05Z" level=error msg="moon is odd" id=3',
        '{"level":"error","ts":1.5,"msg":"moon is odd","pid":3}',
        *(one.replace("{}", "moon is odd") for one in ENVELOPES if one != "> {}"),
    ],
)
def test_the_envelope_is_dropped(line: str) -> None:
    assert without_envelope(line) == "moon is odd"


def test_the_line_that_names_the_failure_is_taken() -> None:
    text = "Starting the cluster now\nPulling all of the base images\nError: failed to weave the moon\nSee logs"
    assert (start(text, FRAGMENTS).message, start(text, FRAGMENTS).line) == ("Error: failed to weave the moon", 3)


@pytest.mark.parametrize("text", ["", "\n \n", "42", "exit status 1", "10.0.0.1:80 https://x.example.com", "ok"])
def test_a_text_without_words_starts_nothing(text: str) -> None:
    with pytest.raises(UsageError, match="words"):
        start(text, FRAGMENTS)


@pytest.mark.parametrize(
    "text",
    [
        (
            "moonctl.exe : X the moon is odd and failed\nAt line:1 char:1\n+ moonctl start\n+ ~~~~~~\n"
            "    + CategoryInfo          : NotSpecified: (X the moon:String) [], RemoteException\n"
            "    + FullyQualifiedErrorId : NativeCommandError"
        ),
        "5m  Warning  FrobErr  pod/web-7d9f8b6c5-x2x4z  the moon is odd and failed",
        "2m30s (x3 over 5m)  Warning  FrobErr  pod/web-7d9f8b6c5-x2x4z  the moon is odd and failed",
    ],
)
def test_what_a_shell_or_a_table_puts_around_the_message_is_left_out(text: str) -> None:
    assert start(text, FRAGMENTS).regex.endswith("the moon is odd and failed")
    assert len(start(text, FRAGMENTS).regex) < 50


@pytest.mark.parametrize("word", ["x" * 200, "x" * 5000, "ab12" * 40, "QmFzZTY0" * 12, "-" * 300, "http://a" * 30])
def test_a_long_word_is_no_trouble(word: str) -> None:
    began = time.process_time()
    found = start(f"frob moon {word} odd phase 3 at 10.0.0.1:99", FRAGMENTS)
    assert found.regex.startswith("frob moon ")
    assert time.process_time() - began < 5


def test_a_long_text_is_no_trouble(tmp_path: Path) -> None:
    found = start(
        "\n".join(f"line {i}: all is well here" for i in range(5000)) + "\nError: the moon failed to rise", FRAGMENTS
    )
    assert found.line == 5001
    assert len(start("Error: it failed " + "very " * 5000, FRAGMENTS).regex) < 1000
