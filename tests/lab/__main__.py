"""The lab by hand: `python -m tests.lab list | texts | shell | try BREAK [-- CMD...]`."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from . import Lab, unavailable
from .breaks import BREAKS, Break


def _list() -> int:
    for fault in BREAKS.values():
        works = ", the pull works" if fault.pull_works else ""
        print(f"{fault.id:26}{fault.expect:30}{fault.group}{works}")
        if fault.note:
            print(f"{'':26}{fault.note}")
    return 0


def _texts(ids: Iterable[str]) -> int:
    """Print the words of each break, made now, with the seconds they took."""
    with Lab() as lab:
        for fault in (BREAKS[name] for name in ids):
            if reason := fault.missing():
                print(f"### {fault.id}: {reason}\n", flush=True)
                continue
            fault.apply(lab)
            said = fault.witness(lab)
            lab.heal()
            print(f"### {fault.id} ({fault.expect}), {said.seconds:.1f} s")
            print(said.text.strip(), end="\n\n", flush=True)
    return 0


def _try(fault: Break, command: list[str]) -> int:
    """Break, print the words, and run a command that reads them on standard input."""
    begun = time.monotonic()
    with Lab() as lab:
        print(f"--- up after {time.monotonic() - begun:.1f} s", file=sys.stderr)
        fault.apply(lab)
        said = fault.witness(lab)
        print(f"--- {fault.id} ({fault.expect}), {said.seconds:.1f} s", file=sys.stderr)
        print(said.text.strip(), flush=True)
        if not command:
            return 0
        begun = time.monotonic()
        done = lab.run(command, stdin=said.text, user=fault.user, timeout=300)
        seconds = time.monotonic() - begun
        print(f"--- {' '.join(command)}: status {done.returncode}, {seconds:.1f} s", file=sys.stderr)
        print(done.stdout, end="", flush=True)
        print(done.stderr, end="", file=sys.stderr)
        return done.returncode


def _shell(fault: Break | None) -> int:
    """Give a person a shell in `here`, in a whole lab or a broken one."""
    with Lab() as lab:
        if fault is not None:
            fault.apply(lab)
        settings = {"TERM": os.environ.get("TERM", "dumb"), "PS1": r"lab:\w\$ "}
        shell = ["bash", "--norc", "-i"]
        return subprocess.call(lab.here.enter(shell, env=settings, cwd=str(Path.cwd())))


def main() -> int:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the breaks, with the class of their true cause")
    texts = commands.add_parser("texts", help="the engine's words for every break, made now")
    texts.add_argument("breaks", nargs="*", metavar="BREAK", help="only these")
    one = commands.add_parser("try", help="break one thing, pull, run CMD with the text as its input")
    one.add_argument("fault", choices=BREAKS, metavar="BREAK")
    one.add_argument("run", nargs="*", metavar="CMD", help="after --")
    shell = commands.add_parser("shell", help="a shell in the lab")
    shell.add_argument("fault", nargs="?", choices=BREAKS, metavar="BREAK")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of Lab.down
    if given.command == "list":
        return _list()
    if reason := unavailable():
        parser.exit(3, f"{reason}\n")
    match given.command:
        case "texts":
            if unknown := [name for name in given.breaks if name not in BREAKS]:
                parser.error(f"no such break: {', '.join(unknown)}")
            return _texts(given.breaks or BREAKS)
        case "try":
            return _try(BREAKS[given.fault], given.run)
        case _:
            return _shell(BREAKS[given.fault] if given.fault else None)


if __name__ == "__main__":
    sys.exit(main())
