"""A route that waits for working hours is told when they begin, and of what is over by then never."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.notify import notify
from monitor.alerts import Message
from monitor.config import Config, load
from monitor.store import outbox
from monitor.store.store import Store
from tests.conftest import Place
from tests.jobs.relay import Relay
from tests.jobs.story import snapshot
from tests.jobs.test_gather import closes, opens, to

OPS, OWNER = "ops@stat.example", "owner@stat.example"
NIGHT = datetime(2026, 9, 4, 19, tzinfo=UTC)  # a Friday, 21:00 in Paris; the Monday behind it is a holiday
TUESDAY = datetime(2026, 9, 8, 6, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def config(place: Place, config: Config) -> Config:
    """Return settings under which the owner is told in working hours only."""
    (place.folder / "off.csv").write_text("date,name\n2026-09-07,Labour Day\n", encoding="utf-8")
    text = place.path.read_text(encoding="utf-8").replace(f"{{to: {OWNER},", f"{{to: {OWNER}, deliver: working_hours,")
    hours = "working_hours: {zone: Europe/Paris, holidays: off.csv}\n"
    place.path.write_text(text + hours, encoding="utf-8")
    return load(place.path)


def kept(store: Store, who: str = OWNER) -> list[tuple[str, str, str | None]]:
    """Return event, state and stored reason of what one recipient is told, oldest first."""
    with store.read() as connection:
        return [(row["event"], row["state"], row["suppressed_because"])
                for row in outbox.latest(connection, 100)[::-1] if row["recipient"] == who]  # fmt: skip


def test_waits_and_leaves(store: Store, config: Config, relay: Relay) -> None:
    """At night the message is held, its reason stored; others leave; at the next opening it leaves, once."""
    opens(store, config, NIGHT, "ape")
    for hour in (0, 1, 40):
        notify(store, config, NIGHT + hour * HOUR)
    assert [len(to(relay, who)) for who in (OPS, OWNER)] == [1, 0]
    assert kept(store) == [("opened", "held", "waits for working hours, until Tue 08:30")]
    notify(store, config, TUESDAY - timedelta(seconds=1))
    assert to(relay, OWNER) == []
    assert notify(store, config, TUESDAY) == "1 messages sent, 0 failed"
    before = snapshot(store)
    assert notify(store, config, TUESDAY + HOUR) == "0 messages sent, 0 failed"
    assert (len(to(relay, OWNER)), snapshot(store)) == (1, before)


def test_over_by_then(store: Store, config: Config, relay: Relay) -> None:
    """What opened and closed meanwhile is told to nobody who waited, and both messages say why."""
    numbers = opens(store, config, NIGHT, "ape")
    notify(store, config, NIGHT)
    closes(store, config, NIGHT + HOUR, numbers)
    notify(store, config, NIGHT + HOUR)
    assert [state for _, state, _ in kept(store)] == ["held", "held"]
    notify(store, config, TUESDAY)
    assert kept(store) == [(event, "suppressed", "over before it was told") for event in ("opened", "closed")]
    assert [len(to(relay, who)) for who in (OPS, OWNER)] == [2, 0]


def test_end_at_night(store: Store, config: Config, relay: Relay) -> None:
    """The end of what was told by day waits until people work, and is told then."""
    numbers = opens(store, config, NIGHT - 8 * HOUR, "ape")
    notify(store, config, NIGHT - 8 * HOUR)
    closes(store, config, NIGHT, numbers)
    notify(store, config, NIGHT)
    assert len(to(relay, OWNER)) == 1
    notify(store, config, TUESDAY)
    assert [mail["Subject"].split()[1] for mail in to(relay, OWNER)] == ["ALARM", "OK"]


def test_no_holidays(store: Store, config: Config, place: Place, relay: Relay) -> None:
    """A file of holidays that is gone keeps no message back: the Monday counts as any other."""
    (place.folder / "off.csv").unlink()
    opens(store, load(place.path), NIGHT, "ape")
    notify(store, load(place.path), NIGHT)
    assert kept(store) == [("opened", "held", "waits for working hours, until Mon 08:30")]
    notify(store, load(place.path), TUESDAY - 24 * HOUR)
    assert len(to(relay, OWNER)) == 1


def test_tried_by_day(store: Store, config: Config, relay: Relay) -> None:
    """A message that was tried in working hours is tried on at night."""
    opens(store, config, NIGHT - 3 * HOUR - timedelta(minutes=1), "ape")
    relay.answers = ["451 later", "451 later"]
    notify(store, config, NIGHT - 3 * HOUR - timedelta(minutes=1))
    notify(store, config, NIGHT)
    assert [len(to(relay, who)) for who in (OPS, OWNER)] == [2, 2]


@pytest.mark.parametrize("kind", ["decision", "service", "digest", "weekly"])
def test_what_waits(store: Store, config: Config, kind: str) -> None:
    """Whatever a route receives waits with it; a digest counts what did already, and what no route names leaves."""
    facts = {"kind": kind, "what": "x", "line": "x", "messages": 1, "told": {}, "after": []}
    with store.write() as connection:
        outbox.queue(connection, [Message(f"{kind}:1", "opened", 1, "mail", OWNER, facts)], NIGHT)
    notify(store, config, NIGHT)
    assert [state for _, state, _ in kept(store)] == ["held" if kind in {"decision", "service"} else "sent"]
