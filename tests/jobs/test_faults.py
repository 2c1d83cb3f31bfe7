"""A store that fails, fills, locks or vanishes costs nothing but time; what looks alike is told apart."""

import os
import resource
import shutil
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from jobs.ingest import _source, ingest
from jobs.reading import Pass, Reader
from monitor.config import Config
from monitor.errors import StoreError, VigieError
from monitor.sources.door import Door
from monitor.store import arrivals
from monitor.store.store import Store
from monitor.store.tables import bookmark, read_range
from tests.conftest import NOW, Place, opened, postgres_server
from tests.jobs.story import contiguous, failing, request_ids

SMALL = "ingest: {batch_mib: 0.01}\n"


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure(SMALL)


def whole(place: Place, store: Store) -> None:
    """Assert that each written call is stored once and the ranges tile the files."""
    assert request_ids(store) == Counter(row["request_id"] for row in place.written)
    assert contiguous(store)


@pytest.mark.parametrize("nth", range(1, 13))
def test_every_nth_write_fails(place: Place, store: Store, config: Config, nth: int) -> None:
    """Whichever transaction fails, rows and offset agree, and the next pass goes on by itself."""
    place.write(150)
    with suppress(VigieError):
        ingest(store.guarded(failing(nth)), config, NOW)
    assert contiguous(store)
    with store.read() as connection:
        accepted = sum(connection.execute(select(read_range.c.accepted)).scalars())
    assert accepted == sum(request_ids(store).values())
    ingest(store, config, NOW)
    whole(place, store)


def lives(process: int) -> bool:
    """Say whether a process still holds what it held; one that nobody reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(server: Any) -> None:
    """End a PostgreSQL as a power cut would: its first process, so that it starts no other, then its children, all by SIGKILL."""
    first = server.get_pid()
    children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
    for one in (first, *map(int, children)):
        os.kill(one, signal.SIGKILL)
    while any(lives(one) for one in (first, *map(int, children))):
        os.sched_yield()
    for left in (
        server.pgdata / "postmaster.pid",
        Path(server.get_postmaster_info().socket_dir) / ".s.PGSQL.5432.lock",
    ):
        left.unlink()  # where nobody reaps the dead, their numbers look alive


def test_server_killed(tmp_path: Path) -> None:
    """A PostgreSQL that dies as a transaction begins, or with all its rows in, leaves no half; it goes on when it runs again."""
    with postgres_server() as server:
        place = Place(tmp_path, server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
        config = place.configure(SMALL)
        place.write(600)
        killed = Counter[str]()
        with opened(place.database) as store:
            for nth, where in product((2, 3, 4), ("at the start", "before commit")):
                left = [nth]

                def last(_connection: Connection, where: str, left: list[int] = left) -> None:
                    left[0] -= 1
                    if left[0] == 0:
                        kill(server)
                        killed[where] += 1

                guard = partial(last, where=where)
                mortal = store.guarded(guard) if where == "at the start" else store
                if where == "before commit":
                    event.listen(store.engine, "commit", guard)
                with pytest.raises(StoreError, match=r"connection|server|terminat|EOF"):
                    ingest(mortal, config, NOW)
                if where == "before commit":
                    event.remove(store.engine, "commit", guard)
                server.ensure_postgres_running()
                assert contiguous(store)
                with store.read() as connection:
                    accepted = sum(connection.execute(select(read_range.c.accepted)).scalars())
                assert accepted == sum(request_ids(store).values())
            assert killed == {"at the start": 3, "before commit": 3}
            assert 0 < accepted < 600
            ingest(store, config, NOW)
            whole(place, store)


def test_read_only_database(quick_place: Place) -> None:
    """A database nobody may write to is an error with its reason; nothing moves; it goes on when it may."""
    config = quick_place.configure(SMALL)
    quick_place.write(100)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        quick_place.write(50, seed=2)
        frozen = Store.open(config.database, read_only=True)
        with pytest.raises(VigieError, match=r"readonly|read-only|lock"):
            ingest(frozen, config, NOW)
        frozen.engine.dispose()
        ingest(store, config, NOW)
        whole(quick_place, store)


def test_locked_database(quick_place: Place) -> None:
    """While another process holds the writer's lock nothing is read; afterwards everything is."""
    config = quick_place.configure(SMALL)
    quick_place.write(100)
    with opened(quick_place.database) as store:
        other = sqlite3.connect(config.data_dir / "vigie.db", isolation_level=None)
        other.execute("begin immediate")
        impatient = Store.open(config.database)

        event.listen(impatient.engine, "connect", lambda raw, _: raw.execute("pragma busy_timeout=20"))
        with pytest.raises(VigieError, match="locked"):
            ingest(impatient, config, NOW)
        impatient.engine.dispose()
        other.execute("rollback")
        other.close()
        ingest(store, config, NOW)
        whole(quick_place, store)


@contextmanager
def room(bytes_a_file: int) -> Iterator[None]:
    """Let no file grow beyond a size: what a full disk does to a database, without a disk of one's own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kib", [500, 700, 900])
def test_no_room(quick_place: Place, kib: int) -> None:
    """A database that cannot grow stops reading with rows and offset agreed; with room again the rest is read, once."""
    config = quick_place.configure(SMALL)
    quick_place.write(3000)
    with opened(config.database) as store:
        with room(kib * 1024), pytest.raises(StoreError, match=r"full|I/O error"):
            ingest(store, config, NOW)
        stored = request_ids(store)
        assert len(stored) < 3000
        assert contiguous(store)
        ingest(store, config, NOW)
        whole(quick_place, store)


def test_vanished_database(quick_place: Place) -> None:
    """A database that was deleted is filled again from the logs that are there."""
    config = quick_place.configure(SMALL)
    quick_place.write(100)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
    for file in config.data_dir.glob("vigie.db*"):
        file.unlink()
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        whole(quick_place, store)


def test_truncated_between_two_reads(place: Place, store: Store, config: Config) -> None:
    """A file that is copied and truncated, and grows beyond the old place, between two reads of one pass is not followed."""
    place.write(300, seed=1)
    door = Door(config.models, {"ape": None}, "redacted", config.secret)
    source = config.sources["api"]
    running = _source(Reader(store, config, source, door, NOW, Pass()))
    next(running)
    shutil.copy2(place.log, place.log.with_name("ape.jsonl.1"))
    os.truncate(place.log, 0)
    place.write(400, seed=2)
    for _ in running:
        pass
    ingest(store, config, NOW)
    ingest(store, config, NOW + timedelta(minutes=1))
    whole(place, store)


def test_file_on_a_broken_disk(quick_place: Place) -> None:
    """A file whose bytes cannot be read (EIO, as the kernel says it of a process's memory) is named; others are read to their end."""
    config = quick_place.configure("", ("logs/ape.jsonl*", "/proc/self/[lm][ie]m*"))  # limits, and mem
    with open("/proc/self/limits", encoding="utf-8") as file:
        lines = len(file.readlines())
    with opened(quick_place.database) as store:
        told = ingest(store, config, NOW)
        with store.read() as connection:
            (feed,) = arrivals.feed(connection)
    assert told == f"api: 0 read, 0 duplicate, {lines} rejected, cannot read mem (Input/output error)"
    assert feed["lines_rejected"] == lines


def test_copy_in_progress(place: Place, store: Store, config: Config) -> None:
    """Half a copy of a file that was read is no new file while it is young; no line of it counts as a duplicate."""
    place.write(200)
    ingest(store, config, NOW)
    half = place.log.read_bytes()[:6000]
    copy = place.log.with_name("ape.jsonl.copy")
    copy.write_bytes(half)
    os.utime(copy, (NOW.timestamp(), NOW.timestamp()))
    assert ingest(store, config, NOW + timedelta(seconds=5)) == "api: 0 read, 0 duplicate, 0 rejected"
    shutil.copy(place.log, copy)
    assert ingest(store, config, NOW + timedelta(seconds=8)) == "api: 0 read, 0 duplicate, 0 rejected"
    whole(place, store)


def test_two_pods_begin_alike(place: Place, store: Store) -> None:
    """Two pods whose files begin with the same banner are two files, whatever they are named."""
    config = place.configure(replaced=("logs/ape.jsonl*", "pods/*/0.log"))
    place.write(60, seed=1)
    lines = place.log.read_bytes().splitlines(keepends=True)
    banner = b'{"vigie":1,"dropped":1}\n'
    for name, some in (("a", lines[:30]), ("b", lines[30:])):
        (place.folder / "pods" / name).mkdir(parents=True)
        (place.folder / "pods" / name / "0.log").write_bytes(banner)
        ingest(store, config, NOW)
        with (place.folder / "pods" / name / "0.log").open("ab") as file:
            file.writelines(some)
    ingest(store, config, NOW)
    whole(place, store)
    with store.read() as connection:
        assert sorted(connection.execute(select(bookmark.c.instance)).scalars()) == ["a", "b"]


def test_many_readers_take_a_new_file_once(place: Place, store_url: str, config: Config) -> None:
    """Readers that meet a new file at the same moment register it once."""
    with opened(store_url) as store:
        for number in range(6):
            place.write(40, seed=number)
            os.rename(place.log, place.log.with_name(f"ape.jsonl.{number}"))
            gate = threading.Barrier(3)

            def work(gate: threading.Barrier = gate) -> None:
                own = Store.open(store_url)
                gate.wait()
                with suppress(VigieError):
                    ingest(own, config, NOW)
                own.engine.dispose()

            readers = [threading.Thread(target=work) for _ in range(3)]
            for one in readers:
                one.start()
            for one in readers:
                one.join()
        ingest(store, config, NOW)
        whole(place, store)
        with store.read() as connection:
            assert len(connection.execute(select(bookmark.c.id)).all()) == 6


def test_same_head_other_rest(place: Place, store: Store, config: Config) -> None:
    """A file whose first 5 KiB are those of one that was read, and whose rest is not, is another file."""
    banner = b"".join(b'{"vigie":1,"dropped":%d}\n' % number for number in range(200))
    place.write(40, seed=1)
    first = place.log.read_bytes()
    place.log.write_bytes(banner + first)
    ingest(store, config, NOW)
    os.truncate(place.log, 0)
    place.write(60, seed=2)
    place.log.write_bytes(banner + place.log.read_bytes())
    for minutes in (0, 1):
        ingest(store, config, NOW + timedelta(minutes=minutes))
    whole(place, store)
