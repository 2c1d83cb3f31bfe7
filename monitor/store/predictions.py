"""Read stored predictions back as frames."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl
from sqlalchemy import ColumnElement, Connection, and_, func, select

from monitor.prediction import FIELD, SCHEMA, empty
from monitor.store.tables import context, dirty_hour, last_seen, prediction, prediction_input, prediction_row, profile
from monitor.window import MICROSECONDS_PER_HOUR, Window

MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
COUNTED = [
    "uid",
    "time",
    "text_hash",
    "text_chars",
    "words",
    "unknown_words",
    "support",
    "label",
    "score",
    "latency_ms",
]
_KEPT = [name for name in SCHEMA if name in prediction.c]


def between(first_us: int, end_us: int | None = None) -> ColumnElement[bool]:
    """Ask for predictions from `first_us` up to before `end_us`: by their days first, in whose order they are kept."""
    conditions = [prediction.c.day >= first_us // MICROSECONDS_PER_DAY, prediction.c.time >= first_us]
    if end_us is not None:
        conditions += [prediction.c.day <= (end_us - 1) // MICROSECONDS_PER_DAY, prediction.c.time < end_us]
    return and_(*conditions)


def inside(model: str, window: Window) -> ColumnElement[bool]:
    """Ask for the predictions of a model in a window."""
    first_us, end_us = window.first * MICROSECONDS_PER_HOUR, window.end * MICROSECONDS_PER_HOUR
    return and_(prediction.c.model == model, between(first_us, end_us))


def newest_us(connection: Connection, model: str) -> int | None:
    """Return the time of the newest prediction of a model; where only its hour is known (a backfill), the end of that."""
    hours = [connection.execute(select(func.max(table.c.hour)).where(table.c.model == model)).scalar()
             for table in (profile, dirty_hour)]  # fmt: skip
    known = [hour for hour in hours if hour is not None]
    if not known:
        return None
    found = connection.execute(select(last_seen.c.at_us).where(last_seen.c.model == model)).scalar()
    first_us = max(known) * MICROSECONDS_PER_HOUR
    return first_us + MICROSECONDS_PER_HOUR - 1 if found is None or found < first_us else int(found)


def rows(connection: Connection, model: str, window: Window, texts: bool = False) -> pl.DataFrame:
    """
    Return the predictions of `model` in `window`: the columns of `SCHEMA`, then one `field_<name>` per stored field.

    Without `texts` the text column is null. Order is by time, then uid.
    """
    return _rows(connection, model, window, _KEPT, texts=texts)


def counted(connection: Connection, model: str, window: Window) -> pl.DataFrame:
    """Return what a profile counts of the predictions in `window`; the other columns of `SCHEMA` are null."""
    return _rows(connection, model, window, COUNTED, texts=False)


def _rows(connection: Connection, model: str, window: Window, names: list[str], *, texts: bool) -> pl.DataFrame:
    """Read rows and what they have in common apart, and put them together here: that is less to carry."""
    first_us, end_us = window.first * MICROSECONDS_PER_HOUR, window.end * MICROSECONDS_PER_HOUR
    own = [name for name in names if name in prediction_row.c]
    those = select(context).where(context.c.model == model)
    common = pl.DataFrame(
        connection.execute(those).all(), orient="row",
        schema={one.name: pl.Int64() if one.name == "id" else SCHEMA.get(one.name, pl.Binary()) for one in context.c},
    )  # fmt: skip
    query = (
        select(prediction_row.c.context, *(prediction_row.c[name] for name in own), prediction_input.c.fields,
               *([prediction_input.c.text] if texts else []))
        .select_from(prediction_row.outerjoin(prediction_input, and_(
            prediction_row.c.day == prediction_input.c.day, prediction_row.c.uid == prediction_input.c.uid)))
        .where(prediction_row.c.day >= first_us // MICROSECONDS_PER_DAY, prediction_row.c.time >= first_us,
               prediction_row.c.day <= (end_us - 1) // MICROSECONDS_PER_DAY, prediction_row.c.time < end_us,
               prediction_row.c.context.in_(select(context.c.id).where(context.c.model == model)))
        .order_by(prediction_row.c.time, prediction_row.c.uid)
    )  # fmt: skip
    found = list(zip(*connection.execute(query).all(), strict=True)) or [()] * (len(own) + 2 + texts)
    whole = pl.DataFrame({
        "context": pl.Series(found[0], dtype=pl.Int64),
        **{name: pl.Series(values, dtype=pl.Int64() if name == "time" else SCHEMA[name])
           for name, values in zip(own, found[1:], strict=False)},
        "text": pl.Series(found[-1] if texts else [None] * len(found[0]), dtype=pl.String),
    })  # fmt: skip
    whole = whole.join(common, left_on="context", right_on="id", how="left", maintain_order="left")
    return _frame(whole, found[len(own) + 1])


def sample(connection: Connection, model: str, window: Window, size: int, seed: int) -> pl.DataFrame:
    """
    Return at most `size` predictions of `window`, drawn at random by `seed`, with their stored texts.

    The draw depends on the rows and the seed only, not on the order in which they arrived.
    """
    keys = connection.execute(
        select(prediction.c.day, prediction.c.uid)
        .where(inside(model, window), prediction.c.kind == "prediction")
        .order_by(prediction.c.day, prediction.c.uid)
    ).all()
    chosen: Any = (
        np.sort(np.random.default_rng(seed).choice(len(keys), min(size, len(keys)), replace=False)) if keys else []
    )
    frames = []
    for start in range(0, len(chosen), 500):
        some = [keys[i] for i in chosen[start : start + 500]]
        days = sorted({key.day for key in some})
        columns = [prediction.c[name] for name in _KEPT]
        query = (
            select(*columns, prediction_input.c.text, prediction_input.c.fields)
            .select_from(prediction.outerjoin(prediction_input, and_(
                prediction.c.day == prediction_input.c.day, prediction.c.uid == prediction_input.c.uid)))
            .where(prediction.c.day.in_(days), prediction.c.uid.in_([key.uid for key in some]))
            .order_by(prediction.c.time, prediction.c.uid)
        )  # fmt: skip
        found = connection.execute(query).all()
        whole = pl.DataFrame([tuple(row)[:-1] for row in found], orient="row",
                             schema={name: pl.Int64() if name == "time" else SCHEMA[name] for name in (*_KEPT, "text")})  # fmt: skip
        frames.append(_frame(whole, [row.fields for row in found]))
    return pl.concat(frames, how="diagonal") if frames else empty()


def answered(connection: Connection, model: str, window: Window) -> Sequence[Any]:
    """Return uid, request_id, row, time, label and decision of every prediction with an answer in `window`, by time, then uid."""
    columns = [prediction.c[name] for name in ("uid", "request_id", "row", "time", "label", "decision")]
    query = select(*columns).where(
        inside(model, window), prediction.c.kind == "prediction", prediction.c.label.is_not(None)
    )
    return connection.execute(query.order_by(prediction.c.time, prediction.c.uid)).all()


def kept_texts(connection: Connection, window: Window, texts: Sequence[str]) -> set[str]:
    """Return those of `texts` that are stored in the days of a window: not erased, and not let go."""
    days = prediction_input.c.day.between(window.first // 24, (window.end - 1) // 24)
    query = select(prediction_input.c.text).where(days, prediction_input.c.text.in_(texts)).distinct()
    return set(connection.execute(query).scalars())


def count_by_day(connection: Connection, model: str) -> pl.DataFrame:
    """Return one row per day since 1970 and outcome (`day`, `outcome`, `count`)."""
    query = (
        select(prediction.c.day, prediction.c.outcome, func.count().label("count"))
        .where(prediction.c.model == model)
        .group_by(prediction.c.day, prediction.c.outcome)
        .order_by(prediction.c.day, prediction.c.outcome)
    )
    schema = {"day": pl.Int64, "outcome": pl.String, "count": pl.Int64}
    return pl.DataFrame(connection.execute(query).all(), schema=schema, orient="row")


def _frame(whole: pl.DataFrame, fields: Sequence[str | None]) -> pl.DataFrame:
    """Return all columns of `SCHEMA`, null where they were not asked for, then the fields."""
    known = [msgspec.json.decode(one) if one else {} for one in fields]
    names = sorted({name for one in known for name in one})
    whole = whole.with_columns(
        pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        *(pl.lit(None, SCHEMA[name]).alias(name) for name in SCHEMA if name not in whole.columns),
        *(_field([one.get(name) for one in known]).alias(f"{FIELD}{name}") for name in names),
    )
    return whole.select(*SCHEMA, *(f"{FIELD}{name}" for name in names))


def _field(values: list[Any]) -> pl.Series:
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values if value is not None
    )
    if numbers:
        return pl.Series(values, dtype=pl.Float64, strict=False)
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
