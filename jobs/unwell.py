"""The service will read how it does itself, and find what was bad for long enough to be told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.space import FULL, Usage, space
from jobs.tell import Alert
from jobs.timetable import JOBS, NAMED, Job
from monitor.config import Config
from monitor.hysteresis import QUIET, Course, Reading, after
from monitor.said import Said
from monitor.store import courses, feed, outbox, runs, service_alerts, slots
from monitor.window import microseconds

JUDGING = ("ingest", "summarise", "detect")  # without these nothing is known of any model
PERIODS = 3  # of a job that is wanted often, without a run that went well
STUCK_US, MOVES_US = 15 * 60_000_000, 60_000_000
STUCK = Said("messages wait longer than 15 minutes", "watch.stuck")
REFUSED, ACCEPTED, LEAST_REFUSED = 0.01, 0.005, 10
OVERDUE = {"standing.old_audit", "standing.wide", "standing.few_audited"}  # who never audited is not urged to


@dataclass(frozen=True)
class Sign:
    """
    Hold one reading of something, what to say of it while it is bad, and who is told.

    None: there is nothing to read just now; where there should be, `unread` says what cannot be read.
    """

    subject: str
    reading: Reading | None
    line: str
    to: str = "service"
    unread: str = ""


def unwell(
    connection: Connection,
    config: Config,
    now: datetime,
    found: Iterable[tuple[str, Any, dict[str, Any]]],
    usage: Usage,
) -> list[Alert]:
    """
    Take every reading once a minute and return what people are to be told of, or were told and not yet that it is over.

    `found` is how the models stand (`jobs.status.verdicts`). Where things stand is kept in the caller's transaction.
    """
    models = list(found)
    signs = [_late(connection, config, now), _stuck(connection, now), *_disk(config, usage),
             *_refused(connection, config, now), *_overdue(models)]  # fmt: skip
    known, standing = courses.all(connection), list[Alert]()
    for sign in signs:
        old = known.get(sign.subject, Course())
        new = old if sign.reading is None and not sign.unread else after(old, sign.reading, microseconds(now))
        if new != old and not (new.is_calm and old.is_calm):  # what was never bad needs no row
            courses.put(connection, sign.subject, new)
        standing += _alerts(sign, new, microseconds(now))
    return standing


def _alerts(sign: Sign, course: Course, now_us: int) -> Iterator[Alert]:
    """Yield what is bad; that it comes and goes, once, and of it nothing else meanwhile; that it cannot be read."""
    name = sign.subject.removeprefix("service:")
    if course.is_told or course.flapping_us:
        yield Alert(sign.subject, sign.line, course.since_us, ends=True, to=sign.to, flaps=bool(course.flapping_us))
    if course.flapping_us:
        line = Said(f"{name} comes and goes ({sign.line}): only the digest of the day tells of it until {QUIET} readings in a row agree",
                    "watch.flapping", what=name, how=sign.line, readings=QUIET)  # fmt: skip
        yield Alert(f"{service_alerts.FLAPPING}{name}", line, course.flapping_us, to=sign.to)
    if course.is_unread(now_us):
        line = Said(f"not to be read for 15 minutes: {sign.unread}", "watch.cannot_measure", what=sign.unread)
        yield Alert(f"{service_alerts.UNMEASURED}{name}", line, course.missing_us, ends=True)


def late(connection: Connection, config: Config, now: datetime) -> list[str] | None:
    """
    Return the jobs that read and judge, if they had no success for three periods; None while their lane is at work.

    Not one that never ran (it is new), nor one that failed in each of these periods (that is told by itself).
    """
    now_us = microseconds(now)
    newest = {row["job"]: row for row in runs.newest(connection)}
    for job in JOBS:
        row = newest.get(job.name, {"state": ""})
        if (
            job.lane == "fast"
            and row["state"] == "running"
            and now_us - row["started_us"] <= job.deadline_s * 1_000_000
        ):
            return None
    failing = {row["job"] for row in runs.failing(connection, PERIODS, now_us)}
    well = slots.last_ok(connection, now_us)
    return [name for name in JUDGING if name in newest and name not in failing
            and well.get(name, (0, 0))[0] < microseconds(_periods_ago(NAMED[name], config, now))]  # fmt: skip


def _periods_ago(job: Job, config: Config, now: datetime) -> datetime:
    slot = job.slot(config, now)
    for _ in range(PERIODS - 1):
        slot = job.slot(config, slot - timedelta(microseconds=1))
    return slot


def _late(connection: Connection, config: Config, now: datetime) -> Sign:
    names = late(connection, config, now)
    told = names or []
    line = Said(
        f"no run of {', '.join(told)} went well for {PERIODS} periods", "watch.late", jobs=told, periods=PERIODS
    )
    return Sign(service_alerts.UNHEALTHY, None if names is None else "bad" if names else "good", line)


def _stuck(connection: Connection, now: datetime) -> Sign:
    oldest = outbox.oldest_queued_us(connection)
    age_us = 0 if oldest is None else microseconds(now) - oldest
    reading: Reading = "bad" if age_us > STUCK_US else "between" if age_us > MOVES_US else "good"
    return Sign(service_alerts.OUTBOX, reading, STUCK)


def _disk(config: Config, usage: Usage) -> Iterator[Sign]:
    try:
        found = space(config, usage)
    except OSError as error:
        yield Sign("service:disk", None, "", unread=f"the free space under data_dir ({error.strerror or error})")
        yield Sign(service_alerts.PAUSED, None, "")
        return
    facts = {"free": found.share, "gib": found.gib}
    line = Said(f"{found.share:.0%} of the disk under data_dir is free ({found.gib:,.1f} GiB)", "watch.disk", **facts)
    yield Sign("service:disk", found.reading, line)
    text = f"nothing is read: {found.share:.0%} of the disk under data_dir is free; reading goes on by itself from {FULL:.0%} on, and nothing is lost while the logs stay"
    paused = Said(text, "watch.paused", free=found.share, full=FULL)
    yield Sign(service_alerts.PAUSED, "bad" if found.is_full else "good", paused)


def _refused(connection: Connection, config: Config, now: datetime) -> Iterator[Sign]:
    for name in config.sources:
        lines, refused, reason = feed.refused(connection, name, now)
        share = refused / max(lines, 1)
        is_bad = share > REFUSED and refused >= LEAST_REFUSED
        reading: Reading = "bad" if is_bad else "good" if share <= ACCEPTED else "between"
        line = Said(f"source {name}: {share:.1%} of the newest {lines:,} lines were refused, mostly {reason}",
                    "watch.refused", source=name, share=share, lines=lines, reason=reason)  # fmt: skip
        yield Sign(f"service:source:refusing:{name}", reading if lines else None, line)


def _overdue(models: Iterable[tuple[str, Any, dict[str, Any]]]) -> Iterator[Sign]:
    for name, _, extras in models:
        why = extras.get("accuracy")
        is_bad = isinstance(why, Said) and why.key in OVERDUE
        line = Said(f"{name}: {why or ''}", "watch.overdue", model=name, why=why or "")
        yield Sign(f"service:labels:{name}", "bad" if is_bad else "good", line, to="decisions")
