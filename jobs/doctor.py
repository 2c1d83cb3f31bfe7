"""Say what is wrong with the installation, what it means, and what to do: the question behind `vigie doctor`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, Literal

from sqlalchemy import Connection

from monitor import __version__
from monitor.alerts import ONLY_MAIL, lacks_another_way
from monitor.config import Config
from monitor.detection.baseline import Baseline
from monitor.feed import condition
from monitor.settings import Source
from monitor.store import references, runs, standing, symptoms
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.window import hour_of, microseconds, moment, start_of

State = Literal["ok", "warn", "bad", "unknown"]
STATES: dict[str, State] = {"UNREAD": "bad", "SILENT": "bad", "LOSING": "bad", "REFUSING": "bad", "BEHIND": "warn",
                            "UNKNOWN": "unknown", "READING": "ok"}  # fmt: skip
REMEDIES = {
    "UNREAD": "vigie up keeps reading; vigie once ingest reads now and tells what is in the way",
    "SILENT": "look whether the API logs, and whether its files still match the glob",
    "LOSING": "keep more rotated files, or read more often: see `lost bytes` below",
    "REFUSING": "see the reasons below",
    "BEHIND": "wait for a pass; if it stays, read more often or give the service a faster disk",
    "UNKNOWN": "vigie reference pin, once two good weeks are read",
}
LOOK_BACK_DAYS, TICK_US = 7, 120_000_000
CHANGED = "have the service insert a row once its answer is final, or read a view of the final ones"
CONFLICT_SHARE, CLIPPED_SHARE, DOUBLE_SHARE = 0.001, 0.05, 0.5
COMPARED_ROWS, FEWEST_ROWS = 5_000, 50
EXPECTED_IN_A_GAP = 10.0  # an hour that owed so many has none by chance once in 20,000


@dataclass(frozen=True)
class Finding:
    """Hold one answer: about what, how it stands, what that means, and what to do."""

    what: str
    state: State
    means: str
    do: str = ""


def of_source(connection: Connection, config: Config, source: Source, now: datetime) -> list[Finding]:
    """Judge a source by what is stored of it."""
    name, since_us = source.name, microseconds(now - timedelta(days=LOOK_BACK_DAYS))
    (feed,) = feeds(connection, [source], now)
    how = condition(feed, microseconds(now), config.ingest.silent_after_expected)
    found = [Finding(f"{name}: feed", STATES[how.state], how.sentence, REMEDIES.get(how.state, ""))]
    counts = symptoms.counted(connection, name, since_us)
    found += _nothing_kept(name, counts)
    found += _lost(name, symptoms.losses(connection, name))
    found += _conflicts(source, counts)
    found += _clipped(name, symptoms.clipped(connection, name, since_us))
    found += _sequence_gaps(name, symptoms.sequences(connection, name, since_us), counts)
    return found


def of_ways(config: Config) -> list[Finding]:
    """Judge whether people can be told that mail is stuck."""
    if not lacks_another_way(config.routes, config.delivery):
        return []
    return [Finding("another way", "warn", ONLY_MAIL, "set delivery.fallback, or let a webhook receive service")]


def of_runners(connection: Connection, settings: str, now: datetime) -> list[Finding]:
    """Judge whether the schedulers that tick run this version with these settings (their SHA-256)."""
    alive = [one for one in runs.runners(connection) if microseconds(now) - one["tick_us"] <= TICK_US]
    found = []
    for one in alive:
        other = [what for what, is_same in ((f"version {one['version']}, not {__version__}", one["version"] == __version__),
                 ("settings that are no longer those of config.yaml", one["config_hash"] in {"", settings})) if not is_same]  # fmt: skip
        if other:
            means = f"the scheduler {one['runner']} runs {' and '.join(other)}"
            found.append(Finding("scheduler", "warn", means, "restart it: it read config.yaml when it began"))
    return found or [Finding("scheduler", "ok", f"{len(alive)} run this version and these settings")] * bool(alive)


def of_models(connection: Connection, config: Config, now: datetime) -> list[Finding]:
    """Judge what only several sources, or a model's reference, can tell."""
    found = []
    for name in config.models:
        found += _hours_missing(connection, name, now)
        sources = [one.name for one in config.sources.values() if one.model in {None, name} and one.gives != "service"]
        for pair in combinations(sources, 2):
            found += _read_twice(connection, pair, now)
    return found


def examine(store: Store, config: Config, now: datetime) -> list[Finding]:
    """Return everything the database tells, source by source."""
    with store.read() as connection:
        found = [one for source in config.sources.values() for one in of_source(connection, config, source, now)]
        return [*found, *of_models(connection, config, now)]


def worst(found: Iterable[Finding]) -> State:
    """
    Return the worst state of some findings.

    >>> worst([Finding("disk", "ok", ""), Finding("zone", "warn", "")])
    'warn'
    """
    order: tuple[State, ...] = ("ok", "unknown", "warn", "bad")
    return max((one.state for one in found), key=order.index, default="ok")


def _nothing_kept(name: str, counts: dict[str, int]) -> list[Finding]:
    lines = sum(counts[f"lines_{one}"] for one in ("read", "other", "rejected", "half"))
    if lines < FEWEST_ROWS or counts["lines_read"] or counts["lines_half"]:
        return []
    share = f"{counts['lines_other']:,} of {lines:,} lines are no predictions to this format"
    return [Finding(f"{name}: lines", "bad", f"nothing was read: {share}", "vigie init --logs GLOB tells which format reads them")]  # fmt: skip


def _lost(name: str, losses: Sequence[Any]) -> list[Finding]:
    if not losses:
        return []
    newest = losses[0]
    known = sum(one.bytes or 0 for one in losses)
    size = f"{known:,} bytes" if known else "an unknown number of bytes"
    means = f"{size} in {len(losses)} losses, newest {moment(newest.found_us):%Y-%m-%d %H:%M} UTC ({newest.why}, {newest.path_last})"
    return [Finding(f"{name}: lost bytes", "warn", means, "keep more rotated files than are written in three passes; put the first rotated name into the glob")]  # fmt: skip


def _conflicts(source: Source, counts: dict[str, int]) -> list[Finding]:
    records = counts["accepted"] + counts["duplicate"] + counts["conflicts"]
    if not records or counts["conflicts"] <= CONFLICT_SHARE * records:
        return []
    if source.table is not None:
        means = (
            f"{counts['conflicts'] / records:.1%} of rows were changed after they were read; what was read first stays"
        )
        return [Finding(f"{source.name}: identity", "warn", means, CHANGED)]
    means = f"{counts['conflicts'] / records:.1%} of records have a known id and another answer: callers make these ids, or they repeat"
    return [Finding(f"{source.name}: identity", "warn", means, f"sources.{source.name}.identity: by_position")]


def _clipped(name: str, counts: tuple[int, int]) -> list[Finding]:
    cut, scored = counts
    if not scored or cut <= CLIPPED_SHARE * scored:
        return []
    means = f"{cut / scored:.0%} of scores lie outside 0 to 1: that number is no probability (a logit, perhaps)"
    return [Finding(f"{name}: scores", "bad", means, "map another number as score, or define the score as max_prob or margin")]  # fmt: skip


def _sequence_gaps(name: str, files: Sequence[Any], counts: dict[str, int]) -> list[Finding]:
    """
    Tell calls that were counted by the API and never met; of a file with several counters nothing can be told.

    A file that goes on counting after another of its instance has ended belongs to the same counter, so that a file
    between the two that nobody read is missed too.
    """
    whole = [one for one in files if one.rows == one.known]
    missing = sum(one.last - one.first + 1 - one.known for one in whole)
    ended: list[Any] = []
    for one in whole:  # by time
        earlier = [before for before in ended if before.instance == one.instance and before.last < one.first and before.ended_us <= one.began_us]  # fmt: skip
        if earlier:
            nearest = max(earlier, key=lambda before: before.last)
            ended.remove(nearest)
            missing += one.first - nearest.last - 1
        ended.append(one)
    missing -= counts["lines_rejected"] + counts["rejected"] + counts["lines_other"]
    if missing <= 0:
        return []
    known = sum(one.known for one in whole)
    means = f"the API's own counter has {missing:,} numbers that no line carries ({missing / (missing + known):.1%} of its calls)"
    return [Finding(f"{name}: sequence", "warn", means, "the API dropped lines, or a file went before it was read: see `lost bytes`")]  # fmt: skip


def _hours_missing(connection: Connection, model: str, now: datetime) -> list[Finding]:
    pinned = references.active(connection, model)
    if pinned is None:
        return []
    baseline = Baseline.from_bytes(pinned.baseline)
    end = hour_of(now) - 1  # the last hour may still come
    first = max(end - 24 * LOOK_BACK_DAYS, baseline.end_hour)
    known = symptoms.by_hour(connection, model, first, end)
    if not known:
        return []
    empty = [
        hour for hour in range(min(known), end)
        if not known.get(hour) and standing.due(baseline, hour, hour + 1) >= EXPECTED_IN_A_GAP
    ]  # fmt: skip
    if not empty:
        return [Finding(f"{model}: hours", "ok", f"no hour of the last {LOOK_BACK_DAYS} days is missing")]
    newest = ", ".join(f"{start_of(hour):%a %d %b %H:00}" for hour in empty[-3:])
    means = f"{len(empty)} hours of the last {LOOK_BACK_DAYS} days have no row though some were to be expected, newest {newest} UTC"
    return [Finding(f"{model}: hours", "warn", means, "ask whether the API ran then; a file that still exists is read by vigie once ingest")]  # fmt: skip


def _read_twice(connection: Connection, pair: tuple[str, str], now: datetime) -> list[Finding]:
    since, until = microseconds(now - timedelta(days=LOOK_BACK_DAYS)), microseconds(now)
    one = symptoms.answers(connection, pair[0], (since, until), COMPARED_ROWS)
    if len(set(one)) < FEWEST_ROWS:
        return []
    span = (one[-1][0] * 1_000_000, (one[0][0] + 1) * 1_000_000 - 1)
    other = symptoms.answers(connection, pair[1], span, 4 * COMPARED_ROWS)
    if len(set(other)) < FEWEST_ROWS:
        return []
    share = len(set(one) & set(other)) / min(len(set(one)), len(set(other)))
    if share <= DOUBLE_SHARE:
        return []
    means = f"{share:.0%} of their answers have the same second and text: the same calls are read twice"
    return [Finding(f"{pair[0]} and {pair[1]}", "bad", means, "take one of the two sources out, or leave its copies out of the glob")]  # fmt: skip
