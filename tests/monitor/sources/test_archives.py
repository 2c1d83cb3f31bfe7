"""An archive gives its bytes at any offset, says when it is cut or broken, and never more than a log could hold."""

import bz2
import gzip
import lzma
import os
import random
import resource
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from monitor.sources.archives import FREE_BYTES, STEP_BYTES, Limits, content, kind_of

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "zst": zstd.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip
WIDE = Limits(1 << 40, 500)
WORDS = b"".join(f"line {n} of some log\n".encode() for n in range(20_000))


@pytest.fixture(params=PACKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def opened(folder: Path, data: bytes) -> int:
    (folder / "a.log").write_bytes(data)
    return os.open(folder / "a.log", os.O_RDONLY)


def test_kinds_are_told_by_content(kind: str) -> None:
    """Magic bytes name the compression."""
    assert kind_of(PACKERS[kind](b"x")) == kind


def test_any_offset(tmp_path: Path, kind: str) -> None:
    """Reads forward and back give what the uncompressed file would."""
    found = content(opened(tmp_path, PACKERS[kind](WORDS)), WIDE)
    draw = random.Random(1)
    for _ in range(30):
        offset, length = draw.randrange(len(WORDS) + 10), draw.choice([1, 100, 70_000])
        assert found.read(offset, length) == WORDS[offset : offset + length]
    assert found.read(len(WORDS) - 3, 10) == WORDS[-3:]
    assert (found.size, found.damage, found.bomb) == (len(WORDS), "", "")


def test_members_are_one_stream(tmp_path: Path, kind: str) -> None:
    """Several members follow each other; zeros behind the last are padding."""
    packed = PACKERS[kind](WORDS[:1000]) + PACKERS[kind](b"") + PACKERS[kind](WORDS[1000:]) + b"\x00" * 700
    found = content(opened(tmp_path, packed), WIDE)
    assert found.read(0, len(WORDS) + 1) == WORDS
    assert (found.size, found.damage) == (len(WORDS), "")


def test_other_bytes_behind(tmp_path: Path, kind: str) -> None:
    """What follows the last member and is none itself is damage; what came before is read."""
    found = content(opened(tmp_path, PACKERS[kind](WORDS) + b"no member here"), WIDE)
    assert found.read(0, len(WORDS) + 1) == WORDS
    assert "belong to no member" in found.damage


def test_cut_anywhere(tmp_path: Path, kind: str) -> None:
    """An archive cut at any byte gives a beginning of the content and says that it is damaged."""
    whole = PACKERS[kind](WORDS[:5000])
    for cut in range(7, len(whole), max(1, len(whole) // 150)):
        descriptor = opened(tmp_path, whole[:cut])
        found = content(descriptor, WIDE)
        assert WORDS.startswith(found.read(0, 10_000))
        assert found.damage, cut
        os.close(descriptor)


def test_flipped_bits(tmp_path: Path, kind: str) -> None:
    """A flipped bit is damage, another header, or (where a format has no check sum) other bytes: never an exception."""
    draw, whole, damaged = random.Random(2), bytearray(PACKERS[kind](WORDS[:5000])), 0
    for _ in range(200):
        at, bit = draw.randrange(6, len(whole)), 1 << draw.randrange(8)
        whole[at] ^= bit
        descriptor = opened(tmp_path, bytes(whole))
        found = content(descriptor, Limits(1 << 30, 500))
        found.read(0, 10_000)
        damaged += bool(found.damage)
        os.close(descriptor)
        whole[at] ^= bit
    assert damaged > 50


def test_bomb(tmp_path: Path) -> None:
    """A gigabyte of zeros is refused soon after the ratio can be judged, in little memory."""
    pack = zlib.compressobj(9, wbits=31)
    data = b"".join(pack.compress(bytes(1 << 20)) for _ in range(1024)) + pack.flush()
    found = content(opened(tmp_path, data), WIDE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    offset = 0
    while piece := found.read(offset, 8 << 20):
        offset += len(piece)
    assert FREE_BYTES <= offset <= FREE_BYTES + STEP_BYTES
    assert "come out of" in found.bomb
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_most_bytes(tmp_path: Path, kind: str) -> None:
    """An archive of more than the limit is refused whatever its ratio."""
    found = content(opened(tmp_path, PACKERS[kind](WORDS)), Limits(1000, 500))
    assert len(found.read(0, 5000)) <= 1000
    assert "more than 1,000 bytes" in found.bomb
