"""Replay rows against a reference as the product would, and keep what each alarm would tell a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from jobs.detect import SAMPLE, SEED, _languages
from monitor.detection import backtest, explain
from monitor.detection.baseline import Baseline, label_vector
from monitor.detection.fitting import fit
from monitor.detection.incident import Incident
from monitor.detection.power import Change, hours_until
from monitor.nomenclature import Nomenclature
from monitor.profiles.profile import Profile
from monitor.settings import Detection, Privacy
from monitor.window import Window

LEAST_TEXTS = Privacy().shown_from_texts


@dataclass(frozen=True)
class Tell:
    """
    Hold an alarm as it is told: its hour and onset, whether it opens an incident, its metrics (the first cause first) and claim.

    `risen` are labels that gained share, the largest gain first; `gained` and `lost` the words of the texts; `languages`
    what they were taken for, then and now.
    """

    hour: int
    onset: int
    opened: bool
    causes: tuple[str, ...]
    claim: str
    risen: tuple[str, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    languages: tuple[dict[str, float], dict[str, float]]


@dataclass(frozen=True)
class Case:
    """
    Hold the hours of a stream, its reference and the hour its replay ends before; `texts` gives those of a stretch of time.

    Without `texts` an alarm has no words.
    """

    hours: dict[int, Profile]
    window: Window
    end: int
    texts: Callable[[int, int], pl.Series] | None = None

    @property
    def reference(self) -> Profile:
        """Add up the hours of the reference."""
        return self.between(self.window.first, self.window.end)

    def between(self, first: int, end: int) -> Profile:
        """Add up the hours from `first` to before `end`."""
        return Profile.sum(self.hours[hour] for hour in range(first, end) if hour in self.hours)


def sampled(texts: pl.Series) -> pl.Series:
    """Take as many texts as an alarm is explained by."""
    return texts.sample(min(SAMPLE, len(texts)), seed=SEED)


def told(case: Case, baseline: Baseline | None = None) -> list[Tell]:
    """Judge every hour after the reference, and return what is told."""
    baseline = baseline or fit(case.hours, case.window, Detection())
    reference, known = case.reference, list[Incident]()
    found = []
    for one in backtest.judged(case.hours, baseline, Detection(), case.end, Nomenclature(), known=known):
        alarm = one.alarm
        first = min(alarm.onset, alarm.hour - 1)
        sides = explain.Sides(reference, case.between(first, alarm.hour), {}, {}, Nomenclature())
        causes = explain.causes(alarm.shares, baseline, sides)
        words: dict[str, list[list[object]]] = {"gained": [], "lost": []}
        languages: tuple[dict[str, float], dict[str, float]] = ({}, {})
        if case.texts is not None:
            then, now = (
                sampled(case.texts(*side)) for side in ((case.window.first, case.window.end), (first, alarm.hour))
            )
            words = explain.terms(then, now, LEAST_TEXTS)
            languages = _languages(then.to_list()), _languages(now.to_list())
        movers = [row for row in explain.labels(sides) if row["now"] > row["then"]]
        found.append(Tell(
            alarm.hour, alarm.onset, one.opened, tuple(cause.metric for cause in causes), explain.claim(causes, []),
            tuple(str(row["label"]) for row in sorted(movers, key=lambda row: row["then"] - row["now"])),
            tuple(str(row[0]) for row in words["gained"]), tuple(str(row[0]) for row in words["lost"]), languages,
        ))  # fmt: skip
    return found


def said(case: Case, baseline: Baseline, first: int, calm: Mapping[int, Profile]) -> float | None:
    """
    Return the hours that the power table's method takes for what a change from hour `first` on moves on average; None: over four weeks.

    `calm` holds the same hours as they would have been without it.
    """
    after = case.between(first, case.end)
    before = Profile.sum(calm[hour] for hour in range(first, case.end) if hour in calm)
    at, names = baseline.yardsticks, baseline.labels
    moved = {
        one.name: float(one.read(after, at).value - one.read(before, at).value)
        for one in baseline.metrics
        if not one.name.startswith("label:")
    }
    now, then = (label_vector(one, names) / max(label_vector(one, names).sum(), 1) for one in (after, before))
    return hours_until(baseline, case.reference, Detection(), Change(moved, np.array(baseline.popular) + now - then))
