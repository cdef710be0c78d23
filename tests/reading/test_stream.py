"""Texts of any length: every place that a scan names is read, once, with its own line numbers."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdoctor.reading.stream import AROUND, blocks, windows

FAILURE = (
    'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 10.9.8.7:{port}: connect: connection refused'
)


def places(block: bytes) -> list[int]:
    found, at = [], block.find(b"HIT")
    while at >= 0:
        found.append(at)
        at = block.find(b"HIT", at + 1)
    return found


@given(st.lists(st.booleans(), min_size=1, max_size=120), st.integers(20, 400))
def test_every_hit_stands_in_a_window_with_its_number(marks: list[bool], size: int) -> None:
    lines = [f"{number} {'HIT' if hit else 'x'}" for number, hit in enumerate(marks, 1)]
    data = "\n".join(lines).encode()
    read: dict[int, str] = {}
    for window in windows(blocks(data[:size], io.BytesIO(data[size:]), size), places):
        for offset, text in enumerate(window.text.splitlines()):
            assert text == lines[window.first + offset - 1]
            read[window.first + offset] = text
    assert {number for number, hit in enumerate(marks, 1) if hit} <= set(read)


def test_neighbours_come_along_across_blocks() -> None:
    lines = [f"line {number}" for number in range(1, 101)]
    lines[50] = "HIT"
    data = "\n".join(lines).encode()
    found = list(windows(blocks(data[:64], io.BytesIO(data[64:]), 64), places))
    text = "\n".join(window.text for window in found)
    assert f"line {51 - AROUND}\n" in text


@pytest.mark.parametrize("line", [1, 2, 20_000, 39_999])
def test_a_failure_anywhere_in_a_long_log_is_found(line: int, tmp_path: Path) -> None:
    ordinary = 'I1123 10:00:00.0 1 kubelet.go:24] "SyncLoop" pod="kube-system/proxy" err="status 500 image docker.io"'
    lines = [ordinary] * 40_000
    lines[line - 1] = FAILURE.format(port=3128)
    log = tmp_path / "kubelet.log"
    log.write_text("\n".join(lines))
    command = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "--file", str(log), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"rule": "proxy-connection-refused"' in done.stdout
    assert f'"line": {line}' in done.stdout
