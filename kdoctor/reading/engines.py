"""Which program's words a text is: the engines' and clients' own phrases, the most telling first."""

from __future__ import annotations

import functools
import re

_ENGINES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("cri-o", ("cri-o", "crio"), r"\bcri-?o\b|crio\["),
    (
        "podman",
        ("podman", "docker://", "trying to pull"),
        r"\bpodman\b|^Error: (?:initializing source|unable to copy from source) docker://|Trying to pull .{1,200}\.\.\.",
    ),
    ("skopeo", ("skopeo", "error parsing image name"), r"\bskopeo\b|level=fatal msg=\"?Error parsing image name"),
    (
        "kind",
        ("kindest/node", "kind create cluster", "failed to create cluster"),
        r"kindest/node|kind create cluster|failed to create cluster: failed to pull",
    ),
    ("k3d", ("k3d", "rancher/k3s"), r"\bk3d\b|rancher/k3s"),
    ("k3s", ("k3s", "rancher"), r"\bk3s(?:\[|\b)|rancher/mirrored|/var/lib/rancher"),
    (
        "kubeadm",
        ("kubeadm", "[preflight]", "[error ", "[warning "),
        r"\[preflight\]|\bkubeadm\b|\[ERROR [A-Z]|\[WARNING [A-Z]",
    ),
    (
        "minikube",
        ("minikube", "kicbase", "exiting due to ", "is having trouble accessing"),
        r"\bminikube\b|kicbase|Exiting due to [A-Z]|(?:VM|container) is having trouble accessing https?:",
    ),
    (
        "kubelet",
        ("kubelet", "pull image", "errimagepull", "imagepullbackoff", "createpodsandbox", "back-off", "rpc error"),
        r"\bkubelet\b|Failed to pull image \"|ErrImagePull|ImagePullBackOff|CreatePodSandbox|Back-off pulling image|rpc error: code =",
    ),
    ("compose", ("compose", "error: for "), r"\bdocker[- ]compose\b|^ERROR: for \w"),
    ("buildkit", ("failed to solve", "[internal] load", "build"), r"failed to solve|\[internal\] load|buildx|buildkit"),
    (
        "docker",
        ("docker", "error response from daemon", "unable to find image"),
        r"Error response from daemon|\bdocker(?:d|\.exe)?\b(?!\.(?:io|com|internal)\b)|Unable to find image",
    ),
    (
        "containerd",
        ("failed to resolve reference", "failed to pull and unpack", "containerd", "ctr"),
        r"failed to resolve reference|failed to pull and unpack|\bcontainerd\b|\bctr\b",
    ),
    ("helm", ("helm", "installation failed"), r"\bhelm\b|INSTALLATION FAILED"),
    (
        "kubectl",
        ("kubectl", "unable to connect to the server", "right host or port"),
        r"\bkubectl\b|Unable to connect to the server|did you specify the right host or port",
    ),
    ("crane", ("crane", "manifest_unknown", "name_unknown"), r"\bcrane\b|MANIFEST_UNKNOWN|NAME_UNKNOWN"),
    ("curl", ("curl: (",), r"curl: \(\d+\)"),
    (
        "python",
        ("traceback", "httpsconnectionpool", "requests.exceptions", "urllib3"),
        r"Traceback \(most recent|HTTPSConnectionPool|requests\.exceptions|urllib3",
    ),
    ("java", ("java.", "javax.", "pkix path"), r"\bjava\.|javax\.|PKIX path"),
    (
        "node",
        ("enotfound", "econnrefused", "eai_again", "econnreset", "etimedout"),
        r"\b(?:ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ECONNRESET|ETIMEDOUT)\b",
    ),
    ("docker", ("/v2/",), r"Get \"?https?://[^\s\"]+/v2/"),
)
"""Of each, words (in lower case) of which its text has one, and the pattern that decides."""


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile when first needed: most runs need few of these."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def engine(text: str) -> str | None:
    """Return the program whose words the text is, as well as can be told."""
    lower = text.lower()
    return next(
        (
            name
            for name, words, pattern in _ENGINES
            if any(word in lower for word in words) and _compiled(pattern).search(text)
        ),
        None,
    )
