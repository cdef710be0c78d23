"""The journal of systemd units: a real one, written by systemd's own program and read by journalctl."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.logs.conftest import places, refused, report_of

WRITER = Path("/lib/systemd/systemd-journal-remote")
MACHINE = "0123456789abcdef0123456789abcdef"
THIS_BOOT = Path("/proc/sys/kernel/random/boot_id")
IN_ITS_PLACE = (
    'mount -t tmpfs journal /run && mkdir -p /run/log/journal && cp -r "$1" /run/log/journal/ && shift && exec "$@"'
)
RULE = "proxy-connection-refused"


def missing() -> str | None:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a journal in a mount namespace needs root on Linux"
    absent = [name for name in ("journalctl", "unshare", "mount") if shutil.which(name) is None]
    absent += [] if WRITER.exists() else [WRITER.name]
    return f"not installed: {', '.join(absent)}" if absent else None


def entry(number: int, unit: str, message: str, when: float) -> str:
    """Return an entry in the journal's export format; the time is in seconds since the epoch."""
    fields = {
        "__REALTIME_TIMESTAMP": f"{when * 1e6:.0f}",
        "__MONOTONIC_TIMESTAMP": f"{number * 1000}",
        "_BOOT_ID": THIS_BOOT.read_text().strip().replace("-", ""),  # what is followed is of this boot
        "_MACHINE_ID": MACHINE,
        "_HOSTNAME": "node-1",
        "_SYSTEMD_UNIT": unit,
        "SYSLOG_IDENTIFIER": unit.partition(".")[0],
        "_PID": "1234",
        "MESSAGE": message,
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of kubelet and containerd: the old failure is two days ago."""
    reason = missing()
    if reason:
        if os.environ.get("KDOCTOR_LAB") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    now = time.time()
    said = refused().replace("\\", "")
    entries = [entry(1, "containerd.service", said, now - 2 * 86400)]
    entries += [entry(n, "kubelet.service", f"ordinary line {n}", now - 3600 + n) for n in range(2, 200)]
    entries += [entry(200, "kubelet.service", said, now - 300), entry(201, "kubelet.service", said, now - 200)]
    kept = tmp_path / MACHINE
    kept.mkdir()
    command = [str(WRITER), "-o", str(kept / "system.journal"), "-"]
    subprocess.run(command, input="".join(entries).encode(), check=True, capture_output=True, timeout=60)
    return kept


def explained(folder: Path, env: dict[str, str], arguments: Sequence[str]) -> tuple[int, dict[str, Any], str]:
    """Run `explain` where the folder is the machine's journal, which nobody else sees."""
    ours = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", *arguments]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_ITS_PLACE, "sh", str(folder), *ours]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    return done.returncode, report_of(done), done.stderr.decode()


def test_a_unit_is_read_and_no_other(folder: Path, env: dict[str, str]) -> None:
    status, report, error = explained(folder, env, ["--unit", "kubelet"])
    assert status == 0, error
    assert places(report, RULE) == [("journal of kubelet", 199, 200, 2)]
    status, report, _ = explained(folder, env, ["--unit", "kubelet", "--unit", "containerd"])
    assert places(report, RULE) == [("journal of kubelet, containerd", 1, 201, 3)]


def test_only_what_is_new_is_asked_for(folder: Path, env: dict[str, str]) -> None:
    status, report, _ = explained(folder, env, ["--unit", "containerd", "--since", "3d"])
    assert (status, places(report, RULE)) == (0, [("journal of containerd", 1, 1, 1)])
    status, _, error = explained(folder, env, ["--unit", "containerd", "--since", "1h"])
    assert (status, "shows nothing" in error) == (3, True)


def test_a_unit_that_never_logged_is_said(folder: Path, env: dict[str, str]) -> None:
    status, _, error = explained(folder, env, ["--unit", "crio"])
    assert (status, "journal of crio shows nothing" in error) == (3, True)


def test_the_journal_is_followed(folder: Path, env: dict[str, str]) -> None:
    ours = ["--unit", "kubelet", "--follow", "--timeout", "3"]
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", IN_ITS_PLACE, "sh", str(folder)]
    command += [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", *ours]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, places(last, RULE)) == (0, [("journal of kubelet", 199, 200, 2)]), done.stderr
