"""A burst is what was above twice its busiest day, and only that."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.burst import bursts
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile

COUNTS = st.dictionaries(st.sampled_from(["a", "b", "(none)", "(absent)"]), st.integers(1, 300), max_size=4)
DAY = st.builds(lambda labels, callers: Profile(records=sum(labels.values()), labels_raw=Counts(labels), fields={"caller": Counts(callers)}),
                COUNTS, COUNTS)  # fmt: skip


@settings(derandomize=True, deadline=None)
@given(st.lists(DAY, max_size=5), st.lists(DAY, max_size=5))
def test_one_by_one(usual: list[Profile], now: list[Profile]) -> None:
    """Each name is compared with its own busiest day; a name nobody knew bursts from fifty on; its largest day is told."""
    expected = set()
    for kind, name, read in (
        ("traffic", "", lambda p, _: p.records),
        *(("label", n, lambda p, n: p.labels_raw[n]) for n in ("a", "b")),
        *(("caller", n, lambda p, n: p.fields["caller"][n]) for n in ("a", "b")),
    ):
        most = max((read(one, name) for one in usual), default=0)
        above = [read(one, name) for one in now if read(one, name) > 50 and read(one, name) > 2 * most]
        if above:
            expected.add((kind, name, max(above), most, len(above)))
    found = bursts(dict(enumerate(now)), usual)
    assert {(one.kind, one.name, one.count, one.most, one.days) for one in found} == expected
    assert [one.count for one in found] == sorted((one.count for one in found), reverse=True)
    reads = {
        "traffic": lambda p, _: p.records,
        "label": lambda p, n: p.labels_raw[n],
        "caller": lambda p, n: p.fields["caller"][n],
    }
    assert all(reads[one.kind](now[one.day], one.name) == one.count for one in found)
