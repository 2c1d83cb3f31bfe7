"""The service will say when Vigie itself, or the feed, needs somebody, and when that is over."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.facts import facts
from jobs.space import Usage
from jobs.status import verdicts
from jobs.tell import Alert, tell
from jobs.unwell import late, unwell
from monitor.alerts import Message
from monitor.config import Config
from monitor.feed import condition
from monitor.group import LEAST
from monitor.said import Said
from monitor.sources.objects import is_remote
from monitor.store import groups, outbox, runs, service_alerts
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.window import microseconds

FAILURES, JOB = 3, "service:job:"
TOLD = ("SILENT", "LOSING")  # what is refused, `jobs/unwell.py` tells
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000
KILLED = Said("ended without a word: killed, out of memory, or past its deadline", "watch.killed")


def watch(store: Store, config: Config, now: datetime, usage: Usage = shutil.disk_usage) -> str:
    """
    Tell once when a model or one of its sources fell silent, when lines are lost, when a database or bucket that is a source
    is away, when a job failed three times in a row or once at its deadline, and what `jobs/unwell.py` finds; most of it again when it is over.

    What is wrong at one place is one message: silent models that share a source or a name of `shares`, and all that is
    silent while reading fails. Safe to run twice: a message is keyed by what it tells and the minute it began. `usage` measures a disk.
    """
    models = verdicts(store, config, now)
    quiet = [Alert(service_alerts.silent(name), told.sentence, extras["last_us"] or 0, ends=True, models=(name,))
             for name, told, extras in models if told.status == "SILENT"]  # fmt: skip
    with store.write() as connection:
        standing = service_alerts.standing(connection)
        ill = [*_jobs(connection, standing, now), *unwell(connection, config, now, models, usage)]
        found = [*_found(connection, config, quiet, ill, now), *facts(connection, config, now)]
        new = sum(_begin(connection, config, standing, one, now) for one in found)
        known = {one.subject for alert in found for one in (alert, *alert.covers)}
        over = [row for subject, row in standing.items() if subject not in known]
        new += sum(_end(connection, row, [one.models[0] for one in quiet], now) for row in over)
    return f"{len(found)} things to tell, {new} new messages"


def _jobs(connection: Connection, standing: Iterable[str], now: datetime) -> list[Alert]:
    """Return the jobs that failed three times in a row or once at their deadline, until one run goes well."""
    told = [subject.removeprefix(JOB) for subject in standing if subject.startswith(JOB)]
    failing = runs.failing(connection, FAILURES, microseconds(now), told)
    return [Alert(f"{JOB}{one['job']}", one["line"] or KILLED, one["first_us"], ends=True) for one in failing]


def _found(connection: Connection, config: Config, quiet: list[Alert], ill: list[Alert], now: datetime) -> list[Alert]:
    """Return what there is to tell: what is `ill`, then feeds, then what is silent for no reason told by these."""
    jobs = list(ill)
    sources = _sources(connection, config, {name for one in quiet for name in one.models}, now)
    found = [*_shared(config, quiet), *sources]
    unread = {service_alerts.INGEST, service_alerts.PAUSED}
    if "ingest" in (late(connection, config, now) or ()):
        unread.add(service_alerts.UNHEALTHY)
    reading = next((one for one in jobs if one.subject in unread), None)
    if reading is not None:  # whatever seems silent meanwhile may only be unread
        silent = tuple(inner for one in found if one.ends for inner in (one, *one.covers))
        jobs[jobs.index(reading)] = replace(reading, covers=silent, models=tuple(config.models))
        found = [one for one in found if not one.ends]
    return [*jobs, *found]


def _shared(config: Config, quiet: list[Alert]) -> list[Alert]:
    """Put silent models that one source feeds, or that share a name, into one alert: three of them, or all there are."""
    left, found = list(quiet), []
    feeding = {source.name: set(config.models) for source in config.sources.values() if source.model is None}
    tags = sorted({tag for model in config.models.values() for tag in model.shares})
    named = {tag: {name for name, model in config.models.items() if tag in model.shares} for tag in tags}
    for place, models in [*feeding.items(), *((tag, some) for tag, some in named.items() if tag not in feeding)]:
        some = [one for one in left if one.models[0] in models]
        if len(some) >= LEAST or (len(some) > 1 and len(some) == len(models)):
            left = [one for one in left if one not in some]
            what = "are fed by" if place in feeding else "share"
            line = Said(f"{len(some)} of the {len(models)} models that {what} {place} are silent: {some[0].line}",
                        "watch.fed_by" if place in feeding else "watch.sharing", count=len(some), all=len(models), place=place,
                        first=some[0].line)  # fmt: skip
            found.append(Alert(service_alerts.shared(place), line, max(one.since_us for one in some), ends=True,
                               covers=tuple(some), models=tuple(one.models[0] for one in some)))  # fmt: skip
    return [*found, *left]


def _begin(connection: Connection, config: Config, standing: dict[str, Any], one: Alert, now: datetime) -> int:
    """Queue the messages of an alert, unless it was told, and let what it explains be part of them; returns how many are new."""
    if one.flaps and one.subject not in standing:
        return 0
    sequence = one.since_us // MINUTE_US
    if (one.covers or one.flaps) and one.subject in standing:  # it was told, whatever became of its models since
        sequence = standing[one.subject]["sequence"]
    new = tell(connection, config, one, sequence, now)
    told = service_alerts.messages(connection, one.subject, "opened", sequence)
    for inner in one.covers:
        if tell(connection, config, inner, inner.since_us // MINUTE_US, now):
            _merge(connection, inner.subject, "opened", inner.since_us // MINUTE_US, told)
    return new


def _merge(connection: Connection, subject: str, event: str, sequence: int, told: dict[str, Any]) -> None:
    """Let each recipient's message about this be part of the one it is explained by; nothing for who was told of none."""
    for recipient, row in service_alerts.messages(connection, subject, event, sequence).items():
        if recipient in told:
            into = told[recipient]
            groups.merge(connection, [row["id"]], into["id"], f"in message {into['id']}: {into['subject']}")


def _end(connection: Connection, row: dict[str, Any], quiet: Iterable[str], now: datetime) -> int:
    """Queue that an alert is over, to whom it was told; what was part of another message ends without one."""
    subject, sequence = row["subject"], row["sequence"]
    still = sorted(set(quiet) & set(row["facts"]["models"]))
    said = {"kind": "service", "what": subject, "line": row["facts"]["line"], "over": True, "still": still}
    said |= {"said": row["facts"]["said"]} if "said" in row["facts"] else {}
    begun = service_alerts.messages(connection, subject, "opened", sequence)
    new = outbox.queue(
        connection,
        [
            Message(
                subject,
                "closed",
                sequence,
                one["channel"],
                to,
                {**said, "language": one["facts"].get("language", "en")},
            )
            for to, one in begun.items()
        ],
        now,
    )
    parts = {to: groups.telling(connection, one) for to, one in begun.items() if one["state"] == "merged"}
    _merge(connection, subject, "closed", sequence, parts)
    return new - len(parts)


def _sources(connection: Connection, config: Config, silent: set[str], now: datetime) -> list[Alert]:
    """Return what is wrong with sources that need somebody; a silent model has told for its sources."""
    found = []
    for feed in feeds(connection, config.sources.values(), now):
        stands = condition(feed, microseconds(now), config.ingest.silent_after_expected)
        where = config.sources[feed.source]
        if stands.state == "UNREAD" and feed.read_us is not None and (where.table is not None or is_remote(where)):
            text = (
                f"source {feed.source}: {stands.sentence}; its table or objects cannot be read (vigie doctor says why)"
            )
            line = Said(text, "watch.source_unread", source=feed.source, how=stands.sentence)
            found.append(Alert(f"service:source:unread:{feed.source}", line, stands.since_us, ends=True))
        if stands.state in TOLD and not (stands.state == "SILENT" and feed.model in silent):
            is_silent = stands.state == "SILENT"
            since_us = stands.since_us if is_silent else stands.since_us // DAY_US * DAY_US
            subject = f"service:source:{stands.state.lower()}:{feed.source}"
            line = Said(
                f"source {feed.source}: {stands.sentence}", "watch.source", source=feed.source, how=stands.sentence
            )
            found.append(Alert(subject, line, since_us, ends=is_silent))
    return found
