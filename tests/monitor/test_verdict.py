"""Green is earned: what is not known is never OK."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.verdict import ORDER, Evidence, Verdict, verdict

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
GOOD = Evidence(judged_until="18:00", last_seen="17:59")
FACTS = st.builds(
    Evidence,
    judged_until=st.none() | st.just("18:00"),
    behind=st.booleans(),
    reference=st.none() | st.just("no reference is pinned"),
    incident=st.none() | st.just((7, "Monday", "latency doubled")),
    evidence=st.floats(0, 1),
    last_seen=st.none() | st.just("17:00"),
    expected_since=st.floats(0, 200),
    accuracy=st.none() | st.just("no label was ever read"),
    blind=st.sampled_from([(), ("mean confidence",)]),
    thin=st.sampled_from([(), ("mean confidence",)]),
    planned=st.none() | st.just("closure Christmas until Sunday"),
    renewing=st.sampled_from([(), ("latency (since 12 Nov)",)]),
)


@pytest.mark.parametrize(
    ("facts", "status", "said"),
    [
        ({}, "OK", "Judged until 18:00"),
        ({"expected_since": 50.0}, "SILENT", "No prediction since 17:59; 50 were to be expected"),
        ({"expected_since": 50.0, "last_seen": None}, "SILENT", "No prediction was ever seen"),
        ({"incident": (7, "Monday", "Slow.")}, "ALARM", "Incident #7 is open since Monday: Slow."),
        ({"reference": "none is pinned"}, "UNKNOWN", "none is pinned"),
        ({"judged_until": None}, "UNKNOWN", "no hour was judged yet"),
        ({"behind": True, "evidence": 0.5}, "UNKNOWN", "not judged since 18:00"),
        ({"behind": True, "expected_since": 50.0}, "SILENT", "No prediction since 17:59"),
        ({"evidence": 0.1}, "WATCH", "10% of what opens an incident"),
        ({"accuracy": "no label"}, "UNKNOWN", "no label"),
        ({"accuracy": "no label", "evidence": 0.5}, "WATCH", "50%"),
        (
            {"blind": ("mean confidence", "volume")},
            "UNKNOWN",
            "of mean confidence, volume: the reference itself moves too much",
        ),
        ({"thin": ("a", "b", "c", "d", "e")}, "UNKNOWN", "of a, b, c and 2 more: too few predictions a day"),
        ({"accuracy": "no label", "thin": ("a",)}, "UNKNOWN", "Traffic is as usual as far as it can be watched"),
        ({"renewing": ("latency (since 12 Nov)",)}, "UNKNOWN", "latency (since 12 Nov): it is being learnt anew"),
        ({"planned": "closure Christmas until Sunday"}, "UNKNOWN", "closure Christmas until Sunday is planned"),
        ({"planned": "closure Christmas until Sunday", "incident": (7, "Monday", "Slow.")}, "ALARM", "Incident #7"),
        ({"expected_since": 49.9, "evidence": 0.099}, "OK", "nothing beyond"),
    ],
)
def test_each(facts, status, said):
    """One fact that is not as it should be gives its own word and sentence."""
    found = verdict(replace(GOOD, **facts))
    assert found.status == status
    assert said in found.sentence


@QUICK
@given(FACTS)
def test_green(facts):
    """OK needs all of it: judged, referenced, quiet, heard from, and accuracy known."""
    earned = (
        facts.judged_until is not None and not facts.behind and facts.reference is None and facts.incident is None and facts.accuracy is None
        and facts.evidence < facts.warning_share and facts.expected_since < facts.silent_after
        and not facts.blind and not facts.thin and not facts.renewing and facts.planned is None
    )  # fmt: skip
    assert (verdict(facts).status == "OK") == earned
    assert verdict(facts).status in ORDER
    assert verdict(facts).sentence.endswith((".", "doubled"))


@QUICK
@given(FACTS)
def test_alarm(facts):
    """An open incident is told with its number, unless the model fell silent."""
    found = verdict(replace(facts, incident=(7, "Monday", "slow"), expected_since=0.0))
    assert found == Verdict("ALARM", "Incident #7 is open since Monday: slow", "Monday", 7)
