"""Labels join the prediction they are about; a file read twice adds nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.ingest import ingest
from jobs.labels import labels
from monitor.errors import ConfigError
from monitor.line import Lines
from monitor.store import labels as stored
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.story import snapshot

HEAD = "request_id,label,source,inclusion,annotator,labelled_at\n"


def write(place: Place, *rows: str) -> None:
    (place.folder / "labels" / "a.csv").write_text(HEAD + "".join(row + "\n" for row in rows), encoding="utf-8")


def test_twice(place: Place, store: Store) -> None:
    """Labels are added once; one without its prediction waits for it."""
    config = place.configure()
    place.write(10)
    ingest(store, config, NOW)
    write(
        place,
        "0-1,10,audit,0.02,ann,2026-09-02T10:00:00",
        "0-2,47,routine,,bob,2026-09-02T10:00:00+02:00",
        "late-0,10,audit,0.02,ann,2026-09-02T10:00:00Z",
    )
    assert labels(store, config, NOW) == "ape: 2 new labels, 1 fit no prediction"
    before = snapshot(store)
    assert labels(store, config, NOW) == "ape: 0 new labels, 1 fit no prediction"
    assert labels(store, config, NOW + timedelta(days=1)) == "ape: 0 new labels, 1 fit no prediction"
    assert snapshot(store) == before
    with store.read() as connection:
        found = stored.joined(connection, "ape")
    answers = {row["request_id"]: row["topk"][0][0] if "topk" in row else None for row in place.written}
    assert dict(zip(found["truth"], found["answer"], strict=True)) == {"10": answers["0-1"], "47": answers["0-2"]}


def test_newest_label_counts(place: Place, store: Store) -> None:
    """A second label of the same person and source replaces the first in what is counted."""
    config = place.configure()
    place.write(3)
    ingest(store, config, NOW)
    write(place, "0-1,10,audit,0.02,ann,2026-09-02T10:00:00Z", "0-1,47,audit,0.02,ann,2026-09-02T11:00:00Z")
    labels(store, config, NOW)
    with store.read() as connection:
        assert stored.joined(connection, "ape")["truth"].to_list() == ["47"]


def test_call_of_many_rows(place: Place, store: Store) -> None:
    """A label joins the row it names; without a row it joins a call only if that has no second one."""
    config = place.configure()
    first = datetime(2026, 9, 1, 10, tzinfo=UTC)
    lines = Lines(None, model="ape", text="full", where=place.log, threaded=False, instance="i")
    for row, answer in enumerate(("10", "47", "56")):
        lines.write(time=first, request_id="many", row=row, rows=3, text="books", status=200, topk=[[answer, 0.9]])
    lines.write(time=first, request_id="single", row=0, rows=1, text="taxi", status=200, topk=[["62", 0.9]])
    lines.close()
    ingest(store, config, NOW)
    when = "audit,0.02,ann,2026-09-02T10:00:00Z"
    (place.folder / "labels" / "a.csv").write_text(
        HEAD.replace("label,", "row,label,", 1)
        + f"many,,z,{when}\nmany,1,y,{when}\nmany,2,x,{when}\nmany,3,w,{when}\nsingle,,v,{when}\n"
    )
    told = "2 fit no prediction (1 of them need a column row: their call has several)"
    assert labels(store, config, NOW) == f"ape: 3 new labels, {told}"
    with store.read() as connection:
        found = stored.joined(connection, "ape")
    assert dict(zip(found["truth"], found["answer"], strict=True)) == {"y": "47", "x": "56", "v": "62"}


def test_by_text(place: Place, store: Store) -> None:
    """An exported annotation without a request id joins the newest answer to its text in the 30 days before it."""
    config = place.configure()
    first = datetime(2026, 9, 1, 10, tzinfo=UTC)
    lines = Lines(None, model="ape", text="full", where=place.log, threaded=False, instance="i")
    for day, text, answer in (
        (0, "Crêperie", "56"),
        (1, "creperie 3", "10"),
        (2, "CREPERIE", "47"),
        (0, "Taxi", "62"),
    ):
        when = first + timedelta(days=day)
        lines.write(time=when, row=0, rows=1, text=text, status=200, topk=[[answer, 0.9]])
    lines.close()
    ingest(store, config, NOW + timedelta(days=3))
    (place.folder / "labels" / "a.csv").write_text(
        "text,label,source,labelled_at\n"
        "crêperie,a,routine,2026-09-02T12:00:00Z\n"  # after the second answer, before the third
        "taxi,b,routine,2026-10-02T12:00:00Z\n"  # 31 days late
        "taxi,c,routine,2026-08-31T12:00:00Z\n"  # before it was asked
        "tax\u00eft,d,routine,2026-09-02T12:00:00Z\n",
        encoding="utf-8",
    )
    assert labels(store, config, NOW + timedelta(days=40)) == "ape: 1 new labels, 3 fit no prediction"
    with store.read() as connection:
        found = stored.joined(connection, "ape")
    assert list(zip(found["truth"], found["answer"], strict=True)) == [("a", "10")]


@pytest.mark.parametrize("row", ["0-1,,audit,0.02,ann,2026-09-02", "0-1,10,guess,0.02,ann,2026-09-02", "0-1,10,audit,much,ann,2026-09-02",
                                 "0-1,10,audit,0.02,ann,soon"])  # fmt: skip
def test_bad_row(quick_place: Place, row: str) -> None:
    """A row that is no label is named with file and line."""
    from tests.conftest import opened

    write(quick_place, row)
    with opened(quick_place.database) as store, pytest.raises(ConfigError, match=r"a\.csv:2"):
        labels(store, quick_place.configure(), NOW)


@pytest.mark.parametrize(
    ("heading", "named"),
    [("request_id,label", "source"), ("text,label,source", "labelled_at"), ("label,source,labelled_at", "request_id")],
)
def test_missing_column(quick_place: Place, heading: str, named: str) -> None:
    """A file without a column is refused by that column's name; a label needs a request id or a text to join by."""
    from tests.conftest import opened

    (quick_place.folder / "labels" / "a.csv").write_text(heading + "\n")
    with opened(quick_place.database) as store, pytest.raises(ConfigError, match=f"column {named}.*is missing"):
        labels(store, quick_place.configure(), NOW)
