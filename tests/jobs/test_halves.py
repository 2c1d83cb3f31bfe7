"""Request and response on two lines become one prediction, in any order, batch or file; a lone half is told."""

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jobs.ingest import ingest
from jobs.summarise import summarise
from monitor.config import Config
from monitor.store import halves, profiles
from monitor.store.store import Store
from monitor.store.tables import half, prediction, prediction_input, reject
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened

SOURCE = """sources:
  api:
    files: logs/*.jsonl*
    preset: kserve_v1
    model: ape
"""
BASE = NOW - timedelta(hours=3)


def event(number: int, side: str, rows: int = 1, text: str = "taxi") -> str:
    """Return one half of a call: the answer comes a quarter of a second after the request."""
    when = BASE + timedelta(seconds=number, milliseconds=250 if side == "response" else 0)
    body = {"instances": [f"{text} {number}"] * rows} if side == "request" else {
        "predictions": [{"label": "47", "score": 0.8}] * rows}  # fmt: skip
    kind = f"org.kubeflow.serving.inference.{side}"
    return (
        json.dumps({"specversion": "1.0", "type": kind, "id": f"c{number}", "time": when.isoformat(), "data": body})
        + "\n"
    )


@pytest.fixture
def config(place: Place) -> Config:
    text = place.configure().path.read_text(encoding="utf-8")
    begin = text.index("sources:\n")
    old = text[begin : text.index("routes:")]
    (place.folder / "logs").mkdir(exist_ok=True)
    return place.configure("ingest: {batch_mib: 0.005}\n", replaced=(old, SOURCE))


def write(place: Place, lines: list[str], name: str = "a") -> None:
    with (place.folder / f"logs/{name}.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(lines)


def found(store: Store) -> Counter[str]:
    with store.read() as connection:
        return Counter(connection.execute(select(prediction.c.request_id)).scalars())


def test_shuffled_over_files_and_batches(place: Place, config: Config, store: Store) -> None:
    """Fifty calls, their halves shuffled over two files and many batches, are fifty predictions, once."""
    lines = [event(number, side) for number in range(50) for side in ("request", "response")]
    random.Random(3).shuffle(lines)
    write(place, lines[:60], "a")
    ingest(store, config, NOW)
    write(place, lines[60:], "b")
    for _ in range(2):
        ingest(store, config, NOW)
    assert found(store) == Counter(f"c{number}" for number in range(50))
    with store.read() as connection:
        assert halves.count(connection) == 0
        rows = connection.execute(select(prediction.c.latency_ms, prediction.c.latency_kind, prediction.c.label)).all()
    assert {tuple(row) for row in rows} == {(250.0, "pair", "47")}
    summarise(store, config, NOW)
    with store.read() as connection:
        whole = profiles.total(connection, "ape", Window(hour_of(BASE) - 1, hour_of(NOW) + 1))
    assert (whole.records, whole.latency.total, whole.labels_raw["47"]) == (50, 50, 50)


def test_many_rows(place: Place, config: Config, store: Store) -> None:
    """A call of three texts gives three predictions; one whose halves differ in rows is refused."""
    write(place, [event(1, "response", 3), event(1, "request", 3), event(2, "request", 2)])
    ingest(store, config, NOW)
    write(place, [event(2, "response", 1)], "b")
    ingest(store, config, NOW)
    assert found(store) == {"c1": 3}
    with store.read() as connection:
        assert connection.execute(select(reject.c.reason, reject.c.detail)).all() == [
            ("not_a_record", "2 inputs, 1 answers")
        ]


def test_lone_half(place: Place, config: Config, store: Store) -> None:
    """A half whose other one does not come within the wait is a reject that names its side; one that is late is too."""
    write(place, [event(1, "request"), event(2, "response")])
    ingest(store, config, NOW)
    ingest(store, config, NOW + timedelta(minutes=119))
    with store.read() as connection:
        assert halves.count(connection, "api") == 2
    assert ingest(store, config, NOW + timedelta(minutes=121)) == "api: 0 read, 0 duplicate, 2 rejected"
    write(place, [event(1, "response")])
    ingest(store, config, NOW + timedelta(minutes=122))
    ingest(store, config, NOW + timedelta(minutes=250))
    with store.read() as connection:
        told = Counter(connection.execute(select(reject.c.reason, reject.c.detail)).tuples())
        assert halves.count(connection) == 0
    assert told == {
        ("half_missing", "only the input of a call came"): 1,
        ("half_missing", "only the answer of a call came"): 2,
    }
    assert not found(store)


def test_what_waits_is_redacted(place: Place, config: Config, store: Store) -> None:
    """A half keeps no secret while it waits, and the prediction has the hashes of the text as it was."""
    write(place, [event(number, "request", text="mail jo@stat.example") for number in (1, 2)] + [event(2, "response")])
    ingest(store, config, NOW)
    with store.read() as connection:
        (payload,) = connection.execute(select(half.c.payload)).scalars()
    assert b"jo@stat" not in bytes(payload)
    assert b"[email]" in bytes(payload)
    write(place, [event(1, "response")], "b")
    ingest(store, config, NOW)
    with store.read() as connection:
        texts = connection.execute(select(prediction_input.c.text)).scalars().all()
        rows = connection.execute(select(prediction.c.text_hash, prediction.c.text_chars, prediction.c.flags)).all()
    assert sorted(texts) == ["mail [email] 1", "mail [email] 2"]
    assert {(bytes(text), chars, flags) for text, chars, flags in rows} == {(bytes(rows[0][0]), 22, "text_redacted")}


def test_repeated_ids_however_cut(quick_place: Place) -> None:
    """Of two requests of one call the first counts and the second is refused, whatever the reads in which they come."""
    text = quick_place.configure().path.read_text(encoding="utf-8")
    old = text[text.index("sources:\n") : text.index("routes:")]
    draw = random.Random(5)
    lines = [
        event(number % 20, side, text=str(copy))
        for number in range(40)
        for copy, side in enumerate(("request", "response", "request"))
    ]
    draw.shuffle(lines)
    (quick_place.folder / "logs").mkdir(exist_ok=True)
    write(quick_place, lines)
    seen = []
    for number, batch_mib in enumerate((0.004, 0.006, 1)):
        config = quick_place.configure(f"ingest: {{batch_mib: {batch_mib}}}\n", replaced=(old, SOURCE))
        with opened(f"sqlite:///{quick_place.folder}/{number}.db") as store:
            ingest(store, config, NOW)
            with store.read() as connection:
                rows = connection.execute(
                    select(
                        prediction.c.request_id, prediction.c.row, prediction.c.text_hash, prediction.c.latency_ms
                    ).order_by(prediction.c.uid)
                ).all()
                told = Counter(connection.execute(select(reject.c.reason, reject.c.position)).tuples())
                seen.append(([tuple(row) for row in rows], told, halves.count(connection)))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][0]) >= 20


AZURE = """sources:
  api:
    files: logs/*/*.jsonl
    preset: azure_ml
    model: ape
"""


def collected(side: str, number: int, rows: int, **more: Any) -> str:
    """Write what the collector keeps of one side of a call."""
    data = [
        {"text": f"card lost {number}-{row}"} if side == "inputs" else {"label": "47", "score": 0.91}
        for row in range(rows)
    ]
    at = BASE + timedelta(seconds=number + 0.2 * (side == "outputs"))
    return json.dumps({"specversion": "1.0", "id": f"{side}{number}", "type": f"azureml.inference.{side}", "time": at.isoformat(),
                       "data": data, "correlationid": f"c{number}", "modelversion": "4", **more}) + "\n"  # fmt: skip


def test_two_folders(quick_place: Place) -> None:
    """Inputs and outputs in two folders meet row by row; a payload that was left out is a reject, and its other half too."""
    text = quick_place.configure().path.read_text(encoding="utf-8")
    old = text[text.index("sources:\n") : text.index("routes:")]
    config = quick_place.configure("", replaced=(old, AZURE))
    draw = random.Random(8)
    for side in ("inputs", "outputs"):
        lines = [collected(side, number, 1 + number % 3) for number in range(40)]
        if side == "inputs":
            lines.append(collected(side, 40, 1, data=None, dataref="azureml://too/large"))
        else:
            lines.append(collected(side, 40, 1))
        draw.shuffle(lines)
        folder = quick_place.folder / "logs" / side
        folder.mkdir(parents=True)
        (folder / "00.jsonl").write_text("".join(lines), encoding="utf-8")
    with opened(quick_place.database) as store:
        assert ingest(store, config, NOW) == "api: 79 read, 0 duplicate, 1 rejected"
        assert ingest(store, config, NOW + timedelta(hours=3)) == "api: 0 read, 0 duplicate, 1 rejected"
        with store.read() as connection:
            rows = connection.execute(
                select(prediction.c.request_id, prediction.c.row, prediction.c.latency_ms, prediction.c.model_version)
            ).all()
            told = Counter(connection.execute(select(reject.c.reason, reject.c.detail)).tuples())
    assert Counter(row.request_id for row in rows) == {f"c{number}": 1 + number % 3 for number in range(40)}
    assert {(row.latency_ms, row.model_version) for row in rows if row.row == 0} == {(200.0, "4")}
    assert told == {("missing_field", "text"): 1, ("half_missing", "only the answer of a call came"): 1}
