"""What obliges to retrain, one by one, and what does not."""

from dataclasses import replace

import pytest

from monitor.calendar import Standing
from monitor.obligation import LEAST_LABELS, REVISION_US, below_floor, overdue, revision, unknown_classes
from monitor.plan import MARKS, Planned

DAY_US = REVISION_US // 60
NAF = Planned(1, "", "revision", 100 * DAY_US, None, "NAF", "alice", 10 * DAY_US)


@pytest.mark.parametrize(("today", "obliges"), [(39, False), (40, True), (100, True), (101, False)])
def test_revision_near(today, obliges):
    """A revision obliges in the 60 days before it, and no more once it is there."""
    assert (revision([NAF], today * DAY_US, None) is not None) == obliges


@pytest.mark.parametrize(("trained", "obliges"), [(5, True), (39, True), (40, False), (60, False)])
def test_revision_met(trained, obliges):
    """A training in these days has met it."""
    assert (revision([NAF], 70 * DAY_US, trained * DAY_US) is not None) == obliges


def test_revision_announced_late():
    """A training before anybody announced the revision has not met it."""
    late = replace(NAF, added_us=65 * DAY_US)
    assert revision([late], 70 * DAY_US, 64 * DAY_US) is not None
    assert revision([late], 70 * DAY_US, 65 * DAY_US) is None


def test_other_plans():
    """Nothing else that is planned obliges, nor a revision taken back; of two the nearer is told."""
    others = [replace(NAF, kind=kind) for kind in MARKS if kind != "revision"]
    assert revision([*others, replace(NAF, removed_us=1)], 70 * DAY_US, None) is None
    assert "02 Apr 1970" in revision([NAF, replace(NAF, from_us=91 * DAY_US)], 70 * DAY_US, None)


@pytest.mark.parametrize(
    ("new", "others", "found"),
    [(LEAST_LABELS, 0, True), (LEAST_LABELS - 1, 0, False), (10, 990, True), (10, 991, False), (0, 0, False)],
)
def test_unknown_classes(new, others, found):
    """A class counts from 1 % of the labels on, and from five of them."""
    assert unknown_classes({"47": new, "56": others}, {"56"}) == (["47"] if found else [])


@pytest.mark.parametrize(
    ("rows", "obliges"),
    [
        ([(41, 0.8), (71, 0.8)], True),
        ([(41, 0.8), (69, 0.95), (71, 0.8)], False),  # of the month before, the newest counts
        ([(41, 0.95), (69, 0.8), (70, 0.95), (99, 0.8)], True),
        ([(71, 0.8), (99, 0.8)], False),
        ([(41, 0.8), (69, 0.8)], False),
        ([(39, 0.8), (71, 0.8)], False),
        ([(41, 0.8), (71, None)], False),
        ([(41, 0.9), (71, 0.8)], False),
        ([], False),
    ],
)
def test_below_floor(rows, obliges):
    """Both of the last two months must lie below the floor with their newest figures; a month without one proves nothing."""
    found = below_floor([{"day": day, "high": high} for day, high in rows], 0.9, end_day=100, trained_day=0)
    assert (found is not None) == obliges


@pytest.mark.parametrize("state", ["not_due", "due", "overdue"])
@pytest.mark.parametrize("policy", ["review", "must"])
def test_overdue(state, policy):
    """Only a calendar that must be kept obliges, and only when it is overdue."""
    assert (overdue(Standing(state), policy) is not None) == (state == "overdue" and policy == "must")
