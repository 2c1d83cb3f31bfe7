"""What is learnt anew is not judged meanwhile, then judged by its own weeks; everything else goes on as if nothing was."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.detection.traffic import MONDAY, Change, Scenario, simulate
from monitor.detection import detector, renewal
from monitor.detection.baseline import LEAST_HOURS, Baseline, Tried
from monitor.detection.state import State
from monitor.errors import NoData
from monitor.metrics import all_for
from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window
from tests.monitor.detection.worlds import END, REFERENCE_DAYS, reference, world

LATENCY = (Change("latency", 24 * REFERENCE_DAYS + 1, latency=1.35),)
SINCE, DAYS = END + 24, 24


@cache
def slower() -> dict[int, Profile]:
    return simulate(Scenario(1, REFERENCE_DAYS + DAYS, 2000.0, labels=20, changes=LATENCY))


def judged(baseline: Baseline, hours: dict[int, Profile], span: Iterable[int], state: State | None = None
           ) -> tuple[State, list[str]]:  # fmt: skip
    """Judge a span of hours; return the state and the first cause of every alarm."""
    span, told = list(span), []
    state = state or detector.begin(baseline, span[0])
    for hour in span:
        state, one = detector.advance(state, baseline, hours.get(hour, Profile()), Detection())
        told += [] if one.alarm is None else [next(iter(one.alarm.shares))]
    return state, told


def test_every_metric_has_a_kin() -> None:
    """No metric is left without a kin, those of labels and fields included."""
    at = reference(1).yardsticks
    names = [metric.name for metric in all_for(at, ("L1",))] + [line.metric for line in reference(1).lines]
    assert all(renewal.kin_of(name) for name in names)
    assert {"answers", "sureness", "latency", "volume", "field:TYP"} <= set(renewal.kins(reference(1)))


def unplanned(_hours: range) -> tuple[int, ...]:
    return ()


def test_not_judged_meanwhile() -> None:
    """A change of what is learnt anew tells nothing; the same change is told without that."""
    hours, begun = slower(), renewal.begun(reference(1, DAYS), ["latency"], END)
    span = range(END, END + LEAST_HOURS)
    assert set(judged(reference(1, DAYS), hours, span)[1]) & {"latency", "slow"}
    assert not set(judged(begun, hours, span)[1]) & {"latency", "slow"}
    assert sum(line.stake for line in begun.lines) < 1


def test_judged_by_its_own_weeks() -> None:
    """After two weeks the new latency is usual: it tells nothing, and falling back to the former one tells."""
    begun = renewal.begun(reference(1, DAYS), ["latency"], SINCE - 5)
    assert (begun.renewing, renewal.due(begun, unplanned)) == ({"latency": SINCE}, (SINCE + LEAST_HOURS, "latency"))
    slow = slower()
    new = renewal.learnt(begun, "latency", slow, Detection(), end=SINCE + LEAST_HOURS)
    span = range(SINCE + LEAST_HOURS, END + 24 * 24)
    assert judged(new, slow, span)[1] == []
    back = simulate(Scenario(1, REFERENCE_DAYS + 24, 2000.0, labels=20, changes=()))
    assert (
        set(judged(new, back, span)[1]) <= {"latency", "slow"} != set(judged(new, back, span)[1])
        or judged(new, back, span)[1]
    )
    assert renewal.due(new, unplanned) is None
    assert renewal.usual(new, "slow") == Window(SINCE, SINCE + LEAST_HOURS)
    assert renewal.usual(new, "confidence") == Window(MONDAY, END)


@pytest.mark.parametrize("kin", ["answers", "latency", "field:TYP", "volume"])
def test_all_else_stays(kin: str) -> None:
    """Only what is kin changes; stakes are a whole again, and the yardsticks of others are as they were."""
    old = reference(1, DAYS)
    new = renewal.learnt(renewal.begun(old, [kin], SINCE), kin, slower(), Detection(), end=SINCE + LEAST_HOURS)
    ours, theirs = ({(line.metric, line.scale, line.direction): (line.floor, line.phi) for line in one.lines
                     if renewal.kin_of(line.metric) != kin} for one in (old, new))  # fmt: skip
    assert ours == theirs
    assert sum(line.stake for line in new.lines) == pytest.approx(1.0)
    assert {renewal.kin_of(line.metric) for line in new.lines} == {renewal.kin_of(line.metric) for line in old.lines}
    assert (new.slow_ms != old.slow_ms) == (kin == "latency")
    assert (new.mix != old.mix) == (kin == "answers")
    assert all(season == new.seasons[name] for name, season in old.seasons.items() if renewal.kin_of(name) != kin)
    assert Baseline.from_bytes(new.to_bytes()) == new


@settings(derandomize=True, deadline=None, max_examples=8)
@given(st.integers(1, 60), st.sampled_from([["latency"], ["answers"], ["words", "field:TYP"]]))
def test_evidence_of_others_goes_on(many: int, kins: list[str]) -> None:
    """Each bet of another kin has the same wealth, climb and payments as if nothing had been begun."""
    old = reference(1)
    new = renewal.begun(old, kins, END + many)
    before, _ = judged(old, world(1, "language"), range(END, END + many))
    carried = renewal.carried(before, old, new, kins)
    place = {(line.metric, line.scale, line.direction): at for at, line in enumerate(old.lines)}
    for now, line in enumerate(new.lines):
        was = place[line.metric, line.scale, line.direction]
        for part in ("wealth", "paid_until", "climb", "onset", "moved", "weight"):
            assert getattr(carried, part)[now] == getattr(before, part)[was]
    assert len(carried.wealth) == len(new.lines) < len(old.lines)
    assert (carried.directions == before.directions) == ("answers" not in kins)
    assert State.from_bytes(carried.to_bytes()).to_bytes() == carried.to_bytes()
    further = range(END + many, END + many + 30)
    assert judged(new, world(1, "language"), further, carried)[0].judged_until == END + many + 30


def test_floors_go_along() -> None:
    """Floors that an open incident raised stay on their lines; those of lines that are gone are gone."""
    old = reference(1)
    at = {line.metric: number for number, line in enumerate(old.lines)}
    state, _ = judged(old, world(1), range(END, END + 3))
    state.raised = [detector.Raised(END, at[name], 1.0, 2.0, 3.0) for name in ("latency", "confidence")]
    new = renewal.begun(old, ["latency"], END)
    (one,) = renewal.carried(state, old, new, ["latency"]).raised
    assert (new.lines[one.line].metric, one.floor) == ("confidence", 1.0)
    assert (new.lines[one.line].scale, new.lines[one.line].direction) == (
        old.lines[at["confidence"]].scale, old.lines[at["confidence"]].direction)  # fmt: skip


@pytest.mark.parametrize("score", ["max_prob", None])
def test_seeded(score: str | None) -> None:
    """Answers and sureness are those of the shadow, or sureness is learnt anew; all else stays, and a new normal takes the shadow's place."""
    old, tried = reference(1, DAYS), Tried("2.5.0", "next", "d", score, 7000)
    window = Window(SINCE, SINCE + LEAST_HOURS)
    learning = renewal.begun(old, ["answers", "latency"], SINCE)
    new = renewal.seeded(learning, tried, window, slower(), Detection(), at=END + 5)
    kins = ["answers", "sureness"] if score else ["answers"]
    assert new.shadowed == dict.fromkeys(kins, tried)
    assert new.renewing == {"latency": SINCE} | ({} if score else {"sureness": SINCE})
    assert new.seeded == ["2.5.0"]
    assert {
        kin: renewal.usual(new, {"answers": "novelty", "sureness": "unsure"}[kin]) for kin in kins
    } == dict.fromkeys(kins, window)
    ours, theirs = ({(line.metric, line.scale, line.direction): (line.floor, line.phi) for line in one.lines
                     if renewal.kin_of(line.metric) not in renewal.OF_THE_VERSION} for one in (learning, new))  # fmt: skip
    assert ours == theirs
    assert (new.mix, new.unsure) != (old.mix, old.unsure)
    again = renewal.begun(new, ["answers"], END)
    assert ("answers" in again.shadowed, again.seeded) == (False, ["2.5.0"])
    assert Baseline.from_bytes(new.to_bytes()) == new


@pytest.mark.parametrize(("days", "least"), [(13, 30), (14, 10**6)])
def test_no_seed(days: int, least: int) -> None:
    """Less than two weeks, or hours and days of too few answers in them, are refused."""
    window, tried = Window(SINCE, SINCE + days * 24), Tried("2.5.0", "next", "d", "max_prob", None)
    with pytest.raises(NoData):
        renewal.seeded(reference(1), tried, window, slower(), Detection(smallest_block=least), at=END)


def test_nothing_to_learn_from() -> None:
    """Without a prediction in the two weeks there is nothing to learn from."""
    with pytest.raises(NoData):
        renewal.learnt(renewal.begun(reference(1), ["words"], SINCE), "words", {}, Detection(), end=SINCE + LEAST_HOURS)


def test_planned_hours_are_left_out() -> None:
    """A closure within the two weeks makes them longer by whole days, and what was wild in it is no part of what is usual."""
    closed = frozenset(range(SINCE + 30, SINCE + 60))
    planned = closed.intersection
    begun = renewal.begun(reference(1, DAYS), ["latency"], SINCE)
    assert renewal.due(begun, planned) == (SINCE + LEAST_HOURS + 48, "latency")
    wild = dict(slower())
    for hour in closed:
        wild[hour] = replace(wild[hour], latency=Histogram.of("latency_ms", [90_000] * 50))
    new = renewal.learnt(begun, "latency", wild, Detection(), end=SINCE + LEAST_HOURS + 48, planned=closed)
    assert new == renewal.learnt(begun, "latency", slower(), Detection(), end=SINCE + LEAST_HOURS + 48, planned=closed)
    assert new != renewal.learnt(begun, "latency", wild, Detection(), end=SINCE + LEAST_HOURS + 48)
    assert renewal.usual(new, "slow") == Window(SINCE, SINCE + LEAST_HOURS + 48)


def test_baselines_of_before() -> None:
    """A baseline stored before anything could be learnt anew reads as one in which nothing is."""
    plain = msgspec.msgpack.decode(reference(1).to_bytes())
    kept = {name: value for name, value in plain.items() if name not in {"renewing", "renewed", "shadowed", "seeded"}}
    assert Baseline.from_bytes(msgspec.msgpack.encode(kept)) == reference(1)
