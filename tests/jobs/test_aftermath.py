"""What a new champion brought is kept beside the forecast, by figures one counts from the logged rows."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from jobs.aftermath import look_back
from jobs.ingest import ingest
from jobs.letters import render
from jobs.quarter import quarterly_letter
from jobs.summarise import summarise
from monitor.config import Config
from monitor.store import calls, decisions, estimates, incidents, labels, outbox, outcomes
from monitor.store.store import Store
from monitor.store.tables import prediction
from monitor.window import Window, hour_of, start_of
from tests.conftest import NOW, Place, opened
from tests.jobs.deciding import command
from tests.jobs.story import snapshot
from tests.jobs.test_cli import run

BEGAN = start_of(hour_of(NOW) + 6)
COSTS = [{"name": "person_eur", "value": 1.0, "low": 1.0, "high": 1.0, "drawn": "lognormal", "source": "test"},
         {"name": "error_eur", "value": 2.0, "low": 2.0, "high": 2.0, "drawn": "lognormal", "source": "test"},
         {"name": "recovered", "value": 0.5, "low": 0.18, "high": 0.82, "drawn": "beta", "source": "test"}]  # fmt: skip
EVIDENCE = {"terms": COSTS, "weekly_loss": [50.0, 40.0, 60.0], "benefit": [500.0, 100.0, 900.0], "horizon_weeks": 13}


def answers(version: str, automatic: float) -> Callable[[random.Random], dict[str, Any]]:
    """Log answers of a version, of which this share is automatic, each to a text of its own."""

    def changed(draw: random.Random) -> dict[str, Any]:
        score = 0.9 if draw.random() < automatic else 0.5
        text = "bakery " + "".join(draw.choices("abcdefghij", k=14))  # digits would be masked, and the texts be repeats
        return {
            "model_version": version,
            "status": 200,
            "text": text,
            "error": None,
            "topk": [["10", score], ["47", 0.05]],
        }

    return changed


def story(place: Place, store: Store, share: float = 0.8, weeks: int = 4) -> Config:
    """Log weeks of the old version and as many of one with another share of automatic answers; a decision was started in between."""
    config = command(place)
    place.write(
        weeks * 150, seed=1, first=BEGAN - timedelta(weeks=weeks), hours=weeks * 168, changed=answers("1.0", 0.6)
    )
    place.write(weeks * 150, seed=2, first=BEGAN, hours=weeks * 168, changed=answers("2.0", share))
    ingest(store, config, BEGAN + timedelta(weeks=weeks))
    summarise(store, config, BEGAN + timedelta(weeks=weeks))
    with store.write() as connection:
        parts = {
            "model": "ape",
            "recommendation": "retrain",
            "evidence": EVIDENCE,
            "requester": "vigie",
            "champion": "1.0",
        }
        decisions.propose(connection, parts, sentence="retrain", now=NOW, expires_days=14)
        decisions.judge(connection, 1, "approve", actor="alice", reason="the costs are right", now=NOW)
        calls.begin(connection, decisions.get(connection, 1), NOW)
        calls.end(connection, 1, "started", "", now=NOW)
    return config


@pytest.fixture
def quick(quick_place: Place) -> Iterator[Store]:
    with opened(quick_place.database) as one:
        yield one


def audit(store: Store, right: dict[str, int], of: int) -> None:
    """Audit `of` automatic answers of each version, the first `right` of which were right."""
    with store.write() as connection:
        rows = [row for row in connection.execute(prediction.select().order_by(prediction.c.time)) if row.decision == "automatic"]  # fmt: skip
        for version, good in right.items():
            some = [row for row in rows if row.model_version == version][-of:]
            assert len(some) == of
            labels.add(connection, [
                {"model": "ape", "day": row.day, "uid": bytes(row.uid), "label": row.label if at < good else "other", "source": "audit",
                 "inclusion": 0.5, "annotator": "", "labelled_us": row.time, "imported_us": row.time} for at, row in enumerate(some)])  # fmt: skip


def follow(store: Store, config: Config, now: datetime) -> dict[int, dict[str, Any]]:
    with store.write() as connection:
        look_back(connection, config, "ape", now)
    with store.read() as connection:
        return {day: one["realised"] for day, one in outcomes.of(connection, 1).items()}


def told_of_a_loss(connection: Connection) -> list[dict[str, Any]]:
    return [row for row in outbox.about(connection, "decision:1") if row["event"] == "outcome"]


def begun(place: Place) -> datetime:
    """Return the hour of the first answer of the new version that was logged."""
    return start_of(min(hour_of(row["time"]) for row in place.written if row["model_version"] == "2.0"))


def counted(place: Place, version: str, first: datetime, end: datetime) -> tuple[int, int]:
    """Count the answers of a version, and those that are automatic, from what was logged."""
    rows = [row for row in place.written if row["model_version"] == version and first <= row["time"] < end]
    return len(rows), sum(row["topk"][0][1] >= 0.7 for row in rows)


def test_realised(place: Place, store: Store) -> None:
    """The gain of each look is the one reckoned by hand from rows and labels, beside the forecast; a second run changes nothing."""
    config = story(place, store)
    audit(store, {"1.0": 40, "2.0": 45}, of=50)
    start = begun(place)
    assert follow(store, config, start + timedelta(hours=1)) == {}
    assert follow(store, config, start + timedelta(days=2)) == {0: {"version": "2.0", "began_hour": hour_of(start)}}
    assert set(follow(store, config, start + timedelta(days=7))) == {0}
    found = follow(store, config, start + timedelta(days=28, hours=20))
    assert set(found) == {0, 7, 28}
    many, old = counted(place, "1.0", start - timedelta(days=28), start)
    now_many, new = counted(place, "2.0", start, start + timedelta(days=28))
    gain = now_many / 4 * (1.0 * (new / now_many - old / many) + 2.0 * (old / many * 0.2 - new / now_many * 0.1))
    one = found[28]
    assert one["gain"][0] == pytest.approx(gain)
    assert one["gain"][1] < gain < one["gain"][2]
    assert one["share"][0] == pytest.approx(gain / 50)
    assert (one["days"], one["answered"], one["after"]["automatic"]) == (28, 1.0, pytest.approx(new / now_many))
    assert one["after"]["hours"] == pytest.approx((now_many - new) / 4 * 3 / 60)
    with store.read() as connection:
        kept = outcomes.of(connection, 1)[28]["forecast"]
        assert [share[0] for share in outcomes.recovered(connection, "ape")] == [one["share"][0]]
        assert told_of_a_loss(connection) == []
    assert kept == {"weekly_loss": [50.0, 40.0, 60.0], "benefit": [500.0, 100.0, 900.0], "horizon_weeks": 13, "recovered": [0.5, 0.18, 0.82]}  # fmt: skip
    before = snapshot(store)
    follow(store, config, BEGAN + timedelta(days=40))
    assert snapshot(store) == before


def test_same_hours(quick_place: Place, quick: Store) -> None:
    """The first look takes the week before and the week after, not more."""
    config = story(quick_place, quick)
    one = follow(quick, config, BEGAN + timedelta(days=8))[7]
    start = begun(quick_place)
    old = counted(quick_place, "1.0", start - timedelta(days=7), start)
    new = counted(quick_place, "2.0", start, start + timedelta(days=7))
    assert [(one[side]["predictions"], one[side]["automatic"]) for side in ("before", "after")] == [
        (many, pytest.approx(automatic / many)) for many, automatic in (old, new)
    ]


def test_half_a_time(quick_place: Place, quick: Store) -> None:
    """A day without traffic before takes its twin after out of the comparison; without any pair nothing is compared."""
    config = story(quick_place, quick, weeks=1)
    found = follow(quick, config, BEGAN + timedelta(days=28, hours=20))
    assert found[7]["days"] == 7
    assert (found[28]["days"], found[28]["gain"], found[28]["why"]) == (
        0,
        None,
        "no day with traffic both before and after",
    )


def test_unknown(quick_place: Place, quick: Store) -> None:
    """Without enough audits the gain is not known and says why; the part that is known is told apart, and nobody is alarmed."""
    config = story(quick_place, quick, share=0.3)
    audit(quick, {"1.0": 40}, of=50)
    one = follow(quick, config, BEGAN + timedelta(days=29))[28]
    assert (one["gain"], one["share"], one["why"]) == (None, None, "only 0 audited answers; 30 are needed")
    assert one["from_people"][2] < 0
    with quick.read() as connection:
        assert (told_of_a_loss(connection), outcomes.recovered(connection, "ape")) == ([], [])


def test_a_loss_is_told(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A gain below zero at 28 days is told to owner and head, once, each in a language; a page and a report show it too."""
    place.configure(replaced=("receives: [weekly]", "language: fr, receives: [weekly]"))
    config = story(place, store, share=0.3)
    audit(store, {"1.0": 45, "2.0": 40}, of=50)
    config = command(place, replaced=("receives: [weekly]", "language: fr, receives: [weekly]"))
    with store.write() as connection:
        estimates.keep_calibration(connection, "ape", (0.8,) * 200, 500)
    late = BEGAN + timedelta(days=28, hours=20)
    gain = follow(store, config, late)[28]["gain"][0]
    follow(store, config, late)
    with store.read() as connection:
        rows = {row["recipient"]: row for row in told_of_a_loss(connection)}
    assert set(rows) == {"owner@stat.example", "head@stat.example"}
    made = {to: render(store, config, {**row, "facts": json.loads(row["facts"])}, late) for to, row in rows.items()}
    owner, head = made["owner@stat.example"], made["head@stat.example"]
    assert (owner[1], head[1]) == ("", "")
    for part in (f"{gain:,.0f} EUR a week", "90.0 % (78.2 to 96.7, 50 labels) before, 80.0 % (66.3 to 90.0, 50 labels) after", "80.0 % expected, 90.0 % right before",
                 "50 EUR lost a week (40 to 60)", "vigie decisions show 1"):  # fmt: skip
        assert part in owner[0].text, part
    assert "coûte plus qu’il ne rapporte" in head[0].subject
    shown = run(place, "decisions", "show", "1", monkeypatch=monkeypatch, capsys=capsys)[1]
    assert f"Realised gain: {gain:,.0f} EUR a week" in shown
    window = Window(hour_of(late) - 13 * 168, hour_of(late) + 24)
    assert f"28 days with the new model: {gain:,.0f} EUR a week" in quarterly_letter(store, config, "ape", window, late, language="en").text  # fmt: skip


def test_tried_for_an_hour(quick_place: Place, quick: Store) -> None:
    """A version that answered for an hour only did not begin then; the one of later did."""
    quick_place.write(30, seed=9, first=NOW + timedelta(hours=2), hours=1, changed=answers("1.9", 0.5))
    quick_place.write(90, seed=8, first=NOW + timedelta(hours=3), hours=3, changed=answers("1.0", 0.5))
    config = story(quick_place, quick, weeks=1)
    assert follow(quick, config, BEGAN + timedelta(days=2))[0] == {
        "version": "2.0",
        "began_hour": hour_of(begun(quick_place)),
    }


def test_done_by_hand(quick_place: Place, quick: Store) -> None:
    """Where a person said that it is done, the look back begins when another version is seen, and not before."""
    config = story(quick_place, quick, weeks=1)
    with quick.write() as connection:
        decisions.move(connection, decisions.get(connection, 1), "done", actor="alice", reason="it is done", now=NOW)
    assert follow(quick, config, NOW + timedelta(hours=1)) == {}
    assert follow(quick, config, BEGAN + timedelta(days=2))[0]["version"] == "2.0"
    with quick.read() as connection:
        assert [one.actor for one in incidents.changes(connection, "decision:1")].count("vigie") == 2
