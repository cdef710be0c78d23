"""Which images a command line pulls: told from its words, or not at all."""

import shlex

import pytest

from kdoctor.cli.pulled import images_of


@pytest.mark.parametrize(
    ("command", "images"),
    [
        ("docker pull alpine", ["alpine"]),
        ("docker pull -q --platform linux/arm64 ghcr.io/lab/app:1", ["ghcr.io/lab/app:1"]),
        ("docker pull --platform=linux/arm64 alpine", ["alpine"]),
        ("docker pull alpine --quiet", ["alpine"]),
        ("/usr/bin/docker --context far -D pull alpine", ["alpine"]),
        ("docker image pull alpine", ["alpine"]),
        ("sudo -E docker pull alpine", ["alpine"]),
        ("sudo HTTPS_PROXY=http://proxy:3128 docker pull alpine", ["alpine"]),
        ("docker run alpine sh -c 'docker pull busybox'", ["alpine"]),
        ("docker run --rm -it -p 8080:80 -e A=b --name web nginx:1.27 nginx -g x", ["nginx:1.27"]),
        ("docker run -dp 8080:80 nginx", ["nginx"]),
        ("docker run -p8080:80 --pull always nginx", ["nginx"]),
        ("docker run -h web -v /a:/b nginx", ["nginx"]),
        ("docker container create --init nginx", ["nginx"]),
        ("docker run -- nginx", ["nginx"]),
        ("podman pull quay.io/prometheus/busybox alpine", ["quay.io/prometheus/busybox", "alpine"]),
        ("nerdctl -n k8s.io pull alpine", ["alpine"]),
        ("crictl pull --creds me:secret registry.corp.test/team/app:1", ["registry.corp.test/team/app:1"]),
        ("ctr -n k8s.io images pull -k registry.corp.test/team/app:1", ["registry.corp.test/team/app:1"]),
        ("kind create cluster --image kindest/node:v1.31.0", ["kindest/node:v1.31.0"]),
        ("minikube start --base-image=registry.corp.test/kicbase:v1", ["registry.corp.test/kicbase:v1"]),
        ("docker build .", []),
        ("docker compose pull", []),
        ("docker run --rm", []),
        ("docker pull", []),
        ("docker pull Not/AnImage", []),
        ("minikube start", []),
        ("echo docker pull alpine", []),
        ("sudo", []),
    ],
)
def test_images_of_a_command(command: str, images: list[str]) -> None:
    assert list(images_of(shlex.split(command))) == images
