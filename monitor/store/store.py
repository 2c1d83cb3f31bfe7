"""
Open the database and lend out transactions.

SQLite takes one writer at a time, under a file lock beside the database; readers never wait for it. PostgreSQL needs
no such lock. Every other module of this package is one subject: functions that take a `Connection` of this store.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from monitor.errors import DataRefused, StoreError

BUSY_MILLISECONDS = 10_000
WRITER_SECONDS, LOOK_SECONDS, SCRUB_TRIES = 60.0, 0.01, 1000


@dataclass(frozen=True)
class Store:
    """
    Hold an engine and lend connections: `read()` sees committed rows, `write()` is one transaction.

    >>> import tempfile
    >>> store = Store.open(f"sqlite:///{tempfile.mkdtemp()}/vigie.db")
    >>> with store.write() as connection:
    ...     connection.exec_driver_sql("create table t (n integer)").rowcount
    -1
    >>> store.dialect
    'sqlite'
    """

    engine: Engine
    lock_path: Path | None = None
    guard: Callable[[Connection], None] | None = None  # runs first in every write; raises LeaseLost under an old fence

    @classmethod
    def open(cls, url: str, read_only: bool = False) -> "Store":
        """
        Open `sqlite:///path` or `postgresql+psycopg://...`; nothing is created but an SQLite file's folder.

        Raises StoreError for a dialect that is neither.
        """
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return cls._open_sqlite(Path(parsed.database or ""), read_only)
        if parsed.get_backend_name() == "postgresql":
            refuse = {"options": "-c default_transaction_read_only=on"} if read_only else {}
            return cls(create_engine(parsed, pool_pre_ping=True, pool_size=3, connect_args=refuse))
        raise StoreError(f"{parsed.get_backend_name()} is not supported; use sqlite:/// or postgresql+psycopg://")

    @classmethod
    def _open_sqlite(cls, path: Path, read_only: bool) -> "Store":
        if read_only and not path.exists():
            raise StoreError("there is no database yet", str(path), "vigie once")
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = f"file:{path}?mode=ro" if read_only else f"file:{path}"
        engine = create_engine(f"sqlite:///{target}&uri=true" if "?" in target else f"sqlite:///{target}?uri=true",
                               poolclass=NullPool)  # fmt: skip

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions begin where we say so
            if not read_only:
                os.chmod(path, 0o600)
                connection.execute("pragma journal_mode=wal")
                connection.execute("pragma synchronous=full")
                connection.execute("pragma secure_delete=on")
            else:
                connection.execute("pragma query_only=on")
            connection.execute(f"pragma busy_timeout={BUSY_MILLISECONDS}")
            connection.execute("pragma foreign_keys=on")
            connection.execute("pragma cache_size=-65536")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            immediate = connection.get_execution_options().get("immediate", False)
            connection.exec_driver_sql("begin immediate" if immediate else "begin")

        return cls(engine, None if read_only else path.with_name(path.name + ".writer"))

    @property
    def dialect(self) -> str:
        """Name the database: sqlite or postgresql."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Lend a connection for one consistent view; nothing it does is kept."""
        try:
            with self.engine.connect() as connection:
                if self.dialect == "postgresql":  # SQLite's readers have one view anyway
                    connection.execution_options(isolation_level="REPEATABLE READ")
                yield connection
                connection.rollback()
        except DBAPIError as error:
            raise StoreError(_cause(error), where=self.place) from error

    @contextmanager
    def write(self, wait_s: float = WRITER_SECONDS) -> Iterator[Connection]:
        """
        Lend a connection inside one transaction: committed at the end, rolled back on any error.

        Raises StoreError when another writer of an SQLite file does not end within `wait_s` seconds.
        """
        driver = self.engine.dialect.loaded_dbapi
        try:
            with self._writer_lock(wait_s), self.engine.connect() as plain:
                connection = plain.execution_options(immediate=True)
                with connection.begin():
                    if self.guard is not None:
                        self.guard(connection)
                    yield connection
        except (DataError, IntegrityError, driver.DataError, driver.IntegrityError) as error:
            raise DataRefused(_cause(error), where=self.place) from error
        except (DBAPIError, driver.Error) as error:  # the driver's own, where rows are copied past SQLAlchemy
            raise StoreError(_cause(error), where=self.place) from error

    def scrub(self, tables: Sequence[str]) -> None:
        """
        Take what was deleted from `tables` out of the database's files too.

        SQLite overwrites deleted bytes as it deletes them; its log is written back and emptied here. PostgreSQL writes
        the tables anew, which locks them meanwhile; its own write-ahead log is not ours.
        """
        with self._writer_lock(WRITER_SECONDS), self.engine.connect() as plain:
            if self.dialect == "sqlite":
                raw = plain.connection.driver_connection
                for _ in range(SCRUB_TRIES):
                    if raw is not None and raw.execute("pragma wal_checkpoint(truncate)").fetchone()[0] == 0:
                        return
                    time.sleep(LOOK_SECONDS)
                raise StoreError("a reader keeps the log of the database from being emptied", self.place, "try again")
            free = plain.execution_options(isolation_level="AUTOCOMMIT")
            for name in tables:
                free.exec_driver_sql(f'vacuum full "{name}"')

    def guarded(self, guard: Callable[[Connection], None]) -> "Store":
        """Return this store with `guard` run at the start of every writing transaction."""
        return replace(self, guard=guard)

    @property
    def place(self) -> str:
        """
        Name the database for messages, as config.yaml would, without a password.

        >>> Store.open("postgresql+psycopg://vigie:word@db.example/vigie").place
        'postgresql+psycopg://vigie:***@db.example/vigie'
        """
        shown = self.engine.url.render_as_string(hide_password=True)
        return shown.replace("file%3A", "", 1).partition("?")[0] if self.dialect == "sqlite" else shown

    @contextmanager
    def _writer_lock(self, wait_s: float) -> Iterator[None]:
        if self.lock_path is None:
            yield
            return
        descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(max(1, round(wait_s / LOOK_SECONDS))):
                if _locked(descriptor):
                    break
                time.sleep(LOOK_SECONDS)
            else:
                raise StoreError(f"another process writes for more than {wait_s:g} s", where=self.place)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cause(error: Exception) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return said.splitlines()[0] if said else type(error).__name__
