"""
Read rows of a table in another database, in the order of its mark: read-only, a bounded page at a time.

Names are quoted by SQLAlchemy, values are bound, and both only where the database itself knows such columns.
"""

import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import NoSuchTableError, SAWarning, SQLAlchemyError
from sqlalchemy.types import NullType

from monitor.settings import Source, Table
from monitor.sources.rows import Unreadable, columns_of, require

CONNECT_SECONDS, STATEMENT_SECONDS, BUSY_SECONDS = 10, 60, 10


@dataclass(frozen=True)
class Place:
    """Hold the mark and key of a row: where it stands in the order rows are read in."""

    mark: Any
    key: tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """Hold a row's columns by name, and its place."""

    values: dict[str, Any]
    place: Place


@dataclass(frozen=True)
class Opened:
    """Hold an open table: its engine, its columns in the order that is read, and its address without a password."""

    engine: sa.Engine
    table: sa.Table
    settings: Table
    address: str

    def page(self, after: Place | None, *, start: Any = None, until: Place | None = None) -> list[Row]:
        """
        Return the next rows behind `after`, or from the mark `start` on, up to `until` (itself included).

        At most `chunk_rows`; fewer only at the end. Raises Unreadable.
        """
        names = (self.settings.mark, *self.settings.key)
        order = [self.table.c[name] for name in names]
        query = sa.select(*self.table.c).where(*(one.is_not(None) for one in order))
        if after is not None:
            query = query.where(sa.tuple_(*order) > _bound(after))
        elif start is not None:
            query = query.where(order[0] >= sa.literal(start, NullType()))
        if until is not None:
            query = query.where(sa.tuple_(*order) <= _bound(until))
        rows = self._all(query.order_by(*order).limit(self.settings.chunk_rows))
        return [Row(dict(one), Place(one[names[0]], tuple(one[name] for name in names[1:]))) for one in rows]

    def nameless(self) -> bool:
        """Say whether there are rows without a mark or a key: they have no place in the order, and are not read."""
        names = (self.settings.mark, *self.settings.key)
        may = [self.table.c[name] for name in names if self.table.c[name].nullable]
        if not may:
            return False
        return bool(self._all(sa.select(may[0]).where(sa.or_(*(one.is_(None) for one in may))).limit(1)))

    def newest(self) -> Any:
        """Return the highest mark; None of an empty table."""
        (row,) = self._all(sa.select(sa.func.max(self.table.c[self.settings.mark]).label("newest")))
        return row["newest"]

    def is_indexed(self) -> bool:
        """Say whether an index begins with the mark, so that new rows are found without reading all."""
        try:
            about = sa.inspect(self.engine)
            there: list[Any] = [
                one["column_names"] for one in about.get_indexes(self.table.name, schema=self.table.schema)
            ]
            there.append(about.get_pk_constraint(self.table.name, schema=self.table.schema)["constrained_columns"])
        except SQLAlchemyError as error:
            raise Unreadable(_cause(error)) from error
        return any(columns[:1] == [self.settings.mark] for columns in there)

    def _all(self, query: Any) -> Sequence[Any]:
        try:
            with self.engine.connect() as connection:
                return connection.execute(query).mappings().all()
        except SQLAlchemyError as error:
            raise Unreadable(_cause(error)) from error
        except UnicodeEncodeError as error:
            raise Unreadable(f"a mark or key is no text: {error.reason}") from error


@contextmanager
def opened(source: Source) -> Iterator[Opened]:
    """
    Lend the source's table; only the columns that its mapping, key and mark need are read.

    Raises Unreadable: no such database, table or column, or no right to read it.
    """
    settings = source.table
    assert settings is not None
    engine = _engine(settings)
    address = f"{make_url(settings.url).render_as_string(hide_password=True)}#{settings.name}"
    try:
        with warnings.catch_warnings():  # types that SQLAlchemy does not know are the driver's affair
            warnings.simplefilter("ignore", SAWarning)
            table = _table(engine, source, settings)
        yield Opened(engine, table, settings, address)
    finally:
        engine.dispose()


def _engine(settings: Table) -> sa.Engine:
    url = make_url(settings.url)
    if settings.password_file is not None:
        try:
            url = url.set(password=settings.password_file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            raise Unreadable(f"{settings.password_file} cannot be read: {error}") from error
    if url.get_backend_name() == "postgresql":
        options = f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_SECONDS}s"
        return sa.create_engine(url, pool_size=1, connect_args={"options": options, "connect_timeout": CONNECT_SECONDS})
    return _sqlite(url)


def _sqlite(url: URL) -> sa.Engine:
    if not Path(url.database or "").is_file():
        raise Unreadable(f"there is no file {url.database}")
    engine = sa.create_engine(
        URL.create("sqlite", database=f"file:{quote(url.database or '')}", query={"mode": "ro", "uri": "true"}),
        connect_args={"timeout": BUSY_SECONDS},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("pragma query_only=on")
        connection.text_factory = _text

    return engine


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _table(engine: sa.Engine, source: Source, settings: Table) -> sa.Table:
    schema, _, name = settings.name.rpartition(".")
    try:
        there = [one["name"] for one in sa.inspect(engine).get_columns(name, schema=schema or None)]
        wanted = list(dict.fromkeys([settings.mark, *settings.key, *columns_of(source)]))
        require(wanted, there, settings.name)
        table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=engine, include_columns=wanted,
                         resolve_fks=False)  # fmt: skip
    except NoSuchTableError:
        raise Unreadable(f"there is no table or view {settings.name}") from None
    except SQLAlchemyError as error:
        raise Unreadable(_cause(error)) from error
    for column in table.columns:
        column.type = NullType()  # values as the driver gives them, and bound as it gave them
    return table


def _bound(place: Place) -> Any:
    return sa.tuple_(*(sa.literal(one, NullType()) for one in (place.mark, *place.key)))


def _cause(error: SQLAlchemyError) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
