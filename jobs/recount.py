"""The service will tell once a day what the last one brought, if there is something."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jobs.alive import last_runs
from jobs.status import verdicts
from jobs.timetable import digest_slot
from monitor.alerts import Message
from monitor.config import Config
from monitor.feed import condition
from monitor.report.daily_mail import Day, Pulse
from monitor.store import courses, incidents, outbox, plans, runs
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.window import microseconds

AWAY = ("UNREAD", "SILENT", "LOSING", "REFUSING")
DAY_US = 86_400_000_000


def recount(store: Store, config: Config, now: datetime) -> str:
    """
    Queue the digest of the day up to the newest slot, to each recipient once; none where there is nothing to tell.

    Safe to run twice: a message is keyed by the local day. A day whose slot passed unseen is not made up for.
    """
    to = [route for route in config.routes if "digest" in route.receives]
    slot = digest_slot(config, now)
    span = microseconds(digest_slot(config, slot - timedelta(minutes=1))), microseconds(slot)
    if not to or not happened(store, config, span, now).is_something:
        return "0 digests"
    day = slot.astimezone(ZoneInfo(config.working_hours.zone)).date().toordinal()
    facts = {"kind": "daily", "first_us": span[0], "end_us": span[1]}
    with store.write() as connection:
        new = outbox.queue(connection, [Message("daily", "daily", day, "mail", route.to, {**facts, "language": route.language})
                                        for route in to], now)  # fmt: skip
    return f"{new} digests"


def happened(store: Store, config: Config, span: tuple[int, int], now: datetime) -> Day:
    """Gather what the time between two moments (microseconds since 1970) brought, and how everything stands now."""
    first, end = span
    standing = tuple((model, told) for model, told, _ in verdicts(store, config, now))
    with store.read() as connection:
        told = [(one.source, condition(one, microseconds(now), config.ingest.silent_after_expected))
                for one in feeds(connection, config.sources.values(), now)]  # fmt: skip
        flapping = sorted((subject.removeprefix("service:"), one.flapping_us) for subject, one in courses.all(connection).items()
                          if one.flapping_us and one.read_us >= end - DAY_US)  # fmt: skip
        return Day(
            span, standing, tuple(incidents.changed(connection, "opened", first, end)), tuple(incidents.changed(connection, "closed", first, end)),
            outbox.kept_back(connection, first, end), tuple((source, one.sentence) for source, one in told if one.state in AWAY),
            tuple((str(one["job"]), str(one["line"] or "")) for one in runs.failing(connection, 1, microseconds(now))),
            tuple(one for one in plans.of_model(connection) if one.removed_us is None
                  and one.from_us < end + DAY_US and (one.to_us or one.from_us) >= end),
            tuple(flapping),
            Pulse(runs.last_tick_us(connection), tuple(last_runs(connection, config, now)), outbox.oldest_queued_us(connection)),
        )  # fmt: skip
