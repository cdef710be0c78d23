"""The benchmarks in small, with bounds that a busy machine keeps, too."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from kdoctor.rules.book import open_book
from tests.benchmarks import big_log, many_rules, startup
from tests.benchmarks.kubelet_log import MIB, write


@pytest.mark.timeout(400)
def test_a_long_log_in_bounded_memory_every_failure_at_its_line(tmp_path: Path) -> None:
    log = tmp_path / "kubelet.log"
    placed = write(log, 64 * MIB)
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    big_log.measured([sys.executable, "-m", "kdoctor", "rules", "list"], env)
    seconds, peak, report = big_log.explained(log, env)
    assert big_log.missed(report, big_log.wanted(open_book(), placed)) == []
    assert peak < big_log.MOST_MEBIBYTES
    if shutil.which("rg") is None:
        pytest.skip("ripgrep is not installed")
    big_log.patterns(tmp_path / "patterns")
    theirs, _, out = big_log.measured([*big_log.RIPGREP, str(tmp_path / "patterns"), str(log)], env)
    assert out.strip().isdigit()
    assert seconds < 3 * theirs


@pytest.mark.timeout(400)
def test_ten_times_the_rules_cost_little(tmp_path: Path) -> None:
    few, many = many_rules.users(tmp_path, (20, 200), runs=3)
    assert many < 2 * few


def test_starting_costs_little_more_than_the_command_line_itself() -> None:
    bare, ours = startup.measure(runs=3)
    assert ours < 5 * bare
