"""
Simulate the hourly profiles of a text classifier in production: seasons, bursts, wander and, on request, changes.

What makes real traffic hard is here on purpose: the level of a day wanders, labels have good and bad days and weeks,
every number drifts a little from hour to hour, and callers send batches whose texts resemble each other.
"""

from dataclasses import dataclass, field

import numpy as np

from monitor.profiles.counts import Counts
from monitor.profiles.histogram import RULERS, Histogram, bin_of
from monitor.profiles.moments import UNIT, Moments
from monitor.profiles.profile import Profile

MONDAY = 4 * 24  # 1970 began on a Thursday
AUTOMATIC_AT = 0.7
CALLERS = (("front-desk", 0.55), ("tax", 0.2), ("survey", 0.15), ("batch", 0.1))
SURVEY = 2
KINDS = {"TYP": (0.5, 0.3, 0.12, 0.08), "NAT": (0.3, 0.25, 0.2, 0.1, 0.08, 0.04, 0.03)}


@dataclass(frozen=True)
class Change:
    """
    Hold one change from `first` to `end` (hours since the traffic began, end not included).

    `foreign` is the share of texts in another language, all from the caller "survey"; `newborn` the share of the answers
    that go to the rarest label; `latency` multiplies the milliseconds; `score` is added to the score's logit;
    `scrambled` is the share of answers that become any label.
    """

    name: str
    first: int
    end: int = 10**9
    foreign: float = 0.0
    newborn: float = 0.0
    latency: float = 1.0
    score: float = 0.0
    scrambled: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """Hold what is simulated; `bursts`, `wander` and `seasons` multiply how often batches come, how far all drifts, how far it sways."""

    seed: int
    days: int = 56
    per_day: float = 2000.0
    labels: int = 88
    bursts: float = 1.0
    wander: float = 1.0
    seasons: float = 1.0
    changes: tuple[Change, ...] = field(default=())


def simulate(scenario: Scenario) -> dict[int, Profile]:
    """
    Draw every hour; the first one, hour MONDAY, begins on a Monday at midnight. Hours without a record are absent.

    >>> hours = simulate(Scenario(seed=1, days=2))
    >>> 2000 < sum(one.records for one in hours.values()) < 6000
    True
    """
    random = np.random.default_rng(scenario.seed)
    hours = 24 * scenario.days
    usual = volume(random, scenario, hours)
    drift = {
        name: drift_of(random, scenario, hours)
        for name in ("score", "latency", "length", "unknown", "TYP", "NAT", "caller")
    }
    popular = 1 / np.arange(1, scenario.labels + 1) ** 1.05
    office, evening = (popular * np.exp(0.3 * scenario.seasons * random.normal(size=scenario.labels)) for _ in range(2))
    for mix in (office, evening):
        mix[-1] = 0.0005 * mix.sum()
    sure = 0.5 * random.normal(size=scenario.labels)
    weeks = np.exp(0.05 * scenario.wander * random.normal(size=(scenario.days // 7 + 1, scenario.labels)))
    found: dict[int, Profile] = {}
    for hour in range(hours):
        if hour % 24 == 0:
            shake = weeks[hour // 168] * np.exp(0.12 * scenario.wander * random.normal(size=scenario.labels))
        mix = (office if 8 <= hour % 24 < 18 and hour // 24 % 7 < 5 else evening) * shake
        size = int(random.poisson(usual[hour]))
        batch = 0
        if 8 <= hour % 24 < 18 and hour // 24 % 7 < 5 and random.random() < 0.13 * scenario.bursts:
            batch = int(min(scenario.per_day, random.lognormal(np.log(max(scenario.per_day / 40, 5)), 0.9)))
        if size + batch:
            here = {name: series[hour] for name, series in drift.items()}
            found[MONDAY + hour] = _hour(random, scenario, hour, (size, batch), mix / mix.sum(), sure, here)
    return found


def volume(random: np.random.Generator, scenario: Scenario, hours: int) -> np.ndarray:
    """Return the expected records of each hour: office hours, weekends, and days whose level wanders."""
    hour = np.arange(hours)
    weekday = hour // 24 % 7
    usual = 0.08 + np.exp(-0.5 * ((hour % 24 - 13.5) / 3.8) ** 2)
    usual = usual * np.where(weekday < 5, 1.0, np.where(weekday == 5, 0.35, 0.25))
    usual *= scenario.per_day / 24 / usual.mean()
    level = np.zeros(scenario.days)
    for day in range(1, scenario.days):
        level[day] = 0.6 * level[day - 1] + 0.15 * scenario.wander * random.normal()
    return np.asarray(usual * np.exp(level[hour // 24] + 0.2 * random.normal(size=hours)))


def drift_of(random: np.random.Generator, scenario: Scenario, hours: int) -> np.ndarray:
    """Season, weekly, daily and hourly wander of one number, in standard deviations of a record."""
    hour = np.arange(hours)
    slow = 0.012 * random.normal(size=scenario.days // 7 + 1)[hour // 168]
    daily = 0.02 * random.normal(size=scenario.days)[hour // 24]
    quick = np.zeros(hours)
    for t in range(1, hours):
        quick[t] = 0.7 * quick[t - 1] + 0.03 * np.sqrt(0.51) * random.normal()
    season = (
        0.08 * np.sin(2 * np.pi * (hour - random.integers(24)) / 24) + 0.06 * (hour // 24 % 7 >= 5) * random.normal()
    )
    return np.asarray(scenario.seasons * season + scenario.wander * (slow + daily + quick))


def _hour(random: np.random.Generator, scenario: Scenario, hour: int, sizes: tuple[int, int], mix: np.ndarray,
          sure: np.ndarray, here: dict[str, float]) -> Profile:  # fmt: skip
    size, batch = sizes
    distinct = batch if random.random() < 0.5 else min(batch, 3 + batch // 50)
    n = size + distinct
    label = random.choice(scenario.labels, size=n, p=mix)
    label[size:] = label[size:][:1]  # a batch has one label
    alike = np.where(np.arange(n) < size, 0.0, 0.8 * random.normal())  # and its texts resemble each other
    caller = _drawn(random, [share for _, share in CALLERS], here["caller"], n)
    caller[size:] = len(CALLERS) - 1
    logit = 1.2 + sure[label] + 1.3 * (random.normal(size=n) + here["score"] + alike)
    part = 0.1 * np.exp(0.5 * random.normal(size=n) + here["unknown"] + alike / 2)
    milliseconds = 40 * np.exp(0.4 * (random.normal(size=size + batch) + here["latency"]))
    for one in scenario.changes:
        if not one.first <= hour < one.end:
            continue
        foreign = (caller == SURVEY) & (random.random(n) < one.foreign / CALLERS[SURVEY][1])
        part[foreign], logit[foreign] = 0.7, logit[foreign] - 1.5
        anywhere = random.random(n) < one.scrambled
        label[anywhere] = random.integers(scenario.labels, size=int(anywhere.sum()))
        label[random.random(n) < one.newborn] = scenario.labels - 1
        logit, milliseconds = logit + one.score, milliseconds * one.latency
    words = 1 + random.poisson(4, n)
    unknown = random.binomial(words, np.clip(part, 0, 0.95)) * UNIT // words
    score = 1 / (1 + np.exp(-logit))
    named = Counts({f"L{k:02d}": int(c) for k, c in enumerate(np.bincount(label, minlength=scenario.labels)) if c})
    failed = int(random.binomial(n, 0.004))
    fields = {name: _counted(name, _drawn(random, list(kinds), here[name], n)) for name, kinds in KINDS.items()}
    fields["caller"] = Counts(
        {name: int((caller == k).sum()) for k, (name, _) in enumerate(CALLERS) if (caller == k).any()}
    )
    return Profile(
        records=size + batch, distinct=n, outcomes=Counts({"ok": size + batch - failed} | ({"failed": failed} if failed else {})),
        latency=_counts("latency_ms", milliseconds), labels_raw=named, labels=named, score=_counts("score", score),
        automatic=int((score >= AUTOMATIC_AT).sum()), decided=n,
        length=_counts("length_chars", np.exp(3.2 + 0.6 * (random.normal(size=n) + here["length"] + alike))),
        empty_texts=int(random.binomial(n, 0.001)), unknown=Moments(n, int(unknown.sum()), int((unknown**2).sum())), fields=fields,
    )  # fmt: skip


def _drawn(random: np.random.Generator, shares: list[float], drift: float, size: int) -> np.ndarray:
    tilted = np.array(shares) * np.exp(drift * np.linspace(-1, 1, len(shares)))
    return random.choice(len(shares), size=size, p=tilted / tilted.sum())


def _counted(name: str, drawn: np.ndarray) -> Counts:
    return Counts({f"{name}{k}": int(c) for k, c in enumerate(np.bincount(drawn)) if c})


def _counts(ruler: str, values: np.ndarray) -> Histogram:
    return Histogram(ruler, np.bincount(bin_of(ruler, values), minlength=len(RULERS[ruler]) - 1))
