"""Which change deserves which message to whom."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts import Message, messages
from monitor.detection.incident import Change, Incident
from monitor.settings import Route

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
SUBJECTS = ("incidents", "weekly", "decisions", "service")
ROUTES = st.lists(
    st.builds(
        Route, to=st.sampled_from(["a@x.example", "b@x.example", "c@x.example"]),
        receives=st.lists(st.sampled_from(SUBJECTS), max_size=4, unique=True).map(tuple), texts=st.sampled_from(["none", "redacted"]),
    ),
    max_size=4,
)  # fmt: skip
INCIDENT = Incident(7, "ape", 5, 9, "open", (), {"texts": [{"text": "secret bakery"}]}, revision=3)


def change(name: str) -> Change:
    return Change("incident:7", "ape", name, "open", "open", "alarm:9", "vigie", "", datetime(2026, 1, 1, tzinfo=UTC))


@QUICK
@given(ROUTES, st.sampled_from(["opened", "worsened", "closed"]))
def test_told(routes, name):
    """Everybody who receives incidents gets one message per change, in order."""
    found = messages(change(name), INCIDENT, routes)
    assert [m.recipient for m in found] == [route.to for route in routes if "incidents" in route.receives]
    assert {(m.subject, m.event, m.sequence) for m in found} <= {("incident:7", name, 3)}


@pytest.mark.parametrize("name", ["joined", "recovering", "reopened", "acknowledged", "amended"])
def test_silent(name):
    """What nobody needs to act on is not told."""
    route = Route(to="a@x.example", receives=("incidents",))
    assert messages(change(name), INCIDENT, [route]) == []


def test_no_text():
    """A message holds numbers, names and ids, never a text of the traffic."""
    route = Route(to="a@x.example", receives=("incidents",), texts="redacted")
    found = messages(change("opened"), INCIDENT, [route])
    assert "bakery" not in repr(found)
    facts = {
        "kind": "incident",
        "incident": 7,
        "model": "ape",
        "change": "opened",
        "language": "en",
        "texts": "redacted",
    }
    assert found == [Message("incident:7", "opened", 3, "mail", "a@x.example", facts)]


def test_nobody():
    """Without routes nobody is told, and nothing fails."""
    assert messages(change("opened"), INCIDENT, []) == []
