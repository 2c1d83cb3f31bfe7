"""Simulate small services, once per test run, and judge their hours as the detect job would."""

from functools import cache

from benchmarks.detection.campaign import judged
from benchmarks.detection.traffic import MONDAY, Change, Scenario, simulate
from monitor.detection.baseline import Baseline
from monitor.detection.detector import Alarm
from monitor.detection.fitting import fit
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window

REFERENCE_DAYS = 28
END = MONDAY + 24 * REFERENCE_DAYS
CHANGED = 24 * REFERENCE_DAYS + 34  # hours since the traffic began: Tuesday morning

CHANGES = {
    "language": (Change("language", CHANGED, foreign=0.06), {"unknown_words"}),
    "activity": (Change("activity", CHANGED, newborn=0.08), {"novelty", "answers", "label:L19"}),
    "latency": (Change("latency", CHANGED, latency=1.35), {"latency", "slow"}),
    "regression": (Change("regression", CHANGED, score=-0.6, scrambled=0.2), {"confidence", "unsure", "automation", "answers"}),
}  # fmt: skip


@cache
def world(seed: int, name: str = "", days: int = 7) -> dict[int, Profile]:
    """Draw four weeks of reference and `days` more, with one change or none."""
    changes = (CHANGES[name][0],) if name else ()
    return simulate(Scenario(seed, REFERENCE_DAYS + days, 2000.0, labels=20, changes=changes))


@cache
def reference(seed: int, days: int = 7) -> Baseline:
    """Fit the quiet four weeks, which every change leaves as they are."""
    return fit(world(seed, "", days), Window(MONDAY, END), Detection())


@cache
def alarms(seed: int, name: str = "", days: int = 7) -> tuple[tuple[Alarm, bool], ...]:
    """Return every alarm after the reference, and whether it opens an incident."""
    return tuple(judged(world(seed, name, days), reference(seed, days), END + 24 * days))
