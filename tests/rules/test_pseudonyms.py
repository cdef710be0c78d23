"""What a public report need not tell has placeholders: the same for the same value, of the same form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.pseudonyms import Pseudonyms
from kdoctor.rules.book import open_book
from kdoctor.rules.match import match

TEXT = r"""alice@build-07:~$ minikube start
Jan 02 15:04:05 build-07 kubelet[1]: failed to pull "registry.acme.com:5000/team/secret-app:1.2" from 10.20.30.40:5000
open /home/alice/.minikube/config: denied; C:\Users\Alice Smith\.docker\config.json and /Users/bob/x
Get "https://registry.acme.com:5000/v2/team/secret-app/manifests/1.2": dial tcp 10.20.30.40:5000: i/o timeout
lookup proxy01.corp.acme.com on 10.20.30.53:53: no such host; lookup users-db on 127.0.0.11:53
mail bob.jones@acme.com, 00:1a:2b:3c:4d:5e, fe80::1234:5678 and [2a01:4f8::1]:443, public 85.214.1.2
123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/api:3 acme.azurecr.io/shop/web:1 http://proxyhost01:3128
alice said REGISTRY.acme.com is down
"""
PRIVATE = (
    *("alice", "Alice Smith", "bob", "build-07", "acme", "secret-app", "10.20.30.40", "10.20.30.53", "users-db"),
    *("00:1a:2b", "fe80::1234", "2a01:4f8", "85.214.1.2", "123456789012", "shop/api", "proxyhost01", "bob.jones"),
)
KEPT = (
    *("registry-1.docker.io", "127.0.0.1:7890", "192.168.49.2:8443", "registry.k8s.io/pause:3.9", "main.go:291"),
    *("config.toml", "kubernetes.default.svc.cluster.local", "host.docker.internal", "10.96.0.10:53", "8.8.8.8"),
    *(
        "java.net.ConnectException",
        "/var/lib/docker",
        "/home/docker/x",
        "sha256:0123456789abcdef",
        "1.30.2",
        "10:11:12",
    ),
    *(
        "gcr.io/k8s-minikube/kicbase:v0.0.15",
        "nginx:1.27",
        "github.com/x/y",
        "::1",
        "kube-system",
        "containerd.service",
    ),
)


def test_private_names_are_gone_and_the_same_value_has_the_same_placeholder() -> None:
    names = Pseudonyms(["alice"], ["build-07"])
    out = names.redact(TEXT)
    for value in PRIVATE:
        assert value.lower() not in out.lower(), value
    lines = out.splitlines()
    assert lines[0].startswith("user1@host1:~$ minikube")
    assert '"host2.example.com:5000/project/image1:1.2" from 192.0.2.1:5000' in lines[1]
    assert "https://host2.example.com:5000/v2/project/image1/manifests/1.2" in lines[3]
    assert "dial tcp 192.0.2.1:5000: i/o timeout" in lines[3]
    assert lines[-1] == "user1 said host2.example.com is down"
    assert names.replaced["user"] == 3


DESCRIBED = """\
Name:             checkout-1
Namespace:        payments
Service Account:  checkout-sa
Node:             wrk-ber-03/10.1.2.3
  Warning  Failed  1m  kubelet, wrk-ber-03  secret "acme-pull" not found; pod/checkout-1
E0402 10:00:00.000000  1 pod_workers.go:1] "Error syncing pod" pod="payments/ledger-7d9f8b6c5-x2x4z" node="wrk-ber-03"
kubectl -n payments get pods --context=acme-prod
docker login -u bob.jones -p xxxxx; User "system:anonymous" cannot; "username":"bobby"; Profile "acme-minikube" is odd
pod "coredns-5d78c9869d-abcde" in namespace "kube-system" on node "minikube"
"""


def test_names_of_a_clusters_objects_are_gone() -> None:
    names = Pseudonyms()
    out = names.redact(DESCRIBED)
    for value in ("checkout", "payments", "wrk-ber", "10.1.2.3", "acme", "ledger", "bob"):
        assert value not in out, value
    assert out.splitlines()[1].split()[1] in out.splitlines()[6]
    assert out.splitlines()[-1] == DESCRIBED.splitlines()[-1]
    assert 'User "system:anonymous" cannot' in out
    assert Pseudonyms().redact(out) == out


def test_a_level_after_the_time_is_no_host() -> None:
    line = "2026-08-18T10:00:00.123Z ERROR weaver: moon is odd"
    assert Pseudonyms().redact(line) == line
    assert Pseudonyms().redact(line.replace("ERROR", "build-07")) == line.replace("ERROR", "host1")


@pytest.mark.parametrize("value", KEPT)
def test_what_is_everybodys_stays(value: str) -> None:
    text = f"it says {value} here"
    assert Pseudonyms(["alice"], ["build-07"]).redact(text) == text


def test_redacting_twice_changes_nothing() -> None:
    names = Pseudonyms(["alice"], ["build-07"])
    once = names.redact(TEXT)
    assert names.redact(once) == once
    assert Pseudonyms(["alice"], ["build-07"]).redact(once) == once


def test_a_redacted_text_is_read_as_before() -> None:
    """A placeholder keeps the form of its value, so what the rules read stays."""
    book = open_book()
    same = total = 0
    for rule_id in book.ids:
        for one in book.rule(rule_id).examples.positive:
            found = match(book, Pseudonyms().redact(one.text))
            total += 1
            same += bool(found) and found[0].rule.id == rule_id
    assert same / total > 0.97, (same, total)


@given(st.text(max_size=300))
def test_any_text_is_redacted_and_again_the_same(text: str) -> None:
    names = Pseudonyms(["alice"], ["build-07"])
    once = names.redact(text)
    assert names.redact(once) == once


@given(
    st.ip_addresses(v=4).map(str),
    st.from_regex(r"[a-z]{3,8}[0-9]\.[a-z]{3,8}\.(?:com|net|local|corp)", fullmatch=True),
    st.from_regex(r"[a-z]{4,8}[0-9]{2}", fullmatch=True),
)
def test_no_address_host_or_user_of_ones_own_is_left(address: str, host: str, user: str) -> None:
    out = Pseudonyms().redact(
        f'/home/{user}/x: Get "https://{host}:8443/v2/": dial tcp {address}:8443: {user} on {host}'
    )
    assert host not in out
    assert user not in out
    if Pseudonyms().redact(address) != address:
        assert f" {address}:" not in out
