"""What obliges to retrain is found in the store, and labels are counted of the classes that it takes."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs.decide import decide
from jobs.oblige import Labelled, obliged
from jobs.plan import add
from jobs.trained import Trained
from monitor.calendar import NO_CALENDAR
from monitor.config import Config
from monitor.detection.incident import Cause, Incident
from monitor.store import estimates, incidents, labels, predictions
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import NOW, Fill, Place, opened
from tests.jobs.test_cli import run
from tests.jobs.test_decide import COMMAND, REFERENCE, newest, three_weeks

WEEK = Window(REFERENCE.end, hour_of(NOW))


@pytest.fixture
def place(copied: Callable[[Fill], Place]) -> Place:
    return copied(three_weeks)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


def configured(place: Place, more: str = "") -> Config:
    """Read config.yaml with further settings of the retraining."""
    return place.configure(COMMAND.replace("{trigger: train", f"{{trigger: train{more}"))


def label(store: Store, *counts: tuple[str, int], window: Window = WEEK, source: str = "routine", at: int = 1) -> None:
    """Label so many answers of a window, one behind the other, each as one of these classes."""
    with store.write() as connection:
        rows = iter(predictions.answered(connection, "ape", window))
        labels.add(connection, [
            {"model": "ape", "day": row.time // 86_400_000_000, "uid": bytes(row.uid), "label": name, "source": source, "inclusion": None,
             "annotator": "a", "labelled_us": at, "imported_us": at} for name, count in counts for _, row in zip(range(count), rows, strict=False)])  # fmt: skip


def proposed(store: Store, config: Config) -> dict[str, Any]:
    decide(store, config, NOW)
    return newest(store)


def test_nothing_obliges(place: Place, store: Store) -> None:
    """Labels of known classes oblige to nothing."""
    label(store, ("47", 100), ("56", 50))
    one = proposed(store, configured(place))
    assert (one["evidence"]["obliged"], one["evidence"]["labels_lacking"], one["evidence"]["labels"]) == ([], {}, 150)


def test_revision(place: Place, store: Store) -> None:
    """A revision of the nomenclature that is planned soon asks for labels though accuracy is not known."""
    config = configured(place)
    add(store, config, NOW, "revision", "", begin=NOW + timedelta(days=30), end=None, note="NAF", author="bruno")
    one = proposed(store, config)
    assert one["recommendation"] == "label_first"
    assert one["sentence"].startswith(
        "A revision of the nomenclature is planned for 02 Oct 2026. 2,000 more labels are needed to train it."
    )


@pytest.mark.parametrize(("count", "recommendation"), [(29, "label_first"), (30, "retrain")])
def test_unknown_class(place: Place, store: Store, count: int, recommendation: str) -> None:
    """A class in the labels that was never answered obliges to retrain, once there are 30 labels of it."""
    label(store, ("99", count), ("56", 100))
    one = proposed(store, configured(place))
    assert one["recommendation"] == recommendation
    assert f"classes that this model never answered: 99 ({100 * count / (count + 100):.1f} %)." in one["sentence"]
    assert one["evidence"]["labels_lacking"] == ({"99": 1} if count == 29 else {})
    assert ("Labels lack to train it: 1 of 99." in one["sentence"]) == (count == 29)


def test_lacking_shown(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the first five classes that lack labels, the command line all."""
    label(store, *((f"9{number}", 10 + number) for number in range(7)))
    one = proposed(store, configured(place))
    assert "20 of 90, 19 of 91, 18 of 92, 17 of 93, 16 of 94, 2 more classes." in one["sentence"]
    _, told = run(place, "decisions", "show", str(one["id"]), monkeypatch=monkeypatch, capsys=capsys)
    assert "labels that lack: 20 of 90, 19 of 91, 18 of 92, 17 of 93, 16 of 94, 15 of 95, 14 of 96" in told


def test_trained_on(place: Place, store: Store) -> None:
    """A class the model was trained on is known to it, answered or not."""
    (place.folder / "training.csv").write_text("text,label\nbakery,99\ntaxi,56\n", encoding="utf-8")
    label(store, ("99", 40))
    with_texts = place.configure(COMMAND, ("    vocabulary: vocabulary.txt", "    training: training.csv"))
    assert proposed(store, with_texts)["evidence"]["obliged"] == []
    assert proposed(store, configured(place))["evidence"]["obliged"] != []


def test_before_training(place: Place, store: Store) -> None:
    """Labels of what was answered before the last training were there to be trained on: they oblige to nothing."""
    label(store, ("99", 100), window=REFERENCE)
    one = proposed(store, configured(place))
    assert (one["evidence"]["obliged"], one["evidence"]["labels"]) == ([], 0)


def test_newest_label(place: Place, store: Store) -> None:
    """A prediction that two sources labelled counts once, as the newer label says."""
    label(store, ("99", 60))
    label(store, ("56", 60), source="audit", at=2)
    assert proposed(store, configured(place))["evidence"]["labels"] == 60
    assert newest(store)["evidence"]["obliged"] == []


@pytest.mark.parametrize(
    ("floor", "trained_days_ago", "told"),
    [(", accuracy_floor: 0.9", 60, True), (", accuracy_floor: 0.9", 59, False), (", accuracy_floor: 0.85", 60, False), ("", 60, False)],
)  # fmt: skip
def test_floor(place: Place, store: Store, floor: str, trained_days_ago: int, told: bool) -> None:
    """Accuracy below the configured floor in two months obliges, where both came after the last training."""
    today = hour_of(NOW) // 24
    with store.write() as connection:
        estimates.put(connection, [{"model": "ape", "day": day, "name": "accuracy_automatic", "basis": "measured", "value": 0.8, "low": 0.75,
                                    "high": 0.85, "size": 300.0, "note": ""} for day in (today - 40, today - 5)])  # fmt: skip
        last = Trained((today - trained_days_ago) * 24, None)
        found = obliged(connection, configured(place, floor), "ape", NOW, of=Labelled(Counter(), (), {}), last=last, calendar=NO_CALENDAR)  # fmt: skip
    assert found == (
        ("Two months running accuracy lies below its floor (90.0 %): at most 85.0 %, then at most 85.0 %.",)
        if told
        else ()
    )


@pytest.mark.parametrize(
    ("state", "metric", "held", "lacking"),
    [
        ("open", "label:47", 12, {"47": 18}),
        ("open", "label:47", 30, {}),
        ("open", "answers", 12, {"56": 30}),
        ("open", "latency", 12, {}),
        ("recovering", "label:47", 12, {}),
        ("open", "label:77", 12, {}),
    ],
)
def test_moved(place: Place, store: Store, state: str, metric: str, held: int, lacking: dict[str, int]) -> None:
    """Labels are wanted of classes that an open incident names and that are still answered or labelled."""
    group = "service" if metric == "latency" else "outputs"
    cause = Cause(metric, group, 0.9, "share", 0.1, 0.4, 900.0, 1, "moved")
    rows = [
        {"label": name, "title": name, "then": 0.1, "now": 0.4, "stands_out": name == "56"} for name in ("56", "62")
    ]
    with store.write() as connection:
        detail = {"claim": "moved"} | ({} if metric.startswith("label") else {"labels": rows})
        new = Incident(0, "ape", hour_of(NOW) - 9, hour_of(NOW) - 7, "open", (cause,), detail)
        one, _ = incidents.open_new(connection, new, NOW)
        if state != "open":
            incidents.change(connection, one, "changed", actor="test", reason="test", at=NOW, key="test", state=state)
    label(store, ("47", held))
    assert proposed(store, configured(place))["evidence"]["labels_lacking"] == lacking


def test_must(place: Place, store: Store) -> None:
    """A calendar that must be kept obliges once it is overdue; one that asks for a review is only told."""
    late = ", calendar: {every: half-year, anchor: 2026-08-30, lead_days: 0, overdue_days: 2, policy: %s}"
    assert proposed(store, configured(place, late % "review"))["recommendation"] == "label_first"
    assert newest(store)["evidence"]["obliged"] == []
    one = proposed(store, configured(place, late % "must"))
    assert one["evidence"]["obliged"] == ["The calendar is overdue, and its policy is must."]
    assert one["evidence"]["calendar"]["state"] == "overdue"
