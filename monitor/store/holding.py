"""Say what holds the messages about an incident back now: who wanted it so, until when, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from monitor.detection.incident import Incident
from monitor.detection.renewal import kin_of
from monitor.store import groups, incidents, plans, service_alerts, silences
from monitor.window import microseconds, moment


@dataclass(frozen=True)
class Holding:
    """Hold one thing that keeps messages back, by whom, until when (microseconds since 1970; None: until it is over) and why."""

    what: str
    who: str
    until_us: int | None
    why: str

    @property
    def sentence(self) -> str:
        """
        Say it on one line.

        >>> Holding("silence 3", "alice", 0, "known").sentence, Holding("inhibition", "service:disk", None, "full").sentence
        ('silence 3 by alice until 1970-01-01 00:00 UTC: known', 'inhibition by service:disk until that is over: full')
        """
        until = "that is over" if self.until_us is None else f"{moment(self.until_us):%Y-%m-%d %H:%M} UTC"
        return f"{self.what} by {self.who} until {until}" + (f": {self.why}" if self.why else "")


def holding(connection: Connection, one: Incident, sources: Iterable[str], now: datetime) -> list[Holding]:
    """
    Return what holds messages about an incident at this moment; `sources` are the names of what feeds its model.

    What a missing feed or Vigie itself holds is what would open the incident or remind of it; the end of one is held by
    maintenance alone.
    """
    now_us = microseconds(now)
    found = [Holding("maintenance", plan.author, plan.to_us, plan.note) for plan in plans.of_model(connection)
             if plan.holds(one.model, now_us)]  # fmt: skip
    if one.state == "closed":
        return found
    standing = service_alerts.standing(connection)
    if (alert := service_alerts.explaining(standing, one.model, sources)) is not None:
        found.append(Holding("inhibition", alert, None, standing[alert]["facts"]["line"]))
    kind = kin_of(one.causes[0].metric) if one.causes else ""
    found += [Holding(f"silence {silence.id}", silence.author, silence.to_us, silence.reason)
              for silence in silences.on(connection, now) if silence.matches(one.model, kind)]  # fmt: skip
    return [*found, *_snoozed(connection, one, now_us)]


def waiting(connection: Connection, number: int) -> list[str]:
    """Return, for each message about an incident that is held now, to whom it is and why it was held when that was last looked at."""
    rows = groups.about(connection, number)
    return [f"{row['recipient']}: {row['suppressed_because']}" for row in rows if row["state"] == "held"]


def _snoozed(connection: Connection, one: Incident, now_us: int) -> Iterator[Holding]:
    until_us = incidents.snoozed_until_us(connection, one.id)
    if until_us > now_us:
        asked = [change for change in incidents.history(connection, one.id) if change.change == "snoozed"]
        yield Holding("snooze", asked[-1].actor, until_us, asked[-1].reason)
