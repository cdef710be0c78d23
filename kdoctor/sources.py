"""Where images and texts come from besides the command line: Kubernetes manifests, and pods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kdoctor import yamltext
from kdoctor.errors import UsageError
from kdoctor.yamltext import Node, YamlError

_MOST_BYTES = 8 * 1024 * 1024
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class ManifestImage:
    """An image as a manifest names it: file, line (1-based), and the container and object that want it."""

    image: str
    file: str
    line: int
    container: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The images of a file in the order of its text, and the pull secrets that its pods name."""

    images: tuple[ManifestImage, ...]
    pull_secrets: tuple[str, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """Read a file of Kubernetes objects; raise UsageError with file and line where it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    if len(raw) > _MOST_BYTES:
        raise UsageError(f"{path}: it is larger than {_MOST_BYTES // 1024**2} MiB, which is no manifest")
    return manifest(raw.decode("utf-8-sig", "replace"), str(path))


def manifest(text: str, file: str) -> Manifest:
    """Return the images of every object that holds a pod or a pod's template, whatever its kind."""
    images: list[ManifestImage] = []
    secrets: dict[str, None] = {}
    try:
        for root in yamltext.documents(text):
            for described, node in _objects(root, file):
                for spec in _pod_specs(node):
                    images += _images(spec, file, described)
                    secrets |= dict.fromkeys(
                        s.string("name") for s in spec.list("imagePullSecrets") if s.string("name")
                    )
    except YamlError as error:
        raise UsageError(f"{file}:{error.line}: {_problem(text, error)}") from error
    return Manifest(tuple(images), tuple(secrets))


def _problem(text: str, error: YamlError) -> str:
    if "{{" in text:
        return f"this is a Helm template, no manifest: render it first (helm template) ({error.problem})"
    return f"this is no YAML: {error.problem}"


def _objects(root: Node, file: str) -> Iterator[tuple[str, Node]]:
    """Yield each object with a description, those of a List apart."""
    if root.is_null:
        return
    if root.pairs is None:
        raise UsageError(
            f"{file}:{root.line}: this is no Kubernetes object: a mapping with kind and metadata is expected"
        )
    kind = root.string("kind")
    if kind.endswith("List") and root.list("items"):
        for item in root.list("items"):
            if item.pairs is not None:
                yield _described(item), item
        return
    yield _described(root), root


def _described(node: Node) -> str:
    metadata = node.get("metadata")
    name = metadata.string("name") or metadata.string("generateName") if metadata is not None else ""
    return f"{node.string('kind')}/{name}".strip("/")


def _pod_specs(root: Node) -> Iterator[Node]:
    """Yield every mapping that lists containers: a pod's spec, a template's, or a custom resource's."""
    for node in yamltext.walk(root):
        if node.pairs is not None and any(_is_container(c) for key in _CONTAINERS for c in node.list(key)):
            yield node


def _is_container(node: Node) -> bool:
    return node.pairs is not None and node.get("image") is not None


def _images(spec: Node, file: str, described: str) -> Iterator[ManifestImage]:
    for key in _CONTAINERS:
        for container in spec.list(key):
            image = container.get("image")
            if image is not None and container.string("image"):
                yield _image(image, file, container.string("name"), described)
    for volume in spec.list("volumes"):  # image volumes: KEP 4639
        source = volume.get("image")
        reference = source.get("reference") if source is not None else None
        if reference is not None and reference.text:
            yield _image(reference, file, volume.string("name"), described)


def _image(node: Node, file: str, container: str, described: str) -> ManifestImage:
    text = (node.text or "").strip()
    if "{{" in text:
        raise UsageError(f"{file}:{node.line}: this is a Helm template, no manifest: render it first (helm template)")
    return ManifestImage(text, file, node.line, container, described)
