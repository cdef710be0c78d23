"""Faults of the machine itself."""

import json
from typing import Final

from .. import addresses
from ..engine import CLI, DAEMON_JSON
from ..here import USER
from ..lab import PROXY_URL, Lab
from .model import Break

_BAD_JSON: Final = '{\n  "log-driver": "json-file"\n  "debug": true\n}\n'
_PROXIES_JSON: Final = json.dumps({"proxies": {"https-proxy": PROXY_URL}}, indent=2)
_DOCKER_CONFIG: Final = "/root/.docker/config.json"


def _nothing(_lab: Lab) -> None:
    """Break nothing: the user or the missing file is the fault."""


def _daemon_json(lab: Lab, text: str) -> None:
    lab.docker.configure(daemon_json=text)
    lab.docker.restart()


def _log(lab: Lab, _image: str) -> tuple[bool, str]:
    return lab.docker.running(), lab.docker.log()


def _pull_as_user(lab: Lab, image: str) -> tuple[bool, str]:
    return lab.docker.pull(image, as_user=True)


def _small_disk(lab: Lab) -> None:
    lab.docker.stop()
    lab.here.script("mount -t tmpfs -o size=4m lab-disk /var/lib/docker")
    lab.when_healing(lambda: lab.here.script("umount --lazy /var/lib/docker"))
    lab.docker.start()


def _missing_helper(lab: Lab) -> None:
    lab.here.write(_DOCKER_CONFIG, json.dumps({"credsStore": "desktop"}))
    lab.when_healing(lambda: lab.here.remove(_DOCKER_CONFIG))


def _missing_helper_of_registry(lab: Lab) -> None:
    lab.here.write(_DOCKER_CONFIG, json.dumps({"credHelpers": {addresses.PRIVATE: "gone"}}))
    lab.when_healing(lambda: lab.here.remove(_DOCKER_CONFIG))


def _login(lab: Lab, _image: str) -> tuple[bool, str]:
    login = [str(CLI), "login", "--username", addresses.PRIVATE_USER, "--password-stdin"]
    password = addresses.PRIVATE_PASSWORD
    done = lab.here.run([*login, addresses.PRIVATE], stdin=password, merge=True)
    return done.returncode == 0, done.stdout


def _kubectl_used_before(lab: Lab) -> None:
    """Leave what an earlier use of kubectl leaves; its kubeconfig is gone."""
    lab.here.write("/root/.kube/cache/discovery/readme", "")
    lab.when_healing(lambda: lab.here.script("rm -rf /root/.kube"))


def _kubectl(lab: Lab, _image: str) -> tuple[bool, str]:
    done = lab.here.run(["kubectl", "get", "pods"], merge=True)
    return done.returncode == 0, done.stdout


BREAKS: Final = (
    Break(
        id="daemon-down",
        group="here",
        expect="docker-daemon-down",
        words=r"Cannot connect to the Docker daemon at unix:///var/run/docker\.sock",
        apply=lambda lab: lab.docker.stop(),
    ),
    Break(
        id="socket-permission",
        group="here",
        expect="docker-socket-permission",
        words=r"permission denied while trying to connect to the Docker daemon socket",
        apply=_nothing,
        text_from=_pull_as_user,
        user=USER,
        note="a plain user outside the docker group; nothing else is wrong",
    ),
    Break(
        id="daemon-json-syntax",
        group="here",
        expect="docker-daemon-config-invalid",
        facts={"path": DAEMON_JSON},
        words=rf"unable to configure the Docker daemon with file {DAEMON_JSON}: invalid character",
        apply=lambda lab: _daemon_json(lab, _BAD_JSON),
        text_from=_log,
        note="a comma is missing at the end of line 2; dockerd ends at once",
    ),
    Break(
        id="daemon-json-unknown-key",
        group="here",
        expect="docker-daemon-config-invalid",
        facts={"path": DAEMON_JSON},
        words=r"the following directives don't match any configuration option: https-proxy$",
        apply=lambda lab: _daemon_json(lab, _PROXIES_JSON),
        text_from=_log,
        note="`proxies` came with Docker 23, and 20.10 does not start with it",
    ),
    Break(
        id="disk-full",
        group="here",
        expect="disk-full",
        facts={"path": "/var/lib/docker"},
        image="big",
        words=r"no space left on device",
        apply=_small_disk,
        note="/var/lib/docker is a file system of 4 MB",
    ),
    Break(
        id="credential-helper-missing",
        group="here",
        expect="credential-helper-missing",
        facts={"path": _DOCKER_CONFIG},
        words=r"error storing credentials - err: .*docker-credential-desktop",
        apply=_missing_helper,
        text_from=_login,
        note="config.json says credsStore desktop; docker pull does without, docker login fails",
    ),
    Break(
        id="credential-helper-of-registry",
        group="here",
        expect="credential-helper-missing",
        also=("registry-auth-required",),
        image=f"{addresses.PRIVATE}/team/app:1",
        words=r"no basic auth credentials",
        apply=_missing_helper_of_registry,
        note="the login is in a helper that is gone; the text says only that there is none",
    ),
    Break(
        id="kubeconfig-missing",
        group="here",
        expect="kubeconfig-missing",
        words=r"The connection to the server localhost:8080 was refused",
        apply=_kubectl_used_before,
        text_from=_kubectl,
        needs=("kubectl",),
    ),
)
