"""An open incident is described once, from texts that are kept, and nothing that fails keeps the service from going on."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from jobs import describe as job
from jobs.describe import describe
from jobs.prune import prune
from monitor.config import Config
from monitor.report.domain_classifier import sentence
from monitor.store import incidents, predictions
from monitor.store.store import Store
from monitor.store.tables import prediction_input, reference
from monitor.window import Window, start_of
from tests.conftest import Place, opened
from tests.jobs.story import snapshot
from tests.jobs.test_pipeline import END, SETTINGS


@pytest.fixture
def shop(judged: Path, tmp_path: Path) -> Iterator[tuple[Config, Store]]:
    """Return a copy of what was judged."""
    folder = tmp_path / "copy"
    shutil.copytree(judged, folder)
    copy = Place(folder, f"sqlite:///{folder}/data/vigie.db")
    with opened(copy.database) as store:
        yield copy.configure(SETTINGS), store


def first(store: Store) -> incidents.Incident:
    with store.read() as connection:
        return incidents.all(connection)[-1]


def test_described(shop: tuple[Config, Store]) -> None:
    """The story's texts are all of new words: the classifier tells them, names such words, and shows such texts."""
    config, store = shop
    assert "classifier" not in first(store).detail
    assert describe(store, config, END) != "0 incidents described"
    one = first(store)
    assert sentence(one.detail["classifier"]).startswith("The texts changed")
    assert one.detail["classifier"]["texts_now"] >= 50
    assert one.detail["classifier"]["until_hour"] == one.found_hour + 24
    assert all(set(text) == {"text", "label", "score", "caller"} for text in one.detail["texts"])
    before = snapshot(store)
    assert describe(store, config, END) == "0 incidents described"
    assert snapshot(store) == before


def test_again_with_more_texts(shop: tuple[Config, Store]) -> None:
    """Too few texts are tried again as long as its first day brings more, and not every minute."""
    config, store = shop
    found = start_of(first(store).found_hour)
    for hours, said in ((0, "1 incidents described"), (0, "0 incidents described"), (1, "1 incidents described"), (30, "1 incidents described"),
                        (60, "0 incidents described")):  # fmt: skip
        assert describe(store, config, found + timedelta(hours=hours)) == said
    assert "auc" in first(store).detail["classifier"]


def test_old_ones_are_left(shop: tuple[Config, Store]) -> None:
    """An incident of long ago is not described any more."""
    config, store = shop
    assert describe(store, config, END + timedelta(days=40)) == "0 incidents described"


def test_texts_are_not_kept(shop: tuple[Config, Store]) -> None:
    """Without texts it says that they are not kept; what was quoted before goes with its time, as ever."""
    config, store = shop
    with store.write() as connection:
        connection.execute(delete(prediction_input))
    describe(store, config, END)
    assert sentence(first(store).detail["classifier"]) == (
        "Whether the texts changed cannot be told: the texts of one of the two times are not kept."
    )


def test_erased_meanwhile(shop: tuple[Config, Store]) -> None:
    """A text that was erased while the classifier looked at it is not quoted."""
    config, store = shop
    one = first(store)
    window = Window(one.onset_hour, one.found_hour)
    with store.read() as connection:
        (text, *_) = connection.execute(select(prediction_input.c.text).where(prediction_input.c.text.is_not(None))
                                        .where(prediction_input.c.day == one.found_hour // 24)).scalars()  # fmt: skip
    with store.write() as connection:
        kept = predictions.kept_texts(connection, Window(window.first - 24, window.end + 24), [text, "gone"])
        assert kept == {text}
        found = {"auc": [1, 1, 1], "texts": [{"text": text}, {"text": "gone"}]}
        incidents.describe(connection, one.id, found, kept)
    assert first(store).detail["texts"] == [{"text": text}]
    assert first(store).detail["classifier"] == {"auc": [1, 1, 1]}
    prune(store, config, END + timedelta(days=40))
    assert first(store).detail["texts"] == []


@pytest.mark.parametrize(("module", "seconds", "says"), [
    ("monitor.nothing", 120, "the classifier failed"), ("monitor.report.domain_classifier", 0.01, "it took longer than"),
])  # fmt: skip
def test_child_fails(
    shop: tuple[Config, Store], monkeypatch: pytest.MonkeyPatch, module: str, seconds: float, says: str
) -> None:
    """A child that breaks or takes too long is told of on the incident; the job goes on."""
    config, store = shop
    monkeypatch.setattr(job, "MODULE", module)
    monkeypatch.setattr(job, "CHILD_SECONDS", seconds)
    describe(store, config, END)
    assert says in first(store).detail["classifier"]["why"]


def test_without_a_reference(shop: tuple[Config, Store]) -> None:
    """Without a reference there is nothing to compare with."""
    config, store = shop
    with store.write() as connection:
        connection.execute(delete(reference))
    describe(store, config, END)
    assert first(store).detail["classifier"]["why"] == "there is no reference"
