"""Vantages and platforms: engines that answer, that do not, that are elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kdoctor import platforms, vantages
from kdoctor.machine import Machine
from kdoctor.settings.engine import EngineError, endpoint, engine_get
from tests.probes.net_peers import ended

MakeMachine = Callable[..., Machine]

INFO: dict[str, object] = {
    "ServerVersion": "29.0.0",
    "Name": "host-1",
    "KernelVersion": "6.1.0",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "OSType": "linux",
    "Architecture": "aarch64",
    "HttpsProxy": "http://p:1",
    "RegistryConfig": {"Mirrors": ["https://m.test/"], "IndexConfigs": {"i.test:80": {"Secure": False}}},
}
HOST = {
    "/proc/sys/kernel/osrelease": "6.1.0\n",
    "/proc/sys/kernel/hostname": "host-1\n",
    "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "/etc/resolv.conf": "nameserver 10.0.0.53\n",
}


@pytest.fixture
def short_root() -> Iterator[Path]:
    """A root with a path short enough for a Unix socket's address."""
    with tempfile.TemporaryDirectory(prefix="kd") as name:
        yield Path(name)


@asynccontextmanager
async def serving(path: Path, answer: bytes | None) -> AsyncIterator[None]:
    """Serve one answer to every request on a Unix socket; None keeps silent."""
    path.parent.mkdir(parents=True, exist_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever only wanted to know the peer's credentials, or gave up, has gone
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        await ended(server, ())


def ok(body: object) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


def machine_at(root: Path, files: dict[str, str], env: dict[str, str] | None = None, os_: str = "linux") -> Machine:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Machine(root=root, env=env or {}, os=os_, uid=1000, home=Path("/home/u"))


async def test_without_docker_there_is_no_docker_vantage_and_it_is_quick(make_machine: MakeMachine) -> None:
    started = time.monotonic()
    found = await vantages.look(make_machine())
    assert time.monotonic() - started < 1
    assert found.docker is None
    assert "not installed" in found.no_docker
    assert [v.name for v in found.all()] == ["shell"]


@pytest.mark.parametrize("os_", ["darwin", "windows"])
async def test_other_systems_look_without_error_and_share_nothing(make_machine: MakeMachine, os_: str) -> None:
    found = await vantages.look(
        make_machine(env={"DOCKER_CONTEXT": "default", "DOCKER_HOST": "unix:///x.sock"}, os=os_)
    )
    assert found.docker is not None
    assert not found.docker.sharing("network").shared
    assert found.docker.proxies().unseen is not None
    assert found.shell.trust("docker.io").system


async def test_an_engine_that_answers_says_its_settings_whatever_it_shares(short_root: Path) -> None:
    machine = machine_at(short_root, HOST)
    async with serving(short_root / "var/run/docker.sock", ok(INFO)):
        docker = (await vantages.look(machine)).docker
    assert docker is not None
    assert docker.sharing("settings").shared
    assert docker.proxies().route("https://registry-1.docker.io/v2/").proxy == "http://p:1"
    assert docker.platform() == "linux/arm64"
    assert [m.url for m in docker.mirrors("docker.io")] == ["https://m.test/"]
    assert docker.mirrors("quay.io") == ()
    assert docker.trust("i.test:80").insecure
    assert {"p:1", "m.test", "i.test:80"} <= docker.known()


async def test_an_engine_whose_socket_only_passes_through_here_shares_no_network(short_root: Path) -> None:
    """A test's own process is no dockerd: it stands for the forwarder in front of a VM."""
    machine = machine_at(short_root, HOST | {f"/proc/{os.getpid()}/comm": "ssh\n"})
    async with serving(short_root / "var/run/docker.sock", ok(INFO)):
        docker = (await vantages.look(machine)).docker
    assert docker is not None
    assert [docker.sharing(f).shared for f in ("network", "names", "trust")] == [False, False, False]
    assert docker.resolvers().unseen is not None


def _dockerd(root: Path, *, same: bool) -> dict[str, str]:
    """Describe this process as a dockerd to the machine under `root`, its namespaces readable."""
    own = root / "proc/self/ns"
    other = root / f"proc/{os.getpid()}/ns"
    for folder, suffix in ((own, "1"), (other, "1" if same else "2")):
        folder.mkdir(parents=True)
        for name in ("net", "mnt"):
            os.symlink(f"{name}:[{suffix}]", folder / name)
    return {
        f"/proc/{os.getpid()}/comm": "dockerd\n",
        f"/proc/{os.getpid()}/cmdline": "/usr/bin/dockerd\0-H\0fd://\0",
        f"/proc/{os.getpid()}/environ": "HTTPS_PROXY=http://bob:s3cret@p:1\0",
    }


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="SO_PEERCRED is Linux's")
@pytest.mark.parametrize("same", [True, False])
async def test_the_namespaces_of_the_process_show_what_is_shared(short_root: Path, same: bool) -> None:
    machine = machine_at(short_root, HOST | _dockerd(short_root, same=same))
    async with serving(short_root / "var/run/docker.sock", ok(INFO | {"HttpsProxy": "http://xxxxx:xxxxx@p:1"})):
        docker = (await vantages.look(machine)).docker
    assert docker is not None
    assert [docker.sharing(f).shared for f in ("network", "names", "trust")] == [same, same, same]
    assert "network namespace" in docker.sharing("network").because
    assert docker.proxies().route("https://registry-1.docker.io/").raw == "http://bob:s3cret@p:1"


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="SO_PEERCRED is Linux's")
@pytest.mark.parametrize(("listed", "name"), [(True, "host-1"), (False, "host-1"), (True, "other-host")])
async def test_without_root_the_socket_table_and_the_hosts_name_show_it(
    short_root: Path, listed: bool, name: str
) -> None:
    table = "Num RefCount Protocol Flags Type St Inode Path\n"
    if listed:
        table += "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/docker.sock\n"
    process = {f"/proc/{os.getpid()}/comm": "dockerd\n", f"/proc/{os.getpid()}/cmdline": "dockerd\0"}
    machine = machine_at(short_root, HOST | process | {"/proc/net/unix": table})
    async with serving(short_root / "var/run/docker.sock", ok(INFO | {"Name": name})):
        docker = (await vantages.look(machine)).docker
    assert docker is not None
    shown = listed and name == "host-1"
    assert [docker.sharing(f).shared for f in ("network", "names", "trust")] == [shown] * 3


@pytest.mark.parametrize(
    ("more", "platform_id"),
    [
        ({"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"}, "docker-desktop"),
        ({"SecurityOptions": ["name=seccomp", "name=rootless"]}, "docker-rootless"),
        ({"Name": "colima"}, "colima"),
        ({"Components": [{"Name": "Podman Engine"}]}, "podman"),
        ({}, "docker-engine"),
    ],
)
async def test_the_platform_in_charge_is_told_from_the_engines_answer(
    short_root: Path, more: dict[str, object], platform_id: str
) -> None:
    machine = machine_at(short_root, HOST)
    async with serving(short_root / "var/run/docker.sock", ok(INFO | more)):
        found = await vantages.look(machine)
    assert platforms.look(machine, found).platforms[0].id == platform_id
    assert found.docker is not None
    if platform_id != "docker-engine":
        assert not found.docker.sharing("network").shared


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (None, "timeout"),
        (b"\x00\x01\x02garbage\r\n\r\n", "not-docker"),
        (b"", "not-docker"),
        (ok([]), "not-docker"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, "not-docker"),
    ],
)
async def test_a_peer_that_is_no_engine_costs_its_deadline_at_most(
    short_root: Path, answer: bytes | None, outcome: str
) -> None:
    machine = machine_at(short_root, {})
    started = time.monotonic()
    async with serving(short_root / "var/run/docker.sock", answer):
        found = await vantages.look(machine, timeout=0.3)
    assert time.monotonic() - started < 1
    assert found.docker is not None
    assert found.docker.failure is not None
    assert found.docker.failure.outcome == outcome


async def test_how_a_socket_fails_is_told_apart(short_root: Path) -> None:
    machine = machine_at(short_root, {"/file.sock": ""})
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(short_root / "dead.sock"))
    dead.close()
    outcomes = {}
    for name in ("missing.sock", "dead.sock"):
        where = endpoint(Machine(root=short_root, env={"DOCKER_HOST": f"unix:///{name}"}, home=Path("/")))
        with pytest.raises(EngineError) as caught:
            await engine_get(machine, where, "/_ping", 1)
        outcomes[name] = caught.value.outcome
    assert outcomes == {"missing.sock": "no-socket", "dead.sock": "refused"}


@pytest.mark.parametrize("host", ["tcp://169.254.169.254:2375", "tcp://engine.test:2375", "ssh://far"])
async def test_remote_engines_that_kdoctor_does_not_dial_say_so(make_machine: MakeMachine, host: str) -> None:
    docker = (await vantages.look(make_machine(env={"DOCKER_HOST": host}))).docker
    assert docker is not None
    assert docker.failure is not None
    assert docker.failure.outcome == "unreachable"
    assert "remote" in docker.sharing("network").because


def test_platforms_are_found_by_sockets_files_programs_and_processes(make_machine: MakeMachine) -> None:
    machine = make_machine(
        {
            "/run/k3s/containerd/containerd.sock": "",
            "/opt/tools/kind": "",
            "/home/u/.minikube/profiles/p/config.json": "{}",
            "/proc/77/comm": "crio\n",
            "/proc/78/comm": "containerd\n",
            "/proc/78/status": "NSpid:\t78\t5\n",
        },
        env={"PATH": "/opt/tools", "GITHUB_ACTIONS": "true", "CI": "true"},
    )
    host = platforms.look(machine, vantages.Vantages(vantages.Shell(machine)))
    found = {p.id: p.found_by for p in host.platforms}
    assert found == {
        "k3s": "/run/k3s/containerd/containerd.sock",
        "kind": "/opt/tools/kind",
        "minikube": "/home/u/.minikube/profiles",
        "cri-o": "process 77 (crio)",
    }
    assert (host.os, host.ci) == ("linux", "github")


@pytest.mark.parametrize(
    ("files", "env", "system", "found"),
    [
        ({}, {}, "linux", []),
        ({"/run/user/1000/docker.sock": ""}, {}, "linux", ["docker-rootless"]),
        ({"/mnt/wsl/docker-desktop/x": "", "/run/WSL/x": ""}, {}, "linux", ["docker-desktop", "wsl2"]),
        ({"C:/Program Files/Docker/Docker/Docker Desktop.exe": ""}, {}, "windows", ["docker-desktop"]),
        ({"/home/u/.config/containers/podman/machine/qemu/m.json": "{}"}, {}, "darwin", ["podman-machine", "m (qemu)"]),
        ({"/etc/rancher/rke2/rke2.yaml": "", "/run/k3s/containerd/containerd.sock": ""}, {}, "linux", ["rke2"]),
        ({"/Applications/Rancher Desktop.app/x": ""}, {}, "darwin", ["rancher-desktop"]),
        ({"/opt/rancher-desktop/x": ""}, {}, "linux", ["rancher-desktop"]),
        ({"/var/snap/microk8s/current/x": ""}, {}, "linux", ["microk8s"]),
        ({"/var/snap/docker/current/x": ""}, {}, "linux", ["docker-engine"]),
        ({"/home/u/.colima/w/colima.yaml": ""}, {}, "darwin", ["w"]),
        ({"/home/u/.lima/d/lima.yaml": ""}, {}, "darwin", ["lima", "d"]),
        ({"/etc/kubernetes/kubelet.conf": "", "/run/crio/crio.sock": ""}, {}, "linux", ["cri-o", "kubeadm"]),
        ({}, {"DOCKER_HOST": "ssh://me:pw@host.test"}, "linux", ["ssh://host.test"]),
        (
            {"/home/u/.minikube/profiles/m/config.json": '{"Name": "m", "Driver": "hyperkit"}'},
            {},
            "darwin",
            ["minikube", "m: driver hyperkit, runtime docker"],
        ),
    ],
)
def test_platforms_of_each_kind(
    make_machine: MakeMachine, files: dict[str, str], env: dict[str, str], system: str, found: list[str]
) -> None:
    machine = make_machine(files, env={"PATH": "/bin", **env}, os=system)
    host = platforms.look(machine, vantages.Vantages(vantages.Shell(machine)))
    told = [one.detail or one.id for one in (*host.platforms, *platforms.several(machine))]
    assert told == found


@pytest.mark.parametrize(
    ("place", "manager", "command"),
    [
        ("/run/systemd/system/x", "systemd", ["sudo", "systemctl", "restart", "docker"]),
        ("/run/openrc/x", "openrc", ["sudo", "rc-service", "docker", "restart"]),
        ("/usr/sbin/service", "sysvinit", ["sudo", "service", "docker", "restart"]),
        ("/x", "none", []),
    ],
)
def test_the_service_manager_gives_the_command(
    make_machine: MakeMachine, place: str, manager: str, command: list[str]
) -> None:
    machine = make_machine({place: ""})
    host = platforms.look(machine, vantages.Vantages(vantages.Shell(machine)))
    assert host.service_manager == manager
    assert platforms.service_command(host, "docker", "restart", root=False) == command
    assert platforms.service_command(host, "docker", "restart", root=True) == command[1:]


DOCKERD = shutil.which("dockerd")


@pytest.fixture
def dockerd(short_root: Path) -> Iterator[Path]:
    """Start a dockerd of the test's own; yield its socket."""
    if DOCKERD is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("a real dockerd needs root and the program dockerd")
    (short_root / "daemon.json").write_text('{\n "registry-mirrors": ["http://127.0.0.1:1"]\n}')
    where = short_root / "d.sock"
    arguments = ["--iptables=false", "--bridge=none", "--storage-driver=vfs", f"--data-root={short_root}/data"]
    arguments += [f"--exec-root={short_root}/exec", "-H", f"unix://{where}", "-p", f"{short_root}/pid"]
    arguments += ["--config-file", f"{short_root}/daemon.json"]
    env = {"PATH": os.environ["PATH"], "https_proxy": "http://bob:s3cret@127.0.0.1:1", "NO_PROXY": "corp.test"}
    with (short_root / "log").open("w") as log:
        process = subprocess.Popen([DOCKERD, *arguments], env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while "API listen on" not in (short_root / "log").read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip("dockerd does not start here: " + (short_root / "log").read_text()[-300:])
            time.sleep(0.05)
        yield where
    finally:
        process.terminate()
        process.wait(20)


async def test_a_real_daemon_is_seen_with_its_settings_and_its_namespaces(dockerd: Path) -> None:
    machine = Machine.here()
    machine = Machine(Path("/"), {"DOCKER_HOST": f"unix://{dockerd}"}, machine.os, machine.arch, 0, machine.home)
    found = await vantages.look(machine)
    docker = found.docker
    assert docker is not None
    assert docker.failure is None
    assert [docker.sharing(f).shared for f in ("network", "names", "trust", "settings")] == [True] * 4
    decision = docker.proxies().route("https://registry-1.docker.io/v2/")
    assert decision.setting is not None
    assert decision.raw == "http://bob:s3cret@127.0.0.1:1"
    assert (decision.setting.variable, decision.setting.source.kind) == ("https_proxy", "process")
    assert [(m.url, m.file, m.line) for m in docker.mirrors("docker.io")] == [
        ("http://127.0.0.1:1/", f"{dockerd.parent}/daemon.json", 2)
    ]
    assert docker.trust("127.0.0.1:5000").insecure
    assert docker.info is not None
    assert docker.info.kernel == platform.release()
    assert platforms.look(machine, found).platforms[0].id == "docker-engine"
