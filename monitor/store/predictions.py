"""Read stored predictions back as frames."""

from typing import Any

import msgspec
import numpy as np
import polars as pl
from sqlalchemy import Connection, and_, func, select

from monitor.prediction import FIELD, SCHEMA
from monitor.store.tables import prediction, prediction_input
from monitor.window import MICROSECONDS_PER_HOUR, Window

MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
_KEPT = [name for name in SCHEMA if name in prediction.c]


def _inside(model: str, window: Window) -> Any:
    first, end = window.first * MICROSECONDS_PER_HOUR, window.end * MICROSECONDS_PER_HOUR
    return and_(prediction.c.model == model, prediction.c.time >= first, prediction.c.time < end)


def rows(connection: Connection, model: str, window: Window, texts: bool = False) -> pl.DataFrame:
    """
    Return the predictions of `model` in `window`: the columns of `SCHEMA`, then one `field_<name>` per stored field.

    Without `texts` the text column is null. Order is by time, then uid.
    """
    columns = [prediction.c[name] for name in _KEPT]
    query = (
        select(*columns, prediction_input.c.fields,
               prediction_input.c.text if texts else prediction_input.c.fields.label("no_text"))
        .select_from(prediction.outerjoin(prediction_input, and_(
            prediction.c.day == prediction_input.c.day, prediction.c.uid == prediction_input.c.uid)))
        .where(_inside(model, window))
        .order_by(prediction.c.time, prediction.c.uid)
    )  # fmt: skip
    return _frame(connection.execute(query).all(), texts)


def sample(connection: Connection, model: str, window: Window, size: int, seed: int) -> pl.DataFrame:
    """
    Return at most `size` predictions of `window`, drawn at random by `seed`, with their stored texts.

    The draw depends on the rows and the seed only, not on the order in which they arrived.
    """
    keys = connection.execute(
        select(prediction.c.day, prediction.c.uid)
        .where(_inside(model, window), prediction.c.kind == "prediction")
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
            select(*columns, prediction_input.c.fields, prediction_input.c.text)
            .select_from(prediction.outerjoin(prediction_input, and_(
                prediction.c.day == prediction_input.c.day, prediction.c.uid == prediction_input.c.uid)))
            .where(prediction.c.day.in_(days), prediction.c.uid.in_([key.uid for key in some]))
            .order_by(prediction.c.time, prediction.c.uid)
        )  # fmt: skip
        frames.append(_frame(connection.execute(query).all(), texts=True))
    return pl.concat(frames, how="diagonal") if frames else _frame([], texts=True)


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


def _frame(found: Any, texts: bool) -> pl.DataFrame:
    columns: list[Any] = list(zip(*found, strict=True)) if found else [[] for _ in range(len(_KEPT) + 2)]
    data: dict[str, pl.Series] = {}
    for name, values in zip(_KEPT, columns[: len(_KEPT)], strict=True):
        kind = pl.Int64() if name == "time" else SCHEMA[name]
        data[name] = pl.Series(name, values, dtype=kind)
    data["time"] = data["time"].cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    fields, text = columns[len(_KEPT) :]
    data["text"] = pl.Series(text if texts else [None] * len(fields), dtype=pl.String)
    for name in SCHEMA.keys() - data.keys():
        data[name] = pl.Series([None] * len(fields), dtype=SCHEMA[name])
    known = [msgspec.json.decode(one) if one else {} for one in fields]
    names = sorted({name for one in known for name in one})
    extra = {f"{FIELD}{name}": _field([one.get(name) for one in known]) for name in names}
    return pl.DataFrame({name: data[name] for name in SCHEMA} | extra)


def _field(values: list[Any]) -> pl.Series:
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values if value is not None
    )
    if numbers:
        return pl.Series(values, dtype=pl.Float64, strict=False)
    return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
