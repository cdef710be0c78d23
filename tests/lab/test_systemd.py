"""A real systemd runs a real dockerd with a drop-in: named with its line, seen as pending, mended, taken back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import Lab, addresses, managed
from .engine import CLI
from .managed import DROP_IN, Systemd

ROOT = Path(__file__).resolve().parents[2]
DEAD = '[Service]\nEnvironment="HTTPS_PROXY=http://127.0.0.1:7890"\n'


@pytest.fixture
def systemd(lab: Lab) -> Iterator[Systemd]:
    """Yield systemd with docker.service running, whose drop-in names a proxy at which nothing listens."""
    if reason := managed.unavailable():
        pytest.skip(reason)
    lab.here.script("rm -rf /var/lib/kdoctor")
    lab.relay(7897, addresses.HOSTS[addresses.PROXY], addresses.PROXY_OPEN)
    lab.firewall.block_egress()
    try:
        it = Systemd(lab)
        it.write(DROP_IN, DEAD)
        it.systemctl("daemon-reload")
        it.systemctl("start", "docker")
    except RuntimeError as error:
        pytest.skip(f"systemd does not run in a namespace here: {error}")
    yield it
    lab.here.script("rm -rf /var/lib/kdoctor")


def run(it: Systemd, *argv: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return it.place.run(list(argv), stdin=stdin, env=env, cwd=str(ROOT), timeout=90, merge=True)


def kdoctor(it: Systemd, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return run(it, sys.executable, "-m", "kdoctor", *arguments, stdin=stdin)


def pull(it: Systemd) -> subprocess.CompletedProcess[str]:
    return run(it, str(CLI), "pull", "alpine")


@pytest.mark.where_possible
def test_a_drop_in_under_a_real_systemd(systemd: Systemd) -> None:
    text = pull(systemd).stdout
    assert "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused" in text
    made = kdoctor(systemd, "explain", "-", "--fix", "--apply", "--yes", stdin=text)
    assert "proxy-connection-refused, confirmed, seen from docker" in made.stdout, made.stdout
    assert f"HTTPS_PROXY in {DROP_IN}" in " ".join(made.stdout.split())
    assert "It helped" in made.stdout, made.stdout
    drop_in = systemd.place.path(DROP_IN)
    assert drop_in.read_text() == DEAD.replace("7890", "7897")
    assert pull(systemd).returncode == 0

    drop_in.write_text(DEAD)
    rows = json.loads(kdoctor(systemd, "settings", "-o", "json").stdout)["settings"]
    [shown] = [r for r in rows if r["puller"] == "docker" and r["topic"] == "proxy" and r["standing"] == "effective"]
    assert shown["value"] == "http://127.0.0.1:7897"
    [late] = [r for r in rows if r["puller"] == "docker" and r["standing"] == "pending"]
    assert DROP_IN in late["note"]
