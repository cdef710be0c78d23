"""A fix, or an undo, that is killed at any of its system calls leaves whole files, and an undo that takes it back."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kdoctor.fixes import files
from kdoctor.fixes.applying import apply
from kdoctor.fixes.plan import Change, Command, Plan
from kdoctor.fixes.store import Store
from kdoctor.fixes.undoing import choose, restore

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

CALLS = "openat,write,fsync,rename,unlink,mkdir,rmdir,fchmod,fchown,fsetxattr,flock"
OLD = {"a.conf": b"old a\n", "b.conf": b"old b, longer than the new one\n"}
NEW = {"a.conf": b"new a\n", "b.conf": b"new b\n", "new/folder/c.crt": b"new c\n"}


def plan(folder: Path) -> Plan:
    """Two files to change and one to make, in folders that are not there yet."""
    changes = []
    for name, data in NEW.items():
        path = folder / "etc" / name
        changes.append(Change(str(path), path, files.read(path, str(path)), data))
    return Plan((), tuple(changes), (Command(("true",)),))


def change(folder: str) -> None:
    """Make the changes."""
    store = Store(Path(folder) / "state")
    with store.locked():
        apply(plan(Path(folder)), store, lambda _: None)


def take_back(folder: str) -> None:
    """Take the changes back."""
    store = Store(Path(folder) / "state")
    with store.locked():
        restore(choose(store, None), store, lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fresh(tmp_path / "clean")


def fresh(folder: Path) -> Path:
    (folder / "etc").mkdir(parents=True)
    for name, data in OLD.items():
        (folder / "etc" / name).write_bytes(data)
        (folder / "etc" / name).chmod(0o640)
    return folder


def traced(work: Callable[[str], None], folder: Path, *options: str) -> tuple[int, str]:
    """Do the work in a child under strace; return its status (negative for a signal) and its calls.

    The child is a fork of this process: sixty times a new Python would take a minute.
    """
    go, start = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(start)
            if os.read(go, 1):
                work(str(folder))
                status = 0
        finally:
            os._exit(status)
    os.close(go)
    log = folder / "calls"
    command = ["strace", "-y", "-o", str(log), "-e", f"trace={CALLS}", *options, "-p", str(child)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer, os.fdopen(start, "wb") as pipe:
        assert tracer.stderr is not None
        said = tracer.stderr.readline()
        if "attached" in said:
            pipe.write(b"x")
        pipe.close()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        tracer.communicate(timeout=60)
    if "attached" not in said:
        pytest.skip(f"strace cannot attach here: {said.strip()}")
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


def replaced(found: Sequence[Call], path: Path) -> tuple[Path, int]:
    """Return the new file that took a file's place, flushed before, and the number of the call that put it there."""
    temporary = path.with_name(f".{path.name}.kdoctor-1")
    renamed = next(i for i, c in enumerate(found) if c.name == "rename" and f'"{temporary}", "{path}"' in c.text)
    flushed = [i for i, c in enumerate(found) if c.name == "fsync" and f"<{temporary}>" in c.text]
    assert flushed, path
    assert flushed[-1] < renamed
    return temporary, renamed


def test_each_file_is_flushed_before_it_takes_its_place_and_its_folder_after(folder: Path) -> None:
    status, log = traced(change, folder)
    assert status == 0
    assert contents(folder) == NEW
    found = calls(log)
    for name in NEW:
        path = folder / "etc" / name
        temporary, renamed = replaced(found, path)
        assert any(c.name == "fsync" and f"<{path.parent}>" in c.text for c in found[renamed + 1 :]), name
        opened = next(i for i, c in enumerate(found) if c.name == "openat" and f'"{temporary}"' in c.text)
        journal = [i for i, c in enumerate(found) if c.name == "fsync" and "/journal>" in c.text and i < opened]
        announced = [i for i, c in enumerate(found) if c.name == "write" and '"event\\": \\"writing\\"' in c.text]
        assert journal, name
        assert any(i < journal[-1] for i in announced), name
    backups = [c for c in found if c.name == "fsync" and re.search(r"\d\.before>", c.text)]
    assert len(backups) == len(OLD)


def test_an_undo_flushes_each_file_before_it_takes_its_place_and_its_folder_after(folder: Path) -> None:
    change(str(folder))
    status, log = traced(take_back, folder)
    assert status == 0
    assert contents(folder) == OLD
    found = calls(log)
    for name in NEW:
        path = folder / "etc" / name
        if name in OLD:
            _, done = replaced(found, path)
        else:
            done = next(i for i, c in enumerate(found) if c.name == "unlink" and f'"{path}"' in c.text)
        assert any(c.name == "fsync" and f"<{path.parent}>" in c.text for c in found[done + 1 :]), name
        journal = [i for i, c in enumerate(found) if c.name == "fsync" and "/journal>" in c.text and i < done]
        announced = [i for i, c in enumerate(found) if c.name == "write" and '"event\\": \\"undoing\\"' in c.text]
        assert announced[0] < journal[-1], name


@pytest.mark.timeout(900)
def test_killed_at_any_call_the_files_are_whole_and_can_be_put_back(folder: Path, tmp_path: Path) -> None:
    status, log = traced(change, folder)
    assert status == 0
    all_points = list(points(calls(log)))
    assert len(all_points) > 60
    seen: dict[str, int] = {}
    for name, number in all_points:
        place = fresh(tmp_path / f"{name}-{number}")
        status, _ = traced(change, place, "-e", f"inject={name}:signal=KILL:when={number}")
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


@pytest.mark.timeout(900)
def test_an_undo_killed_at_any_call_leaves_whole_files_and_can_be_done_again(folder: Path, tmp_path: Path) -> None:
    change(str(folder))
    status, log = traced(take_back, folder)
    assert status == 0
    all_points = list(points(calls(log)))
    assert len(all_points) > 25
    seen: dict[str, int] = {}
    for name, number in all_points:
        place = fresh(tmp_path / f"undo-{name}-{number}")
        change(str(place))
        status, _ = traced(take_back, place, "-e", f"inject={name}:signal=KILL:when={number}")
        assert status == -9, (name, number)
        state = _judge_undo(place, f"{name} {number}")
        seen[state] = seen.get(state, 0) + 1
        shutil.rmtree(place)
    assert set(seen) == {"applied", "interrupted", "undone"}, seen


def _judge_undo(folder: Path, where: str) -> str:
    found = visible(contents(folder))
    for name, data in found.items():
        assert data in (OLD.get(name), NEW[name]), (where, name, data)
    assert set(OLD) <= set(found), where
    state = Store(folder / "state").entries()[0].state
    if state != "undone":
        take_back(str(folder))
    assert contents(folder) == OLD, where
    assert not (folder / "etc" / "new").exists(), where
    assert {path.stat().st_mode & 0o777 for path in (folder / "etc").glob("*.conf")} == {0o640}, where
    assert [entry.state for entry in Store(folder / "state").entries()] == ["undone"], where
    return state
