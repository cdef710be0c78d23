"""What the person names by flag: registries and images, as they write them."""

from __future__ import annotations

from urllib.parse import urlsplit

from kdoctor.errors import UsageError
from kdoctor.references import parse
from kdoctor.run.explain import Given


def given(images: list[str], registries: list[str], via: list[str]) -> Given:
    """Return what the flags name.

    Raises:
        UsageError: an image, a registry or a way that is none.
    """
    for image in images:
        parse(image)
    return Given(tuple(images), tuple(registry(one) for one in registries), ways(via))


def ways(via: list[str]) -> tuple[str, ...]:
    """Return what --via names, checked.

    Raises:
        UsageError: a way that is none.
    """
    if via:
        from kdoctor.remote.ways import given as way

        for one in via:
            way(one)
    return tuple(dict.fromkeys(via))


def registry(text: str) -> str:
    """Return host[:port] of a registry as people write it, a URL included.

    Raises:
        UsageError: it is no host.
    """
    bare = urlsplit(text).netloc if "://" in text else text.split("/", maxsplit=1)[0]
    bare = bare.rpartition("@")[2]
    try:
        parse(f"{bare}/probe:latest" if "." in bare or ":" in bare else f"{bare}:443/probe:latest")
    except UsageError as error:
        raise UsageError(
            f'--registry "{text}" is no registry: give HOST or HOST:PORT, such as registry.example.com:5000'
        ) from error
    return bare
