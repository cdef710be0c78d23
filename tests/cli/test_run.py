"""`kdoctor run -- CMD`: streams, terminals, signals and status are the command's own."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

REFUSED = (
    'Error response from daemon: Get "https://registry-1.docker.io/v2/": '
    "proxyconnect tcp: dial tcp 127.0.0.1:7890: connect: connection refused"
)
RULE = "proxy-connection-refused"
KDOCTOR = [sys.executable, "-m", "kdoctor", "run", "--no-probe"]
COUNTS = """
import signal, sys, time
seen = []
signal.signal(signal.{name}, lambda *_: seen.append(1))
print("ready", flush=True)
end = time.monotonic() + 0.7
while time.monotonic() < end:
    time.sleep(0.05)
print("seen", len(seen), flush=True)
"""


@pytest.fixture(autouse=True, scope="module")
def _sigint() -> Iterator[None]:
    """Have children begin with the usual SIGINT, also where this run is a job in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(
    env: Mapping[str, str], *command: str, options: Sequence[str] = (), stdin: bytes = b"", timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    argv = [*KDOCTOR, *options, "--", *command]
    done = subprocess.run(argv, env=env, input=stdin, capture_output=True, timeout=timeout, check=False)
    assert b"Traceback" not in done.stderr, done.stderr
    return done


class Terminal:
    """A terminal with a program in it, which has it as its controlling terminal."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        self.shown = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], list(argv), dict(env))

    def until(self, text: bytes, seconds: float = 20) -> bytes:
        """Read until the text is shown."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._read(0.1), self.shown
        return self.shown

    def _read(self, seconds: float) -> bool:
        if select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return False
            self.shown += data
            return bool(data)
        return True

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self) -> tuple[int, bytes]:
        """Read to the end; return the status and all that was shown."""
        while self._read(20.0):
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status), self.shown


def on_terminal(env: Mapping[str, str], *command: str, redirected: str = "") -> Terminal:
    """Run on a terminal, by way of a shell where something is redirected."""
    argv = [*KDOCTOR, "--", *command]
    if not redirected:
        return Terminal(argv, env)
    return Terminal(["/bin/sh", "-c", f'"$@" {redirected}', "-", *argv], env)


TTYS = """import os; print(*(int(os.isatty(n)) for n in (0, 1, 2)), file=open(os.environ["TOLD"], "w"))"""


# --- Streams ----------------------------------------------------------------------------------------


def test_streams_and_status_are_the_commands(env: dict[str, str]) -> None:
    done = run(env, "sh", "-c", f"printf out; printf '%s' '{REFUSED}' >&2; exit 7")
    assert done.returncode == 7
    assert done.stdout == b"out"
    assert done.stderr.startswith(REFUSED.encode())
    assert RULE.encode() in done.stderr


def test_a_success_adds_nothing(env: dict[str, str]) -> None:
    done = run(env, "sh", "-c", f"cat; echo '{REFUSED}' >&2", stdin=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"in", f"{REFUSED}\n".encode())


def test_bytes_pass_unharmed(env: dict[str, str]) -> None:
    noise = bytes(range(256)) * 5000
    done = run(env, "sh", "-c", "cat; exit 3", stdin=noise)
    assert done.returncode == 3
    assert done.stdout == noise
    assert b"no known failure" in done.stderr


def test_bytes_pass_a_terminal_unharmed(env: dict[str, str], tmp_path: Path) -> None:
    noise = bytes(b for b in range(256) if b not in b"\n\r") * 4000
    (tmp_path / "noise").write_bytes(noise)
    status, shown = on_terminal(env, "cat", str(tmp_path / "noise")).end()
    assert status == 0
    assert shown == noise


@pytest.mark.parametrize(
    ("redirected", "ttys"),
    [
        ("", "1 1 1"),
        ("2>err", "1 1 0"),
        (">out", "1 0 1"),
        ("</dev/null", "0 1 1"),
        ("</dev/null >out", "0 0 1"),
        (">out 2>err", "1 0 0"),
        ("| cat", "1 0 1"),
    ],
)
def test_each_stream_is_a_terminal_where_ours_is(
    env: dict[str, str], redirected: str, ttys: str, tmp_path: Path
) -> None:
    os.chdir(tmp_path)
    env["TOLD"] = str(tmp_path / "told")
    status, _ = on_terminal(env, sys.executable, "-c", TTYS, redirected=redirected).end()
    assert status == 0
    assert (tmp_path / "told").read_text().strip() == ttys


def test_text_stays_in_its_stream_where_one_is_a_terminal(env: dict[str, str], tmp_path: Path) -> None:
    os.chdir(tmp_path)
    script = f"echo out; echo '{REFUSED}' >&2; exit 5"
    status, shown = on_terminal(env, "sh", "-c", script, redirected="2>err").end()
    assert (status, shown) == (5, b"out\r\n")
    assert RULE in (tmp_path / "err").read_text()
    assert (tmp_path / "err").read_text().startswith(REFUSED)
    status, shown = on_terminal(env, "sh", "-c", script, redirected=">out").end()
    assert (tmp_path / "out").read_text() == "out\n"
    assert RULE.encode() in shown
    assert status == 5


def test_the_last_mebibyte_is_kept(env: dict[str, str]) -> None:
    fill = "for i in $(seq 3); do head -c 1000000 /dev/zero | tr '\\0' 'x'; echo; done"
    late = run(env, "sh", "-c", f"{fill}; echo '{REFUSED}'; exit 1")
    assert RULE.encode() in late.stderr
    assert len(late.stdout) > 3_000_000
    early = run(env, "sh", "-c", f"echo '{REFUSED}'; {fill}; exit 1")
    assert RULE.encode() not in early.stderr


def test_a_reader_that_goes_away_ends_the_command(env: dict[str, str]) -> None:
    shell = f"{' '.join(KDOCTOR)} -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], env=env, capture_output=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == (b"y\n141\n", b"")


@pytest.mark.parametrize("status", [0, 4])
def test_a_child_in_the_background_does_not_hold_the_end_up(env: dict[str, str], status: int) -> None:
    begun = time.monotonic()
    done = run(env, "sh", "-c", f"sleep 30 & echo done $!; exit {status}")
    assert done.returncode == status
    assert time.monotonic() - begun < 5
    os.kill(int(done.stdout.split()[1]), signal.SIGTERM)


def test_a_child_in_the_background_outlives_the_command_on_a_terminal(env: dict[str, str]) -> None:
    status, shown = on_terminal(env, "sh", "-c", "trap '' HUP; sleep 30 & echo pid $!").end()
    assert status == 0
    os.kill(int(shown.split()[1]), signal.SIGTERM)  # ProcessLookupError if it had been ended


# --- Status -----------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Files that do not start, each for its own reason, and one that a shell reads itself."""
    for name, content, mode in (
        ("not-executable", b"#!/bin/sh\n", 0o644),
        ("no-interpreter", b"#!/no/such\n", 0o755),
        ("binary", b"\x00\x01", 0o755),
        ("no-first-line", b"echo read by $0 with $1\n", 0o755),
    ):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(mode)
    return tmp_path


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("no-such-program", 127, "no-such-program: command not found"),
        ("/nowhere/at-all", 127, "/nowhere/at-all: command not found"),
        ("{}/not-executable", 126, "permission denied"),
        ("{}/no-interpreter", 126, "interpreter"),
        ("{}/binary", 126, "no program for this machine"),
        ("/etc", 126, "directory"),
    ],
)
def test_what_does_not_start_is_told(
    env: dict[str, str], programs: Path, command: str, status: int, said: str, terminal: bool
) -> None:
    command = command.format(programs)
    if terminal:
        code, shown = on_terminal(env, command).end()
    else:
        done = run(env, command)
        code, shown = done.returncode, done.stderr
    assert code == status
    assert said in shown.decode()


def test_a_script_without_first_line_is_read_as_a_shell_does(env: dict[str, str], programs: Path) -> None:
    script = str(programs / "no-first-line")
    assert run(env, script, "this").stdout == f"read by {script} with this\n".encode()


@pytest.mark.parametrize(("name", "status"), [("TERM", 143), ("KILL", 137), ("INT", 130), ("SEGV", 139)])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_signals_status_is_the_shells(env: dict[str, str], name: str, status: int, terminal: bool) -> None:
    command = ("sh", "-c", f"kill -{name} $$")
    assert (on_terminal(env, *command).end()[0] if terminal else run(env, *command).returncode) == status


@pytest.mark.parametrize("output", ["json=/no/such/folder/report.json", "json=/dev/full"])
def test_a_diagnosis_that_cannot_be_written_leaves_the_status(env: dict[str, str], output: str) -> None:
    done = run(env, "sh", "-c", f"echo '{REFUSED}'; exit 9", options=["-o", output])
    assert done.returncode == 9
    assert b"cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_diagnosis_that_crashes_leaves_the_status(env: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys\nimport kdoctor.cli.explaining as explaining\n"
        "def answer(*_, **__): raise ZeroDivisionError\nexplaining.answer = answer\n"
        "from kdoctor.cli import main\nmain(sys.argv[1:])"
    )
    argv = [sys.executable, "-c", code, "run", "--", "sh", "-c", f"echo '{REFUSED}'; exit 9"]
    done = subprocess.run(argv, env={**env, "TMPDIR": str(tmp_path)}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 9
    assert b"kdoctor itself failed (ZeroDivisionError)" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_closed_standard_error_leaves_the_status(env: dict[str, str]) -> None:
    shell = f"{' '.join(KDOCTOR)} -- sh -c 'echo \"{REFUSED}\" | tr x y; exit 9' 2>&-"
    done = subprocess.run(["bash", "-c", shell], env=env, capture_output=True, timeout=20, check=False)
    assert done.returncode == 9


def test_wrong_rules_are_told_before_the_command_runs(env: dict[str, str]) -> None:
    done = run(env, "echo", "ran", options=["--rules", "/nowhere"])
    assert (done.returncode, done.stdout) == (2, b"")


# --- Terminal and signals ---------------------------------------------------------------------------


def test_keys_and_the_end_of_input_reach_the_command(env: dict[str, str]) -> None:
    terminal = on_terminal(env, "sh", "-c", "echo ready; read line; echo got $line; cat; echo end")
    terminal.until(b"ready")
    terminal.type(b"hello\n")
    terminal.until(b"got hello")
    terminal.type(b"\x04")
    status, shown = terminal.end()
    assert status == 0
    assert b"end" in shown


def test_the_window_has_its_size_and_follows_ours(env: dict[str, str]) -> None:
    script = (
        "import os, signal, time\n"
        "told = lambda *_: print('size', *os.get_terminal_size(1), flush=True)\n"
        "signal.signal(signal.SIGWINCH, told)\n"
        "told()\n"
        "end = time.monotonic() + 1\n"
        "while time.monotonic() < end: time.sleep(0.05)\n"
    )
    terminal = Terminal(
        ["/bin/sh", "-c", 'stty rows 33 cols 77; "$@"', "-", *KDOCTOR, "--", sys.executable, "-c", script], env
    )
    terminal.until(b"size 77 33")
    terminal.size(20, 50)
    terminal.until(b"size 50 20")
    assert terminal.end()[0] == 0


@pytest.mark.parametrize("redirected", ["", ">out", "2>err", "</dev/null", "| cat"])
def test_ctrl_c_at_the_terminal_reaches_the_command_once(env: dict[str, str], redirected: str, tmp_path: Path) -> None:
    os.chdir(tmp_path)
    script = (
        COUNTS.format(name="SIGINT")
        .replace("print(", "print(file=open('/dev/tty', 'w'), *(")
        .replace(", flush=True)", ",))")
    )
    terminal = on_terminal(env, sys.executable, "-c", script, redirected=redirected)
    terminal.until(b"ready")
    terminal.type(b"\x03")
    terminal.until(b"seen 1")
    terminal.end()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"])
@pytest.mark.parametrize("terminal", [False, True])
def test_a_signal_from_outside_is_passed_on_once(env: dict[str, str], name: str, terminal: bool) -> None:
    script = COUNTS.format(name=name)
    if terminal:
        shown = on_terminal(env, sys.executable, "-c", script)
        shown.until(b"ready")
        os.kill(shown.pid, getattr(signal, name))
        status, text = shown.end()
    else:
        argv = [*KDOCTOR, "--", sys.executable, "-c", script]
        with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as child:
            assert child.stdout
            assert child.stdout.readline() == b"ready\n"
            child.send_signal(getattr(signal, name))
            text, status = child.stdout.read(), child.wait()
    assert b"seen 1" in text
    assert status == 0


def test_signals_are_not_blocked_in_the_command(env: dict[str, str]) -> None:
    script = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    assert run(env, sys.executable, "-c", script).stdout == b"set()\n"


def test_ctrl_c_ends_a_hanging_command_and_what_it_said_is_explained(env: dict[str, str]) -> None:
    terminal = on_terminal(env, "sh", "-c", f"echo '{REFUSED}'; echo ready; sleep 30")
    terminal.until(b"ready\r\n")
    terminal.type(b"\x03")
    status, shown = terminal.end()
    assert status == 130
    assert RULE.encode() in shown


# --- Outputs ----------------------------------------------------------------------------------------


def report(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_the_diagnosis_goes_to_files(env: dict[str, str], tmp_path: Path) -> None:
    files = {form: tmp_path / form for form in ("json", "junit", "markdown", "github", "text")}
    options = [word for form, file in files.items() for word in ("-o", f"{form}={file}")]
    done = run(env, "sh", "-c", f"echo '{REFUSED}'; exit 1", options=options)
    assert (done.stdout, done.stderr) == (f"{REFUSED}\n".encode(), b"")
    assert report(files["json"])["diagnoses"][0]["rule"] == RULE
    assert all(RULE in file.read_text() for file in files.values())


@pytest.mark.parametrize("text", ["", "the cat sat on the mat"])
def test_a_document_is_written_where_nothing_is_known(env: dict[str, str], tmp_path: Path, text: str) -> None:
    file = tmp_path / "report.json"
    run(env, "sh", "-c", f"printf '{text}'; exit 1", options=["-o", f"json={file}"])
    assert report(file)["status"] == "unknown"
    done = run(env, "sh", "-c", f"printf '{text}'; exit 1", options=["-o", "json"])
    assert json.loads(done.stderr)["status"] == "unknown"


def test_a_secret_in_the_output_is_masked_in_the_diagnosis_alone(env: dict[str, str]) -> None:
    text = f"{REFUSED} HTTPS_PROXY=http://me:hunter2secret@proxy.example.com:3128"
    done = run(env, "sh", "-c", f"echo '{text}'; exit 1")
    assert done.stdout == f"{text}\n".encode()
    assert RULE.encode() in done.stderr
    assert b"hunter2secret" not in done.stderr


def test_quiet_says_nothing_of_an_unknown_failure(env: dict[str, str]) -> None:
    assert run(env, "false", options=["-q"]).stderr == b""
    assert re.fullmatch(rb"kdoctor: no known failure in the output\n", run(env, "false").stderr)


def test_without_signals_to_wait_for_it_works_by_pipes(env: dict[str, str]) -> None:
    """The way that Windows takes, where neither pseudo-terminals nor signal masks are."""
    code = (
        "import os, signal, sys\n"
        "del signal.sigwait, signal.sigwaitinfo, signal.pthread_sigmask, os.openpty\n"
        "from kdoctor.cli import main\nmain(sys.argv[1:])"
    )
    script = f"cat; echo '{REFUSED}' >&2; exit 9"
    argv = [sys.executable, "-c", code, "run", "--no-probe", "--", "sh", "-c", script]
    done = subprocess.run(argv, env=env, input=b"in", capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (9, b"in")
    assert RULE.encode() in done.stderr
