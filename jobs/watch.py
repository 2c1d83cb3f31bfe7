"""The service will say when Vigie itself, or the feed, needs somebody."""

from datetime import datetime

from sqlalchemy import Connection

from jobs.status import verdicts
from monitor.alerts import Message
from monitor.config import Config
from monitor.feed import condition
from monitor.sources.objects import is_remote
from monitor.store import outbox, runs
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.window import microseconds

FAILURES = 3
TOLD = ("SILENT", "LOSING", "REFUSING")
STUCK_US = 15 * 60 * 1_000_000
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000
KILLED = "ended without a word: killed, out of memory, or past its deadline"


def watch(store: Store, config: Config, now: datetime) -> str:
    """
    Tell once when a model or one of its sources fell silent, when lines are lost or refused in numbers, when a database or
    bucket that is a source is away, when a job failed three times in a row, or when a message waits longer than 15 minutes.

    Safe to run twice: a message is keyed by what it tells and the minute it began. Messages that wait are told once a day:
    the oldest of them is another one each time some get through.
    """
    silent = {name: (f"service:silent:{name}", told.sentence, extras["last_us"] or 0)
              for name, told, extras in verdicts(store, config, now) if told.status == "SILENT"}  # fmt: skip
    with store.write() as connection:
        failing = runs.failing(connection, FAILURES, microseconds(now))
        found = [(f"service:job:{one['job']}", one["line"] or KILLED, one["first_us"]) for one in failing]
        found += [*silent.values(), *_sources(connection, config, set(silent), now)]
        oldest = outbox.oldest_queued_us(connection)
        if oldest is not None and microseconds(now) - oldest > STUCK_US:
            found.append(("service:outbox", "messages wait longer than 15 minutes", oldest // DAY_US * DAY_US))
        new = 0
        for subject, line, since in found:
            facts = {"kind": "service", "what": subject, "line": line}
            new += outbox.queue(connection, [Message(subject, "opened", since // MINUTE_US, "mail", route.to, facts)
                                             for route in config.routes if "service" in route.receives], now)  # fmt: skip
    return f"{len(found)} things to tell, {new} new messages"


def _sources(connection: Connection, config: Config, silent: set[str], now: datetime) -> list[tuple[str, str, int]]:
    """Return subject, line and since when of the sources that need somebody; a silent model has told for its sources."""
    found = []
    for feed in feeds(connection, config.sources.values(), now):
        stands = condition(feed, microseconds(now), config.ingest.silent_after_expected)
        where = config.sources[feed.source]
        if stands.state == "UNREAD" and feed.read_us is not None and (where.table is not None or is_remote(where)):
            line = (
                f"source {feed.source}: {stands.sentence}; its table or objects cannot be read (vigie doctor says why)"
            )
            found.append((f"service:source:unread:{feed.source}", line, stands.since_us))
        if stands.state in TOLD and not (stands.state == "SILENT" and feed.model in silent):
            day_us = stands.since_us if stands.state == "SILENT" else stands.since_us // DAY_US * DAY_US
            found.append(
                (
                    f"service:source:{stands.state.lower()}:{feed.source}",
                    f"source {feed.source}: {stands.sentence}",
                    day_us,
                )
            )
    return found
