"""The service will hold back what must not be told yet, and let go or suppress it when the reason ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.remind import REMINDER, is_needless
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.detection.renewal import kin_of
from monitor.plan import MAINTENANCE, Planned
from monitor.silence import Silence
from monitor.store import groups, incidents, outbox, plans, service_alerts, silences
from monitor.window import microseconds, moment

HELD = ("incident", "service")  # reports and decisions are sent during maintenance too
OVER = "over before the maintenance ended"
FEED, FEED_OVER = "inhibited", "over before its feed was back"
TOO_LATE = "over before it was told"
SNOOZED, SILENCED = "snoozed", "silenced"
# Words are written late: whichever of these waits tells it all.
TOLD_BY = {"worsened": ("opened",), REMINDER: ("opened", "worsened")}
UNTOLD = "its level was not told of the opening"
IN_HAND = "acknowledged meanwhile, or no longer open"
AGAIN = "told by another message of its incident"
RECEIVED = {
    "incident": {"incidents"},
    "service": {"service", "decisions"},
    "decision": {"decisions"},
    "weekly": {"weekly"},
    "outcome": {"decisions", "weekly"},
    "succession": {"decisions"},
}


@dataclass(frozen=True)
class Reasons:
    """Hold what may keep messages back at one moment: entries of the plan, silences, and the alerts about Vigie that stand."""

    config: Config
    plan: Sequence[Planned]
    silences: Sequence[Silence]
    standing: frozenset[str]
    now_us: int

    def of(self, model: str, *, is_opening: bool) -> str | None:
        """Return why messages about a model ("" for Vigie itself) wait; a missing feed holds only what opens an incident."""
        on = next((one.title for one in self.plan if one.holds(model, self.now_us)), None)
        return self._no_feed(model) if on is None and is_opening else on

    def silenced(self, one: Incident) -> str | None:
        """Return which silence is about an incident; about none that is closed, for its end is told."""
        kind = kin_of(one.causes[0].metric) if one.causes else ""
        found = (silence.title for silence in self.silences if silence.matches(one.model, kind))
        return next(found, None) if one.state != "closed" else None

    def _no_feed(self, model: str) -> str | None:
        """Return the alert that explains whatever is seen of a model meanwhile."""
        names = [source.name for source in self.config.sources.values() if source.model in {None, model}]
        known = service_alerts.explaining(self.standing, model, names)
        return None if known is None else f"{FEED}: {known}"


def hold(connection: Connection, config: Config, now: datetime) -> list[dict[str, Any]]:
    """
    Hold messages about models under maintenance or without a feed, and those of routes that wait for working hours; return
    those that nothing holds, the oldest first.

    Of what was held before, what is over meanwhile is suppressed; the rest is returned as it is, for the caller to release.
    """
    standing = frozenset(service_alerts.standing(connection))
    reasons = Reasons(config, plans.of_model(connection), silences.on(connection, now), standing, microseconds(now))
    free = []
    for row in outbox.waiting(connection, now):
        why = _why(connection, reasons, row) or _at_night(config, row, now)
        if why is not None:
            outbox.hold(connection, row["id"], why)
        elif (needless := _needless(connection, row)) is not None:
            outbox.release(connection, row["id"], needless, now)
        else:
            free.append(row)
    return free


def listed(row: dict[str, Any]) -> list[int]:
    """Return the incidents that a message about incidents tells of."""
    facts = row["facts"]
    return list(facts["group"]["incidents"]) if "group" in facts else [facts["incident"]]


def _why(connection: Connection, reasons: Reasons, row: dict[str, Any]) -> str | None:
    """Return why a message waits; one about several models waits only while all of them are held."""
    if row["facts"]["kind"] not in HELD:
        return None
    if row["facts"]["kind"] == "service":
        return reasons.of("", is_opening=False)
    found = []
    for number in listed(row):
        one = incidents.get(connection, number)
        why = reasons.of(one.model, is_opening=row["event"] in {"opened", REMINDER}) or reasons.silenced(one)
        found.append(why or _snoozed(connection, number, reasons.now_us))
    return found[0] if all(found) else None


def _at_night(config: Config, row: dict[str, Any], now: datetime) -> str | None:
    """Return why a message waits whose routes all wait for working hours; none waits that was tried, or counts others."""
    kinds = RECEIVED.get(row["facts"]["kind"], set())
    routes = [one for one in config.routes if one.recipient == row["recipient"] and kinds & set(one.receives)]
    if row["attempt"] or not routes or any(one.deliver == "now" for one in routes):
        return None
    opening = config.working_time.opening(now)
    return None if opening <= now else f"waits for working hours, until {config.working_time.local(opening)}"


def _snoozed(connection: Connection, number: int, now_us: int) -> str | None:
    until_us = incidents.snoozed_until_us(connection, number)
    return f"{SNOOZED} until {moment(until_us):%Y-%m-%d %H:%M} UTC" if until_us > now_us else None


def _needless(connection: Connection, row: dict[str, Any]) -> str | None:
    """Return why nobody needs this any more: what it opens is over, what it ends was never told, or another message tells it."""
    kind, over = row["facts"]["kind"], _over(row["suppressed_because"] or "")
    if kind == "service":
        return over if row["state"] == "held" and service_alerts.is_over(connection, row) else None
    if kind != "incident":
        return None
    others = groups.about(connection, row["facts"]["incident"], row["recipient"])
    before = [groups.telling(connection, one) for one in others if one["id"] < row["id"]]
    is_silent = row["event"] != "opened" and all(one["state"] == "suppressed" for one in before)
    if is_silent and (before or row["facts"].get("level", 1) > 1):
        return over if before else UNTOLD
    if not row["attempt"] and is_needless(connection, row, listed(row)):
        return IN_HAND
    waits = any(
        one["event"] in TOLD_BY.get(row["event"], ()) and groups.telling(connection, one)["state"] == "held"
        for one in others
    )
    if row["event"] in TOLD_BY and not row["attempt"] and (waits or _is_told_later(connection, row)):
        return AGAIN
    if row["state"] != "held" or any(incidents.get(connection, number).state != "closed" for number in listed(row)):
        return None
    return over if row["event"] != "closed" or not before else None


def _is_told_later(connection: Connection, row: dict[str, Any]) -> bool:
    """Say whether a newer message of the same kind waits."""
    same = (one for one in outbox.about(connection, row["subject"]) if one["id"] > row["id"])
    key = [row[name] for name in ("event", "channel", "recipient")]
    return any(
        one["state"] in {"queued", "held"} and [one["event"], one["channel"], one["recipient"]] == key for one in same
    )


def _over(held: str) -> str:
    if held.startswith(SILENCED):
        return f"over while {held}"
    return OVER if held.startswith(MAINTENANCE) else FEED_OVER if held.startswith(FEED) else TOO_LATE
