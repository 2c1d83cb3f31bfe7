"""The service will send each recipient a message that only says that it arrived."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from monitor.alerts import Message
from monitor.config import Config
from monitor.settings import Route
from monitor.store import outbox
from monitor.working_time import WEEK


def trial(connection: Connection, routes: Iterable[Route], sequence: int, now: datetime) -> int:
    """Queue a test message to each recipient of `routes`, once for each `sequence`; returns how many are new."""
    first = {(route.channel, route.recipient): route for route in reversed(tuple(routes))}
    messages = [Message(f"test:{to}", "test", sequence, channel, to, {"kind": "test", "language": route.language})
                for (channel, to), route in sorted(first.items())]  # fmt: skip
    return outbox.queue(connection, messages, now)


def weekly_trial(connection: Connection, config: Config, now: datetime) -> int:
    """
    Queue the test messages of this week, from when people work on `alerts.test_day` or next after it; nothing without such a day.

    Safe to run twice or late: a week is keyed by the date of its day. A recipient who is new is sent one at once.
    """
    if not config.alerts.test_day:
        return 0
    zone = ZoneInfo(config.working_hours.zone)
    today = now.astimezone(zone).date()
    day = today - timedelta(days=(today.weekday() - WEEK.index(config.alerts.test_day)) % 7)
    if now < config.working_time.opening(datetime.combine(day, time(), zone)):
        return 0
    return trial(connection, config.routes, day.toordinal(), now)
