"""Who pulled, and on what: from a text's engine to the vantage of its probes and the platform of its fixes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kdoctor.model import Host

DAEMON_ENGINES = frozenset({"docker", "compose", "buildkit", "docker-desktop"})
"""Engines whose pulls the Docker daemon does."""

NODE_ENGINES = frozenset({"kubelet", "containerd", "cri-o", "k3s", "kubeadm"})
"""Engines that run on a cluster's node, which may be another machine or a VM here."""

TOOLS_WITH_DAEMON = frozenset({"minikube", "kind", "k3d"})
"""Tools that pull with the Docker daemon and download by themselves."""

RUNTIMES = ("containerd", "cri-o")
"""Vantages that are this machine's own container runtime."""

HERE = ("shell", "docker", *RUNTIMES)
"""Vantages whose settings are on this machine."""

_PLATFORM_OF = {
    "minikube": ("minikube",),
    "kind": ("kind",),
    "k3d": ("k3d",),
    "k3s": ("k3s",),
    "kubeadm": ("kubeadm", "containerd"),
    "containerd": ("containerd",),
    "cri-o": ("cri-o",),
    "podman": ("podman",),
    "skopeo": ("podman",),
    "docker-desktop": ("docker-desktop",),
}
_DOCKER_PLATFORMS = ("docker-engine", "docker-rootless", "docker-desktop", "colima", "rancher-desktop", "podman")
_DESKTOP = re.compile(
    r"docker desktop|192\.168\.65\.|docker\.internal|connectex|wsarecv|docker\.exe|^ps [a-z]:|com\.docker",
    re.IGNORECASE | re.MULTILINE,
)
_DAEMON_WORDS = re.compile(r"error response from daemon|dockerd\[|docker: error", re.IGNORECASE)
# The program's own name, not that of a registry's host.
_DOCKER = re.compile(r"unable to find image|(?<![\w.-])docker(?:d|\.exe|-compose)?\b(?!\.(?:io|com)\b)", re.IGNORECASE)
# Words of a node, or of the Docker inside it, although a tool's name stands beside them.
_IN_NODE = re.compile(
    r"\bkubelet\b|failed to pull image|errimagepull|imagepullbackoff|createpodsandbox|\[error imagepull\]"
    r"|\bminikube (?:dockerd|containerd|cri-dockerd|crio|kubelet)\b"
    r"|(?:vm|container) is having trouble accessing|from inside the minikube"
    r"|\blookup \S{1,255} on 192\.168\.(?:39|49|59|64|99|105)\.\d{1,3}:53",
    re.IGNORECASE,
)
_HOST_PULL = re.compile(r"kicbase|kindest/node", re.IGNORECASE)
_CLUSTERS = (
    ("minikube", re.compile(r"\bminikube\b|kicbase|192\.168\.(?:49|39|59|64|99)\.|k8s-minikube", re.IGNORECASE)),
    ("kind", re.compile(r"\bkind-|kindest|kind-control-plane", re.IGNORECASE)),
    ("k3d", re.compile(r"\bk3d-", re.IGNORECASE)),
    ("k3s", re.compile(r"\bk3s\b|rancher/mirrored", re.IGNORECASE)),
)


def says_docker(text: str) -> bool:
    """Tell whether a text is surely of docker or its daemon: the name of its registry alone may stand anywhere."""
    return _DAEMON_WORDS.search(text) is not None or _DOCKER.search(text) is not None


def vantage_name(engine: str | None, text: str, has_docker: bool) -> str:
    """Return whose view counts for a text: shell, docker or node."""
    if engine in DAEMON_ENGINES:
        return "docker"
    if engine in TOOLS_WITH_DAEMON:
        if _IN_NODE.search(text) and not _HOST_PULL.search(text):
            return "node"
        return "docker" if _DAEMON_WORDS.search(text) else "shell"
    if engine in NODE_ENGINES:
        on_its_own = engine == "containerd" and re.search(r"\bctr\b|nerdctl", text) is not None
        return "shell" if on_its_own else "node"
    return "docker" if engine is None and has_docker else "shell"


def platforms(engine: str | None, text: str, vantage: str, host: Host | None, system: str) -> Sequence[str]:
    """Return the platforms whose fixes fit a text, the likeliest first.

    `host` is what was found here, None where nothing was looked at; `system` is sys.platform.
    """
    found = [p.id for p in host.platforms] if host else []
    if vantage in RUNTIMES:
        return (*(name for name in ("k3s", "kubeadm") if name in found), vantage)
    chosen: list[str] = []
    if engine in ("kubelet", "containerd", "cri-o", None) and vantage != "docker":
        chosen += [name for name, pattern in _CLUSTERS if pattern.search(text)]
        if engine == "kubelet" and not chosen:
            chosen += [name for name in ("minikube", "k3s", "kind", "k3d", "kubeadm") if name in found][:1]
    if engine in TOOLS_WITH_DAEMON and vantage == "docker":
        chosen += _docker(found, text, system)
    chosen += _PLATFORM_OF.get(engine or "", ())
    if vantage == "docker" or engine in (None, *DAEMON_ENGINES):
        named = next((name for name, pattern in _CLUSTERS[:1] if pattern.search(text)), None)
        meant = host is None or (named in found and _IN_NODE.search(text) is not None)
        chosen += ([named] if named and meant else []) + list(_docker(found, text, system))
    if vantage == "node" and not chosen:
        chosen += ["kubeadm", "containerd"]
    chosen += ["shell"] if vantage == "shell" else list(_docker(found, text, system))
    return tuple(dict.fromkeys(chosen))


def _docker(found: Sequence[str], text: str, system: str) -> tuple[str, ...]:
    here = tuple(name for name in found if name in _DOCKER_PLATFORMS)
    if here:
        return here[:1]
    return ("docker-desktop",) if system in ("darwin", "win32") or _DESKTOP.search(text) else ("docker-engine",)
