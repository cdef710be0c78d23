"""Who pulls on another machine, and what its files and processes say; read from the script's answer alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdoctor.machine import Machine
from kdoctor.model import UNSEEN
from kdoctor.probes.runner import Place, Runner
from kdoctor.remote import answers
from kdoctor.remote.machine import machine_of
from kdoctor.remote.session import Session
from kdoctor.remote.vantage import Far
from kdoctor.remote.ways import Way
from kdoctor.settings import node
from kdoctor.settings.node import Node
from kdoctor.vantages import Shell


def far(*lines: str) -> Far:
    """Return the vantage that an answer to `facts` describes."""
    machine = machine_of(answers.read([answers.HEADER, "ostype Linux", "arch aarch64", "hostname n1", *lines, "end"]))
    engine = node.puller(machine.pullers)
    pid = machine.pullers.get(engine or "", "")
    hidden = f"/proc/{pid}/environ" in machine.unseen
    env = None if hidden else machine.environments.get(pid or "self", {})
    way = Way("node:n1", ())
    return Far(way, machine, Node("node:n1", machine, engine, pid, env), Session(way))


def file(path: str, text: str) -> list[str]:
    return [f"file {path}", *(f"| {line}" for line in text.splitlines())]


@pytest.mark.parametrize(
    ("processes", "engine"),
    [
        (["containerd", "kubelet"], "containerd"),
        (["containerd", "dockerd"], "dockerd"),
        (["containerd", "dockerd", "kubelet"], "containerd"),
        (["containerd", "dockerd", "kubelet", "cri-dockerd"], "dockerd"),
        (["crio", "kubelet", "containerd"], "crio"),
        (["k3s-server", "containerd"], "containerd"),
        (["kubelet"], None),
        ([], None),
    ],
)
def test_the_puller_is_kubernetes_own_engine(processes: list[str], engine: str | None) -> None:
    assert node.puller(dict.fromkeys(processes, "1")) == engine


def test_the_proxy_is_that_of_the_engines_process_and_has_the_drop_in_as_its_source() -> None:
    drop_in = "/etc/systemd/system/containerd.service.d/http-proxy.conf"
    place = far(
        "directory /run/systemd/system",
        "env self HTTPS_PROXY=http://other.test:1",
        "process 7 containerd",
        "process 8 kubelet",
        "env 7 HTTPS_PROXY=http://xxxxx:xxxxx@proxy.test:3128",
        "env 7 NO_PROXY=10.0.0.0/8",
        *file(drop_in, "[Service]\nEnvironment=HTTPS_PROXY=http://xxxxx:xxxxx@proxy.test:3128"),
    )
    found = place.proxies().route("https://registry.k8s.io/v2/")
    assert found.endpoint == ("proxy.test", 3128)
    assert found.setting
    assert (found.setting.source.kind, found.setting.source.file, found.setting.source.line) == ("systemd", drop_in, 2)
    assert found.setting.masked
    assert place.proxies().no_proxy
    assert place.platform() == "linux/arm64"


@pytest.mark.parametrize("engine", ["containerd", "dockerd", "crio"])
def test_a_password_that_was_taken_out_is_never_sent(engine: str) -> None:
    place = far(f"process 7 {engine}", "env 7 HTTPS_PROXY=http://xxxxx:xxxxx@proxy.test:3128")
    found = place.proxies().route("https://registry.k8s.io/v2/")
    assert found.endpoint == ("proxy.test", 3128)
    assert found.raw is None


def test_an_environment_that_may_not_be_read_is_unseen_and_not_direct() -> None:
    place = far("process 7 containerd", "hidden /proc/7/environ")
    assert place.proxies().route("https://registry.k8s.io/v2/").unseen


def test_without_an_engine_the_sessions_environment_counts() -> None:
    found = far("env self https_proxy=http://proxy.test:3128").proxies().route("https://quay.io/v2/")
    assert found.endpoint == ("proxy.test", 3128)
    assert "a session on node:n1" in found.because


HOSTS = """server = "https://registry-1.docker.io"
[host."https://mirror.test"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/containerd/certs.d/docker.io/ca.crt"
[host."https://push.test"]
  capabilities = ["push"]
[host."https://registry-1.docker.io"]
  skip_verify = true
"""


CONFIG = """version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
"""


def test_hosts_toml_gives_the_mirrors_that_pull_and_what_it_says_of_trust() -> None:
    place = far(
        "process 7 containerd",
        *file("/etc/containerd/config.toml", CONFIG),
        *file("/etc/containerd/certs.d/docker.io/hosts.toml", HOSTS),
        *file("/etc/containerd/certs.d/_default/hosts.toml", '[host."https://all.test"]'),
    )
    mirrors = place.mirrors("registry-1.docker.io")
    assert [m.url for m in mirrors] == ["https://mirror.test"]
    assert mirrors[0].file == "/etc/containerd/certs.d/docker.io/hosts.toml"
    assert mirrors[0].line == 2
    assert place.trust("registry-1.docker.io").insecure
    assert [m.url for m in place.mirrors("quay.io")] == ["https://all.test"]
    assert {"mirror.test", "docker.io"} <= place.known()


def test_a_server_in_the_registrys_place_is_the_last_that_is_tried() -> None:
    text = 'server = "https://cache.test"\n[host."https://mirror.test"]\n'
    place = far(
        "process 7 containerd",
        *file("/etc/containerd/config.toml", CONFIG),
        *file("/etc/containerd/certs.d/quay.io/hosts.toml", text),
    )
    found = place.mirrors("quay.io")
    assert [(m.url, m.instead, m.line) for m in found] == [
        ("https://mirror.test", False, 2),
        ("https://cache.test", True, 1),
    ]


def test_older_mirrors_of_config_toml_and_registries_conf() -> None:
    endpoints = 'endpoint = ["https://old.test", "https://registry-1.docker.io"]'
    text = f'[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n{endpoints}'
    assert [
        m.url for m in far("process 7 containerd", *file("/etc/containerd/config.toml", text)).mirrors("docker.io")
    ] == ["https://old.test"]
    conf = '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.test"\ninsecure = true'
    place = far("process 7 crio", *file("/etc/containers/registries.conf", conf))
    assert [m.url for m in place.mirrors("docker.io")] == ["http://m.test"]
    assert place.mirrors("quay.io") == ()


def test_files_that_config_toml_imports_and_a_wildcard_mirror() -> None:
    imported = '[plugins."io.containerd.cri.v1.images".registry.mirrors."*"]\nendpoint = ["https://all.test"]'
    place = far(
        "process 7 containerd",
        *file("/etc/containerd/config.toml", 'version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]'),
        *file("/etc/containerd/conf.d/10-mirror.toml", imported),
    )
    [mirror] = place.mirrors("quay.io")
    assert (mirror.url, mirror.file, mirror.line) == ("https://all.test", "/etc/containerd/conf.d/10-mirror.toml", 2)


def test_a_folder_with_a_port_and_rke2s_own_containerd() -> None:
    folder = "/var/lib/rancher/rke2/agent/etc/containerd"
    hosts = file(f"{folder}/certs.d/reg.test_5000_/hosts.toml", '[host."https://m.test"]')
    place = far("process 7 containerd", *file(f"{folder}/config.toml", "version = 3"), *hosts)
    assert [m.url for m in place.mirrors("reg.test:5000")] == ["https://m.test"]
    assert place.mirrors("reg.test") == ()


def test_what_cri_o_does_not_verify_and_where_it_goes_instead() -> None:
    conf = (
        '[[registry]]\nlocation = "reg.test:5000"\ninsecure = true\n'
        '[[registry]]\nprefix = "docker.io"\nlocation = "proxy.test/hub"\n[[registry]]\nprefix = "*.corp.test"\n'
        'location = "corp.test"\n[[registry.mirror]]\nlocation = "m.corp.test"'
    )
    place = far("process 7 crio", *file("/etc/containers/registries.conf", conf))
    assert place.trust("reg.test:5000").insecure
    assert place.mirrors("reg.test:5000") == ()
    assert [m.url for m in place.mirrors("docker.io")] == ["https://proxy.test/hub"]
    assert "https://m.corp.test" in [m.url for m in place.mirrors("a.corp.test")]


def test_docker_on_the_other_machine_has_its_daemon_json() -> None:
    config = '{"registry-mirrors": ["https://hub.test"], "insecure-registries": ["reg.test:5000"]}'
    place = far("process 7 dockerd", "process 8 containerd", *file("/etc/docker/daemon.json", config))
    assert [m.url for m in place.mirrors("docker.io")] == ["https://hub.test"]
    assert place.mirrors("quay.io") == ()
    assert place.trust("reg.test:5000").insecure
    assert not place.trust("quay.io").insecure


@pytest.mark.parametrize("text", ["[host", 'host = "x"', '[host."u"]\ncapabilities = 3', "\x00"])
def test_broken_toml_is_no_mirror_and_no_error(text: str) -> None:
    place = far("process 7 containerd", *file("/etc/containerd/certs.d/docker.io/hosts.toml", text))
    assert place.mirrors("docker.io") == ()


def test_disks_and_names_are_the_other_machines() -> None:
    place = far(
        "disk /var/lib",
        "ran df 0",
        "| Filesystem 1024-blocks Used Available Capacity Mounted on",
        "| /dev/mapper/a b 1000 100 900 10% /var/lib",
        "ran df-inodes 0",
        "| Filesystem Inodes IUsed IFree IUse% Mounted on",
        "| /dev/mapper/a b 50 40 10 80% /var/lib",
        *file("/etc/resolv.conf", "nameserver 10.0.0.2\nsearch svc.cluster.local\noptions ndots:5"),
        "link ../run/systemd/resolve/resolv.conf",
    )
    disk = place.machine.disks[0]
    assert (disk.total, disk.free, disk.inodes, disk.free_inodes) == (1000 * 1024, 900 * 1024, 50, 10)
    conf = place.resolvers()
    assert (conf.servers, conf.search, conf.ndots, conf.manager) == (
        ("10.0.0.2",),
        ("svc.cluster.local",),
        5,
        "systemd-resolved",
    )
    assert far("hidden /etc/resolv.conf").resolvers().unseen
    assert not far().resolvers().exists


def swapping(root: Path, *, node: bool) -> Place:
    """Return this machine with swap on, a cluster's node or not."""
    files = {"/proc/swaps": "Filename Type Size Used Priority\n/swap file 1048572 0 -2\n"}
    files |= {"/var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n"} if node else {}
    for path, text in files.items():
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / path.lstrip("/")).write_text(text)
    return Place("shell", Shell(Machine(root=root)))


async def test_what_is_of_another_machine_is_not_answered_by_this_one(tmp_path: Path) -> None:
    run = Runner(5, near=swapping(tmp_path, node=True))
    vantage = far()
    found = await run.ask(Place(vantage.name, vantage), "host.swap", {})
    assert found.outcome == UNSEEN
    assert "node:n1" in found.detail


@pytest.mark.parametrize("node", [True, False])
async def test_a_nodes_text_is_looked_into_here_where_this_machine_is_a_node(tmp_path: Path, node: bool) -> None:
    run = Runner(5, near=swapping(tmp_path, node=node))
    found = await run.ask(Place("node", None, "no node is known"), "host.swap", {})
    assert (found.outcome == UNSEEN) is not node
    assert (await run.ask(Place("node", None, "no node is known"), "dns.resolvers", {})).outcome == UNSEEN
