"""Pairs of answers: additive, and as a loop over the answers counts them."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitor.profiles.pairs import Pairs
from tests.monitor.profiles.rows import QUICK

ANSWER = st.tuples(
    st.sampled_from([None, "a", "b", "c"]), st.none() | st.integers(0, 10_000), st.sampled_from([None, "automatic", "manual"])
)  # fmt: skip
ANSWERS = st.lists(st.tuples(ANSWER, ANSWER), max_size=25)
OUTCOMES = st.dictionaries(st.sampled_from(["answered", "timeout"]), st.integers(1, 9))


@QUICK
@given(ANSWERS)
def test_counts(answers):
    """Labels, decisions and scores are counted pair by pair."""
    found = Pairs.of(answers)
    assert dict(found.labels) == dict(Counter((a[0] or "(none)", b[0] or "(none)") for a, b in answers))
    same = Counter((a[2] or "none", b[2] or "none", a[0] == b[0]) for a, b in answers)
    assert dict(found.decisions) == dict(same)
    assert found.champion.total == sum(a[1] is not None for a, _ in answers)
    assert found.challenger.counts.nonzero()[0].tolist() == sorted(
        {min(b[1] // 50, 199) for _, b in answers if b[1] is not None}
    )


@QUICK
@given(ANSWERS)
def test_agreement(answers):
    """Agreement is the share of equal labels; nothing compared gives no number."""
    found = Pairs.of(answers)
    assert found.compared == len(answers)
    if answers:
        assert found.agreement == sum(a[0] == b[0] for a, b in answers) / len(answers)
    else:
        assert math.isnan(found.agreement)


@QUICK
@given(ANSWERS, ANSWERS, ANSWERS, OUTCOMES)
def test_adding(one, two, three, outcomes):
    """Pairs of joined answers are the sum of pairs, in any order; none adds nothing."""
    a, b, c = Pairs.of(one, outcomes), Pairs.of(two, outcomes), Pairs.of(three)
    doubled = {name: 2 * count for name, count in outcomes.items()}
    assert Pairs.of(one + two + three, doubled) == a + b + c == Pairs.sum([c, b, a])
    assert a + Pairs() == a


@QUICK
@given(ANSWERS, OUTCOMES)
def test_bytes(answers, outcomes):
    """Pairs come back from their bytes; the order of answers does not change the bytes."""
    found = Pairs.of(answers, outcomes)
    assert Pairs.from_bytes(found.to_bytes()) == found
    assert Pairs.of(answers[::-1], outcomes).to_bytes() == found.to_bytes()
