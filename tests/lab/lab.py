"""The lab: a machine with dockerd and a small internet, whole or with one thing broken."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from . import addresses
from .engine import Engine
from .firewall import Firewall
from .here import RESOLV_CONF, USER, USER_HOME, USER_ID, Here
from .manners import EVERY, Answer, Behaviour, Certificate, Wire
from .namespaces import Place

PROXY_URL: Final = f"http://{addresses.PROXY}:{addresses.PROXY_OPEN}"
MIRROR_URL: Final = f"https://{addresses.MIRROR}"
_RELAY: Final = Path(__file__).with_name("relay.py")
NO_PROXY: Final = f"localhost,127.0.0.1,{addresses.CORP}"


class Lab:
    """Up, it pulls images like any machine; `break_*` and its parts change that until `heal`."""

    here: Here
    docker: Engine
    firewall: Firewall

    def __init__(self) -> None:
        self.directory: Path | None = None
        self.places: list[Place] = []
        self._healing: list[Callable[[], None]] = []

    def up(self) -> Self:
        """Build everything; some two seconds. Raises RuntimeError if something fails."""
        try:
            self._build()
        except BaseException:
            self.down()
            raise
        return self

    def _build(self) -> None:
        directory = Path(tempfile.mkdtemp(prefix="kdoctor-lab-"))
        self.directory = directory
        self._internet = self._place(_start_internet(directory))
        self.here = Here(directory)
        self.places.append(self.here)
        self.here.connect(self._internet)
        self.docker = Engine(self.here)
        self.docker.configure()
        self.here.start_containerd()
        self.firewall = Firewall(self._internet)
        self.firewall.reset()
        self._internet.hear()
        self.here.trust(directory / "ca.pem")
        if not self.docker.start():
            raise RuntimeError(f"dockerd does not start:\n{self.docker.log()}")

    def _place(self, place: Place) -> Place:
        self.places.append(place)
        return place

    def down(self) -> None:
        """End every process and remove every trace; safe at any time, and again."""
        while self.places:
            self.places.pop().close()
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None
        self._healing.clear()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    # --- Use -------------------------------------------------------------------------------

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
        user: str | None = None,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in `here`, in the caller's directory, as root or as `dev`.

        Its environment holds PATH, HOME, LANG and `env`, nothing of the caller's. Raises
        TimeoutExpired.
        """
        who = {None: None, "root": None, USER: (USER_ID, USER_HOME)}[user]
        return self.here.run(argv, env=env, timeout=timeout, user=who, stdin=stdin, cwd=str(Path.cwd()))

    def pull(self, image: str = "alpine") -> tuple[bool, str]:
        """Run `docker pull`, for real every time; return whether it worked and what it said."""
        return self.docker.pull(image)

    # --- Change ----------------------------------------------------------------------------

    def direct(self) -> None:
        """Let the public hosts be reached without a proxy, and dockerd know of none."""
        self.firewall.reset()
        self.docker.configure()
        self.docker.restart()

    def proxied(self, url: str = PROXY_URL, no_proxy: str = NO_PROXY) -> None:
        """Let only a proxy lead out, and give dockerd this one."""
        self.firewall.block_egress()
        self.docker.configure({"HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": no_proxy})
        self.docker.restart()

    def mirrored(self, *, upstream: bool = True) -> None:
        """Give dockerd a mirror; without `upstream`, Docker Hub itself is out of reach."""
        if not upstream:
            self.firewall.block_egress()
        self.docker.configure(daemon_json=json.dumps({"registry-mirrors": [MIRROR_URL]}, indent=2))
        self.docker.restart()

    def relay(self, port: int, address: str, target: int) -> None:
        """Have a port on the loopback of `here` lead to another address."""
        ready = f"/run/relay-{port}"
        argv = shlex.join([sys.executable, str(_RELAY), str(port), address, str(target), ready])
        self.here.script(f"setsid {argv} >/dev/null 2>&1 & echo $! >{ready}.pid")
        deadline = time.monotonic() + 5
        while not self.here.path(ready).exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"no relay on port {port}")
            time.sleep(0.01)
        self.when_healing(lambda: self.here.script(f"kill $(cat {ready}.pid); rm {ready}*"))

    def route(self, address: str) -> None:
        """Let the internet answer a network (/24) that lies behind `here`."""
        network = address.rpartition(".")[0] + ".0/24"
        self._internet.script(f"ip route replace {network} via {addresses.HERE}")

    def dns(self, behaviour: Behaviour, name: str = EVERY) -> None:
        """Change how the company's resolver answers."""
        self._command("dns", name, behaviour)

    def wire(self, host: str, wire: Wire) -> None:
        """Change what happens on connections to a host."""
        self._command("wire", host, wire)

    def certificate(self, host: str, kind: Certificate) -> None:
        """Change the certificate of a host."""
        self._command("certificate", host, kind)

    def answer(self, host: str, answer: Answer) -> None:
        """Change how a host treats requests."""
        self._command("answer", host, answer)

    def when_healing(self, undo: Callable[[], None]) -> None:
        """Have `undo` called, once, by the next `heal`, after dockerd has stopped."""
        self._healing.append(undo)

    def heal(self) -> None:
        """Bring back the direct baseline, whatever was broken, with a fresh dockerd."""
        self.docker.stop()
        while self._healing:
            self._healing[-1]()  # stays if it fails, so that the next heal fails too
            self._healing.pop()
        self._command("reset")
        self.here.write("/etc/resolv.conf", RESOLV_CONF)
        self.direct()

    def _command(self, *words: str) -> None:
        self._internet.tell(json.dumps(words))
        if (answer := json.loads(self._internet.hear())) is not None:
            raise ValueError(answer)


def _start_internet(directory: Path) -> Place:
    """Start the process that is the internet, with this package importable by its name."""
    package = __package__ or "lab"
    root = Path(__file__).resolve().parents[len(package.split("."))]
    argv = [sys.executable, "-m", f"{package}.internet", str(directory)]
    return Place(argv, env={"PATH": os.environ["PATH"] + ":/usr/sbin", "PYTHONPATH": str(root)})
