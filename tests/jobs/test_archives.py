"""A compressed log is the log it was made from: read on, read once, and said when it is damaged."""

import bz2
import gzip
import lzma
import os
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from backports import zstd
from sqlalchemy import select

from jobs.ingest import ingest
from monitor.config import Config
from monitor.store import arrivals
from monitor.store.store import Store
from monitor.store.tables import bookmark, data_loss, reject
from tests.conftest import NOW, Place, opened
from tests.jobs.story import request_ids, snapshot

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "zst": zstd.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip


@pytest.fixture
def config(quick_place: Place) -> Config:
    return quick_place.configure("ingest: {batch_mib: 0.01}\n")


def age(place: Place, **back: float) -> None:
    """Date every log file back from NOW."""
    then = (NOW - timedelta(**back)).timestamp()
    for file in place.folder.glob("logs/*"):
        os.utime(file, (then, then))


def packed(place: Place, kind: str, data: bytes) -> None:
    (place.log.parent / f"ape.jsonl.1.{kind}").write_bytes(data)


def told(store: Store) -> tuple[set[str], list[tuple[str, int]]]:
    """Return the states of the bookmarks, and reasons with positions of the rejects."""
    with store.read() as connection:
        states = set(connection.execute(select(bookmark.c.state)).scalars())
        rows = connection.execute(select(reject.c.reason, reject.c.position)).all()
    return states, [tuple(row) for row in rows]


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_after_rotation(quick_place: Place, config: Config, kind: str) -> None:
    """A file that was half read, then rotated and compressed, is read on from where it was; later passes change nothing."""
    place = quick_place
    place.write(100, seed=1)
    with opened(place.database) as store:
        ingest(store, config, NOW)
        place.write(80, seed=2)  # never read as a plain file
        packed(place, kind, PACKERS[kind](place.log.read_bytes()))
        place.log.unlink()
        place.write(30, seed=3)
        age(place, hours=1)
        assert ingest(store, config, NOW) == "api: 110 read, 0 duplicate, 0 rejected"
        assert max(request_ids(store).values()) == 1
        assert len(request_ids(store)) == 210
        before = snapshot(store)
        assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"
        assert snapshot(store) == before
        assert told(store)[0] == {"active", "finished"}


@pytest.mark.parametrize("kind", ["", *PACKERS])
def test_ends_within_a_record(quick_place: Place, kind: str) -> None:
    """A log whose runtime cut a line and never wrote the rest of it is read to its end: an archive at once, a file when left alone."""
    config = quick_place.configure(replaced=("format: vigie_line", "format: vigie_line\n    wrapper: cri"))
    quick_place.write(20)
    lines = [
        b"2026-09-02T12:20:00.5Z stdout F " + line for line in quick_place.log.read_bytes().splitlines(keepends=True)
    ]
    data = b"".join(
        [*lines, b'2026-09-02T12:20:00.5Z stdout P {"vigie":1,\n', b"2026-09-02T12:20:00.5Z stderr F Killed\n"]
    )
    quick_place.log.write_bytes(data)
    if kind:
        packed(quick_place, kind, PACKERS[kind](data))
        quick_place.log.unlink()
    age(quick_place, minutes=0 if not kind else 1)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        if not kind:
            assert told(store)[1] == []
            ingest(store, config, NOW + timedelta(minutes=config.ingest.finish_minutes + 1))
        assert request_ids(store) == Counter(row["request_id"] for row in quick_place.written)
        assert [reason for reason, _ in told(store)[1]] == ["unfinished_record"]
        with store.read() as connection:
            assert set(connection.execute(select(bookmark.c.position)).scalars()) == {len(data)}


def test_archive_beside_its_file(quick_place: Place, config: Config) -> None:
    """The same lines as a file and as an archive are read once, and the file goes on when it grows."""
    place = quick_place
    place.write(50, seed=1)
    packed(place, "gz", gzip.compress(place.log.read_bytes()))
    with opened(place.database) as store:
        for seed in (2, 3):
            assert ingest(store, config, NOW).startswith("api: 50 read, 0 duplicate")
            place.write(50, seed=seed)
        ingest(store, config, NOW)
        assert len(request_ids(store)) == 150


def test_unchanged_archive_is_left_alone(quick_place: Place, config: Config) -> None:
    """An archive that was read to its end is not even decompressed again."""
    place = quick_place
    place.write(50)
    packed(place, "gz", gzip.compress(place.log.read_bytes()))
    place.log.unlink()
    file = place.log.parent / "ape.jsonl.1.gz"
    with opened(place.database) as store:
        ingest(store, config, NOW)
        about = file.stat()
        with file.open("r+b") as broken:  # the same size and time: only reading it would notice
            broken.seek(20)
            broken.write(b"\xff" * 20)
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
        assert ingest(store, config, NOW + timedelta(hours=1)) == "api: 0 read, 0 duplicate, 0 rejected"


def test_archive_still_written(quick_place: Place, config: Config) -> None:
    """Half an archive gives its lines, no damage while it is young, and the rest when it is whole."""
    place = quick_place
    place.write(200)
    whole = gzip.compress(place.log.read_bytes())
    place.log.unlink()
    with opened(place.database) as store:
        packed(place, "gz", whole[: len(whole) // 2])
        age(place, minutes=1)
        ingest(store, config, NOW)
        assert told(store) == ({"active"}, [])
        packed(place, "gz", whole)
        age(place, minutes=0)
        ingest(store, config, NOW)
        assert len(request_ids(store)) == 200
        assert told(store) == ({"finished"}, [])


def test_damaged_archive(quick_place: Place, config: Config) -> None:
    """What a cut archive still gives is read, the rest is one reject and a loss, said once."""
    place = quick_place
    place.write(200)
    whole = gzip.compress(place.log.read_bytes())
    lines = place.log.read_bytes()
    place.log.unlink()
    packed(place, "gz", whole[: len(whole) // 2])
    age(place, minutes=30)
    with opened(place.database) as store:
        for _ in range(3):
            ingest(store, config, NOW)
        states, rejects = told(store)
        assert (states, [reason for reason, _ in rejects]) == ({"finished"}, ["archive_damaged"])
        position = rejects[0][1]
        assert lines[:position].count(b"\n") == len(request_ids(store))
        assert lines[position - 1 : position] == b"\n"
        with store.read() as connection:
            assert connection.execute(select(data_loss.c.why)).scalars().all() == ["archive_damaged"]
        packed(place, "gz", whole)  # somebody brings the whole one back
        age(place, minutes=0)
        ingest(store, config, NOW)
        assert len(request_ids(store)) == 200


def test_bomb(quick_place: Place, config: Config) -> None:
    """An archive of nothing but size is refused with a reason, kept out of later passes, and stops nothing else."""
    place = quick_place
    place.write(20)
    pack = zlib.compressobj(9, wbits=31)
    packed(place, "gz", b"".join(pack.compress(bytes(1 << 20)) for _ in range(200)) + pack.flush())
    age(place, minutes=30)
    with opened(place.database) as store:
        assert ingest(store, place.configure(), NOW) == "api: 20 read, 0 duplicate, 1 rejected"
        assert ingest(store, place.configure(), NOW) == "api: 0 read, 0 duplicate, 0 rejected"
        states, rejects = told(store)
        assert states == {"active", "refused"}
        assert {reason for reason, _ in rejects} == {"nul_hole", "archive_bomb"}
        with store.read() as connection:
            assert arrivals.feed(connection)[0]["lag_bytes"] == 0


def test_wide_characters(quick_place: Place, config: Config) -> None:
    """A UTF-16 file is told of with what to do, and is no part of a complete hour."""
    place = quick_place
    place.log.parent.mkdir(exist_ok=True)
    place.log.write_bytes("{}\n".encode("utf-16"))
    with opened(place.database) as store:
        assert "cannot read ape.jsonl (UTF-16: convert it" in ingest(store, config, NOW)
        with store.read() as connection:
            assert arrivals.feed(connection)[0]["complete_until_hour"] is None


def test_sparse_hole(quick_place: Place, config: Config) -> None:
    """Eight gigabytes of hole that a truncated file's writer left cost one reject and no time."""
    place = quick_place
    place.write(10, seed=1)
    first = place.log.read_bytes()
    place.write(10, seed=2)
    second = place.log.read_bytes()[len(first) :]
    with place.log.open("r+b") as file:
        file.truncate(len(first))
        file.seek(8 << 30)
        file.write(second)
    with opened(place.database) as store:
        assert ingest(store, config, NOW) == "api: 20 read, 0 duplicate, 0 rejected"
        with store.read() as connection:
            found = connection.execute(select(reject.c.reason, reject.c.position, reject.c.length)).all()
        assert sum(length for _, _, length in found) == (8 << 30) - len(first)
        assert {reason for reason, _, _ in found} == {"nul_hole"}
