"""Hours add up, whatever the order and the split, and agree with counting one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.engines.local import profiles
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile, by_hour, mark_repeats
from tests.monitor.profiles.rows import QUICK, ROWS, counted, frame, repeats


@QUICK
@given(ROWS)
def test_repeats(rows):
    """A row is a repeat when the same caller sent the same text earlier in the hour."""
    marked = mark_repeats(frame(rows))
    assert set(marked.filter(pl.col("repeat"))["uid"].to_list()) == repeats(rows)
    assert marked.height == len(rows)


@QUICK
@given(ROWS)
def test_counts_one_by_one(rows):
    """Every part of every hour is what a loop over the rows counts."""
    expected, found = counted(rows), by_hour(mark_repeats(frame(rows)))
    filled = {key for key, parts in expected.items() if any(+Counter(one) for one in parts.values())}
    assert {tuple(key) for key in found} == filled
    for key, profile in found.items():
        parts = expected[tuple(key)]
        for name in ("records", "distinct", "decided", "automatic", "empty_texts"):
            assert getattr(profile, name) == parts["whole"][name], name
        for name in ("outcomes", "decisions", "labels_raw", "labels", "versions"):
            assert dict(getattr(profile, name).of_name) == dict(parts[name]), name
        for name in ("latency", "score", "strange", "support"):
            counts = getattr(profile, name).counts
            assert {int(at): int(counts[at]) for at in np.flatnonzero(counts)} == dict(parts[name]), name
        banded = {(low, label): count for low, one in profile.bands.items() for label, count in one.of_name.items()}
        assert banded == dict(parts["bands"])
        unknown = parts["unknown"]
        assert (profile.unknown.count, profile.unknown.total, profile.unknown.squares) == (
            unknown["count"], unknown["total"], unknown["squares"],
        )  # fmt: skip


@QUICK
@given(ROWS)
def test_fields(rows):
    """A watched field counts its values; what is missing or unfit to show has a name of its own."""
    expected = counted(rows)
    for key, profile in by_hour(mark_repeats(frame(rows))).items():
        for name in ("TYP", "caller", "region"):
            counts = dict(expected[tuple(key)][f"field:{name}"])
            assert dict(profile.of_field(name).of_name) == counts
            assert (name in profile.fields) == bool(counts.keys() - {"(absent)"})


def test_absent_values_of_before():
    """An hour in which an earlier version counted what has no value reads as one that leaves it out."""
    now = Profile(distinct=3, fields={"TYP": Counts.of(I=2)})
    before = replace(now, fields={"TYP": Counts({"I": 2, "(absent)": 1}), "caller": Counts({"(absent)": 3})})
    assert Profile.from_bytes(before.to_bytes()) == now
    assert dict(now.of_field("caller").of_name) == {"(absent)": 3}


@QUICK
@given(ROWS)
def test_neighbours(rows):
    """An hour's fields are the same whether or not a neighbour's rows bring the column."""
    marked = mark_repeats(frame(rows))
    bare = marked.filter(pl.col("field_TYP").is_null())
    with_column, without = by_hour(bare), by_hour(bare.drop("field_TYP"))
    assert with_column == without


@QUICK
@given(ROWS, st.randoms(use_true_random=False))
def test_split(rows, random):
    """Profiles of a split of the rows add up to the profile of all rows."""
    marked = mark_repeats(frame(rows))
    side = pl.Series([random.random() < 0.5 for _ in range(marked.height)], dtype=pl.Boolean)
    one, other = by_hour(marked.filter(side)), by_hour(marked.filter(~side))
    added = {key: one.get(key, Profile()) + other.get(key, Profile()) for key in one.keys() | other.keys()}
    whole = by_hour(marked)
    assert added.keys() == whole.keys()
    for key, profile in whole.items():
        assert added[key] == profile


@QUICK
@given(ROWS, st.randoms(use_true_random=False))
def test_order(rows, random):
    """The order in which rows arrive changes nothing."""
    shuffled = random.sample(rows, len(rows))
    assert profiles(frame(shuffled)) == profiles(frame(rows))


@QUICK
@given(ROWS, ROWS, ROWS)
def test_adding(one, two, three):
    """Adding is associative and commutative, and the empty profile adds nothing."""
    a, b, c = (Profile.of(mark_repeats(frame(rows))) for rows in (one, two, three))
    assert (a + b) + c == a + (b + c) == Profile.sum([c, a, b])
    assert a + b == b + a
    assert a + Profile() == a == Profile() + a
    assert Profile.sum([]) == Profile()


@QUICK
@given(ROWS)
def test_bytes(rows):
    """A profile comes back from its bytes, and equal profiles give equal bytes."""
    profile = Profile.of(mark_repeats(frame(rows)))
    body = profile.to_bytes()
    assert Profile.from_bytes(body) == profile
    assert Profile.from_bytes(body).to_bytes() == body
    turned = Profile.sum(reversed([*by_hour(mark_repeats(frame(rows))).values()]))
    assert turned.to_bytes() == body


def test_older_bytes():
    """Bytes of a version that knew fewer parts read with those parts empty."""
    import zlib

    import msgspec

    body = zlib.compress(msgspec.msgpack.encode({"records": 3, "labels": {"a": 3}}))
    assert Profile.from_bytes(body) == Profile(records=3, labels=Counts.of(a=3))


def test_no_rows():
    """No rows make no profile, not one of zeros."""
    assert profiles(frame([])) == {}


@pytest.mark.parametrize("part", ["records", "labels", "bands", "score", "unknown", "fields"])
def test_parts_matter(part):
    """Two profiles that differ in one part are not equal."""
    from monitor.profiles.histogram import Histogram
    from monitor.profiles.moments import Moments

    changed = {
        "records": 1, "labels": Counts.of(a=1), "score": Histogram.of("score", [0.5]), "unknown": Moments(1, 5, 25),
        "fields": {"TYP": Counts.of(I=1)}, "bands": {"0.5": Counts.of(a=1)},
    }  # fmt: skip
    assert Profile(**{part: changed[part]}) != Profile()
