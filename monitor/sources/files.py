"""Find the files of a source, and read one from a position whose bytes are verified."""

import glob
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from monitor.settings import Source
from monitor.sources.archives import MAGIC_BYTES, Content, kind_of
from monitor.sources.identity import TAIL_BYTES, Mark, digest


@dataclass(frozen=True)
class Seen:
    """Hold what the file system says of a file; hints, never its identity."""

    path: str
    size: int
    modified_us: int
    device: int
    inode: int
    packed: bool = False  # it is an archive, by its first bytes


def scan(source: Source) -> list[Seen]:
    """
    Return the regular files the glob names: plain ones, then archives, each oldest change first.

    A link that leaves the glob's root is left out. Plain files come first, so that of a file and its archive the file
    is read, which may still grow.
    """
    fixed = re.split(r"[*?\[]", source.files, maxsplit=1)[0]
    root = os.path.realpath(fixed if fixed.endswith("/") else os.path.dirname(fixed))
    found = []
    for name in glob.glob(source.files, recursive=True):
        real = os.path.realpath(name)
        try:
            about = os.stat(real)
        except FileNotFoundError:
            continue  # rotated away between listing and looking; the next pass finds its new name
        if stat.S_ISREG(about.st_mode) and os.path.commonpath([root, real]) == root:
            hints = (about.st_size, about.st_mtime_ns // 1000, about.st_dev, about.st_ino)
            found.append(Seen(real, *hints, packed=kind_of(_first_bytes(real)) is not None))
    unique = {one.path: one for one in found}
    return sorted(unique.values(), key=lambda one: (one.packed, one.modified_us, one.path))


def _first_bytes(path: str) -> bytes:
    """Return the first bytes of a file; none of one that moved away, is closed to us or on a broken disk: reading it will say so."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, MAGIC_BYTES, 0)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def instance_of(source: Source, path: str) -> str:
    """Return the pod, host or process the path names by the source's pattern; the folder's name without one."""
    if source.instance_from:
        found = re.search(source.instance_from, path)
        if found:
            return (found[1] if found.groups() else found[0])[:128]
    return Path(path).parent.name[:128]


def read_verified(found: Content, mark: Mark, most_bytes: int, secret: bytes) -> bytes | None:
    """
    Return the bytes after the mark's position, at most `most_bytes`; None when the bytes before it are not the known ones.

    Old and new bytes come from one read, so a truncation between two reads cannot slip in between.
    """
    buffer = found.read(mark.position - mark.tail_length, mark.tail_length + most_bytes)
    if mark.tail_length and digest(secret, buffer[: mark.tail_length]) != mark.tail_digest:
        return None
    return buffer[mark.tail_length :]


def end_of_hole(found: Content, position: int, chunk_bytes: int) -> tuple[int, bytes]:
    """
    Look for the first byte at or after `position` that is not NUL; a hole of the file system is not read.

    Returns its position, or the end's, and the NULs before it that a bookmark's tail needs.
    """
    at = position
    while True:
        if not found.packed:
            at = max(at, found.raw.end_of_gap(at))
        chunk = found.read(at, chunk_bytes)
        bare = chunk.lstrip(b"\x00")
        at += len(chunk) - len(bare)
        if bare or not chunk:
            return at, b"\x00" * min(at - position, TAIL_BYTES)


def end_of_line(found: Content, position: int, chunk_bytes: int) -> tuple[int, bytes, bool]:
    """
    Look for the newline at or after `position` without keeping what lies before it.

    Returns the position behind it, the last bytes up to there (all, or at least enough for a bookmark's tail) and True;
    without one, the same for the end of the file and False.
    """
    last = b""
    while chunk := found.read(position, chunk_bytes):
        at = chunk.find(b"\n") + 1
        chunk = chunk[:at] if at else chunk
        position, last = position + len(chunk), (last + chunk)[-TAIL_BYTES:]
        if at:
            return position, last, True
    return position, last, False
