"""Gather from the tables what a verdict rests on."""

from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from monitor.detection import season
from monitor.detection.baseline import VOLUME, Baseline
from monitor.settings import Model
from monitor.store import detectors, incidents, references
from monitor.store.tables import estimate, prediction
from monitor.verdict import Evidence
from monitor.window import MICROSECONDS_PER_HOUR, hour_of, microseconds, moment, start_of


def facts(connection: Connection, model: Model, now: datetime, warning_share: float, silent_after: float
          ) -> tuple[Evidence, dict[str, Any]]:  # fmt: skip
    """Return the evidence of a verdict, and extras: `judged_until`, `accuracy` (a reason or None), `evidence`, `last_us`."""
    row = references.active(connection, model.name)
    last_us = connection.execute(select(func.max(prediction.c.time)).where(prediction.c.model == model.name)).scalar()
    unknown = _accuracy(connection, model, now)
    seen = None if last_us is None else f"{moment(last_us):%a %d %b %H:%M} UTC"
    if row is None:
        why = "no period was pinned as normal yet (vigie reference pin)"
        return Evidence(reference=why, last_seen=seen, accuracy=unknown), {
            "judged_until": None,
            "accuracy": unknown,
            "evidence": 0.0,
            "last_us": last_us,
        }
    baseline = Baseline.from_bytes(row.baseline)
    saved = detectors.load(connection, model.name, row.id)
    judged = None if saved is None else f"{start_of(saved.judged_until):%a %d %b %H:%M} UTC"
    found = incidents.all(connection, model.name, ("open",))
    incident = None
    if found:
        one = found[0]
        incident = (
            one.id,
            f"{start_of(one.onset_hour):%a %d %b %H:%M}",
            one.claim + ("" if len(found) == 1 else f" (and {len(found) - 1} more)"),
        )
    evidence = Evidence(
        judged_until=judged, incident=incident, evidence=0.0 if saved is None else saved.evidence, warning_share=warning_share,
        last_seen=seen, expected_since=_expected_since(baseline, last_us, now), silent_after=silent_after, accuracy=unknown,
    )  # fmt: skip
    return evidence, {"judged_until": judged, "accuracy": unknown, "evidence": evidence.evidence, "last_us": last_us}


def _expected_since(baseline: Baseline, last_us: int | None, now: datetime) -> float:
    first = (baseline.end_hour if last_us is None else last_us // MICROSECONDS_PER_HOUR) + 1
    hours = np.arange(max(first, hour_of(now) - 24 * 14), hour_of(now))
    if not len(hours):
        return 0.0
    cells = np.array(baseline.seasons[VOLUME].cells)
    return float(np.expm1(cells[season.cell_of(hours)]).sum())


def _accuracy(connection: Connection, model: Model, now: datetime) -> str | None:
    """Say why the accuracy of automatic answers is not known; None when a fresh audit is narrow enough."""
    newest = connection.execute(
        select(estimate).where(estimate.c.model == model.name, estimate.c.name == "accuracy_automatic", estimate.c.basis == "measured")
        .order_by(estimate.c.day.desc()).limit(1)
    ).one_or_none()  # fmt: skip
    if newest is None or newest.value is None:
        return "no audited label is at hand" if newest is None else str(newest.note)
    age = microseconds(now) // (24 * MICROSECONDS_PER_HOUR) - newest.day
    if age > model.audit_days_limit:
        return f"the newest audit is {age} days old (limit {model.audit_days_limit})"
    half = (newest.high - newest.low) / 2
    if half > model.accuracy_half_width_limit:
        return f"accuracy of automatic answers is known to ±{100 * half:.1f} points only (limit {100 * model.accuracy_half_width_limit:.0f})"
    return None
