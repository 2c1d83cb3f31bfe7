"""The service will tell once a quarter how the last thirteen weeks of every model went."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection

from jobs.report import MONDAY, MOST_WEEKS, WEEK
from monitor.alerts import Message
from monitor.config import Config
from monitor.errors import NoData
from monitor.letter import Letter
from monitor.profiles.profile import BANDS
from monitor.quality.accuracy import measured
from monitor.quality.automation_curve import curve
from monitor.quality.calibration import BINS, Calibration
from monitor.quality.estimate import Figure
from monitor.report.quarterly import Band, Quarter, quarterly
from monitor.report.weekly import Week
from monitor.report.words import words
from monitor.store import decisions, estimates, incidents, labels, outbox, outcomes, profiles, standing
from monitor.store.store import Store
from monitor.verdict import verdict
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of

LENGTH, QUARTER_HOURS = MOST_WEEKS * WEEK, 90 * 24
STEPS, MOST_TOLD = 10_000, 20  # of a score; incidents


def quarter(store: Store, config: Config, now: datetime) -> str:
    """
    Queue the report of the thirteen weeks before the quarter's first Monday, of every model, to each recipient once.

    Safe to run twice: a message is keyed by the Monday. Who is named later in the quarter is told of it then.
    """
    end = first_monday(now)
    window, made = Window(end - LENGTH, end), 0
    to = [route for route in config.routes if "quarterly" in route.receives]
    for model in config.models if to else ():
        facts = {"kind": "quarterly", "model": model, "first_hour": window.first, "end_hour": window.end}
        with store.write() as connection:
            span = profiles.span(connection, model)
            if span is None or span.first >= window.end:
                continue
            made += outbox.queue(connection, [Message(f"quarterly:{model}", "quarterly", window.end, "mail", route.to, {**facts, "language": route.language})
                                              for route in to], now)  # fmt: skip
    return f"{made} quarterly reports"


def first_monday(now: datetime) -> int:
    """
    Return the hour at which the newest first Monday of a quarter began, in UTC.

    >>> from monitor.window import start_of
    >>> [str(start_of(first_monday(datetime(2026, month, day, tzinfo=UTC))).date()) for month, day in ((10, 5), (10, 4), (1, 2))]
    ['2026-10-05', '2026-07-06', '2025-10-06']
    """
    year, first = now.year, (now.month - 1) // 3 * 3 + 1
    found = _monday(datetime(year, first, 1, tzinfo=UTC))
    if found > hour_of(now):
        year, first = (year, first - 3) if first > 1 else (year - 1, 10)
        found = _monday(datetime(year, first, 1, tzinfo=UTC))
    return found


def _monday(day: datetime) -> int:
    return -(-(hour_of(day) - MONDAY) // WEEK) * WEEK + MONDAY


def quarterly_letter(store: Store, config: Config, model: str, window: Window, now: datetime, *, language: str) -> Letter:  # fmt: skip
    """Gather what thirteen weeks brought and render it in a language."""
    settings = config.models[model]
    with store.read() as connection:
        span = profiles.span(connection, model)
        if span is None:
            raise NoData(f"{model} has no profiles yet", remedy="vigie once ingest summarise")
        facts, _ = standing.facts(connection, settings, now, config.detection, config.ingest.silent_after_expected)
        before = Window(window.first - LENGTH, window.first)
        parts = [one for one in (before, window) if one is window or one.first >= span.first]
        found = tuple(one for one in incidents.all(connection, model) if one.found_hour in window)
        whole = profiles.total(connection, model, window)
        week = Week(model, window, tuple((one.first, profiles.total(connection, model, one)) for one in parts), verdict(facts),
                    estimates.of_week(connection, model, window), found[:MOST_TOLD], (), settings.minutes_per_case, settings.latency_ms_limit,
                    about="quarterly")  # fmt: skip
        weeks = [
            (first, profiles.total(connection, model, Window(first, first + WEEK)))
            for first in range(window.first, window.end, WEEK)
        ]
        known = estimates.calibration(connection, model)
        truth = labels.joined(connection, model, window)
        made = _decided(connection, model, window)
    calibration = None if known is None else Calibration(*known)
    live_weeks = sum(1 for _, part in weeks if part.records)
    points = curve(whole.score, calibration, live_weeks) if calibration is not None and live_weeks else []
    alarms = len(found), sum(one.closed_as == "false_alarm" for one in found)
    one = Quarter(week, weeks, _by_source(truth), _bands(truth, calibration), points, alarms, QUARTER_HOURS / config.detection.threshold, made)  # fmt: skip
    return quarterly(one, now, words(language))


def _decided(connection: Connection, model: str, window: Window) -> list[dict[str, Any]]:
    """Return decisions that were made, or whose new model was looked at, in `window`, newest first, each with the latest such look."""
    found = []
    for one in decisions.all(connection, model):
        looks = [(day, known["realised"]) for day, known in outcomes.of(connection, one["id"]).items()
                 if day != outcomes.BEGAN and known["at_us"] // MICROSECONDS_PER_HOUR in window]  # fmt: skip
        if looks or one["made_us"] // MICROSECONDS_PER_HOUR in window:
            found.append({**one, "realised": looks[-1] if looks else None})
    return found


def _by_source(truth: pl.DataFrame) -> dict[str, Figure]:
    """Measure what each source labelled; audits weighted by the chance of having been drawn, of others only what was labelled is known."""
    found = {}
    for (source,), some in truth.group_by("source", maintain_order=True):
        is_audit = source == "audit"
        rows = some.filter(pl.col("inclusion").is_not_null()) if is_audit else some
        weight = rows["inclusion"].to_numpy() if is_audit else np.ones(rows.height)
        found[str(source)] = measured(_right(rows), weight)
    return dict(sorted(found.items()))


def _bands(truth: pl.DataFrame, calibration: Calibration | None) -> list[Band]:
    """Measure the audited answers of each band of scores, beside what the calibration expects of just these scores."""
    audited = truth.filter(
        (pl.col("source") == "audit") & pl.col("inclusion").is_not_null() & pl.col("score_step").is_not_null()
    )
    edges, found = (0.0, *BANDS, 1.0), []
    for low, high in pairwise(edges):
        step = pl.col("score_step")
        is_last = high == edges[-1]
        some = audited.filter((step >= round(low * STEPS)) & ((step < round(high * STEPS)) | is_last))
        if not some.height:
            continue
        weight = 1 / some["inclusion"].to_numpy()
        bins = np.clip(some["score_step"].to_numpy().astype(int) // (STEPS // BINS), 0, BINS - 1)
        expected = None if calibration is None else float(weight @ np.array(calibration.right)[bins] / weight.sum())
        found.append(Band(low, high, expected, measured(_right(some), some["inclusion"].to_numpy())))
    return found


def _right(rows: pl.DataFrame) -> np.ndarray:
    return (rows["truth"] == rows["answer"]).fill_null(False).cast(pl.Float64).to_numpy()
