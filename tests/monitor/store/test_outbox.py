"""A message is queued again only when it is dead or in doubt."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts import Message
from monitor.errors import NoData
from monitor.store import outbox
from monitor.store.store import Store
from monitor.window import microseconds
from tests.conftest import opened

NOW = datetime(2026, 11, 17, 14, tzinfo=UTC)


def queued(store: Store) -> int:
    """Queue one message and return its number."""
    with store.write() as connection:
        outbox.queue(connection, [Message("incident:1", "opened", 1, "mail", "ops@stat.example")], NOW)
        return int(outbox.latest(connection)[0]["id"])


def test_retry_dead(store_url: str) -> None:
    """A message its relay refused for good waits again after a retry."""
    with opened(store_url) as store:
        number = queued(store)
        with store.write() as connection:
            row = outbox.claim(connection, NOW)
            assert row is not None
            outbox.failed(connection, row, "550 no such person", NOW, is_final=True)
        with store.write() as connection:
            outbox.retry(connection, number)
        with store.read() as connection:
            assert outbox.counts(connection) == {"queued": 1}


@pytest.mark.parametrize("number", [1, 99])
def test_retry_refused(store_url: str, number: int) -> None:
    """Who asks for a message that is neither dead nor in doubt, or not there, is told so."""
    with opened(store_url) as store:
        queued(store)
        with pytest.raises(NoData, match="dead or in doubt"), store.write() as connection:
            outbox.retry(connection, number)


@pytest.mark.parametrize(("hours", "state"), [(95, "queued"), (97, "dead")])
def test_given_up(store_url: str, hours: int, state: str) -> None:
    """Four days after a message might first leave it is given up; what was held before, however long, does not count."""
    with opened(store_url) as store:
        number, freed = queued(store), NOW + timedelta(days=10)
        with store.write() as connection:
            outbox.hold(connection, number, "snoozed")
        with store.write() as connection:
            outbox.release(connection, number, None, freed)
        with store.read() as connection:
            assert outbox.oldest_queued_us(connection) == microseconds(freed)
            assert outbox.late(connection, freed + timedelta(minutes=59), 1) == []
        at = freed + timedelta(hours=hours)
        with store.write() as connection:
            row = outbox.claim(connection, at)
            assert row is not None
            outbox.failed(connection, row, "451 later", at, is_final=False)
        with store.read() as connection:
            assert outbox.counts(connection) == {state: 1}
            assert len(outbox.late(connection, at, 1)) == (hours < 96)
