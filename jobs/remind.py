"""The service will remind people of incidents that nobody acknowledged, and tell the next level of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from monitor.alerts import Message
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.settings import Route
from monitor.store import groups, incidents, outbox, service_alerts
from monitor.window import moment

MOST = 3  # reminders; then the weekly report alone goes on telling
REMINDER, ESCALATED = "reminder", "escalated"
TELLING = ("opened", "worsened")
SERVICE_WAITS = timedelta(minutes=30)
LAST_LEVEL_DAYS = 2
Row = dict[str, Any]


def remind(connection: Connection, config: Config, now: datetime) -> int:
    """
    Queue the reminders and escalations that are due, in the caller's transaction; returns how many are new.

    Safe to run twice or late: each is keyed by the message it follows and its number, and of several that became due
    meanwhile the newest alone is queued.
    """
    due: list[Message] = []
    follows: dict[int, tuple[Row, datetime, list[Incident]]] = {}
    for one in incidents.all(connection, None, ("open",)):
        if one.acknowledged_by:
            continue
        told = _told(connection, one)
        due += _next_levels(connection, config, one, [pair for pair in told if _level(pair[0]) == 1], now)
        for row, _ in told:
            first = _first(connection, one, row)
            if (at := groups.carrier(connection, first)["sent_us"]) is not None:
                follows.setdefault(first["id"], (first, moment(at), []))[2].append(one)
    for first, at, some in follows.values():
        nth = max((n for n in range(1, MOST + 1) if _at(config, at, n) <= now), default=0)
        if nth:
            due.append(_reminder(first, sorted(some, key=lambda one: one.id), nth))
    return outbox.queue(connection, [*due, *_about_vigie(connection, config, now)], now)


def coming(connection: Connection, config: Config, row: Row, now: datetime) -> datetime | None:
    """Return when the recipient of a message that leaves now is reminded next; None when not, or not any more."""
    one = incidents.get(connection, row["facts"]["incident"])
    if one.state != "open" or one.acknowledged_by:
        return None
    told = [pair for pair in _told(connection, one) if pair[0]["recipient"] == row["recipient"]]
    begun = now
    if told:
        first = _first(connection, one, told[0][0])
        begun = moment(groups.carrier(connection, first)["sent_us"] or told[0][1])
    return next((at for n in range(1, MOST + 1) if (at := _at(config, begun, n)) > now), None)


def is_needless(connection: Connection, row: Row, numbers: Iterable[int]) -> bool:
    """Say whether a reminder or an escalation came too late: each of its incidents is in somebody's hands, or not open."""
    if row["facts"].get("change") not in {REMINDER, ESCALATED}:
        return False
    some = [incidents.get(connection, number) for number in numbers]
    return all(one.acknowledged_by or one.state != "open" for one in some)


def _told(connection: Connection, one: Incident) -> list[tuple[Row, int]]:
    """
    Return, for each recipient, the message that told of an incident first since the last acknowledgement, and when it left.

    Who was told nothing that has left is left out: reminding begins with the telling.
    """
    since_us = incidents.acknowledged_us(connection, one.id)
    found: dict[tuple[str, str], tuple[Row, int]] = {}
    for row in groups.about(connection, one.id):
        key = row["channel"], row["recipient"]
        if row["event"] in TELLING and row["created_us"] >= since_us and key not in found:
            sent_us = groups.carrier(connection, row)["sent_us"]
            found |= {} if sent_us is None else {key: (row, sent_us)}
    return list(found.values())


def _first(connection: Connection, one: Incident, row: Row) -> Row:
    """Return the message a reminder follows: of a group its first one, so that the group is one reminder."""
    first = groups.first_of(connection, one.id, row["recipient"]) if row["event"] == "opened" else None
    return first or row


def _at(config: Config, begun: datetime, nth: int) -> datetime:
    return config.working_time.days_on(begun, nth * config.alerts.reminder_working_days)


def _reminder(first: Row, some: list[Incident], nth: int) -> Message:
    facts = {name: value for name, value in first["facts"].items() if name in {"kind", "language", "texts", "level"}}
    facts |= {"incident": some[0].id, "model": some[0].model, "change": REMINDER}
    if len(some) > 1:
        group = first["facts"]["group"]
        facts["group"] = {"incidents": [one.id for one in some], "new": [], "tags": group["tags"], "first": first["id"]}
    sequence = 10 * first["sequence"] + nth
    return Message(first["subject"], REMINDER, sequence, first["channel"], first["recipient"], facts)


def _level(row: Row) -> int:
    return int(row["facts"].get("level", 1))


def _next_levels(
    connection: Connection, config: Config, one: Incident, told: list[tuple[Row, int]], now: datetime
) -> Iterable[Message]:
    """Yield the openings that routes of a higher level are due, counted from the first telling of those at level 1."""
    if not told:
        return
    row, begun_us = min(told, key=lambda pair: (pair[1], pair[0]["id"]))
    known = {other["recipient"] for other in groups.about(connection, one.id)
             if other["event"] == "opened" and other["state"] != "suppressed"}  # fmt: skip
    for route in config.routes:
        is_new = route.level > 1 and "incidents" in route.receives and route.recipient not in known
        if is_new and _escalates(config, route, moment(begun_us)) <= now:
            facts = {"kind": "incident", "incident": one.id, "model": one.model, "change": ESCALATED, "level": route.level,
                     "language": route.language, "texts": route.texts}  # fmt: skip
            yield Message(f"incident:{one.id}", "opened", row["sequence"], route.channel, route.recipient, facts)


def _escalates(config: Config, route: Route, begun: datetime, waits: timedelta | None = None) -> datetime:
    """Return when a route of level 2 or 3 is told of what level 1 was told of at `begun`."""
    if route.level > 2:
        return config.working_time.days_on(begun, LAST_LEVEL_DAYS)
    return config.working_time.hours_on(begun, config.alerts.escalate_working_hours) if waits is None else begun + waits


def _about_vigie(connection: Connection, config: Config, now: datetime) -> Iterable[Message]:
    """Yield what routes of a higher level are due of alerts about Vigie that can end and still stand."""
    for subject, newest in service_alerts.standing(connection).items():
        told = service_alerts.messages(connection, subject, "opened", newest["sequence"])
        sent = [row["sent_us"] for row in told.values() if row["sent_us"] is not None and _level(row) == 1]
        for route in config.routes:
            is_new = route.level > 1 and newest["facts"].get("to") == "service" and "service" in route.receives
            if (
                sent
                and is_new
                and route.recipient not in told
                and _escalates(config, route, moment(min(sent)), SERVICE_WAITS) <= now
            ):
                facts = {**newest["facts"], "language": route.language, "level": route.level}
                yield Message(subject, "opened", newest["sequence"], route.channel, route.recipient, facts)
