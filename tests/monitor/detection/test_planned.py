"""Planned hours are read and not judged: nothing in them raises or calms anything, and what goes on behind them is told."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection import detector
from monitor.detection.backtest import replay
from monitor.detection.baseline import WITNESS
from monitor.detection.detector import State
from monitor.nomenclature import Nomenclature
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from tests.monitor.detection.worlds import CHANGED, END, REFERENCE_DAYS, reference, world

BEGAN = END + CHANGED - 24 * REFERENCE_DAYS


def advanced(name: str, hours: range, planned: range) -> tuple[State, list[detector.Judged]]:
    state, told = detector.begin(reference(1), hours.start), []
    for hour in hours:
        profile = world(1, name).get(hour, Profile())
        state, one = detector.advance(state, reference(1), profile, Detection(), is_planned=hour in planned)
        told.append(one)
    return state, told


@settings(derandomize=True, deadline=None, max_examples=6)
@given(st.integers(1, 40), st.integers(1, 60))
def test_what_happens_in_planned_hours_is_no_matter(first: int, many: int) -> None:
    """Whatever lies in planned hours leaves the same state; their wealth is that of the hour before."""
    planned = range(END + first, END + first + many)
    hours = range(END, planned.stop + 12)
    ordinary, _ = advanced("", hours, planned)
    empty_of, told = detector.begin(reference(1), END), []
    for hour in hours:
        profile = Profile() if hour in planned else world(1)[hour]
        empty_of, one = detector.advance(empty_of, reference(1), profile, Detection(), is_planned=hour in planned)
        told.append(one)
    assert empty_of.to_bytes() == ordinary.to_bytes()
    assert [one.is_planned for one in told] == [hour in planned for hour in hours]


def test_stakes_wait() -> None:
    """A line's stake of planned hours is put on its next block: the budget is spent on judged hours, and is no larger."""
    planned = range(END + 11, END + 16)
    state, _ = advanced("", range(END, END + 17), planned)
    hourly = [i for i, line in enumerate(reference(1).lines) if line.scale == 1 and line.metric == "confidence"]
    assert {state.paid_until[i] for i in hourly} == {END + 17}
    before, _ = advanced("", range(END, END + 16), planned)
    assert {before.paid_until[i] for i in hourly} == {END + 11}
    assert [before.wealth[i] for i in hourly] == [
        advanced("", range(END, END + 11), planned)[0].wealth[i] for i in hourly
    ]


def test_told_behind_the_plan() -> None:
    """A change that begins in a planned stretch is told after it, if it goes on; one that is over with it is never told."""
    end, names = END + 7 * 24, Nomenclature()
    announced = range(BEGAN, BEGAN + 48)
    found = replay(world(1, "latency"), reference(1), Detection(), end, names, planned=announced)
    assert [one.found_hour >= announced.stop for one in found.incidents] == [True]
    over = replay(world(1, "latency"), reference(1), Detection(), end, names, planned=range(BEGAN, end))
    assert over.incidents == ()


def test_readings_are_kept() -> None:
    """The page still shows what was read, as not judged."""
    _, told = advanced("latency", range(END, BEGAN + 3), range(BEGAN, BEGAN + 3))
    value, expected, _ = told[-1].readings["latency"]
    assert value.value > expected + 0.2
    _, ordinary = advanced("latency", range(END, BEGAN + 3), range(0))
    assert told[-3].readings[WITNESS] == ordinary[-3].readings[WITNESS]
    assert told[-3].readings[WITNESS][0].size > 0
    assert msgspec.msgpack.encode(told[-1].evidence) == msgspec.msgpack.encode(told[-2].evidence)
