"""A place of its own on this machine: a process that holds namespaces, and ways into it."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GRACE: Final = 3
"""Seconds that a command gets between the polite and the final signal."""


class Place:
    """Mount, network and process namespaces held by one process, their init.

    The holder must end when its standard input does, so that nothing outlives the lab's
    process; when the holder ends, the kernel ends every process and mount of the place.
    A place `within` another has the network of that one, and ends with it.
    """

    def __init__(
        self, holder: Sequence[str], env: Mapping[str, str] | None = None, within: "Place | None" = None
    ) -> None:
        self._words = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (until close)
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        entered = [] if within is None else ["nsenter", f"--target={within.pid}", "--mount", "--net", "--pid", "--"]
        self.holder = subprocess.Popen(
            [*entered, *unshare, *(["--net"] if within is None else []), "--", *holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env=env,
            start_new_session=True,
        )
        # nsenter's child is unshare, whose child is the first process inside
        self.pid: int = self._child(self.holder.pid if within is None else self._child(self.holder.pid))

    def _child(self, pid: int) -> int:
        """Return the pid, as this machine counts, of a process's first child."""
        children = Path(f"/proc/{pid}/task/{pid}/children")
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and self.holder.poll() is None:
            if found := children.read_text().split():
                return int(found[0])
            time.sleep(0.002)
        self.holder.kill()
        raise RuntimeError(f"unshare made no namespaces: {self._said()}")

    def tell(self, line: str) -> None:
        """Write one line to the holder."""
        assert self.holder.stdin is not None
        self.holder.stdin.write(line + "\n")
        self.holder.stdin.flush()

    def hear(self) -> str:
        """Read one line from the holder; raises RuntimeError when it has ended."""
        assert self.holder.stdout is not None
        line = self.holder.stdout.readline()
        if not line:
            raise RuntimeError(f"the holder of the namespaces has ended: {self._said()}")
        return line

    def _said(self) -> str:
        self._words.seek(0)
        return self._words.read().strip()

    def path(self, path: str) -> Path:
        """Return where a file of this place lies, seen from outside.

        Symbolic links to absolute paths lead outside: say /run, not /var/run.
        """
        return Path(f"/proc/{self.pid}/root{path}")

    def enter(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: tuple[int, str] | None = None,
        cwd: str | None = None,
    ) -> list[str]:
        """Return the command line that runs `argv` inside, in a clean environment."""
        uid, home = user or (0, "/root")
        settings = {"PATH": _PATH, "HOME": home, "LANG": "C.UTF-8"} | dict(env or {})
        inside = ["env", "-i", f"--chdir={cwd or '/'}", *(f"{k}={v}" for k, v in settings.items())]
        if uid:
            inside += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
        nsenter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--"]
        return [*nsenter, *inside, *argv]

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: tuple[int, str] | None = None,
        cwd: str | None = None,
        stdin: str | None = None,
        timeout: float = 60,
        merge: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end; raises TimeoutExpired.

        The time limit is kept inside, since killing nsenter would spare its child. With
        `merge`, standard error follows standard output in one stream.
        """
        bounded = ["timeout", f"--kill-after={_GRACE}", f"{timeout:g}", *argv]
        done = subprocess.run(
            self.enter(bounded, env=env, user=user, cwd=cwd),
            input=stdin or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=timeout + 2 * _GRACE,
            check=False,
        )
        if done.returncode in (124, 137):
            raise subprocess.TimeoutExpired(list(argv), timeout, done.stdout, done.stderr)
        return done

    def script(self, text: str) -> None:
        """Run a shell script inside that must succeed."""
        done = self.run(["sh", "-eu", "-s"], stdin=text)
        if done.returncode:
            raise RuntimeError(f"in a namespace: {done.stderr.strip()}\n{text}")

    def close(self) -> None:
        """End the holder and with it everything inside; safe to call again."""
        if self.holder.poll() is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                self.holder.kill()
        self.holder.wait(10)
        for pipe in (self.holder.stdin, self.holder.stdout):
            if pipe is not None:
                pipe.close()
        self._words.close()
