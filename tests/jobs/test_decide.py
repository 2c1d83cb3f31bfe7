"""A decision is proposed from evidence, once, and its digest binds all an approver saw."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from jobs.decide import decide
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from monitor.config import Config
from monitor.errors import NoData
from monitor.store import decisions, incidents, outbox
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place
from tests.jobs.story import snapshot

DAYS = 21
REFERENCE = Window(hour_of(NOW) // 24 * 24 - DAYS * 24, hour_of(NOW) // 24 * 24 - 7 * 24)
COMMAND = "retraining: {ape: {trigger_command: [train, --now]}}\n"


@pytest.fixture
def config(place: Place, store: Store) -> Config:
    """Return the settings of a store with three weeks, of which the first two are pinned."""
    config = place.configure(COMMAND)
    place.write(DAYS * 60, hours=DAYS * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    pin(store, config, NOW, "ape", REFERENCE, by="test", reason="usual")
    return config


def newest(store: Store) -> dict[str, Any]:
    with store.read() as connection:
        number = decisions.all(connection)[0]["id"]
        return decisions.get(connection, number)


def test_proposed(store: Store, config: Config) -> None:
    """Without labels the first proposal is to label; who receives decisions is told, and the log says who asked."""
    assert decide(store, config, NOW) == "ape: decision 1"
    one = newest(store)
    assert (one["state"], one["recommendation"], one["requester"], one["trigger"]) == (
        "proposed",
        "label_first",
        "vigie",
        ["train", "--now"],
    )
    with store.read() as connection:
        assert [(m["recipient"], m["state"]) for m in outbox.about(connection, "decision:1")] == [
            ("owner@stat.example", "queued")
        ]
        assert [(c.change, c.actor) for c in incidents.changes(connection, "decision:1")] == [("proposed", "vigie")]


def test_twice(store: Store, config: Config) -> None:
    """The same evidence is proposed once, also an hour later."""
    decide(store, config, NOW)
    before = snapshot(store)
    assert decide(store, config, NOW) == "ape: nothing new"
    decide(store, config, NOW + timedelta(minutes=10))
    assert snapshot(store) == before


def test_digest(store: Store, config: Config) -> None:
    """The digest is the SHA-256 of model, recommendation, evidence, trigger and requester, and of nothing else."""
    decide(store, config, NOW)
    one = newest(store)
    bound = {name: one[name] for name in ("model", "recommendation", "evidence", "trigger", "requester")}
    text = json.dumps(bound, sort_keys=True, ensure_ascii=False)
    assert one["digest"] == hashlib.sha256(text.encode()).hexdigest()


def test_evidence(place: Place, store: Store, config: Config) -> None:
    """The week's volume and the change of the share sent to people are those counted from the log."""
    decide(store, config, NOW)
    terms = {term["name"]: term for term in newest(store)["evidence"]["terms"]}
    end = hour_of(NOW) // 24 * 24

    def rows(window: Window) -> list[dict[str, Any]]:
        return [row for row in place.written if hour_of(row["time"]) in window]

    def manual(window: Window) -> float:
        scores = [row["topk"][0][1] for row in rows(window) if "topk" in row]
        return sum(score < 0.7 for score in scores) / len(scores)

    week = Window(end - 168, end)
    assert terms["predictions"]["value"] == len(rows(week))
    assert terms["excess_manual"]["value"] == pytest.approx(manual(week) - manual(REFERENCE))


def test_new_evidence(place: Place, store: Store, config: Config) -> None:
    """A week later the evidence is another: the open proposal expires and one takes its place."""
    decide(store, config, NOW)
    place.write(400, seed=5, first=NOW, hours=7 * 24)
    later = NOW + timedelta(days=7)
    ingest(store, config, later)
    summarise(store, config, later)
    assert decide(store, config, later) == "ape: decision 2"
    with store.read() as connection:
        assert [d["state"] for d in decisions.all(connection)] == ["proposed", "expired"]


def test_no_reference(place: Place, store: Store) -> None:
    """Where nothing is pinned nothing is proposed; a decision that is none is named."""
    config = place.configure()
    place.write(50)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    assert decide(store, config, NOW) == "ape: nothing new"
    with store.read() as connection, pytest.raises(NoData, match="no decision 1"):
        decisions.get(connection, 1)
