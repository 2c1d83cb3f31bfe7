"""The service will say whether Vigie does its work, to somebody outside who notices when nothing is said."""

import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from jobs.timetable import JOBS, Job
from monitor.config import Config
from monitor.errors import StoreError
from monitor.report.daily_mail import LastRun
from monitor.store import outbox, schema, slots
from monitor.store.store import Store
from monitor.window import microseconds, moment

log = logging.getLogger("vigie")
STUCK_US = 15 * 60 * 1_000_000
PING_SECONDS = 10.0


def grace(job: Job) -> timedelta:
    """
    Return how long a slot may wait for the lane and then take: the longest deadline of its lane, and its own.

    >>> from jobs.timetable import NAMED
    >>> str(grace(NAMED["ingest"])), str(grace(NAMED["prune"]))
    ('0:25:00', '6:00:00')
    """
    return timedelta(seconds=job.deadline_s + max(one.deadline_s for one in JOBS if one.lane == job.lane))


def last_runs(connection: Connection, config: Config, now: datetime) -> list[LastRun]:
    """Return how each job stands: late when its newest slot that went well lies more than a period and its grace back."""
    well = slots.last_ok(connection, microseconds(now))
    return [LastRun(job.name, well.get(job.name, (None, 0))[0], microseconds(job.slot(config, now - grace(job))))
            for job in JOBS]  # fmt: skip


def late(connection: Connection, config: Config, now: datetime) -> list[str]:
    """Return a sentence for each job that is late."""
    found = []
    for one in last_runs(connection, config, now):
        if one.is_late:
            last = "never" if one.well_us is None else f"last at {moment(one.well_us):%a %d %b %H:%M} UTC"
            found.append(
                f"{one.job} is late: it went well {last}, and was due at {moment(one.due_us):%a %d %b %H:%M} UTC"
            )
    return found


def waiting(connection: Connection, now: datetime) -> list[str]:
    """Return a sentence when a message waits longer than 15 minutes."""
    oldest = outbox.oldest_queued_us(connection)
    if oldest is None or microseconds(now) - oldest <= STUCK_US:
        return []
    return [f"a message waits since {moment(oldest):%a %d %b %H:%M} UTC (vigie outbox list)"]


def troubles(store: Store, config: Config, now: datetime) -> list[str]:
    """Return what is wrong with Vigie itself by its own database; empty when all is well."""
    try:
        schema.require(store)
        with store.read() as connection:
            return [*late(connection, config, now), *waiting(connection, now)]
    except StoreError as error:
        return [str(error)]


def tell(config: Config) -> None:
    """
    Say outside that all is well: call `health.alive_url`, touch `health.alive_file`, whichever is set.

    The call has a thread of its own: a name server or a host that does not answer holds nothing up.
    """
    if config.health.alive_file is not None:
        _touch(config.health.alive_file)
    if config.health.alive_url:
        threading.Thread(target=ping, args=(config.health.alive_url,), name="alive", daemon=True).start()


def ping(url: str, open_url: Callable[..., object] = urllib.request.urlopen) -> None:
    """Call `url` once, 10 s at most; a call that fails is logged, for who misses it is told by the other side."""
    try:
        answer = open_url(url, timeout=PING_SECONDS)
    except (OSError, urllib.error.URLError, ValueError) as error:
        log.warning("alive_url did not answer: %s", error)
        return
    answer.close()  # type: ignore[attr-defined]


def _touch(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        log.warning("alive_file cannot be touched: %s", error)
