"""What a pinned period says to expect: refusals, stakes, expectations, and its bytes."""

import math

import numpy as np
import pytest

from benchmarks.detection.traffic import MONDAY
from monitor.detection.baseline import LEAST_HOURS, NEW_LABEL, VOLUME, WITNESS, Baseline, label_vector
from monitor.detection.fitting import STAKES, fit
from monitor.detection.season import cell_of, day_type
from monitor.errors import NoData
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window
from tests.monitor.detection.worlds import END, reference, world


def test_bytes():
    """A baseline comes back from its bytes."""
    assert Baseline.from_bytes(reference(1).to_bytes()) == reference(1)


def test_order():
    """The order of hours in the store, and hours outside the window, change nothing."""
    turned = dict(reversed(world(1).items()))
    assert fit(turned, Window(MONDAY, END), Detection()) == reference(1)


def test_short():
    """Less than two weeks are refused with how long they are; two weeks are enough."""
    with pytest.raises(NoData, match=r"14 days, this one has 13\.9"):
        fit(world(1), Window(MONDAY, MONDAY + LEAST_HOURS - 2), Detection())
    assert fit(world(1), Window(MONDAY, MONDAY + LEAST_HOURS), Detection()).lines


def test_nothing():
    """A window without predictions is refused."""
    with pytest.raises(NoData, match="no prediction"):
        fit({}, Window(MONDAY, END), Detection())


def test_stakes():
    """Stakes add to one unit an hour, and groups get the parts they are meant to."""
    lines = reference(1).lines
    assert sum(line.stake for line in lines) == pytest.approx(1)
    for group, stake in STAKES.items():
        found = sum(line.stake for line in lines if line.group == group)
        assert found == pytest.approx(stake / sum(STAKES.values()))
    assert {line.metric for line in lines} >= {"latency", "errors", "unknown_words", "confidence", WITNESS, VOLUME}
    assert {line.scale for line in lines} == {1, 24}


def test_families():
    """Twenty labels share the stake of one metric: more labels must not starve the rest."""
    lines = reference(1).lines
    of = {name: sum(line.stake for line in lines if line.metric.startswith(name)) for name in ("label:", "confidence")}
    assert of["label:"] == pytest.approx(of["confidence"])


def test_expected():
    """Expected numbers follow the hours of the reference: the volume of a working noon and of a Sunday night."""
    hours = {hour: one for hour, one in world(1).items() if hour < END}
    cells = np.expm1(reference(1).seasons[VOLUME].cells)
    for hour_of_day, kind in ((12, 0), (3, 2)):
        seen = [
            one.records
            for hour, one in hours.items()
            if hour % 24 == hour_of_day and day_type(np.array([hour]))[0] == kind
        ]
        cell = int(cell_of(np.array([MONDAY + 24 * (6 if kind else 0) + hour_of_day]))[0])
        assert cells[cell] == pytest.approx(np.median(seen), rel=0.5)
    usual = Profile.sum(hours.values())
    cells = reference(1).seasons["confidence"].cells
    assert np.mean(cells) == pytest.approx(usual.score.mean(), abs=0.02)


def test_weekend():
    """A busy service that only works in office hours is not expected to answer over the weekend."""
    office = {
        MONDAY + hour: Profile(records=300, distinct=300, labels=Counts.of(a=300))
        for hour in range(24 * 28)
        if 8 <= hour % 24 < 18 and hour // 24 % 7 < 5
    }
    cells = np.expm1(fit(office, Window(MONDAY, END), Detection()).seasons[VOLUME].cells)
    weekend = np.arange(MONDAY + 24 * 4 + 19, MONDAY + 24 * 7 + 7)  # Friday evening to Monday morning
    assert cells[cell_of(weekend)].sum() < 50  # from so many on a model counts as silent
    assert cells[cell_of(np.arange(MONDAY + 9, MONDAY + 17))] == pytest.approx(300, rel=0.3)


def test_few_records():
    """A service of three predictions a day is expected to be silent, not judged: no line, no error."""
    quiet = {MONDAY + 24 * day: Profile(records=3, distinct=3, labels=Counts.of(a=3)) for day in range(20)}
    found = fit(quiet, Window(MONDAY, MONDAY + 24 * 20), Detection())
    assert all(line.metric in {VOLUME, WITNESS} for line in found.lines) or not found.lines
    assert Baseline.from_bytes(found.to_bytes()) == found


def test_finite():
    """No line has a floor or a spread that is not a finite number above or at zero."""
    for line in reference(1).lines:
        assert all(math.isfinite(one) and one >= 0 for one in (line.floor, line.phi, line.tau2, line.stake))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": 3, "b": 1}, [3, 1, 0]),
        ({"b": 1, "z": 4, "y": 2}, [0, 1, 6]),
        ({"(none)": 5, "a": 1}, [1, 0, 0]),
        ({}, [0, 0, 0]),
    ],
)
def test_vector(counts, expected):
    """Labels the reference lacks count as new, no label counts nowhere."""
    assert label_vector(Profile(labels=Counts(counts)), ["a", "b", NEW_LABEL]).tolist() == expected


def closed(hours: dict[int, Profile], days: range) -> dict[int, Profile]:
    """Take the predictions of some days of the reference away."""
    return {hour: one for hour, one in hours.items() if (hour - MONDAY) // 24 not in days}


def test_planned_hours_are_left_out():
    """Whatever lies in planned hours of the reference is no part of it: nothing, or twenty times the usual."""
    days = range(8, 11)
    planned = {MONDAY + 24 * day + hour for day in days for hour in range(24)}
    window = Window(MONDAY, END)
    wild = {hour: Profile.sum([one] * 20) if hour in planned else one for hour, one in world(1).items()}
    ours = fit(world(1), window, Detection(), planned)
    assert fit(closed(world(1), days), window, Detection(), planned) == ours == fit(wild, window, Detection(), planned)
    assert ours != reference(1)


def test_a_closure_in_the_reference():
    """Three closed days widen what volume may do by itself; in the plan they do not, and expectations are as without them."""
    days = range(8, 11)
    planned = {MONDAY + 24 * day + hour for day in days for hour in range(24)}
    window, holed = Window(MONDAY, END), closed(world(1), days)
    unsaid, said = fit(holed, window, Detection()), fit(holed, window, Detection(), planned)
    floor = {name: max(line.floor for line in one.lines if line.metric == VOLUME and line.scale == 24)
             for name, one in (("usual", reference(1)), ("unsaid", unsaid), ("said", said))}  # fmt: skip
    assert floor["unsaid"] > 2 * floor["usual"]
    assert floor["said"] < 1.2 * floor["usual"]
    usual, now = (np.expm1(np.array(one.seasons[VOLUME].cells)) for one in (reference(1), said))
    assert now.sum() == pytest.approx(usual.sum(), rel=0.1)


def test_planned_days_do_not_count():
    """A reference of two weeks with planned hours in it is refused, and says why."""
    with pytest.raises(NoData, match=r"this one has 13\.0 besides what was planned"):
        fit(world(1), Window(MONDAY, MONDAY + LEAST_HOURS), Detection(), set(range(MONDAY, MONDAY + 24)))
