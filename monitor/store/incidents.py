"""Keep incidents and every change they went through."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, func, select, update

from monitor.detection.incident import Cause, Change, Incident
from monitor.errors import NoData, StoreError
from monitor.store.tables import change_log, incident
from monitor.window import microseconds, moment

MOST_SNOOZED_DAYS = 14


def all(connection: Connection, model: str | None = None, states: Sequence[str] | None = None) -> list[Incident]:
    """Return incidents, newest first, of one model or all, in the given states or any."""
    query = select(incident).order_by(desc(incident.c.found_hour), desc(incident.c.id))
    if model is not None:
        query = query.where(incident.c.model == model)
    if states is not None:
        query = query.where(incident.c.state.in_(states))
    return [_incident(row) for row in connection.execute(query)]


def get(connection: Connection, number: int) -> Incident:
    """Return one incident; NoData when there is none of this number."""
    row = connection.execute(select(incident).where(incident.c.id == number)).one_or_none()
    if row is None:
        raise NoData(f"there is no incident {number}", remedy="vigie incidents list --all")
    return _incident(row)


def _incident(row: Any) -> Incident:
    causes = tuple(Cause(**one) for one in json.loads(row.causes))
    return Incident(row.id, row.model, row.onset_hour, row.found_hour, row.state, causes, json.loads(row.detail), row.closed_as,
                    row.closed_hour, row.acknowledged_by, row.recurrence_of, row.quiet_hours, row.revision)  # fmt: skip


def changed(connection: Connection, change: str, first_us: int, end_us: int) -> list[Incident]:
    """Return the incidents that went through a change (opened, closed) between two moments, the end not included."""
    inside = change_log.c.at_us >= first_us, change_log.c.at_us < end_us
    query = select(change_log.c.subject).where(
        change_log.c.change == change, change_log.c.subject.like("incident:%"), *inside
    )
    numbers = sorted({int(subject.partition(":")[2]) for subject in connection.execute(query).scalars()})
    return [get(connection, number) for number in numbers]


def open_new(connection: Connection, new: Incident, at: datetime) -> tuple[Incident, Change]:
    """Store a new incident and log that it was opened."""
    values = {
        "model": new.model, "onset_hour": new.onset_hour, "found_hour": new.found_hour, "state": "open",
        "causes": _text([asdict(c) for c in new.causes]), "detail": _text(new.detail), "quiet_hours": 0, "revision": 1,
        "recurrence_of": new.recurrence_of,
    }  # fmt: skip
    number = int(connection.execute(incident.insert().values(values).returning(incident.c.id)).scalar_one())
    stored = get(connection, number)
    return stored, log(
        connection,
        stored,
        "opened",
        before=None,
        key=f"alarm:{new.found_hour}",
        actor="vigie",
        reason=stored.claim,
        at=at,
    )


def change(
    connection: Connection, old: Incident, what: str, *, actor: str, reason: str, at: datetime, key: str, **values: Any
) -> Change:
    """
    Change an incident and log it; refused with StoreError when somebody else changed it since `old` was read.

    `values` are columns; `causes` and `detail` may be given as values of Python.
    """
    for name in ("causes", "detail"):
        if name in values:
            values[name] = _text([asdict(c) for c in values[name]] if name == "causes" else values[name])
    done = connection.execute(
        update(incident)
        .where(incident.c.id == old.id, incident.c.revision == old.revision)
        .values(revision=old.revision + 1, **values)
    )
    if done.rowcount != 1:
        raise StoreError(f"incident {old.id} was changed by somebody else meanwhile", remedy="look again")
    return log(connection, get(connection, old.id), what, before=old.state, key=key, actor=actor, reason=reason, at=at)


def note_quiet(connection: Connection, number: int, quiet_hours: int) -> None:
    """Keep how many judged hours in a row its metrics were below their floors."""
    connection.execute(update(incident).where(incident.c.id == number).values(quiet_hours=quiet_hours))


def describe(connection: Connection, number: int, found: dict[str, Any], texts: set[str]) -> None:
    """Keep what a classifier found in the texts of an incident; `found["texts"]` that are still kept take the place of its examples."""
    detail = get(connection, number).detail | {
        "classifier": {name: one for name, one in found.items() if name != "texts"}
    }
    examples = [one for one in found.get("texts", []) if one["text"] in texts]
    if examples:
        detail["texts"] = examples
    connection.execute(update(incident).where(incident.c.id == number).values(detail=_text(detail)))


def acknowledge(
    connection: Connection, number: int, revision: int | None, actor: str, reason: str, *, now: datetime
) -> Change:
    """Say that somebody looks after the incident; refused with StoreError when they said so already."""
    old = _as_seen(connection, number, revision)
    if old.acknowledged_by == actor:
        raise StoreError(f"incident {number} is acknowledged by {actor} already")
    return change(connection, old, "acknowledged", actor=actor, reason=reason, at=now, key=f"ack:{actor}:{microseconds(now)}",
                  acknowledged_by=actor, acknowledged_us=microseconds(now))  # fmt: skip


def snooze(
    connection: Connection, number: int, revision: int | None, actor: str, reason: str, *, days: int, now: datetime
) -> Change:
    """Keep its messages back for so many days (14 at most, from `now`); refused with StoreError when it is closed."""
    old = _as_seen(connection, number, revision)
    if old.state == "closed":
        raise StoreError(f"incident {number} is closed already")
    until_us = microseconds(now) + min(days, MOST_SNOOZED_DAYS) * 24 * 3_600_000_000
    return change(connection, old, "snoozed", actor=actor, reason=reason, at=now, key=f"snooze:{actor}:{microseconds(now)}",
                  snoozed_until_us=until_us)  # fmt: skip


def snoozed_until_us(connection: Connection, number: int) -> int:
    """Return until when its messages are kept back, in microseconds since 1970; 0 when they are not, or it is closed."""
    query = select(incident.c.snoozed_until_us).where(incident.c.id == number, incident.c.state != "closed")
    return connection.execute(query).scalar() or 0


def acknowledged_us(connection: Connection, number: int) -> int:
    """Return when it was acknowledged last, in microseconds since 1970, whatever came since; 0 when it never was."""
    return connection.execute(select(incident.c.acknowledged_us).where(incident.c.id == number)).scalar() or 0


def close(
    connection: Connection, number: int, revision: int | None, closed_as: str, actor: str, *, reason: str, now: datetime
) -> Change:
    """Close the incident for the given reason."""
    old = _as_seen(connection, number, revision)
    if old.state == "closed":
        raise StoreError(f"incident {number} is closed already")
    hour = microseconds(now) // 3_600_000_000
    return change(connection, old, "closed", actor=actor, reason=reason, at=now, key=f"close:{hour}", state="closed",
                  closed_as=closed_as, closed_hour=hour)  # fmt: skip


def _as_seen(connection: Connection, number: int, revision: int | None) -> Incident:
    old = get(connection, number)
    if revision is not None and revision != old.revision:
        raise StoreError(f"incident {number} was changed by somebody else meanwhile", remedy="look again")
    return old


def log(
    connection: Connection,
    about: Incident,
    what: str,
    *,
    before: str | None,
    key: str,
    actor: str,
    reason: str,
    at: datetime,
) -> Change:
    """Append a line to the change log of the incident."""
    one = Change(f"incident:{about.id}", about.model, what, before, about.state, key, actor, reason, at)
    write_change(connection, one)
    return one


def write_change(connection: Connection, one: Change) -> None:
    """Append a change of any subject; its sequence is the next."""
    last = connection.execute(
        select(func.max(change_log.c.sequence)).where(change_log.c.subject == one.subject)
    ).scalar()
    connection.execute(change_log.insert().values(
        subject=one.subject, sequence=(last or 0) + 1, change=one.change, before=one.before, after=one.after,
        input_key=one.input_key, actor=one.actor, reason=one.reason, at_us=microseconds(one.at)))  # fmt: skip


def history(connection: Connection, number: int) -> list[Change]:
    """Return every change of an incident, oldest first."""
    return changes(connection, f"incident:{number}")


def changes(connection: Connection, subject: str) -> list[Change]:
    """Return every change of a subject, oldest first."""
    query = select(change_log).where(change_log.c.subject == subject).order_by(change_log.c.sequence)
    return [Change(r.subject, "", r.change, r.before, r.after, r.input_key, r.actor, r.reason, moment(r.at_us))
            for r in connection.execute(query)]  # fmt: skip


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
