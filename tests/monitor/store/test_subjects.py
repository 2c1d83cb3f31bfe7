"""Every subject's functions keep and give back what they were handed, on both databases."""

from collections.abc import Iterator
from datetime import timedelta

import polars as pl
import pytest
from sqlalchemy import Connection

from jobs.ingest import ingest
from jobs.summarise import summarise
from monitor.alerts import Message
from monitor.detection.incident import Cause, Incident
from monitor.errors import NoData, StoreError
from monitor.prediction import SCHEMA
from monitor.profiles.pairs import Pairs
from monitor.profiles.profile import by_hour, mark_repeats
from monitor.store import (
    arrivals,
    detectors,
    estimates,
    incidents,
    labels,
    outbox,
    predictions,
    profiles,
    readings,
    references,
    reports,
    runs,
    shadow,
)  # fmt: skip
from monitor.store.store import Store
from monitor.store.tables import job_run
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, microseconds
from tests.conftest import NOW, Place

HOUR = hour_of(NOW)
NOW_US = microseconds(NOW)


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """Lend one writing transaction."""
    with store.write() as one:
        yield one


@pytest.fixture
def filled(place: Place, store: Store) -> Store:
    """Return a store with 400 predictions of two days and their profiles."""
    config = place.configure()
    place.write(400)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    return store


WHOLE = Window(HOUR - 49, HOUR + 1)


def test_predictions_come_back(place: Place, filled: Store) -> None:
    """Rows have the canonical columns and the values that were logged, in order of time."""
    with filled.read() as connection:
        bare = predictions.rows(connection, "ape", WHOLE)
        full = predictions.rows(connection, "ape", WHOLE, texts=True)
        assert predictions.rows(connection, "other", WHOLE).height == 0
        half = predictions.rows(connection, "ape", Window(WHOLE.first, HOUR - 20)).height
        assert half + predictions.rows(connection, "ape", Window(HOUR - 20, WHOLE.end)).height == 400
    assert list(full.schema.items())[: len(SCHEMA)] == list(SCHEMA.items())
    assert full.columns[len(SCHEMA) :] == ["field_TYP"]
    assert bare["text"].null_count() == 400
    written = sorted(
        place.written, key=lambda row: row["time"].replace(microsecond=row["time"].microsecond // 1000 * 1000)
    )
    assert sorted(full["text"].to_list()) == sorted(row["text"] for row in written)
    assert full["time"].is_sorted()
    by_id = {row["request_id"]: row for row in place.written}
    for row in full.iter_rows(named=True):
        truth = by_id[row["request_id"]]
        assert (row["text"], row["caller"], row["status"], row["field_TYP"]) == (
            truth["text"], truth["caller"], truth["status"], truth["fields"]["TYP"])  # fmt: skip
        assert row["latency_ms"] == round(truth["latency_ms"], 3)


def test_sample_by_seed(filled: Store) -> None:
    """A draw depends on its seed and the rows; asking for more than there is gives all."""
    with filled.read() as connection:
        one, same, other = (predictions.sample(connection, "ape", WHOLE, 50, seed) for seed in (1, 1, 2))
        assert one.equals(same)
        assert not one.equals(other)
        assert (one.height, one["uid"].n_unique()) == (50, 50)
        assert predictions.sample(connection, "ape", WHOLE, 10_000, 1).height == 400
        assert predictions.sample(connection, "ape", Window(0, 1), 10, 1).height == 0


def test_count_by_day(place: Place, filled: Store) -> None:
    """Counts by day and outcome add up to what was logged."""
    with filled.read() as connection:
        counted = predictions.count_by_day(connection, "ape")
    assert counted["count"].sum() == 400
    failed = sum(row["status"] == 500 for row in place.written)
    assert counted.filter(pl.col("outcome") == "failed")["count"].sum() == failed


def test_profiles(filled: Store) -> None:
    """Profiles by hour, by segment and in total are sums of the same parts."""
    with filled.read() as connection:
        parts = profiles.hours(connection, "ape", WHOLE)
        assert sum(p.records for some in parts.values() for p in some.values()) == 400
        assert profiles.total(connection, "ape", WHOLE).records == 400
        per = profiles.segments(connection, "ape", WHOLE)
        assert sorted(per) == ["batch", "desk", "web"]
        assert per["web"] == profiles.total(connection, "ape", WHOLE, "web")
        assert sum(p.records for p in profiles.by_hour(connection, "ape", WHOLE).values()) == 400
        span = profiles.span(connection, "ape")
        assert span == Window(min(parts), max(parts) + 1)
        assert profiles.span(connection, "other") is None
        built = by_hour(mark_repeats(predictions.rows(connection, "ape", WHOLE)))
        assert {(k.hour, k.segment): v.records for k, v in built.items()} == {
            (hour, segment): p.records for hour, some in parts.items() for segment, p in some.items()}  # fmt: skip


def test_profile_revisions(filled: Store) -> None:
    """Replacing an hour raises its revision and no other."""
    with filled.write() as connection:
        before = profiles.revisions(connection, "ape", WHOLE)
        hour = min(before)
        rows = predictions.rows(connection, "ape", Window(hour, hour + 1))
        profiles.replace(connection, "ape", [hour], by_hour(mark_repeats(rows)))
        after = profiles.revisions(connection, "ape", WHOLE)
    assert {h for h in after if after[h] != before[h]} == {hour}
    assert after[hour] > before[hour]


def test_dirty_marks(connection: Connection) -> None:
    """A mark that rose since it was read is not forgotten."""
    from sqlalchemy import update

    from monitor.store.tables import dirty_hour

    connection.execute(dirty_hour.insert().values(model="ape", hour=5, mark=1))
    connection.execute(dirty_hour.insert().values(model="ape", hour=4, mark=1))
    marks = profiles.dirty(connection)
    assert marks == [("ape", 4, 1), ("ape", 5, 1)]
    connection.execute(update(dirty_hour).where(dirty_hour.c.hour == 5).values(mark=2))
    profiles.clean(connection, marks)
    assert profiles.dirty(connection) == [("ape", 5, 2)]


def test_references(connection: Connection) -> None:
    """The newest pinned reference is the active one of its model."""
    values = {"model": "ape", "first_hour": 1, "end_hour": 337, "pinned_us": NOW_US, "pinned_by": "a", "reason": "r", "clean": 1,
              "clean_detail": "clean", "baseline": b"x\x00y"}  # fmt: skip
    assert references.active(connection, "ape") is None
    first = references.pin(connection, values)
    second = references.pin(connection, {**values, "baseline": b"z"})
    references.pin(connection, {**values, "model": "other"})
    found = references.active(connection, "ape")
    assert found is not None
    assert (found.id, bytes(found.baseline)) == (second, b"z")
    assert second > first


def test_detectors(connection: Connection) -> None:
    """The saved state is the last one."""
    assert detectors.load(connection, "ape", 1) is None
    for hour in (7, 8):
        detectors.save(connection, "ape", 1, judged_until=hour, state=b"\x00s" * hour, evidence=hour / 10)
    found = detectors.load(connection, "ape", 1)
    assert found is not None
    assert (found.judged_until, bytes(found.state), found.evidence) == (8, b"\x00s" * 8, 0.8)
    assert detectors.load(connection, "ape", 2) is None


def test_readings(connection: Connection) -> None:
    """Hours are replaced, null values stay null, history is in order."""

    def row(hour: int, value: float | None) -> dict:
        return {"model": "ape", "metric": "novelty", "hour": hour, "value": value, "size": 3.0, "expected": 0.1, "low": 0.0,
                "high": 0.2, "state": "judged"}  # fmt: skip

    readings.replace(connection, "ape", [5, 6], [row(6, 0.25), row(5, None)])
    readings.replace(connection, "ape", [6], [row(6, 1 / 3)])
    readings.replace(connection, "ape", [], [])
    found = readings.history(connection, "ape", "novelty", Window(0, 10))
    assert (found["hour"].to_list(), found["value"].to_list()) == ([5, 6], [None, 1 / 3])
    assert readings.metrics(connection, "ape") == ["novelty"]
    assert readings.history(connection, "ape", "other", Window(0, 10)).height == 0


def test_long_names(connection: Connection) -> None:
    """The longest name of a label, a field's value or a model fits wherever it is part of a name, on both databases."""
    model = "m" * 64
    for metric in (f"label:{'l' * 128}", f"field:{'f' * 64}={'v' * 200}"):
        row = {"model": model, "metric": metric, "hour": 5, "value": 0.5, "size": 3.0, "expected": 0.1, "low": 0.0, "high": 0.2,
               "state": "judged"}  # fmt: skip
        readings.replace(connection, model, [5], [row])
        assert readings.metrics(connection, model) == [metric]
    estimates.keep_calibration(connection, model, (0.5, 0.9), 300)
    assert estimates.calibration(connection, model) == ((0.5, 0.9), 300)
    outbox.queue(
        connection, [Message(f"weekly:{model}", "weekly", 1, "mail", "head@stat.example", {"kind": "weekly"})], NOW
    )
    assert outbox.about(connection, f"weekly:{model}")


CAUSES = (Cause("novelty", "inputs", 0.7, "share", 0.1, 0.2, 40.0, 1, "a <b>new</b> word"),)


def test_incidents(connection: Connection) -> None:
    """An incident comes back as it was put, every change is in its history, and old sight is refused."""
    new = Incident(0, "ape", 10, 12, "open", CAUSES, {"claim": "é", "terms": {"gained": [["x", 1, 2]]}})
    one, change = incidents.open_new(connection, new, NOW)
    assert (one.causes, one.detail, change.change, change.subject) == (
        CAUSES,
        new.detail,
        "opened",
        f"incident:{one.id}",
    )
    incidents.acknowledge(connection, one.id, one.revision, "alice", "looking", now=NOW)
    with pytest.raises(StoreError, match="somebody else"):
        incidents.close(connection, one.id, one.revision, "fixed", "bruno", reason="", now=NOW)
    incidents.note_quiet(connection, one.id, 24)
    closed = incidents.close(connection, one.id, None, "fixed", "bruno", reason="repaired", now=NOW)
    assert (closed.before, closed.after) == ("open", "closed")
    again = incidents.get(connection, one.id)
    assert (again.state, again.closed_as, again.closed_hour, again.acknowledged_by, again.quiet_hours) == (
        "closed",
        "fixed",
        HOUR,
        "alice",
        24,
    )
    assert [c.change for c in incidents.history(connection, one.id)] == ["opened", "acknowledged", "closed"]
    assert [c.at for c in incidents.history(connection, one.id)] == [NOW] * 3
    assert incidents.all(connection, "ape", ("open", "recovering")) == []
    assert [i.id for i in incidents.all(connection)] == [one.id]
    with pytest.raises(NoData):
        incidents.get(connection, 99)


def test_reports(connection: Connection) -> None:
    """A report of the same window is replaced."""
    window = Window(1, 169)
    assert not reports.has(connection, "weekly", "ape", window)
    for state in ("failed", "ready"):
        reports.put(connection, "weekly", "ape", window, path=f"{state}.html", state=state, note="", now=NOW)
    assert reports.has(connection, "weekly", "ape", window)
    assert [r["path"] for r in reports.all(connection)] == ["ready.html"]


def test_estimates(connection: Connection) -> None:
    """A figure of the same day is replaced; the newest day is the latest; calibration is one per model."""

    def row(day: int, value: float | None) -> dict:
        return {"model": "ape", "day": day, "name": "accuracy", "basis": "measured", "value": value, "low": 0.1, "high": 0.9,
                "size": 10.0, "note": ""}  # fmt: skip

    assert estimates.newest_day(connection, "ape") is None
    estimates.put(connection, [row(1, 0.5), row(2, None), row(1, 0.75)])
    assert [r["value"] for r in estimates.history(connection, "ape", "accuracy", "measured")] == [0.75, None]
    assert (
        estimates.latest(connection, "ape")["accuracy", "measured"]["day"]
        == estimates.newest_day(connection, "ape")
        == 2
    )
    assert estimates.calibration(connection, "ape") is None
    for many in (5, 6):
        estimates.keep_calibration(connection, "ape", (0.1, 0.9), many)
    assert estimates.calibration(connection, "ape") == ((0.1, 0.9), 6)


def test_labels(place: Place, filled: Store) -> None:
    """Labels join their prediction by request id, once."""
    with filled.write() as connection:
        known = labels.predictions_of(connection, "ape", ["0-1", "0-2", "none"])
        assert sorted(known) == ["0-1", "0-2"]
        rows = [{"model": "ape", "day": day, "uid": uid, "label": "10", "source": "audit", "inclusion": 0.02, "annotator": "a",
                 "labelled_us": NOW_US, "imported_us": NOW_US} for only in known.values() for day, uid in only.values()]  # fmt: skip
        assert [labels.add(connection, rows), labels.add(connection, rows), labels.add(connection, [])] == [2, 0, 0]
        joined = labels.joined(connection, "ape")
        assert joined.schema == labels.SCHEMA
        assert sorted(joined["uid"].to_list()) == sorted(uid for only in known.values() for _, uid in only.values())
        assert labels.joined(connection, "ape", Window(0, 1)).height == 0


def test_shadow(filled: Store) -> None:
    """Answers are kept once, counted into pairs per hour, and a comparison of the same window is replaced."""
    digest = "d" * 64
    with filled.write() as connection:
        waiting = shadow.unanswered(connection, digest, "ape", WHOLE, 1000)
        assert len(waiting) == 400
        assert len(shadow.unanswered(connection, digest, "ape", WHOLE, 7)) == 7
        answers = [{"digest": digest, "day": row.day, "uid": row.uid, "hour": row.time // MICROSECONDS_PER_HOUR, "label": "10",
                    "topk": '[["10",0.9]]', "score_step": 9000, "outcome": "answered"} for row in waiting]  # fmt: skip
        fresh = {bytes(row.input_hash): [["10", 0.9]] for row in waiting}
        shadow.keep(connection, digest, answers, fresh, NOW_US)
        shadow.keep(connection, digest, answers, fresh, NOW_US)
        assert shadow.unanswered(connection, digest, "ape", WHOLE, 10) == []
        assert shadow.cached(connection, digest, [*fresh, b"x" * 16]) == fresh
        hours = shadow.unpaired_hours(connection, digest)
        assert shadow.answered(connection, digest, HOUR + 1000) == Window(min(hours), max(hours) + 1)
        assert shadow.answered(connection, digest, hours[3]) == Window(hours[0], hours[2] + 1)
        assert shadow.answered(connection, digest, hours[0]) is None
        assert shadow.given(connection, digest, Window(hours[0], HOUR + 1)) == {
            bytes(row.uid): [["10", 0.9]] for row in waiting
        }
        assert (
            shadow.given(connection, digest, Window(HOUR + 1, HOUR + 2)) == shadow.given(connection, "e", WHOLE) == {}
        )
        assert sum(len(shadow.answers_of(connection, digest, hour)) for hour in hours) == 400
        for hour in hours:
            shadow.put_pairs(connection, digest, hour, Pairs(), len(shadow.answers_of(connection, digest, hour)))
        assert shadow.unpaired_hours(connection, digest) == []
        assert sorted(shadow.pairs_by_hour(connection, digest, WHOLE)) == hours
        assert shadow.pairs_total(connection, digest, WHOLE) == Pairs()
        truths = {(row.day, bytes(row.uid)): "10" for row in waiting}
        wins, losses = shadow.disagreements(connection, digest, WHOLE, truths)
        assert losses == 0
        assert wins > 0
        assert shadow.labelled(connection, digest, WHOLE, truths)[1] == wins  # the challenger is always right
        some = dict(list(truths.items())[:30])
        assert shadow.labelled(connection, digest, WHOLE, some)[0] == 30
        assert shadow.labelled(connection, digest, WHOLE, dict.fromkeys(some, "no such class")) == (30, 30)
        assert shadow.labelled(connection, digest, Window(HOUR + 1, HOUR + 2), truths) == (0, 0)


def test_challenger_and_comparison(connection: Connection) -> None:
    """What is known of a challenger, and its comparison, are the newest."""
    assert shadow.known_challenger(connection, "d") is None
    assert shadow.latest_comparison(connection, "ape") is None
    for name in ("old", "new"):
        shadow.put_challenger(connection, {"digest": "d", "name": name, "model": "ape", "spec": "{}", "self_tests": "[1]",
                                           "resources": "{}", "seen_us": NOW_US})  # fmt: skip
        shadow.put_comparison(connection, {"digest": "d", "model": "ape", "first_hour": 1, "end_hour": 2, "made_us": NOW_US,
                                           "verdict": "hold", "body": f'{{"sentence": "{name}"}}'})  # fmt: skip
    known, newest = shadow.known_challenger(connection, "d"), shadow.latest_comparison(connection, "ape")
    assert known is not None
    assert newest is not None
    assert (known["name"], known["self_tests"], newest["body"]["sentence"]) == ("new", [1], "new")


def test_outbox(connection: Connection) -> None:
    """A message is queued once, claimed by one, and its counts tell."""
    from monitor.alerts import Message

    message = Message("incident:1", "opened", 1, "mail", "ops@stat.example", {"é": 1})
    assert outbox.queue(connection, [message, message], NOW) == 1
    row = outbox.claim(connection, NOW)
    assert row is not None
    assert (row["facts"], row["attempt"], outbox.claim(connection, NOW)) == ({"é": 1}, 1, None)
    outbox.sent(connection, row, NOW)
    assert outbox.counts(connection) == {"sent": 1}
    assert [m["state"] for m in outbox.about(connection, "incident:1")] == ["sent"]
    assert outbox.claim(connection, NOW + timedelta(days=9)) is None


def test_arrivals(connection: Connection) -> None:
    """A range that another runner read is refused; losses and rejects are told by source."""
    from monitor.batch import Batch, Lines, Reject

    identity = arrivals.register(
        connection, {"source": "api", "instance": "i", "first_digest": b"d" * 16, "path_last": "p"}
    ).id
    second = arrivals.register(
        connection, {"source": "api", "instance": "i", "first_digest": b"d" * 16, "path_last": "p"}
    ).id
    assert {row.generation for row in arrivals.marks(connection, "api", "i", b"d" * 16)} == {0, 1}
    batch = Batch(0, 10, rejects=(Reject(0, 10, "invalid_syntax", "why", b"d" * 16, "é"),), lines=Lines(rejected=1))
    assert arrivals.save(connection, batch, identity, {}, NOW_US).moved
    assert not arrivals.save(connection, batch, identity, {}, NOW_US).moved
    arrivals.lose(connection, second, "vanished", 7, NOW_US)
    arrivals.note_source(connection, "api", "vigie_line", read_us=1)
    arrivals.note_source(connection, "api", "vigie_line", read_us=2)
    (feed,) = arrivals.feed(connection)
    assert (feed["read_us"], feed["lines_rejected"], feed["lost_bytes"]) == (2, 1, 7)
    assert [(r["reason"], r["count"], r["sample"]) for r in arrivals.rejects_by_reason(connection)] == [
        ("invalid_syntax", 1, "é")
    ]
    assert [row.id for row in arrivals.active(connection, "api")] == [identity]


def test_failing(connection: Connection) -> None:
    """A job fails when its last three ended runs did, however many other jobs ran meanwhile; a killed run failed too."""
    told = {
        "labels": "ok failed failed failed",
        "detect": "failed abandoned failed running due skipped",
        "ingest": "failed failed failed ok" + " ok" * 500,
        "notify": "failed failed running",
        "report": "failed ok failed failed",
        "prune": "ok timeout",
        "shadow": "timeout ok failed",
    }
    rows = [(job, slot, state) for job, states in told.items() for slot, state in enumerate(states.split())]
    rows.append(("labels", 1000, "ok"))  # a clock that ran ahead
    connection.execute(
        job_run.insert(),
        [
            {"job": job, "slot_us": slot, "state": state, "attempt": 1, "fence": 1, "owner": "", "line": f"{state} {slot}",
             "trouble": ""}
            for job, slot, state in rows
        ],
    )  # fmt: skip
    assert [tuple(one.values()) for one in runs.failing(connection, 3, 900)] == [
        ("detect", 0, 2, "failed 2"), ("labels", 1, 3, "failed 3"), ("prune", 1, 1, "timeout 1")]  # fmt: skip
    assert [one["job"] for one in runs.failing(connection, 3, 900, ["notify", "ingest", "shadow"])] == [
        "detect", "labels", "notify", "prune", "shadow"]  # fmt: skip
    assert {one["job"]: one["line"] for one in runs.newest(connection)} == {
        "detect": "skipped 5", "ingest": "ok 503", "labels": "ok 1000", "notify": "running 2", "prune": "timeout 1", "report": "failed 3",
        "shadow": "failed 2"}  # fmt: skip


def test_runs(connection: Connection) -> None:
    """Runs are told newest first, and the last tick is the newest of all runners."""
    for slot in (1, 2):
        fence = runs.claim(connection, "ingest", slot, "h:1:1", 10)
        runs.finish(connection, ("ingest", slot, fence or 0), "ok", f"slot {slot}", "", now_us=11)
    assert [row["line"] for row in runs.latest(connection)] == ["slot 2", "slot 1"]
    assert runs.is_done(connection, "ingest", 1, 2)
    assert not runs.is_done(connection, "ingest", 3, 3)
    assert not runs.is_done(connection, "notify", 1, 2)
    for runner, tick in (("a", 5), ("b", 3), ("a", 4)):
        runs.beat(connection, runner, tick, "1")
    assert runs.last_tick_us(connection) == 4
