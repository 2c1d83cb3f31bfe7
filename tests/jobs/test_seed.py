"""A version that was tried in the shadow is judged by its answers there from its first hour on; another artefact is told at once."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from jobs.detect import detect, pending
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.seed import answers
from jobs.shadow import shadow
from jobs.status import verdicts
from jobs.summarise import summarise
from monitor.detection import renewal
from monitor.detection.baseline import Baseline, Tried
from monitor.detection.incident import Incident
from monitor.errors import VigieError
from monitor.profiles.profile import Key
from monitor.store import incidents, profiles, references
from monitor.store.store import Store
from monitor.store.tables import shadow_answer
from monitor.window import Window, hour_of
from tests.conftest import WORDS, Place, opened
from tests.jobs.story import failing, snapshot
from tests.jobs.test_cli import run
from tests.jobs.test_pipeline import BEGIN, CHANGE, END, QUIET_DAYS, REFERENCE
from tests.monitor.shadow.models import artefact, challenger

RELEASE = CHANGE + timedelta(hours=9)
Answer = list[list[Any]]
BODY = """
    def answer(self, texts, fields, k):
        return [self.one(text.split()) for text in texts]

    def one(self, words):
        first = sum(map(len, words)) % 10
        best = 0.5 + 0.04 * first
        return [["56" if "bakery" in words else "10" if "taxi" in words else "47", best], ["62", (1 - best) / 2]]
"""
SETTINGS = """\
detection: {{smallest_block: 5}}
shadow: {{trusted_roots: [models], days: {days}}}
challengers:
  next: {{of: ape, path: models/next, sha256: {digest}, runs_code: accepted, automatic_at: 0.7,
         limits: {{memory_mib: 1024}}{version}}}
"""


def right(text: str) -> Answer:
    """Answer as the artefact does, by another road than its process."""
    words = text.split()
    best = 0.5 + 0.04 * (len(text.replace(" ", "")) % 10)
    label = next((label for word, label in (("bakery", "56"), ("taxi", "10")) if word in words), "47")
    return [[label, best], ["62", (1 - best) / 2]]


def wrong(text: str) -> Answer:
    """Answer as an artefact does whose labels were written in another order."""
    (label, best), other = right(text)
    return [[{"56": "62", "10": "56", "47": "10"}[label], best], other]


def served(answer: Callable[[str], Answer]) -> Callable[[random.Random], dict[str, Any]]:
    """Return what calls that version 2.5.0 answers are like."""

    def changed(draw: random.Random) -> dict[str, Any]:
        text = " ".join(draw.choices(WORDS, k=4))
        return {"text": text, "topk": answer(text), "status": 200, "error": None, "model_version": "2.5.0"}

    return changed


def configured(place: Place, days: int = 15, version: str = '"2.5.0"') -> Any:
    pinned = challenger(artefact(place.folder / "models" / "next", BODY)).sha256
    told = f", version: {version}" if version else ""
    return place.configure(SETTINGS.format(days=days, digest=pinned, version=told))


def try_out(place: Place, store: Store, days: int = 15) -> None:
    """Log fifteen days, pin two weeks of them, and let the challenger answer the last `days`."""
    config = configured(place, days)
    place.write(QUIET_DAYS * 290, seed=1, first=BEGIN, hours=QUIET_DAYS * 24)
    read(place, store, CHANGE)
    pin(store, config, CHANGE, "ape", REFERENCE, by="test", reason="two usual weeks")
    shadow(store, config, CHANGE)


def release(place: Place, store: Store, answer: Callable[[str], Answer]) -> None:
    """Log a further morning of the champion, and then version 2.5.0, to the end of two days."""
    place.write(110, seed=3, first=CHANGE, hours=9)
    place.write(470, seed=2, first=RELEASE, hours=39, changed=served(answer))
    read(place, store, END)


def read(place: Place, store: Store, now: datetime) -> None:
    config = configured(place)
    ingest(store, config, now)
    summarise(store, config, now)


def judge(store: Store, config: Any, now: datetime = END) -> None:
    while pending(store, config, now):
        detect(store, config, now)


def everything(store: Store) -> list[Incident]:
    with store.read() as connection:
        return incidents.all(connection)


def active(store: Store) -> Any:
    with store.read() as connection:
        return references.active(connection, "ape")


def known(store: Store) -> dict[str, list[str]]:
    whole = snapshot(store, but=("reference.pinned_us",))
    return {name: whole[name] for name in ("incident", "reading", "detector", "reference", "change_log")}


def shares_in_the_shadow(lines: list[str]) -> dict[str, float]:
    """Count what the artefact answers to the logged texts that were answered, each once an hour and caller."""
    rows = [row for row in map(json.loads, lines) if row.get("status") == 200]
    distinct = {(row["time"][:13], row["caller"], row["text"]) for row in rows}
    counted = Counter(right(text)[0][0] for _, _, text in distinct)
    return {label: count / counted.total() for label, count in counted.items()}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tried")
    place = Place(folder, f"sqlite:///{folder}/data/vigie.db")
    with opened(place.database) as store:
        try_out(place, store)
    return folder


@pytest.fixture
def copied(tried: Path, tmp_path: Path) -> Callable[[], Place]:
    """Return a function that makes another copy of the tried-out folder."""

    def copy() -> Place:
        folder = tmp_path / f"copy{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tried, folder)
        return Place(folder, f"sqlite:///{folder}/data/vigie.db")

    return copy


def test_as_tried(place: Place, store: Store) -> None:
    """The version that was tried opens no incident, and the verdict knows of its answers, on both kinds of database."""
    try_out(place, store)
    release(place, store, right)
    config = configured(place)
    judge(store, config)
    assert everything(store) == []
    row = active(store)
    base = Baseline.from_bytes(row.baseline)
    assert row.reason == ("mix of answers, confidence and automation of version 2.5.0 from the shadow answers of next, "
                          f"from {BEGIN:%d %b} to {CHANGE:%d %b}")  # fmt: skip
    assert (base.seeded, sorted(base.shadowed), base.renewing) == (["2.5.0"], ["answers", "sureness"], {})
    assert {"answers", "novelty", "confidence", "unsure", "automation"} <= {line.metric for line in base.lines}
    (_, verdict, _), *_ = verdicts(store, config, END)
    assert "learnt anew" not in verdict.sentence
    assert verdict.status != "ALARM"


def test_nobody_said_which(copied: Callable[[], Place]) -> None:
    """Without its version in config.yaml the same release is told, as one that answers differently."""
    place = copied()
    with opened(place.database) as store:
        release(place, store, right)
        judge(store, configured(place, version=""))
        assert everything(store)
        assert Baseline.from_bytes(active(store).baseline).seeded == []


def test_wrong_artefact(copied: Callable[[], Place]) -> None:
    """Another artefact under that version is told within hours, compared with the shadow and not with the former champion."""
    place = copied()
    with opened(place.database) as store:
        quiet = list(place.log.read_text(encoding="utf-8").splitlines())
        release(place, store, wrong)
        judge(store, configured(place))
        (one, *_) = everything(store)[::-1]
    assert hour_of(RELEASE) < one.found_hour <= hour_of(RELEASE) + 24
    assert "version 2.5.0 first answered" in one.claim
    assert renewal.kin_of(one.causes[0].metric) == "answers"
    then = {row["label"]: row["then"] for row in one.detail["labels"] if row["then"]}
    assert then == pytest.approx(shares_in_the_shadow(quiet), abs=1e-12)


def test_in_any_order(copied: Callable[[], Place]) -> None:
    """Judged hour by hour, at once or twice: readings, states, incidents and references are the same."""
    found = []
    for steps in (1, 48):
        place = copied()
        with opened(place.database) as store:
            release(place, store, wrong)
            config = configured(place)
            for step in range(steps):
                judge(store, config, END - timedelta(hours=steps - 1 - step))
            found.append(known(store))
            detect(store, config, END)
            assert known(store) == found[-1]
    assert found[0] == found[1]


def test_killed(copied: Callable[[], Place]) -> None:
    """Whichever transaction fails, the next run goes on, and nothing is doubled."""
    found = []
    for nth in (None, 1, 2, 3):
        place = copied()
        with opened(place.database) as store:
            release(place, store, wrong)
            config = configured(place)
            if nth is not None:
                with pytest.raises(VigieError):
                    judge(store.guarded(failing(nth)), config)
            judge(store, config)
            found.append(known(store))
    assert found[1:] == found[:1] * 3
    assert len(found[0]["reference"]) == 2


@pytest.mark.parametrize(("days", "is_seeded"), [(13, False), (14, True)])
def test_two_weeks(quick_place: Place, days: int, is_seeded: bool) -> None:
    """Less than two weeks in the shadow are no reference: the release is told as if nobody had said which version it is."""
    with opened(quick_place.database) as store:
        try_out(quick_place, store, days)
        release(quick_place, store, right)
        judge(store, configured(quick_place))
        assert Baseline.from_bytes(active(store).baseline).seeded == (["2.5.0"] if is_seeded else [])
        assert bool(everything(store)) != is_seeded


def test_rows_gone(copied: Callable[[], Place]) -> None:
    """An incident is opened also when the shadow's answers were let go since: it has no share of then."""
    place = copied()
    with opened(place.database) as store:
        release(place, store, wrong)
        config = configured(place)
        judge(store, config, RELEASE + timedelta(hours=3))
        assert Baseline.from_bytes(active(store).baseline).seeded == ["2.5.0"]
        with store.write() as connection:
            connection.execute(delete(shadow_answer))
        judge(store, config)
        (one, *_) = everything(store)[::-1]
    assert {row["then"] for row in one.detail["labels"]} == {0.0}


def test_told_before(copied: Callable[[], Place]) -> None:
    """Once somebody says which version it is, the incident that told of its answers is over: another reference judges them."""
    place = copied()
    with opened(place.database) as store:
        release(place, store, right)
        judge(store, configured(place, version=""), END - timedelta(hours=4))
        before = {one.state for one in everything(store)}
        judge(store, configured(place), END - timedelta(hours=1))
        states = {(one.state, one.closed_as) for one in everything(store)}
    assert (before, states) == ({"open"}, {("closed", "superseded")})


def test_too_few(copied: Callable[[], Place]) -> None:
    """A handful of answers over two weeks is no reference; that is kept, not tried every hour, and nothing else changes."""
    place, ends = copied(), [hour_of(BEGIN), hour_of(CHANGE) - 1]
    with opened(place.database) as store:
        release(place, store, right)
        with store.write() as connection:
            connection.execute(delete(shadow_answer).where(shadow_answer.c.hour.not_in(ends)))
        old = Baseline.from_bytes(active(store).baseline)
        judge(store, configured(place))
        row = active(store)
    assert Baseline.from_bytes(row.baseline) == renewal.passed(old, "2.5.0")
    assert row.reason == "two usual weeks; version 2.5.0: too few shadow answers of next"


def test_counted_alike(tmp_path: Path) -> None:
    """What is counted of the shadow's answers is what would be counted had the version been logged, segment by segment."""
    found = []
    for name, changed in (("other", served(lambda text: [["62", 0.6], *right(text)])), ("same", served(right))):
        (tmp_path / name).mkdir()
        place = Place(tmp_path / name, f"sqlite:///{tmp_path}/{name}/data/vigie.db")
        config, window = configured(place), Window.of(BEGIN, BEGIN + timedelta(hours=30))
        place.write(900, seed=5, first=BEGIN + timedelta(minutes=20), hours=29, changed=changed)
        with opened(place.database) as store:
            read(place, store, BEGIN + timedelta(days=1, hours=6))
            shadow(store, config, BEGIN + timedelta(days=1, hours=6))
            with store.read() as connection:
                as_tried = Tried("2.5.0", "next", config.challengers["next"].sha256 or "", "max_prob", 7000)
                logged = profiles.hours(connection, "ape", window)
                tried = answers(connection, "ape", as_tried, window)
        found.append(
            (tried, {Key("ape", segment, hour): one for hour, some in logged.items() for segment, one in some.items()})
        )
    (of_other, logged_other), (of_same, logged_same) = found
    assert of_other == of_same == logged_same != logged_other


def test_shown(
    copied: Callable[[], Place], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`reference show` says which metrics rest on whose shadow answers, and since when."""
    place = copied()
    with opened(place.database) as store:
        release(place, store, right)
        config = configured(place)
        judge(store, config)
    code, said = run(place, "reference", "show", "ape", monkeypatch=monkeypatch, capsys=capsys)
    assert code == 0
    assert f"mix of answers: from the shadow answers of next (version 2.5.0), {Window.of(BEGIN, CHANGE)}" in said
