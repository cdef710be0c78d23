"""What is known of registries before any is asked: their names, families, mirrors, and ends."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

DOCKER_HUB = "docker.io"

# Docker and containerd hold this host in a constant (moby registry/config.go, containerd docker/resolver.go).
_API_HOSTS = {DOCKER_HUB: "registry-1.docker.io"}
_ALIASES = {
    "index.docker.io": DOCKER_HUB,
    "registry-1.docker.io": DOCKER_HUB,
    "registry.hub.docker.com": DOCKER_HUB,
    "hub.docker.com": DOCKER_HUB,
}

WELL_KNOWN = frozenset(
    {
        DOCKER_HUB,
        "registry.k8s.io",
        "k8s.gcr.io",
        "gcr.io",
        "us.gcr.io",
        "eu.gcr.io",
        "asia.gcr.io",
        "mirror.gcr.io",
        "ghcr.io",
        "docker.pkg.github.com",
        "quay.io",
        "mcr.microsoft.com",
        "public.ecr.aws",
        "registry.access.redhat.com",
        "registry.redhat.io",
        "registry.fedoraproject.org",
        "registry.opensuse.org",
        "registry.suse.com",
        "registry.gitlab.com",
        "docker.elastic.co",
        "nvcr.io",
        "cgr.dev",
        "dhi.io",
        "container-registry.oracle.com",
        "registry.rancher.com",
        "xpkg.upbound.io",
        "icr.io",
        "registry.cn-hangzhou.aliyuncs.com",
        "registry.aliyuncs.com",
    }
)
"""Registries run for everybody: asking one of them for a public image tells nothing to a stranger."""

_WELL_KNOWN_SUFFIXES = ("-docker.pkg.dev",)

K8S_REGISTRIES = frozenset({"registry.k8s.io", "k8s.gcr.io", "gcr.io", "storage.googleapis.com", "dl.k8s.io"})
"""Where Kubernetes' own images and binaries come from, or are redirected to (see is_k8s)."""

CONTROLS = ("registry-1.docker.io", "quay.io", "ghcr.io", "registry.k8s.io", "mcr.microsoft.com")
"""Registries that do not hang together: when one fails and another answers, the network works."""

# Hosts besides the registry that a pull needs (docs.docker.com/desktop/setup/allow-list,
# docs.siderolabs.com/talos egress-domains, quay and ECR documentation). They change without notice:
# what the redirect names, counts.
_TOKEN_HOSTS = {
    DOCKER_HUB: ("auth.docker.io",),
    "registry.gitlab.com": ("gitlab.com",),
    "registry.redhat.io": ("sso.redhat.com",),
    "docker.elastic.co": ("docker-auth.elastic.co",),
}
_BLOB_HOSTS = {
    DOCKER_HUB: (
        "production.cloudflare.docker.com",
        "production.cloudfront.docker.com",
        "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com",
    ),
    "registry.k8s.io": (
        "*.pkg.dev",
        "prod-registry-k8s-io-*.s3.dualstack.*.amazonaws.com",
        "storage.googleapis.com",
    ),
    "gcr.io": ("storage.googleapis.com",),
    "ghcr.io": ("pkg-containers.githubusercontent.com",),
    "quay.io": ("cdn.quay.io", "cdn01.quay.io", "cdn02.quay.io", "cdn03.quay.io"),
    "mcr.microsoft.com": ("*.data.mcr.microsoft.com",),
    "public.ecr.aws": ("*.cloudfront.net",),
}

Layout = Literal["path", "flat", "library"]


class PublicMirror(NamedTuple):
    """A known public mirror: `repository` (host[/path]) stands before the image's name.

    `layout` says how an image of the registry is named there: with its whole path, with its last
    part only (flat), or, official images only, with its whole path (library).
    """

    repository: str
    of: str
    layout: Layout
    country: str
    seen: str
    source: str

    @property
    def host(self) -> str:
        """The mirror's registry host."""
        return self.repository.partition("/")[0]

    def image(self, path: str) -> str | None:
        """Return the name here of a repository of the mirrored registry, None when it is not mirrored."""
        if self.layout == "flat":
            return f"{self.repository}/{path.rpartition('/')[2]}"
        if self.layout == "library" and not path.startswith("library/"):
            return None
        return f"{self.repository}/{path}"


class Retired(NamedTuple):
    """A registry or repository that was frozen or shut; `replacement` is what to write for `prefix`."""

    prefix: str
    replacement: str | None
    since: str
    state: Literal["frozen", "gone"]
    source: str


def canonical(registry: str) -> str:
    """Return one name for the many names of one registry, in lower case, without a default port.

    >>> canonical("index.docker.io")
    'docker.io'
    """
    host = registry.strip().lower().rstrip("/").removesuffix(".")
    if not host.startswith("[") or "]:" in host:
        host = host.removesuffix(":443")
    return _ALIASES.get(host, host)


def api_host(registry: str) -> str:
    """Return the host[:port] whose /v2/ is asked: registry-1.docker.io for docker.io, else the same."""
    return _API_HOSTS.get(canonical(registry), registry)


def is_well_known(host: str) -> bool:
    """Tell whether the registry is one that is run for everybody."""
    name = canonical(host)
    return name in WELL_KNOWN or name.endswith(_WELL_KNOWN_SUFFIXES)


def is_k8s(host: str) -> bool:
    """Tell whether Kubernetes' images come from the host, or are redirected to it."""
    name = canonical(host)
    return (
        name in K8S_REGISTRIES
        or name.endswith(("-docker.pkg.dev", ".gcr.io"))
        or (name.startswith("prod-registry-k8s-io-") and name.endswith(".amazonaws.com"))
    )


def family(host: str) -> str:
    """Return who stands behind a registry's network, so that a control is truly another one."""
    name = canonical(host)
    if is_k8s(name):
        return "google"
    if name.endswith((".azurecr.io", ".microsoft.com")):
        return "microsoft"
    if name.endswith(("github.com", "ghcr.io", "githubusercontent.com")):
        return "github"
    if name.endswith((".docker.io", ".docker.com")):
        return DOCKER_HUB
    return name


def token_hosts(registry: str) -> tuple[str, ...]:
    """Return the hosts that give tokens for the registry, as far as known."""
    return _TOKEN_HOSTS.get(canonical(registry), ())


def blob_hosts(registry: str) -> tuple[str, ...]:
    """Return the hosts (with * for a part that varies) that the registry sends pulls of layers to."""
    return _BLOB_HOSTS.get(canonical(registry), ())


@functools.cache
def public_mirrors() -> tuple[PublicMirror, ...]:
    """Return every known public mirror, the preferred ones first."""
    return tuple(PublicMirror(**entry) for entry in _table("mirrors.toml")["mirror"])


def mirrors_of(registry: str) -> tuple[PublicMirror, ...]:
    """Return the known public mirrors of a registry; k8s.gcr.io has those of registry.k8s.io."""
    name = canonical(registry)
    name = "registry.k8s.io" if name == "k8s.gcr.io" else name
    return tuple(mirror for mirror in public_mirrors() if mirror.of == name)


@functools.cache
def proof_images(registry: str) -> tuple[str, ...]:
    """Return small images that a mirror of the registry must have, without the registry's name."""
    name = canonical(registry)
    name = "registry.k8s.io" if name == "k8s.gcr.io" else name
    return tuple(_table("mirrors.toml")["proof"].get(name, ()))


@functools.cache
def retired_table() -> tuple[Retired, ...]:
    """Return every known retired registry and repository."""
    return tuple(Retired(**{"replacement": None, **entry}) for entry in _table("retired.toml")["retired"])


def retired(name: str) -> Retired | None:
    """Return what is known of the end of a registry, or of an image's full name without tag.

    >>> retired("k8s.gcr.io/pause").replacement
    'registry.k8s.io'
    """
    registry, slash, path = name.partition("/")
    full = f"{canonical(registry)}{slash}{path}"
    hits = [one for one in retired_table() if full == one.prefix or full.startswith(f"{one.prefix}/")]
    return max(hits, key=lambda one: len(one.prefix), default=None)


@functools.cache
def _table(name: str) -> dict:  # type: ignore[type-arg]  # TOML of our own; the dataclasses above check its keys
    import tomllib
    from importlib import resources

    return tomllib.loads(resources.files("kdoctor.data").joinpath(name).read_text("utf-8"))
