"""The forms of facts: what a text states is put into a fix only where it looks like what it should be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.probes.kinds import FACT_TYPES
from kdoctor.rules.book import open_book, shipped_folder
from kdoctor.rules.load import read_folder
from kdoctor.rules.match import match
from kdoctor.rules.values import fits, is_plain

GOOD = {
    "registry": ["registry-1.docker.io", "harbor.corp:5000", "[fd00::1]:5000", "10.0.0.1", "localhost:32000"],
    "image": ["nginx", "nginx:1.27", "quay.io/a/b@sha256:" + "0" * 64, "localhost:5000/a_b/c-d:v1.2_3"],
    "proxy": ["127.0.0.1:7890", "http://proxy.corp:3128", "socks5://[::1]:1080/", "proxy.corp"],
    "resolver": ["192.168.64.1:53", "[fd00::1]:53", "10.0.0.2", "fe80::1%eth0", "10.0.0.2#53", "127.0.0.53:53"],
    "host": ["registry-1.docker.io", "a_b.example", "10.0.0.1", "::1", "example.com."],
    "address": ["10.0.0.1:443", "[::1]:6443", "registry.example.com:443", ":6443"],
    "port": ["1", "65535"],
    "status": ["403", "503"],
    "path": ["/etc/docker/daemon.json", "C:\\Users\\A B\\config.json", "~/.kube/config", "/home/josé/x"],
    "url": ["https://dl.k8s.io/v1.30.0/bin?a=b&c=%20", "http://10.0.0.8:8080/v2/"],
    "urls": ["https://mirror.corp", "https://a.example/v2/x, http://b.example:5000"],
    "platform": ["linux/arm64/v8", "windows/amd64", "linux"],
    "socket": ["unix:///var/run/docker.sock", "/run/containerd/containerd.sock", "npipe:////./pipe/docker_engine"],
    "engine": ["cri-o"],
    "tool": ["docker-credential-desktop.exe", "kubectl"],
    "profile": ["minikube"],
    "driver": ["kvm2"],
    "cluster": ["kind-a.b"],
    "text": ["anything at all; $(even this)"],
}


@pytest.mark.parametrize(("type_", "value"), [(t, v) for t, values in GOOD.items() for v in values])
def test_values_as_they_are(type_: str, value: str) -> None:
    assert fits(type_, value)


def test_every_type_of_facts_is_tried() -> None:
    assert set(GOOD) == set(FACT_TYPES)


HOSTILE = [
    "$(reboot)",
    "`reboot`",
    "a;reboot",
    "a|sh",
    "a&&b",
    "a b",
    "-rf",
    "--help",
    "a'b",
    'a"b',
    "a\nb",
    "a\x1b[0m",
    "a\u202eb",
    "",
    "a>b",
    "a{b}",
    "é",
    "x" * 5000,
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("type_", sorted(set(FACT_TYPES) - {"path", "text"}))
def test_what_a_shell_would_read_fits_no_type_that_has_a_form(type_: str, value: str) -> None:
    assert not fits(type_, value)


@pytest.mark.parametrize("type_", ["path", "text"])
def test_texts_and_paths_are_a_single_printable_line(type_: str) -> None:
    for value in ("a\nb", "a\rb", "a\x1b[0m", "a\u202eb", "a\u2066b", "a\u2028b", "\x00", "", "x" * 5000):
        assert not fits(type_, value)
    assert not fits("path", "-rf")


def test_a_userinfo_makes_no_url() -> None:
    for type_ in ("url", "proxy", "registry"):
        assert not fits(type_, "http://me:secret@proxy.corp:3128")


@given(st.sampled_from(sorted(set(FACT_TYPES) - {"path", "text", "url", "urls"})), st.text(max_size=60))
def test_a_value_with_a_form_is_plain_but_for_brackets_and_backslashes(type_: str, value: str) -> None:
    if fits(type_, value):
        assert is_plain(value.translate(str.maketrans("", "", "[]\\~#")))


def test_the_facts_of_every_shipped_example_have_the_form_of_their_type() -> None:
    book = open_book()
    wrong = []
    for rule in read_folder(shipped_folder()).rules.values():
        for one in rule.examples.positive:
            for candidate in match(book, one.text):
                for name, value in candidate.facts.items():
                    spec = candidate.rule.facts.get(name)
                    if spec and not fits(spec.type, value):
                        wrong.append((candidate.rule.id, name, value))
    # What is wrong with these is just their form.
    assert [one for one in wrong if one[0] not in ("proxy-url-invalid", "image-reference-invalid")] == []
