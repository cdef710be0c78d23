"""The lab's images: made here, pushed to a docker-registry by plain HTTP requests."""

import gzip
import hashlib
import http.client
import io
import json
import random
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"

COMMON: Final = ("amd64", "arm64")


@dataclass(frozen=True, slots=True)
class Image:
    """One tag; `repository` begins with the registry's name in the lab's store."""

    repository: str
    tag: str
    platforms: tuple[str, ...] = COMMON
    megabytes: int = 0
    """Size of the incompressible file in its layer."""


IMAGES: Final = (
    Image("docker.io/library/alpine", "latest"),
    Image("docker.io/library/alpine", "arm", ("arm64", "s390x")),
    Image("docker.io/library/big", "latest", megabytes=6),
    Image("registry.k8s.io/pause", "3.9"),
    Image("registry.k8s.io/coredns/coredns", "v1.11.1"),
    Image("registry.aliyuncs.com/google_containers/pause", "3.9", ("amd64",)),  # not what the upstream has
    Image("registry.cn-hangzhou.aliyuncs.com/google_containers/pause", "3.9"),
    Image("registry.cn-hangzhou.aliyuncs.com/google_containers/coredns", "v1.11.1"),
    Image("quay.io/prometheus/busybox", "latest"),
    Image("ghcr.io/lab/app", "1"),
    Image("registry.corp.test/team/app", "1"),
    Image("private.corp.test/team/app", "1"),
    Image("mirror.corp.test/library/alpine", "latest"),
)
REPOSITORIES: Final = frozenset(image.repository for image in IMAGES)


class Store:
    """A docker-registry on this host, spoken to without TLS or credentials."""

    def __init__(self, port: int) -> None:
        self._port = port

    def push(self, images: Iterable[Image]) -> None:
        """Upload every image with its layers and, for several platforms, its index."""
        layers: dict[int, tuple[bytes, bytes]] = {}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        for image in images:
            if image.megabytes not in layers:
                layers[image.megabytes] = _layer(image.megabytes)
            _push(connection, image, *layers[image.megabytes])
        connection.close()


def _push(connection: http.client.HTTPConnection, image: Image, layer: bytes, tar: bytes) -> None:
    entries = []
    _blob(connection, image.repository, layer)
    for architecture in image.platforms:
        config = _config(architecture, tar)
        _blob(connection, image.repository, config)
        manifest = _manifest(config, layer)
        digest = _digest(manifest)
        _put_manifest(connection, image.repository, digest, _MANIFEST, manifest)
        platform = {"architecture": architecture, "os": "linux"}
        entries.append(_descriptor(_MANIFEST, manifest) | {"platform": platform})
    index = {"schemaVersion": 2, "mediaType": _LIST, "manifests": entries}
    _put_manifest(connection, image.repository, image.tag, _LIST, _json(index))


def _layer(megabytes: int) -> tuple[bytes, bytes]:
    """Return a layer of two files, compressed and as plain tar; the same bytes every time."""
    release = b"NAME='Lab Linux'\nID=lab\n"
    noise = random.Random(megabytes).randbytes(megabytes << 20)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (("etc/os-release", release), ("noise", noise)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), 1, mtime=0), buffer.getvalue()


def _config(architecture: str, tar: bytes) -> bytes:
    return _json(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
            "history": [{"created_by": "kdoctor's fault lab"}],
        }
    )


def _manifest(config: bytes, layer: bytes) -> bytes:
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
    )


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _blob(connection: http.client.HTTPConnection, repository: str, content: bytes) -> None:
    started = _request(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", "")
    location = started.headers["Location"]
    path = location[location.index("/v2/") :]
    target = f"{path}{'&' if '?' in path else '?'}digest={_digest(content)}"
    _request(connection, "PUT", target, content, "application/octet-stream")


def _put_manifest(connection: http.client.HTTPConnection, repository: str, ref: str, kind: str, content: bytes) -> None:
    _request(connection, "PUT", f"/v2/{repository}/manifests/{ref}", content, kind)


def _request(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes, kind: str
) -> http.client.HTTPResponse:
    headers = {"Content-Type": kind} if kind else {}
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 300:
        raise RuntimeError(f"docker-registry: {method} {target}: {response.status} {answer!r}")
    return response
