"""Image references, parsed as the Docker family does (github.com/distribution/reference).

    reference := name [":" tag] ["@" digest]
    name      := [domain "/"] path          domain := host [":" port]

`ubuntu` means `docker.io/library/ubuntu:latest`. What is wrong is said in the person's words, since
Docker's own "invalid reference format" names no reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kdoctor.errors import UsageError

DOCKER_HUB = "docker.io"
_LEGACY_HUB = "index.docker.io"
_DEFAULT_TAG = "latest"
_NAME_LIMIT = 255

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_HEX = re.compile(r"[a-f0-9]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}?|\$[A-Za-z_]\w*|\{\{.*?\}\}|<[^>]+>|%[A-Za-z_]+%")
_DIGEST_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}


class ImageNameError(UsageError):
    """The text is no image reference; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image by registry (host[:port]), repository, and tag or digest; with both, the digest counts."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """The repository with its registry: `docker.io/library/ubuntu`."""
        return f"{self.registry}/{self.repository}"

    @property
    def object(self) -> str:
        """What a manifest is asked by: the digest if there is one, else the tag."""
        return self.digest or self.tag or _DEFAULT_TAG

    @property
    def normalised(self) -> str:
        """The full form: `docker.io/library/ubuntu:latest`."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def familiar(self) -> str:
        """The form that Docker shows: `ubuntu:latest` for Docker Hub, else the full form.

        An organisation on Docker Hub that looks like a host (docker.io/a.b/c) keeps the full form,
        which Docker forgets.
        """
        bare = self.repository.removeprefix("library/")
        short = bare if "/" not in bare else self.repository
        if self.registry != DOCKER_HUB or _split_domain(short) != (self.registry, self.repository):
            return self.normalised
        return short + self.normalised.removeprefix(self.name)

    def __str__(self) -> str:
        """Return the full form."""
        return self.normalised


def parse(text: str) -> Reference:
    """Parse an image reference; raise ImageNameError with the reason.

    >>> parse("ubuntu").normalised
    'docker.io/library/ubuntu:latest'
    """
    _refuse_what_people_paste(text)
    domain, rest = _split_domain(text)
    rest, _, digest = rest.partition("@")
    path, colon, tag = rest.partition(":")
    if not _DOMAIN.fullmatch(domain):
        raise _wrong(text, f'"{domain}" is not a registry host')
    _check_port(text, domain)
    _check_path(text, path)
    if colon:
        _check_tag(text, tag)
    if "@" in text:
        _check_digest(text, digest)
    if not tag and not digest:
        tag = _DEFAULT_TAG
    return Reference(domain, path, tag or None, digest or None)


def same_image(one: str, other: str) -> bool:
    """Tell whether two references name one image; a digest is left out, and a tag counts where both have one.

    >>> same_image("docker.io/library/nginx:1.27", "nginx:1.27")
    True
    """
    try:
        a, b = (parse(text.partition("@")[0]) for text in (one, other))
    except ImageNameError:
        return False
    return a.name == b.name and (a.tag == b.tag or "@" in one or "@" in other)


def _wrong(text: str, reason: str) -> ImageNameError:
    shown = text if len(text) <= 120 else text[:119] + "…"
    message = f"{shown}: {reason}"
    return ImageNameError("".join(c if c.isprintable() else "�" for c in message))


def _refuse_what_people_paste(text: str) -> None:
    """Name the slips that the grammar would report as something else."""
    if not text.strip():
        raise _wrong(text or '""', "no image is named")
    if placeholder := _PLACEHOLDER.search(text):
        raise _wrong(text, f"{placeholder.group()} was not filled in")
    if any(c.isspace() for c in text):
        raise _wrong(text, "an image reference has no blanks")
    if scheme := _SCHEME.match(text):
        raise _wrong(text, f"an image reference has no scheme; leave {scheme.group()} out")
    if _IDENTIFIER.fullmatch(text):
        raise _wrong(text, "64 hexadecimal digits are an image id, not a name")
    if text == "scratch":
        raise _wrong(text, "scratch is a reserved name, no image can be pulled by it")


def _split_domain(text: str) -> tuple[str, str]:
    """Split as splitDockerDomain does: the first part is a host when it looks like one."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DOCKER_HUB, f"library/{text}"
    if first == _LEGACY_HUB:
        first = DOCKER_HUB
    elif first != "localhost" and not set(".:@") & set(first) and first == first.lower():
        return DOCKER_HUB, text
    if first == DOCKER_HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _check_port(text: str, domain: str) -> None:
    port = domain.rpartition("]")[2].partition(":")[2]
    if port and not 0 < int(port[:6]) <= 65535:
        raise _wrong(text, f"{port} is not a port")


def _check_path(text: str, path: str) -> None:
    if not path or path == "library/":
        raise _wrong(text, "the repository's name is missing")
    if path != path.lower() and _PATH.fullmatch(path.lower()):
        raise _wrong(text, "repository name must be lowercase")
    if path.endswith("/"):
        raise _wrong(text, "the repository's name ends with a slash")
    if "//" in path or path.startswith("/"):
        raise _wrong(text, "two slashes follow one another in the repository's name")
    if len(path) > _NAME_LIMIT:
        raise _wrong(text, f"repository name must not be more than {_NAME_LIMIT} characters")
    if not _PATH.fullmatch(path):
        part = next(part for part in path.split("/") if not _PATH.fullmatch(part))
        raise _wrong(text, f'"{part}" cannot be part of a repository\'s name (a-z, 0-9, with single . _ - between)')


def _check_tag(text: str, tag: str) -> None:
    if not tag:
        raise _wrong(text, "the tag behind the colon is missing")
    if ":" in tag:
        raise _wrong(text, "there are two tags; one colon is too many")
    if "/" in tag:
        raise _wrong(text, "a tag has no slash; is a registry or port misplaced?")
    if len(tag) > 128:
        raise _wrong(text, "a tag has at most 128 characters")
    if not _TAG.fullmatch(tag):
        raise _wrong(text, f'"{tag}" is not a tag (letters, digits, _ . -; the first is no . or -)')


def _check_digest(text: str, digest: str) -> None:
    """Follow opencontainers/go-digest: registered algorithms, the right length, lower case."""
    algorithm, _, encoded = digest.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        raise _wrong(text, "behind @ a digest is expected, as sha256:<64 hexadecimal digits>")
    if len(encoded) != length:
        raise _wrong(text, f"a {algorithm} digest has {length} hexadecimal digits, this one has {len(encoded)}")
    if not _HEX.fullmatch(encoded):
        raise _wrong(text, "a digest is made of the digits 0-9 and a-f")
