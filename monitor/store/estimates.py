"""Keep the accuracy figures of each day, estimated and measured, and the calibration they rest on."""

import json
from typing import Any

from sqlalchemy import Connection, desc, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import estimate, setting
from monitor.window import Window

WRONG = ("wrong_automatic", "estimated")


def put(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert or replace figures."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for row in rows:
        changed = {name: row[name] for name in ("value", "low", "high", "size", "note")}
        connection.execute(
            make(estimate)
            .values(row)
            .on_conflict_do_update(index_elements=["model", "day", "name", "basis"], set_=changed)
        )


def latest(connection: Connection, model: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the newest figure by (name, basis)."""
    query = select(estimate).where(estimate.c.model == model).order_by(estimate.c.day)
    return {(row.name, row.basis): dict(row._mapping) for row in connection.execute(query)}


def of_week(connection: Connection, model: str, window: Window) -> dict[tuple[str, str], dict[str, Any]]:
    """
    Return, by (name, basis), the newest figure of a day that was over by the end of `window`.

    Wrong answers are counted by day: of them the mean over the days of `window` is given, and none without such a day.
    """
    end = window.end // 24
    query = select(estimate).where(estimate.c.model == model, estimate.c.day < end).order_by(estimate.c.day)
    found = {(row.name, row.basis): dict(row._mapping) for row in connection.execute(query)}
    wrong = found.pop(WRONG, None)
    days = [row for row in history(connection, model, *WRONG)
            if window.first // 24 <= row["day"] < end and row["value"] is not None]  # fmt: skip
    if wrong is not None and days:
        means = {name: sum(row[name] for row in days) / len(days) for name in ("value", "low", "high", "size")}
        found[WRONG] = {**wrong, **means}
    return found


def history(connection: Connection, model: str, name: str, basis: str) -> list[dict[str, Any]]:
    """Return all figures of one name and basis, oldest first."""
    query = select(estimate).where(estimate.c.model == model, estimate.c.name == name, estimate.c.basis == basis)
    return [dict(row._mapping) for row in connection.execute(query.order_by(estimate.c.day))]


def newest_day(connection: Connection, model: str) -> int | None:
    """Return the newest day that has a figure."""
    return connection.execute(
        select(estimate.c.day).where(estimate.c.model == model).order_by(desc(estimate.c.day)).limit(1)
    ).scalar()


def keep_calibration(connection: Connection, model: str, right: tuple[float, ...], labels: int) -> None:
    """Replace the model's calibration."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    value = json.dumps({"right": [round(v, 6) for v in right], "labels": labels})
    connection.execute(
        make(setting).values(name=f"calibration:{model}", value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )  # fmt: skip


def calibration(connection: Connection, model: str) -> tuple[tuple[float, ...], int] | None:
    """Return (probability of being right per score bin, labels behind it); None before it was fitted."""
    value = connection.execute(select(setting.c.value).where(setting.c.name == f"calibration:{model}")).scalar()
    if value is None:
        return None
    found = json.loads(value)
    return tuple(found["right"]), found["labels"]
