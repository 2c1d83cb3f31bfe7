"""Keep what became of decisions that are done: when the new champion began, and at 7 and 28 days what it brought beside the forecast."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import decision, outcome
from monitor.window import microseconds

BEGAN = 0  # the day under which the beginning is kept


def put(connection: Connection, number: int, day: int, forecast: Mapping[str, Any], realised: Mapping[str, Any], *, now: datetime) -> bool:  # fmt: skip
    """Keep what is known of a decision at a day, once; what is known already stays. Says whether it was new."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    texts = {
        name: json.dumps(one, ensure_ascii=False) for name, one in (("forecast", forecast), ("realised", realised))
    }
    row = {"decision": number, "day": day, "at_us": microseconds(now), **texts}
    done = connection.execute(
        make(outcome).values(row).on_conflict_do_nothing(index_elements=["decision", "day"]).returning(outcome.c.day)
    )  # its row count is not told by every database
    return done.first() is not None


def of(connection: Connection, number: int) -> dict[int, dict[str, Any]]:
    """Return by day what is known of a decision: at_us, forecast and realised."""
    query = select(outcome).where(outcome.c.decision == number).order_by(outcome.c.day)
    return {row.day: {"at_us": row.at_us, "forecast": json.loads(row.forecast), "realised": json.loads(row.realised)}
            for row in connection.execute(query)}  # fmt: skip


def unfinished(connection: Connection, model: str, last_day: int) -> list[int]:
    """Return the model's decisions that are done and of which nothing is kept at `last_day`, oldest first."""
    kept = select(outcome.c.decision).where(outcome.c.day == last_day)
    query = select(decision.c.id).where(
        decision.c.model == model, decision.c.state == "done", decision.c.id.not_in(kept)
    )
    return list(connection.execute(query.order_by(decision.c.id)).scalars())


def recovered(connection: Connection, model: str) -> list[tuple[float, float, float]]:
    """
    Return which share of the forecast loss past decisions on a model won back, as (value, low, high) of an 80 % interval, oldest first.

    Of each decision the latest day at which it is known counts; one of which it is not known is left out.
    """
    query = (
        select(outcome.c.decision, outcome.c.realised)
        .join(decision, decision.c.id == outcome.c.decision)
        .where(decision.c.model == model, outcome.c.day != BEGAN)
        .order_by(outcome.c.decision, outcome.c.day)
    )
    newest = {}
    for number, realised in connection.execute(query):
        share = json.loads(realised)["share"]
        if share is not None:
            newest[number] = (float(share[0]), float(share[1]), float(share[2]))
    return list(newest.values())


def shares(connection: Connection, model: str) -> list[float]:
    """Return the values of `recovered` alone."""
    return [share for share, _, _ in recovered(connection, model)]
