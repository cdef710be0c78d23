"""What the person names by flag: registries and images, as they write them."""

from __future__ import annotations

import sys
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
    if not via:
        return ()
    from kdoctor.remote.ways import given as way

    for one in via:
        debug = way(one).debug
        if debug is not None:
            _agreed(*debug)
    return tuple(dict.fromkeys(via))


def _agreed(node: str, image: str) -> None:
    """Ask whether a debug pod may be started on a node.

    Raises:
        UsageError: the person says no, or nobody can be asked and no image is named; or kubectl knows no such node.
    """
    from kdoctor.remote import debugging

    chosen, held = debugging.choose(node, image, debugging.images(node))
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if not image:
            raise UsageError(
                f"--via kubectl-debug:{node} starts a pod, and there is no terminal to ask at; "
                f"say so by naming the image: --via kubectl-debug:{node}={chosen}"
            )
        return
    pulled = "an image that the node has" if held else "pulled if the node does not have it"
    print(
        f"kubectl debug node/{node} starts a privileged pod with {chosen} ({pulled}). It is removed at the end.",
        "Start it? [y/N] ",
        sep="\n",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("no pod was started, and nothing was looked at")


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
