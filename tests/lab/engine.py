"""dockerd in the lab: started by Debian's init script, configured by the usual files."""

import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .here import USER_HOME, USER_ID, Here

DEFAULTS: Final = "/etc/default/docker"
DAEMON_JSON: Final = "/etc/docker/daemon.json"
LOG: Final = "/var/log/docker.log"
CLI: Final = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else shutil.which("docker")
"""The client of the daemon's own package, even where a newer one comes first on PATH."""

_OPTIONS: Final = "--iptables=false --bridge=none --storage-driver=vfs"
_PID_FILE: Final = "/run/docker-ssd.pid"
_SOCKET: Final = "/run/docker.sock"


class Engine:
    """Debian's docker.io in the place `here`."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._log_start = 0

    def configure(
        self,
        environment: Mapping[str, str] | None = None,
        daemon_json: str | None = None,
        *,
        attempts: int = 1,
    ) -> None:
        """Write /etc/default/docker and daemon.json; None is an empty or absent one.

        `attempts` is how often a layer is tried again; docker's own 5 would take a minute.
        """
        options = f"{_OPTIONS} --max-download-attempts={attempts}"
        exports = [f'export {key}="{value}"' for key, value in (environment or {}).items()]
        lines = ["# Written by the fault lab.", f'DOCKER_OPTS="{options}"', *exports]
        self._here.write(DEFAULTS, "\n".join(lines) + "\n")
        if daemon_json is None:
            self._here.remove(DAEMON_JSON)
        else:
            self._here.write(DAEMON_JSON, daemon_json)

    def start(self) -> bool:
        """Start dockerd; False if it gave up, its reason being in `log()`."""
        log = self._here.path(LOG)
        self._log_start = log.stat().st_size if log.exists() else 0
        self._here.remove(_PID_FILE)
        self._here.script("service docker start")
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self._answers():
                return True
            if self._here.path(_PID_FILE).exists() and not self.running():
                return False
            time.sleep(0.01)
        raise RuntimeError(f"dockerd neither starts nor ends:\n{self.log()}")

    def stop(self) -> None:
        """Stop dockerd, if it runs, by its own pid."""
        pid = self._pid()
        for sign, seconds in (("TERM", 5.0), ("KILL", 5.0)):
            if pid is None or not self.running():
                return
            self._here.run(["kill", f"-{sign}", str(pid)])
            deadline = time.monotonic() + seconds
            while self.running() and time.monotonic() < deadline:
                time.sleep(0.01)

    def restart(self) -> bool:
        """Stop and start; the result is that of `start`."""
        self.stop()
        return self.start()

    def running(self) -> bool:
        """Whether dockerd's process is there.

        An ending one loses /proc/PID/exe before it closes its files, which keep a mount busy.
        """
        pid = self._pid()
        return pid is not None and self._here.path(f"/proc/{pid}").exists()

    def log(self) -> str:
        """Return what dockerd has said since its last start."""
        log = self._here.path(LOG)
        return log.read_bytes()[self._log_start :].decode(errors="replace") if log.exists() else ""

    def cli(self, *arguments: str, as_user: bool = False, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run the docker client, as root or as the plain user, its streams merged."""
        user = (USER_ID, USER_HOME) if as_user else None
        return self._here.run([str(CLI), *arguments], user=user, timeout=timeout, merge=True)

    def pull(self, image: str, *, as_user: bool = False) -> tuple[bool, str]:
        """Pull an image that the daemon does not have any more when this begins."""
        self.cli("image", "prune", "--all", "--force")
        done = self.cli("pull", image, as_user=as_user)
        return done.returncode == 0, done.stdout

    def _pid(self) -> int | None:
        """Return dockerd's pid as `here` counts."""
        try:
            return int(self._here.path(_PID_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(self._here.path(_SOCKET)))
                client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return client.recv(12).endswith(b"200")
        except OSError:
            return False
