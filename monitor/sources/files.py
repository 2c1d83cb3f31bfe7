"""Find the files of a source, and read one from a position whose bytes are verified."""

import glob
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from monitor.settings import Source
from monitor.sources.identity import TAIL_BYTES, Mark, digest


@dataclass(frozen=True)
class Seen:
    """Hold what the file system says of a file; hints, never its identity."""

    path: str
    size: int
    modified_us: int
    device: int
    inode: int


def scan(source: Source) -> list[Seen]:
    """Return the regular files the glob names, oldest change first; a link that leaves the glob's root is left out."""
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
            found.append(Seen(real, about.st_size, about.st_mtime_ns // 1000, about.st_dev, about.st_ino))
    unique = {one.path: one for one in found}
    return sorted(unique.values(), key=lambda one: (one.modified_us, one.path))


def instance_of(source: Source, path: str) -> str:
    """Return the pod, host or process the path names by the source's pattern; the folder's name without one."""
    if source.instance_from:
        found = re.search(source.instance_from, path)
        if found:
            return (found[1] if found.groups() else found[0])[:128]
    return Path(path).parent.name[:128]


def read_verified(descriptor: int, mark: Mark, most_bytes: int, secret: bytes) -> bytes | None:
    """
    Return the bytes after the mark's position, at most `most_bytes`; None when the bytes before it are not the known ones.

    Old and new bytes come from one read, so a truncation between two reads cannot slip in between.
    """
    buffer = os.pread(descriptor, mark.tail_length + most_bytes, mark.position - mark.tail_length)
    if mark.tail_length and digest(secret, buffer[: mark.tail_length]) != mark.tail_digest:
        return None
    return buffer[mark.tail_length :]


def end_of_line(descriptor: int, position: int, chunk_bytes: int) -> tuple[int, bytes, bool]:
    """
    Look for the newline at or after `position` without keeping what lies before it.

    Returns the position behind it, the last bytes up to there (all, or at least enough for a bookmark's tail) and True;
    without one, the same for the end of the file and False.
    """
    last = b""
    while chunk := os.pread(descriptor, chunk_bytes, position):
        at = chunk.find(b"\n") + 1
        chunk = chunk[:at] if at else chunk
        position, last = position + len(chunk), (last + chunk)[-TAIL_BYTES:]
        if at:
            return position, last, True
    return position, last, False
