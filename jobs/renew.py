"""The service will learn some metrics of a reference anew: what was called the new normal."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from monitor.alerts import messages
from monitor.config import Config
from monitor.detection import renewal
from monitor.detection.baseline import Baseline
from monitor.detection.state import State
from monitor.errors import NoData
from monitor.plan import left_out
from monitor.store import detectors, incidents, outbox, plans, profiles, references
from monitor.store.store import Store
from monitor.window import Window, hour_of, microseconds, start_of

TWO_WEEKS = "for two weeks they carry no bet, then these weeks are what is usual"


def renew(store: Store, config: Config, now: datetime, model: str, kins: Collection[str], *, since: datetime, by: str, reason: str
          ) -> str:  # fmt: skip
    """
    Learn these kins of metrics of `model` anew from `since` on; returns what was begun.

    Raises NoData without a reference or for a kin it does not have.
    """
    with store.write() as connection:
        begin(connection, config, now, model, kins, since=hour_of(since), by=by, reason=reason)
    return f"{model}: {', '.join(map(renewal.title, kins))} learnt anew since {since:%Y-%m-%d %H:%M} UTC; {TWO_WEEKS}"


def begin(connection: Connection, config: Config, now: datetime, model: str, kins: Collection[str], *, since: int, by: str, reason: str
          ) -> None:  # fmt: skip
    """
    Do what `renew` does within the caller's transaction; the state of all other metrics goes on.

    Open incidents that tell of nothing else are closed as superseded: nobody would judge whether they are over.
    """
    row = references.active(connection, model)
    if row is None:
        raise NoData(f"{model} has no reference", remedy=f"vigie reference pin {model} --reason ...")
    old = Baseline.from_bytes(row.baseline)
    strange = sorted(set(kins) - set(renewal.kins(old)))
    if strange or not kins:
        raise NoData(f"{model} has no metrics {', '.join(strange)}", remedy=f"it has {', '.join(renewal.kins(old))}")
    number = replace(connection, row, renewal.begun(old, kins, since), kins, by=by, reason=reason, now=now)
    supersede(
        connection, config, model, kins, number, at=now, now=now, by=by, reason=f"its metrics are learnt anew: {reason}"
    )


def supersede(connection: Connection, config: Config, model: str, kins: Collection[str], number: int, *, at: datetime, now: datetime,
              by: str, reason: str) -> None:  # fmt: skip
    """Close incidents that tell of nothing but these kins, which reference `number` judges otherwise, and let it be told."""
    for one in incidents.all(connection, model, ("open", "recovering")):
        if {renewal.kin_of(cause.metric) for cause in one.causes} <= set(kins):
            change = incidents.change(connection, one, "closed", actor=by, reason=reason, at=at, key=f"reference:{number}",
                                      state="closed", closed_as="superseded", closed_hour=hour_of(at))  # fmt: skip
            outbox.queue(connection, messages(change, incidents.get(connection, one.id), config.routes), now)


def learn(store: Store, config: Config, now: datetime, model: str) -> str | None:
    """
    Judge by their new two weeks the first metrics whose weeks were judged; returns which, None when none are due.

    Without a prediction in these weeks they wait a day longer; hours that were planned are left out.
    """
    with store.write() as connection:
        row = references.active(connection, model)
        planned = partial(left_out, plans.of_model(connection, model))
        ready = None if row is None else renewal.due(Baseline.from_bytes(row.baseline), planned)
        saved = None if row is None else detectors.load(connection, model, row.id, to_change=True)
        if row is None or ready is None or saved is None or saved.judged_until < ready[0]:
            return None
        old, (end, kin) = Baseline.from_bytes(row.baseline), ready
        window = Window(old.renewing[kin], end)
        try:
            new = renewal.learnt(
                old,
                kin,
                profiles.by_hour(connection, model, window),
                config.detection,
                end=end,
                planned=planned(window),
            )
        except NoData:
            replace(
                connection,
                row,
                renewal.begun(old, [kin], old.renewing[kin] + 24),
                [kin],
                by="vigie",
                reason=row.reason,
                now=now,
            )
            return f"{model}: no prediction to learn the {renewal.title(kin)} from, a day more"
        reason = f"{renewal.title(kin)} learnt anew from {start_of(window.first):%d %b} to {start_of(end):%d %b}"
        replace(connection, row, new, [kin], by="vigie", reason=reason, now=now)
    return f"{model}: {reason}"


def replace(
    connection: Connection, row: object, new: Baseline, kins: Collection[str], *, by: str, reason: str, now: datetime
) -> int:
    """Put a baseline in the place of the active one, and carry the detector's state over; returns its number."""
    was = {name: getattr(row, name) for name in ("model", "first_hour", "end_hour", "clean", "clean_detail")}
    old, before = Baseline.from_bytes(row.baseline), row.id  # type: ignore[attr-defined]
    saved = detectors.load(connection, was["model"], before, to_change=True)
    number = references.pin(connection, {**was, "pinned_us": microseconds(now), "pinned_by": by, "reason": reason,
                                         "baseline": new.to_bytes()})  # fmt: skip
    if saved is not None:
        state = renewal.carried(State.from_bytes(saved.state), old, new, kins)
        detectors.save(
            connection,
            was["model"],
            number,
            judged_until=saved.judged_until,
            state=state.to_bytes(),
            evidence=saved.evidence,
        )
    return number
