"""Whoever looks at an incident learns what holds its messages back, as the job that holds them knows it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from jobs.notify import notify
from monitor.alerts import Message, messages
from monitor.config import Config
from monitor.detection.incident import Cause, Incident
from monitor.plan import Planned
from monitor.silence import Silence
from monitor.store import incidents, outbox, plans, silences
from monitor.store.holding import holding, waiting
from monitor.store.store import Store
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place

HOUR = timedelta(hours=1)
CAUSE = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
UNTIL_US = microseconds(NOW + 3 * HOUR)


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure()


def opens(store: Store, config: Config) -> Incident:
    """Open an incident and queue what is told of it."""
    with store.write() as connection:
        hour = hour_of(NOW)
        one, change = incidents.open_new(connection, Incident(0, "ape", hour - 5, hour, "open", (CAUSE,)), NOW)
        outbox.queue(connection, messages(change, one, config.routes), NOW)
    return one


def plan(connection: Connection) -> None:
    plans.add(
        connection, Planned(0, "", "maintenance", microseconds(NOW - HOUR), UNTIL_US, "release night", "alice", 0)
    )


def silence(connection: Connection) -> None:
    silences.add(connection, Silence(0, "ape", "latency", microseconds(NOW - HOUR), UNTIL_US, "bruno", "known"))


def snooze(connection: Connection) -> None:
    for who, days in (("alice", 1), ("bruno", 3)):
        incidents.snooze(connection, 1, None, who, f"{who} waits", days=days, now=NOW)


def unread(connection: Connection) -> None:
    facts = {"kind": "service", "what": "service:paused", "line": "the disk is full", "ends": True}
    outbox.queue(connection, [Message("service:paused", "opened", 1, "mail", "ops@stat.example", facts)], NOW - HOUR)


@pytest.mark.parametrize(
    ("begin", "told", "also_closed"),
    [
        (plan, "maintenance by alice until 2026-09-02 15:30 UTC: release night", True),
        (silence, "silence 1 by bruno until 2026-09-02 15:30 UTC: known", False),
        (snooze, "snooze by bruno until 2026-09-05 12:30 UTC: bruno waits", False),
        (unread, "inhibition by service:paused until that is over: the disk is full", False),
    ],
)
def test_who_holds(
    store: Store, config: Config, begin: Callable[[Connection], None], told: str, also_closed: bool
) -> None:
    """Each reason is named with its author, its end and why, while it holds; what is held says so too, and nothing before or after."""
    opens(store, config)

    def said(later: timedelta = timedelta()) -> list[str]:
        with store.read() as connection:
            return [one.sentence for one in holding(connection, incidents.get(connection, 1), ["api"], NOW + later)]

    assert said() == []
    with store.write() as connection:
        begin(connection)
    assert said() == [told]
    notify(store, config, NOW)
    with store.read() as connection:
        assert {line.partition(": ")[0] for line in waiting(connection, 1)} == {
            "ops@stat.example",
            "owner@stat.example",
        }
    if begin is not unread:
        assert said(73 * HOUR) == []
    with store.write() as connection:
        incidents.close(connection, 1, None, "fixed", "alice", reason="mended", now=NOW)
    assert said() == ([told] if also_closed else [])


def test_others_hold_nothing(store: Store, config: Config) -> None:
    """A silence of another kind or model, a maintenance of another model, and a feed beside one that gives hold nothing back."""
    one = opens(store, config)
    facts = {"kind": "service", "what": "service:source:silent:api", "line": "silent", "ends": True}
    with store.write() as connection:
        for model, kind in (("ape", "answers"), ("nace", "")):
            silences.add(connection, Silence(0, model, kind, 0, 2 * UNTIL_US, "bruno", "known"))
        plans.add(connection, Planned(0, "nace", "maintenance", 0, 2 * UNTIL_US, "", "alice", 0))
        outbox.queue(connection, [Message(facts["what"], "opened", 1, "mail", "ops@stat.example", facts)], NOW)  # type: ignore[arg-type]
    with store.read() as connection:
        assert holding(connection, one, ["api", "other"], NOW) == []
        assert [found.who for found in holding(connection, one, ["api"], NOW)] == ["service:source:silent:api"]
