"""Which incidents one message tells of."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.group import JOINS_WITHIN_US, Group, Member, common, gathered

QUICK = settings(derandomize=True, deadline=None, max_examples=300)
HOUR_US = 3_600_000_000
FRESH = st.lists(
    st.builds(
        Member, incident=st.just(0), model=st.sampled_from("abcdefg"), onset_hour=st.integers(0, 40),
        tags=st.frozensets(st.sampled_from(["embedder", "gateway", "feed"])), opened_us=st.integers(0, 12).map(lambda h: h * HOUR_US),
    ),
    max_size=12,
).map(lambda some: [replace(one, incident=n, row=n) for n, one in enumerate(some)])  # fmt: skip


def models(members) -> set[str]:
    return {one.model for one in members}


@QUICK
@given(FRESH)
def test_each_is_told_once(fresh) -> None:
    """Every incident is in exactly one message, the one of the lowest number among those of its run."""
    found = gathered(fresh, [])
    assert sorted(one.incident for _, new in found for one in new) == list(range(len(fresh)))
    assert all(group.message in {one.row for one in new} for group, new in found)


@QUICK
@given(FRESH)
def test_one_run(fresh) -> None:
    """Of one run: three models are one message, two are one exactly when they share a name, one model is as many as it has incidents."""
    run = [replace(one, opened_us=0) for one in fresh]
    known = models(run)
    shared = len(known) == 2 and frozenset.intersection(
        *(frozenset().union(*(o.tags for o in run if o.model == m)) for m in known)
    )
    expected = 1 if len(known) > 2 or shared else len(run)
    assert len(gathered(run, [])) == expected


@QUICK
@given(FRESH)
def test_what_is_grouped_has_something_in_common(fresh) -> None:
    """Two models are told together only if they share a name; the names told are those of two models or more."""
    for group, _ in gathered(fresh, []):
        if len(models(group.members)) == 2:
            assert group.tags
        assert group.tags == common(group.members)


@QUICK
@given(FRESH, st.integers(0, 12))
def test_joins(fresh, hour) -> None:
    """Nobody joins a group that was told more than six hours before, or whose incidents are all closed."""
    first = Group(
        (Member(90, "x", 5, frozenset({"embedder", "gateway", "feed"})), Member(91, "y", 5)),
        frozenset({"embedder"}),
        hour * HOUR_US,
        7,
    )
    for group, new in gathered(fresh, [first]):
        if group.first == 7:
            assert all(one.opened_us <= hour * HOUR_US + JOINS_WITHIN_US for one in new)
    over = replace(first, members=tuple(replace(one, is_closed=True) for one in first.members))
    assert all(group.first == 0 for group, _ in gathered(fresh, [over]))


def test_same_model_again() -> None:
    """A second incident of the only model of a message is no sign of anything shared."""
    one = Member(1, "ape", 5, frozenset({"embedder"}), row=1)
    assert not Group((one,), one.tags, 0, 1).takes(replace(one, incident=2))
    assert len(gathered([one, replace(one, incident=2, row=2)], [])) == 2
