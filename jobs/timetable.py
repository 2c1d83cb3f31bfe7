"""Say which jobs there are, when each looks for work, and how long it may take."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Literal
from zoneinfo import ZoneInfo

from monitor.config import Config
from monitor.store.store import Store
from monitor.window import EPOCH

Verb = Callable[[Store, Config, datetime], str]
WAITS_S = (300.0, 1200.0, 3600.0)  # before a run of a daily job that failed is tried again


@dataclass(frozen=True)
class Job:
    """
    Name a job, its lane (one child at a time in each) and its deadline; `slot` gives the newest slot up to `now`.

    The slot comes from config.yaml and the time alone, never from the last run: so all runners mean the same one.
    """

    name: str
    lane: Literal["fast", "talk", "slow"]
    deadline_s: float
    slot: Callable[[Config, datetime], datetime]
    is_daily: bool = False

    def verb(self) -> Verb:
        """Import the function that does the work; the module is named like the job."""
        return getattr(import_module(f"jobs.{self.name}"), self.name)  # type: ignore[no-any-return]


def wait_s(job: Job, state: str, attempt: int, waits_s: tuple[float, ...] = WAITS_S) -> float | None:
    """
    Return the seconds after the end of a slot's latest attempt before it is tried again; None: it is not.

    A run that was cut off is tried again at once, the next times after longer waits, for it may be what kills it. One that
    failed by itself, or at its deadline, is tried again only where the next slot is a day away.

    >>> shadow, detect = NAMED["shadow"], NAMED["detect"]
    >>> [wait_s(shadow, "failed", attempt) for attempt in (1, 2, 3, 4)], wait_s(detect, "failed", 1)
    ([300.0, 1200.0, 3600.0, None], None)
    >>> [wait_s(detect, "abandoned", attempt) for attempt in (1, 2, 3, 4, 5)]
    [0.0, 300.0, 1200.0, 3600.0, 3600.0]
    """
    if state == "abandoned":
        return (0.0, *waits_s)[min(attempt, len(waits_s) + 1) - 1]
    return waits_s[attempt - 1] if job.is_daily and attempt <= len(waits_s) else None


def every(seconds: int, now: datetime) -> datetime:
    """
    Return the newest multiple of `seconds` since 1970 that is not after `now`.

    >>> every(60, EPOCH + timedelta(seconds=119)) - EPOCH
    datetime.timedelta(seconds=60)
    """
    step = timedelta(seconds=seconds)
    return EPOCH + (now - EPOCH) // step * step


def hourly(minute: int, now: datetime) -> datetime:
    """
    Return the newest moment at `minute` past an hour that is not after `now`.

    >>> hourly(12, EPOCH + timedelta(minutes=71)) - EPOCH
    datetime.timedelta(seconds=720)
    """
    return every(3600, now - timedelta(minutes=minute)) + timedelta(minutes=minute)


def daily(hour: int, minute: int, zone: str, now: datetime) -> datetime:
    """
    Return the newest local `hour:minute` in `zone` that is not after `now`, as a UTC moment.

    A time inside the spring gap moves on by the gap; of an ambiguous time the first counts (PEP 495, fold=0).

    >>> daily(6, 40, "Europe/Paris", EPOCH + timedelta(days=1)).isoformat()
    '1970-01-01T05:40:00+00:00'
    """
    local = now.astimezone(ZoneInfo(zone))
    for back in range(3):
        day = local.date() - timedelta(days=back)
        slot = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(EPOCH.tzinfo)
        if slot <= now:
            return slot
    raise AssertionError("three days hold at least one slot")


def _often(name: str) -> Callable[[Config, datetime], datetime]:
    return lambda config, now: every(getattr(config.schedule, name), now)


def _hourly(offset: int) -> Callable[[Config, datetime], datetime]:
    return lambda config, now: hourly((config.schedule.detect_minute + offset) % 60, now)


def _daily(name: str, minute: int) -> Callable[[Config, datetime], datetime]:
    return lambda config, now: daily(getattr(config.schedule, name), minute, config.working_hours.zone, now)


def digest_slot(config: Config, now: datetime) -> datetime:
    """Return the newest moment at which the daily digest was due."""
    hour, minute = config.schedule.digest.split(":")
    return daily(int(hour), int(minute), config.working_hours.zone, now)


JOBS: tuple[Job, ...] = (  # in the order of one pass
    Job("ingest", "fast", 600, _often("ingest_seconds")),
    Job("summarise", "fast", 900, _hourly(-1)),
    Job("labels", "fast", 600, _hourly(2)),
    Job("act", "talk", 120, _often("notify_seconds")),
    Job("detect", "fast", 900, _hourly(0)),
    Job("shadow", "slow", 5 * 3600, _daily("shadow_hour", 0), is_daily=True),
    Job("estimate", "slow", 1800, _daily("decide_hour", 10), is_daily=True),
    Job("decide", "slow", 1800, _daily("decide_hour", 40), is_daily=True),
    Job("trigger", "slow", 3600, _often("notify_seconds")),
    Job("describe", "slow", 1800, _often("notify_seconds")),
    Job("backtest", "slow", 3600, _often("notify_seconds")),
    Job("write", "slow", 900, _often("notify_seconds")),
    Job("report", "slow", 900, _daily("report_hour", 15), is_daily=True),
    Job("quarter", "slow", 900, _daily("report_hour", 30), is_daily=True),
    Job("recount", "talk", 120, digest_slot, is_daily=True),
    Job("rebuild", "slow", 7200, _daily("shadow_hour", 30), is_daily=True),
    Job("prune", "slow", 3600, _daily("shadow_hour", 45), is_daily=True),
    Job("watch", "talk", 120, _often("notify_seconds")),
    Job("notify", "talk", 900, _often("notify_seconds")),
)
NAMED: dict[str, Job] = {job.name: job for job in JOBS}
