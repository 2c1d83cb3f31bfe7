"""Transactions are whole, readers have one view, and a read-only store writes nothing."""

import os
import stat
from pathlib import Path

import pytest

from monitor.errors import StoreError
from monitor.store import arrivals, runs
from monitor.store.store import Store
from tests.conftest import opened


def test_one_view(store: Store) -> None:
    """What is committed while a reader reads, it does not see; the next reader does."""
    with store.read() as reading:
        assert runs.last_tick_us(reading) is None
        with store.write() as writing:
            runs.beat(writing, "r", 5, "1")
        assert runs.last_tick_us(reading) is None
    with store.read() as reading:
        assert runs.last_tick_us(reading) == 5


def test_nothing_of_a_reader_is_kept(store: Store) -> None:
    """A reader that writes by mistake leaves nothing."""
    try:
        with store.read() as connection:
            runs.beat(connection, "r", 5, "1")
    except StoreError:
        pass
    with store.read() as connection:
        assert runs.last_tick_us(connection) is None


def test_read_only(store: Store, store_url: str) -> None:
    """A store opened read-only refuses to write and creates nothing."""
    only = Store.open(store_url, read_only=True)

    def write() -> None:
        with only.write() as connection:
            runs.beat(connection, "r", 5, "1")

    with pytest.raises(StoreError, match=r"(?i)read-?\s?only"):
        write()
    with only.read() as connection:
        assert arrivals.feed(connection) == []
    only.engine.dispose()


def test_error_without_password(postgres) -> None:
    """What an operator reads names the database and never the password."""
    url = postgres().replace("postgres:@", "postgres:hunter2@").replace("/t", "/missing")
    store = Store.open(url)

    def read() -> None:
        with store.read():
            pass

    with pytest.raises(StoreError) as trouble:
        read()
    assert "hunter2" not in str(trouble.value)
    assert "missing" in str(trouble.value)


def test_busy_writer(tmp_path: Path) -> None:
    """A writer waits for another one so long and no longer, and says why; afterwards it writes."""
    with opened(f"sqlite:///{tmp_path}/vigie.db") as store:

        def second() -> None:
            with store.write(wait_s=0.05) as connection:
                runs.beat(connection, "r", 5, "1")

        with store.write(), pytest.raises(StoreError, match=r"another process writes for more than 0\.05 s"):
            second()
        second()
        with store.read() as connection:
            assert runs.last_tick_us(connection) == 5


def test_private_file(tmp_path: Path) -> None:
    """An SQLite file, its log and its folder are for us alone."""
    with opened(f"sqlite:///{tmp_path}/data/vigie.db") as store, store.read():
        for name in ("vigie.db", "vigie.db.writer"):
            assert stat.S_IMODE(os.stat(tmp_path / "data" / name).st_mode) == 0o600
        assert stat.S_IMODE(os.stat(tmp_path / "data").st_mode) == 0o700


def test_missing_file(tmp_path: Path) -> None:
    """Reading where nothing is makes no file."""
    with pytest.raises(StoreError, match="no database yet"):
        Store.open(f"sqlite:///{tmp_path}/x.db", read_only=True)
    assert list(tmp_path.iterdir()) == []
