"""Manifests, indices and platforms, as the OCI image spec 1.1 and Docker's schema 2 write them.

Whatever a registry sends is read without trust: a member of the wrong type counts as missing.
Platforms match as containerd's do (github.com/containerd/platforms, Only and Normalize).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

ACCEPT = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "*/*",
    )
)
"""What docker and containerd accept; a registry that is not offered this may answer 404 or schema 1."""

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}
_ENTRIES = 512


@dataclass(frozen=True, slots=True)
class Platform:
    """os/architecture[/variant] in Go's words."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read "linux/arm64/v8" and the like, normalised; an OS or part that is missing stays empty."""
        os, architecture, variant, *_ = [*text.lower().split("/"), "", "", ""]
        return cls(os, architecture, variant).normalised()

    def normalised(self) -> Platform:
        """Return the one spelling: x86_64 is amd64, arm64/v8 is arm64, arm is arm/v7, amd64/v1 is amd64."""
        os = {"macos": "darwin"}.get(self.os.lower(), self.os.lower())
        architecture, variant = self.architecture.lower(), self.variant.lower()
        architecture = _ARCHITECTURES.get(architecture, architecture)
        if architecture in ("armhf", "armel"):
            architecture, variant = "arm", "v7" if architecture == "armhf" else "v6"
        if architecture == "arm":
            variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
        elif (architecture, variant) in (("arm64", "8"), ("arm64", "v8"), ("amd64", "v1")) or architecture == "386":
            variant = ""
        return Platform(os, architecture, variant)

    def __str__(self) -> str:
        """Return it as text."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a manifest or index points to; `platform` is None where the index names none."""

    digest: str
    size: int
    media_type: str
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """Manifests of one image for several platforms, without the attestations among them."""

    manifests: tuple[Descriptor, ...]

    def choose(self, wanted: Platform) -> Descriptor | None:
        """Return the manifest that containerd would take for the platform."""
        for acceptable in vector(wanted):
            for entry in self.manifests:
                if entry.platform == acceptable:
                    return entry
        return None

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms, as text, each once."""
        return tuple(dict.fromkeys(str(entry.platform) for entry in self.manifests if entry.platform))


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image: its config and its layers."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


def vector(wanted: Platform) -> tuple[Platform, ...]:
    """Return the platforms that run on the wanted one, the best first (platformVector)."""
    first = wanted.normalised()
    found = [first]
    if first.architecture == "amd64":
        found += [Platform(first.os, "amd64", f"v{n}") for n in range(_version(first.variant) - 1, 0, -1)]
        found.append(Platform(first.os, "386"))
    elif first.architecture == "arm":
        found += [Platform(first.os, "arm", f"v{n}") for n in range(_version(first.variant) - 1, 4, -1)]
    elif first.architecture == "arm64":
        found += [Platform(first.os, "arm64", variant) for variant in _arm64_below(first.variant or "v8")]
        found += vector(Platform(first.os, "arm", "v8"))
    return tuple(dict.fromkeys(one.normalised() for one in found))


def parse(body: bytes) -> Index | Manifest | None:
    """Read a manifest or an index; None when it is neither (schema 1, an artifact without config, HTML)."""
    document = read_json(body)
    if not isinstance(document, dict):
        return None
    manifests, layers = document.get("manifests"), document.get("layers")
    if isinstance(manifests, list):
        entries = (_descriptor(entry) for entry in manifests[:_ENTRIES])
        return Index(tuple(e for e in entries if e and not (e.platform and e.platform.os == "unknown")))
    config = _descriptor(document.get("config"))
    if config is None or not isinstance(layers, list):
        return None
    return Manifest(config, tuple(d for d in map(_descriptor, layers[:_ENTRIES]) if d))


def config_platform(body: bytes) -> Platform | None:
    """Read the platform out of an image's config."""
    document = read_json(body)
    return _platform(document) if isinstance(document, dict) else None


def is_schema1(media_type: str) -> bool:
    """Tell whether a manifest is in Docker's first format, which engines stopped reading from 2024 on."""
    return media_type.startswith("application/vnd.docker.distribution.manifest.v1+")


def is_digest(text: str | None) -> bool:
    """Tell whether the text is a digest that can be checked."""
    return bool(text and _DIGEST.fullmatch(text))


def matches(digest: str, body: bytes) -> bool:
    """Tell whether the body has the digest; true where the algorithm is not known here."""
    algorithm, _, encoded = digest.partition(":")
    if algorithm not in ("sha256", "sha512"):
        return True
    return hashlib.new(algorithm, body).hexdigest() == encoded


def read_json(body: bytes) -> object:
    """Read JSON of any shape; None for what is none, or nested or numbered beyond reason."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _descriptor(value: object) -> Descriptor | None:
    if not isinstance(value, dict):
        return None
    digest, size, media_type = value.get("digest"), value.get("size"), value.get("mediaType")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return None
    platform = value.get("platform")
    known = _platform(platform) if isinstance(platform, dict) else None
    return Descriptor(digest, size, media_type if isinstance(media_type, str) else "", known)


def _platform(value: dict[str, object]) -> Platform | None:
    os, architecture, variant = value.get("os"), value.get("architecture"), value.get("variant", "")
    parts = (os, architecture, variant)
    if not all(isinstance(part, str) and len(part) < 64 and part.isprintable() for part in parts) or not os:
        return None
    return Platform(str(os), str(architecture), str(variant)).normalised()


def _version(variant: str) -> int:
    digits = variant.removeprefix("v")
    return min(int(digits[:2]), 9) if digits.isascii() and digits.isdigit() else 0


def _arm64_below(variant: str) -> list[str]:
    major, _, minor = variant.removeprefix("v").partition(".")
    high = int(minor) if minor.isascii() and minor.isdigit() and len(minor) == 1 else 0
    if major == "9":
        nines = [f"v9.{n}" if n else "v9" for n in range(high - 1, -1, -1)]
        return [*nines, *(f"v8.{n}" if n else "v8" for n in range(high + 5, -1, -1))]
    if major == "8":
        return [f"v8.{n}" if n else "v8" for n in range(high - 1, -1, -1)]
    return []
