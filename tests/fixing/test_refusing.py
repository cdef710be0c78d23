"""What stops a fix stops it before anything is changed, with a line that says why."""

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kdoctor.fixes import files
from kdoctor.fixes.applying import apply
from kdoctor.fixes.errors import FixError
from kdoctor.fixes.plan import Chosen, Plan, build
from kdoctor.fixes.store import Store
from kdoctor.fixes.undoing import ChangedError, choose, look, restore
from kdoctor.machine import Machine
from kdoctor.model import Edit, Fix, Host, Risk, Step

HOST = Host("linux", "amd64", "none")


def edit(name: str = "daemon.json", **changes: object) -> Edit:
    return Edit(f"/etc/{name}", "json", **(changes or {"add": {"dns": ["9.9.9.9"]}}))  # type: ignore[arg-type]


def fix(*edits: Edit, argv: tuple[str, ...] = (), undo: tuple[str, ...] = ()) -> Fix:
    steps = [Step("edit it", edit=one) for one in edits]
    steps += [Step("run it", argv=argv, undo=undo)] if argv else []
    return Fix("a-fix", "A fix", Risk.SAFE, "lab", tuple(steps))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "daemon.json").write_text('{\n  "debug": true\n}\n')
    return Machine(root=tmp_path, uid=0, env={})


def planned(machine: Machine, *fixes: Fix, stated: dict[str, str] | None = None) -> Plan:
    return build([Chosen("a-rule", one, stated or {}) for one in fixes], machine, HOST)


def made(machine: Machine, plan: Plan) -> Store:
    store = Store(machine.root / "state")
    with store.locked():
        apply(plan, store, lambda _: None)
    return store


def quiet(_: str) -> None:
    """Say nothing."""


def test_several_fixes_of_one_file_compose_and_are_one_change(machine: Machine) -> None:
    plan = planned(machine, fix(edit()), fix(edit(add={"insecure-registries": ["r.corp:5000"]}), edit()))
    assert len(plan.changes) == 1
    made(machine, plan)
    text = (machine.root / "etc/daemon.json").read_text()
    assert text == '{\n  "debug": true,\n  "dns": ["9.9.9.9"],\n  "insecure-registries": ["r.corp:5000"]\n}\n'
    assert planned(machine, fix(edit()), fix(edit(add={"insecure-registries": ["r.corp:5000"]}))).empty


def test_a_symbolic_link_stays_and_the_file_that_it_leads_to_is_edited_and_put_back(machine: Machine) -> None:
    link, kept = machine.root / "etc/daemon.json", machine.root / "etc/kept.json"
    link.rename(kept)
    link.symlink_to("kept.json")
    kept.chmod(0o640)
    before = kept.read_bytes()
    plan = planned(machine, fix(edit()), fix(edit("kept.json", add={"dns": ["9.9.9.10"]})))
    (change,) = plan.changes  # both names mean one file
    assert (change.link, change.shown) == ("/etc/daemon.json", "/etc/kept.json")
    store = made(machine, plan)
    assert link.is_symlink()
    assert '"dns": ["9.9.9.9", "9.9.9.10"]' in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    with store.locked():
        restore(choose(store, None), store, quiet)
    assert (kept.read_bytes(), os.readlink(link)) == (before, "kept.json")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("../run/systemd/resolve/stub-resolv.conf", "which systemd-resolved writes.*resolved.conf.d"),
        ("../run/NetworkManager/resolv.conf", "which NetworkManager writes.*nmcli"),
        ("../var/run/resolvconf/resolv.conf", "which resolvconf writes"),
        ("../run/anything", "which a program at each start writes"),
        ("nowhere.json", "no such file or directory; nothing was changed. Make the file or remove the link first"),
        ("folder", "which is no regular file"),
        ("daemon.json", "too many levels of symbolic links"),
    ],
)
def test_a_link_that_cannot_be_followed_is_told_with_what_to_do(machine: Machine, target: str, words: str) -> None:
    link = machine.root / "etc/daemon.json"
    link.unlink()
    link.symlink_to(target)
    (machine.root / "etc/folder").mkdir()
    with pytest.raises(FixError, match=words):
        planned(machine, fix(edit()))
    assert os.readlink(link) == target


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a link away")
def test_a_link_of_another_user_is_not_followed(machine: Machine) -> None:
    link = machine.root / "etc/daemon.json"
    link.rename(machine.root / "etc/kept.json")
    link.symlink_to("kept.json")
    os.lchown(link, 4242, 4242)
    with pytest.raises(FixError, match="belongs to user 4242"):
        planned(machine, fix(edit()))


def test_a_folder_in_its_place_is_told(machine: Machine) -> None:
    (machine.root / "etc/other.json").mkdir()
    with pytest.raises(FixError, match="no regular file"):
        planned(machine, fix(edit("other.json")))


def test_a_missing_file_is_made_where_something_is_set_and_told_where_a_value_is_sought(machine: Machine) -> None:
    plan = planned(machine, fix(edit("new/daemon.json")))
    store = made(machine, plan)
    path = machine.root / "etc/new/daemon.json"
    assert path.read_text() == '{\n  "dns": ["9.9.9.9"]\n}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    with store.locked():
        restore(choose(store, None), store, quiet)
    assert not path.parent.exists()
    with pytest.raises(FixError, match="there is no such file"):
        planned(machine, fix(edit("none.json", replace={"a": "b"})))


def test_a_file_that_is_no_json_is_told_with_its_line(machine: Machine) -> None:
    (machine.root / "etc/daemon.json").write_text('{\n  "a": 1\n  "b": 2\n}\n')
    with pytest.raises(FixError, match=r"/etc/daemon.json: line 3: a comma is missing"):
        planned(machine, fix(edit()))


def test_a_file_that_changed_after_the_plan_stops_the_fix(machine: Machine) -> None:
    plan = planned(machine, fix(edit()))
    (machine.root / "etc/daemon.json").write_text('{"debug": false}\n')
    with pytest.raises(FixError, match="has changed since the plan was made"):
        made(machine, plan)
    assert (machine.root / "etc/daemon.json").read_text() == '{"debug": false}\n'
    assert not Store(machine.root / "state").entries()


def test_a_step_that_fails_takes_back_what_was_done_before_it(machine: Machine) -> None:
    made_file, done = machine.root / "etc/marker", machine.root / "done"
    plan = planned(
        machine,
        fix(edit("x/new.json"), edit(), argv=("touch", str(done)), undo=("rm", str(done))),
        fix(argv=("sh", "-c", "echo no such thing >&2; exit 3")),
    )
    with pytest.raises(FixError, match=r"failed with status 3: no such thing. Everything is as it was before"):
        made(machine, plan)
    assert (machine.root / "etc/daemon.json").read_text() == '{\n  "debug": true\n}\n'
    assert not done.exists()
    assert not (machine.root / "etc/x").exists()
    assert not made_file.exists()
    assert Store(machine.root / "state").entries()[0].state == "undone"


def test_a_program_that_is_not_there_is_told(machine: Machine) -> None:
    with pytest.raises(FixError, match="no-such-program is not installed"):
        made(machine, planned(machine, fix(edit(), argv=("no-such-program",))))
    assert (machine.root / "etc/daemon.json").read_text() == '{\n  "debug": true\n}\n'


def test_a_file_with_a_second_name_is_told(machine: Machine) -> None:
    path = machine.root / "etc/daemon.json"
    os.link(path, machine.root / "etc/other.json")
    with pytest.raises(FixError, match=r"has 2 names \(hard links\).*find / -xdev -samefile /etc/daemon.json"):
        planned(machine, fix(edit()))


MOUNTED = """\
import os, sys
from pathlib import Path
from tests.fixing.test_refusing import HOST, edit, fix, planned
from kdoctor.fixes.errors import FixError
from kdoctor.machine import Machine
try:
    planned(Machine(root=Path(sys.argv[1]), uid=0, env={}), fix(edit()))
except FixError as error:
    print(error)
"""


@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="needs root and unshare")
@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ('mount --bind "$1/etc/daemon.json" "$1/etc/daemon.json"', "is mounted as a file of its own"),
        ('mount --bind "$1/etc" "$1/etc" && mount -o remount,ro,bind "$1/etc"', "is on a read-only file system"),
    ],
)
def test_a_mounted_file_and_a_read_only_file_system_are_told(machine: Machine, mount: str, words: str) -> None:
    script = f'{mount} || exit 77; exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(machine.root), sys.executable, MOUNTED],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")
    assert words in done.stdout, done.stderr
    assert [path.name for path in (machine.root / "etc").iterdir()] == ["daemon.json"]


@contextlib.contextmanager
def immutable(path: Path):  # type: ignore[no-untyped-def]
    if subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def test_an_immutable_file_is_told(machine: Machine) -> None:
    with immutable(machine.root / "etc/daemon.json"), pytest.raises(FixError, match="is immutable"):
        planned(machine, fix(edit()))


def as_nobody(work: Callable[[], None]) -> str:
    """Do something as a user without rights; return the message of the FixError that it ends in."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(4242, 4242, 4242)
            work()
        except FixError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_the_right_to_write_sudo_is_named(machine: Machine) -> None:
    for folder in (machine.root, *machine.root.parents):
        if folder.stat().st_uid == 0 and folder != Path("/") and "pytest" in str(folder):
            folder.chmod(0o755)
    said = as_nobody(lambda: print(planned(machine, fix(edit()))))
    assert "run the same command with sudo" in said


def test_an_other_kdoctor_at_work_is_waited_for(machine: Machine) -> None:
    store = Store(machine.root / "state")
    with store.locked(), pytest.raises(FixError, match="another kdoctor is at work"), store.locked():
        pass


def test_the_state_is_private(machine: Machine) -> None:
    store = made(machine, planned(machine, fix(edit())))
    for path in (store.root, *store.root.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_owner_mode_and_attributes_stay(machine: Machine) -> None:
    path = machine.root / "etc/daemon.json"
    path.chmod(0o604)
    named = True
    try:
        os.setxattr(path, "user.kept", b"yes")
    except OSError:
        named = False
    if os.geteuid() == 0:
        os.chown(path, 4242, 4243)
    owner = (path.stat().st_uid, path.stat().st_gid)
    store = made(machine, planned(machine, fix(edit())))
    for _ in range(2):
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
        assert (path.stat().st_uid, path.stat().st_gid) == owner
        assert not named or os.getxattr(path, "user.kept") == b"yes"
        if choose_open(store):
            with store.locked():
                restore(choose(store, None), store, quiet)


def choose_open(store: Store) -> bool:
    return any(entry.state == "applied" for entry in store.entries())


def test_a_value_that_only_a_text_states_is_not_written(machine: Machine) -> None:
    words = Edit("/etc/daemon.json", "json", add={"insecure-registries": ["evil.example"]}, facts=("registry",))
    with pytest.raises(FixError, match=r"registry evil.example stands only in the text.*--fact registry=evil.example"):
        planned(machine, fix(words), stated={"registry": "evil.example"})
    assert planned(machine, fix(words)).changes


def test_a_masked_value_is_not_written(machine: Machine) -> None:
    masked = edit(set={"proxies": {"http-proxy": "http://xxxxx:xxxxx@proxy.corp:3128"}})
    with pytest.raises(FixError, match="password taken out"):
        planned(machine, fix(masked))


def test_undo_refuses_what_changed_and_names_the_later_fix(machine: Machine) -> None:
    store = made(machine, planned(machine, fix(edit())))
    made(machine, planned(machine, fix(edit(set={"debug": False}))))
    first, second = store.entries()
    with pytest.raises(ChangedError, match="Undo the fix 2 first") as caught:
        look(first, store)
    assert any(line.startswith("-") and "dns" in line for line in caught.value.diff)
    with store.locked():
        restore(second, store, quiet)
        restore(first, store, quiet)
    assert (machine.root / "etc/daemon.json").read_text() == '{\n  "debug": true\n}\n'


def test_a_damaged_backup_is_told_and_nothing_written(machine: Machine) -> None:
    store = made(machine, planned(machine, fix(edit())))
    entry = store.entries()[0]
    (entry.folder / "0.before").write_text("{}")
    after = (machine.root / "etc/daemon.json").read_text()
    with pytest.raises(FixError, match="damaged"), store.locked():
        restore(entry, store, quiet)
    assert (machine.root / "etc/daemon.json").read_text() == after


def test_a_certificate_is_copied_and_a_key_is_not(machine: Machine) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    (machine.root / "ca.pem").write_text(pem)
    copy = Edit("/etc/certs.d/r.corp/ca.crt", "text", copy="/ca.pem")
    made(machine, planned(machine, fix(copy)))
    assert (machine.root / "etc/certs.d/r.corp/ca.crt").read_text() == pem
    assert planned(machine, fix(copy)).empty
    (machine.root / "ca.pem").write_text(pem.replace("MIIB", "MIIC"))
    with pytest.raises(FixError, match="there already"):
        planned(machine, fix(copy))
    (machine.root / "ca.pem").write_text(pem + "-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(FixError, match="holds no PEM certificate"):
        planned(machine, fix(copy))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says it so")
def test_no_room_is_seen_before_anything_is_written(machine: Machine) -> None:
    path = machine.root / "etc/daemon.json"
    room = os.statvfs(path)
    with pytest.raises(FixError, match="no room left"):
        files.check_writable(path, "/etc/daemon.json", room.f_bavail * room.f_frsize)
