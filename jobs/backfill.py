"""The service will count log files of the past by the hour, here or on a cluster, and keep the counts alone."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from jobs.backfill_files import File, Files
from jobs.ingest import door_of
from jobs.reading import GIB, MIB
from monitor.config import Config
from monitor.engines.days import Counted, Read
from monitor.errors import ConfigError, NoData
from monitor.profiles.profile import Key, Profile
from monitor.settings import Source
from monitor.sources.archives import Limits
from monitor.sources.files import Seen, instance_of, scan
from monitor.sources.identity import digest
from monitor.sources.lines import Reading
from monitor.store import arrivals, backfills
from monitor.store.backfills import Filled
from monitor.store.store import Store
from monitor.window import hour_of, microseconds

Count = Callable[[Sequence[Sequence[File]], Read], Counted]  # monitor.engines.days.count, or Spark's


def backfill(
    store: Store, config: Config, now: datetime, name: str, *, folders: Sequence[str], count: Count, is_rehearsal: bool = False
) -> dict[str, Any]:  # fmt: skip
    """
    Count the files below `folders` by the hour as source `name` reads lines, and store the profiles of hours nobody read.

    Safe to run twice: an hour that was backfilled from this source is replaced by what is counted now, an hour of which
    the service read a line itself is left alone. Raises ConfigError for a source without log lines, NoData without files.
    """
    source = _source(config, name)
    tasks = tasks_of(source, folders)
    found = count(tasks, files_of(config, source, now))
    oldest = (hour_of(now) // 24 - config.privacy.profile_days) * 24
    kept = {key: one for key, one in found.profiles.items() if key.hour >= oldest}
    filled = Filled()
    if not is_rehearsal:
        with store.write() as connection:
            arrivals.know_source(connection, name, source.format)
            for model, some in _by_model(kept):
                filled += backfills.fill(connection, name, model, some)
    hours = {(key.model, key.hour) for key in found.profiles}
    return {
        "source": name, "hours": len(hours), "written": filled.written, "same": filled.same, "left_alone": filled.left,
        "fewer": filled.fewer, "too_old": len(hours - {(key.model, key.hour) for key in kept}),
        "counts": found.ledger.counts, "examples": found.ledger.examples, "unread": list(found.ledger.unread),
    }  # fmt: skip


def told(found: dict[str, Any]) -> list[str]:
    """Say in lines what a backfill did, and what was not counted and why."""
    counts = found["counts"]
    lines = sum(count for what, count in counts.items() if what.startswith("lines "))
    told = [
        f"{found['source']}: {counts.get('files', 0):,} files, {lines:,} lines, {counts.get('rows', 0):,} records counted, {counts.get('duplicate', 0):,} duplicate, {counts.get('lines other', 0):,} other lines",
        f"{found['hours']:,} hours: {found['written']:,} written, {found['same']:,} as before, {found['left_alone']:,} left alone (the service reads them itself), {found['too_old']:,} older than profile_days",
    ]
    if found["fewer"]:
        told.append(
            f"{found['fewer']:,} hours hold fewer predictions than before: name all folders of a source in one backfill"
        )
    for what, count in counts.items():
        if what.startswith("reject "):
            reason = what.removeprefix("reject ")
            example = found["examples"].get(reason)
            told.append(f"rejected, {reason}: {count:,}" + (f" ({example})" if example else ""))
    return told + [f"not read: {one}" for one in found["unread"]]


def _source(config: Config, name: str) -> Source:
    source = config.sources.get(name)
    if source is None:
        there = ", ".join(config.sources) or "none"
        raise ConfigError(f"no source {name}; there are: {there}", where=str(config.path))
    if source.table is not None or source.format == "table":
        raise ConfigError(f"source {name} has rows, not log lines", where=str(config.path), remedy="vigie once ingest")
    return source


def tasks_of(source: Source, folders: Sequence[str]) -> list[list[File]]:
    """
    Return the files below folders (or of globs), the oldest change first, in tasks that can be read apart.

    A task is a file; where a call is two lines, all files of an instance, so that its halves meet. Raises NoData for a
    folder without files.
    """
    found: dict[str, Seen] = {}
    for folder in folders:
        glob = os.path.join(folder, "**", "*") if os.path.isdir(folder) else folder
        here = scan(source.model_copy(update={"files": os.path.abspath(glob)}))
        if not here:
            raise NoData(f"no file at {folder}", remedy="name a folder, or a glob in quotes")
        found |= {one.path: one for one in here}
    ordered = sorted(found.values(), key=lambda one: (one.packed, one.modified_us, one.path))
    files = [File(number, one.path) for number, one in enumerate(ordered)]
    if source.join is None:
        return [[file] for file in files]
    by_instance = sorted(files, key=lambda file: (instance_of(source, file.path), file.number))
    return [list(some) for _, some in groupby(by_instance, lambda file: instance_of(source, file.path))]


def files_of(config: Config, source: Source, now: datetime) -> Files:
    """
    Return what reads files of a source wherever it is sent, without the store's key.

    A key derived from it stands in its place: it tells ids and texts apart as well, and on a cluster nobody learns from
    it what the store's hashes hide.
    """
    ingest = config.ingest
    key = digest(config.secret, b"backfill")
    door = replace(door_of(config), secret=key, seal=None)
    latest_us = microseconds(now + timedelta(minutes=ingest.future_minutes))
    return Files(
        Reading(source, b"", 0, latest_us, int(ingest.line_mib * MIB)), door,
        Limits(int(ingest.archive_gib * GIB), ingest.archive_ratio), int(ingest.batch_mib * MIB),
        microseconds(now) - ingest.finish_minutes * 60e6,
    )  # fmt: skip


def _by_model(profiles: dict[Key, Profile]) -> list[tuple[str, dict[Key, Profile]]]:
    ordered = sorted(profiles.items())
    return [(model, dict(some)) for model, some in groupby(ordered, lambda one: one[0].model)]
