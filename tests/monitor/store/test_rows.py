"""Rows are written once, with what they share kept once; what the database refuses is told, and nothing of it stays."""

from datetime import timedelta
from typing import Any, get_args

import polars as pl
import pytest
from sqlalchemy import func, select, text

from monitor.errors import DataRefused, StoreError
from monitor.prediction import SCHEMA, empty
from monitor.settings.sources import Format
from monitor.store import rows
from monitor.store.store import Store
from monitor.store.tables import context, prediction, prediction_input, prediction_row, source
from tests.conftest import NOW, opened


def frame(count: int, **changed: list[Any]) -> pl.DataFrame:
    """Return predictions that differ in nothing but their uid and time, and in what is `changed`."""
    base: dict[str, list[Any]] = {
        "uid": [number.to_bytes(16, "big") for number in range(count)], "time": [NOW + timedelta(seconds=n) for n in range(count)],
        **{name: [value] * count for name, value in (
            ("source", "api"), ("model", "ape"), ("task", "ape"), ("kind", "prediction"), ("row", 0), ("time_basis", "line"),
            ("variant", "champion"), ("label", "47"), ("score_step", 7000), ("text", "taxi"), ("flags", ""), ("bookmark", 1),
            ("position", 0), ("bytes", 9))},
    } | changed  # fmt: skip
    known = pl.DataFrame(base, schema={name: SCHEMA[name] for name in base})
    return pl.concat([empty(), known], how="diagonal")


def count(store: Store, table: Any) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def written(store: Store, some: pl.DataFrame, before: str = "select 1") -> None:
    with store.write() as connection:
        connection.execute(text(before))
        rows.insert(connection, some)


def test_shared_once(store: Store) -> None:
    """What a thousand rows have in common is one row; another caller is another; a missing one is its own."""
    callers = ["desk"] * 500 + ["web"] * 400 + [None] * 100
    with store.write() as connection:
        rows.insert(connection, frame(1000, caller=callers))
    with store.write() as connection:
        rows.insert(connection, frame(1000, caller=callers, uid=[n.to_bytes(16, "big") for n in range(1000, 2000)]))
    assert (count(store, prediction_row), count(store, context), count(store, prediction)) == (2000, 3, 2000)
    with store.read() as connection:
        found = dict(
            connection.execute(select(prediction.c.caller, func.count()).group_by(prediction.c.caller)).tuples().all()
        )
    assert found == {"desk": 1000, "web": 800, None: 200}


def test_forgotten_with_the_last_row(store: Store) -> None:
    """A caller's name goes with its last row, and not before."""
    with store.write() as connection:
        rows.insert(connection, frame(4, caller=["a", "a", "b", "b"]))
    for gone, left in ((1, 2), (2, 1), (4, 0)):
        with store.write() as connection:
            uids = [number.to_bytes(16, "big") for number in range(gone)]
            connection.execute(prediction_row.delete().where(prediction_row.c.uid.in_(uids)))
            rows.forget_contexts(connection)
        assert count(store, context) == left


def test_twice(store: Store) -> None:
    """Rows that are there are left alone; one that answers differently is refused, also within a frame."""
    with store.write() as connection:
        rows.insert(connection, frame(3))
    twice = pl.concat([frame(5), frame(5, label=["47", "99", "47", "47", "99"])])
    with store.write() as connection:
        fresh, refused = rows.insert(connection, twice)
    assert (fresh.height, [one.reason for one in refused]) == (2, ["conflicting_duplicate"] * 2)
    assert (count(store, prediction_row), count(store, prediction_input)) == (5, 5)


def test_values_come_back(store: Store) -> None:
    """Text of every kind, empty and missing, bytes and numbers come back as they went."""
    texts = ["", None, 'a "b", c', "l'été\r\n\\N \\. \t", "\\.", "日本 \u2028 é", "NULL"]
    scores = [0.1, None, 1e-7, 1.0, 0.0, 1 / 3, 5e-324]
    hashes = [b"", None, b"\x00" * 16, b"\xff\\", b"'", b"x", b"\n"]
    with store.write() as connection:
        rows.insert(connection, frame(7, text=texts, score=scores, text_hash=hashes, request_id=["", None, *"abcde"]))
    joined = prediction.join(prediction_input, prediction.c.uid == prediction_input.c.uid, isouter=True)
    with store.read() as connection:
        query = select(prediction_input.c.text, prediction.c.score, prediction.c.text_hash, prediction.c.request_id)
        found = connection.execute(query.select_from(joined).order_by(prediction.c.time)).all()
    assert [row.text for row in found] == texts
    assert [row.score for row in found] == scores
    assert [None if row.text_hash is None else bytes(row.text_hash) for row in found] == hashes
    assert [row.request_id for row in found] == ["", None, *"abcde"]


def test_refused_by_the_database(postgres: Any) -> None:
    """What PostgreSQL cannot hold is refused by name, and a connection that is cut is told; nothing of either stays."""
    with opened(postgres()) as store:
        with pytest.raises(DataRefused, match="0x00"):
            written(store, frame(3, text=["a", "b\x00", "c"]))
        with pytest.raises(StoreError, match="timeout"):
            written(store, frame(20_000, text=["a" * 500] * 20_000), "set local statement_timeout = 1")
        with pytest.raises(StoreError):
            written(store, frame(3), "select pg_terminate_backend(pg_backend_pid())")
        assert (count(store, prediction_row), count(store, prediction_input), count(store, context)) == (0, 0, 0)


def test_formats_fit() -> None:
    """The name of every format fits the column that keeps it."""
    assert max(map(len, get_args(Format))) <= (source.c.kind.type.length or 0)
