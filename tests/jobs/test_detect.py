"""Hours are judged once, whatever is pinned; incidents say what is so."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection

from jobs.detect import detect, pending
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.status import verdicts
from jobs.summarise import summarise
from monitor.config import Config
from monitor.profiles.profile import Profile
from monitor.store import detectors, incidents, profiles, references
from monitor.store.store import Store
from monitor.store.tables import change_log, detector, incident, reading
from monitor.window import Window, start_of
from tests.conftest import Place, opened
from tests.jobs.story import snapshot
from tests.jobs.test_cli import run
from tests.jobs.test_pipeline import BEGIN, END, REFERENCE, SETTINGS


@pytest.fixture
def place(judged: Path, tmp_path: Path) -> Place:
    """Return a copy of what was judged."""
    folder = tmp_path / "copy"
    shutil.copytree(judged, folder)
    return Place(folder, f"sqlite:///{folder}/data/vigie.db")


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure(SETTINGS)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


def goes_on(place: Place, config: Config, store: Store) -> datetime:
    """Log, read and summarise thirty further usual hours; return their end."""
    place.write(400, seed=3, first=END, hours=30)
    later = END + timedelta(hours=30)
    ingest(store, config, later)
    summarise(store, config, later)
    return later


@pytest.mark.parametrize("days", [14, 15])
def test_pinned_again(place: Place, config: Config, store: Store, days: int) -> None:
    """A second reference judges from where the first stopped; what was open is superseded, once, and detection goes on."""
    with store.read() as connection:
        until = detectors.judged_until(connection, "ape")
        before = incidents.all(connection)
    assert [one for one in before if one.state == "open"]
    pin(store, config, END, "ape", Window.of(BEGIN, BEGIN + timedelta(days=days)), by="alice", reason="again")
    assert pending(store, config, END) == 0
    later = goes_on(place, config, store)
    while pending(store, config, later):
        detect(store, config, later)
    with store.read() as connection:
        assert (detectors.judged_until(connection, "ape") or 0) > (until or 0) + 24
        for one in before:
            found, change = incidents.get(connection, one.id), incidents.history(connection, one.id)[-1]
            assert (found.state, found.closed_as) == ("closed", "superseded")
            assert (change.change, change.after, change.actor) == ("closed", "closed", "alice")
    rows = snapshot(store)
    detect(store, config, later)
    assert snapshot(store) == rows


def test_pinned_meanwhile(place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that began under a reference writes nothing once another was pinned; the next run judges under that one."""
    later = goes_on(place, config, store)
    read = profiles.by_hour

    def slow(connection: Connection, model: str, window: Window) -> dict[int, Profile]:
        monkeypatch.setattr(profiles, "by_hour", read)
        pin(store, config, END, "ape", REFERENCE, by="alice", reason="again")
        return read(connection, model, window)

    monkeypatch.setattr(profiles, "by_hour", slow)
    assert detect(store, config, later) == "ape: a new reference was pinned meanwhile"
    assert "hours judged" in detect(store, config, later)


def test_reference_tells_what_it_would_notice(place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # fmt: skip
    """`reference show` lists from which size on each kind of change is told; pinning says it in a sentence."""
    code, said = run(place, "reference", "show", "ape", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, said.splitlines()[-1]) == (0, "What is smaller cannot be seen with this reference.")
    latency = next(line for line in said.splitlines() if line.startswith("  rise of the usual latency: "))
    assert [part.split(" ", 2)[2] for part in latency.split(": ")[1].split(", ")] == [
        "within a day", "within a week", "within four weeks"]  # fmt: skip
    code, said = run(place, "reference", "show", "ape", "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert {row["change"] for row in json.loads(said)["told"]} >= {
        "rise of the usual latency",
        "calls that fail and did not",
    }
    assert "of the answers" in pin(store, config, END, "ape", REFERENCE, by="alice", reason="again").rpartition("; ")[2]


def test_one_model_fails(place: Place, store: Store) -> None:
    """A model that cannot be judged is told of; the one behind it is judged all the same."""
    more = ("  ape:\n    classes: 4\n", "  aaa:\n    classes: 4\n  ape:\n    classes: 4\n")
    config = place.configure(SETTINGS, more)
    assert list(config.models) == ["aaa", "ape"]
    with store.write() as connection:
        row = dict(references.active(connection, "ape")._mapping)  # type: ignore[union-attr]
        row.pop("id")
        references.pin(connection, row | {"model": "aaa", "baseline": b"\x00"})
        until = detectors.judged_until(connection, "ape") or 0
    later = goes_on(place, config, store)
    with pytest.raises(msgspec.ValidationError):
        detect(store, config, later)
    with store.read() as connection:
        assert (detectors.judged_until(connection, "ape") or 0) > until + 24
        assert detectors.judged_until(connection, "aaa") is None


def test_reopened(config: Config, store: Store) -> None:
    """An alarm that joins a recovering incident opens it again: whoever looks sees ALARM, and its calm days begin anew."""
    with store.write() as connection:
        (first,) = incidents.all(connection)
        for table in (detector, incident, change_log, reading):
            connection.execute(table.delete())
    while pending(store, config, start_of(first.found_hour) + timedelta(hours=1)):
        detect(store, config, start_of(first.found_hour) + timedelta(hours=1))
    with store.write() as connection:
        (known,) = incidents.all(connection)
        assert (known.found_hour, known.state) == (first.found_hour, "open")
        incidents.change(connection, known, "recovering", actor="vigie", reason="calm", at=END, key="day:1",
                         state="recovering", quiet_hours=168)  # fmt: skip
    while pending(store, config, END):
        detect(store, config, END)
    with store.read() as connection:
        (again,) = incidents.all(connection)
        told = [(c.change, c.before, c.after) for c in incidents.history(connection, again.id)]
    assert told[:3] == [
        ("opened", None, "open"), ("recovering", "open", "recovering"), ("reopened", "recovering", "open")
    ]  # fmt: skip
    assert (again.state, again.quiet_hours) == ("open", 0)
    assert sum(cause.share for cause in again.causes) <= 1 + 1e-9


def test_not_judged(place: Place, config: Config, store: Store) -> None:
    """Traffic that nobody judged for days is not known to be well, however fresh it is; a few hours are usual."""
    with store.write() as connection:
        connection.execute(incident.update().values(state="closed", closed_as="fixed"))
        connection.execute(detector.update().values(evidence=0.0))
    ((_, soon, _),) = verdicts(store, config, END + timedelta(hours=3))
    later = END + timedelta(days=20)
    place.write(9, seed=4, first=later - timedelta(hours=1), hours=1)
    ingest(store, config, later)
    ((_, late, _),) = verdicts(store, config, later)
    assert "as usual" in soon.sentence
    assert late.status == "UNKNOWN"
    assert "not judged since Wed 02 Sep 23:00 UTC" in late.sentence


def test_sentence(config: Config, store: Store) -> None:
    """The sentence on an incident tells its metric now, how many more are open, and who looks after it."""
    usual = {"state": "open", "causes": "[]", "detail": "{}", "quiet_hours": 0, "revision": 1}
    with store.write() as connection:
        for hour in range(3):
            connection.execute(incident.insert().values(model="ape", found_hour=hour + 2, onset_hour=hour, **usual))
        connection.execute(reading.update().where(reading.c.metric == "confidence").values(value=0.25))
        first = incidents.all(connection)[0]
        incidents.acknowledge(connection, first.id, None, "alice", "seen", now=END)
    ((_, verdict, _),) = verdicts(store, config, END)
    assert verdict.incident_id == first.id
    assert verdict.sentence.endswith("-> 0.41; now 0.25; acknowledged by alice (and 3 more incidents)")


def test_branches_are_told(store: Store) -> None:
    """An incident about answers says in which branches they lie; one about texts or service does not."""
    with store.read() as connection:
        found = incidents.all(connection)
    told = {one.causes[0].group: one.detail["branches"] for one in found}
    assert told["outputs"]["rows"]
    for group, lie in told.items():
        assert bool(lie) == (group == "outputs")
