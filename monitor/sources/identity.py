"""Tell which file this is by its content: names move, and inodes are reused."""

import hashlib
from dataclasses import dataclass

from monitor.sources.archives import Content

FIRST_BYTES = 4096
TAIL_BYTES = 1024


@dataclass(frozen=True)
class Mark:
    """
    Remember how far a file was read, and by which bytes to know it again.

    `position` counts bytes read and committed; digests are keyed. `size_seen` and `modified_us` are hints only.
    """

    id: int
    source: str
    instance: str
    first_digest: bytes
    generation: int
    position: int
    tail_digest: bytes | None
    tail_length: int
    head_digest: bytes | None
    head_length: int
    state: str
    size_seen: int
    modified_us: int | None
    path_last: str
    device: int | None = None
    inode: int | None = None
    packed_size: int | None = None  # of an archive that was read to its end


def digest(secret: bytes, data: bytes) -> bytes:
    """Return 16 keyed bytes that stand for `data`."""
    return hashlib.blake2b(data, key=secret[:64], digest_size=16).digest()


def first_line(head: bytes) -> bytes | None:
    """
    Return the first complete line, or 4,096 bytes of a longer one; None while there is neither.

    >>> first_line(b"one\\ntwo"), first_line(b"half")
    (b'one', None)
    """
    end = head.find(b"\n")
    if end >= 0:
        return head[:end]
    return head if len(head) >= FIRST_BYTES else None


def is_same(mark: Mark, found: Content, secret: bytes) -> bool | None:
    """
    Say whether the open file continues `mark`: True or False, None while it is too short to tell.

    True needs the head and the tail before the position to carry the stored digests.
    """
    head = found.read(0, mark.head_length)
    if len(head) < mark.head_length:
        return None
    if mark.head_length and digest(secret, head) != mark.head_digest:
        return False
    if not mark.tail_length:
        return True
    tail = found.read(mark.position - mark.tail_length, mark.tail_length)
    if len(tail) < mark.tail_length:
        return None
    return digest(secret, tail) == mark.tail_digest
