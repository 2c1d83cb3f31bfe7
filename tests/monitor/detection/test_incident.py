"""Which incident an alarm belongs to, by trying all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.incident import Cause, Incident, owner

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
INCIDENTS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["open", "recovering", "closed"])), max_size=5
).map(lambda drawn: [Incident(at + 1, "ape", found - 3, found, state, ()) for at, (found, state) in enumerate(drawn)])  # fmt: skip


@QUICK
@given(INCIDENTS, st.integers(0, 250))
def test_joins(known, onset):
    """An alarm belongs to an incident that is not closed when its cause began before that was a day old."""
    for one in known:
        assert one.joins(onset) == (one.state in {"open", "recovering"} and onset - one.found_hour <= 24)


@QUICK
@given(INCIDENTS, st.integers(0, 250), st.none() | st.integers(0, 200), st.randoms(use_true_random=False))
def test_owner(known, onset, continues, random):
    """The owner is the oldest that goes, whatever the order they are listed in; nobody when none goes."""
    going = [
        one for one in known if one.state != "closed" and (onset <= one.found_hour + 24 or one.found_hour == continues)
    ]
    found = owner(random.sample(known, len(known)), onset, continues)
    if not going:
        assert found is None
    else:
        assert (found.found_hour, found.id) == min((one.found_hour, one.id) for one in going)


def test_claim():
    """The claim is the explanation's sentence, else the first cause's, else that something changed."""
    cause = Cause("latency", "service", 1.0, "ms", 40.0, 80.0, 9, 1, "usual latency 40 ms -> 80 ms")
    assert Incident(1, "ape", 1, 2, "open", (cause,), {"claim": "Slow"}).claim == "Slow"
    assert Incident(1, "ape", 1, 2, "open", (cause,)).claim == cause.text
    assert Incident(1, "ape", 1, 2, "open", ()).claim == "something changed"
