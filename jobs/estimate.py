"""The service will say how many answers are right: measured where people looked, estimated elsewhere."""

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from monitor.config import Config
from monitor.quality.accuracy import measured
from monitor.quality.calibration import Calibration, fit
from monitor.quality.estimate import Figure, estimated
from monitor.store import estimates, labels, profiles, references
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of

NO_THRESHOLD = Figure(None, None, None, 0, "no threshold was in force, so no answer was automatic")


def estimate(store: Store, config: Config, now: datetime) -> str:
    """
    Fit the calibration on labels of the reference, and write the figures of every day since; twice gives the same rows.

    Audited answers carry the probability with which they were drawn; unsure answers that people coded anyway count in
    the calibration, because within a score they were not selected.
    """
    told = []
    for name in config.models:
        rows = _figures(store, config, name, now)
        with store.write() as connection:
            estimates.put(connection, rows)
        told.append(f"{name}: {len(rows)} figures")
    return "; ".join(told) or "no models"


def _figures(store: Store, config: Config, name: str, now: datetime) -> list[dict[str, Any]]:
    audit_days = config.models[name].audit_days_limit
    with store.read() as connection:
        pinned, span = references.active(connection, name), profiles.span(connection, name)
        if span is None:
            return []
        truth = labels.joined(connection, name)
        last = min(span.end, hour_of(now)) // 24
        if pinned is None:  # audits measure without a reference; only estimates need one
            audited = truth.filter(pl.col("source") == "audit")["day"]
            first = min(audited.to_list(), default=last)
            return [row for day in range(first, last + 1) for row in _measured(name, day, truth, audit_days)]
        days = range(pinned.first_hour // 24 + audit_days, last)
        hours = profiles.by_hour(connection, name, span)
    calibration = _calibration(truth, Window(pinned.first_hour, pinned.end_hour))
    if calibration is not None:
        with store.write() as connection:
            estimates.keep_calibration(connection, name, calibration.right, calibration.labels)
    rows = []
    for day in days:
        rows += _measured(name, day, truth, audit_days)
        scores = [hours[h].score for h in range(day * 24, day * 24 + 24) if h in hours]
        if calibration is not None and scores:
            day_scores = sum(scores[1:], scores[0])
            rows.append(_row(name, day, "accuracy", "estimated", estimated(day_scores, calibration)))
            threshold = config.models[name].automatic_at(start_of(day * 24))
            automatic = NO_THRESHOLD if threshold is None else estimated(day_scores, calibration, threshold)
            rows.append(_row(name, day, "accuracy_automatic", "estimated", automatic))
            rows.append(_row(name, day, "wrong_automatic", "estimated", _wrong(automatic)))
    return rows


def _wrong(automatic: Figure) -> Figure:
    """Count the wrong answers of a day from the share that is right."""
    n, value, low, high = automatic.size, automatic.value, automatic.low, automatic.high
    if value is None or low is None or high is None:
        return automatic
    return Figure(n * (1 - value), n * (1 - high), n * (1 - low), n)


def _calibration(truth: pl.DataFrame, window: Window) -> Calibration | None:
    hour = pl.col("time") // 3_600_000_000
    known = truth.filter((hour >= window.first) & (hour < window.end) & pl.col("score_step").is_not_null())
    if not known.height:
        return None
    right = (known["truth"] == known["answer"]).cast(pl.Float64).to_numpy()
    return fit(known["score_step"].to_numpy() / 10_000, right, np.ones(known.height))


def _measured(name: str, day: int, truth: pl.DataFrame, audit_days: int) -> list[dict[str, Any]]:
    audited = truth.filter(
        (pl.col("source") == "audit")
        & pl.col("inclusion").is_not_null()
        & (pl.col("day") > day - audit_days)
        & (pl.col("day") <= day)
    )
    automatic = audited.filter(pl.col("decision") == "automatic")
    rows = []
    for what, some in (("accuracy", audited), ("accuracy_automatic", automatic)):
        right = (some["truth"] == some["answer"]).cast(pl.Float64).to_numpy()
        newest = max(some["day"].to_list(), default=0)
        figure = measured(right, some["inclusion"].to_numpy())
        note = figure.note or f"audit of {audit_days} days, newest answer of {start_of(24 * newest):%d %b %Y}"
        rows.append(_row(name, day, what, "measured", Figure(figure.value, figure.low, figure.high, figure.size, note)))
    return rows


def _row(name: str, day: int, what: str, basis: str, figure: Figure) -> dict[str, Any]:
    return {"model": name, "day": day, "name": what, "basis": basis, "value": figure.value, "low": figure.low, "high": figure.high,
            "size": float(figure.size), "note": figure.note}  # fmt: skip
