"""daemon.json as dockerd reads it; where dockerd 20.10 is installed, it is the judge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kdoctor.probes.daemonjson import examine
from kdoctor.probes.daemonkeys import options
from tests.probes.asking import asked, machine_at, program, put

OLD, NEW = (20, 10), (29, 0)


@pytest.mark.parametrize(
    ("text", "outcome", "line", "column", "problem"),
    [
        ('{"debug": true,}', "invalid", 1, 15, "comma stands before the closing }"),
        ('{\n  "dns": ["8.8.8.8",]\n}', "invalid", 2, 20, "comma stands before the closing ]"),
        ('{\n  "debug": true\n  "ipv6": true\n}', "invalid", 3, 3, "comma is missing"),
        ('{\n  // mirrors\n  "debug": true\n}', "invalid", 2, 3, "no comments"),
        ('{\n  "debug": true # yes\n}', "invalid", 2, 17, "no comments"),
        ("{“debug”: true}", "invalid", 1, 2, "typographic quote"),
        ("{'debug': true}", "invalid", 1, 2, "double quotes"),
        ('{"debug": true', "invalid", None, None, "ends too early"),
        ('{\xa0"debug": true}', "invalid", 1, 2, "no-break space"),
        ('{"data-root": "C:\\docker"}', "invalid", None, None, "backslash"),
        ('{"debug": NaN}', "invalid", 1, 11, "NaN"),
        ('["debug"]', "invalid", 1, 1, "no object"),
        ('{"debug": "true"}', "invalid", 1, None, "true or false"),
        ('{"dns": "8.8.8.8"}', "invalid", 1, None, "a list"),
        ('{"dns": [8]}', "invalid", 1, None, "texts only"),
        ('{"mtu": "1400"}', "invalid", 1, None, "whole number"),
        ('{"log-opts": {\n"max-file": 3}}', "invalid", 2, None, '"max-file"'),
        ('{"dns": ["dns.google"]}', "invalid", 1, None, "IP addresses only"),
        ('{"dns": ["8.8.8.8:53"]}', "invalid", 1, None, "IP addresses only"),
        ('{"registry-mirrors": ["mirror.test"]}', "invalid", 1, None, "https://"),
        ('{"registry-mirrors": ["https://u:hunter2@mirror.test"]}', "invalid", 1, None, "no user"),
        ('{"insecure-registries": ["r.test:5000/x"]}', "invalid", 1, None, "without a path"),
        ('{"mirrors": []}', "unknown-key", 1, None, "knows no option"),
        ('{"registry-mirorrs": []}', "unknown-key", 1, None, "registry-mirrors"),
        ('{"proxies": {"default": {}}}', "unknown-key", 1, None, "default"),
    ],
)
@pytest.mark.parametrize("version", [None, OLD, NEW])
def test_what_stops_every_dockerd(
    text: str, outcome: str, line: int | None, column: int | None, problem: str, version: tuple[int, int] | None
) -> None:
    verdict = examine(text, version)
    assert verdict.outcome == outcome
    assert problem in verdict.problem
    assert "hunter2" not in verdict.problem
    assert line is None or verdict.line == line
    assert column is None or verdict.column == column


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ('{"proxies": {"https-proxy": "http://p:1"}}', "unknown-key", "ok"),
        ("", "invalid", "ok"),
        ("\ufeff{}", "invalid", "ok"),
        ('{"registry-mirrors": ["https://m.test/path"]}', "invalid", "ok"),
        ('{"log-format": "json"}', "unknown-key", "ok"),
        ('{"debug": true} {"x": 1}', "ok", "invalid"),
    ],
)
def test_what_hangs_on_the_version(text: str, old: str, new: str) -> None:
    assert examine(text, OLD).outcome == old
    assert examine(text, NEW).outcome == new


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"registry-mirror": ["https://m.test"]}', 'spelt "registry-mirrors"'),
        ('{"insecure-registry": ["r.test"]}', 'spelt "insecure-registries"'),
        ('{"debug": true, "debug": false}', "twice"),
        ('{"registry-mirrors": ["https://m.test/path"]}', "20.10 and older"),
        ("", "empty"),
    ],
)
def test_what_the_daemon_passes_over_is_told_and_not_judged(text: str, problem: str) -> None:
    verdict = examine(text)
    assert verdict.outcome == "ok"
    assert problem in verdict.problem


def test_a_key_of_the_command_line_conflicts() -> None:
    flags = options(["-H", "fd://", "--containerd=/run/containerd/containerd.sock", "--storage-driver", "overlay2"])
    assert flags["host"] == "fd://"
    assert examine('{"hosts": ["tcp://0.0.0.0:2375"]}', None, flags).outcome == "conflict"
    assert examine('{"storage-driver": "vfs"}', None, flags).outcome == "conflict"
    assert examine('{"debug": true}', None, flags).outcome == "ok"
    assert examine('{"hosts": []}', None, options(["-Hfd://", "--debug"])).outcome == "conflict"


_REAL = [
    *(
        '{"debug": true}',
        "{}",
        "null",
        "",
        " \n",
        "\ufeff{}",
        "[]",
        '"x"',
        "{",
        '{"debug": true,}',
        '{"debug": true} x',
    ),
    *(
        '{"debug": "true"}',
        '{"debug": 1}',
        '{"mtu": 1400.0}',
        '{"mtu": 1.5}',
        '{"mtu": null}',
        '{"hosts": "unix:///x"}',
    ),
    *('{"registry-mirror": ["x"]}', '{"insecure-registry": 5}', '{"dns-opt": []}', '{"label": "x"}', '{"graph": "/x"}'),
    *('{"log-opts": {"max-size": "10m"}}', '{"log-opts": {"max-file": 3}}', '{"log-opts": []}', '{"log-driver": 3}'),
    *(
        '{"dns": ["8.8.8.8"]}',
        '{"dns": ["dns.google"]}',
        '{"dns": ["8.8.8.8:53"]}',
        '{"dns": "8.8.8.8"}',
        '{"dns": [8]}',
    ),
    *('{"proxies": {}}', '{"proxies": {"https-proxy": "x"}}', '{"anything": {"debug": true}}', '{"a": {"b": 1}}'),
    *('{"features": {"buildkit": true}}', '{"features": []}', '{"builder": {"gc": {"enabled": true}}}', '{"key": 1}'),
    *(
        '{"default-address-pools": [{"base": "10.0.0.0/8", "size": 24}]}',
        '{"default-address-pools": {}}',
        '{"runtimes": {}}',
    ),
    *('{"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1, "Soft": 1}}}', '{"live-restore": "yes"}'),
    *('{"userland-proxy": false}', '{"iptables": "false"}', '{"exec-opts": "native.cgroupdriver=systemd"}'),
    *('{"storage-driver": "overlay2"}', '{"storage-opts": {}}', '{"data-root": ["/x"]}', '{"bip": "10.0.0.1/24"}'),
    *('{"max-concurrent-downloads": "3"}', '{"max-concurrent-downloads": 3}', '{"shutdown-timeout": true}'),
    *(
        '{"log-format": "json"}',
        '{"cdi-spec-dirs": []}',
        '{"default-network-opts": {}}',
        '{"ip-forward-no-drop": true}',
    ),
    *('{"insecure-registries": ["r.test:5000", "10.0.0.0/8"]}', '{"insecure-registries": "r.test"}', '{"group": "x"}'),
    *('{"tls": true, "tlscacert": "/x"}', '{"swarm-default-advertise-addr": "x"}', '{"metrics-addr": 1}'),
]


def _dockerd(text: str, path: Path) -> str:
    """Start dockerd as nobody: it reads its configuration and then refuses to run without root."""
    path.write_text(text)
    path.chmod(0o644)
    done = subprocess.run(
        ["dockerd", "--config-file", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
        user=65534 if os.geteuid() == 0 else None,
        group=65534 if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
    )
    said = done.stderr
    if "unable to configure the Docker daemon" not in said:
        assert "needs to be started with root" in said, said
        return "ok"
    if "don't match any configuration option" in said:
        return "unknown-key"
    return "conflict" if "both as a flag" in said else "invalid"


@pytest.mark.skipif(shutil.which("dockerd") is None, reason="dockerd is not installed")
def test_the_real_dockerd_agrees(tmp_path_factory: pytest.TempPathFactory) -> None:
    told = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"(\d+)\.(\d+)", told.stdout)
    assert version
    folder = tmp_path_factory.mktemp("dockerd")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    path = folder / "daemon.json"
    wrong = []
    for text in _REAL:
        ours, theirs = examine(text, (int(version[1]), int(version[2]))).outcome, _dockerd(text, path)
        if ours != theirs:
            wrong.append((text, ours, theirs))
    assert wrong == []


async def test_the_probe_reads_the_file_where_the_daemon_does(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    found = await asked("docker.config", machine)
    assert found.outcome == "missing"
    put(tmp_path, "/etc/docker/daemon.json", '{\n  "registry-mirrors": ["https://m.test"],\n  "dns": ["10.0.0.2"]\n}')
    found = await asked("docker.config", machine)
    assert (found.outcome, found.data["mirrors"], found.data["dns"]) == ("ok", ("https://m.test",), ("10.0.0.2",))
    put(tmp_path, "/etc/docker/daemon.json", '{\n  "debug": true,\n}')
    found = await asked("docker.config", machine)
    assert (found.outcome, found.data["line"], found.data["column"]) == ("invalid", 2, 16)
    assert "/etc/docker/daemon.json, line 2" in found.detail


async def test_hosts_conflict_with_the_unit_of_systemd(tmp_path: Path) -> None:
    put(tmp_path, "/run/systemd/system/x")
    put(tmp_path, "/lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd -H fd:// $OPTIONS\n")
    put(tmp_path, "/etc/docker/daemon.json", '{"hosts": ["unix:///var/run/docker.sock"]}')
    found = await asked("docker.config", machine_at(tmp_path))
    assert found.outcome == "conflict"
    assert "--host fd://" in str(found.data["problem"])
    override = "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n"
    put(tmp_path, "/etc/systemd/system/docker.service.d/override.conf", override)
    assert (await asked("docker.config", machine_at(tmp_path))).outcome == "ok"


async def test_options_of_the_init_script_count(tmp_path: Path) -> None:
    put(tmp_path, "/etc/default/docker", 'DOCKER_OPTS="--dns 8.8.8.8 --debug"\n')
    put(tmp_path, "/etc/docker/daemon.json", '{"dns": ["10.0.0.2"]}')
    assert (await asked("docker.config", machine_at(tmp_path))).outcome == "conflict"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    put(tmp_path, "/etc/docker/daemon.json", "{}", 0o000)
    assert (await asked("docker.config", machine_at(tmp_path))).outcome == "unreadable"


async def test_a_directory_in_its_place_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "etc/docker/daemon.json").mkdir(parents=True)
    assert (await asked("docker.config", machine_at(tmp_path))).outcome == "unreadable"


async def test_the_mirrors_passwords_are_masked(tmp_path: Path) -> None:
    put(tmp_path, "/etc/docker/daemon.json", '{"registry-mirrors": ["https://u:hunter2@m.test"]}')
    found = await asked("docker.config", machine_at(tmp_path))
    assert found.outcome == "invalid"
    assert "hunter2" not in repr(found)


async def test_credentials(tmp_path: Path) -> None:
    machine = machine_at(tmp_path)
    config = "/home/ann/.docker/config.json"
    assert (await asked("docker.credentials", machine, registry="r.test")).outcome == "none"
    put(tmp_path, config, '{"auths": {"r.test": {"auth": "Ym9iOmh1bnRlcjI="}, "https://index.docker.io/v1/": {}}}')
    found = await asked("docker.credentials", machine, registry="r.test")
    assert found.outcome == "stored"
    assert "Ym9i" not in repr(found)
    assert (await asked("docker.credentials", machine, registry="docker.io")).outcome == "none"
    put(tmp_path, config, '{\n"credsStore": "desktop.exe",\n"credHelpers": {"gcr.io": "gcloud"}}')
    found = await asked("docker.credentials", machine, registry="docker.io")
    assert (found.outcome, found.data["helper"], found.data["line"]) == (
        "helper-missing",
        "docker-credential-desktop.exe",
        2,
    )
    program(tmp_path, "/usr/bin/docker-credential-gcloud")
    found = await asked("docker.credentials", machine, registry="gcr.io")
    assert (found.outcome, found.data["helper"]) == ("helper-ok", "docker-credential-gcloud")
    assert (await asked("docker.credentials", machine)).outcome == "helper-missing"
    put(tmp_path, config, '{"auths": {},\n}')
    found = await asked("docker.credentials", machine)
    assert (found.outcome, found.data["line"]) == ("invalid", 1)
    assert "comma" in str(found.data["problem"])


async def test_docker_config_names_another_directory(tmp_path: Path) -> None:
    put(tmp_path, "/ci/config.json", '{"auths": {"r.test": {"identitytoken": "secret"}}}')
    found = await asked("docker.credentials", machine_at(tmp_path, DOCKER_CONFIG="/ci"), registry="r.test")
    assert (found.outcome, found.data["path"]) == ("stored", "/ci/config.json")
