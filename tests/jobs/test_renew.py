"""A new normal is not judged for two weeks, then is what is usual; how the job is run in between is no matter."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.act import act
from jobs.detect import detect, pending
from jobs.ingest import ingest
from jobs.renew import renew
from jobs.status import verdicts
from jobs.summarise import summarise
from monitor.config import Config
from monitor.detection import renewal
from monitor.detection.baseline import Baseline
from monitor.detection.incident import Incident
from monitor.store import actions, incidents, references
from monitor.store.store import Store
from monitor.window import start_of
from tests.conftest import Place, opened
from tests.jobs.story import snapshot
from tests.jobs.test_cli import run
from tests.jobs.test_pipeline import CHANGE, END, SETTINGS, unseen

LATER = END + timedelta(days=16)


@pytest.fixture(scope="module")
def told(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Call the incident of the judged story the new normal, and log sixteen further days like it."""
    folder = tmp_path_factory.mktemp("told") / "copy"
    shutil.copytree(judged, folder)
    place = Place(folder, f"sqlite:///{folder}/data/vigie.db")
    config = place.configure(SETTINGS)
    with opened(place.database) as store:
        for one in everything(store):
            with store.write() as connection:
                actions.ask(
                    connection,
                    "alice",
                    "close:new_normal",
                    f"incident:{one.id}",
                    revision=None,
                    reason="a new survey",
                    now=END,
                )
        act(store, config, END)
    place.write(16 * 290, seed=4, first=END, hours=16 * 24, changed=unseen)
    return place.folder


@pytest.fixture
def place(told: Path, tmp_path: Path) -> Place:
    folder = tmp_path / "copy"
    shutil.copytree(told, folder)
    return Place(folder, f"sqlite:///{folder}/data/vigie.db")


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure(SETTINGS)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


def read(store: Store, config: Config, now) -> None:
    ingest(store, config, now)
    summarise(store, config, now)


def judge(store: Store, config: Config, now) -> None:
    while pending(store, config, now):
        detect(store, config, now)


def everything(store: Store) -> list[Incident]:
    with store.read() as connection:
        return incidents.all(connection)


def known(store: Store) -> dict[str, list[str]]:
    whole = snapshot(store)
    return {name: whole[name] for name in ("incident", "reading", "detector")}


def baseline(store: Store) -> Baseline:
    with store.read() as connection:
        row = references.active(connection, "ape")
    assert row is not None
    return Baseline.from_bytes(row.baseline)


def test_begun(config: Config, store: Store) -> None:
    """What the incident told of carries no bet any more, and the verdict says so instead of being green."""
    (one, *_) = everything(store)
    assert {one.closed_as for one in everything(store)} <= {"new_normal", "superseded"}
    now = baseline(store)
    leading = renewal.kin_of(one.causes[0].metric)
    assert leading in now.renewing
    assert not [line for line in now.lines if renewal.kin_of(line.metric) in now.renewing]
    assert [line for line in now.lines if renewal.kin_of(line.metric) == "volume"]
    (_, verdict, _), *_ = verdicts(store, config, END)
    assert verdict.status == "UNKNOWN"
    assert "learnt anew" in verdict.sentence
    assert renewal.title(leading) in verdict.sentence


def test_learnt(config: Config, store: Store) -> None:
    """Two weeks later it is usual: nothing is told of it, and what is told from then on is told against these weeks."""
    before, since = len(everything(store)), baseline(store).renewing
    read(store, config, LATER)
    judge(store, config, LATER)
    now = baseline(store)
    assert not now.renewing
    assert {kin: first for kin, (first, _) in now.renewed.items()} == since
    assert all(start_of(first) >= CHANGE and end - first == 14 * 24 for first, end in now.renewed.values())
    assert {renewal.kin_of(line.metric) for line in now.lines} >= since.keys()
    assert len(everything(store)) == before


def test_back_is_told(place: Place, config: Config, store: Store) -> None:
    """When traffic goes back to what it was before the new normal, that is a change, and its incident compares with the new normal."""
    place.write(580, seed=9, first=LATER, hours=48)
    end = LATER + timedelta(days=2)
    before = {one.id for one in everything(store)}
    read(store, config, end)
    judge(store, config, end)
    new = [one for one in everything(store) if one.id not in before]
    words = [cause for one in new for cause in one.causes if cause.metric == "unknown_words"]
    assert all(start_of(one.found_hour) > LATER for one in new)
    assert words
    assert words[0].expected > 0.9 > 0.1 > words[0].seen


def test_any_order(place: Place, config: Config, store: Store, tmp_path: Path) -> None:
    """Judging day by day, all at once, or twice gives the same incidents, readings and states."""
    other = tmp_path / "other"
    shutil.copytree(place.folder, other)
    read(store, config, LATER)
    judge(store, config, LATER)
    at_once = known(store)
    detect(store, config, LATER)
    assert known(store) == at_once
    with opened(f"sqlite:///{other}/data/vigie.db") as by_day:
        config = Place(other, f"sqlite:///{other}/data/vigie.db").configure(SETTINGS)
        read(by_day, config, LATER)
        for day in range(17):
            judge(by_day, config, END + timedelta(days=day))
        assert known(by_day) == at_once


def test_nothing_came(place: Place, config: Config, store: Store) -> None:
    """Without a prediction in these weeks they wait, and nothing breaks."""
    place.log.unlink()
    end = LATER + timedelta(days=10)
    renew(store, config, END, "ape", ["latency"], since=END, by="test", reason="another machine")
    judge(store, config, end)
    assert "latency" in baseline(store).renewing


@pytest.mark.parametrize(("words", "code", "says"), [
    (["ape", "latency", "--since", "2026-09-02", "--reason", "another machine"], 0, "latency learnt anew since 2026-09-02 00:00 UTC"),
    (["ape", "shoes", "--since", "2026-09-02", "--reason", "x"], 7, "has no metrics shoes"),
    (["nobody", "latency", "--since", "2026-09-02", "--reason", "x"], 7, "has no reference"),
    (["ape", "latency", "--since", "soon", "--reason", "x"], 2, "since"),
])  # fmt: skip
def test_verb(
    place: Place, config: Config, monkeypatch: pytest.MonkeyPatch, capsys, words: list[str], code: int, says: str
) -> None:
    """The verb begins it for named metrics, or says what it lacks."""
    ended, said = run(place, "reference", "renew", *words, monkeypatch=monkeypatch, capsys=capsys)
    assert (ended, says in said) == (code, True)
