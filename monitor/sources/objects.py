"""Find and read objects of a bucket through fsspec: by ranges, and never written again once they are there."""

import errno
import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitor.settings import Source
from monitor.sources.archives import About
from monitor.sources.files import Seen
from monitor.sources.rows import Unreadable
from monitor.window import microseconds

DEVICE = -1  # no file system has it
VERSIONS = ("ETag", "etag", "generation", "md5Hash")  # one is enough, and both a listing and a single answer have it
MODIFIED = ("LastModified", "last_modified", "updated", "mtime", "created")
CLIENTS = (("botocore.exceptions", "BotoCoreError"), ("botocore.exceptions", "ClientError"), ("aiohttp", "ClientError"),
           ("google.auth.exceptions", "GoogleAuthError"), ("gcsfs.retry", "HttpError"), ("azure.core.exceptions", "AzureError"))  # fmt: skip


def is_remote(source: Source) -> bool:
    """
    Say whether a source's files are objects, named by a URL.

    >>> is_remote(Source(files="s3://logs/ape/*.jsonl")), is_remote(Source(files="/var/log/ape/*"))
    (True, False)
    """
    return "://" in source.files


def scan(source: Source) -> list[Seen]:
    """
    Return the objects that match, oldest first; which are archives shows when they are read.

    Raises Unreadable where the bucket cannot be listed.
    """
    try:
        files, path = _store(source.files)
        files.invalidate_cache()
        listed = files.glob(path, detail=True)
        found = [_seen(files.unstrip_protocol(name), info) for name, info in listed.items() if info["type"] == "file"]
    except ImportError as error:
        raise Unreadable(f"{source.files.partition('://')[0]}:// needs another package: {error}") from error
    except troubles() as error:
        raise Unreadable(f"{source.files} cannot be listed: {_cause(error)}") from error
    return sorted(found, key=lambda one: (one.modified_us, one.path))


@dataclass(frozen=True)
class Object:
    """Read one object by ranges; what its store says of it is asked anew each time."""

    seen: Seen
    files: Any
    path: str

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; none beyond the size that was listed."""
        end = min(offset + length, self.seen.size)
        if offset >= end:
            return b""
        data: bytes = _asked(lambda: self.files.cat_file(self.path, start=offset, end=end))
        if len(data) != end - offset:
            raise OSError(errno.EIO, f"{len(data)} bytes came where {end - offset} were asked for")
        return data

    def about(self) -> About:
        """Return what was listed of it: an object that is written again is another."""
        return About(self.seen.size, self.seen.modified_us, self.seen.device, self.seen.inode, is_final=True)

    def end_of_gap(self, offset: int) -> int:
        """Return the same place: objects have no holes."""
        return offset

    def is_replaced(self) -> bool:
        """Say whether the store has another version under this name by now."""
        self.files.invalidate_cache()
        return _seen(self.seen.path, _asked(lambda: self.files.info(self.path))).inode != self.seen.inode


def opened(seen: Seen) -> Object:
    """Return the object that was listed; nothing is fetched yet."""
    files, path = _store(seen.path)
    return Object(seen, files, path)


def troubles() -> tuple[type[Exception], ...]:
    """Return the errors of those clients that are loaded: each brings its own."""
    loaded = [getattr(sys.modules[module], name, None) for module, name in CLIENTS if module in sys.modules]
    return OSError, ValueError, *(one for one in loaded if isinstance(one, type) and issubclass(one, Exception))


def _store(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    files, path = url_to_fs(url)
    return files, str(path)


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except FileNotFoundError:
        raise
    except troubles() as error:
        raise OSError(errno.EIO, _cause(error)) from error


def _seen(path: str, info: dict[str, Any]) -> Seen:
    size = int(info["size"] or 0)
    when = next((info[name] for name in MODIFIED if info.get(name) is not None), None)
    modified_us = _modified_us(when)
    version = next((str(info[name]).strip('"') for name in VERSIONS if info.get(name)), str(modified_us))
    stamp = hashlib.blake2b(f"{path}|{size}|{version}".encode(), digest_size=8).digest()
    return Seen(path, size, modified_us, DEVICE, int.from_bytes(stamp, "big") >> 1)


def _modified_us(when: Any) -> int:
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, datetime):
        return microseconds(when if when.tzinfo is not None else when.replace(tzinfo=UTC))
    return round(when * 1e6) if isinstance(when, int | float) else 0


def _cause(error: Exception) -> str:
    lines = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()
    return str(lines[0])[:200]
