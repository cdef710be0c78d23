"""Symbolic links: the file that one leads to is edited and the link stays, unless a program writes that file."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from kdoctor.fixes.errors import FixError
from kdoctor.machine import Machine

_WRITERS = (
    ("/run/systemd/resolve/", "systemd-resolved", "write DNS=ADDRESS under [Resolve] in /etc/systemd/resolved.conf.d/"),
    ("/run/NetworkManager/", "NetworkManager", "set it with `nmcli connection modify NAME ipv4.dns ADDRESS`"),
    ("/run/resolvconf/", "resolvconf", "write it into /etc/resolvconf/resolv.conf.d/head, then `resolvconf -u`"),
    ("/run/connman/", "ConnMan", "set it with `connmanctl config SERVICE --nameservers ADDRESS`"),
    (
        "/mnt/wsl/",
        "WSL",
        "write generateResolvConf = false under [network] in /etc/wsl.conf and make a file of your own",
    ),
    ("/nix/store/", "Nix", "change the system's configuration (configuration.nix) and rebuild"),
    ("/run/", "a program at each start", "change what that program reads"),
    ("/proc/", "the kernel", "it is no file to edit"),
    ("/sys/", "the kernel", "it is no file to edit"),
    ("/dev/", "the kernel", "it is no file to edit"),
)
"""Where files lie that are written anew: the path's beginning, who writes them, and what to do instead."""


def followed(machine: Machine, shown: str) -> str:
    """Return the path of the file that a fix edits: the given one, or the one that a link leads to.

    Raises:
        FixError: the link leads nowhere, to a file that a program writes, or is another user's.
    """
    path = machine.path(shown)
    if not path.is_symlink():
        return shown
    target = _shown(machine, Path(os.path.realpath(path)))
    for begin, writer, instead in _WRITERS:
        if target.startswith(begin):
            raise FixError(
                f"{shown} is a symbolic link to {target}, which {writer} writes; nothing was changed. "
                f"Instead: {instead}"
            )
    try:
        info = os.stat(machine.path(target))
    except OSError as error:
        raise FixError(
            f"{shown} is a symbolic link to {target}: {(error.strerror or str(error)).lower()}; nothing was changed. "
            "Make the file or remove the link first"
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise FixError(f"{shown} is a symbolic link to {target}, which is no regular file; nothing was changed")
    _check_owner(path, shown, target, info.st_uid)
    return target


def _check_owner(path: Path, shown: str, target: str, owner: int) -> None:
    """Refuse a link by which another user would have this one edit a file of somebody else's."""
    if sys.platform == "win32":
        return
    link = path.lstat().st_uid
    if link != 0 and (link != os.geteuid() or owner != link):
        raise FixError(
            f"{shown} is a symbolic link that belongs to user {link} and leads to {target}, a file of user {owner}; "
            "it is not followed. Change it by hand"
        )


def _shown(machine: Machine, path: Path) -> str:
    """Return a path as the machine has it; /var/run is /run."""
    root = os.path.realpath(machine.path("/"))
    text = str(path)
    if root != "/" and text.startswith(f"{root}/"):
        text = text[len(root) :]
    return text.replace("/var/run/", "/run/", 1) if text.startswith("/var/run/") else text
