"""minikube's files and machines, and the containers of local clusters."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kdoctor.model import UNSEEN
from kdoctor.settings.containers import nodes
from kdoctor.settings.engine import endpoint
from tests.probes.asking import asked, machine_at, program, put
from tests.probes.engine_peer import VERSION, engine

_LIST = "/containers/json?all=1"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root whose name is short enough for the path of a Unix socket."""
    short = Path(f"/tmp/k{os.getpid()}")
    short.symlink_to(tmp_path)
    yield short
    short.unlink()


def _profile(root: Path, name: str = "minikube", driver: str = "docker", runtime: str = "containerd") -> None:
    config = {"Name": name, "Driver": driver, "KubernetesConfig": {"ContainerRuntime": runtime}}
    put(root, f"/home/ann/.minikube/profiles/{name}/config.json", json.dumps(config))


def _minikube(name: str, state: str, cluster: str = "minikube") -> dict[str, object]:
    return {"Names": [f"/{name}"], "State": state, "Labels": {"name.minikube.sigs.k8s.io": cluster}}


def _kind(name: str, state: str, role: str, cluster: str = "dev") -> dict[str, object]:
    labels = {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}
    return {"Names": [f"/{name}"], "State": state, "Labels": labels}


def _socket(root: Path) -> Path:
    return root / "var/run/docker.sock"


async def test_no_minikube_and_no_profile(root: Path) -> None:
    assert (await asked("minikube.profile", machine_at(root))).outcome == "no-tool"
    program(root, "/usr/bin/minikube")
    found = await asked("minikube.profile", machine_at(root))
    assert (found.outcome, found.data["profile"]) == ("none", "minikube")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Name": "minikube"}'])
async def test_a_profile_whose_file_is_broken(root: Path, text: str) -> None:
    put(root, "/home/ann/.minikube/profiles/minikube/config.json", text)
    assert (await asked("minikube.profile", machine_at(root))).outcome == "broken"


async def test_a_profile_without_its_file(root: Path) -> None:
    put(root, "/home/ann/.minikube/profiles/minikube/client.crt")
    found = await asked("minikube.profile", machine_at(root))
    assert found.outcome == "broken"
    assert "config.json is missing" in str(found.data["problem"])


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("running", "running"), ("exited", "stopped"), ("paused", "paused"), ("created", "stopped")],
)
async def test_the_container_of_a_profile(root: Path, state: str, outcome: str) -> None:
    _profile(root)
    async with engine(
        _socket(root), {_LIST: (200, [_minikube("minikube", state), _minikube("minikube-m02", "exited")])}
    ):
        found = await asked("minikube.profile", machine_at(root))
    assert (found.outcome, found.data["driver"], found.data["runtime"]) == (outcome, "docker", "containerd")


async def test_a_profile_whose_container_is_gone(root: Path) -> None:
    _profile(root)
    async with engine(_socket(root), {_LIST: (200, [])}):
        assert (await asked("minikube.profile", machine_at(root))).outcome == "broken"


async def test_a_profile_whose_engine_is_down_is_unseen(root: Path) -> None:
    _profile(root)
    found = await asked("minikube.profile", machine_at(root))
    assert (found.outcome, found.data["driver"]) == (UNSEEN, "docker")


async def test_a_machine_and_its_process(root: Path) -> None:
    _profile(root, driver="kvm2")
    machine = machine_at(root)
    assert (await asked("minikube.profile", machine)).outcome == "broken"
    put(root, "/home/ann/.minikube/machines/minikube/config.json", "{}")
    put(root, "/proc/1/cmdline", "/sbin/init\0")
    put(root, "/proc/77/cmdline", "qemu-system-x86_64\0-name\0guest=minikube2,debug-threads=on\0")
    assert (await asked("minikube.profile", machine)).outcome == "stopped"
    put(root, "/proc/77/cmdline", "qemu-system-x86_64\0-name\0guest=minikube,debug-threads=on\0")
    assert (await asked("minikube.profile", machine)).outcome == "running"


async def test_the_profile_named_by_the_environment_or_minikube_s_config(root: Path) -> None:
    put(root, "/mk/.minikube/config/config.json", '{"profile": "other", "driver": "podman"}')
    machine = machine_at(root, MINIKUBE_HOME="/mk")
    assert (await asked("minikube.profile", machine)).data["profile"] == "other"
    assert (await asked("minikube.driver", machine)).data["driver"] == "podman"
    machine = machine_at(root, MINIKUBE_HOME="/mk", MINIKUBE_PROFILE="third")
    assert (await asked("minikube.profile", machine)).data["profile"] == "third"


async def test_a_profile_s_name_is_no_path(root: Path) -> None:
    put(root, "/home/ann/.minikube/config.json", '{"Driver": "docker"}')
    assert (await asked("minikube.profile", machine_at(root), profile="../..")).outcome in ("none", "no-tool")


async def test_drivers(root: Path) -> None:
    machine = machine_at(root)
    assert (await asked("minikube.driver", machine)).outcome == "none"
    found = await asked("minikube.driver", machine, driver="virtualbox")
    assert (found.outcome, found.data["tool"]) == ("missing", "VBoxManage")
    program(root, "/usr/bin/VBoxManage")
    found = await asked("minikube.driver", machine)
    assert (found.outcome, found.data["driver"], found.data["available"]) == ("ok", "virtualbox", ("virtualbox",))
    assert (await asked("minikube.driver", machine, driver="warp")).outcome == UNSEEN


async def test_the_docker_driver_wants_a_docker_that_answers(root: Path) -> None:
    program(root, "/usr/bin/docker")
    found = await asked("minikube.driver", machine_at(root), driver="docker")
    assert found.outcome == "unhealthy"
    async with engine(_socket(root), {"/version": (200, VERSION)}):
        assert (await asked("minikube.driver", machine_at(root), driver="docker")).outcome == "ok"


async def test_kvm_wants_its_device_and_libvirt(root: Path) -> None:
    program(root, "/usr/bin/virsh")
    machine = machine_at(root)
    found = await asked("minikube.driver", machine, driver="kvm2")
    assert (found.outcome, "virtualization" in str(found.data["problem"])) == ("unhealthy", True)
    put(root, "/dev/kvm", mode=0o666)
    found = await asked("minikube.driver", machine, driver="kvm2")
    assert "libvirtd does not run" in str(found.data["problem"])
    put(root, "/var/run/libvirt/libvirt-sock", mode=0o666)
    assert (await asked("minikube.driver", machine, driver="kvm2")).outcome == "ok"


async def test_clusters_in_containers(root: Path) -> None:
    k3d = {
        "Names": ["/k3d-a-server-0"],
        "State": "exited",
        "Labels": {"app": "k3d", "k3d.cluster": "a", "k3d.role": "server"},
    }
    listed = [
        _kind("dev-control-plane", "running", "control-plane"),
        _kind("dev-worker", "exited", "worker"),
        k3d,
        _minikube("minikube", "exited"),
        {"Names": ["/web"], "State": "running", "Labels": {"app": "web"}},
    ]
    async with engine(_socket(root), {_LIST: (200, listed)}):
        machine = machine_at(root)
        found = await asked("cluster.local", machine)
        assert found.outcome == "running"
        assert found.data["clusters"] == ("kind:dev", "k3d:a", "minikube:minikube")
        assert found.data["stopped"] == ("k3d:a", "minikube:minikube")
        found = await asked("cluster.local", machine, cluster="k3d-a")
        assert (found.outcome, found.data["tool"], found.data["name"]) == ("stopped", "k3d", "a")
        assert (await asked("cluster.local", machine, cluster="nope")).outcome == "none"


async def test_the_cluster_of_the_current_context_counts(root: Path) -> None:
    put(root, "/home/ann/.kube/config", "current-context: minikube\ncontexts: []\nclusters: []\n")
    listed = [_kind("dev-control-plane", "running", "control-plane"), _minikube("minikube", "exited")]
    async with engine(_socket(root), {_LIST: (200, listed)}):
        found = await asked("cluster.local", machine_at(root))
    assert (found.outcome, found.data["name"]) == ("stopped", "minikube")


async def test_no_cluster_at_all_and_an_engine_that_cannot_be_asked(root: Path) -> None:
    assert (await asked("cluster.local", machine_at(root))).outcome == "none"
    async with engine(_socket(root), {_LIST: (500, {"message": "x"})}):
        assert (await asked("cluster.local", machine_at(root))).outcome == UNSEEN


async def test_k3s_and_machines_are_found_without_an_engine(root: Path) -> None:
    put(root, "/etc/rancher/k3s/k3s.yaml")
    program(root, "/usr/bin/k3s")
    _profile(root, "vm", "kvm2")
    put(root, "/home/ann/.minikube/machines/vm/config.json", "{}")
    put(root, "/proc/5/cmdline", "qemu\0guest=vm,x\0")
    found = await asked("cluster.local", machine_at(root))
    assert found.data["clusters"] == ("minikube:vm", "k3s:default")
    assert found.data["stopped"] == ("k3s:default",)


async def test_nodes_have_the_networks_of_their_addresses(root: Path) -> None:
    node = _kind("dev-control-plane", "running", "control-plane")
    networks = {
        "kind": {"IPAddress": "172.18.0.2", "IPPrefixLen": 16},
        "none": {"IPAddress": ""},
        "odd": {"IPAddress": "x"},
    }
    node["NetworkSettings"] = {"Networks": networks}
    machine = machine_at(root)
    async with engine(_socket(root), {_LIST: (200, [node])}):
        [found] = await nodes(machine, endpoint(machine), 2)
    assert found.networks == ("172.18.0.0/16",)
