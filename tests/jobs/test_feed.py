"""What redaction masked is counted by rule, and stays counted when ranges are merged."""

from datetime import timedelta

from jobs.ingest import ingest
from jobs.prune import prune
from monitor.store import feed
from monitor.store.store import Store
from tests.conftest import NOW, Place


def test_masked(place: Place, store: Store) -> None:
    """Finds by rule and per record, over batches, before and after ranges are merged."""
    config = place.configure("ingest: {batch_mib: 0.01}\n")
    for number in range(50):
        place.write(1, seed=number, changed=lambda _: {"text": "mail jo@stat.example or ann@stat.example, 192.0.2.7"})
    place.write(50, seed=99)
    ingest(store, config, NOW)
    expected = [
        {"source": "api", "rule": "email", "finds": 100, "finds_a_record": 1.0},
        {"source": "api", "rule": "ip", "finds": 50, "finds_a_record": 0.5},
    ]
    for later in (0, 9):
        prune(store, config, NOW + timedelta(days=later))
        with store.read() as connection:
            assert feed.masked(connection, 0) == expected
