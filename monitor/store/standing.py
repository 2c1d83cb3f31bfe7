"""Gather from the tables what a verdict rests on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from monitor.detection import power, renewal, season
from monitor.detection.baseline import LEAST_HOURS, VOLUME, Baseline
from monitor.detection.explain import shown
from monitor.plan import Planned, freed
from monitor.quality.notes import recognised
from monitor.said import Said
from monitor.settings import Detection, Model
from monitor.store import detectors, incidents, labels, plans, predictions, readings, references
from monitor.store.tables import estimate, prediction
from monitor.verdict import Evidence
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, moment, start_of

JUDGED_WITHIN_HOURS = 6  # grace, watermark and one hourly run take less


def facts(connection: Connection, model: Model, now: datetime, detection: Detection, silent_after: float
          ) -> tuple[Evidence, dict[str, Any]]:  # fmt: skip
    """Return the evidence of a verdict, and extras: `judged_until`, `accuracy` (a reason or None), `evidence`, `last_us`."""
    row = references.active(connection, model.name)
    last_us = predictions.newest_us(connection, model.name)
    unknown = _accuracy(connection, model, now)
    seen = None if last_us is None else _utc(last_us)
    if row is None:
        why = Said("no period was pinned as normal yet (vigie reference pin)", "standing.no_reference")
        return Evidence(reference=why, last_seen=seen, accuracy=unknown), {
            "judged_until": None,
            "accuracy": unknown,
            "evidence": 0.0,
            "last_us": last_us,
        }
    baseline = Baseline.from_bytes(row.baseline)
    saved = detectors.load(connection, model.name, row.id)
    until = None if saved is None else int(saved.judged_until)
    judged = None if until is None else _utc(until * MICROSECONDS_PER_HOUR)
    plan = plans.of_model(connection, model.name)
    behind = until is not None and _behind(connection, model.name, baseline, until, now=now, silent_after=silent_after)
    planned = next((one for one in plan if one.frees(hour_of(now) - 1, timedelta(0))), None)
    incident = _incident(connection, model.name, baseline, until)
    evidence = Evidence(
        judged_until=judged, behind=behind, incident=incident, evidence=0.0 if saved is None else saved.evidence, warning_share=detection.warning_share,
        last_seen=seen, expected_since=_due_since(baseline, last_us, now, plan), silent_after=silent_after, accuracy=unknown, blind=tuple(power.blind(baseline, detection)),
        thin=tuple(power.thin(baseline)),
        renewing=tuple(_renewing(kin, since) for kin, since in baseline.renewing.items()),
        planned=None if planned is None else Said(f"{planned.title} until {moment(planned.to_us or 0):%a %d %b %H:%M} UTC", "planned.until",
                                                  what=planned.title, end=planned.to_us),
    )  # fmt: skip
    return evidence, {"judged_until": judged, "accuracy": unknown, "evidence": evidence.evidence, "last_us": last_us}


def _utc(at_us: int) -> Said:
    return Said(f"{moment(at_us):%a %d %b %H:%M} UTC", "time.utc", at=at_us)


def _renewing(kin: str, since: int) -> Said:
    """Say what is learnt anew, since when, and from when on it is judged."""
    judged = since + LEAST_HOURS
    kind, _, name = kin.partition(":")
    return Said(f"{renewal.title(kin)} (since {start_of(since):%d %b}, judged from {start_of(judged):%d %b} on)", "standing.renewing",
                kin=Said(renewal.title(kin), f"kin.{kind}", name=name), since=since * MICROSECONDS_PER_HOUR,
                judged=judged * MICROSECONDS_PER_HOUR)  # fmt: skip


def _incident(connection: Connection, model: str, baseline: Baseline, until: int | None) -> tuple[int, str, str] | None:
    """Return number, onset and claim of the newest open incident: with its metric's value now, who cares, how many more."""
    found = incidents.all(connection, model, ("open",))
    if not found:
        return None
    one, more = found[0], len(found) - 1
    claim = Said(one.claim, "claim.whole", incident=one)
    if one.causes and until is not None:
        now = _last_day(connection, model, baseline, one.causes[0].metric, until)
        claim = claim if now is None else Said(f"{claim}; now {now}", "standing.now", claim=claim, now=now)
    who = one.acknowledged_by
    claim = claim if who is None else Said(f"{claim}; acknowledged by {who}", "standing.acknowledged", claim=claim, who=who)  # fmt: skip
    if more:
        claim = Said(f"{claim} (and {more} more incident{'s' if more > 1 else ''})", "standing.more", claim=claim, n=more)  # fmt: skip
    onset = Said(f"{start_of(one.onset_hour):%a %d %b %H:%M}", "time.plain", at=one.onset_hour * MICROSECONDS_PER_HOUR)
    return one.id, onset, claim


def _last_day(connection: Connection, model: str, baseline: Baseline, name: str, until: int) -> Said | None:
    """Write a metric's value over the last judged day; None when it has no readings of it."""
    metric = next((one for one in baseline.metrics if one.name == name), None)
    read = readings.history(connection, model, name, Window(until - 24, until)).drop_nulls("value")
    size = read["size"].to_numpy()
    if metric is None or not size.sum():
        return None
    value = metric.shown(float(np.average(read["value"].to_numpy(), weights=size)))
    return Said(shown(value, metric.unit), f"unit.{metric.unit}", value=value)


def due(baseline: Baseline, first: int, end: int, plan: Sequence[Planned] = ()) -> float:
    """Return how many predictions the reference leads to expect in these hours, of the last two weeks of them; in planned ones none."""
    span = range(max(first, end - 24 * 14), end)
    hours = np.array(sorted(set(span) - freed(plan, span, timedelta(0))), dtype=np.int64)
    if not len(hours):
        return 0.0
    cells = np.array(baseline.seasons[VOLUME].cells)
    return float(np.expm1(cells[season.cell_of(hours)]).sum())


def _due_since(baseline: Baseline, last_us: int | None, now: datetime, plan: Sequence[Planned]) -> float:
    first = (baseline.end_hour if last_us is None else last_us // MICROSECONDS_PER_HOUR) + 1
    return due(baseline, first, hour_of(now), plan)


def _behind(
    connection: Connection, model: str, baseline: Baseline, until: int, *, now: datetime, silent_after: float
) -> bool:
    """Say whether hours that should be judged by now had predictions, or were to have them."""
    latest = hour_of(now) - JUDGED_WITHIN_HOURS
    if latest <= until:
        return False
    first_us, end_us = until * MICROSECONDS_PER_HOUR, latest * MICROSECONDS_PER_HOUR
    waiting = select(prediction.c.uid).where(prediction.c.model == model, predictions.between(first_us, end_us))
    owed = due(baseline, until, latest, plans.of_model(connection, model))
    return owed >= silent_after or connection.execute(waiting.limit(1)).first() is not None


def _accuracy(connection: Connection, model: Model, now: datetime) -> str | None:
    """Say why the accuracy of automatic answers is not known; None when a fresh audit is narrow enough."""
    newest = connection.execute(
        select(estimate).where(estimate.c.model == model.name, estimate.c.name == "accuracy_automatic", estimate.c.basis == "measured")
        .order_by(estimate.c.day.desc()).limit(1)
    ).one_or_none()  # fmt: skip
    audited = labels.newest_audit_day(connection, model.name)
    if newest is None or audited is None:
        return Said("no audited label is at hand", "standing.no_audit")
    age = hour_of(now) // 24 - audited
    if age > model.audit_days_limit:
        return Said(f"the newest audit is {age} days old (limit {model.audit_days_limit})", "standing.old_audit", days=age,
                    limit=model.audit_days_limit)  # fmt: skip
    if newest.value is None:
        return recognised(str(newest.note), newest.size)
    half = (newest.high - newest.low) / 2
    if half > model.accuracy_half_width_limit:
        half, limit = 100 * half, 100 * model.accuracy_half_width_limit
        return Said(
            f"accuracy of automatic answers is known to ±{half:.1f} points only (limit {limit:.0f})",
            "standing.wide",
            half=half,
            limit=limit,
        )
    return None
