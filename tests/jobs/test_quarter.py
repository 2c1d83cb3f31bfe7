"""Once a quarter each recipient is told of thirteen weeks, by figures one counts by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobs.ingest import ingest
from jobs.letters import render
from jobs.quarter import first_monday, quarter
from jobs.summarise import summarise
from monitor.config import Config
from monitor.store import estimates, labels, outbox, profiles
from monitor.store.store import Store
from monitor.store.tables import prediction
from monitor.window import Window, hour_of, start_of
from tests.conftest import Place

MONDAY = datetime(2026, 10, 5, tzinfo=UTC)
LATER = MONDAY + timedelta(hours=8)
ROUTE = (
    "{to: head@stat.example, receives: [weekly]}",
    "{to: head@stat.example, language: fr, receives: [quarterly]}\n  - {to: owner@stat.example, receives: [quarterly]}",
)


@pytest.fixture
def config(place: Place, store: Store) -> Config:
    """Return settings in which two people receive the quarterly report of a model that answered for four weeks."""
    config = place.configure(replaced=ROUTE)
    place.write(900, first=MONDAY - timedelta(weeks=4), hours=28 * 24)
    ingest(store, config, LATER)
    summarise(store, config, LATER)
    return config


def told(store: Store, config: Config) -> dict[str, str]:
    """Return the text of each quarterly letter by recipient."""
    with store.read() as connection:
        rows = outbox.about(connection, "quarterly:ape")
    made = {one["recipient"]: render(store, config, {**one, "facts": json.loads(one["facts"])}, LATER) for one in rows}
    assert {note for _, note in made.values()} <= {""}
    return {to: f"{letter.subject}\n{letter.text}" for to, (letter, _) in made.items()}


def test_once(store: Store, config: Config) -> None:
    """A quarter is told of from its first Monday on, once to each recipient however often the job runs."""
    assert quarter(store, config, MONDAY - timedelta(minutes=1)) == "0 quarterly reports"
    assert [quarter(store, config, LATER + timedelta(days=days)) for days in (0, 1, 60)] == [
        "2 quarterly reports",
        *["0 quarterly reports"] * 2,
    ]
    assert set(told(store, config)) == {"head@stat.example", "owner@stat.example"}


def test_figures(store: Store, config: Config) -> None:
    """Traffic, audits, bands and the curve are those one counts from the rows; what is not known says why."""
    with store.write() as connection:
        rows = [row for row in connection.execute(prediction.select()) if row.label is not None][:120]
        right = [number % 4 != 0 for number in range(len(rows))]
        labels.add(
            connection,
            [
                {
                    "model": "ape",
                    "day": row.day,
                    "uid": bytes(row.uid),
                    "label": row.label if good else "other",
                    "source": "audit",
                    "inclusion": 0.1,
                    "annotator": "",
                    "labelled_us": row.time,
                    "imported_us": row.time,
                }
                for row, good in zip(rows, right, strict=True)
            ],
        )
        estimates.keep_calibration(connection, "ape", (0.8,) * 200, 500)
    quarter(store, config, LATER)
    found = told(store, config)
    with store.read() as connection:
        whole = profiles.total(connection, "ape", Window(hour_of(MONDAY) - 13 * 168, hour_of(MONDAY)))
    high = [good for row, good in zip(rows, right, strict=True) if row.score_step >= 9000]
    assert len(rows) == 120
    for part in (f"{whole.records:,}", "75.0 % (66.3 to 82.5) of the answers right, 120 labels", "120 labels by people, about ", "80.0 % expected from their scores",
                 f"only {len(high)} labels" if len(high) < 30 else f"{len(high)} labels; 80.0 % expected", "from 0.7 on", "80.0 % of them right",
                 "0 incidents, 0 closed as false alarm; chance alone gives at most 0.22 in 90 days", "none was proposed"):  # fmt: skip
        assert part in found["owner@stat.example"], part
    for part in (
        "treize semaines closes le 4 oct. 2026",
        "75,0\u00a0% (de 66,3 à 82,5) de réponses justes, 120 annotations",
        "aucune n’a été proposée",
    ):
        assert part in found["head@stat.example"], part


def test_nothing_known(store: Store, config: Config) -> None:
    """Without labels, calibration and decisions each part says that nothing is known."""
    quarter(store, config, LATER)
    found = told(store, config)["owner@stat.example"]
    for part in (
        "no label was ever read",
        "no answer of these weeks was audited",
        "no calibration yet",
        "none was proposed",
    ):
        assert part in found, part


@pytest.mark.parametrize("day", range(0, 400, 9))
def test_first_monday(day: int) -> None:
    """The end of a quarter's weeks is the newest Monday that is among the first seven days of a quarter."""
    now = datetime(2025, 12, 20, 13, tzinfo=UTC) + timedelta(days=day)
    wanted = now.replace(hour=0)
    while not (wanted.weekday() == 0 and wanted.day <= 7 and wanted.month in {1, 4, 7, 10}):
        wanted -= timedelta(days=1)
    assert start_of(first_monday(now)) == wanted
