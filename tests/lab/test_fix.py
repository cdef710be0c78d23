"""`kdoctor fix` in the lab: the pull fails, the fix is made, the same pull works; undone, all is as before."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import Lab, addresses
from .breaks import BREAKS, Break, Witness
from .engine import CLI
from .here import USER, USER_ID
from .manners import Certificate, Wire

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "kdoctor"]
ENV = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

_SNAPSHOT = """\
find /etc/docker /etc/default /etc/systemd -type d | sort
cd {upper}
find . ! -type d -printf '%p %y %m %U %G %l\\n' | sort
find . -type f -exec sha256sum {{}} + | sort -k2
"""
"""What is in /etc and not of the machine below."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A break of the lab and how it is fixed; `files` are those that the fix must touch."""

    fault: str
    files: tuple[str, ...]
    options: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


DEFAULTS, DAEMON_JSON, RESOLV_CONF = "/etc/default/docker", "/etc/docker/daemon.json", "/etc/resolv.conf"
_CORP_IMAGE = f"{addresses.CORP}/team/app:1"
_PORT_IMAGE = f"{addresses.CORP}:{addresses.OTHER_PORT}/team/app:1"


def _needless_proxy(lab: Lab) -> None:
    url = "http://127.0.0.1:7890"
    lab.docker.configure({"HTTPS_PROXY": url, "HTTP_PROXY": url})
    lab.docker.restart()


def _proxy_with_password(lab: Lab) -> None:
    """Let the proxy listen elsewhere than at the address of a setting with user and password."""
    BREAKS["proxy-moved"].apply(lab)
    lab.proxied("http://dev:s3cret@127.0.0.1:7890")


def _plain_among_keys(lab: Lab) -> None:
    lab.docker.configure(daemon_json=_KEYS)
    lab.docker.restart()
    lab.wire(addresses.CORP, Wire.PLAIN)


def _small_disk(lab: Lab) -> None:
    BREAKS["disk-full"].apply(lab)
    lab.here.script("mkdir -p /mnt/large && mount -t tmpfs lab-large /mnt/large")
    lab.when_healing(lambda: lab.here.script("umount --lazy /mnt/large; rmdir /mnt/large"))


def _own_ca(lab: Lab) -> None:
    assert lab.directory is not None
    lab.certificate(addresses.CORP, Certificate.UNKNOWN)
    lab.here.write("/run/corp-ca.pem", (lab.directory / "private-ca.pem").read_text())


_KEYS = """{
    "log-driver": "json-file",
    "log-opts": {"max-size": "10m"},
    "insecure-registries": ["172.16.0.0/12"]
}
"""
_REFUSED = r"connect: connection refused"

MORE = (
    Break("proxy-needless", "fix", "proxy-connection-refused", _REFUSED, _needless_proxy),
    Break("proxy-with-password", "fix", "proxy-connection-refused", _REFUSED, _proxy_with_password),
    Break(
        "proxy-slip",
        "fix",
        "proxy-url-invalid",
        r"proxyconnect tcp: dial tcp (?::80|.*lookup http\b)",
        lambda lab: lab.proxied(f"http:/{addresses.PROXY}:{addresses.PROXY_OPEN}"),
    ),
    Break(
        "registry-plain-http",
        "fix",
        "registry-http-not-https",
        r"server gave HTTP response to HTTPS client",
        lambda lab: lab.wire(addresses.CORP, Wire.PLAIN),
        image=_PORT_IMAGE,
    ),
    Break(
        "registry-plain-http-among-keys",
        "fix",
        "registry-http-not-https",
        r"server gave HTTP response to HTTPS client",
        _plain_among_keys,
        image=_PORT_IMAGE,
    ),
    Break(
        "registry-own-ca",
        "fix",
        "tls-unknown-authority",
        r"x509: certificate signed by unknown authority",
        _own_ca,
        image=_CORP_IMAGE,
    ),
    Break(
        "disk-small",
        "fix",
        "disk-full",
        r"no space left on device",
        _small_disk,
        image="big",
        facts={"path": "/var/lib"},
    ),
)
"""Faults that only a fix needs: what would help is there."""

FAULTS = {**BREAKS, **{fault.id: fault for fault in MORE}}

MENDED = (
    Mended("proxy-moved", (DEFAULTS,)),
    Mended("proxy-needless", (DEFAULTS,)),
    Mended("proxy-with-password", (DEFAULTS,)),
    Mended("proxy-slip", (DEFAULTS,)),
    Mended("proxy-scheme-https", (DEFAULTS,)),
    Mended("proxy-scheme-socks", (DEFAULTS,)),
    Mended("proxy-lacks-exception", (DEFAULTS,)),
    Mended("dns-nxdomain", (RESOLV_CONF,)),
    Mended("dns-nodata", (RESOLV_CONF,)),
    Mended("dns-servfail", (RESOLV_CONF,)),
    Mended("dns-refused", (RESOLV_CONF,)),
    Mended("dns-silent", (RESOLV_CONF,)),
    Mended("dns-port-closed", (RESOLV_CONF,)),
    Mended("resolv-conf-empty", (RESOLV_CONF,)),
    Mended("daemon-down", ()),
    Mended("daemon-json-syntax", (DAEMON_JSON,)),
    Mended("daemon-json-unknown-key", (DAEMON_JSON,)),
    Mended("registry-plain-http", (DAEMON_JSON,), ("--accept-weaker-trust",)),
    Mended("registry-plain-http-among-keys", (DAEMON_JSON,), ("--accept-weaker-trust",)),
    Mended(
        "registry-own-ca",
        (f"/etc/docker/certs.d/{addresses.CORP}/ca.crt",),
        ("--fact", "certificate=/run/corp-ca.pem"),
        ("tls-unknown-authority",),
    ),
    Mended("mirror-dead", (DAEMON_JSON,)),
    Mended("disk-small", (DAEMON_JSON,), ("--recipe", "disk.move", "--fact", "larger=/mnt/large"), ("disk-full",)),
)


TWICE = frozenset(
    {"proxy-with-password", "dns-nxdomain", "daemon-json-syntax", "registry-plain-http-among-keys", "mirror-dead"}
)
"""Faults whose fix is planned first, and asked for again afterwards: one of each format of file."""


@pytest.fixture(autouse=True)
def _no_fixes_before(lab: Lab) -> Iterator[None]:
    """Begin and end each test without fixes."""
    lab.here.script("rm -rf /var/lib/kdoctor")
    yield
    lab.here.script("rm -rf /var/lib/kdoctor")


def kdoctor(lab: Lab, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kdoctor in the lab, without a terminal."""
    return lab.run([*PROGRAM, *arguments], env=ENV, timeout=120, stdin=stdin)


def snapshot(lab: Lab) -> str:
    """Return names, modes, owners and digests of everything that a fix may touch."""
    done = lab.here.run(["sh", "-s"], stdin=_SNAPSHOT.format(upper=f"{lab.directory}/layers/etc/upper"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(lab: Lab) -> list[dict[str, object]]:
    """Return what `kdoctor history` tells, the newest first."""
    rows: list[dict[str, object]] = json.loads(kdoctor(lab, "history", "-o", "json").stdout)["fixes"]
    return rows


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return both streams, for the message of a failed test."""
    return done.stdout + done.stderr


def broken(fault: Break, witness: Witness) -> bool:
    """Tell whether the break shows: the engine says its words, and the pull fails where it does."""
    return re.search(fault.words, witness.text, re.MULTILINE) is not None and witness.ok is fault.pull_works


def _breaks_again(lab: Lab, fault: Break) -> bool:
    """Tell whether the break shows again; dockerd reads resolv.conf every five seconds."""
    end = time.monotonic() + 8
    while not (shown := broken(fault, fault.witness(lab))) and time.monotonic() < end:
        time.sleep(1)
    return shown


@pytest.mark.parametrize("case", MENDED, ids=[case.fault for case in MENDED])
def test_fix_makes_the_pull_work_and_undo_restores(lab: Lab, case: Mended) -> None:
    fault = FAULTS[case.fault]
    fault.apply(lab)
    assert broken(fault, fault.witness(lab))
    before = snapshot(lab)

    image = ("--image", fault.image) if fault.image else ()
    if case.fault in TWICE:
        planned = kdoctor(lab, "fix", *case.rules, *image, *case.options)
        assert planned.returncode == 0, said(planned)
        assert "Nothing was changed" in planned.stdout
        assert snapshot(lab) == before

    made = kdoctor(lab, "fix", *case.rules, *image, *case.options, "--apply", "--yes")
    assert made.returncode == 0, said(made)
    assert "It helped" in made.stdout, said(made)
    ok, text = lab.pull(fault.image)
    assert ok, text
    latest = history(lab)[0]
    assert latest["state"] == "applied"
    assert latest["files"] == list(case.files)
    after = snapshot(lab)
    assert (after != before) is bool(case.files)

    if case.fault in TWICE:
        again = kdoctor(lab, "fix", *image, "--apply", "--yes")
        assert again.returncode == 0, said(again)
        assert "Nothing to fix" in again.stdout, said(again)
        assert snapshot(lab) == after

    undone = kdoctor(lab, "undo", "--yes")
    assert undone.returncode == 0, said(undone)
    assert snapshot(lab) == before
    assert history(lab)[0]["state"] == "undone"
    assert _breaks_again(lab, fault)


def test_explain_with_fix_mends_what_the_text_tells(lab: Lab, witness: Callable[[Break], Witness]) -> None:
    fault = BREAKS["proxy-moved"]
    fault.apply(lab)
    text = witness(fault).text
    made = kdoctor(lab, "explain", "-", "--fix", "--apply", "--yes", stdin=text)
    assert made.returncode == 0, said(made)
    ok, words = lab.pull()
    assert ok, words


CRANE = (
    "$ crane manifest quay.io/prometheus/busybox:latest\n"
    'Error: fetching manifest quay.io/prometheus/busybox:latest: Get "https://quay.io/v2/": proxyconnect tcp: '
    "dial tcp 127.0.0.1:7890: connect: connection refused\n"
)
PROFILE = """\
# ~/.profile: executed by the command interpreter for login shells.
umask 022
export http_proxy=http://127.0.0.1:7890   # the office's
export https_proxy=http://127.0.0.1:7890
"""


def _asks(lab: Lab) -> bool:
    """Tell whether curl reaches the registry from a new login shell."""
    ask = ". /root/.profile; curl -sS -o /dev/null --max-time 10 https://gcr.io/v2/"
    return lab.run(["sh", "-c", ask]).returncode == 0


def test_a_proxy_of_the_environment_is_changed_where_the_shell_gets_it(lab: Lab) -> None:
    lab.relay(7897, addresses.HOSTS[addresses.PROXY], addresses.PROXY_OPEN)
    lab.proxied()
    old = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:7890")
    profile = lab.here.path("/root/.profile")
    before = profile.read_text() if profile.exists() else None
    try:
        profile.write_text(PROFILE)
        assert not _asks(lab)
        made = lab.run(
            [*PROGRAM, "explain", "-", "--fix", "--apply", "--yes"], env={**ENV, **old}, stdin=CRANE, timeout=120
        )
        assert made.returncode == 0, said(made)
        assert "It helped" in made.stdout, said(made)
        assert profile.read_text() == PROFILE.replace(":7890", ":7897")
        assert _asks(lab)
        undone = kdoctor(lab, "undo", "--yes")
        assert undone.returncode == 0, said(undone)
        assert profile.read_text() == PROFILE
        assert not _asks(lab)
    finally:
        profile.unlink() if before is None else profile.write_text(before)


def _pulls_as_user(lab: Lab) -> bool:
    """Pull in a session that the user begins now, with the groups that /etc/group gives."""
    own = ["setpriv", f"--reuid={USER_ID}", f"--regid={USER_ID}", "--init-groups", "--"]
    return lab.here.run([*own, str(CLI), "pull", "alpine"]).returncode == 0


def test_a_user_is_let_to_the_socket_and_taken_out_again(lab: Lab) -> None:
    if shutil.which("sudo") is None:
        pytest.skip("sudo is not installed")
    lab.here.write("/etc/sudoers.d/dev", f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
    lab.when_healing(lambda: lab.here.remove("/etc/sudoers.d/dev"))
    lab.here.path("/etc/sudoers.d/dev").chmod(0o440)
    groups = [lab.here.path(name).read_text() for name in ("/etc/group", "/etc/gshadow")]
    assert not _pulls_as_user(lab)
    options = ("fix", "--image", "alpine", "--apply", "--yes")
    refused = lab.run([*PROGRAM, *options], env=ENV, user=USER, timeout=120)
    assert refused.returncode == 2, said(refused)
    made = lab.run([*PROGRAM, *options, "--accept-weaker-trust"], env=ENV, user=USER, timeout=120)
    assert made.returncode == 0, said(made)
    assert "next login" in made.stdout
    assert _pulls_as_user(lab)
    undone = lab.run([*PROGRAM, "undo", "--yes"], env=ENV, user=USER, timeout=120)
    assert undone.returncode == 0, said(undone)
    assert [lab.here.path(name).read_text() for name in ("/etc/group", "/etc/gshadow")] == groups
    assert not _pulls_as_user(lab)


def test_what_weakens_security_is_not_covered_by_yes(lab: Lab) -> None:
    fault = FAULTS["registry-plain-http"]
    fault.apply(lab)
    before = snapshot(lab)
    refused = kdoctor(lab, "fix", "--image", fault.image, "--apply", "--yes")
    assert refused.returncode == 2, said(refused)
    assert "Safer: Give" in refused.stderr
    assert "--accept-weaker-trust" in refused.stderr
    assert snapshot(lab) == before


def test_an_authority_that_the_registry_showed_is_trusted_where_a_flag_names_it(lab: Lab) -> None:
    lab.certificate(addresses.CORP, Certificate.UNKNOWN_SHOWN)
    before = snapshot(lab)
    options = ("fix", "--image", _CORP_IMAGE, "--apply", "--yes")
    refused = kdoctor(lab, *options, "--accept-weaker-trust", "-o", "json")
    assert refused.returncode == 2, said(refused)
    document = json.loads(refused.stdout)
    (fingerprint,) = document["plan"]["trusts"]
    assert document["status"] == "refused"
    assert f"--trust-ca {fingerprint}" in document["said"][0]
    assert "Lab Private CA" in refused.stderr
    assert refused.stderr.index("Safer: Let the puller trust") < refused.stderr.index(f"fingerprint: {fingerprint}")
    assert snapshot(lab) == before

    other = kdoctor(lab, *options, "--trust-ca", "0" * 64)
    assert other.returncode == 2, said(other)
    spelled = ":".join(re.findall("..", fingerprint)).upper()
    made = kdoctor(lab, *options, "--trust-ca", f"SHA256:{spelled}")
    assert made.returncode == 0, said(made)
    assert "It helped" in made.stdout, said(made)
    assert lab.pull(_CORP_IMAGE)[0]
    undone = kdoctor(lab, "undo", "--yes")
    assert undone.returncode == 0, said(undone)
    assert snapshot(lab) == before
    ok, words = lab.pull(_CORP_IMAGE)
    assert not ok
    assert "unknown authority" in words


def test_a_chain_without_its_authority_gives_none_to_trust(lab: Lab) -> None:
    lab.certificate(addresses.CORP, Certificate.UNKNOWN)
    told = kdoctor(lab, "fix", "--image", _CORP_IMAGE, "--apply", "--yes")
    assert told.returncode == 1, said(told)
    words = " ".join(told.stdout.split())
    assert "It does not show the certificate of that authority itself" in words
    assert "kdoctor fix tls-unknown-authority --fact certificate=..." in words


def test_a_public_nameserver_is_put_before_a_companys_only_where_it_is_asked_for(lab: Lab) -> None:
    BREAKS["dns-nxdomain"].apply(lab)
    lab.here.write(RESOLV_CONF, lab.here.path(RESOLV_CONF).read_text() + "search corp.test\n")
    before = snapshot(lab)
    options = ("fix", "--image", "alpine", "--apply", "--yes")
    told = kdoctor(lab, *options)
    assert told.returncode == 1, said(told)
    assert "kdoctor fix dns-no-such-host --recipe dns.resolver" in " ".join(told.stdout.split())
    assert snapshot(lab) == before
    made = kdoctor(lab, *options, "--recipe", "dns.resolver")
    assert made.returncode == 0, said(made)
    assert "is a public nameserver: it knows no name of your own network" in " ".join(made.stdout.split())


def test_a_registry_that_only_a_text_names_is_not_written(lab: Lab) -> None:
    fault = FAULTS["registry-plain-http"]
    fault.apply(lab)
    text = fault.witness(lab).text
    options = ("--fix", "--apply", "--yes", "--accept-weaker-trust")
    refused = kdoctor(lab, "explain", "-", *options, stdin=text)
    assert refused.returncode == 1, said(refused)
    assert "stands only in the text" in refused.stderr
    assert not lab.here.path(DAEMON_JSON).exists()


def test_a_full_disk_changes_nothing(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    settings = lab.here.path(DEFAULTS).read_text()
    lab.here.script("mount -t tmpfs -o size=64k lab-full /etc/default")
    lab.when_healing(lambda: lab.here.script("umount --lazy /etc/default"))
    lab.here.write(DEFAULTS, settings)
    lab.here.script("head -c 60000 /dev/zero >/etc/default/filler || true")
    refused = kdoctor(lab, "fix", "--image", "alpine", "--apply", "--yes")
    assert refused.returncode == 1, said(refused)
    assert "no room left" in refused.stderr
    assert lab.here.path(DEFAULTS).read_text() == settings
    assert [path.name for path in lab.here.path("/etc/default").iterdir() if "kdoctor" in path.name] == []


def test_check_with_fix_mends_what_it_finds(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    made = kdoctor(lab, "check", "--image", "alpine", "--fix", "--apply", "--yes")
    assert made.returncode == 0, said(made)
    ok, words = lab.pull()
    assert ok, words


def test_without_a_terminal_and_a_yes_nothing_is_changed(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    before = snapshot(lab)
    refused = kdoctor(lab, "fix", "--image", "alpine", "--apply")
    assert refused.returncode == 2, said(refused)
    assert "--yes" in refused.stderr
    assert snapshot(lab) == before
    assert not history(lab)


def test_a_report_gives_the_rule_and_nothing_else(lab: Lab, tmp_path: Path) -> None:
    BREAKS["proxy-moved"].apply(lab)
    report = json.loads(kdoctor(lab, "check", "--image", "alpine", "-o", "json").stdout)
    for fix in report["diagnoses"][0]["fixes"]:
        fix["steps"] = [{"text": "x", "command": "touch /etc/evil", "file": "/etc/evil", "content": "x"}]
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report))
    made = kdoctor(lab, "fix", "--from", str(file), "--image", "alpine", "--apply", "--yes")
    assert made.returncode == 0, said(made)
    assert not lab.here.path("/etc/evil").exists()
    ok, words = lab.pull()
    assert ok, words


def test_a_fix_that_does_not_help_says_so_and_is_taken_back(lab: Lab) -> None:
    BREAKS["proxy-loopback-closed"].apply(lab)
    before = snapshot(lab)
    made = kdoctor(
        lab, "fix", "--image", "alpine", "--recipe", "proxy.unset", "--apply", "--yes", "--rollback-on-failure"
    )
    assert made.returncode == 1, said(made)
    assert "It did not help" in made.stdout
    assert snapshot(lab) == before
    assert history(lab)[0]["state"] == "undone"


def test_undo_refuses_a_file_that_has_changed_since(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    assert kdoctor(lab, "fix", "--image", "alpine", "--apply", "--yes").returncode == 0
    settings = lab.here.path("/etc/default/docker")
    settings.write_text(settings.read_text() + "# mine\n")
    refused = kdoctor(lab, "undo", "--yes")
    assert refused.returncode == 1, said(refused)
    assert "has changed since" in refused.stderr
    assert "# mine" in refused.stdout
    assert "# mine" in settings.read_text()
