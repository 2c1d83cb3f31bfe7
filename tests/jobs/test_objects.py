"""Objects of a bucket are read once, by ranges, and never asked for again; what the store refuses is told."""

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from sqlalchemy import Connection, select

from jobs.doctor_whole import diagnosed
from jobs.ingest import ingest
from monitor.config import Config, load
from monitor.errors import ConfigError, VigieError
from monitor.sources.objects import scan
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.store.tables import bookmark, prediction, reject
from tests.conftest import NOW, Place, opened
from tests.jobs.story import contiguous, failing, request_ids, snapshot
from tests.jobs.test_runs import as_csv, as_parquet, rows

SMALL = "ingest: {batch_mib: 0.01}\n"


@pytest.fixture
def bucket() -> Iterator[MemoryFileSystem]:
    """Return fsspec's own store in memory, empty."""
    one = MemoryFileSystem()
    one.store.clear()
    yield one
    one.store.clear()


@pytest.fixture
def config(place: Place) -> Config:
    """Return settings whose source lies in the bucket."""
    return place.configure(SMALL, replaced=("logs/ape.jsonl*", "memory://logs/**/*.jsonl*"))


def put(bucket: MemoryFileSystem, place: Place, name: str, count: int, seed: int, packed: bool = False) -> None:
    """Log calls and put the file into the bucket."""
    place.log.unlink(missing_ok=True)
    place.write(count, seed=seed)
    data = place.log.read_bytes()
    bucket.pipe(f"/logs/{name}", gzip.compress(data) if packed else data)


def whole(place: Place, store: Store) -> None:
    assert request_ids(store) == Counter(row["request_id"] for row in place.written)
    assert contiguous(store)


class Counting:
    """Count what a store is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        read = MemoryFileSystem.cat_file

        def watched(
            files: MemoryFileSystem, path: str, start: int | None = None, end: int | None = None, **more: Any
        ) -> bytes:
            assert start is not None
            assert end is not None
            self.asked.append((path, end - start))
            return read(files, path, start=start, end=end, **more)

        monkeypatch.setattr(MemoryFileSystem, "cat_file", watched)


def test_objects_are_read_once(
    place: Place, store: Store, config: Config, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of each object is stored once, fetched in bounded ranges; what was read is not fetched again."""
    watch = Counting(monkeypatch)
    put(bucket, place, "a/1.jsonl", 200, 1)
    put(bucket, place, "b/2.jsonl.gz", 200, 2, packed=True)
    assert ingest(store, config, NOW) == "api: 400 read, 0 duplicate, 0 rejected"
    whole(place, store)
    assert max(length for _, length in watch.asked) <= 64 * 1024
    watch.asked.clear()
    before = snapshot(store)
    assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"
    assert snapshot(store) == before
    assert watch.asked == []
    put(bucket, place, "a/3.jsonl", 50, 3)
    assert ingest(store, config, NOW) == "api: 50 read, 0 duplicate, 0 rejected"
    assert {path for path, _ in watch.asked} == {"/logs/a/3.jsonl"}
    with store.read() as connection:
        paths = set(connection.execute(select(bookmark.c.path_last)).scalars())
    assert paths == {"memory:///logs/a/1.jsonl", "memory:///logs/b/2.jsonl.gz", "memory:///logs/a/3.jsonl"}


def test_last_line_counts(place: Place, store: Store, config: Config, bucket: MemoryFileSystem) -> None:
    """An object is never written again: its last line is taken at once, with or without a newline."""
    place.write(10)
    bucket.pipe("/logs/a.jsonl", place.log.read_bytes().rstrip(b"\n"))
    assert ingest(store, config, NOW) == "api: 10 read, 0 duplicate, 0 rejected"


@pytest.mark.parametrize("nth", range(1, 11))
def test_every_nth_write_fails(place: Place, store: Store, config: Config, bucket: MemoryFileSystem, nth: int) -> None:
    """Whichever transaction fails, the next pass completes both ledgers."""
    put(bucket, place, "a.jsonl", 80, 1)
    put(bucket, place, "b.jsonl.gz", 80, 2, packed=True)
    with suppress(VigieError):
        ingest(store.guarded(failing(nth)), config, NOW)
    assert contiguous(store)
    ingest(store, config, NOW)
    whole(place, store)


def test_replaced_half_way(place: Place, store: Store, config: Config, bucket: MemoryFileSystem) -> None:
    """An object that was written again before it was read to its end is another; both have their lines."""
    put(bucket, place, "a.jsonl", 100, 1)
    first = place.written.copy()
    with suppress(VigieError):
        ingest(store.guarded(failing(6)), config, NOW)
    half = len(request_ids(store))
    assert 0 < half < 100
    place.written.clear()
    put(bucket, place, "a.jsonl", 100, 2)
    for minutes in (0, 1, 2):
        ingest(store, config, NOW + timedelta(minutes=minutes))
    stored = request_ids(store)
    assert set(stored.values()) == {1}
    assert {row["request_id"] for row in place.written} <= set(stored)
    assert len(stored) == half + 100
    assert set(stored) <= {row["request_id"] for row in [*first, *place.written]}
    with store.read() as connection:
        assert sum(connection.execute(select(bookmark.c.lost_bytes)).scalars()) > 0


def of_runs(place: Place) -> Config:
    """Return settings whose source is a folder of runs in the bucket."""
    text = """
    files: memory://runs/day=*/*
    format: table
    run_time: "day=([0-9-]+)"
    zone: UTC
    model: ape
    map: {request_id: id, text: text, label: code, score: p}
"""
    place.configure()
    written = place.path.read_text(encoding="utf-8")
    start, end = written.index("  api:\n") + 7, written.index("routes:")
    place.path.write_text(written[:start] + text + written[end:], encoding="utf-8")
    return load(place.path)


def test_runs_in_a_bucket(quick_place: Place, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet and CSV runs are read from a bucket like from a folder, the date in their path counting."""
    config = of_runs(quick_place)
    bucket.pipe("/runs/day=2026-08-30/a.parquet", as_parquet(rows(60)))
    bucket.pipe("/runs/day=2026-08-31/a.csv", as_csv(rows(60, seed=1)))
    watch = Counting(monkeypatch)
    with opened(config.database) as store:
        assert ingest(store, config, NOW) == "api: 120 read, 0 duplicate, 0 rejected"
        assert contiguous(store)
        watch.asked.clear()
        assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"
        assert watch.asked == []
        bucket.pipe("/runs/day=2026-09-01/a.parquet", as_parquet(rows(60, seed=2))[:-9])
        assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 1 rejected"
        with store.read() as connection:
            assert list(connection.execute(select(reject.c.reason)).scalars()) == ["archive_damaged"]


@pytest.mark.parametrize("nth", range(1, 6))
def test_run_replaced_while_read(quick_place: Place, bucket: MemoryFileSystem, nth: int) -> None:
    """A run that is written again between being recognised and being read gives no row under the old one's name."""
    config = of_runs(quick_place)
    first = as_csv(rows(60))
    bucket.pipe("/runs/day=2026-08-30/a.csv", first)
    left = [nth]

    def guard(_connection: Connection) -> None:
        left[0] -= 1
        if left[0] == 0:
            bucket.pipe("/runs/day=2026-08-30/a.csv", first.replace(b"\r\n0-", b"\r\n1-"))  # as long as the first

    with opened(config.database) as store:
        ingest(store.guarded(guard), config, NOW)
        ingest(store, config, NOW)
        with store.read() as connection:
            found = connection.execute(select(prediction.c.bookmark, prediction.c.request_id)).all()
    by_run: dict[int, set[str]] = {}
    for one, request in found:
        by_run.setdefault(one, set()).add(request.split("-")[0])
    assert all(len(seeds) == 1 for seeds in by_run.values())
    assert Counter(request for _, request in found if request.startswith("1-")) == Counter(f"1-{n}" for n in range(60))


@pytest.mark.parametrize("nth", range(1, 16))
def test_fetch_that_fails(
    quick_place: Place, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Whichever range the store refuses, no run counts as damaged: it is told, and read to its end later."""
    config = of_runs(quick_place)
    bucket.pipe("/runs/day=2026-08-30/a.parquet", as_parquet(rows(60)))
    bucket.pipe("/runs/day=2026-08-31/a.csv", as_csv(rows(60, seed=1)))
    read, left = MemoryFileSystem.cat_file, [nth]

    def flaky(files: MemoryFileSystem, path: str, **more: Any) -> bytes:
        left[0] -= 1
        if left[0] == 0:
            raise TimeoutError("no answer")
        return read(files, path, **more)

    with opened(config.database) as store:
        with monkeypatch.context() as broken:
            broken.setattr(MemoryFileSystem, "cat_file", flaky)
            told = ingest(store, config, NOW)
            assert ("no answer" in told) == (left[0] <= 0)
        assert "0 rejected" in told
        ingest(store, config, NOW)
        assert sum(request_ids(store).values()) == 120
        with store.read() as connection:
            assert not connection.execute(select(reject)).all()


def test_store_that_refuses(
    place: Place, store: Store, config: Config, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that cannot be listed, or an object that cannot be fetched, is told and read later; nothing is taken as looked at."""
    put(bucket, place, "a.jsonl", 20, 1)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Access Denied")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryFileSystem, "glob", refuse)
        assert "cannot be listed: Access Denied" in ingest(store, config, NOW)
    with store.read() as connection:
        (feed,) = feeds(connection, config.sources.values(), NOW)
    assert feed.read_us is None
    with monkeypatch.context() as broken:
        broken.setattr(MemoryFileSystem, "cat_file", refuse)
        assert "cannot read a.jsonl (Access Denied)" in ingest(store, config, NOW)
    with store.read() as connection:
        (feed,) = feeds(connection, config.sources.values(), NOW)
    assert feed.lag_bytes > 0
    ingest(store, config, NOW)
    whole(place, store)


def test_short_answer(
    place: Place, store: Store, config: Config, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that gives fewer bytes than it was asked for is an error, not the end of the object."""
    put(bucket, place, "a.jsonl", 60, 1)
    read = MemoryFileSystem.cat_file
    with monkeypatch.context() as broken:
        broken.setattr(
            MemoryFileSystem, "cat_file", lambda files, path, start, end: read(files, path, start=start, end=end)[:4000]
        )
        assert "came where" in ingest(store, config, NOW)
    ingest(store, config, NOW)
    whole(place, store)


def test_local_url(quick_place: Place, tmp_path: Path) -> None:
    """file:// is read through fsspec too: a file named by a URL counts as finished."""
    config = quick_place.configure(SMALL, replaced=("logs/ape.jsonl*", f"file://{tmp_path}/logs/*.jsonl"))
    quick_place.write(50)
    with opened(config.database) as store:
        assert ingest(store, config, NOW) == "api: 50 read, 0 duplicate, 0 rejected"
        assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"


def test_doctor(place: Place, store: Store, config: Config, bucket: MemoryFileSystem) -> None:
    """The doctor tells objects that match, that wait, and a glob that matches none."""

    def finding() -> tuple[str, str]:
        found = {one.what: one for one in diagnosed(store, config, NOW)}
        return found["api: objects"].state, found["api: objects"].means

    assert finding()[0] == "bad"
    put(bucket, place, "a.jsonl", 20, 1)
    assert finding()[0] == "warn"
    ingest(store, config, NOW)
    assert finding() == ("ok", "1 objects match")


@pytest.mark.parametrize("url", ["http://logs/a", "simplecache::s3://a/b", "git://x/y"])
def test_other_stores(place: Place, url: str) -> None:
    """Only object stores are read: other protocols fsspec knows may run code or go anywhere."""
    with pytest.raises(ConfigError, match="objects are read from s3://"):
        place.configure(replaced=("logs/ape.jsonl*", url))


def test_missing_client(place: Place, store: Store) -> None:
    """A protocol whose client is not installed is told with the package's name, and the pass goes on."""
    pytest.importorskip("fsspec")
    config = place.configure(replaced=("logs/ape.jsonl*", "s3://bucket/*.jsonl"))
    try:
        import s3fs  # noqa: F401
    except ImportError:
        assert "s3:// needs another package" in ingest(store, config, NOW)


def test_same_size_other_version(bucket: MemoryFileSystem, config: Config) -> None:
    """An object of the same name and size that was written again is seen as another."""
    bucket.pipe("/logs/a.jsonl", b"one\n")
    (first,) = scan(config.sources["api"])
    bucket.store["/logs/a.jsonl"].created += timedelta(seconds=1)
    (second,) = scan(config.sources["api"])
    assert (first.path, first.size) == (second.path, second.size)
    assert first.inode != second.inode
