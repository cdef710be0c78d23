"""systemd units, resolv.conf, CA files, daemon.json: where settings come from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from kdoctor.machine import Machine
from kdoctor.settings import dockerd, engine, jsonfile, resolv, systemd, trust
from kdoctor.settings.daemon import DaemonProcess
from kdoctor.settings.dockerd import Files
from kdoctor.settings.engine import EngineInfo
from kdoctor.settings.source import Source

MakeMachine = Callable[..., Machine]

DROP_IN = "/etc/systemd/system/docker.service.d/http-proxy.conf"
SYSTEMD = {"/run/systemd/system/.keep": ""}


def test_systemd_splits_quotes_and_percent_signs(make_machine: MakeMachine) -> None:
    text = """[Service]
# a comment
Environment="HTTP_PROXY=http://u:a%%40b@p:1" 'NO_PROXY=a b' \\
    HTTPS_PROXY=http://q:2
Environment=BAD=http://u:a%40b@p:1
"""
    found = systemd.unit_environment(make_machine({DROP_IN: text}), "docker.service")
    assert found["HTTP_PROXY"].value == "http://u:a%40b@p:1"
    assert found["NO_PROXY"].value == "a b"
    assert (found["HTTPS_PROXY"].value, found["HTTPS_PROXY"].line) == ("http://q:2", 3)
    assert found["BAD"].problem is not None


def test_a_drop_in_masks_one_of_the_same_name_and_an_empty_value_resets(make_machine: MakeMachine) -> None:
    machine = make_machine(
        {
            "/lib/systemd/system/docker.service": "[Service]\nEnvironment=A=unit\nEnvironment=B=unit\n",
            "/usr/lib/systemd/system/docker.service.d/10.conf": "[Service]\nEnvironment=A=masked\n",
            "/etc/systemd/system/docker.service.d/10.conf": "[Service]\nEnvironment=\nEnvironment=A=mine\n",
            "/etc/systemd/system/docker.service.d/20.conf": "[Service]\nEnvironmentFile=-/etc/sysconfig/docker\n",
            "/etc/sysconfig/docker": '; no\nC="quoted"\n',
        }
    )
    found = systemd.unit_environment(machine, "docker.service")
    assert {name: a.value for name, a in found.items()} == {"A": "mine", "C": "quoted"}
    assert found["C"].file == "/etc/sysconfig/docker"
    assert found["C"].line == 2


def files(machine: Machine, env: dict[str, str] | None = None) -> Files:
    return Files(machine, "", DaemonProcess(7, "test", ("dockerd",), env=env))


@pytest.mark.parametrize(
    ("path", "text", "kind", "line"),
    [
        (DROP_IN, '[Service]\nEnvironment="HTTPS_PROXY=http://bob:s3cret@p:1"\n', "systemd", 2),
        ("/etc/docker/daemon.json", '{\n"proxies": {\n"https-proxy": "http://bob:s3cret@p:1"}}', "daemon-json", 3),
    ],
)
def test_the_effective_proxy_is_traced_to_its_file(
    make_machine: MakeMachine, path: str, text: str, kind: str, line: int
) -> None:
    machine = make_machine(SYSTEMD | {path: text})
    info = EngineInfo(https_proxy="http://xxxxx:xxxxx@p:1")
    setting = dockerd.proxies(files(machine, env={"HTTPS_PROXY": "http://bob:s3cret@p:1"}), info).https
    assert setting is not None
    assert (setting.source.kind, setting.source.file, setting.source.line) == (kind, path, line)
    assert setting.value == "http://bob:s3cret@p:1"
    assert not setting.masked


def test_init_defaults_count_only_where_systemd_does_not_run(make_machine: MakeMachine) -> None:
    defaults = {"/etc/default/docker": "# x\nexport https_proxy='http://p:1' no_proxy=a\n"}
    info = EngineInfo(https_proxy="http://p:1")
    setting = dockerd.proxies(files(make_machine(defaults)), info).https
    assert setting is not None
    assert (setting.variable, setting.source.kind, setting.source.line) == ("https_proxy", "init-defaults", 2)
    setting = dockerd.proxies(files(make_machine(SYSTEMD)), info).https
    assert setting is not None
    assert setting.source.kind == "process"


def test_a_file_that_is_not_in_effect_is_noted(make_machine: MakeMachine) -> None:
    machine = make_machine(SYSTEMD | {DROP_IN: "[Service]\nEnvironment=HTTPS_PROXY=http://new:1\n"})
    settings = dockerd.proxies(files(machine), EngineInfo(https_proxy="http://old:1"))
    assert settings.https is not None
    assert settings.https.value == "http://old:1"
    assert [n for n in settings.notes if f"{DROP_IN}:2 is not in effect" in n]


def test_without_an_answer_the_process_environment_counts_and_without_that_nothing(make_machine: MakeMachine) -> None:
    machine = make_machine({"/etc/default/docker": "export HTTPS_PROXY=http://p:1\n"})
    seen = dockerd.proxies(files(machine, env={"HTTPS_PROXY": "http://q:2"}), None)
    assert seen.https is not None
    assert (seen.https.value, seen.https.source.kind) == ("http://q:2", "process")
    assert dockerd.proxies(Files(machine, "", None), None).unseen is not None


def test_docker_desktops_own_proxy_says_nothing(make_machine: MakeMachine) -> None:
    setting = dockerd.proxies(
        Files(make_machine(), None, None, desktop=True), EngineInfo(https_proxy="http.docker.internal:3128")
    ).https
    assert setting is not None
    assert setting.source.kind == "desktop"
    assert "says nothing" in setting.source.text


def test_a_password_that_the_engine_masked_and_no_file_holds_stays_unknown(make_machine: MakeMachine) -> None:
    setting = dockerd.proxies(Files(make_machine(), None, None), EngineInfo(http_proxy="http://xxxxx:xxxxx@p:1")).http
    assert setting is not None
    assert setting.masked


def test_mirrors_are_the_engines_with_the_line_of_daemon_json(make_machine: MakeMachine) -> None:
    text = '{\n "registry-mirrors": [\n  "https://a.test",\n  "https://b.test/"\n ]\n}'
    machine = make_machine({"/etc/docker/daemon.json": text})
    found = dockerd.mirrors(files(machine), EngineInfo(mirrors=("https://b.test/", "https://c.test/")))
    assert [(m.url, m.file, m.line) for m in found] == [
        ("https://b.test/", "/etc/docker/daemon.json", 4),
        ("https://c.test/", None, None),
    ]


def test_config_file_of_the_command_line_is_read(make_machine: MakeMachine) -> None:
    process = DaemonProcess(7, "test", ("dockerd", "--config-file", "/srv/d.json"))
    assert Files(make_machine(), "", process).daemon_json == "/srv/d.json"
    assert Files(make_machine(), None, None).daemon_json is None


@pytest.mark.parametrize("value", ["http://p:1", "p:1", "socks5://p", "http://p:1/x?y", "http://u:%zz@p"])
def test_values_without_a_user_are_not_masked_by_the_engine(value: str) -> None:
    assert dockerd.masked(value) == value


def test_the_engine_masks_user_and_password() -> None:
    assert dockerd.masked("http://u:p%40@h:1/x") == "http://xxxxx:xxxxx@h:1/x"


def test_resolv_conf_as_go_reads_it() -> None:
    conf = resolv.parse(
        "# c\n; c\nnameserver 10.0.0.1\nnameserver dns.test\nnameserver ::1\n"
        " nameserver 10.0.0.3\nnameserver 10.0.0.4\n"
        "domain old.test\nsearch a.test b.test .\noptions ndots:99 timeout:0 attempts:x rotate use-vc ndots:2\n"
    )
    assert conf.servers == ("10.0.0.1", "::1", "10.0.0.3")
    assert conf.rejected == ("dns.test", "10.0.0.4")
    assert (conf.search, conf.ndots, conf.timeout, conf.attempts) == (("a.test", "b.test"), 2, 1, 1)
    assert (conf.rotate, conf.use_tcp, conf.fallback) == (True, True, False)


def test_without_a_search_line_go_searches_the_hosts_own_domain(make_machine: MakeMachine) -> None:
    machine = make_machine({"/etc/resolv.conf": "nameserver 10.0.0.1\n", "/proc/sys/kernel/hostname": "a.corp.test\n"})
    assert resolv.read(machine).search == ("corp.test",)


def test_without_a_nameserver_go_asks_this_machine(make_machine: MakeMachine) -> None:
    empty = resolv.read(make_machine({"/etc/resolv.conf": "search a.test\n"}))
    assert (empty.servers, empty.fallback, empty.exists) == (("127.0.0.1", "::1"), True, True)
    (make_machine().path("/etc/resolv.conf")).unlink()
    missing = resolv.read(make_machine())
    assert (missing.servers, missing.fallback, missing.exists) == (("127.0.0.1", "::1"), True, False)


def test_ca_files_are_the_first_bundle_and_the_directory_without_hash_links(make_machine: MakeMachine) -> None:
    ca = trustme.CA().cert_pem.bytes().decode()
    machine = make_machine(
        {
            "/etc/ssl/certs/ca-certificates.crt": ca,
            "/etc/ssl/cert.pem": "not reached",
            "/usr/share/ca-certificates/x.crt": "junk\n" + ca + "junk",
        }
    )
    folder = machine.path("/etc/ssl/certs")
    os.symlink("../../../usr/share/ca-certificates/x.crt", folder / "x.pem")
    os.symlink("x.pem", folder / "0a1b2c3d.0")
    found = trust.system_ca_files(machine, {})
    assert [Path(f).name for f in found] == ["ca-certificates.crt", "x.pem"]
    assert trust.Trust(ca_files=found).pem().count("BEGIN CERTIFICATE") == 1


def test_ssl_cert_file_replaces_the_bundle(make_machine: MakeMachine) -> None:
    machine = make_machine({"/etc/ssl/cert.pem": "a", "/srv/ca.pem": "b", "/srv/d/x.pem": "c"})
    env = {"SSL_CERT_FILE": "/srv/ca.pem", "SSL_CERT_DIR": "/srv/d:/none"}
    assert [Path(f).name for f in trust.system_ca_files(machine, env)] == ["ca.pem", "x.pem"]
    assert trust.system_ca_files(machine, {"SSL_CERT_FILE": "/none", "SSL_CERT_DIR": "/none"}) == ()


def test_certs_d_gives_authorities_and_the_client_pair(make_machine: MakeMachine) -> None:
    base = "/etc/docker/certs.d/reg.test:5000"
    machine = make_machine({f"{base}/{n}": "" for n in ("ca.crt", "client.cert", "client.key", "lone.cert")})
    found = trust.certs_d(machine, ["/etc/docker/certs.d"], "reg.test:5000")
    assert [Path(f).name for f in found.own_ca_files] == ["ca.crt"]
    assert found.client is not None
    assert [Path(f).name for f in found.client] == ["client.cert", "client.key"]
    assert found.problem is not None
    assert "lone.key" in found.problem
    assert trust.certs_d(machine, ["/etc/docker/certs.d"], "reg.test").own_ca_files == ()


@pytest.mark.parametrize(
    ("registry", "insecure"),
    [
        ("127.0.0.1:5000", True),
        ("127.5.5.5", True),
        ("[::1]:5000", True),
        ("localhost:5000", True),
        ("reg.test:5000", True),
        ("reg.test", False),
        ("10.9.1.1:80", True),
        ("10.8.1.1:80", False),
    ],
)
def test_insecure_registries(registry: str, insecure: bool) -> None:
    assert trust.is_insecure(registry, ("reg.test:5000",), ("10.9.0.0/16", "nonsense")) is insecure


def test_the_command_lines_endpoint(make_machine: MakeMachine) -> None:
    default = engine.endpoint(make_machine())
    assert (default.url, default.socket, default.local) == ("unix:///var/run/docker.sock", "/var/run/docker.sock", True)
    assert engine.endpoint(make_machine(os="windows")).url.startswith("npipe://")
    remote = engine.endpoint(make_machine(env={"DOCKER_HOST": "ssh://me@far", "DOCKER_CONTEXT": "x"}))
    assert (remote.url, remote.local, remote.because) == ("ssh://me@far", False, "DOCKER_HOST")


def test_the_current_context_is_looked_up_in_its_store(make_machine: MakeMachine) -> None:
    digest = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e"  # sha256 of desktop-linux
    meta = '{"Name": "desktop-linux", "Endpoints": {"docker": {"Host": "unix:///home/u/.docker/desktop/docker.sock"}}}'
    machine = make_machine(
        {
            "/home/u/.docker/config.json": '{"currentContext": "desktop-linux"}',
            f"/home/u/.docker/contexts/meta/{digest}/meta.json": meta,
        }
    )
    found = engine.endpoint(machine)
    assert (found.context, found.socket) == ("desktop-linux", "/home/u/.docker/desktop/docker.sock")
    shutil.rmtree(machine.path("/home/u/.docker/contexts"))
    assert engine.endpoint(machine).problem is not None


def test_hostile_json_is_as_if_absent() -> None:
    assert jsonfile.parse("[" * 100_000) is None
    info = engine.engine_info({"HttpProxy": 7, "RegistryConfig": {"Mirrors": ["a", 1], "IndexConfigs": []}}, [])
    assert (info.http_proxy, info.mirrors, info.insecure) == ("", ("a",), ())
    assert jsonfile.line_of('{"a":\n"b\\/c"}', "a", "b/c") == 2
    assert Source("file", "x").file is None


def test_nameservers_that_other_files_of_the_machine_name(tmp_path: Path) -> None:
    files = {
        "run/systemd/resolve/resolv.conf": "nameserver 10.1.0.1\nnameserver 127.0.0.53\nsearch corp.test\n",
        "run/systemd/netif/leases/2": "ADDRESS=10.2.0.9\nDNS=10.2.0.1 10.2.0.2\nNTP=10.2.0.3\n",
        "var/lib/dhcp/dhclient.eth0.leases": (
            'lease {\n  interface "eth0";\n  option routers 10.3.0.254;\n'
            "  option domain-name-servers 10.3.0.1,10.1.0.1;\n}\n"
        ),
        "run/resolvconf/interface/tun0": "nameserver fd00::53\nnameserver not-an-address\n",
        "etc/docker/daemon.json": '{"dns": ["10.4.0.1"]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = resolv.named_here(Machine(root=tmp_path))
    assert found == ("10.1.0.1", "fd00::53", "10.2.0.1", "10.2.0.2", "10.3.0.1", "10.4.0.1")
    assert resolv.named_here(Machine(root=tmp_path / "empty")) == ()
