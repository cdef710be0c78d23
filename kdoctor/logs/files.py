"""Log files: packed ones, and the parts that rotation has put aside.

Names of rotated parts: logrotate (`X.1`, `X.2.gz`, `X-20261126.gz`, and before the extension), kubelet
(`0.log.20261126-101010.gz`), Docker's json-file (`X.1`) and lumberjack (`X-2026-11-26T10-10-10.000.log`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from kdoctor.errors import UsageError

_PACKED = r"(?:\.(?:gz|bz2|xz|lzma|zst))?"
_DATE = r"\d{4}-?\d\d-?\d\d(?:[T_-]?\d\d[-:]?\d\d[-:]?\d\d(?:\.\d{1,6})?|-\d{2}|-\d{10})?"
_MAGIC = 6
_PIECE = 64 * 1024


def rotated(path: Path, newer: float | None = None) -> list[Path]:
    """Return a log's rotated parts, the oldest first, and the log itself as the last.

    `newer` leaves out parts that were last written before that time (seconds since the epoch). Of a part
    that is there twice, packed and not, the unpacked one is taken: the packing is under way.
    """
    real = path.resolve() if path.is_symlink() else path
    parts = _siblings(path) or (_siblings(real) if real != path else {})
    kept = [part for part in sorted(parts, key=lambda key: parts[key]) if newer is None or _written(part) >= newer]
    return [*kept, path]


def _siblings(path: Path) -> dict[Path, tuple[int, str, int]]:
    """Return the parts beside a log, each with what orders them: dated ones by date, numbered ones down."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    numbered = re.compile(rf"(?:{re.escape(path.name)}\.|{stem}\.)(?P<n>\d{{1,4}})(?:{suffix})?{_PACKED}")
    dated = re.compile(
        rf"(?:{re.escape(path.name)}[-.]|{stem}[-.])(?P<d>{_DATE})(?:\.(?P<n>\d{{1,3}}))?(?:{suffix})?{_PACKED}"
    )
    found: dict[Path, tuple[int, str, int]] = {}
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        return {}
    for name in names:
        if name == path.name or (Path(name).with_suffix("").name in names and name.endswith(_ENDINGS)):
            continue
        if match := dated.fullmatch(name):
            found[path.parent / name] = (0, re.sub(r"\D", "", match["d"]), -int(match["n"] or 0))
        elif (match := numbered.fullmatch(name)) and name.startswith(path.name + "."):
            found[path.parent / name] = (1, "", -int(match["n"]))
    return found


_ENDINGS = (".gz", ".bz2", ".xz", ".lzma", ".zst")


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def open_log(path: Path) -> BinaryIO:
    """Open a log, unpacked where its first bytes say that it is packed.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path}: it is a directory; give a file in it{_an_example(path)}")
        stream = path.open("rb")
        try:
            return unpacked(stream, str(path))
        except BaseException:
            stream.close()
            raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error


def _an_example(folder: Path) -> str:
    """Return a hint: the newest log of a folder."""
    try:
        logs = [entry for entry in folder.iterdir() if entry.is_file() and entry.suffix in (".log", "")]
    except OSError:
        return ""
    newest = max(logs, key=_written, default=None)
    return f", such as {newest}" if newest else ""


def unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    """Return a stream, unpacked where its first bytes say that it is packed (gzip, bzip2, xz, zstd).

    Raises:
        UsageError: this Python cannot unpack it.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    head = buffered.peek(_MAGIC)[:_MAGIC]
    for magic, opened in _OPENERS.items():
        if head.startswith(magic):
            return Packed(opened(cast("BinaryIO", buffered), name), cast("BinaryIO", buffered), name)
    return cast("BinaryIO", buffered)


_Unpacking = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile


class Packed(io.BufferedIOBase, BinaryIO):
    """An unpacked stream that ends where the packed data is broken or cut off; `problem` then says so."""

    def __init__(self, inner: _Unpacking, outer: BinaryIO, name: str) -> None:
        super().__init__()
        self._inner, self._outer, self._any = inner, outer, False
        self._name = name
        self.problem: str | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes; the end comes early where the data is broken."""
        wanted = float("inf") if size is None or size < 0 else size
        held = bytearray()
        while len(held) < wanted and self.problem is None:
            try:
                data = self._inner.read1(int(min(wanted - len(held), _PIECE)))
            except (EOFError, OSError, zlib.error, lzma.LZMAError, ValueError) as error:
                self.problem = "its packed data is cut off or broken; it was read up to there"
                if not self._any and not held:
                    raise UsageError(f"{self._name}: it cannot be unpacked: {error}") from error
                break
            if not data:
                break
            held += data
        self._any = self._any or bool(held)
        return bytes(held)

    def close(self) -> None:
        """Close both streams."""
        self._inner.close()
        self._outer.close()
        super().close()


def _zstd(stream: BinaryIO, name: str) -> _Unpacking:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14
    except ImportError:
        raise UsageError(
            f"{name}: it is packed with zstd, which Python reads from 3.14 on; use: zstdcat FILE | kdoctor explain -"
        ) from None
    return cast("_Unpacking", zstd.ZstdFile(stream))


_OPENERS: dict[bytes, Callable[[BinaryIO, str], _Unpacking]] = {
    b"\x1f\x8b": lambda stream, _: gzip.GzipFile(fileobj=stream),
    b"BZh": lambda stream, _: bz2.BZ2File(stream),
    b"\xfd7zXZ\x00": lambda stream, _: lzma.LZMAFile(stream),  # noqa: SIM115  # Packed closes it
    b"\x28\xb5\x2f\xfd": _zstd,
}
