"""The service will find what has happened and cannot end by itself: messages that are dead, false alarms beyond the usual."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.tell import Alert
from monitor.config import Config
from monitor.said import Said
from monitor.store import incidents, outbox, service_alerts
from monitor.window import hour_of, microseconds

DAY_US = 86_400_000_000
FALSE_ALARMS = 2  # in a quarter, of one model


def facts(connection: Connection, config: Config, now: datetime) -> Iterator[Alert]:
    """Yield what is to be told once: each day on which messages died, each quarter in which a model cried wolf twice."""
    yield from _dead(connection, now)
    yield from _spent(connection, config, now)


def _dead(connection: Connection, now: datetime) -> Iterator[Alert]:
    dead = outbox.dead(connection, microseconds(now - timedelta(days=1)))
    if dead:
        newest = dead[-1]
        text = f"{len(dead)} messages of a day are dead, the newest to {newest['recipient']}: vigie outbox list says why, vigie outbox retry {newest['id']} sends one again"
        line = Said(text, "watch.dead", count=len(dead), to=newest["recipient"], number=newest["id"])
        yield Alert(service_alerts.DEAD, line, newest["retry_us"] // DAY_US * DAY_US)


def _spent(connection: Connection, config: Config, now: datetime) -> Iterator[Alert]:
    """Yield, once a quarter, the models of which so many incidents were closed as false alarms in it."""
    begin = now.replace(month=(now.month - 1) // 3 * 3 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    for name in config.models:
        false = [one for one in incidents.all(connection, name, ("closed",))
                 if one.closed_as == "false_alarm" and (one.closed_hour or 0) >= hour_of(begin)]  # fmt: skip
        if len(false) >= FALSE_ALARMS:
            text = f"{name}: {len(false)} incidents of this quarter were closed as false alarms; look at its tolerances (vigie backtest)"
            line = Said(text, "watch.spent", model=name, count=len(false))
            yield Alert(f"service:budget:{name}", line, microseconds(begin), to="decisions")
