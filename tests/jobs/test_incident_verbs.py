"""Whoever lists, shows or acknowledges an incident is told whose it is, what moved, and what to do next."""

import re
from dataclasses import replace

import pytest

from jobs.notify import notify
from monitor.alerts import messages
from monitor.detection.incident import Cause, Incident
from monitor.store import incidents, outbox
from monitor.window import hour_of
from tests.conftest import NOW, Place, opened
from tests.jobs.test_cli import run

CAUSE = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
WHERE = [{"field": "caller", "value": "desk", "share_of_change": 0.9, "then": 40.2, "now": 52.8},
         {"field": "caller", "value": "survey", "share_of_change": 0.1, "then": float("nan"), "now": 51.0}]  # fmt: skip


@pytest.fixture
def vigie(quick_place: Place, monkeypatch: pytest.MonkeyPatch, capsys):
    """Return a function that runs a verb on a store with one open incident."""
    new = Incident(0, "ape", hour_of(NOW) - 5, hour_of(NOW), "open", (CAUSE,), {"segments": WHERE})
    with opened(quick_place.database) as store, store.write() as connection:
        incidents.open_new(connection, new, NOW)
    return lambda *arguments: run(quick_place, *arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_acknowledged(vigie) -> None:
    """After an acknowledgement its person is named and closing is next; the same person's second one is refused."""
    assert vigie("incidents", "show", "1")[1].endswith("Next: vigie incidents ack 1 --reason ...\n")
    code, said = vigie("incidents", "ack", "1")
    assert (code, said) == (0, "ack incident:1: applied\nNext: vigie incidents close 1 --reason ...\n")
    code, said = vigie("incidents", "ack", "1")
    assert (code, "is acknowledged by os:" in said, "already" in said) == (2, True, True)
    assert "; acknowledged by os:" in vigie("incidents", "list")[1]
    said = vigie("incidents", "show", "1")[1]
    assert "UTC; acknowledged by os:" in said
    assert said.count("acknowledged by") == 2  # in its state, and once in its history
    assert said.endswith("Next: vigie incidents close 1 --reason ...\n")
    vigie("incidents", "close", "1", "--reason", "mended")
    assert vigie("incidents", "show", "1")[1].endswith("Next: vigie status\n")


def test_snoozed(vigie) -> None:
    """A snooze stands in the history; more than 14 days are refused, and so is one without a reason."""
    code, said = vigie("incidents", "snooze", "1", "--days", "14", "--reason", "fixed on Friday")
    assert (code, said) == (0, "snooze:14 incident:1: applied\nNext: vigie status\n")
    said = vigie("incidents", "show", "1")[1]
    assert re.search(r"messages are held back: snooze by os:\S+ until \S+ \S+ UTC: fixed on Friday", said)
    assert '"held_by": [{"what": "snooze"' in " ".join(vigie("incidents", "show", "1", "--json")[1].split())
    assert vigie("incidents", "snooze", "1", "--days", "15", "--reason", "x")[0] == 2
    assert vigie("incidents", "snooze", "1")[0] == 2
    vigie("incidents", "close", "1", "--reason", "mended")
    code, said = vigie("incidents", "snooze", "1", "--reason", "too late")
    assert (code, "closed already" in said) == (2, True)


@pytest.mark.parametrize(
    ("group", "labels", "words"), [("service", False, False), ("inputs", False, True), ("outputs", True, True)]
)
def test_told(vigie, quick_place: Place, group: str, labels: bool, words: bool) -> None:
    """Labels are told of incidents about answers, words of all that are not about the service alone; chance is called so."""
    rows = [{"label": "56", "title": "Restaurants", "then": 0.02, "now": 0.03, "stands_out": False}]
    detail = {"labels": rows, "terms": {"gained": [["taxi", 0.0, 0.1]], "lost": []}}
    new = Incident(0, "ape", hour_of(NOW) - 4, hour_of(NOW), "open", (CAUSE, replace(CAUSE, group=group)), detail)
    with opened(quick_place.database) as store, store.write() as connection:
        incidents.open_new(connection, new, NOW)
    said = vigie("incidents", "show", "2")[1]
    assert ("Restaurants: 2.0 % -> 3.0 % of the answers (within chance)" in said) == labels
    assert ("words that came: taxi" in said) == words


def test_whom(vigie) -> None:
    """What a segment moved is told in the unit of the cause."""
    said = vigie("incidents", "show", "1")[1]
    assert "90%  of the change is caller = desk: 40 ms -> 53 ms" in said
    assert "10%  of the change is caller = survey: nothing -> 51 ms" in said


def test_together(vigie, quick_place: Place) -> None:
    """Incidents that were told in one message name each other."""
    config = quick_place.configure()
    assert "together" not in vigie("incidents", "list")[1]
    with opened(quick_place.database) as store:
        for model in ("nace", "isco", "coicop"):
            new = Incident(0, model, hour_of(NOW) - 5, hour_of(NOW), "open", (CAUSE,))
            with store.write() as connection:
                one, change = incidents.open_new(connection, new, NOW)
                outbox.queue(connection, messages(change, one, config.routes), NOW)
        notify(store, config, NOW)
    said = vigie("incidents", "list")[1].splitlines()
    assert [line.partition("together with ")[2] for line in said[:4]] == ["#2, #3", "#2, #4", "#3, #4", ""]
    assert "together with #3, #4" in vigie("incidents", "show", "2")[1]
