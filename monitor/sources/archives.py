"""
Read a file's content at any offset, compressed or not: all offsets are of the uncompressed bytes.

Magic bytes, not names, say gz, zst, bz2 or xz. An archive is streamed forward in small steps and never held whole; it
is one layer only, may have several members, and stops at a limit that no log reaches.
"""

import bz2
import errno
import lzma
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from backports import zstd

STEP_BYTES = 64 * 1024
FREE_BYTES = 64 * 1024 * 1024  # below this the ratio says nothing
XZ_MEMORY_BYTES = 128 * 1024 * 1024
ZST_WINDOW_LOG = 27  # 128 MiB
MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
MAGIC_BYTES = 6
BROKEN = (zlib.error, zstd.ZstdError, lzma.LZMAError, OSError, EOFError, ValueError)


@dataclass(frozen=True)
class Limits:
    """Say from which size, or from which multiple of its own size, an archive is refused."""

    most_bytes: int
    most_ratio: float


@dataclass(frozen=True)
class About:
    """Hold what is told of a file from outside; `is_final` where nobody will ever write it again."""

    size: int
    modified_us: int
    device: int
    inode: int
    is_final: bool = False


class Raw(Protocol):
    """Read bytes as they are kept, wherever that is."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""

    def about(self) -> About:
        """Return what is told of it now."""

    def end_of_gap(self, offset: int) -> int:
        """Return the first place from `offset` on where something is kept; what lies between are NULs."""


class Opened:
    """Read an open file of this machine."""

    def __init__(self, descriptor: int) -> None:
        """Borrow an open descriptor."""
        self.descriptor = descriptor

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return os.pread(self.descriptor, length, offset)

    def about(self) -> About:
        """Ask the file system."""
        about = os.fstat(self.descriptor)
        return About(about.st_size, about.st_mtime_ns // 1000, about.st_dev, about.st_ino)

    def end_of_gap(self, offset: int) -> int:
        """Pass over a hole of the file system; one that goes to the end ends there."""
        try:
            return os.lseek(self.descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return self.about().size


class Content(Protocol):
    """Read bytes of a file; what is known of its end is known once it was reached."""

    raw: Raw
    packed: bool

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only at the end."""

    @property
    def size(self) -> int | None:
        """Return how many bytes there are; None while an archive's end was not reached."""

    @property
    def damage(self) -> str:
        """Say why the rest of an archive cannot be read; empty while nothing is known against it."""

    @property
    def bomb(self) -> str:
        """Say why an archive is refused as a whole; empty while it is not."""


class Plain:
    """Read a file as it is."""

    packed, damage, bomb = False, "", ""

    def __init__(self, raw: Raw) -> None:
        """Borrow where the bytes come from."""
        self.raw = raw

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        return self.raw.read(offset, length)

    @property
    def size(self) -> int:
        """Return the size now."""
        return self.raw.about().size


class _Gzip:
    """Give zlib the manners of the other decompressors."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, most)

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data


OPENERS: dict[str, Callable[[], Any]] = {
    "gz": _Gzip,
    "zst": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZST_WINDOW_LOG}),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES),
}


def kind_of(head: bytes) -> str | None:
    r"""
    Name the compression the first bytes tell; None for a plain file.

    >>> kind_of(b"\x1f\x8b\x08"), kind_of(b'{"vigie":1}')
    ('gz', None)
    """
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)


def content(where: int | Raw, limits: Limits) -> Content:
    """Return a reader of an open file (its descriptor) or of what is kept elsewhere, by its first bytes."""
    raw = Opened(where) if isinstance(where, int) else where
    kind = kind_of(raw.read(0, MAGIC_BYTES))
    return Plain(raw) if kind is None else Archive(raw, kind, limits)


class Archive:
    """
    Stream an archive forward; going back begins again at its first byte.

    >>> import gzip, tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(gzip.compress(b"one\\n") + gzip.compress(b"two\\n")); file.flush()
    ...     packed = content(file.fileno(), Limits(1000, 500))
    ...     packed.read(4, 100), packed.size, packed.read(0, 3)
    (b'two\\n', 8, b'one')
    """

    packed = True

    def __init__(self, raw: Raw, kind: str, limits: Limits) -> None:
        """Borrow where the bytes come from."""
        self.raw, self.kind, self.limits = raw, kind, limits
        self.damage, self.bomb = "", ""
        self._restart()

    def _restart(self) -> None:
        self._kept, self._start = bytearray(), 0  # uncompressed bytes in hand, and where they begin
        self._taken, self._given = 0, 0  # compressed bytes read, uncompressed bytes made
        self._rest, self._ended = b"", False
        self._unit: Any = None

    @property
    def size(self) -> int | None:
        """Return how many bytes there are; None while the end was not reached."""
        return self._given if self._ended else None

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer only where the readable part ends."""
        if offset < self._start:
            self._restart()
        while self._start + len(self._kept) < offset + length and not self._ended:
            self._kept += self._more()
            over = min(offset - self._start, len(self._kept))
            if over > 0:
                del self._kept[:over]
                self._start += over
        at = offset - self._start
        return bytes(self._kept[at : at + length]) if at <= len(self._kept) else b""

    def _more(self) -> bytes:
        """Return the next uncompressed bytes, at most a step; none at the end, be it the true one or not."""
        try:
            return self._checked(self._step())
        except BROKEN as error:
            if isinstance(error, OSError) and error.errno:
                raise  # the disk's trouble, not the archive's
            self.damage, self._ended = f"{self.kind}: {str(error)[:80]}", True
            return b""

    def _step(self) -> bytes:
        if self._unit is None:
            if not self._next_member():
                return b""
            self._unit = OPENERS[self.kind]()
        if not self._rest and self._unit.needs_input:
            self._rest = self._compressed()
            if not self._rest:
                raise EOFError("ends in the middle")
        data, self._rest = self._rest, b""
        made: bytes = self._unit.decompress(data, STEP_BYTES)
        if self._unit.eof:
            self._rest, self._unit = self._unit.unused_data, None
        return made

    def _next_member(self) -> bool:
        """Say whether another member follows; zeros after the last one are padding."""
        first = self._taken == 0
        while True:
            self._rest = self._rest if first else self._rest.lstrip(b"\x00")
            if len(self._rest) >= MAGIC_BYTES:
                break
            more = self._compressed()
            if not more:
                break
            self._rest += more
        if not self._rest:
            self._ended = True
            return False
        if kind_of(self._rest) != self.kind:
            raise ValueError("bytes that belong to no member follow")
        return True

    def _compressed(self) -> bytes:
        data = self.raw.read(self._taken, STEP_BYTES)
        self._taken += len(data)
        return data

    def _checked(self, made: bytes) -> bytes:
        self._given += len(made)
        if self._given > self.limits.most_bytes:
            self.bomb = f"more than {self.limits.most_bytes:,} bytes come out"
        elif self._given > FREE_BYTES and self._given > self.limits.most_ratio * self._taken:
            self.bomb = f"{self._given:,} bytes come out of {self._taken:,}"
        if self.bomb:
            self._ended = True
            return b""
        return made
