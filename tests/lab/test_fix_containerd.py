"""`kdoctor fix` where containerd pulls for Kubernetes: its hosts.toml, its authorities, its supervisor."""

import json
from dataclasses import dataclass

import pytest

from . import Lab, addresses
from .cri import DEFAULTS, Cri
from .manners import Certificate
from .test_fix import history, kdoctor, said, snapshot

HOSTS = f"""\
# Written by the platform team. Ask in #registry before you change it.
server = "https://{addresses.MIRROR}"  # never Docker Hub itself

# the cache in the basement
[host."https://{addresses.MIRROR}/"]
  capabilities = ["pull", "resolve"]  # no push

  [host."https://{addresses.MIRROR}/".header]
    x-team = "platform"

[host."https://{addresses.HUB}"]
  capabilities = ["push"]
  # keep this one
"""
HUB_FILE = "/etc/containerd/certs.d/docker.io/hosts.toml"
CORP_FOLDER = f"/etc/containerd/certs.d/{addresses.CORP}"
CORP_IMAGE = f"{addresses.CORP}/team/app:1"
ALPINE = "docker.io/library/alpine:latest"


@dataclass(frozen=True, slots=True)
class Mended:
    """An image whose pull fails, the files that the fix touches, and the options that it needs."""

    image: str
    words: str
    files: tuple[str, ...]
    options: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def _dead_mirror(lab: Lab, cri: Cri) -> Mended:
    cri.configure("docker.io", HOSTS)
    lab.firewall.refuse(addresses.MIRROR)
    return Mended(ALPINE, "connection refused", (HUB_FILE,))


def _own_ca(lab: Lab, cri: Cri) -> Mended:
    del cri
    assert lab.directory is not None
    lab.certificate(addresses.CORP, Certificate.UNKNOWN)
    lab.here.write("/run/corp-ca.pem", (lab.directory / "private-ca.pem").read_text())
    options = ("--fact", "certificate=/run/corp-ca.pem")
    files = (f"{CORP_FOLDER}/ca.crt", f"{CORP_FOLDER}/hosts.toml")
    return Mended(CORP_IMAGE, "unknown authority", files, options, ("tls-unknown-authority",))


def _shown_ca(lab: Lab, cri: Cri) -> Mended:
    del cri
    lab.certificate(addresses.CORP, Certificate.UNKNOWN_SHOWN)
    planned = kdoctor(lab, "fix", "--image", CORP_IMAGE, "-o", "json")
    assert planned.returncode == 0, said(planned)
    shown = json.loads(planned.stdout)["plan"]["trusts"]
    files = (f"{CORP_FOLDER}/ca.crt", f"{CORP_FOLDER}/hosts.toml")
    return Mended(CORP_IMAGE, "unknown authority", files, ("--trust-ca", *shown))


def _proxy_moved(lab: Lab, cri: Cri) -> Mended:
    lab.relay(7897, addresses.HOSTS[addresses.PROXY], addresses.PROXY_OPEN)
    lab.firewall.block_egress()
    url = "http://127.0.0.1:7890"
    lab.here.write(DEFAULTS, f"# for pulls\nHTTPS_PROXY={url} HTTP_PROXY={url}  # the proxy\nNO_PROXY=.corp.test\n")
    cri.restart()
    return Mended(ALPINE, "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused", (DEFAULTS,))


CASES = {
    "proxy-moved": _proxy_moved,
    "hosts-toml-shown-ca": _shown_ca,
    "hosts-toml-mirror-dead": _dead_mirror,
    "hosts-toml-own-ca": _own_ca,
}


@pytest.mark.parametrize("case", CASES)
def test_fix_makes_containerd_pull_and_undo_restores(lab: Lab, case: str) -> None:
    cri = Cri(lab)
    mended = CASES[case](lab, cri)
    ok, words = cri.pull(mended.image)
    assert not ok
    assert mended.words in words
    before = snapshot(lab)

    made = kdoctor(lab, "fix", *mended.rules, "--image", mended.image, *mended.options, "--apply", "--yes")
    assert made.returncode == 0, said(made)
    assert "It helped" in made.stdout, said(made)
    ok, words = cri.pull(mended.image)
    assert ok, words
    assert history(lab)[0]["files"] == list(mended.files)

    undone = kdoctor(lab, "undo", "--yes")
    assert undone.returncode == 0, said(undone)
    assert snapshot(lab) == before
    ok, words = cri.pull(mended.image)
    assert not ok
    assert mended.words in words
