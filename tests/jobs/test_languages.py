"""Each recipient reads in the language of their route, whatever is told."""

import json

import pytest

from jobs.letters import render
from jobs.watch import watch
from monitor.alerts import Message, messages
from monitor.config import Config
from monitor.detection.incident import Cause, Incident
from monitor.store import incidents, outbox
from monitor.store.store import Store
from monitor.window import hour_of
from tests.conftest import NOW, Place


@pytest.fixture
def config(place: Place) -> Config:
    """Return settings in which one recipient reads French."""
    return place.configure(replaced=("{to: ops@stat.example,", "{to: ops@stat.example, language: fr,"))


def rendered(store: Store, config: Config) -> dict[str, str]:
    """Return the subject and text of the newest message to each recipient; none may be in its plain form."""
    with store.read() as connection:
        rows = outbox.latest(connection)
    made = {
        row["recipient"]: render(store, config, {**row, "facts": json.loads(row["facts"])}, NOW) for row in rows[::-1]
    }
    assert {note for _, note in made.values()} == {""}
    return {to: f"{letter.subject}\n{letter.text}" for to, (letter, _) in made.items()}


def test_incident(store: Store, config: Config) -> None:
    """The same incident is told in French to one recipient, and in English to another."""
    cause = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    new = Incident(0, "ape", hour_of(NOW) - 5, hour_of(NOW), "open", (cause,))
    with store.write() as connection:
        one, change = incidents.open_new(connection, new, NOW)
        outbox.queue(connection, messages(change, one, config.routes), NOW)
    told = rendered(store, config)
    assert "ALERTE ape\u00a0: service modifié depuis mer. 2 sept. 07:00 (#1)" in told["ops@stat.example"]
    assert "temps de réponse habituel\u00a0: 40 ms -> 53 ms" in told["ops@stat.example"]
    assert "aucune période n’a encore" not in told["owner@stat.example"]
    assert "ALARM ape: service changed since Wed 02 Sep 07:00 (#1)" in told["owner@stat.example"]
    assert "usual latency 40 ms -> 53 ms" in told["owner@stat.example"]


def test_service(store: Store, config: Config) -> None:
    """What is told of Vigie itself is told in French too, from the facts that the message keeps."""
    facts = {"kind": "service", "what": "service:x", "line": "x", "ends": False, "models": []}
    with store.write() as connection:
        outbox.queue(connection, [Message("service:x", "opened", 1, "mail", "ops@stat.example", facts)], NOW)
    for minute in (0, 1):  # it is told after two bad readings
        watch(store, config, NOW.replace(hour=13, minute=minute))
    told = rendered(store, config)["ops@stat.example"]
    assert "des messages attendent depuis plus de 15 minutes" in told
    assert "Vigie elle-même demande une intervention" in told
