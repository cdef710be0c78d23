"""Which program's words a text is: the engines' and clients' own phrases, the most telling first."""

from __future__ import annotations

import functools
import re

_ENGINES: tuple[tuple[str, str], ...] = (
    ("cri-o", r"\bcri-?o\b|crio\["),
    (
        "podman",
        r"\bpodman\b|^Error: (?:initializing source|unable to copy from source) docker://|Trying to pull .{1,200}\.\.\.",
    ),
    ("skopeo", r"\bskopeo\b|level=fatal msg=\"?Error parsing image name"),
    ("kind", r"kindest/node|kind create cluster|failed to create cluster: failed to pull"),
    ("k3d", r"\bk3d\b|rancher/k3s"),
    ("k3s", r"\bk3s(?:\[|\b)|rancher/mirrored|/var/lib/rancher"),
    ("kubeadm", r"\[preflight\]|\bkubeadm\b|\[ERROR [A-Z]|\[WARNING [A-Z]"),
    ("minikube", r"\bminikube\b|kicbase|Exiting due to [A-Z]|(?:VM|container) is having trouble accessing https?:"),
    (
        "kubelet",
        r"\bkubelet\b|Failed to pull image \"|ErrImagePull|ImagePullBackOff|CreatePodSandbox|Back-off pulling image|rpc error: code =",
    ),
    ("compose", r"\bdocker[- ]compose\b|^ERROR: for \w"),
    ("buildkit", r"failed to solve|\[internal\] load|buildx|buildkit"),
    ("docker", r"Error response from daemon|\bdocker(?:d|\.exe)?\b(?!\.(?:io|com|internal)\b)|Unable to find image"),
    ("containerd", r"failed to resolve reference|failed to pull and unpack|\bcontainerd\b|\bctr\b"),
    ("helm", r"\bhelm\b|INSTALLATION FAILED"),
    ("kubectl", r"\bkubectl\b|Unable to connect to the server|did you specify the right host or port"),
    ("crane", r"\bcrane\b|MANIFEST_UNKNOWN|NAME_UNKNOWN"),
    ("curl", r"curl: \(\d+\)"),
    ("python", r"Traceback \(most recent|HTTPSConnectionPool|requests\.exceptions|urllib3"),
    ("java", r"\bjava\.|javax\.|PKIX path"),
    ("node", r"\b(?:ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ECONNRESET|ETIMEDOUT)\b"),
    ("docker", r"Get \"?https?://[^\s\"]+/v2/"),
)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile when first needed: most runs need few of these."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def engine(text: str) -> str | None:
    """Return the program whose words the text is, as well as can be told."""
    return next((name for name, pattern in _ENGINES if _compiled(pattern).search(text)), None)
