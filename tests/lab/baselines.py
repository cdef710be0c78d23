"""The states of the lab in which nothing is wrong, though they are not all alike."""

from collections.abc import Callable
from typing import Final

from . import addresses
from .lab import Lab
from .manners import Behaviour


def _direct(_lab: Lab) -> None:
    """Leave the lab as it heals."""


def _proxied(lab: Lab) -> None:
    lab.proxied()


def _proxied_without_public_names(lab: Lab) -> None:
    """Let the proxy alone resolve public names, as many companies do."""
    lab.proxied()
    for name in addresses.PUBLIC_HOSTS:
        lab.dns(Behaviour.NXDOMAIN, name)


def _mirrored(lab: Lab) -> None:
    lab.mirrored()


def _mirror_only(lab: Lab) -> None:
    lab.mirrored(upstream=False)


BASELINES: Final[dict[str, Callable[[Lab], None]]] = {
    "direct": _direct,
    "proxied": _proxied,
    "proxied-without-public-names": _proxied_without_public_names,
    "mirrored": _mirrored,
    "mirror-only": _mirror_only,
}
"""In each, after the function was applied to the healed lab, `alpine` can be pulled."""
