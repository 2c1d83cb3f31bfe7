"""A week's report tells of that week, whenever it is written."""

import pytest

from jobs.ingest import ingest
from jobs.pin import pin
from jobs.report import weekly_letter
from jobs.summarise import summarise
from monitor.store import estimates
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place

DAY = hour_of(NOW) // 24
WEEK = Window((DAY - 10) * 24, (DAY - 3) * 24)


def figure(day: int, name: str, value: float) -> dict[str, object]:
    return {"model": "ape", "day": day, "name": name, "basis": "estimated", "value": value, "low": value, "high": value,
            "size": 100.0, "note": ""}  # fmt: skip


@pytest.fixture
def letter(place: Place, store: Store):
    """Return what writes the letter of `WEEK` from these figures."""
    config = place.configure()
    place.write(400, hours=14 * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)

    def written(rows: list[dict[str, object]]) -> str:
        with store.write() as connection:
            estimates.put(connection, rows)
        return weekly_letter(store, config, "ape", WEEK, NOW, language="en").text

    return written


def test_figures_of_the_week(letter) -> None:
    """Accuracy is that of the week's last day, wrong answers the mean over its days; what came after is left out."""
    rows = [figure(DAY - 10 + at, "wrong_automatic", 10.0 + at) for at in range(10)]
    rows += [figure(DAY - 10 + at, "accuracy_automatic", 0.9 + at / 100) for at in range(10)]
    text = letter(rows)
    assert "96.0 % (96.0 to 96.0) of automatic answers right, estimated without labels" in text
    assert "probably 13 wrong automatic answers a day, estimated, mean of the week" in text
    assert "as of" not in text


def test_figures_of_before(letter) -> None:
    """A figure older than the week is dated, and wrong answers of other weeks are not told as this one's."""
    before = DAY - 12
    text = letter([figure(before, "accuracy_automatic", 0.91), figure(before, "wrong_automatic", 7.0)])
    assert f"estimated without labels, as of {(NOW.day - 12) % 31 or 31:02d} Aug" in text
    assert "wrong automatic answers" not in text


def test_no_figure(letter) -> None:
    """Without any figure of those days nothing is known."""
    assert "not known, because no label was ever read" in letter([figure(DAY - 1, "accuracy_automatic", 0.91)])


@pytest.mark.parametrize(
    ("anchor", "row", "said"),
    [
        ("2026-10-20", "coming", "The calendar asks for the next retraining by 20 Oct 2026."),
        ("2026-10-02", "retraining", "The calendar asks for a retraining by 02 Oct 2026."),
    ],
)
def test_calendar(place: Place, store: Store, letter, anchor: str, row: str, said: str) -> None:
    """What waits says that a retraining is due, or when the next one will be, in the recipient's language."""
    assert "calendar" not in letter([])
    two_weeks = Window((DAY - 15) * 24, (DAY - 1) * 24)
    pin(store, place.configure(), NOW, "ape", two_weeks, by="test", reason="usual")
    config = place.configure(f"retraining: {{ape: {{calendar: {{every: quarter, anchor: {anchor}}}}}}}\n")
    text = weekly_letter(store, config, "ape", WEEK, NOW, language="en").text
    waiting = " ".join(text.partition("Waiting for you")[2].split())
    assert f"{row}: {said}" in waiting or f"{row} {said}" in waiting, waiting
    french = weekly_letter(store, config, "ape", WEEK, NOW, language="fr").text
    assert "calendrier" in french
    assert "asks" not in french
