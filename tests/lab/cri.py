"""A machine without Docker, where containerd pulls for Kubernetes: its CRI is asked as the kubelet asks it."""

import subprocess
import time
import urllib.parse
from typing import Final

from .lab import Lab

CONFIG: Final = """\
version = 2

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
"""
LOG: Final = "/var/log/containerd.log"
DEFAULTS: Final = "/etc/default/containerd"
_SOCKET: Final = "/run/containerd/containerd.sock"
_SUPERVISOR: Final = f"""\
#!/bin/sh
# Runs containerd, and runs it again whenever it ends, with the settings that are there then.
trap 'kill "$child"; wait "$child"; exit' TERM
while :; do
    (set -a; [ ! -e {DEFAULTS} ] || . {DEFAULTS}; exec containerd) >>{LOG} 2>&1 </dev/null &
    child=$!
    wait "$child"
    sleep 0.1
done
"""
_INIT: Final = f"""\
#!/bin/sh
# The service as its supervisor has it.
ready() {{
    for _ in $(seq 200); do
        [ ! -S {_SOCKET} ] || exit 0
        sleep 0.05
    done
    exit 1
}}
case $1 in
start)
    rm -f {_SOCKET}
    setsid /run/lab-supervisor >/dev/null 2>&1 </dev/null &
    echo $! >/run/lab-supervisor.pid
    ready ;;
stop) kill "$(cat /run/lab-supervisor.pid)" ;;
restart)
    rm -f {_SOCKET}
    pkill -P "$(cat /run/lab-supervisor.pid)" -x containerd
    ready ;;
esac
"""
_WITHOUT_DOCKER: Final = """\
mkdir -p /run/lab-sbin/upper /run/lab-sbin/work
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/lab-sbin/upper,workdir=/run/lab-sbin/work lab-sbin /usr/sbin
rm -f /usr/sbin/dockerd /run/docker.sock
chmod 755 /run/lab-supervisor /etc/init.d/containerd
pkill -x containerd || true
while pgrep -x containerd >/dev/null; do sleep 0.02; done
service containerd start
"""
_AS_BEFORE: Final = """\
service containerd stop
while pgrep -x containerd >/dev/null; do sleep 0.02; done
rm -rf /etc/containerd/config.toml /etc/containerd/certs.d /etc/default/containerd /etc/init.d/containerd
umount --lazy /usr/sbin
rm -rf /run/lab-sbin /run/lab-supervisor* /run/containerd/containerd.sock
"""


class Cri:
    """containerd under a supervisor, its CRI plugin at work; the next `heal` of the lab takes it away."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.docker.stop()
        lab.here.write("/etc/containerd/config.toml", CONFIG)
        lab.here.write("/run/lab-supervisor", _SUPERVISOR)
        lab.here.write("/etc/init.d/containerd", _INIT)
        lab.when_healing(lab.here.start_containerd)
        lab.when_healing(lambda: lab.here.script(_AS_BEFORE))
        lab.here.script(_WITHOUT_DOCKER)

    def configure(self, registry: str, hosts: str) -> None:
        """Write the hosts.toml of a registry."""
        self._lab.here.write(f"/etc/containerd/certs.d/{registry}/hosts.toml", hosts)

    def restart(self) -> None:
        """Have the supervisor run containerd anew."""
        self._lab.here.script("service containerd restart")

    def pull(self, image: str) -> tuple[bool, str]:
        """Have containerd pull an image that it does not have; return whether it worked, and its words."""
        deadline = time.monotonic() + 10
        while True:  # the plugin answers a moment after the socket is there
            self._ask("RemoveImage", image)
            status, words = self._ask("PullImage", image)
            if status != "14" and "unknown service" not in words:
                return status == "0", words
            if time.monotonic() > deadline:
                raise RuntimeError(f"containerd's CRI does not answer: {words}\n{self.log()}")
            time.sleep(0.1)

    def log(self) -> str:
        """Return containerd's log."""
        return self._lab.here.path(LOG).read_text(errors="replace")[-4000:]

    def _ask(self, method: str, image: str) -> tuple[str, str]:
        """Call a method of the ImageService with an ImageSpec alone; return gRPC's status and message."""
        spec = _field(_field(image.encode()))
        body = self._lab.here.path("/run/lab-request")
        body.write_bytes(b"\0" + len(spec).to_bytes(4, "big") + spec)
        url = f"http://localhost/runtime.v1.ImageService/{method}"
        headers = ["--header", "content-type: application/grpc", "--header", "te: trailers"]
        options = ["--http2-prior-knowledge", "--unix-socket", _SOCKET, "--data-binary", "@/run/lab-request"]
        done = self._lab.here.run(
            ["curl", "--silent", "--max-time", "60", *options, *headers, "--dump-header", "-", "-o", "/dev/null", url]
        )
        return _answer(done)


def _answer(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    found = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return found.get("grpc-status", "14"), urllib.parse.unquote(found.get("grpc-message", done.stderr))


def _field(value: bytes) -> bytes:
    """Return field 1 of a protobuf message, of bytes shorter than 16 KiB."""
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return b"\x0a" + length + value
