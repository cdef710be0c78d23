"""How the start-up of `kdoctor explain --no-probe` grows with the number of rules.

    python -m tests.benchmarks.many_rules [RUNS]

Copies of the shipped rules, with other ids and other words, make 100 and 1,000 rules: once compiled as a
wheel has them, once as a user's folder (`--rules`) whose compiled form is in the cache. Prints the median wall
times, in turn, and their ratios. Exit status 1: a ratio is above 1.3.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kdoctor.rules.book import write_compiled
from kdoctor.rules.compiling import compile_folder
from tests.benchmarks.startup import LINE, seconds

ROOT = Path(__file__).resolve().parents[2]
MOST_RATIO = 1.3
_NOT_RULES = frozenset({"fixes", "i18n"})


def rule_files() -> list[Path]:
    """Return the files of the shipped rules."""
    return sorted(f for f in (ROOT / "rules").glob("*/*.yaml") if f.parent.name not in _NOT_RULES)


def copies(count: int) -> Iterator[tuple[str, str]]:
    """Yield path and text of copies of the shipped rules: each with an id and words of its own."""
    contents: list[tuple[str, dict[str, Any]]] = [
        (file.parent.name, yaml.load(file.read_bytes(), yaml.CSafeLoader))
        for file in rule_files()
        if b"\nmatch:" in file.read_bytes()
    ]
    for number in range(count):
        layer, content = contents[number % len(contents)]
        copied = {**content, "id": f"{content['id']}-copy-{number}"}
        words = f"unit{number * 7919 % 100_003:05} says "
        copied["match"] = {
            **content["match"],
            "any": [{**one, "regex": f"{words}(?:{one['regex']})"} for one in content["match"]["any"]],
        }
        text = yaml.dump(copied, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
        yield f"{layer}/{copied['id']}.yaml", text


def write_copies(folder: Path, count: int) -> None:
    """Write copies of rules into a folder."""
    for path, text in copies(count):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def packaged(folder: Path, count: int) -> Path:
    """Make kdoctor as a wheel installs it, with `count` rules, and return the folder for PYTHONPATH."""
    rules = folder / f"rules-{count}"
    shutil.copytree(ROOT / "rules", rules)
    write_copies(rules, count - len(rule_files()))
    place = folder / f"wheel-{count}"
    shutil.copytree(ROOT / "kdoctor", place / "kdoctor", ignore=shutil.ignore_patterns("__pycache__", "_rules"))
    write_compiled(place / "kdoctor" / "_rules", *compile_folder(rules))
    return place


def in_turn(few: tuple[list[str], dict[str, str]], many: tuple[list[str], dict[str, str]], runs: int) -> list[float]:
    """Return the median seconds of two commands, run in turn after one run each that is not counted."""
    for command, env in (few, many):
        seconds(command, env)
    pairs = [(seconds(*few), seconds(*many)) for _ in range(runs)]
    return [statistics.median(pair[i] for pair in pairs) for i in (0, 1)]


def compiled(folder: Path, counts: tuple[int, int], runs: int) -> list[float]:
    """Return the medians with the rules of a wheel."""
    command = [sys.executable, "-m", "kdoctor", "explain", "--no-probe", LINE]
    envs = [{**os.environ, "PYTHONPATH": str(packaged(folder, n)), "XDG_CACHE_HOME": str(folder)} for n in counts]
    before = Path.cwd()
    os.chdir(folder)  # so that -m finds no kdoctor here
    try:
        return in_turn((command, envs[0]), (command, envs[1]), runs)
    finally:
        os.chdir(before)


def users(folder: Path, counts: tuple[int, int], runs: int) -> list[float]:
    """Return the medians with a user's folder of rules beside the shipped ones."""
    env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    commands = []
    for count in counts:
        write_copies(folder / f"mine-{count}", count)
        mine = str(folder / f"mine-{count}")
        commands.append([sys.executable, "-m", "kdoctor", "explain", "--no-probe", "--rules", mine, LINE])
    return in_turn((commands[0], env), (commands[1], env), runs)


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    worst = 0.0
    for name, measure in (("compiled, as in a wheel", compiled), ("a user's folder", users)):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            few, many = measure(Path(folder), (100, 1000), runs)
        worst = max(worst, many / few)
        took = time.perf_counter() - began
        print(
            f"{name}: 100 rules {few * 1000:.0f} ms, 1,000 rules {many * 1000:.0f} ms, ratio {many / few:.2f}"
            f" ({runs} runs each; {took:.0f} s with the making)"
        )
    raise SystemExit(worst > MOST_RATIO)


if __name__ == "__main__":
    main()
