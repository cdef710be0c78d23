"""Knowledge about registries: one registry's many names, its mirrors, and its end."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kdoctor import registries
from kdoctor.references import parse


@pytest.mark.parametrize(
    "name", ["docker.io", "index.docker.io", "registry-1.docker.io", "REGISTRY-1.docker.io:443", "docker.io."]
)
def test_docker_hub_has_one_name(name: str) -> None:
    assert registries.canonical(name) == "docker.io"
    assert registries.api_host(name) == "registry-1.docker.io"
    assert registries.is_well_known(name)


def test_other_registries_are_asked_where_they_say() -> None:
    assert registries.api_host("reg.test:5000") == "reg.test:5000"
    assert registries.canonical("[fd00::1]:443") == "[fd00::1]"
    assert registries.canonical("[fd00::443]") == "[fd00::443]"


@pytest.mark.parametrize("host", ["evil.test", "docker.io.evil.test", "xdocker.io", "evil-docker.pkg.dev.evil.test"])
def test_a_name_that_only_looks_well_known_is_not(host: str) -> None:
    assert not registries.is_well_known(host)


@pytest.mark.parametrize("host", ["europe-docker.pkg.dev", "mcr.microsoft.com", "ghcr.io", "registry.k8s.io:443"])
def test_public_registries_are_well_known(host: str) -> None:
    assert registries.is_well_known(host)


def test_a_control_is_of_another_family() -> None:
    assert registries.family("us-west1-docker.pkg.dev") == registries.family("registry.k8s.io")
    assert registries.family("auth.docker.io") == registries.family("docker.io")
    assert len({registries.family(host) for host in registries.CONTROLS}) == len(registries.CONTROLS)


def test_a_flat_mirror_keeps_the_last_part_of_a_name() -> None:
    flat = registries.mirrors_of("registry.k8s.io")[0]
    assert flat.image("coredns/coredns") == "registry.cn-hangzhou.aliyuncs.com/google_containers/coredns"
    assert flat.host == "registry.cn-hangzhou.aliyuncs.com"


def test_a_mirror_of_official_images_has_no_others() -> None:
    official = next(one for one in registries.mirrors_of("index.docker.io") if one.layout == "library")
    assert official.image("library/nginx") == "public.ecr.aws/docker/library/nginx"
    assert official.image("grafana/loki") is None


def test_every_entry_of_the_tables_is_usable() -> None:
    for mirror in registries.public_mirrors():
        assert mirror.layout in ("path", "flat", "library")
        assert re.fullmatch(r"\d{4}(-\d\d)?", mirror.seen)
        assert mirror.source.startswith("https://")
        assert registries.proof_images(mirror.of), mirror.of
        assert parse(f"{mirror.repository}/x/y").registry == mirror.host
    for gone in registries.retired_table():
        assert gone.state in ("frozen", "gone")
        assert re.fullmatch(r"\d{4}(-\d\d){0,2}", gone.since)
        assert gone.source.startswith("https://")


@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("k8s.gcr.io", "registry.k8s.io"),
        ("k8s.gcr.io/pause", "registry.k8s.io"),
        ("gcr.io/google_containers/pause", "registry.k8s.io"),
        ("docker.io/bitnami/redis", "docker.io/bitnamilegacy"),
        ("index.docker.io/bitnami/redis", "docker.io/bitnamilegacy"),
        ("gcr.io/kubebuilder/kube-rbac-proxy", "quay.io/brancz/kube-rbac-proxy"),
    ],
)
def test_a_retired_name_has_its_replacement(name: str, replacement: str) -> None:
    retired = registries.retired(name)
    assert retired is not None
    assert retired.replacement == replacement


@pytest.mark.parametrize(
    "name", ["gcr.io", "gcr.io/distroless/base", "docker.io/bitnamilegacy/redis", "registry.k8s.io/pause"]
)
def test_a_living_name_is_not_retired(name: str) -> None:
    assert registries.retired(name) is None


def test_the_module_is_light() -> None:
    heavy = ("httpx", "h11", "yaml", "tomllib", "asyncio")
    code = f"import kdoctor.registries, kdoctor.references, sys; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
