"""
Watch real services on which nothing was changed: the latency of cloud machines over a year, and texts under real loads.

A latency is the average of one run of a database benchmark, in the order of its own time; three machines of a kind in a region
are one model with some 17 to 50 records a day, so that only the scale of days can judge. A load is the rate of each client in
windows of ten minutes over 14 days; these are played over and over (so nothing in them may alarm), scaled to a number of
records a day, each hour and client drawn anew around its rate, with texts drawn at random from a corpus.
"""

import csv
import gzip
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detection.corpus import Pool, file_of
from benchmarks.detection.stream import Drawn, counted
from benchmarks.detection.telling import Case, Tell, told
from benchmarks.detection.traffic import CALLERS, MONDAY
from monitor.detection.fitting import fit
from monitor.detection.power import Change, hours_until
from monitor.profiles.profile import Profile, by_hour, mark_repeats
from monitor.settings import Detection
from monitor.window import Window

REFERENCE_WEEKS, LIVE_WEEKS = 6, 13
WEEK, FORTNIGHT = 168, 336
HOURS_PER_DAY = 24
FAST_ENDS = (
    date(2024, 6, 3) - date(1970, 1, 1)
).days * 24  # the week from which on no burstable machine was fast any more
SERVICES = {
    "eastus/D8s_v5": "steady",
    "westus2/D8s_v5": "steady",
    "eastus/B8ms": "burstable",
    "westus2/B8ms": "burstable",
}
LATENCY = {"latency", "slow"}


@dataclass(frozen=True)
class Stretch:
    """Hold six weeks of reference and up to 13 weeks after them of one service."""

    service: str
    case: Case

    @property
    def quarters(self) -> float:
        """Return how many quarters of 13 weeks were judged."""
        return (self.case.end - self.case.window.end) / (LIVE_WEEKS * WEEK)


def latencies() -> dict[str, pl.DataFrame]:
    """Read the runs of each region and kind of machine: time, latency_ms, caller (the machine)."""
    with gzip.open(file_of("azure_vm_latency_2023_2024", "pg_rw_latency.csv.gz"), "rt", encoding="utf-8") as lines:
        rows = [(f"{row['region']}/{row['sku']}", datetime.fromisoformat(row["ts"]), float(row["latency_ms"]), row["vm"])
                for row in csv.DictReader(lines)]  # fmt: skip
    table = pl.DataFrame(rows, schema=["service", "time", "latency_ms", "caller"], orient="row").sort("time")
    return {name: table.filter(pl.col("service") == name).drop("service") for name in SERVICES}


def stretches(name: str, runs: pl.DataFrame) -> list[Stretch]:
    """Cut a service's time into stretches: six weeks of reference, judged for 13 weeks, the next one 13 weeks later."""
    empty = {"segment": pl.String, "region": pl.String, "label": pl.String, "score": pl.Float64, "decision": pl.String,
             "text_hash": pl.Binary, "support": pl.Int16, "text_chars": pl.UInt32, "words": pl.UInt32, "unknown_words": pl.UInt32,
             "model_version": pl.String}  # fmt: skip
    table = runs.with_columns(
        pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), model=pl.lit("m"), variant=pl.lit("champion"),
        kind=pl.lit("prediction"), outcome=pl.lit("ok"), uid=pl.int_range(pl.len()).cast(pl.String).cast(pl.Binary),
        **{column: pl.lit(None, kind) for column, kind in empty.items()},
    )  # fmt: skip
    rows = mark_repeats(table)
    hours = {key.hour: profile for key, profile in by_hour(rows).items()}
    first = min(hours) // HOURS_PER_DAY * HOURS_PER_DAY + HOURS_PER_DAY
    found = []
    while first + (REFERENCE_WEEKS + 2) * WEEK <= max(hours):
        middle = first + REFERENCE_WEEKS * WEEK
        end = min(middle + LIVE_WEEKS * WEEK, max(hours) // HOURS_PER_DAY * HOURS_PER_DAY)
        found.append(Stretch(name, Case(hours, Window(first, middle), end)))
        first += LIVE_WEEKS * WEEK
    return found


def judged_latency(stretch: Stretch) -> list[dict[str, Any]]:
    """Return what was told in a stretch: when, the first cause, its claim, and what the records say was there."""
    case, rows = stretch.case, []
    usual = case.reference
    for one in told(case):
        first = min(one.onset, one.hour - HOURS_PER_DAY)
        now = case.between(first, one.hour)
        due = usual.records * (one.hour - first) / (case.window.end - case.window.first)
        moved = float(np.exp(now.latency.log_mean() - usual.latency.log_mean()) - 1) if now.latency.total else 0.0
        rows.append({
            "service": stretch.service, "on": day_of(one.hour), "cause": one.causes[0], "claim": one.claim,
            "latency_moved": round(moved, 4), "records_of_usual": round(now.records / due, 2),
            "machines_moved": round(caller_moved(now, usual), 3),
            "is_regime": SERVICES[stretch.service] == "burstable" and one.hour >= FAST_ENDS,
        })  # fmt: skip
    return rows


def slowed(name: str, runs: pl.DataFrame, factor: float) -> list[dict[str, Any]]:
    """
    Return when it was told, and was said to be told, that runs take `factor` times as long from two weeks into each stretch on.

    In days with runs: these machines rested for weeks.
    """
    rows = []
    for number, stretch in enumerate(stretches(name, runs)):
        since = stretch.case.window.end + FORTNIGHT
        moment = datetime(1970, 1, 1) + timedelta(hours=since)
        longer = pl.when(pl.col("time") >= moment).then(factor).otherwise(1.0)
        case = stretches(name, runs.with_columns(pl.col("latency_ms") * longer))[number].case
        seen = [one.hour for one in told(case) if one.hour > since and one.causes[0] in LATENCY]
        baseline = fit(case.hours, case.window, Detection())
        said = hours_until(baseline, case.reference, Detection(), Change({"latency": float(np.log(factor))}))
        rows.append({
            "service": name, "a_day": round(case.reference.records / (REFERENCE_WEEKS * 7)),
            "days": len({hour // HOURS_PER_DAY for hour in case.hours if since <= hour < seen[0]}) if seen else None,
            "said_days": None if said is None else round(said / HOURS_PER_DAY, 1),
        })  # fmt: skip
    return rows


def caller_moved(now: Profile, usual: Profile) -> float:
    """
    Return by how much the share of that machine moved that moved most; 0 without runs.

    >>> from monitor.profiles.counts import Counts
    >>> caller_moved(Profile(fields={"caller": Counts.of(a=1, b=1)}), Profile(fields={"caller": Counts.of(a=1, b=3)}))
    0.25
    """
    if "caller" not in now.fields or "caller" not in usual.fields:
        return 0.0
    then, since = usual.of_field("caller"), now.of_field("caller")
    return max(abs(since.share(name) - then.share(name)) for name in then.of_name | since.of_name)


def regime(stretch: Stretch) -> dict[str, Any] | None:
    """
    Return what the power table says of the one known change of regime, if it lies in this stretch, and whether it was told.

    In the first week of June 2024 no burstable machine is fast any more, where a tenth of the runs were.
    """
    case = stretch.case
    if SERVICES[stretch.service] == "steady" or not case.window.end <= FAST_ENDS < case.end:
        return None
    baseline = fit(case.hours, case.window, Detection())
    after, before = case.between(FAST_ENDS, case.end), case.reference
    at = baseline.yardsticks
    moved = {
        one.name: float(one.read(after, at).value - one.read(before, at).value)
        for one in baseline.metrics
        if one.group == "service"
    }
    hours = hours_until(baseline, before, Detection(), Change(moved))
    seen = [row for row in judged_latency(stretch) if row["cause"] in LATENCY and row["is_regime"]]
    return {"service": stretch.service, "a_day": round(after.records / ((case.end - FAST_ENDS) / HOURS_PER_DAY)),
            "latency_moved": round(float(np.exp(moved["latency"]) - 1), 3), "told_on": seen[0]["on"] if seen else None,
            "said_days": None if hours is None else round(hours / HOURS_PER_DAY, 1)}  # fmt: skip


def day_of(hour: int) -> str:
    """
    Write the day of an hour.

    >>> day_of(25)
    '1970-01-02'
    """
    return (date(1970, 1, 1) + timedelta(hours=hour)).isoformat()


def rates(service: str) -> np.ndarray:
    """Return requests a second of each hour of 14 days and of the three largest clients, then the rest (336, 4)."""
    hours: Counter[tuple[int, str]] = Counter()
    with gzip.open(file_of("servegen_arrival_rates", "client_rates.csv.gz"), "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["service"] == service:
                hours[int(float(row["t_seconds"])) // 3600, row["client"]] += float(row["requests_per_second"]) / 6
    of_client: Counter[str] = Counter()
    for (_, client), rate in hours.items():
        of_client[client] += rate
    large = [client for client, _ in of_client.most_common(len(CALLERS) - 1)]
    found = np.zeros((FORTNIGHT, len(CALLERS)))
    for (hour, client), rate in hours.items():
        found[hour % FORTNIGHT, large.index(client) if client in large else len(large)] += rate
    return found


def loaded(pool: Pool, rate: np.ndarray, per_day: float, seed: int, days: int) -> Case:
    """Draw texts at random under a load that repeats every 14 days; six weeks are the reference."""
    random = np.random.default_rng(seed)
    due = rate * per_day / (rate.sum() / (len(rate) / HOURS_PER_DAY))
    popular = random.permutation(1 / np.arange(1, len(pool.labels) + 1) ** 0.8)
    each = popular[pool.truth] / np.bincount(pool.truth, minlength=len(pool.labels))[pool.truth]
    drawn = []
    for day in range(days):
        got = random.poisson(due[np.arange(HOURS_PER_DAY * day, HOURS_PER_DAY * (day + 1)) % len(due)])
        hour = np.repeat(np.arange(HOURS_PER_DAY) + HOURS_PER_DAY * day, got.sum(1))
        caller = np.concatenate([np.repeat(np.arange(len(CALLERS)), row) for row in got])
        text = random.choice(pool.typos, size=len(hour), p=each / each.sum())
        drawn.append(Drawn(hour, text, caller, 40 * np.exp(0.4 * random.normal(size=len(hour)))))
    middle = MONDAY + REFERENCE_WEEKS * WEEK
    return Case(counted(pool, drawn), Window(MONDAY, middle), MONDAY + HOURS_PER_DAY * days)


def judged_load(case: Case) -> list[Tell]:
    """Return what was told under a load that repeats itself: everything is a false alarm."""
    return told(case)
