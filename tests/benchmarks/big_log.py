"""How long `kdoctor explain --no-probe` takes for a kubelet's journal of any size with 20 failures in it.

    python -m tests.benchmarks.big_log [MEBIBYTES]

Ripgrep reads the same file with the same patterns in the same run. Prints both wall times, their ratio,
kdoctor's own peak memory, and whether every failure was found at its line. Exit status 1: a bar is missed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from kdoctor.rules.book import Book, open_book
from kdoctor.rules.match import match
from kdoctor.rules.patterns import BLANK
from tests.benchmarks.kubelet_log import MIB, Placed, write

MOST_RATIO, MOST_MEBIBYTES = 1.5, 200
RIPGREP = ("rg", "--no-config", "-i", "--no-unicode", "--dfa-size-limit=1G", "--regex-size-limit=4G", "-c", "-f")


def patterns(file: Path) -> int:
    """Write the rules' patterns as ripgrep takes them, and return how many.

    In bytes, not Unicode: so they fit its memory, and it is faster. Patterns that span lines are left out:
    with them ripgrep needs --multiline, and takes many times longer.
    """
    book = open_book()
    numbers = sorted({n for found in book.literals.values() for n in found})
    regexes = {re.sub(r"\(\?P<\w+>", "(?:", book.narrowing.whole(book.pattern(n)[0])) for n in numbers}
    taken = sorted(_bytes(regex) for regex in regexes if not _NOT_OF_A_LINE.search(regex))
    file.write_text("".join(f"{regex}\n" for regex in taken))
    return len(taken)


_NOT_OF_A_LINE = re.compile(r"\\[nZ]|\[[^\]]*[^\x00-\x7f]|\\[sS]\\[sS]")


def _bytes(regex: str) -> str:
    said = regex.removeprefix("(?i)").replace(BLANK, " ")
    said = re.sub(r"\\\\|\\([^\w.+*?()|\[\]{}^$#&~\\-])", lambda m: m[1] or m[0], said)  # Rust escapes no plain signs
    signs = (c if c.isascii() else "(?:" + "".join(f"\\x{b:02X}" for b in c.encode()) + ")" for c in said)
    return "".join(signs)


_RUNNER = """import json, os, resource, subprocess, sys, time
began = time.perf_counter()
status = subprocess.call(sys.argv[2:])
figures = [time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, status]
os.write(int(sys.argv[1]), json.dumps(figures).encode())
"""
"""Runs a command from a small process: a child's peak memory begins with what its parent holds."""


def measured(command: list[str], env: dict[str, str]) -> tuple[float, int, bytes]:
    """Return wall time in seconds, peak memory in MiB and standard output of one process alone."""
    ours, theirs = os.pipe()
    with tempfile.TemporaryFile() as out:
        runner = [sys.executable, "-S", "-c", _RUNNER, str(theirs), *command]
        subprocess.run(runner, check=True, stdout=out, env=env, pass_fds=[theirs])
        os.close(theirs)
        with open(ours, "rb") as figures:
            seconds, peak, status = json.loads(figures.read())
        assert status in (0, 1), command
        out.seek(0)
        return seconds, peak // 1024, out.read()


def explained(log: Path, env: dict[str, str]) -> tuple[float, int, dict[str, Any]]:
    """Return seconds, MiB and report of `kdoctor explain --no-probe`."""
    ours = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", "-o", "json", "--file", str(log)]
    seconds, peak, out = measured(ours, env)
    return seconds, peak, json.loads(out)


def wanted(book: Book, placed: list[Placed]) -> dict[str, list[int]]:
    """Return, for each rule that one of the failures hits by itself, the lines."""
    lines: dict[str, list[int]] = {}
    for one in placed:
        found = match(book, one.text)
        assert found, one.text
        for candidate in found:
            lines.setdefault(candidate.rule.id, []).append(one.line)
    return lines


def missed(report: dict[str, Any], lines: dict[str, list[int]]) -> list[str]:
    """Return what is not as it should be: rules whose count, first or last line differ, and rules too many."""
    found = {d["rule"]: d["locations"][0] for d in report["diagnoses"]}
    said = [
        f"{rule}: expected lines {numbers}, found {found.get(rule)}"
        for rule, numbers in lines.items()
        if rule not in found
        or (found[rule]["line"], found[rule]["last_line"], found[rule]["count"])
        != (min(numbers), max(numbers), len(numbers))
    ]
    return said + [f"{rule}: {place} too many" for rule, place in found.items() if rule not in {*lines, *HARMLESS}]


HARMLESS = ("pod-crash-loop",)
"""What the ordinary lines are rightly said to show: a container that ends again and again."""


def main() -> None:
    """Print the figures."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.TemporaryDirectory() as folder:
        log, list_of_patterns = Path(folder) / "kubelet.log", Path(folder) / "patterns"
        env = {**os.environ, "XDG_CACHE_HOME": folder}
        placed = write(log, size * MIB)
        count = patterns(list_of_patterns)
        measured([sys.executable, "-m", "kdoctor", "rules", "list"], env)  # writes the rules' cache
        theirs, memory, out = measured([*RIPGREP, str(list_of_patterns), str(log)], env)
        assert out.strip().isdigit(), "ripgrep failed"
        seconds, peak, report = explained(log, env)
        problems = missed(report, wanted(open_book(), placed))
    counts = Counter({d["rule"]: d["locations"][0]["count"] for d in report["diagnoses"]})
    print(f"{size} MiB, {len(placed)} failures, {count} patterns for ripgrep")
    print(f"ripgrep {theirs:.2f} s, peak {memory} MiB, {int(out)} lines")
    print(f"kdoctor {seconds:.2f} s, peak {peak} MiB, ratio {seconds / theirs:.2f}")
    print("every failure found at its line" if not problems else "\n".join(problems))
    print(" ".join(f"{rule}:{n}" for rule, n in counts.items()))
    raise SystemExit(bool(problems) or seconds / theirs > MOST_RATIO or peak > MOST_MEBIBYTES)


if __name__ == "__main__":
    main()
