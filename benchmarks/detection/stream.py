"""
Draw traffic of real texts from a corpus's pool, hour by hour, and count it with the product's own code.

Seasons, bursts and wander are those of `traffic`; texts, answers, scores and words are real. A change begins where the
reference ends, so that one reference serves every change of a seed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from benchmarks.detection.corpus import Pool
from benchmarks.detection.traffic import CALLERS, MONDAY, Scenario, drift_of, volume
from monitor.profiles.profile import Profile, by_hour, mark_repeats
from monitor.window import MICROSECONDS_PER_HOUR

AUTOMATED = 0.8  # share of the ordinary texts above the threshold
GRADUAL_HOURS = 28 * 24
BATCH_CALLER = len(CALLERS) - 1
SHIFTED_LABELS = 20


@dataclass(frozen=True)
class Shift:
    """
    Hold a change: shares of the records that become texts of twenty labels, out of scope, mistyped or foreign.

    `regression` is a served model that went wrong (a tenth of its answers become any label, the logit of its score falls
    by that), `latency` a factor; `gradual` lets `labels` grow for 28 days.
    """

    name: str
    rightly: frozenset[str]  # metrics that may be named first
    labels: float = 0.0
    outside: float = 0.0
    typos: float = 0.0
    foreign: float = 0.0
    regression: float = 0.0
    latency: float = 1.0
    gradual: bool = False


NOTHING = Shift("nothing", frozenset())


@dataclass(frozen=True)
class Drawn:
    """Hold records of consecutive hours: `hour`, the text's number in the pool, caller, latency; one array element each."""

    hour: np.ndarray
    text: np.ndarray
    caller: np.ndarray
    latency: np.ndarray


def drawn_days(pool: Pool, scenario: Scenario) -> list[Drawn]:
    """Draw every day of the scenario, nothing changed; the first begins on a Monday at midnight."""
    return list(_days(pool, scenario, np.random.default_rng(scenario.seed)))


def counted(
    pool: Pool, days: Iterable[Drawn], shift: Shift = NOTHING, first: int = 0, fields: int = 0
) -> dict[int, Profile]:
    """
    Return the profiles of days by hour (the scenario's first hour is MONDAY) under a change that begins at hour `first`.

    Each of `fields` more fields holds one of two values; which is the more frequent one's share wanders from day to day.
    """
    apart = np.random.default_rng([first, 2])
    usual = apart.uniform(0.1, 0.9, fields)
    found: dict[int, Profile] = {}
    for rows in records(pool, days, shift, first):
        shares = np.clip(usual + 0.005 * apart.normal(size=fields), 0.01, 0.99)
        held = np.where(apart.random((fields, rows.height)) < shares[:, None], "a", "b")
        rows = rows.with_columns(pl.Series(f"field_F{k:03d}", column) for k, column in enumerate(held))
        found |= {MONDAY + key.hour: profile for key, profile in by_hour(mark_repeats(rows)).items()}
    return found


def records(pool: Pool, days: Iterable[Drawn], shift: Shift = NOTHING, first: int = 0) -> Iterator[pl.DataFrame]:
    """Yield the rows of each day that `counted` counts; the scenario's first hour is 0."""
    random = np.random.default_rng([first, 1])
    return (_answered(pool, drawn, shift, random, first) for drawn in days)


def _days(pool: Pool, scenario: Scenario, random: np.random.Generator) -> Iterator[Drawn]:
    hours, kinds = 24 * scenario.days, len(pool.labels)
    usual = volume(random, scenario, hours)
    slow = drift_of(random, scenario, hours)
    first = np.searchsorted(pool.truth, np.arange(kinds))
    many = np.bincount(pool.truth, minlength=kinds)
    popular = random.permutation(1 / np.arange(1, kinds + 1) ** 0.8)
    office, evening = (popular * np.exp(0.3 * scenario.seasons * random.normal(size=kinds)) for _ in range(2))
    callers = np.array([share for _, share in CALLERS])
    for day in range(scenario.days):
        if day % 7 == 0:
            week = np.exp(0.05 * scenario.wander * random.normal(size=kinds))
        shake = week * np.exp(0.12 * scenario.wander * random.normal(size=kinds))
        parts: list[Drawn] = []
        for hour in range(24 * day, 24 * day + 24):
            is_office = 8 <= hour % 24 < 18 and day % 7 < 5
            mix = (office if is_office else evening) * shake
            size = int(random.poisson(usual[hour]))
            kind = random.choice(kinds, size=size, p=mix / mix.sum())
            text = first[kind] + random.integers(0, many[kind])
            caller = random.choice(len(callers), size=size, p=callers)
            if is_office and random.random() < 0.13 * scenario.bursts:
                burst = int(min(scenario.per_day, random.lognormal(np.log(max(scenario.per_day / 40, 5)), 0.9)))
                one = int(random.choice(kinds, p=mix / mix.sum()))
                batch = first[one] + random.integers(0, many[one], burst)
                batch[: burst // 2] = batch[0] if burst else 0
                text = np.concatenate([text, batch])
                caller = np.concatenate([caller, np.full(burst, BATCH_CALLER)])
            latency = 40 * np.exp(0.4 * (random.normal(size=len(text)) + slow[hour]))
            parts.append(Drawn(np.full(len(text), hour), text, caller, latency))
        yield Drawn(*(np.concatenate([getattr(part, name) for part in parts]) for name in Drawn.__dataclass_fields__))


def changed(pool: Pool, drawn: Drawn, shift: Shift, random: np.random.Generator, first: int) -> Drawn:
    """Return the records with their texts and latencies changed; the answers follow from the texts."""
    size, text = len(drawn.text), drawn.text.copy()
    active = drawn.hour >= first
    grown = np.clip((drawn.hour - first) / GRADUAL_HOURS, 0.0, 1.0) if shift.gradual else active
    moved = random.random(size) < shift.labels * grown
    kinds = np.arange(len(pool.labels))
    twenty = kinds[len(kinds) // 4 :][:SHIFTED_LABELS]
    within = np.flatnonzero(np.isin(pool.truth, twenty))
    text[moved] = random.choice(within, int(moved.sum()))
    for share, (begin, end) in ((shift.outside, pool.outside), (shift.foreign, pool.foreign)):
        other = random.random(size) < share * active
        text[other] = random.integers(begin, end, int(other.sum()))
    mistyped = (random.random(size) < shift.typos * active) & (text < pool.typos)
    text[mistyped] += pool.typos
    return replace(drawn, text=text, latency=np.where(active, drawn.latency * shift.latency, drawn.latency))


def _answered(pool: Pool, drawn: Drawn, shift: Shift, random: np.random.Generator, first: int) -> pl.DataFrame:
    drawn = changed(pool, drawn, shift, random, first)
    text, size = drawn.text, len(drawn.text)
    label, score = pool.answer[text], pool.score[text]
    if shift.regression:
        active = drawn.hour >= first
        wrong = (random.random(size) < 0.1) & active
        label = np.where(wrong, random.integers(0, len(pool.labels), size), label)
        odds = np.log(np.clip(score, 1e-4, 1 - 1e-4) / np.clip(1 - score, 1e-4, 1)) - shift.regression * active
        score = np.round(1 / (1 + np.exp(-odds)), 4)
    threshold = np.quantile(pool.score[: pool.typos], 1 - AUTOMATED)
    names = np.array(pool.labels)
    return pl.DataFrame({
        "uid": pl.Series(np.arange(size).astype("S12"), dtype=pl.Binary), "model": ["m"] * size, "segment": [None] * size,
        "time": (drawn.hour * MICROSECONDS_PER_HOUR + np.arange(size)).astype("datetime64[us]"),
        "kind": ["prediction"] * size, "variant": ["champion"] * size, "outcome": ["ok"] * size,
        "caller": np.array([name for name, _ in CALLERS])[drawn.caller], "region": pl.Series([None] * size, dtype=pl.String),
        "text_hash": text, "label": names[label], "score": score, "model_version": ["1"] * size,
        "decision": np.where(score >= threshold, "automatic", "manual"), "latency_ms": drawn.latency,
        "text_chars": pool.chars[text], "words": pool.words[text], "unknown_words": pool.unknown[text],
        "support": pool.support[text, label],
    }, schema_overrides={"segment": pl.String}).with_columns(pl.col("time").dt.replace_time_zone("UTC"))  # fmt: skip
