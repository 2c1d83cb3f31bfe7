"""Lines by their fate, and the empty batch."""

from dataclasses import astuple

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.batch import Batch, Lines
from monitor.prediction import SCHEMA, empty, step_of

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
LINES = st.builds(Lines, *[st.integers(0, 10**6)] * 4)


@QUICK
@given(LINES, LINES, LINES)
def test_lines(one, two, three):
    """Fates add up one by one, in any order, and their total is the sum of all."""
    assert astuple(one + two) == tuple(a + b for a, b in zip(astuple(one), astuple(two), strict=True))
    assert (one + two) + three == three + (two + one)
    assert one + Lines() == one
    assert (one + two).total == sum(astuple(one)) + sum(astuple(two))


def test_empty():
    """A batch of nothing has every column and nothing else."""
    batch = Batch(start=5, end=5)
    assert batch.predictions.height == 0
    assert dict(batch.predictions.schema) == SCHEMA
    assert (batch.rejects, batch.lines.total) == ((), 0)


def test_own_frames():
    """Two batches do not share their frame."""
    assert Batch(0, 0).predictions is not Batch(0, 0).predictions
    assert empty(("TYP", "NAT")).columns[-2:] == ["field_TYP", "field_NAT"]


@QUICK
@given(st.integers(0, 10_000))
def test_grid(step):
    """Every step of the grid comes back from its score, computed one way or the other."""
    assert step_of(step / 10_000) == step == step_of(step * 0.0001)
