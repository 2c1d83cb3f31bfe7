"""Know an artefact by its bytes, and copy it while they are being checked."""

import hashlib
import os
import stat
from pathlib import Path

from monitor.errors import ConfigError

BLOCK = 1024 * 1024


def pin_of(directory: Path) -> str:
    """
    Return the SHA-256 over the sorted (path, size, sha256) of all files below `directory`; nothing is loaded.

    Raises ConfigError for links and anything that is not a regular file.
    """
    return _walk(directory, None)


def copy_pinned(directory: Path, pin: str, target: Path) -> None:
    """
    Copy the artefact to `target`, hashing each file as it is copied; ConfigError unless the digest is `pin`.

    What is loaded is the copy, so a file swapped later changes nothing.
    """
    found = _walk(directory, target)
    if found != pin:
        raise ConfigError(f"the files are not the pinned ones ({found[:12]}... instead of {pin[:12]}...)", where=str(directory),
                          remedy="vigie challenger pin NAME shows the digest; a person decides whether to trust it")  # fmt: skip


def _walk(directory: Path, target: Path | None) -> str:
    if not directory.is_dir():
        raise ConfigError("is no directory", where=str(directory))
    entries = []
    for path in sorted(p for p in directory.rglob("*") if not p.is_dir() or p.is_symlink()):
        if "__pycache__" in path.parts:
            continue
        name = path.relative_to(directory).as_posix()
        if path.is_symlink() or not stat.S_ISREG(path.lstat().st_mode):
            raise ConfigError("is a link or no regular file: not accepted in an artefact", where=str(path))
        entries.append((name, *_file(path, None if target is None else target / name)))
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def _file(path: Path, copy: Path | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as source:
        out = None
        if copy is not None:
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            out = copy.open("wb")
        try:
            while block := source.read(BLOCK):
                digest.update(block)
                size += len(block)
                if out is not None:
                    out.write(block)
        finally:
            if out is not None:
                out.close()
                copy.chmod(0o400)  # type: ignore[union-attr]
    return size, digest.hexdigest()
