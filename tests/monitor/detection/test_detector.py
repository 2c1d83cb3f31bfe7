"""Hours become alarms: rarely without cause, soon with one, rightly named, the same in pieces as in one go."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.detection.campaign import judged
from benchmarks.detection.traffic import MONDAY, Scenario, simulate
from monitor.detection import detector
from monitor.detection.baseline import VOLUME, WITNESS, Baseline, Line, Season
from monitor.detection.detector import State
from monitor.detection.fitting import fit
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window
from tests.monitor.detection.worlds import CHANGED, CHANGES, END, alarms, reference, world

QUICK = settings(derandomize=True, deadline=None, max_examples=4)
SHARE = 0.3


def fed(state: State, hours: dict[int, Profile], end: int, baseline: Baseline) -> tuple[State, list[detector.Judged]]:
    told = []
    while state.judged_until < end:
        state, one = detector.advance(state, baseline, hours.get(state.judged_until, Profile()), Detection())
        told.append(one)
        if one.alarm is not None:
            state = detector.raise_floors(state, one.alarm, one.alarm.hour)
    return state, told


@QUICK
@given(st.lists(st.integers(1, 7 * 24 - 1), min_size=1, max_size=4, unique=True))
def test_pieces(stops):
    """Hours judged in pieces, the state saved between them, give the same alarms and the same state, bit for bit."""
    hours, baseline = world(1, "regression"), reference(1)
    whole, told = fed(detector.begin(baseline, END), hours, END + 7 * 24, baseline)
    state, pieces = detector.begin(baseline, END), []
    for stop in [*sorted(stops), 7 * 24]:
        state, some = fed(State.from_bytes(state.to_bytes()), hours, END + stop, baseline)
        pieces += some
    assert state.to_bytes() == whole.to_bytes()
    assert [one.alarm for one in pieces] == [one.alarm for one in told]
    assert [one.evidence for one in pieces] == [one.evidence for one in told]
    assert [one.readings[WITNESS] for one in pieces] == [one.readings[WITNESS] for one in told]
    assert any(one.alarm for one in told)


def test_values():
    """States are values: judging, raising and lowering leave the given one as it was."""
    baseline = reference(1)
    state, told = fed(detector.begin(baseline, END), world(1, "latency"), END + CHANGED - 24 * 28 + 24, baseline)
    alarm = next(one.alarm for one in told if one.alarm)
    before = state.to_bytes()
    detector.advance(state, baseline, world(1)[END + 10], Detection())
    detector.raise_floors(state, alarm, 5)
    detector.lower_floors(state, alarm.hour)
    assert state.to_bytes() == before
    assert State.from_bytes(before) == state


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("seed", [1, 2])
def test_found(seed, name):
    """Each of the story's changes is found within two days, dated to within a day, and its first cause is a right one."""
    opened = [alarm for alarm, new in alarms(seed, name) if new]
    changed = MONDAY + CHANGED
    assert opened, "not found"
    assert changed < opened[0].hour <= changed + 48
    assert abs(opened[0].onset - changed) <= 24
    assert next(iter(opened[0].shares)) in CHANGES[name][1]


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_told_once(name):
    """A change that stays opens one incident, not one a day."""
    assert sum(new for _, new in alarms(1, name)) == 1


@pytest.mark.parametrize("later", [6, 14])
@pytest.mark.parametrize("seed", [1, 2])
def test_two_events(seed, later):
    """Answers that turn bad hours after the service turned slow are an incident of their own, dated to where they began."""
    turned = replace(CHANGES["regression"][0], first=CHANGED + later)
    hours = simulate(Scenario(seed, 28 + 7, 2000.0, labels=20, changes=(CHANGES["latency"][0], turned)))
    opened = [alarm for alarm, new in judged(hours, reference(seed), END + 3 * 24) if new]
    assert [next(iter(alarm.shares)) for alarm in opened] == ["latency", "confidence"]
    assert abs(opened[1].onset - MONDAY - CHANGED - later) <= 6


def test_quiet():
    """Three quiet months of three services ring at most once, as the budget of one in 10 000 hours allows."""
    found = [alarm for seed in (1, 2, 3) for alarm, _ in alarms(seed, "", 30)]
    assert len(found) <= 1


def test_silence():
    """A service that falls silent is an alarm of the volume within a working day."""
    baseline = reference(1)
    hours = {hour: one for hour, one in world(1).items() if hour < END + 34}
    _, told = fed(detector.begin(baseline, END), hours, END + 4 * 24, baseline)
    first = next(one.alarm for one in told if one.alarm)
    assert END + 34 < first.hour <= END + 34 + 24
    assert next(iter(first.shares)) == VOLUME


def simple(*, floor: float = 0.0) -> Baseline:
    """Write by hand a baseline with one exact bet each way: an automation rate of 0.3, an hour by itself."""
    lines = [Line("automation", "outputs", 1, 0.5, way, 0.0, floor, SHARE * (1 - SHARE), 0.0, SHARE) for way in (1, -1)]
    seasons = {
        "automation": Season([SHARE] * 72, SHARE * (1 - SHARE), 0.0),
        VOLUME: Season([np.log1p(100.0)] * 72, 0.0, 0.0),
    }
    return Baseline(0, 0, float("inf"), 0.0, [], [], [], ["(new)"], [[1.0]] * 12, [1.0], seasons, lines)


def careers(count: int, hours: int, limit: float, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the wealth after `hours` hours of `count` services, and whether each ever reached `limit`."""
    random = np.random.default_rng(seed)
    baseline, settings_ = simple(), Detection(threshold=limit)
    wealth, reached = np.zeros(count), np.zeros(count, bool)
    for career in range(count):
        state = detector.begin(baseline, 0)
        for ones in random.binomial(100, share, hours):
            state, one = detector.advance(
                state, baseline, Profile(records=100, automatic=int(ones), decided=100), settings_
            )
            reached[career] |= one.alarm is not None
        wealth[career] = one.evidence * limit
    return wealth, reached


def test_wealth():
    """In 300 services of which nothing changes wealth is at most the stakes paid, one an hour, on average."""
    wealth, _ = careers(300, 24, 1e9, SHARE, 21)
    assert 0 < wealth.mean() <= 24 + 2 * wealth.std() / np.sqrt(300)


def test_budget():
    """In 300 services of which nothing changes at most hours / threshold ring; of a real change nearly all do."""
    _, quiet = careers(300, 24, 240.0, SHARE, 22)
    assert quiet.mean() <= 24 / 240
    _, changed = careers(30, 24, 240.0, SHARE + 0.1, 23)
    assert changed.mean() >= 0.9


def test_alarm():
    """An alarm spends all wealth: evidence is full, then begins from the stakes of one hour."""
    baseline, few = simple(), Detection(threshold=100)
    state = detector.begin(baseline, 0)
    busy = Profile(records=100, automatic=80, decided=100)
    told = []
    for _ in range(3):
        state, one = detector.advance(state, baseline, busy, few)
        told.append(one)
    first = next(at for at, one in enumerate(told) if one.alarm)
    assert told[first].evidence == 1.0
    assert told[first].alarm.shares == {"automation": pytest.approx(1.0)}
    assert (told[first].alarm.onset, told[first].alarm.hour) == (0, first + 1)
    assert 0 in told[first].alarm.lines


def test_floor():
    """After a change was told, the same effect gathers nothing and half as much again does."""
    baseline, few = simple(), Detection(threshold=100)

    def after(share: float) -> float:
        state = detector.begin(baseline, 0)
        while True:
            state, one = detector.advance(state, baseline, Profile(records=100, automatic=50, decided=100), few)
            if one.alarm:
                break
        state = detector.raise_floors(state, one.alarm, one.alarm.hour)
        for _ in range(12):
            state, one = detector.advance(
                state, baseline, Profile(records=100, automatic=int(100 * share), decided=100), few
            )
            if one.alarm:
                return 1.0
        return one.evidence

    assert after(0.5) < 0.1
    assert after(0.75) == 1.0


def test_lower():
    """Floors of an incident that is over are gone, those of others stay."""
    state = detector.begin(simple(), 0)
    state.raised = [detector.Raised(5, 0, 0.1, 1.0, 9.0), detector.Raised(7, 1, 0.2, 1.0, 9.0)]
    assert [one.found for one in detector.lower_floors(state, 5).raised] == [7]


@pytest.mark.parametrize(
    ("deviation", "size", "expected"), [(0.02, 100, True), (0.2, 100, False), (-0.2, 100, True), (0.2, 19, None)]
)
def test_settled(deviation, size, expected):
    """A day is calm below a third of what was told, not calm above; few records, or metrics nobody was told of, say nothing."""
    state = detector.begin(simple(), 0)
    state.raised = [detector.Raised(5, 0, 0.45, 1.0, 9.0)]
    assert detector.settled(state, {"automation": (deviation, size)}, simple(), 5, told={"automation"}) is expected
    assert detector.settled(state, {}, simple(), 5, told={"automation"}) is None
    assert detector.settled(state, {"automation": (deviation, size)}, simple(), 5, told={"latency"}) is None


def test_small_hours():
    """Hours of fewer records than a block needs leave wealth alone, however odd they look."""
    state, _ = detector.advance(
        detector.begin(simple(), 0), simple(), Profile(records=19, automatic=19, decided=19), Detection()
    )
    assert sum(map(sum, state.wealth)) == 0


def test_readings():
    """What is kept to be shown is the metric's reading, the season's expectation and the spread of an hour of that size."""
    _, one = detector.advance(
        detector.begin(simple(), 0), simple(), Profile(records=50, automatic=20, decided=50), Detection()
    )
    reading, expected, sd = one.readings["automation"]
    assert reading == (0.4, 50)
    assert expected == SHARE
    assert sd == pytest.approx(np.sqrt(SHARE * (1 - SHARE) / 50))
    assert one.readings[VOLUME][1] == pytest.approx(100)


def test_mix_is_shown():
    """Each hour's mix of answers is kept as its distance beside the band of as many answers; a change leaves the band."""
    baseline = reference(1)
    _, told = fed(detector.begin(baseline, END), world(1, "activity"), END + 7 * 24, baseline)
    line = next(one for one in baseline.lines if (one.metric, one.scale) == (WITNESS, 1))
    beyond: dict[bool, list[bool]] = {False: [], True: []}
    for one in told:
        (value, size), expected, sd = one.readings[WITNESS]
        assert size == world(1, "activity").get(one.hour, Profile()).labels.total
        assert (expected, sd) == (line.centre, pytest.approx(np.sqrt(line.phi / max(size, 1) + line.tau2)))
        if size >= 20 and not 0 <= one.hour - MONDAY - CHANGED < 24:
            beyond[one.hour >= MONDAY + CHANGED].append(value > expected + 2 * sd)
    assert np.mean(beyond[False]) < 0.1
    assert np.mean(beyond[True]) > 0.9


def only(baseline: Baseline, *scales: int) -> Baseline:
    """Return the baseline whose lines of the mix are those of these scales."""
    lines = [line for line in baseline.lines if line.metric != WITNESS or line.scale in scales]
    return msgspec.structs.replace(baseline, lines=lines)


def test_mix_of_thin_traffic_is_shown_by_the_day():
    """Without a line for hours the day is shown at its end, beside the daily line's band; without any line nothing is."""
    baseline = only(reference(1), 24)
    line = next(one for one in baseline.lines if one.metric == WITNESS)
    _, told = fed(detector.begin(baseline, END), world(1), END + 48, baseline)
    shown = {one.hour: one.readings[WITNESS] for one in told if WITNESS in one.readings}
    assert sorted(shown) == [END + 23, END + 47]
    (_, size), expected, sd = shown[END + 47]
    assert size == sum(world(1)[END + hour].labels.total for hour in range(24, 48))
    assert (expected, sd) == (line.centre, pytest.approx(np.sqrt(line.phi / size + line.tau2)))
    assert not any(
        WITNESS in one.readings
        for one in fed(detector.begin(only(baseline), END), world(1), END + 24, only(baseline))[1]
    )


@pytest.mark.parametrize("seed", [0, 3])
def test_thin_reference(seed):
    """Two weeks of 288 answers a day over 732 labels: what so few answers cannot tell raises no alarm."""
    hours = simulate(Scenario(seed, 14 + 20, 288.0, labels=732))
    end = MONDAY + 14 * 24
    baseline = fit(hours, Window(MONDAY, end), Detection())
    answers = Profile.sum(hours[h] for h in hours if h < end).labels.total
    assert len(baseline.labels) == answers // 40 + 1
    assert list(judged(hours, baseline, end + 20 * 24)) == []
