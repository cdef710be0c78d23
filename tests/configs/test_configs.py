"""Files that people really got wrong each give their slip with its line; what vendors ship gives none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kdoctor.configs import containerd, names
from kdoctor.machine import Machine
from kdoctor.model import Evidence
from kdoctor.probes.configfiles import is_known, known_files
from kdoctor.probes.runner import Place, Runner
from kdoctor.vantages import Shell
from tests.cli.test_commands import kdoctor

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOOD = sorted(path for path in (HERE / "good").rglob("*") if path.is_file())
BAD: list[dict[str, Any]] = yaml.safe_load((HERE / "bad.yaml").read_text())


async def read(path: Path, root: Path = Path("/")) -> Evidence:
    place = Place("shell", Shell(Machine(root=root)))
    return await Runner(5).ask(place, "config.file", {"path": str(path)})


@pytest.mark.parametrize("path", GOOD, ids=lambda path: str(path.relative_to(HERE)))
async def test_a_good_file_gives_nothing(path: Path) -> None:
    found = await read(path)
    assert found.outcome == "ok", found.detail


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case['path']}-{case['mistake']}")
async def test_a_bad_file_gives_its_slip(case: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / case["path"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(case["text"])
    found = await read(file)
    assert (found.data.get("mistake"), found.outcome, found.data.get("line")) == (
        case["mistake"],
        case["weight"],
        case["line"],
    ), found.detail


def test_every_kind_of_file_has_good_and_bad_ones() -> None:
    good = {path.name if path.suffix != ".conf" else path.parent.name for path in GOOD}
    bad = {Path(case["path"]).name for case in BAD} | {Path(case["path"]).parent.name for case in BAD}
    kinds = ("config.toml", "hosts.toml", "registries.yaml", "docker.service.d", "registries.conf.d", "Corefile")
    for name in (*kinds, "daemon.json", "config.json", "config"):
        assert name in good
        assert name in bad


def test_the_cri_plugin_matters_where_a_kubelet_is() -> None:
    text = (HERE / "good/docker-package/config.toml").read_text()
    assert not list(containerd.config(text))
    assert [slip.mistake for slip in containerd.config(text, kubernetes=True)] == ["cri-disabled"]


def test_containerd_and_kubelet_must_agree_on_cgroups() -> None:
    text = (HERE / "good/containerd-1/config.toml").read_text()
    assert not list(containerd.config(text, kubelet_cgroups="systemd"))
    assert [slip.mistake for slip in containerd.config(text, kubelet_cgroups="cgroupfs")] == ["cgroup-driver"]


def test_a_corefile_that_forwards_to_a_stub_loops() -> None:
    text = ".:53 {\n  forward . /etc/resolv.conf\n}\n"
    assert not list(names.corefile(text, ["10.0.0.53"]))
    assert [slip.mistake for slip in names.corefile(text, ["127.0.0.53"])] == ["loop"]


def test_the_files_of_this_machine_are_found(tmp_path: Path) -> None:
    wanted = ["/etc/containerd/config.toml", "/etc/containerd/certs.d/a.test/hosts.toml", "/etc/resolv.conf"]
    wanted += ["/etc/systemd/system/docker.service.d/p.conf", "/etc/containers/registries.conf.d/1.conf"]
    for path in wanted:
        (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path.lstrip("/")).write_text("")
    found = list(known_files(Machine(root=tmp_path)))
    assert sorted(found) == sorted(wanted)
    assert all(is_known(path) for path in found)


def check(tmp_path: Path, name: str, text: str, *more: str) -> tuple[dict[str, Any], int]:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    cache = os.environ["XDG_CACHE_HOME"]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": cache,
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
    }
    done = kdoctor(env, "check", "--config", str(file), "-o", "json", *more)
    assert not done.stderr, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report, done.returncode


def test_check_names_file_and_line(tmp_path: Path) -> None:
    text = next(case["text"] for case in BAD if case["mistake"] == "mirrors-and-config-path")
    report, status = check(tmp_path, "config.toml", text)
    assert status == 1
    first = report["diagnoses"][0]
    assert (first["rule"], first["verdict"]) == ("runtime-config-invalid", "confirmed")
    assert first["locations"][0]["source"] == str(tmp_path / "config.toml")
    assert first["locations"][0]["line"] == 4
    assert [c["id"] for c in report["checks"]] == ["config"]


def test_what_is_passed_over_is_a_warning(tmp_path: Path) -> None:
    text = next(case["text"] for case in BAD if case["mistake"] == "typographic-quotes")
    report, status = check(tmp_path, "docker.service.d/p.conf", text)
    assert status == 0
    assert report["diagnoses"][0]["severity"] == "warning"
    _, strict = check(tmp_path, "docker.service.d/p.conf", text, "--fail-on", "warning")
    assert strict == 1


def test_a_loop_in_a_corefile_has_its_own_rule(tmp_path: Path) -> None:
    text = next(case["text"] for case in BAD if case["mistake"] == "loop")
    report, _ = check(tmp_path, "Corefile", text)
    assert report["diagnoses"][0]["rule"] == "dns-loop"


@pytest.mark.parametrize(
    ("name", "mistake", "rule"),
    [
        ("docker/daemon.json", "unknown-key", "docker-daemon-config-invalid"),
        (".kube/config", "no-context", "kubeconfig-invalid"),
        (".docker/config.json", "helper-name", "runtime-config-invalid"),
    ],
)
def test_each_file_has_the_rule_of_its_program(name: str, mistake: str, rule: str, tmp_path: Path) -> None:
    text = next(case["text"] for case in BAD if (case["path"], case["mistake"]) == (name, mistake))
    report, status = check(tmp_path / "at", name, text)
    first = report["diagnoses"][0]
    assert (status, first["rule"], first["verdict"]) == (1, rule, "confirmed")
    assert str(tmp_path / "at" / name) in first["because"]


def test_a_bad_resolv_conf_has_its_own_rule(tmp_path: Path) -> None:
    report, _ = check(tmp_path, "resolv.conf", "nameserver 10.0.0.53:5353\n")
    assert report["diagnoses"][0]["rule"] == "dns-resolv-conf-unusable"
    assert report["diagnoses"][0]["verdict"] == "confirmed"


def test_a_good_file_is_healthy(tmp_path: Path) -> None:
    report, status = check(tmp_path, "hosts.toml", 'server = "https://r.example.com"\n')
    assert (status, report["status"]) == (0, "healthy")


@pytest.mark.parametrize("name", ["nothing.toml", "config.toml"])
def test_a_file_that_cannot_be_read_is_wrong_usage(name: str, tmp_path: Path) -> None:
    if name == "nothing.toml":
        (tmp_path / name).write_text("")
    cache = os.environ["XDG_CACHE_HOME"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": cache, "PYTHONPATH": str(ROOT)}
    done = kdoctor(env, "check", "--config", str(tmp_path / name))
    assert done.returncode == 2
    assert name in done.stderr.decode()
