"""Secrets go, addresses and names stay."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.masking import mask, without_userinfo

# What no reader could tell from the text around it is left out: a blank that comes first, or after
# something that reads as a port (`12 `) or as a host (`@x `), and a digest.
_AMBIGUOUS = re.compile(r"\s|\d{1,5}([\"'\\\]),;:/?#]|\s|\Z)|.*@.*\s|.*@sha(256|384|512):", re.DOTALL)
_passwords = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("/@#?%:\"'\\ &="), min_size=1, max_size=24
).filter(lambda password: not _AMBIGUOUS.match(password))


@given(_passwords, st.sampled_from(["http", "https", "socks5"]))
def test_no_password_of_a_proxy_url_survives(password: str, scheme: str) -> None:
    text = f'proxyconnect: {scheme}://user:{password}@proxy.corp:3128": dial tcp'
    expected = f'proxyconnect: {scheme}://xxxxx:xxxxx@proxy.corp:3128": dial tcp'
    assert mask(text) == expected
    assert mask(json.dumps(text)) == json.dumps(expected)


@given(st.text(max_size=80) | _passwords.map(lambda p: f"http://u:{p}@h:1 password={p} Authorization: Basic {p}"))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@pytest.mark.parametrize(
    ("text", "hidden", "kept"),
    [
        ("http://DOM\\user:p@ss@p.corp:3128", "p@ss", "@p.corp:3128"),
        ("HTTPS_PROXY=user:hunter2@10.0.0.1:3128", "hunter2", "@10.0.0.1:3128"),
        ("https_proxy: 'bob:hunter2@proxy'", "hunter2", "@proxy"),
        ("http:\\/\\/bob:hunter2@10.0.0.1:80", "hunter2", "10.0.0.1:80"),
        ("http%3A%2F%2Fbob%3Ahunter2%40proxy.corp", "hunter2", "proxy.corp"),
        ("https://hunter2@github.com/x", "hunter2", "@github.com/x"),
        ("Proxy-Authorization: Basic Ym9iOmh1bnRlcjI=", "Ym9iOmh1bnRlcjI", "Proxy-Authorization: Basic"),
        ("Authorization: Bearer abc.def\nHost: r.test", "abc.def", "Host: r.test"),
        ('Proxy-Authorization: Digest username="b", response="hunter2"\nHost: r.test', "hunter2", "Host: r.test"),
        ('PASSWORD = "two hunter2 words"; x = 1', "hunter2", "x = 1"),
        ("token: |\n  hunter2abc\nname: x", "hunter2", "name: x"),
        ("password hunter2 was rejected", "hunter2", "was rejected"),
        ("密码：hunter2，重试", "hunter2", "重试"),
        ("mot de passe : hunter2", "hunter2", "mot de passe"),
        ("key hf_abcdefghijklmnopqrstuvwxyz0123 end", "hf_abc", "end"),
        ("key sk-proj-abcdefgh12345678abcdef end", "abcdefgh", "end"),
        ("SG.abcdefghijklmnopq.rstuvwxyzabcdefgh end", "abcdef", "end"),
        ("https://hooks.slack.com/services/T00/B00/hunter2 end", "hunter2", "hooks.slack.com"),
        ('{"Authorization": "Basic Ym9iOmh1bnRlcjI=", "Host": "r"}', "Ym9i", '"Host": "r"'),
        ("set password: hunter2 ; then again", "hunter2", "; then again"),
        ("DB_PASSWORD: 'hunter2', user: bob", "hunter2", "user: bob"),
        ("sent basic Ym9iOmh1bnRlcjI= to it", "Ym9i", "to it"),
        ("bearer eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl end", "eyJ", "end"),
        ("https://b.test/l?sv=2020&sig=AbC%2Fd&se=1", "AbC", "&se=1"),
        ("https://s3.test/x?X-Amz-Credential=AK&X-Amz-Signature=beef99", "beef99", "s3.test"),
        ('{"auths":{"r.test":{"auth":"Ym9iOmh1bnRlcjI="}}}', "Ym9i", "r.test"),
        ('{"identitytoken": "hun\\"ter2"}', "hun", "identitytoken"),
        ("docker login -u bob -p hunter2 r.test", "hunter2", "r.test"),
        ("docker login --password=hunter2 r.test", "hunter2", "r.test"),
        ("kubectl create secret --docker-password hunter2 --docker-server=r.test", "hunter2", "r.test"),
        ("curl -x p:1 -U bob:hunter2 https://r.test", "hunter2", "https://r.test"),
        ("REGISTRY_PASSWORD=hunter2 AWS_SECRET_ACCESS_KEY=abc", "hunter2", "REGISTRY_PASSWORD"),
        ("users:\n- name: a\n  token: hunter2hunter2\n", "hunter2", "name: a"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----", "MIIB", "END RSA"),
        ("export GH=ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_", "export"),
        ("user: client-key-data: aHVudGVyMmh1bnRlcjI= is no PEM", "aHVudGVy", "is no PEM"),
        (".dockerconfigjson: aHVudGVyMmh1bnRlcjI=", "aHVudGVy", "dockerconfigjson"),
        ("< X-Amz-Security-Token: FwoGhunter", "hunter", "X-Amz-Security-Token"),
        ("> X-Vault-Token: hunter2hunter2\n> Host: v.test", "hunter2", "Host: v.test"),
        ("PRIVATE-TOKEN: hunter2x, from r.test", "hunter2", "from r.test"),
        ("X-JFrog-Art-Api: hunter2x", "hunter2", "X-JFrog-Art-Api"),
        ("api-key = 0123hunter2", "hunter2", "api-key"),
        ("--certificate-key 0123abcd4567ef --control-plane", "0123abcd", "--control-plane"),
        ("using certificate key:\ncertificateKey: 0123abcd4567ef89", "0123abcd", "certificateKey"),
        ("token abcdef.0123456789abcdef has expired", "0123456789abcdef", "has expired"),
        ("level=fatal K10aabbccddeeff00112233::server:hunter2 is wrong", "hunter2", "is wrong"),
        ("echo hunter2 | docker login -u bob --password-stdin r.test", "hunter2", "r.test"),
        ("sshpass -p hunter2 ssh bob@r.test", "hunter2", "ssh bob@r.test"),
        ("docker run -e DB_PASS=hunter2 r.test/app", "hunter2", "r.test/app"),
        ("[default]\naws_secret_access_key = hunter2/+x", "hunter2", "[default]"),
        ("client_secret: hunter2hunter2", "hunter2", "client_secret"),
        ("//r.test/:_authToken=hunter2x", "hunter2", "//r.test/"),
        ("AccountKey=hunter2x==;EndpointSuffix=r.test", "hunter2", "EndpointSuffix=r.test"),
    ],
)
def test_a_secret_goes_and_its_surroundings_stay(text: str, hidden: str, kept: str) -> None:
    out = mask(text)
    assert hidden not in out
    assert kept in out


@pytest.mark.parametrize(
    "text",
    [
        'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: refused',
        "unable to retrieve auth token: invalid username/password: unauthorized: authentication required",
        'failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Alib&service=r": EOF',
        "docker://r.test:5000/app@sha256:1f0ded6fe1ea6af955f509171c1304b71f073cb4bfc28d507716fe7557b38c0d: not found",
        "lib/app:v1@sha256:1f0ded6fe1ea6af955f509171c1304b71f073cb4bfc28d507716fe7557b38c0d",
        "could not decode PEM of the client-key-data: no block; the api-key: none; x-request-id: 42",
        'Secret "r" is invalid: data[.dockerconfigjson]: Required value',
        "error: no x-registry-key header; token is missing; tokens: 3; bypass=true",
        "cart01.17c1bb0123456789 was an event; echo done | docker load",
        'Bearer realm="https://auth.test/token",service="r.test",scope="repository:lib/app:pull"',
        "no basic auth credentials",
        "basic authentication is required",
        "proxy http://p.corp:3128 is dead, ask admin@corp.example",
        "https://mail.test/find?who=bob@corp.example",
        "sudo: a password is required",
        "wrong password: x509: certificate signed by unknown authority; password: 401 Unauthorized",
        'Unable to retrieve pull secret default/regcred for default/pod due to secrets "regcred" not found.',
        "lookup proxy.corp on [::1]:53: read udp [::1]:5353->[::1]:53: connection refused",
        "error: You must be logged in to the server (Unauthorized)",
        "dial tcp [2001:db8::1]:443: connect: network is unreachable",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert mask(text) == text


@given(_passwords)
def test_a_url_without_userinfo_keeps_host_and_port(password: str) -> None:
    assert without_userinfo(f"http://u:{password}@proxy.corp:3128") == "http://proxy.corp:3128"


@pytest.mark.parametrize(
    "url", ["http://proxy.corp:3128", "proxy.corp:3128", "https://r.test/lib@sha256:ab", "https://m.test/?a=b@c"]
)
def test_a_url_that_has_no_userinfo_stays(url: str) -> None:
    assert without_userinfo(url) == url


def test_masking_takes_linear_time() -> None:
    for text in ("http://" + "a:" * 100_000, "@" * 200_000, "a:b@" * 50_000, "password=" * 20_000, "-" * 200_000):
        mask(text)
