"""Parquet and CSV files of a folder are batch scoring runs: each is read once, by its content, whatever is interrupted."""

import csv
import gzip
import io
import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from jobs.doctor_whole import diagnosed
from jobs.ingest import ingest
from monitor.config import Config, load
from monitor.errors import ConfigError, VigieError
from monitor.settings import Source
from monitor.sources.archives import Limits, content
from monitor.sources.runs import Asked, pieces
from monitor.store.store import Store
from monitor.store.tables import bookmark, data_loss, prediction, read_range, reject
from tests.conftest import NOW, opened
from tests.jobs.story import contiguous, request_ids, snapshot

LATER = NOW + timedelta(minutes=11)


def settings(tmp_path: Path, store: Store, more: str = "", files: str = "runs/**/*.*") -> Config:
    """Write and read a config.yaml whose one source is a folder of runs."""
    path = tmp_path / "config.yaml"
    database = store.engine.url.render_as_string(hide_password=False)
    path.write_text(f"""
data_dir: data
database: "{database if store.dialect == "postgresql" else f"sqlite:///{tmp_path}/data/vigie.db"}"
models: {{ape: {{thresholds: [{{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}}]}}}}
sources:
  nightly:
    files: {files}
    format: table
    model: ape
    map: {{request_id: id, text: text, label: code, score: p{"" if "run_time" in more else ", time: at"}}}
{more}""", encoding="utf-8")  # fmt: skip
    return load(path)


@pytest.fixture
def config(tmp_path: Path, store: Store) -> Config:
    return settings(tmp_path, store)


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw rows with texts that hold what CSV must quote."""
    draw = random.Random(seed)
    return [{"id": f"{seed}-{n}", "at": (NOW - timedelta(hours=30) + timedelta(minutes=n)).isoformat(),
             "text": draw.choice(["taxi", 'the "best", of', "two\nlines", "crêperie; bar", " "]) + str(n),
             "code": str(draw.randrange(100)), "p": round(draw.random(), 4), "unused": "x"} for n in range(count)]  # fmt: skip


def as_csv(some: list[dict[str, Any]], separator: str = ",", end: str = "\r\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(some[0]), delimiter=separator, lineterminator=end)
    writer.writeheader()
    writer.writerows(some)
    return out.getvalue().encode()


def as_parquet(some: list[dict[str, Any]], group: int = 17) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(some), out, row_group_size=group)
    return out.getvalue()


def put(tmp_path: Path, name: str, data: bytes, when: datetime = NOW) -> Path:
    """Write a file below runs/ as if `when`."""
    path = tmp_path / "runs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (when.timestamp(), when.timestamp()))
    return path


WRITERS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "csv": as_csv, "csv.gz": lambda some: gzip.compress(as_csv(some)), "parquet": as_parquet,
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITERS)
def test_rows_are_read_once(tmp_path: Path, config: Config, store: Store, kind: str) -> None:
    """Every row is a prediction with its own text, label and score; a second pass, a new name and a copy find nothing."""
    written = rows(100)
    path = put(tmp_path, f"day/part-0.{kind}", WRITERS[kind](written))
    assert ingest(store, config, LATER) == "nightly: 100 read, 0 duplicate, 0 rejected"
    assert contiguous(store)
    with store.read() as connection:
        query = select(prediction.c.request_id, prediction.c.label, prediction.c.score, prediction.c.text_chars, prediction.c.time,
                       prediction.c.time_basis, prediction.c.position)  # fmt: skip
        stored = {tuple(row) for row in connection.execute(query)}
    assert stored == {(one["id"], one["code"], one["p"], len(one["text"]),
                       round(datetime.fromisoformat(one["at"]).timestamp() * 1e6), "table", n) for n, one in enumerate(written)}  # fmt: skip
    before = snapshot(store)
    assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 0 rejected"
    assert snapshot(store) == before
    path.rename(path.with_name(f"renamed.{kind}"))
    shutil.copy(path.with_name(f"renamed.{kind}"), path)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    for _ in range(2):
        assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 0 rejected"


def test_packing_is_no_new_run(tmp_path: Path, store: Store) -> None:
    """A run that is compressed after it was read is the same run, also where nothing but the place tells rows apart."""
    config = settings(tmp_path, store)
    config.path.write_text(config.path.read_text(encoding="utf-8").replace("request_id: id, ", ""), encoding="utf-8")
    config = load(config.path)
    data = as_csv(rows(30))
    path = put(tmp_path, "a.csv", data)
    ingest(store, config, LATER)
    path.unlink()
    put(tmp_path, "a.csv.gz", gzip.compress(data))
    assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 0 rejected"
    assert sum(request_ids(store).values()) == 30


def test_two_runs(tmp_path: Path, store: Store) -> None:
    """Two runs of equal rows are two where their folders differ: a night without changes was a night."""
    config = settings(tmp_path, store, more="    run_time: 'day=([0-9-]+)'\n    zone: UTC\n    identity: by_position\n")
    for day in ("2026-08-30", "2026-08-31"):
        put(tmp_path, f"day={day}/part.parquet", as_parquet(rows(20)))
    assert ingest(store, config, LATER) == "nightly: 40 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        found = Counter(connection.execute(select(prediction.c.time, prediction.c.time_basis)).tuples())
    assert found == {(datetime(2026, 8, day, tzinfo=UTC).timestamp() * 1e6, "path"): 20 for day in (30, 31)}


def test_time_of_file(tmp_path: Path, store: Store) -> None:
    """Without a column the time of the last change may count, for the whole run, and says so."""
    config = settings(tmp_path, store, more="    run_time: modified\n")
    put(tmp_path, "a.csv", as_csv(rows(20)), NOW - timedelta(hours=3))
    ingest(store, config, LATER)
    with store.read() as connection:
        found = Counter(connection.execute(select(prediction.c.time, prediction.c.time_basis)).tuples())
    assert found == {((NOW - timedelta(hours=3)).timestamp() * 1e6, "file"): 20}


def test_path_without_time(tmp_path: Path, store: Store) -> None:
    """A path that tells no time is told, and its rows wait."""
    config = settings(tmp_path, store, more="    run_time: 'day=([0-9-]+)'\n")
    put(tmp_path, "a.csv", as_csv(rows(5)))
    put(tmp_path, "day=2026-08-30/a.csv", as_csv(rows(5)))
    told = ingest(store, config, LATER)
    assert "a.csv (its path tells no time: run_time does not match)" in told
    assert "2026-08-30 (no_time_zone)" in told
    assert not request_ids(store)


def test_unfinished_files_wait(tmp_path: Path, config: Config, store: Store) -> None:
    """A CSV file is read when it was left alone for a while, a Parquet file as soon as its end is there."""
    whole = as_parquet(rows(40, seed=2))
    put(tmp_path, "a.csv", as_csv(rows(40)))
    path = put(tmp_path, "b.parquet", whole[:-5])
    assert ingest(store, config, NOW) == "nightly: 0 read, 0 duplicate, 0 rejected"
    put(tmp_path, "b.parquet", whole)
    assert path.stat().st_size == len(whole)
    assert ingest(store, config, NOW) == "nightly: 40 read, 0 duplicate, 0 rejected"
    assert ingest(store, config, LATER) == "nightly: 40 read, 0 duplicate, 0 rejected"


def test_changed_file_is_another_run(tmp_path: Path, store: Store) -> None:
    """A run that is written again counts as another: rows that are known by their id are told, not counted twice."""
    config = settings(tmp_path, store, more="    identity: by_request_id\n")
    put(tmp_path, "a.csv", as_csv(rows(20)))
    ingest(store, config, LATER)
    changed = rows(25)
    changed[3]["code"] = "other"
    put(tmp_path, "a.csv", as_csv(changed), NOW + timedelta(minutes=1))
    assert ingest(store, config, LATER + timedelta(minutes=5)) == "nightly: 5 read, 19 duplicate, 1 rejected"


def test_bad_rows_in_csv(tmp_path: Path, config: Config, store: Store) -> None:
    """A row with other columns, a quote that does not end, or bytes of another encoding is one reject with its number."""
    lines = as_csv(rows(2)[:1]).replace(b"\r\n", b"\n").splitlines(keepends=True)
    good = b"g%d," + (NOW - timedelta(hours=1)).isoformat().encode() + b",taxi,49,0.9,x\n"
    data = (
        b"\xef\xbb\xbf"
        + lines[0]
        + good % 0
        + b"only,three,cells\n"
        + good % 1
        + good.replace(b"taxi", b"caf\xe9") % 2
        + b"\n"
    )
    data += good.replace(b"0.9", b"NaN") % 3 + good.replace(b",49,0.9", b",,") % 4 + b'q,"no end,1,2\n' + good % 5
    put(tmp_path, "a.csv", data)
    assert ingest(store, config, LATER) == "nightly: 4 read, 0 duplicate, 4 rejected"
    assert set(request_ids(store)) == {"g0", "g1", "g4", "g5"}
    with store.read() as connection:
        found = connection.execute(
            select(reject.c.position, reject.c.reason, reject.c.detail).order_by(reject.c.position)
        ).all()
    assert [tuple(one) for one in found] == [
        (1, "not_a_record", "3 columns, not 6"), (3, "invalid_encoding", ""), (4, "not_finite", "score"),
        (6, "not_a_record", "a quote without its end"),
    ]  # fmt: skip
    assert contiguous(store)


def test_other_dialect(tmp_path: Path, store: Store) -> None:
    """A separator and an encoding of its own are settings."""
    config = settings(tmp_path, store, more='    separator: ";"\n    encoding: cp1252\n')
    written = [one | {"text": "café; 5 €"} for one in rows(3)]
    put(tmp_path, "a.csv", as_csv(written, ";", "\n").decode().encode("cp1252"))
    assert ingest(store, config, LATER) == "nightly: 3 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert set(connection.execute(select(prediction.c.text_chars)).scalars()) == {9}


def test_types_of_parquet(tmp_path: Path, store: Store) -> None:
    """Times with a zone, nanoseconds, decimals, dictionaries and lists of structures are read as what they mean."""
    config = settings(tmp_path, store)
    text = config.path.read_text(encoding="utf-8").replace(
        "label: code, score: p", "topk_labels: 'top[*].code', topk_scores: 'top[*].p'"
    )
    config.path.write_text(text, encoding="utf-8")
    at = datetime(2026, 9, 2, 10, 0, 0, 123456, tzinfo=UTC)
    table = pa.table({
        "id": pa.array(["a", "b"]).dictionary_encode(), "at": pa.array([at, at], pa.timestamp("ns", "Europe/Paris")),
        "text": pa.array([b"caf\xc3\xa9", b"taxi"], pa.binary()),
        "top": pa.array([[{"code": "x", "p": Decimal("0.75")}, {"code": "y", "p": Decimal("0.25")}]] * 2),
    })  # fmt: skip
    out = io.BytesIO()
    parquet.write_table(table, out)
    put(tmp_path, "a.parquet", out.getvalue())
    assert ingest(store, load(config.path), LATER) == "nightly: 2 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        found = connection.execute(
            select(prediction.c.time, prediction.c.topk, prediction.c.text_chars).order_by(prediction.c.request_id)
        ).all()
    assert [tuple(one) for one in found] == [
        (round(at.timestamp() * 1e6), '[["x",0.75],["y",0.25]]', chars) for chars in (4, 4)
    ]


def test_missing_column(tmp_path: Path, config: Config, store: Store) -> None:
    """A file without a mapped column is told with what looks like it, holds up no other, and is read once the mapping fits."""
    for kind in ("csv", "parquet"):
        put(
            tmp_path,
            f"a.{kind}",
            WRITERS[kind](
                [{"codes" if k == "code" else k: v for k, v in one.items()} for one in rows(5, seed=len(kind))]
            ),
        )
    put(tmp_path, "good.csv", as_csv(rows(5)))
    told = ingest(store, config, LATER)
    assert told.startswith("nightly: 5 read")
    assert told.count("no column code in the") == 2
    assert "did you mean codes?" in told
    with store.read() as connection:
        assert len(connection.execute(select(bookmark.c.id)).all()) == 1
    config.path.write_text(
        config.path.read_text(encoding="utf-8").replace("label: code", "label: codes"), encoding="utf-8"
    )
    (tmp_path / "runs/good.csv").unlink()
    assert ingest(store, load(config.path), LATER) == "nightly: 10 read, 0 duplicate, 0 rejected"


def test_heading_that_cannot_be_read(tmp_path: Path, config: Config, store: Store) -> None:
    """Two columns of one name, or a heading in another encoding, are told; a file without rows is none."""
    put(tmp_path, "a.csv", b"id,at,text,code,p,id\n")
    put(tmp_path, "b.csv", b"id,at,text,code,p,caf\xe9\n")
    put(tmp_path, "c.csv", b"id,at,text,code,p\n")
    told = ingest(store, config, LATER)
    assert told.startswith("nightly: 0 read, 0 duplicate, 0 rejected")
    assert "a.csv (two columns are named id)" in told
    assert "b.csv (its heading cannot be read" in told
    assert "c.csv" not in told


@pytest.mark.parametrize("cut", [-1, -300, 5])
def test_damaged_parquet(tmp_path: Path, config: Config, store: Store, cut: int) -> None:
    """A Parquet file that is not whole and that nobody writes any more is one reject and a loss, told once."""
    put(tmp_path, "a.parquet", as_parquet(rows(40))[:cut])
    assert ingest(store, config, NOW) == "nightly: 0 read, 0 duplicate, 0 rejected"
    assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 1 rejected"
    assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert list(connection.execute(select(reject.c.reason)).scalars()) == ["archive_damaged"]
        assert list(connection.execute(select(bookmark.c.state)).scalars()) == ["refused"]
        assert len(connection.execute(select(data_loss)).all()) == 1


def test_damaged_inside(tmp_path: Path, config: Config, store: Store) -> None:
    """Rows before a broken page are kept, and the rest is one reject."""
    data = bytearray(as_parquet(rows(200), group=50))
    at = len(data) // 2
    data[at : at + 400] = b"\x00" * 400
    put(tmp_path, "a.parquet", bytes(data))
    ingest(store, config, LATER)
    assert ingest(store, config, LATER) == "nightly: 0 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert "archive_damaged" in set(connection.execute(select(reject.c.reason)).scalars())
    assert contiguous(store)


@pytest.mark.parametrize("start", [0, 1, 16, 17, 18, 39, 40])
@pytest.mark.parametrize("kind", WRITERS)
def test_from_any_row_on(tmp_path: Path, kind: str, start: int) -> None:
    """Reading goes on at any row, also in the middle of a group of rows."""
    path = put(tmp_path, "a", WRITERS[kind](rows(40)))
    source = Source(files="x", format="table", map={"request_id": "id"})
    with path.open("rb") as file:
        found = content(file.fileno(), Limits(10**9, 500))
        read = [one.values["id"] for some in pieces(found, Asked(source, start, 10**6)) for one in some]
    assert read == [f"0-{n}" for n in range(start, 40)]


@pytest.mark.parametrize("kind", WRITERS)
def test_killed_anywhere(
    tmp_path: Path, store: Store, postgres: Callable[..., str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A pass broken off before each transaction in turn leaves, once it is let run, what one undisturbed pass leaves."""
    monkeypatch.setattr("monitor.sources.runs.ROWS_AT_ONCE", 20)
    config = settings(tmp_path, store)
    written = rows(90)
    written[7]["p"] = 9.0
    put(tmp_path, f"a.{kind}", WRITERS[kind](written))
    put(tmp_path, f"b.{kind}", WRITERS[kind](rows(30, seed=1)))
    assert ingest(store, config, LATER) == "nightly: 119 read, 0 duplicate, 1 rejected"
    whole = ledger(store)
    for nth in range(1, 14):
        url = f"sqlite:///{tmp_path}/again{nth}/vigie.db" if store.dialect == "sqlite" else postgres()
        with opened(url) as other:
            left = [nth]

            def guard(_connection: Connection, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise OperationalError("insert", {}, sqlite3.OperationalError("gone"))

            with suppress(VigieError):
                ingest(other.guarded(guard), config, LATER)
            assert contiguous(other)
            ingest(other, config, LATER)
            assert ledger(other) == whole


def ledger(store: Store) -> dict[str, Any]:
    """Return what was stored, and both ledgers summed by file: where a range ends depends on where reading began."""
    kept = {"prediction", "prediction_input", "reject", "bookmark", "dirty_hour"}
    found: dict[str, Any] = {name: rows for name, rows in snapshot(store).items() if name in kept}
    counts = [read_range.c[name] for name in ("lines_read", "lines_rejected", "accepted", "duplicate", "rejected")]
    query = select(read_range.c.bookmark, *(func.sum(one) for one in counts)).group_by(read_range.c.bookmark)
    with store.read() as connection:
        found["counts"] = sorted(tuple(map(int, row)) for row in connection.execute(query))
    return found


def test_doctor_says_nothing_wrong(tmp_path: Path, config: Config, store: Store) -> None:
    """Runs that were read are no files that hold unread bytes, whatever their size."""
    put(tmp_path, "a.csv", as_csv(rows(20)))
    put(tmp_path, "b.parquet", as_parquet(rows(20, seed=1)))
    ingest(store, config, LATER)
    found = {one.what: one for one in diagnosed(store, config, LATER + timedelta(minutes=30))}
    assert found["nightly: files"].means == "2 files match"
    assert not {"nightly: unread", "nightly: not begun"} & set(found)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [("wrapper: cri", "no wrapper"), ("table: {url: 'sqlite:///x', name: t, key: [a], mark: b}", "either files or table"),
     ("run_time: modified", "run_time is for files")],
)  # fmt: skip
def test_settings_that_do_not_fit(tmp_path: Path, store: Store, wrong: str, told: str) -> None:
    """What makes no sense together is refused with a sentence."""
    config = settings(tmp_path, store)
    text = config.path.read_text(encoding="utf-8").replace("    model: ape\n", f"    model: ape\n    {wrong}\n")
    config.path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load(config.path)
