"""Keep what people asked to replay under other settings, and what came out."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, desc, select, update

from monitor.store.tables import backtest
from monitor.window import microseconds

KEPT = 20  # of each model


def ask(connection: Connection, model: str, words: str, *, by: str, now: datetime) -> int:
    """Note that somebody wants a replay under the settings that `words` name; returns its number."""
    row = {"model": model, "asked_by": by, "asked_us": microseconds(now), "words": words, "state": "asked", "note": ""}
    return int(connection.execute(backtest.insert().values(row).returning(backtest.c.id)).scalar_one())


def waiting(connection: Connection) -> list[dict[str, Any]]:
    """Return replays that were asked for and not made yet, the oldest first."""
    query = select(backtest).where(backtest.c.state == "asked").order_by(backtest.c.id)
    return [dict(row._mapping) for row in connection.execute(query)]


def settle(
    connection: Connection, number: int, now: datetime, result: dict[str, Any] | None = None, note: str = ""
) -> None:
    """Keep what came out, or in `note` why nothing did; the oldest of the model beyond `KEPT` are forgotten."""
    values = {"state": "failed" if result is None else "ready", "note": note, "made_us": microseconds(now),
              "result": None if result is None else json.dumps(result)}  # fmt: skip
    connection.execute(update(backtest).where(backtest.c.id == number, backtest.c.state == "asked").values(values))
    model = select(backtest.c.model).where(backtest.c.id == number).scalar_subquery()
    newest = select(backtest.c.id).where(backtest.c.model == model).order_by(desc(backtest.c.id)).offset(KEPT).limit(1)
    oldest = connection.execute(newest).scalar()
    if oldest is not None:
        connection.execute(delete(backtest).where(backtest.c.model == model, backtest.c.id <= oldest))


def of_model(connection: Connection, model: str) -> list[dict[str, Any]]:
    """Return a model's replays, the newest first, each `result` as it was given or None."""
    query = select(backtest).where(backtest.c.model == model).order_by(desc(backtest.c.id))
    return [{**row._mapping, "result": None if row.result is None else json.loads(row.result)}
            for row in connection.execute(query)]  # fmt: skip
