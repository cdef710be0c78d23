"""Each puller's settings from its own files, with file and line; what is pending, not taken, not seen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdoctor.listings import SettingFound, Standing
from kdoctor.machine import Machine
from kdoctor.pullers import docker, runtimes, shells
from kdoctor.run.inventory import disagreements

PROXY = "http://proxy.corp.test:3128"


def machine(tmp_path: Path, files: Mapping[str, str], env: Mapping[str, str] | None = None) -> Machine:
    for path, text in files.items():
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Machine(root=tmp_path, env=env or {}, home=Path("/home/u"))


def told(rows: Iterable[SettingFound]) -> list[tuple[str, str, str, str | None, int | None, str]]:
    return [(r.topic, r.name, r.value, r.file, r.line, r.standing.value) for r in rows]


def test_sudo_drops_what_sudoers_does_not_keep(tmp_path: Path) -> None:
    env = {"HTTPS_PROXY": PROXY, "no_proxy": "localhost"}
    files = {"/etc/sudoers": 'Defaults env_reset\nDefaults env_keep += "no_proxy"\n# env_keep += "HTTPS_PROXY"\n'}
    rows = list(shells.sudo(machine(tmp_path, files, env)))
    assert [(r.name, r.standing) for r in rows] == [
        ("HTTPS_PROXY", Standing.IGNORED),
        ("no_proxy", Standing.EFFECTIVE),
    ]
    assert "sudo drops it" in rows[0].note


def test_sudo_gets_etc_environment_where_pam_reads_it(tmp_path: Path) -> None:
    files = {
        "/etc/sudoers": "Defaults env_reset\n",
        "/etc/pam.d/sudo": "session required pam_env.so readenv=1\n",
        "/etc/environment": f'PATH=/bin\nhttps_proxy="{PROXY}"\n',
    }
    rows = told(shells.sudo(machine(tmp_path, files)))
    assert rows == [("proxy", "https_proxy", PROXY, "/etc/environment", 2, "effective")]


def test_without_sudo_there_is_nothing(tmp_path: Path) -> None:
    assert not list(shells.sudo(machine(tmp_path, {})))


def test_the_docker_commands_proxies_are_for_containers(tmp_path: Path) -> None:
    text = (
        '{\n "proxies": {\n  "default": {\n   "httpsProxy": "http://u:secret@p:1"\n  }\n },\n "credsStore": "pass"\n}\n'
    )
    here = machine(tmp_path, {"/home/u/.docker/config.json": text})
    [row] = shells.docker_command(here)
    assert (row.name, row.line) == ("HTTPS_PROXY", 4)
    assert "secret" not in row.value
    assert "pulls do not use it" in row.note
    assert told(shells.credentials(here)) == [
        ("credentials", "*", "docker-credential-pass", "/home/u/.docker/config.json", 7, "effective")
    ]


def test_no_login_is_ever_shown(tmp_path: Path) -> None:
    text = '{"auths": {"reg.test": {"auth": "dTpzZWNyZXQ="}, "other.test": {}}, "credHelpers": {"gcr.io": "gcloud"}}'
    rows = list(shells.credentials(machine(tmp_path, {"/home/u/.docker/config.json": text})))
    assert {r.name for r in rows} == {"reg.test", "other.test", "gcr.io"}
    assert all("dTpz" not in str(r) for r in rows)


CONTAINERD = """version = 2
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
"""
HOSTS = """server = "https://registry-1.docker.io"

[host."https://mirror.corp.test"]
  capabilities = ["pull", "resolve"]
  ca = "/etc/ssl/corp.pem"
[host."http://old.corp.test:5000"]
  skip_verify = true
"""


def test_containerd_with_a_hosts_directory(tmp_path: Path) -> None:
    files = {"/etc/containerd/config.toml": CONTAINERD, "/etc/containerd/certs.d/docker.io/hosts.toml": HOSTS}
    path = "/etc/containerd/certs.d/docker.io/hosts.toml"
    assert told(runtimes.containerd(machine(tmp_path, files))) == [
        ("mirror", "docker.io", "https://mirror.corp.test", path, 3, "written"),
        ("ca", "docker.io", "/etc/ssl/corp.pem", path, 5, "written"),
        ("mirror", "docker.io", "http://old.corp.test:5000", path, 6, "written"),
        ("insecure", "docker.io", "http://old.corp.test:5000", path, 7, "written"),
    ]


def test_a_hosts_directory_that_nothing_names_is_not_taken(tmp_path: Path) -> None:
    files = {"/etc/containerd/config.toml": "version = 2\n", "/etc/containerd/certs.d/docker.io/hosts.toml": HOSTS}
    rows = list(runtimes.containerd(machine(tmp_path, files)))
    assert {r.standing for r in rows} == {Standing.IGNORED}
    assert "config_path" in rows[0].note


def test_mirrors_in_config_toml(tmp_path: Path) -> None:
    text = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\n  endpoint = ["https://m.test"]\n'
    rows = told(runtimes.containerd(machine(tmp_path, {"/etc/containerd/config.toml": text})))
    assert rows == [("mirror", "docker.io", "https://m.test", "/etc/containerd/config.toml", 2, "written")]


def test_a_config_toml_edited_after_the_start_is_pending(tmp_path: Path) -> None:
    text = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."*"]\n  endpoint = ["https://m.test"]\n'
    files = {
        "/etc/containerd/config.toml": text,
        "/proc/7/comm": "containerd\n",
        "/proc/7/environ": "PATH=/bin\0",
        "/proc/7/stat": f"7 (containerd) S {' '.join(['0'] * 18)} 100 0",
        "/proc/stat": "cpu 0\nbtime 1000000000\n",
    }
    here = machine(tmp_path, files)
    [row] = runtimes.containerd(here)
    assert row.standing is Standing.PENDING
    assert "restart containerd" in row.note
    os.utime(here.path("/etc/containerd/config.toml"), (999999990, 999999990))
    assert [r.standing for r in runtimes.containerd(here)] == [Standing.WRITTEN]


def test_a_drop_in_of_containerd_with_its_line(tmp_path: Path) -> None:
    drop_in = "/etc/systemd/system/containerd.service.d/proxy.conf"
    files = {
        "/etc/containerd/config.toml": "version = 2\n",
        drop_in: f'[Service]\nEnvironment="HTTPS_PROXY={PROXY}"\n',
        "/run/systemd/system/x": "",
    }
    rows = told(runtimes.containerd(machine(tmp_path, files)))
    assert rows == [("proxy", "HTTPS_PROXY", PROXY, drop_in, 2, "written")]


def test_a_drop_in_that_the_running_process_does_not_have_is_pending(tmp_path: Path) -> None:
    drop_in = "/etc/systemd/system/containerd.service.d/proxy.conf"
    files = {
        "/etc/containerd/config.toml": "version = 2\n",
        drop_in: f"[Service]\nEnvironment=HTTPS_PROXY={PROXY}\n",
        "/run/systemd/system/x": "",
        "/proc/7/comm": "containerd\n",
        "/proc/7/environ": "HTTPS_PROXY=http://old:1\0PATH=/bin\0",
    }
    rows = list(runtimes.containerd(machine(tmp_path, files)))
    assert [(r.value, r.standing) for r in rows] == [
        ("http://old:1", Standing.EFFECTIVE),
        (PROXY, Standing.PENDING),
    ]
    assert "restart containerd.service" in rows[1].note


def test_registries_conf_of_podman(tmp_path: Path) -> None:
    text = '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "m.test:5000"\n'
    rows = told(runtimes.containers_image(machine(tmp_path, {"/etc/containers/registries.conf.d/1.conf": text})))
    assert rows == [
        ("mirror", "docker.io", "https://m.test:5000", "/etc/containers/registries.conf.d/1.conf", 5, "written")
    ]


def test_k3s_with_registries_yaml_and_its_own_variable(tmp_path: Path) -> None:
    files = {
        "/etc/rancher/k3s/registries.yaml": 'mirrors:\n  docker.io:\n    endpoint:\n      - "https://m.test"\n',
        "/etc/default/k3s": f"CONTAINERD_HTTPS_PROXY={PROXY}\nHTTPS_PROXY={PROXY}\n",
    }
    rows = told(runtimes.k3s(machine(tmp_path, files)))
    assert ("proxy", "CONTAINERD_HTTPS_PROXY", PROXY, "/etc/default/k3s", 1, "written") in rows
    assert ("proxy", "HTTPS_PROXY", PROXY, "/etc/default/k3s", 2, "written") in rows
    assert ("mirror", "docker.io", "https://m.test", "/etc/rancher/k3s/registries.yaml", 4, "written") in rows


def test_a_registries_yaml_that_does_not_parse_is_said(tmp_path: Path) -> None:
    files = {"/etc/rancher/k3s/registries.yaml": "mirrors:\n  a: [b\n"}
    [row] = runtimes.k3s(machine(tmp_path, files))
    assert row.standing is Standing.IGNORED
    assert row.line


def test_what_a_minikube_profile_was_made_with(tmp_path: Path) -> None:
    text = '{"Driver": "docker",\n "DockerEnv": ["HTTP_PROXY=http://u:secret@p:1", "X=y"],\n "RegistryMirror": ["https://m"]}'
    path = "/home/u/.minikube/profiles/dev/config.json"
    rows = list(docker.minikube_profiles(machine(tmp_path, {path: text})))
    assert [(r.puller, r.topic, r.line) for r in rows] == [("minikube:dev", "proxy", 2), ("minikube:dev", "mirror", 3)]
    assert "secret" not in rows[0].value


def row(puller: str, value: str, standing: Standing = Standing.EFFECTIVE) -> SettingFound:
    return SettingFound(puller, "proxy", "HTTPS_PROXY", value, "", standing=standing)


def test_pullers_with_other_proxies_are_told() -> None:
    told = list(
        disagreements([row("shell", "http://a:1"), row("docker", "http://b:1"), row("containerd", "http://a:1/")])
    )
    assert told == ["HTTPS_PROXY is not the same everywhere: shell, containerd: http://a:1; docker: http://b:1"]


def test_who_has_none_differs_and_who_was_not_seen_does_not() -> None:
    dns = SettingFound("docker", "dns", "nameserver", "10.0.0.53", "")
    assert list(disagreements([row("shell", "http://a:1"), dns]))
    unseen = SettingFound("docker", "proxy", "", "", "", standing=Standing.UNSEEN)
    assert not list(disagreements([row("shell", "http://a:1"), dns, unseen]))


def test_other_nameservers_are_told() -> None:
    def dns(puller: str, server: str) -> SettingFound:
        return SettingFound(puller, "dns", "nameserver", server, "")

    rows = [dns("shell", "10.0.0.1"), dns("shell", "10.0.0.2"), dns("docker", "10.0.0.1"), dns("node:a", "10.0.0.1")]
    assert list(disagreements(rows)) == [
        "The nameserver is not the same everywhere: shell: 10.0.0.1, 10.0.0.2; docker, node:a: 10.0.0.1"
    ]
