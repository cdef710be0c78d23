"""A fix that is killed at any of its system calls leaves whole files, and an undo that takes it back."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kdoctor.fixes import files
from kdoctor.fixes.applying import apply
from kdoctor.fixes.plan import Change, Command, Plan
from kdoctor.fixes.store import Store
from kdoctor.fixes.undoing import restore

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

CALLS = "openat,write,fsync,rename,unlink,mkdir,rmdir,fchmod,fchown,fsetxattr,flock"
OLD = {"a.conf": b"old a\n", "b.conf": b"old b, longer than the new one\n"}
NEW = {"a.conf": b"new a\n", "b.conf": b"new b\n", "new/folder/c.crt": b"new c\n"}

DRIVER = """\
import sys
from tests.fixing.test_crash import change
print("ready", flush=True)
sys.stdin.readline()
change(sys.argv[1])
"""


def plan(folder: Path) -> Plan:
    """Two files to change and one to make, in folders that are not there yet."""
    changes = []
    for name, data in NEW.items():
        path = folder / "etc" / name
        changes.append(Change(str(path), path, files.read(path, str(path)), data))
    return Plan((), tuple(changes), (Command(("true",)),))


def change(folder: str) -> None:
    """Make the changes; what the traced process does."""
    store = Store(Path(folder) / "state")
    with store.locked():
        apply(plan(Path(folder)), store, lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fresh(tmp_path / "clean")


def fresh(folder: Path) -> Path:
    (folder / "etc").mkdir(parents=True)
    for name, data in OLD.items():
        (folder / "etc" / name).write_bytes(data)
        (folder / "etc" / name).chmod(0o640)
    return folder


def traced(folder: Path, *options: str) -> tuple[int, str]:
    """Make the changes under strace, attached behind the imports; return the status and the calls."""
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    log = folder / "calls"
    command = ["strace", "-y", "-o", str(log), "-e", f"trace={CALLS}", *options, "-p", str(child.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    if "attached" not in said:
        child.kill()
        tracer.kill()
        pytest.skip(f"strace cannot attach here: {said.strip()}")
    child.stdin.write("\n")
    child.stdin.flush()
    status = child.wait(60)
    tracer.wait(60)
    tracer.stderr.close()
    child.stdin.close()
    child.stdout.close()
    return status, log.read_text()


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    text: str


def calls(log: str) -> list[Call]:
    return [Call(found[1], line) for line in log.splitlines() if (found := re.match(r"(\w+)\(", line))]


def points(found: list[Call]) -> Iterator[tuple[str, int]]:
    """Yield every call with its number among those of its name."""
    count: dict[str, int] = {}
    for call in found:
        count[call.name] = count.get(call.name, 0) + 1
        yield call.name, count[call.name]


def contents(folder: Path) -> dict[str, bytes]:
    etc = folder / "etc"
    return {str(path.relative_to(etc)): path.read_bytes() for path in sorted(etc.rglob("*")) if path.is_file()}


def visible(found: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out what was being written beside a file."""
    return {name: data for name, data in found.items() if ".kdoctor-" not in name}


def test_each_file_is_flushed_before_it_takes_its_place_and_its_folder_after(folder: Path) -> None:
    status, log = traced(folder)
    assert status == 0
    assert contents(folder) == NEW
    found = calls(log)
    for name in NEW:
        path = folder / "etc" / name
        temporary = path.with_name(f".{path.name}.kdoctor-1")
        renamed = next(i for i, c in enumerate(found) if c.name == "rename" and f'"{temporary}", "{path}"' in c.text)
        flushed = [i for i, c in enumerate(found) if c.name == "fsync" and f"<{temporary}>" in c.text]
        assert flushed, name
        assert flushed[-1] < renamed
        assert any(c.name == "fsync" and f"<{path.parent}>" in c.text for c in found[renamed + 1 :]), name
        opened = next(i for i, c in enumerate(found) if c.name == "openat" and f'"{temporary}"' in c.text)
        journal = [i for i, c in enumerate(found) if c.name == "fsync" and "/journal>" in c.text and i < opened]
        announced = [i for i, c in enumerate(found) if c.name == "write" and '"event\\": \\"writing\\"' in c.text]
        assert journal, name
        assert any(i < journal[-1] for i in announced), name
    backups = [c for c in found if c.name == "fsync" and re.search(r"\d\.before>", c.text)]
    assert len(backups) == len(OLD)


@pytest.mark.timeout(900)
def test_killed_at_any_call_the_files_are_whole_and_can_be_put_back(folder: Path, tmp_path: Path) -> None:
    status, log = traced(folder)
    assert status == 0
    all_points = list(points(calls(log)))
    assert len(all_points) > 60
    seen: dict[str, int] = {}
    for name, number in all_points:
        place = fresh(tmp_path / f"{name}-{number}")
        status, _ = traced(place, "-e", f"inject={name}:signal=KILL:when={number}")
        assert status == -9, (name, number)
        outcome = _judge(place, f"{name} {number}")
        seen[outcome] = seen.get(outcome, 0) + 1
        shutil.rmtree(place)
    assert {"untouched", "interrupted"} <= set(seen), seen


def _judge(folder: Path, where: str) -> str:
    found = visible(contents(folder))
    for name, data in found.items():
        assert data in (OLD.get(name), NEW[name]), (where, name, data)
    assert set(OLD) <= set(found), where
    store = Store(folder / "state")
    entries = store.entries()
    if not entries:
        assert contents(folder) == OLD, where
        change(str(folder))  # what was left of the attempt is in nobody's way
        assert contents(folder) == NEW, where
        return "untouched"
    assert len(entries) == 1, where
    state = entries[0].state
    assert state in ("interrupted", "applied"), where
    with store.locked():
        restore(entries[0], store, lambda _: None)
    assert contents(folder) == OLD, where
    assert not (folder / "etc" / "new").exists(), where
    assert {path.stat().st_mode & 0o777 for path in (folder / "etc").glob("*.conf")} == {0o640}, where
    assert store.entries()[0].state == "undone", where
    return state
