"""Rules of installed packages: the entry point group `kdoctor.rules` names their folders; none of their code runs."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from kdoctor.errors import UsageError

GROUP = "kdoctor.rules"


def folders() -> tuple[Path, ...]:
    """Return the folders, by the entry point's name.

    The value is a package, or a folder inside it: `acme`, `acme.rules` and `acme:rules` are all possible.

    Raises:
        UsageError: an entry point names a folder that is not there.
    """
    found = sorted(metadata.entry_points(group=GROUP), key=lambda one: (one.name, one.value))
    return tuple(dict.fromkeys(_folder(one) for one in found))


def _folder(point: metadata.EntryPoint) -> Path:
    package, *inner = point.value.replace(":", ".").split(".")
    whose = point.dist.name if point.dist else package
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        folder = Path(place, *(part for part in inner if part.isidentifier()))
        if folder.is_dir():
            return folder
    raise UsageError(
        f'the package {whose} names the rules "{point.value}" ({GROUP}), but there is no such folder; '
        f"update or uninstall {whose}"
    )
