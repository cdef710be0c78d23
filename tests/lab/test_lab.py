"""The lab itself: whole it pulls, its parts do what they are told, down it is gone."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from . import Lab, addresses
from .baselines import BASELINES
from .breaks import BREAKS
from .here import USER
from .manners import Behaviour

IMAGES = ("alpine", "big", "registry.k8s.io/pause:3.9", "quay.io/prometheus/busybox")


@pytest.mark.parametrize("image", [*IMAGES, f"{addresses.CORP}/team/app:1"])
def test_direct_baseline_pulls(lab: Lab, image: str) -> None:
    ok, text = lab.pull(image)
    assert ok, text
    assert "Pull complete" in text


@pytest.mark.parametrize("image", [*IMAGES, f"{addresses.CORP}/team/app:1"])
def test_proxied_baseline_pulls(lab: Lab, image: str) -> None:
    lab.proxied()
    ok, text = lab.pull(image)
    assert ok, text


def test_proxied_baseline_has_no_other_way_out(lab: Lab) -> None:
    lab.proxied()
    lab.docker.configure()
    lab.docker.restart()
    ok, text = lab.pull()
    assert not ok
    assert "no route to host" in text


def test_relay_on_the_loopback_leads_to_the_proxy(lab: Lab) -> None:
    BREAKS["proxy-moved"].apply(lab)
    lab.proxied("http://127.0.0.1:7897")
    ok, text = lab.pull()
    assert ok, text


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_every_baseline_pulls(lab: Lab, baseline: Callable[[Lab], None]) -> None:
    baseline(lab)
    ok, text = lab.pull()
    assert ok, text


def test_file_and_process_agree_on_the_proxy(lab: Lab) -> None:
    lab.proxied()
    pid = lab.here.path("/run/docker.pid").read_text()
    environ = lab.here.path(f"/proc/{pid}/environ").read_text().split("\0")
    settings = lab.here.path("/etc/default/docker").read_text()
    url = f"http://{addresses.PROXY}:{addresses.PROXY_OPEN}"
    assert f"HTTPS_PROXY={url}" in environ
    assert f'export HTTPS_PROXY="{url}"' in settings


def test_every_break_names_a_class_of_the_taxonomy() -> None:
    taxonomy = Path(__file__).parents[2] / "rules" / "taxonomy.yaml"
    if not taxonomy.exists():
        pytest.skip("rules/taxonomy.yaml is not there")
    known = set(re.findall(r"\{id: ([a-z0-9-]+),", taxonomy.read_text()))
    named = {name for fault in BREAKS.values() for name in (fault.expect, *fault.also)}
    assert named <= known


ASK = f"""
import dns.exception, dns.message, dns.query, dns.rcode
def ask(name, kind, rdclass="IN"):
    try:
        answer = dns.query.udp(dns.message.make_query(name, kind, rdclass), "{addresses.RESOLVER}", 1)
    except dns.exception.Timeout:
        return "silence"
    return " ".join([dns.rcode.to_text(answer.rcode()), *(str(r) for rrset in answer.answer for r in rrset)])
for question in (("{addresses.HUB}", "A"), ("{addresses.HUB}", "AAAA"), ("no-such.example", "A")):
    print(ask(*question))
print("dnsmasq" in ask("version.bind", "TXT", "CH"))
"""


@pytest.mark.parametrize(
    ("behaviour", "name", "said", "by_dnsmasq"),
    [
        (Behaviour.ANSWER, "*", ["NOERROR 30.77.1.1", "NOERROR", "NXDOMAIN"], True),
        (Behaviour.NXDOMAIN, addresses.HUB, ["NXDOMAIN", "NXDOMAIN", "NXDOMAIN"], True),
        (Behaviour.NODATA, addresses.HUB, ["NOERROR", "NOERROR", "NXDOMAIN"], True),
        (Behaviour.IPV6_ONLY, addresses.HUB, ["NOERROR", f"NOERROR {addresses.IPV6_HOST}", "NXDOMAIN"], True),
        (Behaviour.REFUSED, "*", ["REFUSED", "REFUSED", "REFUSED"], True),
        (Behaviour.SERVFAIL, "*", ["SERVFAIL", "SERVFAIL", "SERVFAIL"], False),
        (Behaviour.SILENCE, addresses.HUB, ["silence", "silence", "NXDOMAIN"], False),
    ],
)
def test_the_resolver_says_what_it_is_told_to(
    lab: Lab, behaviour: Behaviour, name: str, said: list[str], by_dnsmasq: bool
) -> None:
    lab.dns(behaviour, name)
    done = lab.run([sys.executable, "-c", ASK])
    assert done.stdout.splitlines() == [*said, str(by_dnsmasq)], done.stderr


def test_run_gives_streams_status_and_identity(lab: Lab) -> None:
    done = lab.run(["sh", "-c", "cat; id -u >&2; pwd; exit 7"], stdin="in\n", user=USER)
    assert (done.returncode, done.stderr) == (7, "4242\n")
    assert done.stdout == f"in\n{Path.cwd()}\n"


def test_run_is_bounded(lab: Lab) -> None:
    begun = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        lab.run(["sh", "-c", "sleep 30; :"], timeout=0.3)
    assert time.monotonic() - begun < 3


def test_this_python_runs_as_anybody(lab: Lab) -> None:
    for user in (None, USER):
        assert lab.run([sys.executable, "-c", "print(1)"], user=user).stdout == "1\n"


def _processes_of(lab: Lab) -> dict[int, str]:
    """Return the processes in the lab's network namespaces, with the namespace, by pid."""
    spaces = {str(Path(f"/proc/{place.pid}/ns/net").readlink()) for place in lab.places}
    return {pid: space for pid, space in _network_namespaces().items() if space in spaces}


def _network_namespaces() -> dict[int, str]:
    found = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found[int(process.name)] = str((process / "ns/net").readlink())
            except OSError:
                continue  # it has ended
    return found


@pytest.mark.usefixtures("lab_possible")
def test_down_leaves_nothing() -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    lab = Lab()
    lab.down()
    lab.up()
    assert lab.directory is not None
    directory = lab.directory
    lab.proxied()
    lab.pull()
    processes = _processes_of(lab)
    assert len(processes) > 5
    lab.down()
    lab.down()
    left = _network_namespaces()
    assert not set(left.values()) & set(processes.values())
    assert not any(left.get(pid) == space for pid, space in processes.items())
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not directory.exists()


@pytest.mark.usefixtures("lab_possible")
def test_a_killed_lab_takes_everything_along() -> None:
    package = Lab.__module__.rpartition(".")[0]
    root = Path(__file__).resolve().parents[len(package.split("."))]
    code = (
        f"import os, signal, sys; from {package} import Lab; lab = Lab().up()\n"
        "print(*(place.pid for place in lab.places), lab.directory, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    *pids, directory = done.stdout.split()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    subprocess.run(["rm", "-r", directory], check=True)
