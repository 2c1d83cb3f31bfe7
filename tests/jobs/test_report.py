"""A week's report tells of that week, whenever it is written."""

import pytest

from jobs.ingest import ingest
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
