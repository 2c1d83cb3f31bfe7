"""Fetch the rows a page shows."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec
import polars as pl
import streamlit as st

from dashboards import shared
from monitor.detection import burst, power
from monitor.detection.baseline import Baseline
from monitor.detection.burst import Burst
from monitor.feed import condition
from monitor.metrics.prediction_shift import moved_share
from monitor.plan import Planned
from monitor.profiles.profile import Profile
from monitor.quality.automation_curve import Point, curve
from monitor.quality.calibration import Calibration
from monitor.report.outcome_mail import told
from monitor.report.words import words
from monitor.settings import Retraining
from monitor.store import (
    actions,
    arrivals,
    backtests,
    decisions,
    estimates,
    outbox,
    outcomes,
    plans,
    profiles,
    readings,
    references,
    reports,
    runs,
    sheets,
    standing,
)
from monitor.store import shadow as shadows
from monitor.store.feed import feeds, masked
from monitor.verdict import Verdict, verdict
from monitor.window import Window, microseconds

WEEK_US = 7 * 86_400_000_000


def cached(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep answers for a minute, at most 200 of them."""
    return st.cache_data(ttl=60, max_entries=200, show_spinner=False)(function)


@cached
def standing_of(model: str) -> tuple[Verdict, dict[str, Any]]:
    """Return verdict and extras of a model."""
    config = shared.config()
    with shared.store().read() as connection:
        facts, extras = standing.facts(
            connection,
            config.models[model],
            shared.now(),
            config.detection,
            config.ingest.silent_after_expected,
        )
    return verdict(facts), extras


@cached
def history(model: str, metric: str, first: int, end: int) -> pl.DataFrame:
    """Return readings of a metric."""
    with shared.store().read() as connection:
        return readings.history(connection, model, metric, Window(first, end))


@cached
def plan(model: str) -> list[Planned]:
    """Return what was announced for a model and still holds, the earliest first."""
    with shared.store().read() as connection:
        return [one for one in plans.of_model(connection, model) if one.removed_us is None]


@cached
def bursts(model: str, end_day: int) -> list[Burst]:
    """Return what was far above every day of the reference in the week before a day; nothing without a reference."""
    with shared.store().read() as connection:
        row = references.active(connection, model)
        if row is None:
            return []
        usual = profiles.by_day(connection, model, Window(row.first_hour, row.end_hour))
        return burst.bursts(
            profiles.by_day(connection, model, Window(end_day * 24 - 168, end_day * 24)), usual.values()
        )


@cached
def blind(model: str) -> tuple[list[str], list[str]]:
    """Return what the reference is too wild to watch, and what too thin; nothing without a reference that can be read."""
    with shared.store().read() as connection:
        row = references.active(connection, model)
    fitted = _fitted(row)
    return ([], []) if fitted is None else (power.blind(fitted, shared.config().detection), power.thin(fitted))


@cached
def metrics(model: str) -> list[str]:
    """Return the metrics that have readings."""
    with shared.store().read() as connection:
        return readings.metrics(connection, model)


@cached
def profile(model: str, first: int, end: int) -> Profile:
    """Return the sum of a window."""
    with shared.store().read() as connection:
        return profiles.total(connection, model, Window(first, end))


@cached
def reference(model: str) -> tuple[Window, Profile, str] | None:
    """Return the reference's window, its profile, and whether it is clean."""
    with shared.store().read() as connection:
        row = references.active(connection, model)
        if row is None:
            return None
        window = Window(row.first_hour, row.end_hour)
        return window, profiles.total(connection, model, window), str(row.clean_detail)


@cached
def noticed(model: str) -> list[dict[str, str]] | None:
    """Return the smallest changes that would be told, by kind and time; None without a reference that can be read."""
    with shared.store().read() as connection:
        row = references.active(connection, model)
        if row is None:
            return None
        usual = profiles.total(connection, model, Window(row.first_hour, row.end_hour))
    fitted = _fitted(row)
    return None if fitted is None else power.rows(power.table(fitted, usual, shared.config().detection))


def _fitted(row: Any) -> Baseline | None:
    try:
        return None if row is None else Baseline.from_bytes(row.baseline)
    except msgspec.ValidationError:
        return None


def labels_beside(model: str, window: Window) -> tuple[pl.DataFrame, float, float] | None:
    """Return shares of labels then and now with titles, the share that moved, and what chance alone gives."""
    pinned = reference(model)
    if pinned is None:
        return None
    now, then = profile(model, window.first, window.end), pinned[1]
    names = shared.config().nomenclature(model)
    rows = [
        (names.name(n), then.labels.share(n), now.labels.share(n))
        for n in sorted(then.labels.of_name | now.labels.of_name)
    ]
    frame = pl.DataFrame(rows, schema={"label": pl.String, "then": pl.Float64, "now": pl.Float64}, orient="row")
    moved, chance = moved_share(now, then)
    return (
        frame.with_columns(moved=(pl.col("now") - pl.col("then"))).sort(pl.col("moved").abs(), descending=True),
        moved,
        chance,
    )


@cached
def quality(model: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the newest accuracy figures."""
    with shared.store().read() as connection:
        return estimates.latest(connection, model)


@cached
def quality_history(model: str, name: str) -> pl.DataFrame:
    """Return accuracy by day, measured and estimated."""
    with shared.store().read() as connection:
        rows = [row for basis in ("measured", "estimated") for row in estimates.history(connection, model, name, basis)]
    schema = {"day": pl.Int64, "basis": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
    return pl.DataFrame(
        [tuple(row[c] for c in schema) for row in rows if row["value"] is not None], schema=schema, orient="row"
    )


@cached
def automation_points(model: str, first: int, end: int) -> list[Point]:
    """Return the automation curve of a window; empty without a calibration."""
    with shared.store().read() as connection:
        found = estimates.calibration(connection, model)
    scores = profile(model, first, end).score
    if found is None or not scores.total:
        return []
    return curve(scores, Calibration(*found), (end - first) / 168)


def comparison(model: str) -> dict[str, Any] | None:
    """Return the newest comparison with a challenger."""
    with shared.store().read() as connection:
        return shadows.latest_comparison(connection, model)


def troubles(model: str) -> list[str]:
    """Return a sentence for each challenger of config.yaml that could not be tried."""
    digests = [one.sha256 for one in shared.config().challengers.values() if one.sha256]
    with shared.store().read() as connection:
        return shadows.troubles(connection, model, digests)


def service() -> dict[str, list[dict[str, Any]]]:
    """Return feed, how each source stands, rejects, jobs and messages."""
    config, now = shared.config(), shared.now()
    with shared.store().read() as connection:
        found = feeds(connection, config.sources.values(), now)
        stands = [
            {"source": one.source, **asdict(condition(one, microseconds(now), config.ingest.silent_after_expected))}
            for one in found
        ]
        return {"stands": stands, "feed": arrivals.feed(connection), "rejects": arrivals.rejects_by_reason(connection),
                "masked": masked(connection, microseconds(now) - WEEK_US), "jobs": runs.newest(connection),
                "messages": outbox.latest(connection, 50), "in_doubt": outbox.in_doubt(connection)}  # fmt: skip


def last_tick_us() -> int | None:
    """Return when the scheduler last completed a tick."""
    with shared.store().read() as connection:
        return runs.last_tick_us(connection)


def decisions_of(model: str) -> list[dict[str, Any]]:
    """Return the model's decisions with their approvals, newest first."""
    with shared.store().read() as connection:
        return [decisions.get(connection, row["id"]) for row in decisions.all(connection, model)]


def outcomes_of(number: int) -> dict[int, list[tuple[str, str]]]:
    """Return what a new champion brought beside the forecast, (name, sentence) by the days since it began."""
    with shared.store().read() as connection:
        known = outcomes.of(connection, number)
    return {day: told(one["realised"], one["forecast"], day, words("en")) for day, one in known.items() if day != outcomes.BEGAN}  # fmt: skip


def approvals_needed(model: str) -> int:
    """Return how many people must approve a decision on a model."""
    return shared.config().retraining.get(model, Retraining()).approvals


def actions_on(subject: str) -> list[dict[str, Any]]:
    """Return what was asked for on a subject, newest first."""
    with shared.store().read() as connection:
        return actions.about(connection, subject)


def replays(model: str) -> list[dict[str, Any]]:
    """Return the model's replays under other settings, newest first."""
    with shared.store().read() as connection:
        return backtests.of_model(connection, model)


def reports_made() -> list[dict[str, Any]]:
    """Return reports, newest first."""
    with shared.store().read() as connection:
        return reports.all(connection)


def sheets_made() -> list[dict[str, Any]]:
    """Return reports that people asked for, newest first."""
    with shared.store().read() as connection:
        return sheets.all(connection)


def fields_beside(then: Profile, now: Profile) -> pl.DataFrame:
    """Return shares of the values of fields then and now, the 60 that moved most; fields that nobody logs are left out."""
    rows = [(field, value, then.of_field(field).share(value), now.of_field(field).share(value))
            for field in sorted(now.fields) for value in sorted(now.of_field(field).of_name)]  # fmt: skip
    schema = {"field": pl.String, "value": pl.String, "then": pl.Float64, "now": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(moved=pl.col("now") - pl.col("then"))
    return frame.sort(pl.col("moved").abs(), descending=True).head(60)


def score_bins(then: Profile, now: Profile) -> list[tuple[float, int, int]]:
    """Return (middle, count now, count then) of 50 bins of the score."""
    return [(0.01 + 0.02 * b, int(now.score.counts[4 * b : 4 * b + 4].sum()), int(then.score.counts[4 * b : 4 * b + 4].sum()))
            for b in range(50)]  # fmt: skip


def named_flows(model: str, flows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the flows between answers with the labels' titles."""
    names = shared.config().nomenclature(model)
    rows = [(names.name(one["champion"]), names.name(one["challenger"]), one["count"]) for one in flows]
    return pl.DataFrame(rows, schema={"champion": pl.String, "challenger": pl.String, "texts": pl.Int64}, orient="row")
