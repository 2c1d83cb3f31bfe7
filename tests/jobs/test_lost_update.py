"""What one process writes into a detector is not undone by another that read it before: on PostgreSQL both run at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text, update

from jobs.act import act
from jobs.detect import detect
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from monitor.config import Config
from monitor.detection.baseline import Baseline
from monitor.detection.detector import begin
from monitor.detection.incident import Cause, Incident
from monitor.detection.state import Raised, State
from monitor.store import actions, detectors, incidents, references
from monitor.store.store import Store
from monitor.store.tables import detector
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened

DAY = hour_of(NOW) // 24 * 24
REFERENCE = Window(DAY - 15 * 24, DAY - 24)
CAUSE = Cause("unknown_words", "inputs", 0.8, "share", 0.03, 0.08, 900.0, 1, "share of unknown words 3.0 % -> 8.0 %")


@dataclass
class Shop:
    """Hold a PostgreSQL store with a detector one day behind, its settings, and an open incident."""

    store: Store
    config: Config
    incident: int


@pytest.fixture
def shop(tmp_path, postgres) -> Any:
    """Return a model judged up to the end of its reference, with an incident whose floor is raised."""
    place = Place(tmp_path, postgres())
    config = place.configure("detection: {smallest_block: 5}\n")
    place.write(1500, hours=16 * 24)
    with opened(place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        pin(store, config, NOW, "ape", REFERENCE, by="test", reason="two usual weeks")
        with store.write() as connection:
            row = references.active(connection, "ape")
            state = begin(Baseline.from_bytes(row.baseline), REFERENCE.end)
            new = Incident(0, "ape", DAY - 40, DAY - 39, "open", (CAUSE,), {"claim": "words are unknown"})
            number = incidents.open_new(connection, new, NOW)[0].id
            state.raised = [Raised(DAY - 39, 0, 1.0, 0.0, 0.0)]
            detectors.save(connection, "ape", row.id, judged_until=REFERENCE.end, state=state.to_bytes(), evidence=0.0)
        yield Shop(store, config, number)


def meanwhile(shop: Shop, job: Callable[..., str], raised: list[Raised]) -> State:
    """Hold the detector, start the job, write these floors once it waits for us, and return what it leaves."""
    runner = threading.Thread(target=job, args=(shop.store, shop.config, NOW))
    with shop.store.engine.connect() as connection, connection.begin():
        row = connection.execute(detector.select().with_for_update()).one()
        runner.start()
        while runner.is_alive() and not connection.scalar(text("select count(*) from pg_locks where not granted")):
            runner.join(0.05)
        state = State.from_bytes(row.state)
        state.raised = raised
        connection.execute(update(detector).values(state=state.to_bytes()))
    runner.join(60)
    with shop.store.read() as connection:
        found = detectors.load(connection, "ape", row.reference)
    assert found is not None
    return State.from_bytes(found.state)


def test_detect_keeps_what_people_did(shop: Shop) -> None:
    """Floors that an action lowered while hours were judged stay lowered."""
    left = meanwhile(shop, detect, [])
    assert left.judged_until > REFERENCE.end
    assert [one.found for one in left.raised if one.found == DAY - 39] == []


def test_act_keeps_what_was_judged(shop: Shop) -> None:
    """Floors that hours raised while an action was applied stay raised; the incident's own are lowered."""
    with shop.store.write() as connection:
        actions.ask(
            connection,
            "bruno",
            "close:fixed",
            f"incident:{shop.incident}",
            revision=None,
            reason="rolled back",
            now=NOW,
        )
    both = [Raised(DAY - 39, 0, 1.0, 0.0, 0.0), Raised(DAY - 2, 1, 1.0, 0.0, 0.0)]
    assert [one.found for one in meanwhile(shop, act, both).raised] == [DAY - 2]
