"""Keep each judged hour's readings, with what was to be expected: the rows that charts are drawn from."""

from typing import Any

import polars as pl
from sqlalchemy import Connection, delete, select

from monitor.store.tables import reading
from monitor.window import Window

SCHEMA = {"hour": pl.Int64, "value": pl.Float64, "size": pl.Float64, "expected": pl.Float64, "low": pl.Float64,
          "high": pl.Float64, "state": pl.String}  # fmt: skip


def replace(connection: Connection, model: str, hours: list[int], rows: list[dict[str, Any]]) -> None:
    """Put `rows` in the place of all readings of these hours."""
    if hours:
        connection.execute(
            delete(reading).where(reading.c.model == model, reading.c.hour >= min(hours), reading.c.hour <= max(hours))
        )
    if rows:
        connection.execute(reading.insert(), rows)


def history(connection: Connection, model: str, metric: str, window: Window) -> pl.DataFrame:
    """Return hour, value, size, expected, low, high and state of `metric`, oldest first."""
    columns = [reading.c[name] for name in SCHEMA]
    query = (
        select(*columns)
        .where(reading.c.model == model, reading.c.metric == metric)
        .where(reading.c.hour >= window.first, reading.c.hour < window.end)
        .order_by(reading.c.hour)
    )
    return pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=SCHEMA, orient="row")


def metrics(connection: Connection, model: str) -> list[str]:
    """Return the names of all metrics that have readings."""
    return list(
        connection.execute(
            select(reading.c.metric).where(reading.c.model == model).distinct().order_by(reading.c.metric)
        ).scalars()
    )
