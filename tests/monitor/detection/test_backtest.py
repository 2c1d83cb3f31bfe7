"""A replay follows incidents to their end, and puts two accounts of the same hours side by side."""

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.detection.traffic import Change, Scenario, simulate
from monitor.detection.backtest import beside, changed, replay
from monitor.detection.incident import Cause, Incident
from monitor.nomenclature import Nomenclature
from monitor.settings import Detection
from tests.monitor.detection.worlds import CHANGED, END, REFERENCE_DAYS, reference, world

DAYS = 16
NAMES = Nomenclature()


def test_from_onset_to_end():
    """A slow service of two days is told once, named, and closed a week after it was over."""
    over = CHANGED + 48
    hours = simulate(Scenario(1, REFERENCE_DAYS + DAYS, 2000.0, labels=20, changes=(Change("latency", CHANGED, end=over, latency=1.35),)))  # fmt: skip
    found = replay(hours, reference(1, DAYS), Detection(), END + 24 * DAYS, NAMES)
    (one,) = found.incidents
    assert [told.opened for told in found.told][:1] == [True]
    assert {told.incident for told in found.told} == {1}
    assert one.causes[0].metric in {"latency", "slow"}
    assert (one.state, one.closed_as) == ("closed", "recovered")
    assert (
        END - 24 * REFERENCE_DAYS + over + 7 * 24
        <= (one.closed_hour or 0)
        <= END - 24 * REFERENCE_DAYS + over + 10 * 24
    )


def test_quiet_and_deaf():
    """Where nothing changed nothing is told, and neither is a change where a threshold cannot be reached in time."""
    assert replay(world(1), reference(1), Detection(), END + 7 * 24, NAMES).told == ()
    deaf = changed(Detection(), ["threshold=1e300", "clip=0.5"])
    assert replay(world(1, "latency"), reference(1), deaf, END + 7 * 24, NAMES).incidents == ()


def incidents(side: int) -> st.SearchStrategy[list[Incident]]:
    one = st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 40) | st.none(), st.sampled_from(["inputs", "outputs"]))  # fmt: skip
    return st.lists(one, max_size=6).map(lambda many: [
        Incident(100 * side + number, "", onset, onset + delay, "open" if lasts is None else "closed",
                 (Cause("m", group, 1.0, "", 0, 0, 0, 1, ""),), closed_hour=None if lasts is None else onset + delay + lasts)
        for number, (onset, delay, lasts, group) in enumerate(many)])  # fmt: skip


@settings(derandomize=True, deadline=None)
@given(incidents(1), incidents(2))
def test_beside(ours: list[Incident], theirs: list[Incident]) -> None:
    """Every incident stands in one row; a pair was going on at once; nobody stays alone beside an own partner; order is no matter."""
    rows = beside(ours, theirs)
    assert sorted(a.id for a, _ in rows if a) == [one.id for one in ours]
    assert sorted(b.id for _, b in rows if b) == [one.id for one in theirs]
    alone = [a or b for a, b in rows if a is None or b is None]
    for a, b in rows:
        if a and b:
            assert a.causes[0].group == b.causes[0].group
            assert a.onset_hour < (b.closed_hour or 10**6)
            assert b.onset_hour < (a.closed_hour or 10**6)
    for one in alone:
        for other in alone:
            if one and other and one.id // 100 != other.id // 100:
                apart = one.onset_hour >= (other.closed_hour or 10**6) or other.onset_hour >= (one.closed_hour or 10**6)
                assert apart or one.causes[0].group != other.causes[0].group
