"""How a shell on the other side is reached: the command lines of docker, minikube, ssh, podman and kubectl.

Each runs `sh -s -- COMMAND SECONDS [VALUE...]` there, non-interactively. Values are checked in
`session`; the names here come from flags, from the engine's list of containers or from minikube's
files, and none may begin with a dash.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from kdoctor.errors import UsageError, did_you_mean

KINDS = ("docker-exec", "minikube", "ssh", "podman-machine", "pod", "node", "kubectl-debug")
FORMS = (
    "docker-exec:CONTAINER, minikube[:PROFILE], ssh:[USER@]HOST, podman-machine[:NAME], pod:NS/NAME, node:NAME "
    "or kubectl-debug:NODE[=IMAGE]"
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_SSH = re.compile(
    r"(?:ssh://)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?(?:[A-Za-z0-9_][\w.-]{0,252}|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?"
)
_DEBUG = re.compile(r"([a-z0-9][a-z0-9.-]{0,252})(?:=([A-Za-z0-9][\w.:/@-]{0,254}))?")
_POD = re.compile(r"([a-z0-9][a-z0-9.-]{0,62})/([a-z0-9][a-z0-9.-]{0,252})(?:/([a-z0-9][a-z0-9-]{0,62}))?")


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: the vantage's `name` in reports, what runs before the shell, and whether a shell joins it.

    `joined` tells that the far side gets one string that its login shell splits again (ssh). `tool` and
    `cluster` are those of a local cluster's node; `asked` tells that the person named it with --via.
    `debug` is the node, and the image or none, of a pod that must be started first (remote.debugging).
    """

    name: str
    program: tuple[str, ...]
    joined: bool = False
    tool: str = ""
    cluster: str = ""
    asked: bool = True
    debug: tuple[str, str] | None = None

    def argv(self, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs the script on standard input with the arguments."""
        shell = ["sh", "-s", "--", *arguments]
        return [*self.program, shlex.join(shell)] if self.joined else [*self.program, *shell]


def docker_exec(container: str, name: str | None = None) -> Way:
    """Return the way into a container of the engine that the docker command uses."""
    return Way(name or f"node:{container}", ("docker", "exec", "-i", container))


def minikube(profile: str) -> Way:
    """Return the way into a minikube machine; its own ssh client asks for no terminal, the native one does."""
    program = ("minikube", "ssh", "--native-ssh=false", "-p", profile, "--")
    return Way(f"node:{profile}", program, joined=True)


def given(via: str) -> Way:
    """Return the way that `--via` names.

    Raises:
        UsageError: no such kind of way, or a name that cannot be one.
    """
    kind, _, value = via.partition(":")
    if kind not in KINDS:
        raise UsageError(f'--via "{via}": no way "{kind}".{did_you_mean(kind, KINDS)} There are {FORMS}.')
    if kind == "ssh":
        return _ssh(via, value)
    if kind == "pod":
        return _pod(via, value)
    if kind == "kubectl-debug":
        return _debug(via, value)
    optional = {"minikube": "minikube", "podman-machine": "podman-machine-default"}
    if not value and kind in optional:
        value = optional[kind]
    elif not _NAME.fullmatch(value):
        raise UsageError(f'--via "{via}": "{value}" is no name; give {_form(kind)}')
    if kind == "podman-machine":
        return Way(via.rstrip(":"), ("podman", "machine", "ssh", value), joined=True)
    return minikube(value) if kind == "minikube" else docker_exec(value)


def _ssh(via: str, value: str) -> Way:
    if not _SSH.fullmatch(value):
        raise UsageError(f'--via "{via}": "{value}" is no host; give {_form("ssh")}')
    bare = value.removeprefix("ssh://")
    host, colon, port = bare.rpartition(":")
    if not colon or bare.endswith("]"):
        host, port = bare, ""
    options = ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=4", "-o", "ClearAllForwardings=yes"]
    at = [*options, *(["-p", port] if port else []), "--", host.replace("[", "").replace("]", "")]
    return Way(f"ssh:{bare}", ("ssh", *at), joined=True)


def _pod(via: str, value: str) -> Way:
    match = _POD.fullmatch(value)
    if match is None:
        raise UsageError(f'--via "{via}": "{value}" is no pod; give {_form("pod")}, or pod:NS/NAME/CONTAINER')
    namespace, name, container = match.groups()
    chosen = ("-c", container) if container else ()
    return Way(f"pod:{value}", ("kubectl", "exec", "-i", "-n", namespace, name, *chosen, "--"))


def _debug(via: str, value: str) -> Way:
    match = _DEBUG.fullmatch(value)
    if match is None:
        raise UsageError(f'--via "{via}": "{value}" is no node; give {_form("kubectl-debug")}')
    node, image = match.groups()
    return Way(f"node:{node}", (), debug=(node, image or ""))


def _form(kind: str) -> str:
    return next(form for form in re.split(r", | or ", FORMS) if form.startswith(kind))
