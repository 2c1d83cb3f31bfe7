"""Which incident an alarm belongs to, by trying all."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.incident import Cause, Incident, owner

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
GROUPS = st.sampled_from(["inputs", "outputs", "service"])


def cause(group: str, metric: str = "m", share: float = 1.0) -> Cause:
    return Cause(metric, group, share, "ms", 40.0, 80.0, 9, 1, "it moved")


INCIDENTS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["open", "recovering", "closed"]), st.lists(GROUPS, max_size=1)), max_size=5
).map(lambda drawn: [Incident(at + 1, "ape", found - 3, found, state, tuple(map(cause, groups)))
                     for at, (found, state, groups) in enumerate(drawn)])  # fmt: skip


@QUICK
@given(INCIDENTS, st.integers(0, 250), GROUPS, st.none() | st.integers(0, 200))
def test_joins(known, onset, group, continues):
    """An alarm belongs to an open incident of its group up to a day after, or that told of it; of another, only before it."""
    for one in known:
        alike = not one.causes or one.causes[0].group == group
        last = one.found_hour if not alike else 10**6 if one.found_hour == continues else one.found_hour + 24
        assert one.joins(onset, group, continues) == (one.state in {"open", "recovering"} and onset <= last)


@QUICK
@given(INCIDENTS, st.integers(0, 250), GROUPS, st.none() | st.integers(0, 200), st.randoms(use_true_random=False))
def test_owner(known, onset, group, continues, random):
    """The owner is the oldest that goes, whatever the order they are listed in; nobody when none goes."""
    going = [one for one in known if one.joins(onset, group, continues)]
    found = owner(random.sample(known, len(known)), onset, group, continues)
    if not going:
        assert found is None
    else:
        assert (found.found_hour, found.id) == min((one.found_hour, one.id) for one in going)


@QUICK
@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.floats(0.01, 1)), min_size=1, max_size=6), max_size=8))
def test_shares(alarms):
    """However many alarms tell of it, shares never say more than the whole, and no metric is listed twice."""
    one = Incident(1, "ape", 1, 2, "open", (cause("inputs"),))
    for alarm in alarms:
        whole = sum(share for _, share in alarm)
        fresh = {number: cause("outputs", f"m{number}", share / whole) for number, share in alarm}
        known = [c.metric for c in one.causes]
        one = replace(one, causes=one.with_causes(fresh.values()))
        assert sum(c.share for c in one.causes) <= 1 + 1e-9
        new = [f"m{n}" for n, c in fresh.items() if c.share >= 0.1 and f"m{n}" not in known]
        assert [c.metric for c in one.causes] == known + new


def test_claim():
    """The claim is the explanation's sentence, else the first cause's, else that something changed."""
    one = Cause("latency", "service", 1.0, "ms", 40.0, 80.0, 9, 1, "usual latency 40 ms -> 80 ms")
    assert Incident(1, "ape", 1, 2, "open", (one,), {"claim": "Slow"}).claim == "Slow"
    assert Incident(1, "ape", 1, 2, "open", (one,)).claim == one.text
    assert Incident(1, "ape", 1, 2, "open", ()).claim == "something changed"
