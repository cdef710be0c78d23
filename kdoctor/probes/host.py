"""Is there room where images go, and is a program there?"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kdoctor.model import CUT, UNSEEN, Value
from kdoctor.probes.ask import Found
from kdoctor.probes.dockerhost import find_program
from kdoctor.probes.threads import in_thread
from kdoctor.probes.wire import FAR
from kdoctor.remote.machine import disks_of
from kdoctor.vantages import Docker

if TYPE_CHECKING:
    from kdoctor.machine import Machine
    from kdoctor.probes.ask import Asking
    from kdoctor.remote.vantage import Far

_MIB = 1024 * 1024
_LOW = 2048 * _MIB
_LOW_SHARE = 0.05
_FULL = 50 * _MIB
_FEW_INODES = 100
_MARGIN = 0.3
_ORDER = ("full", "inodes-full", "low", "ok")
# Folders that are on root's PATH and often not on a user's; kubeadm and the kubelet run as root.
_ROOT_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_OTHER_FOLDERS = (
    "/usr/local/bin",
    "/snap/bin",
    "/opt/bin",
    "/opt/homebrew/bin",
    "/var/lib/rancher/k3s/data/current/bin",
)

# The package (Debian, Ubuntu; mostly the same elsewhere) of a program whose name is another.
_PACKAGES = {
    "arptables": "arptables",
    "brctl": "bridge-utils",
    "conntrack": "conntrack",
    "cri-dockerd": "cri-dockerd",
    "crictl": "cri-tools",
    "crun": "crun",
    "ebtables": "ebtables",
    "ethtool": "ethtool",
    "fuse-overlayfs": "fuse-overlayfs",
    "ip": "iproute2",
    "ip6tables": "iptables",
    "iptables": "iptables",
    "iptables-restore": "iptables",
    "mount.nfs": "nfs-common",
    "newgidmap": "uidmap",
    "newuidmap": "uidmap",
    "nft": "nftables",
    "nsenter": "util-linux",
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-system-x86_64": "qemu-system-x86",
    "rootlesskit": "rootlesskit",
    "runc": "runc",
    "slirp4netns": "slirp4netns",
    "socat": "socat",
    "tc": "iproute2",
    "VBoxManage": "virtualbox",
    "virsh": "libvirt-clients",
}


@dataclass(frozen=True, slots=True)
class Room:
    """A file system as statvfs shows it: bytes free for users and for root, in all; free inodes."""

    path: str
    free: int
    free_for_root: int
    total: int
    inodes: int
    free_inodes: int

    @property
    def outcome(self) -> str:
        """Judge it; the engines write as root, so root's share counts for full."""
        if self.free_for_root < _FULL:
            return "full"
        if self.inodes and self.free_inodes < _FEW_INODES:
            return "inodes-full"
        return "low" if self.free < _LOW or self.free < self.total * _LOW_SHARE else "ok"

    @property
    def detail(self) -> str:
        """Say it in a sentence."""
        if self.outcome == "inodes-full":
            return f"{self.path} has {self.free_inodes} inodes left of {self.inodes}: no more files fit"
        percent = round(100 * self.free / self.total)
        return f"{self.path} has {_size(self.free)} free of {_size(self.total)} ({percent} %)"


def _size(number: int) -> str:
    return f"{number / 1024**3:.1f} GiB" if number >= 1024**3 else f"{number // _MIB} MiB"


async def disk(ask: Asking, path: str | None = None) -> Found:
    """Look at the file system of the path, or of those where images go, and tell of the worst."""
    vantage = ask.vantage
    if far := FAR.get():
        return await _disk_there(far, path)
    if path is None and isinstance(vantage, Docker) and vantage.files.prefix is None:
        return Found(UNSEEN, f"the engine's disk cannot be seen from here: {vantage.sharing('settings').because}")
    if path is not None and ("\0" in path or not (path.startswith("/") or vantage.machine.os == "windows")):
        return Found(UNSEEN, f"{path[:120]!r} is no absolute path")
    paths = [path] if path is not None else _image_places(ask)
    try:
        async with asyncio.timeout(max(ask.remaining - _MARGIN, 0.1)):
            rooms = await in_thread(_rooms, vantage.machine, paths)
    except TimeoutError:
        return Found(CUT, "the file system does not answer (a network mount?)")
    if not rooms:
        return Found(UNSEEN, f"{', '.join(paths)}: there is no such file system")
    return _worst(rooms)


def _worst(rooms: list[Room]) -> Found:
    worst = min(rooms, key=lambda room: (_ORDER.index(room.outcome), room.free))
    data: dict[str, Value] = {
        "path": worst.path,
        "free": worst.free,
        "total": worst.total,
        "percent": round(100 * worst.free / worst.total),
    }
    return Found(worst.outcome, worst.detail, data, worst.path)


async def _disk_there(far: Far, path: str | None) -> Found:
    """Judge what df says on another machine, of the path or of the places where its engines put images."""
    from kdoctor.remote.session import SessionError

    disks = far.machine.disks
    if path is not None:
        try:
            disks = disks_of(await far.session.ask("disks", 2.0, path))
        except SessionError as error:
            return Found(UNSEEN, str(error))
    rooms = [Room(d.path, d.free, d.free, d.total, d.inodes, d.free_inodes) for d in disks if d.total]
    return _worst(rooms) if rooms else Found(UNSEEN, f"df says nothing on {far.name}")


def _image_places(ask: Asking) -> list[str]:
    vantage = ask.vantage
    root = vantage.info.root_dir if isinstance(vantage, Docker) and vantage.info else ""
    prefix = (vantage.files.prefix or "") if isinstance(vantage, Docker) else ""
    places = [f"{prefix}{root or '/var/lib/docker'}", f"{prefix}/var/lib/containerd"]
    existing = [place for place in places if vantage.machine.path(place).exists()]
    return [*existing, str(vantage.machine.home)]


def _rooms(machine: Machine, paths: list[str]) -> list[Room]:
    found: dict[int, Room] = {}
    for path in paths:
        try:
            place = _existing(machine.path(path))
            device = place.stat().st_dev
            room = _room(place, path)
        except (OSError, ValueError):
            continue
        if room.total:
            found.setdefault(device, room)
    return list(found.values())


def _existing(path: Path) -> Path:
    """Return the path or the nearest directory above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _room(place: Path, shown: str) -> Room:
    if not hasattr(os, "statvfs"):  # Windows
        import shutil

        usage = shutil.disk_usage(place)
        return Room(shown, usage.free, usage.free, usage.total, 0, 0)
    seen = os.statvfs(place)
    return Room(
        shown,
        seen.f_bavail * seen.f_frsize,
        seen.f_bfree * seen.f_frsize,
        seen.f_blocks * seen.f_frsize,
        seen.f_files,
        seen.f_ffree,
    )


async def tool(ask: Asking, tool: str) -> Found:
    """Look for the program on PATH, and in the folders of root's PATH."""
    if not re.fullmatch(r"[\w.+-]{1,64}", tool):
        return Found(UNSEEN, f"{tool[:80]!r} is no program's name")
    if far := FAR.get():
        from kdoctor.probes import far as through

        return await through.tool(far, tool)
    machine = ask.vantage.machine
    place = find_program(machine, tool) or _within(machine, tool, _ROOT_FOLDERS)
    if place is not None:
        return Found("found", f"{tool} is {place}", {"path": place})
    data: dict[str, Value] = {"package": _PACKAGES[tool]} if tool in _PACKAGES else {}
    elsewhere = _within(machine, tool, _OTHER_FOLDERS)
    if elsewhere is not None:
        return Found("missing", f"{tool} is not on PATH; it is {elsewhere}", {**data, "path": elsewhere})
    return Found("missing", f"{tool} is not installed, or not on PATH", data)


def _within(machine: Machine, name: str, folders: tuple[str, ...]) -> str | None:
    for folder in folders:
        path = machine.path(f"{folder}/{name}")
        try:
            if path.is_file() and os.access(path, os.X_OK):
                return f"{folder}/{name}"
        except OSError:
            continue
    return None
