"""The tables that migrations make are the tables the code knows."""

import threading
from collections.abc import Iterator
from importlib import import_module

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import inspect, text

from monitor.errors import StoreError
from monitor.hysteresis import Course
from monitor.store import courses, decisions, schema
from monitor.store.store import Store
from monitor.store.tables import context, metadata, prediction, prediction_row
from tests.conftest import opened


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path) -> str:
    """Return the address of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/vigie.db"
    return request.getfixturevalue("postgres")(empty=True)


@pytest.fixture
def empty(empty_url: str) -> Iterator[Store]:
    """Return a store with nothing in it."""
    store = Store.open(empty_url)
    yield store
    store.engine.dispose()


def test_upgrade_from_nothing(empty: Store) -> None:
    """Upgrade of nothing reaches the head, and doing it again changes nothing."""
    with pytest.raises(StoreError, match="vigie db upgrade"):
        schema.require(empty)
    assert schema.upgrade(empty) == schema.HEAD
    assert schema.upgrade(empty) == schema.HEAD
    schema.require(empty)


def is_no_partition(name: str | None, *_: object) -> bool:
    """Leave out the tables that hold days of others on PostgreSQL."""
    return name not in {"prediction_row_before", "prediction_input_before"}


def test_same_columns(store: Store) -> None:
    """Each migrated table has the columns, types, null rules, keys and indexes of `tables.metadata`."""
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_no_partition})
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        names = {name for name in found.get_table_names() if is_no_partition(name)} - {"alembic_version"}
        assert names == set(metadata.tables)
        for name, table in metadata.tables.items():
            columns = {c["name"]: c for c in found.get_columns(name)}
            assert list(columns) == [c.name for c in table.columns], name
            assert [c for c in columns if not columns[c]["nullable"]] == [c.name for c in table.c if not c.nullable]
            assert found.get_pk_constraint(name)["constrained_columns"] == [c.name for c in table.primary_key.columns]


def test_view(store: Store) -> None:
    """Whoever reads predictions finds every column of a row and of what it has in common with others, with its type."""
    with store.read() as connection:
        found = {c["name"]: c["type"] for c in inspect(connection).get_columns("prediction")}
        assert found.keys() == {c.name for c in (*prediction_row.c, *context.c)} - {"context", "id", "digest"}
        assert {name: kind.python_type for name, kind in found.items()} == {
            name: prediction.c[name].type.python_type for name in found
        }


def test_same_statements(tmp_path) -> None:
    """On SQLite the very statements are equal: without-rowid, lengths and unique rules included."""

    def statements(store: Store) -> set[str]:
        with store.read() as connection:
            rows = connection.execute(text("select sql from sqlite_master where sql is not null and type <> 'view'"))
            return {" ".join(row.sql.replace('"', "").split()) for row in rows if "alembic_version" not in row.sql}

    drawn = Store.open(f"sqlite:///{tmp_path}/drawn.db")
    with drawn.write() as connection:
        metadata.create_all(connection)
    with opened(f"sqlite:///{tmp_path}/migrated.db") as migrated:
        assert statements(migrated) == statements(drawn)


def test_same_sizes_on_postgresql(postgres) -> None:
    """On PostgreSQL types, lengths and defaults of all columns are those of `create_all`."""

    def columns(store: Store) -> list[tuple]:
        query = text("select table_name, column_name, data_type, character_maximum_length, column_default, is_identity"
                     " from information_schema.columns where table_schema = 'public' and table_name not in ('alembic_version', 'prediction', 'prediction_row_before', 'prediction_input_before')"
                     " order by 1, ordinal_position")  # fmt: skip
        with store.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    drawn = Store.open(postgres(empty=True))
    with drawn.write() as connection:
        metadata.create_all(connection)
    with opened(postgres(empty=True)) as migrated:
        assert columns(migrated) == columns(drawn)
    drawn.engine.dispose()


def test_two_upgraders(empty: Store, empty_url: str) -> None:
    """Two processes that upgrade at once both end at the head."""
    reached, start = [], threading.Barrier(2)

    def one() -> None:
        store = Store.open(empty_url)
        start.wait(10)
        reached.append(schema.upgrade(store))
        store.engine.dispose()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert reached == [schema.HEAD] * 2


def test_newer_database(store: Store) -> None:
    """A database that newer code upgraded is refused, not written to."""
    with store.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreError, match="newer"):
        schema.upgrade(store)
    with pytest.raises(StoreError, match="9999"):
        schema.require(store)


def test_rolled_back(store: Store) -> None:
    """A failed write leaves nothing behind."""
    from monitor.store import arrivals

    def fail() -> None:
        with store.write() as connection:
            arrivals.note_source(connection, "api", "vigie_line", read_us=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as connection:
        assert arrivals.feed(connection) == []


def test_unknown_dialect() -> None:
    """Another kind of database is refused by name."""
    with pytest.raises(StoreError, match="sqlite:/// or postgresql"):
        Store.open("mysql://localhost/x")


def test_older_than_the_first(empty: Store) -> None:
    """A database from before the first version kept is told so, and stays as it is."""
    with empty.write() as connection:
        connection.execute(text("create table alembic_version (version_num varchar(32) not null)"))
        connection.execute(text("insert into alembic_version values ('0001')"))
        connection.execute(text("create table prediction (id integer primary key)"))
    with pytest.raises(StoreError, match="the logs that are still there are read anew"):
        schema.upgrade(empty)
    with empty.read() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version", "prediction"}


def test_decisions_of_before(empty: Store) -> None:
    """A command that a decision of before was bound to is named as one, and no command as none."""
    schema.upgrade(empty)
    step = import_module("monitor.store.migrations.versions.v0008_bound_decisions")
    row = {"model": "ape", "made_us": 0, "requester": "vigie", "recommendation": "retrain", "sentence": "so", "evidence": "{}",
           "state": "approved", "expires_us": 0, "revision": 1}  # fmt: skip
    with empty.write() as connection, Operations.context(MigrationContext.configure(connection)):
        step.downgrade()
        old = sa.Table("decision", sa.MetaData(), autoload_with=connection)
        for trigger in ('["make", "train"]', "[]"):
            connection.execute(old.insert().values(row | {"trigger": trigger, "digest": trigger}))
        step.upgrade()
        assert [one["trigger"] for one in decisions.all(connection)] == [
            None,
            {"kind": "command", "command": ["make", "train"]},
        ]


def test_courses_go_on(empty: Store) -> None:
    """What fires goes on firing across the step that lets it flap, there and back, with the readings there is room for."""
    schema.upgrade(empty)
    step = import_module("monitor.store.migrations.versions.v0016_readings")
    with empty.write() as connection:
        courses.put(connection, "service:disk", Course("firing", "ggbbbb-gbbgb", 1, 2, 3, 4, 5))
        with Operations.context(MigrationContext.configure(connection)):
            step.downgrade()
            assert connection.execute(text("select recent, since_us from course")).one() == ("bgb", 1)
            step.upgrade()
        assert courses.all(connection) == {"service:disk": Course("firing", "bgb", 1, 2, 3)}
