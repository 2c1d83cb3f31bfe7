"""A decision is proposed from evidence, once, and its digest binds all an approver saw."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs.act import act
from jobs.decide import decide, propose
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from monitor.config import Config
from monitor.detection.incident import Cause, Incident
from monitor.errors import NoData
from monitor.retraining import TERMS
from monitor.store import actions, calls, decisions, incidents, outbox, shadow
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of
from tests.conftest import NOW, Fill, Place, opened
from tests.jobs.story import snapshot
from tests.jobs.test_cli import run

DAYS = 21
REFERENCE = Window(hour_of(NOW) // 24 * 24 - DAYS * 24, hour_of(NOW) // 24 * 24 - 7 * 24)
COMMAND = "triggers: {train: {kind: command, command: [train, --now]}}\nretraining: {ape: {trigger: train}}\n"


def three_weeks(place: Place, store: Store) -> None:
    """Log and read three weeks, and pin the first two."""
    config = place.configure(COMMAND)
    place.write(DAYS * 60, hours=DAYS * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    pin(store, config, NOW, "ape", REFERENCE, by="test", reason="usual")


def nothing(place: Place, _: Store) -> None:
    """Log nothing."""
    place.configure(COMMAND)


@pytest.fixture
def begin() -> Fill:
    """Return what a test begins with, where it says nothing else."""
    return three_weeks


@pytest.fixture
def place(copied: Callable[[Fill], Place], begin: Fill) -> Place:
    return copied(begin)


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure(COMMAND)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


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
        {"name": "train", "kind": "command", "command": ["train", "--now"]},
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
    """The digest is the SHA-256 of the seven parts, and of nothing else; the champion is the version that answered."""
    decide(store, config, NOW)
    one = newest(store)
    assert one["champion"] == "1.0"
    bound = {
        name: one[name]
        for name in ("model", "champion", "recommendation", "evidence", "trigger", "settings", "requester")
    }
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
    automatic = 1 - manual(week)  # of which the half right or wrong is all that is not known
    assert newest(store)["evidence"]["audit_size"] == math.ceil(1.96**2 * 0.25 / (0.05 / automatic) ** 2 * 2)
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


@pytest.mark.parametrize(
    ("answer", "days", "proposed"),
    [("", 1, 1), ("", 6, 1), ("reject", 1, 1), ("reject", 13, 1), ("reject", 14, 2), ("approve", 1, 1)],
)
def test_figures_that_move(place: Place, store: Store, config: Config, answer: str, days: int, proposed: int) -> None:
    """What was proposed and still holds is not proposed again each day its figures move; approvers are not told again, and lose no approval."""
    decide(store, config, NOW)
    if answer:
        with store.write() as connection:
            decisions.judge(connection, 1, answer, actor="alice", reason="the costs are right", now=NOW)
    place.write(60 * days, seed=5, first=NOW, hours=days * 24)
    later = NOW + timedelta(days=days)
    ingest(store, config, later)
    summarise(store, config, later)
    decide(store, config, later)
    with store.read() as connection:
        assert len(decisions.all(connection)) == proposed
        assert len(outbox.about(connection, "decision:1")) == 1
    assert answer or newest(store)["state"] == "proposed"


def test_what_a_person_asked_for_stands(place: Place, store: Store, config: Config) -> None:
    """What somebody asked for waits for its answer; the job's own view of the next day does not take its place."""
    with store.write() as connection:
        propose(connection, config, "ape", NOW, ("alice", "a new survey"))
    place.write(60, seed=5, first=NOW, hours=24)
    later = NOW + timedelta(days=1)
    ingest(store, config, later)
    summarise(store, config, later)
    assert decide(store, config, later) == "ape: nothing new"
    assert (newest(store)["requester"], newest(store)["state"]) == ("alice", "proposed")


def test_person_proposes(place: Place, store: Store, config: Config) -> None:
    """Who owns a model may ask for a retraining, and then does not approve it; what the evidence says by itself is told."""
    with store.write() as connection:
        for who in ("bruno", "alice"):
            actions.ask(connection, who, "propose", "model:ape", revision=None, reason="a new survey", now=NOW)
        actions.ask(connection, "alice", "approve", "decision:1", revision=None, reason="a new survey", now=NOW)
    assert act(store, config, NOW) == "1 actions applied, 2 refused"
    one = newest(store)
    assert (one["state"], one["recommendation"], one["requester"]) == ("proposed", "retrain", "alice")
    assert one["sentence"].startswith("alice asks for it: a new survey. By itself: label first. ")


@pytest.mark.parametrize(
    ("version", "days", "state"), [("2.0", 1, "done"), ("1.0", 27, "triggered"), ("1.0", 29, "failed")]
)
def test_look_back(place: Place, store: Store, config: Config, version: str, days: int, state: str) -> None:
    """What was started is done when another version answers, and failed when none does in the days it is expected in."""
    decide(store, config, NOW)
    with store.write() as connection:
        decisions.judge(connection, 1, "approve", actor="alice", reason="the costs are right", now=NOW)
        calls.begin(connection, decisions.get(connection, 1), NOW)
        calls.end(connection, 1, "started", "", now=NOW)
    later = NOW + timedelta(days=days)
    place.write(40, seed=5, first=later - timedelta(hours=20), hours=20, changed=lambda _: {"model_version": version})
    ingest(store, config, later)
    summarise(store, config, later)
    decide(store, config, later)
    with store.read() as connection:
        assert decisions.get(connection, 1)["state"] == state


@pytest.mark.parametrize("begin", [nothing])
def test_no_reference(place: Place, store: Store) -> None:
    """Where nothing is pinned nothing is proposed; a decision that is none is named."""
    config = place.configure()
    place.write(50)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    assert decide(store, config, NOW) == "ape: nothing new"
    with store.read() as connection, pytest.raises(NoData, match="no decision 1"):
        decisions.get(connection, 1)


END = hour_of(NOW) // 24 * 24
MANUAL = Cause("automation", "outputs", 0.9, "share", 0.5, 0.1, 900.0, -1, "automation rate 50.0 % -> 10.0 %")
SLOW = Cause("latency", "service", 0.9, "ms", 40.0, 90.0, 900.0, 1, "usual latency 40 ms -> 90 ms")
TEXTS = Cause("unknown_words", "inputs", 0.9, "share", 0.03, 0.08, 900.0, 1, "share of unknown words 3.0 % -> 8.0 %")


def happened(store: Store, cause: Cause, onset: int, **values: Any) -> None:
    """Put an incident on record that was found two hours after its onset, and what became of it."""
    new = Incident(0, "ape", onset, onset + 2, "open", (cause,), {"claim": cause.text})
    with store.write() as connection:
        one, _ = incidents.open_new(connection, new, NOW)
        quiet = values.pop("quiet_hours", 0)
        if values:
            incidents.change(connection, one, "changed", actor="test", reason="test", at=NOW, key="test", **values)
        incidents.note_quiet(connection, one.id, quiet)


@pytest.mark.parametrize(
    ("cause", "values", "days"),
    [
        (MANUAL, {"state": "closed", "closed_as": "fixed", "closed_hour": END - 70}, [2, 3, 4]),
        (MANUAL, {"state": "recovering", "quiet_hours": 48}, [2, 3, 4]),
        (MANUAL, {"state": "closed", "closed_as": "recovered", "closed_hour": END - 12, "quiet_hours": 72}, [2, 3]),
        (MANUAL, {"state": "closed", "closed_as": "false_alarm", "closed_hour": END - 70}, []),
        (MANUAL, {"state": "closed", "closed_as": "new_normal", "closed_hour": END - 70}, []),
        (MANUAL, {}, []),
        (TEXTS, {"state": "closed", "closed_as": "fixed", "closed_hour": END - 70}, []),
    ],
)
def test_days_left_out(
    place: Place, store: Store, config: Config, cause: Cause, values: dict[str, Any], days: list[int]
) -> None:
    """Days of a fault in the answers that passed are no part of what waiting costs; the others stand for the week."""
    happened(store, cause, END - 5 * 24 + 3, **values)
    assert decide(store, config, NOW) == "ape: decision 1"
    one = newest(store)
    kept = [END - 168 + day * 24 for day in range(7) if day not in days]
    rows = [row for row in place.written if hour_of(row["time"]) // 24 * 24 in kept]
    terms = {term["name"]: term for term in one["evidence"]["terms"]}
    assert terms["predictions"]["value"] == pytest.approx(len(rows) * 7 / len(kept))
    assert one["evidence"]["days_left_out"] == len(days)
    assert (f"{len(days)} of the last 7 days left out" in one["sentence"]) == bool(days)


@pytest.mark.parametrize("begin", [nothing])
@pytest.mark.parametrize(
    ("cause", "onset", "hours", "days", "going"),
    [
        (MANUAL, END - 3 * 24 + 5, 67, 3, True),
        (MANUAL, END - 4 * 24 + 5, 30, 2, False),
        (MANUAL, END - 9 * 24 + 5, 9 * 24 - 5, 0, True),
        (SLOW, END - 3 * 24 + 5, 67, 0, False),
    ],
)
def test_deployment(place: Place, store: Store, cause: Cause, onset: int, hours: int, days: int, going: bool) -> None:
    """Of an open incident that began with a version those days are left out on which it answered; while it does, roll back."""
    config = place.configure(COMMAND)
    for version, first, end in (
        ("1.0", END - DAYS * 24, onset),
        ("2.0", onset, onset + hours),
        ("1.0", onset + hours, END),
    ):
        made: dict[str, Any] = {"model_version": version}
        if end > first:
            place.write(
                (end - first) * 3,
                seed=first,
                first=start_of(first),
                hours=end - first,
                changed=lambda _, made=made: made,
            )
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    pin(store, config, NOW, "ape", REFERENCE, by="test", reason="usual")
    happened(store, MANUAL, END - 5 * 24 if onset > END - 5 * 24 else onset - 48)
    decide(store, config, NOW)
    assert newest(store)["evidence"]["days_left_out"] == 0
    happened(store, cause, onset)
    assert decide(store, config, NOW) == ("ape: decision 2" if days or going else "ape: nothing new")
    one = newest(store)
    assert one["evidence"]["days_left_out"] == days
    assert (
        one["recommendation"] == "wait" and "Incident 2 began with a deployment: roll back first" in one["sentence"]
    ) == going
    assert ("EUR a week" in one["sentence"] and "Look again on 07 Sep 2026." in one["sentence"]) == going


def test_whole_week_left_out(store: Store, config: Config) -> None:
    """Where no day is left there is nothing to weigh."""
    happened(store, MANUAL, END - 200, state="recovering")
    assert decide(store, config, NOW) == "ape: nothing new"


@pytest.mark.parametrize(("anchor", "proposed"), [("2026-10-01", True), ("2026-12-01", False)])
def test_calendar_asks_anyway(place: Place, store: Store, anchor: str, proposed: bool) -> None:
    """Where no day is left but the calendar asks, the days before the fault are weighed, made up to a week."""
    calendar = f"trigger: train, calendar: {{every: quarter, anchor: {anchor}}}"
    config, later = place.configure(COMMAND.replace("trigger: train", calendar)), NOW + timedelta(days=7)
    place.write(400, seed=5, first=NOW, hours=7 * 24)
    ingest(store, config, later)
    summarise(store, config, later)
    happened(store, MANUAL, END - 3 * 24, state="recovering")
    assert decide(store, config, later) == ("ape: decision 1" if proposed else "ape: nothing new")
    if not proposed:
        return
    evidence = newest(store)["evidence"]
    rows = [row for row in place.written if hour_of(row["time"]) in Window(END - 7 * 24, END - 3 * 24)]
    assert evidence["terms"][0]["value"] == pytest.approx(len(rows) * 7 / 4)
    assert evidence["terms"][0]["source"] == "profiles of the newest days without a fault, made up to a week"
    assert "7 of the last 7 days left out" in newest(store)["sentence"]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("promote", "A challenger waits: promote."), ("more_labels", "A challenger waits: more labels."), ("hold", "")],
)
def test_challenger_waits(place: Place, store: Store, config: Config, verdict: str, said: str) -> None:
    """The sentence tells of a challenger whose verdict asks for something; one that is not in config.yaml is not told of."""
    with store.write() as connection:
        shadow.put_comparison(connection, {"digest": "d" * 64, "model": "ape", "first_hour": 1, "end_hour": 2, "made_us": 3,
                                           "verdict": verdict, "body": "{}"})  # fmt: skip
    decide(store, config, NOW)
    assert "challenger" not in newest(store)["sentence"]
    declared = f"shadow: {{trusted_roots: [models]}}\nchallengers: {{next: {{of: ape, path: models/next, sha256: {'d' * 64}}}}}\n"
    decide(store, place.configure(COMMAND + declared), NOW)
    assert said in newest(store)["sentence"]
    assert ("challenger" in newest(store)["sentence"]) == bool(said)


@pytest.mark.parametrize(
    ("anchor", "state", "said"),
    [
        ("2026-10-20", "not_due", "The calendar asks for the next retraining by 20 Oct 2026."),
        ("2026-09-30", "due", "The calendar asks for a retraining by 30 Sep 2026."),
    ],
)
def test_calendar(
    place: Place,
    store: Store,
    anchor: str,
    state: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A decision keeps where the model stands in its calendar and says so; when that changes it is proposed anew."""
    decide(store, place.configure(COMMAND), NOW)
    assert newest(store)["evidence"]["calendar"] == {
        "state": "none", "date": None, "due_from": None, "every": "none", "policy": "review", "trained": "2026-08-26",
        "version": None, "rhythm_weeks": None}  # fmt: skip
    calendar = f"trigger: train, calendar: {{every: half-year, anchor: {anchor}}}"
    config = place.configure(COMMAND.replace("trigger: train", calendar))
    assert decide(store, config, NOW) == "ape: decision 2"
    one = newest(store)
    assert (one["evidence"]["calendar"]["state"], one["evidence"]["calendar"]["date"]) == (state, anchor)
    assert said in one["sentence"]
    code, told = run(place, "decisions", "show", "2", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert f"calendar: {state.replace('_', ' ')}, for {anchor}; last training 2026-08-26 (end of the reference)" in told


def test_evidence_in_words(
    place: Place, store: Store, config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person is shown every term in words, none by its name in the reckoning."""
    decide(store, config, NOW)
    one = newest(store)
    code, told = run(place, "decisions", "show", str(one["id"]), monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    for name, words in (("excess_manual", "excess share sent to people"), ("recovered", "share a new model recovers")):
        assert name not in told
        assert words in told
    assert all(term["name"] in TERMS for term in one["evidence"]["terms"])
