"""Files as a fix finds and leaves them: whole, with owner, mode and attributes, or not touched at all.

A file is written beside its place, flushed to the disk, and renamed over it; then the folder is flushed
(rename(2), fsync(2)). So a crash at any point leaves the old file or the new one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path

from kdoctor.fixes.errors import FixError

LIMIT = 4 * 1024 * 1024
"""Bytes of a file that may be edited; configuration is smaller."""

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS of linux/fs.h, on 64 bits
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20
_SPARE = 64 * 1024
"""Bytes that must be free beside what is written."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was read; `data` is None where there is none, and then the rest is what a new one gets."""

    data: bytes | None
    mode: int = 0o644
    uid: int = -1
    gid: int = -1
    attributes: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


def read(path: Path, shown: str) -> Found:
    """Read a file that is to be edited.

    Raises:
        FixError: it is a symbolic link, no regular file, has other names, is too large, or cannot be read.
    """
    try:
        info = path.lstat()
    except FileNotFoundError:
        return Found(None)
    except OSError as error:
        raise FixError(f"{shown}: cannot be read: {_reason(error)}") from error
    if stat.S_ISLNK(info.st_mode):
        target = os.readlink(path)
        raise FixError(f"{shown} is a symbolic link to {target}, which something else keeps; change that by hand")
    if not stat.S_ISREG(info.st_mode):
        raise FixError(f"{shown} is no regular file; nothing was changed")
    if info.st_nlink > 1 and sys.platform != "win32":
        raise FixError(
            f"{shown} has {info.st_nlink} names (hard links), and a new file would take the place of this one alone; "
            f"nothing was changed. `find / -xdev -samefile {shown}` finds them"
        )
    if info.st_size > LIMIT:
        raise FixError(f"{shown} has {info.st_size} bytes, which no such file should have; nothing was changed")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FixError(f"{shown}: cannot be read: {_reason(error)}") from error
    return Found(data, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, _attributes(path))


def check_writable(path: Path, shown: str, size: int) -> None:
    """See before anything is changed that the file can be: rights, immutable, room, read-only.

    Raises:
        FixError: it cannot; the text says what to do.
    """
    folder = next(parent for parent in path.parents if parent.is_dir())
    if not _may_write(folder):
        what = "is on a read-only file system" if _read_only(folder) else "may not be changed by this user"
        hint = "" if _is_root() else "; run the same command with sudo"
        raise FixError(f"{shown} {what}{hint}")
    for place in (path, path.parent):
        if flags(place) & (_IMMUTABLE | _APPEND_ONLY):
            raise FixError(
                f"{shown} cannot be changed: {place} is immutable (`lsattr -d {place}`; `chattr -i` lifts it)"
            )
    if _is_mounted(path):
        raise FixError(
            f"{shown} is mounted as a file of its own (as a container's /etc/resolv.conf is), so no new one can take "
            "its place; nothing was changed. Change it where it is mounted from"
        )
    if sys.platform != "win32":
        room = os.statvfs(folder)
        if room.f_bavail * room.f_frsize < size + _SPARE:
            raise FixError(f"{shown}: no room left on its file system; nothing was changed")


def _is_mounted(path: Path) -> bool:
    """Tell whether something is mounted at exactly this path (proc(5) mountinfo)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    points = (line.split(" ", 5)[4] for line in lines if line.count(" ") > 5)
    return os.path.abspath(path) in {re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), one) for one in points}


def _may_write(folder: Path) -> bool:
    """Ask for the effective user; for root only a read-only file system says no."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


def write(path: Path, found: Found, data: bytes, temporary: str) -> None:
    """Put `data` at `path`, with the owner, mode and attributes of `found`, whole or not at all.

    `temporary` is the name beside it that is written first.

    Raises:
        OSError: it cannot be written; the file is as before.
    """
    beside = path.with_name(temporary)
    flags_ = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()  # of an attempt that was cut off
    descriptor = os.open(beside, flags_, 0o600)
    try:
        try:
            _write_all(descriptor, data)
            if sys.platform != "win32":
                if found.uid != -1:
                    os.fchown(descriptor, found.uid, found.gid)
                os.fchmod(descriptor, found.mode)
            _put_attributes(descriptor, found.attributes)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    flush_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file that a fix had made; it may be gone."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    if path.parent.is_dir():
        flush_folder(path.parent)


def make_folders(folder: Path) -> list[Path]:
    """Make a folder with those above it and return the ones that were not there, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    for one in missing:
        one.mkdir(mode=0o755)
        flush_folder(one.parent)
    return missing


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems flush no folders
            raise
    finally:
        os.close(descriptor)


def flags(path: Path) -> int:
    """Return the file's attributes (chattr(1)), 0 where there are none to read."""
    if sys.platform != "linux":
        return 0
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return 0
    try:
        held = fcntl.ioctl(descriptor, _GET_FLAGS, b"\0" * 8)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    return int.from_bytes(held[:4], sys.byteorder)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _attributes(path: Path) -> tuple[tuple[str, bytes], ...]:
    """Return the extended attributes: SELinux's label, ACLs, those of users."""
    if sys.platform != "linux":
        return ()
    try:
        return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(os.listxattr(path)))
    except OSError:
        return ()


def _put_attributes(descriptor: int, attributes: tuple[tuple[str, bytes], ...]) -> None:
    if sys.platform == "linux":
        for name, value in attributes:
            with contextlib.suppress(OSError):  # a label that the policy gives by itself, or a right that is missing
                os.setxattr(descriptor, name, value)


def _read_only(folder: Path) -> bool:
    return sys.platform != "win32" and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied" + ("" if _is_root() else "; run the same command with sudo")
    return (error.strerror or str(error)).lower()
