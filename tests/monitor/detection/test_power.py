"""What is said to be noticed is noticed about then, what is said to be invisible is not told, and more is never later."""

import statistics
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from benchmarks.detection.campaign import judged
from benchmarks.detection.traffic import MONDAY, Change, Scenario, simulate
from monitor.detection import power
from monitor.detection.baseline import Baseline
from monitor.detection.fitting import fit
from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window
from tests.monitor.detection.worlds import CHANGED, END, REFERENCE_DAYS, reference, world

SEEDS = (1, 2, 3)


@cache
def supported() -> tuple[Baseline, Profile]:
    """Return the reference of a model whose training texts are known, and the sum of its hours."""
    random = np.random.default_rng(1)
    hours = {hour: replace(one, support=Histogram.of("nats", np.round(random.normal(3.0, 1.0, one.distinct), 2)),
                           strange=Histogram.of("score", np.round(random.beta(1, 9, one.distinct), 4)))
             for hour, one in world(1).items() if hour < END}  # fmt: skip
    return fit(hours, Window(MONDAY, END), Detection()), Profile.sum(hours.values())


def usual(seed: int) -> Profile:
    return Profile.sum(profile for hour, profile in world(seed).items() if hour < END)


def measured(change: Change, days: int, per_day: float = 2000.0) -> float:
    """Return the hours until the detector told the change, in the middle of three runs; infinite when it did not."""
    delays = []
    for seed in SEEDS:
        hours = simulate(Scenario(seed, REFERENCE_DAYS + days, per_day, labels=20, changes=(change,)))
        baseline = fit(hours, Window(MONDAY, END), Detection())
        told = [alarm.hour - MONDAY - CHANGED for alarm, _ in judged(hours, baseline, END + 24 * days)]
        delays.append(next((float(hour) for hour in told if hour > 0), float("inf")))
    return statistics.median(delays)


def said(change: power.Change) -> float:
    hours = [power.hours_until(reference(seed), usual(seed), Detection(), change) for seed in SEEDS]
    return statistics.median(float("inf") if one is None else one for one in hours)


@pytest.mark.parametrize("factor", [1.1, 1.15, 1.35])
def test_as_the_detector_tells(factor: float) -> None:
    """The typical delay is that of the detector on traffic that changes so, within a factor of two and half a day."""
    told, seen = (
        said(power.Change({"latency": float(np.log(factor))})),
        measured(Change("latency", CHANGED, latency=factor), 16),
    )
    assert told / 2 - 12 <= seen <= 2 * told + 12


def test_thin_traffic() -> None:
    """Where no hour can be judged, days are: a latency that rises by a half is told within two weeks, about when the table says."""
    change = Change("latency", CHANGED, latency=1.5)
    delays, said = [], []
    for seed in SEEDS:
        hours = simulate(Scenario(seed, REFERENCE_DAYS + 21, 60.0, labels=20, changes=(change,)))
        hours = {hour: one for hour, one in hours.items() if one.records < Detection().smallest_block}
        baseline = fit(hours, Window(MONDAY, END), Detection())
        assert not power.thin(baseline)
        delays += [alarm.hour - MONDAY - CHANGED for alarm, _ in judged(hours, baseline, END + 24 * 21)][:1]
        inside = Profile.sum(one for hour, one in hours.items() if hour < END)
        said += [power.hours_until(baseline, inside, Detection(), power.Change({"latency": float(np.log(1.5))}))]
    assert len(delays) == len(SEEDS)
    assert max(delays) < 14 * 24
    typical = statistics.median(said)
    assert typical / 2 - 24 <= statistics.median(delays) <= 2 * typical + 24


def test_thin_is_named() -> None:
    """What has fewer records a day than a block needs carries no bet, and is named: metrics, volume and the mix of answers."""
    few = {
        hour: one
        for hour, one in simulate(Scenario(1, REFERENCE_DAYS, 24.0, labels=20)).items()
        if hour % 24 in {9, 14}
    }
    baseline = fit(few, Window(MONDAY, END), Detection())
    assert not baseline.lines
    assert {"usual latency", "mean confidence", "volume", "mix of answers"} <= set(power.thin(baseline))
    assert power.table(baseline, Profile.sum(few.values()), Detection()) == []
    learning = msgspec.structs.replace(baseline, renewing={"latency": END})
    assert "usual latency" not in power.thin(learning)


def test_invisible_is_not_told() -> None:
    """A change that cannot be seen is not told in two weeks either."""
    assert said(power.Change({"latency": float(np.log(1.01))})) == float("inf")
    assert measured(Change("latency", CHANGED, latency=1.01), 14) == float("inf")


def test_more_is_never_later() -> None:
    """Of every kind a larger change is told no later than a smaller one."""
    baseline, whole = supported()
    for question in power.QUESTIONS:
        hours = [
            power.hours_until(baseline, whole, Detection(), question.change(baseline, whole, size))
            for size in power.SIZES
        ]
        order = [float("inf") if one is None else one for one in hours]
        assert order == sorted(order, reverse=True), question.name
        assert order[-1] < float("inf"), question.name


def test_table() -> None:
    """Each row holds the first size that is told in time; shorter waits ask for more; the text says it in the kind's unit."""
    baseline, whole = supported()
    answers = power.table(baseline, whole, Detection())
    assert [one.question for one in answers] == list(power.QUESTIONS)
    for one in answers:
        for size, most in zip(one.smallest, power.WITHIN_HOURS, strict=True):
            if size is None:
                continue
            at = power.SIZES.index(size)
            hours = power.hours_until(baseline, whole, Detection(), one.question.change(baseline, whole, size))
            assert hours is not None
            assert hours <= most
            less = power.hours_until(
                baseline, whole, Detection(), one.question.change(baseline, whole, power.SIZES[max(at - 1, 0)])
            )
            assert at == 0 or less is None or less > most
        sizes = [size or 1.0 for size in one.smallest]
        assert sizes == sorted(sizes, reverse=True)
    shown = {row["change"]: list(row.values())[1:] for row in power.rows(answers)}
    assert all(
        text.endswith(" %") or text.startswith("not even") for text in shown["answers that move to other labels"]
    )
    assert all(float(text) < 1 for text in shown["fall of the mean confidence"])


def test_blind() -> None:
    """A reference as wild as what should be told is named; a calm one is not, and neither is a single field."""
    assert power.blind(*calm()) == []
    random = np.random.default_rng(1)
    wild = {}
    for hour, one in world(1).items():
        if hour < END:
            level = (
                0.5 + 0.3 * np.sin(hour // 24 * 2.4) + 0.02 * random.normal()
            )  # days apart by nothing that comes again
            wild[hour] = replace(
                one, score=Histogram.of("score", np.round(np.clip(random.normal(level, 0.1, one.distinct), 0, 1), 4))
            )
    found = power.blind(fit(wild, Window(MONDAY, END), Detection()), Detection())
    assert "mean confidence" in found
    assert not {"usual latency", "share of unknown words", "mix of answers", "volume"} & set(found)


def calm() -> tuple[Baseline, Detection]:
    return supported()[0], Detection()


def test_only_what_there_is() -> None:
    """A model without a vocabulary, latencies and scores is not asked about them."""
    hours = {hour: replace(Profile(), records=one.records, distinct=one.distinct, labels=one.labels, outcomes=one.outcomes)
             for hour, one in world(1).items()}  # fmt: skip
    baseline = Baseline.from_bytes(fit(hours, Window(MONDAY, END), Detection()).to_bytes())
    names = [one.question.name for one in power.table(baseline, Profile.sum(hours.values()), Detection())]
    assert names == ["labels", "new_labels", "errors", "volume"]


def test_sentence() -> None:
    """The sentence tells what a shift of 5 % would take, and one of 2 %; or that even the first cannot be seen."""
    assert (
        power.sentence(reference(1), usual(1), Detection())
        == "5 % of the answers that move to twenty other labels could not be seen here"
    )
    hours = simulate(Scenario(1, REFERENCE_DAYS, 20_000.0, wander=0.2))
    baseline, whole = fit(hours, Window(MONDAY, END), Detection()), Profile.sum(hours.values())
    delay = power.hours_until(baseline, whole, Detection(), power.Change({}, power.shifted(baseline, 0.05)))
    assert delay is not None
    told = power.sentence(baseline, whole, Detection())
    assert told.startswith(
        f"5 % of the answers that move to twenty other labels would take {power.span(delay)} to be told here, 2 % "
    )


def test_more_labels_than_a_small_reference_holds() -> None:
    """Labels that have a bet of their own and no place in the mix are no reason not to pin: the sentence is about the mix."""
    hours = simulate(Scenario(1, REFERENCE_DAYS, 24.0, labels=40))
    baseline, whole = fit(hours, Window(MONDAY, END), Detection()), Profile.sum(hours.values())
    beyond = {one.name.removeprefix("label:") for one in baseline.metrics if one.name.startswith("label:")} - set(
        baseline.labels
    )
    assert any(line.metric.removeprefix("label:") in beyond for line in baseline.lines)
    assert "5 % of the answers" in power.sentence(baseline, whole, Detection())
