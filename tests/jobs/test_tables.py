"""Rows of an inference table are read once, late ones too, whatever is interrupted, and changed ones are told."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from jobs.ingest import ingest
from jobs.watch import watch
from monitor.config import Config, load
from monitor.errors import ConfigError, VigieError
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.store.tables import bookmark, data_loss, outbox, prediction, read_range, reject, row_known
from tests.conftest import NOW
from tests.jobs.story import contiguous, request_ids, snapshot

DDL = {
    "sqlite": """create table "Answers" (id integer primary key, created_at timestamp, model text, "input text" text,
                 predicted text, probability text, candidates text, note blob)""",
    "postgresql": """create table "Answers" (id bigint primary key, created_at timestamp with time zone, model varchar(20),
                     "input text" text, predicted text, probability numeric(6, 4), candidates jsonb, note bytea)""",
}
MAP = """map: {time: created_at, model: model, text: '"input text"', label: predicted, score: probability}"""


@dataclass
class Base:
    """Hold an inference database; rows are written as its own API would."""

    url: str
    engine: sa.Engine

    def add(self, *rows: dict[str, Any]) -> None:
        """Insert rows; whatever is not named has a value."""
        names = ("id", "created_at", "model", "input text", "predicted", "probability")
        usual = {"model": "ape", "input text": "taxi", "predicted": "49", "probability": "0.83"}
        mark = "?" if self.engine.dialect.name == "sqlite" else "%s"
        text = f'insert into "Answers" ({", ".join(f"{chr(34)}{n}{chr(34)}" for n in names)}) values ({", ".join([mark] * 6)})'
        with self.engine.begin() as connection:
            for row in rows:
                whole = usual | row
                connection.exec_driver_sql(text, tuple(whole[name] for name in names))

    def run(self, text: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(text)


@pytest.fixture
def base(store_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Base]:
    """Return an inference database with an empty table, of the kind the store is of."""
    is_sqlite = store_url.startswith("sqlite")
    url = f"sqlite:///{tmp_path}/inference.db" if is_sqlite else request.getfixturevalue("postgres")(empty=True)
    engine = sa.create_engine(url)
    one = Base(url, engine)
    one.run(DDL[engine.dialect.name])
    yield one
    engine.dispose()


def settings(tmp_path: Path, store: Store, base: Base, table: str = "", more: str = "") -> Config:
    """Write and read a config.yaml whose one source is the table."""
    path = tmp_path / "config.yaml"
    database = store.engine.url.render_as_string(hide_password=False)
    where = f"{tmp_path}/data/vigie.db"
    path.write_text(f"""
data_dir: data
database: "{database if store.dialect == "postgresql" else "sqlite:///" + where}"
models: {{ape: {{thresholds: [{{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}}]}}, other: {{}}}}
sources:
  inference:
    table: {{url: "{base.url}", name: Answers, key: [id], mark: created_at, chunk_rows: 7 {table}}}
    zone: UTC
    {MAP}
{more}""", encoding="utf-8")  # fmt: skip
    return load(path)


@pytest.fixture
def config(tmp_path: Path, store: Store, base: Base) -> Config:
    return settings(tmp_path, store, base)


def at(minutes: float) -> str:
    """Return a time before NOW as databases print it."""
    return f"{NOW - timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S.%f}+00:00"


def many(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return rows in the order of time, three of each moment, over some hours."""
    return [{"id": n, "created_at": at(600 - (n // 3) * 4), "predicted": str(n % 5), "probability": f"0.{n % 90 + 10}"}
            for n in range(first, first + count)]  # fmt: skip


def ids(store: Store) -> Counter[str]:
    return request_ids(store)


def rejects(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        return list(connection.execute(select(reject.c.reason, reject.c.detail).order_by(reject.c.position)).tuples())


def test_all_rows_once(config: Config, store: Store, base: Base) -> None:
    """Every row is a prediction with the row's own values, in pages that end between equal marks; a second pass finds nothing."""
    base.add(*many(100))
    assert ingest(store, config, NOW) == "inference: 100 read, 0 duplicate, 0 rejected"
    assert ids(store) == Counter(str(n) for n in range(100))
    assert contiguous(store)
    with store.read() as connection:
        row = connection.execute(select(prediction).where(prediction.c.request_id == "31")).one()
        place = connection.execute(select(bookmark)).one()
    assert (row.label, row.score, row.time_basis, row.decision) == ("1", 0.41, "table", "manual")
    assert row.time == round((NOW - timedelta(minutes=560)).timestamp() * 1e6)
    assert place.position == 100
    assert "password" not in place.path_last
    assert place.path_last.endswith("#Answers")
    before = snapshot(store)
    assert ingest(store, config, NOW) == "inference: 0 read, 0 duplicate, 0 rejected"
    assert snapshot(store) == before


def test_new_and_late_rows(config: Config, store: Store, base: Base) -> None:
    """Rows that come behind the mark, within the overlap, are read in the next pass; those before it are not looked for."""
    base.add(*many(60))
    ingest(store, config, NOW)
    newest = 600 - 19 * 4
    base.add({"id": 1000, "created_at": at(newest + 90)}, {"id": 1001, "created_at": at(newest + 119.9)},
             {"id": 1002, "created_at": at(newest)}, {"id": 1003, "created_at": at(newest - 1)},
             {"id": 1004, "created_at": at(newest + 150)})  # fmt: skip
    assert ingest(store, config, NOW) == "inference: 4 read, 0 duplicate, 0 rejected"
    assert ids(store) == Counter([*(str(n) for n in range(60)), "1000", "1001", "1002", "1003"])
    assert contiguous(store)
    assert ingest(store, config, NOW) == "inference: 0 read, 0 duplicate, 0 rejected"


def test_row_changed_in_place(config: Config, store: Store, base: Base) -> None:
    """A row that was read and then changed is told once; what was stored stays."""
    base.add(*many(20))
    ingest(store, config, NOW)
    base.run("update \"Answers\" set predicted = '99' where id in (18, 19)")
    for _ in range(2):
        ingest(store, config, NOW)
    assert rejects(store) == [("conflicting_duplicate", "same id, another answer")] * 2
    with store.read() as connection:
        labels = set(connection.execute(select(prediction.c.label)).scalars())
    assert "99" not in labels
    base.run("update \"Answers\" set predicted = '98' where id = 18")
    ingest(store, config, NOW)
    assert len(rejects(store)) == 3


def test_row_changed_where_nothing_is_kept(tmp_path: Path, store: Store, base: Base) -> None:
    """Where no row is kept a row counts once all the same: late ones are added, changed ones told, the rest left alone."""
    config = settings(tmp_path, store, base, more="privacy: {store: none}\n")
    base.add(*many(30))
    ingest(store, config, NOW)
    base.add({"id": 500, "created_at": at(600)})
    base.run("update \"Answers\" set predicted = '99' where id = 29")
    assert ingest(store, config, NOW) == "inference: 1 read, 0 duplicate, 1 rejected"
    assert ingest(store, config, NOW) == "inference: 0 read, 0 duplicate, 0 rejected"
    assert rejects(store) == [("conflicting_duplicate", "same key, other values")]
    with store.read() as connection:
        assert connection.execute(select(func.sum(read_range.c.accepted))).scalar_one() == 31


@pytest.mark.parametrize(("kept", "read"), [("none", 0), ("redacted", 1)])
def test_longer_overlap(tmp_path: Path, store: Store, base: Base, kept: str, read: int) -> None:
    """After the overlap was made longer no row counts twice; where rows are stored, older late ones are found then."""
    more = f"privacy: {{store: {kept}}}\n"
    base.add(*many(60))
    ingest(store, settings(tmp_path, store, base, ", overlap_hours: 0.1", more), NOW)
    base.add({"id": 500, "created_at": at(600 - 19 * 4 + 30)})
    longer = settings(tmp_path, store, base, ", overlap_hours: 2", more)
    assert ingest(store, longer, NOW).startswith(f"inference: {read} read")
    base.add({"id": 501, "created_at": at(600 - 19 * 4 + 2)})
    assert ingest(store, longer, NOW) == "inference: 1 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert connection.execute(select(func.sum(read_range.c.accepted))).scalar_one() == 61 + read


def test_bad_rows(config: Config, store: Store, base: Base) -> None:
    """A row that is no prediction is one reject with its number in the table, once, and hides no other."""
    base.add(*many(5), {"id": 5, "created_at": at(500), "predicted": "", "input text": "x"},
             {"id": 6, "created_at": at(499), "probability": "1.5"}, {"id": 7, "created_at": at(498), "model": "nobody"},
             {"id": 8, "created_at": at(497)})  # fmt: skip
    assert ingest(store, config, NOW) == "inference: 6 read, 0 duplicate, 3 rejected"
    assert [reason for reason, _ in rejects(store)] == ["bad_label", "out_of_range", "out_of_range"]
    with store.read() as connection:
        places = connection.execute(select(reject.c.position, reject.c.length).order_by(reject.c.position)).tuples()
        assert list(places) == [(5, 1), (6, 1), (7, 1)]
    assert ingest(store, config, NOW) == "inference: 0 read, 0 duplicate, 0 rejected"


def test_rows_without_place(config: Config, store: Store, base: Base) -> None:
    """Rows without a mark, or with one in the future, are told; the others are read, those of tomorrow tomorrow."""
    base.add(*many(9), {"id": 20, "created_at": None}, {"id": 21, "created_at": at(-3 * 60)})
    told = ingest(store, config, NOW)
    assert told.startswith("inference: 9 read")
    assert "lies in the future" in told
    assert "without a mark" in told
    base.add(*many(3, first=9))
    assert ingest(store, config, NOW).startswith("inference: 3 read")
    assert ingest(store, config, NOW + timedelta(hours=3)).startswith("inference: 1 read")
    assert ids(store) == Counter([*(str(n) for n in range(12)), "21"])


@pytest.mark.parametrize("nth", range(1, 16))
def test_every_nth_write_fails(config: Config, store: Store, base: Base, nth: int) -> None:
    """Whichever transaction fails, the ledgers end as if none had."""
    left = [nth]

    def guard(_connection: Connection) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full"))

    base.add(*many(40), {"id": 90, "created_at": at(550), "probability": "7"})
    with suppress(VigieError):
        ingest(store.guarded(guard), config, NOW)
    base.add(*many(20, first=40), {"id": 91, "created_at": at(600 - 13 * 4 + 1)})
    base.run("update \"Answers\" set predicted = '99' where id = 39")
    with suppress(VigieError):
        ingest(store.guarded(guard), config, NOW)
    assert contiguous(store)
    ingest(store, config, NOW)
    wanted = {str(n) for n in (*range(60), 91)}
    stored = ids(store)
    assert set(stored) == wanted
    assert set(stored.values()) == {1}
    assert contiguous(store)
    with store.read() as connection:
        read, accepted, duplicate = connection.execute(
            select(func.sum(read_range.c.lines_read), func.sum(read_range.c.accepted), func.sum(read_range.c.duplicate))
        ).one()
        labels = dict(connection.execute(select(prediction.c.request_id, prediction.c.label)).tuples().all())
        assert not connection.execute(select(data_loss)).all()
    told = Counter(reason for reason, _ in rejects(store))
    first = labels[
        "39"
    ]  # what was committed first stays: the pass that failed had read row 39 before it changed, or not
    assert told["out_of_range"] == 1
    assert told["conflicting_duplicate"] == (first != "99")
    assert (accepted, duplicate) == (61, 0)
    assert read == 61 + told["conflicting_duplicate"]


def test_kill_equivalence(tmp_path: Path, store: Store, base: Base, postgres: Callable[..., str]) -> None:
    """A pass broken off after each transaction in turn leaves, once it is let run, what one undisturbed pass leaves."""
    from tests.conftest import opened as fresh

    config = settings(tmp_path, store, base)
    base.add(*many(45), {"id": 90, "created_at": at(550), "probability": "7"})
    ingest(store, config, NOW)
    whole = ledger(store)
    for nth in range(1, 12):
        url = f"sqlite:///{tmp_path}/again{nth}/vigie.db" if store.dialect == "sqlite" else postgres()
        with fresh(url) as other:
            left = [nth]

            def guard(_connection: Connection, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt

            with suppress(KeyboardInterrupt):
                ingest(other.guarded(guard), config, NOW)
            ingest(other, config, NOW)
            assert ledger(other) == whole


def ledger(store: Store) -> dict[str, list[Any]]:
    """Return what was stored and counted, in numbers that do not depend on when."""
    return {name: rows for name, rows in snapshot(store).items()
            if name in {"prediction", "prediction_input", "read_range", "reject", "bookmark", "row_known", "dirty_hour"}}  # fmt: skip


def test_many_runners(config: Config, store: Store, base: Base) -> None:
    """Two runners that read the table in turns, batch by batch, take each row once."""
    from jobs.ingest import _source
    from jobs.reading import Pass, Reader
    from monitor.sources.door import Door

    base.add(*many(80))
    door = Door(config.models, dict.fromkeys(config.models), "redacted", config.secret)
    source = config.sources["inference"]
    for _ in range(2):
        runners = [_source(Reader(store, config, source, door, NOW, Pass())) for _ in range(2)]
        while runners:
            for one in list(runners):
                try:
                    next(one)
                except StopIteration:
                    runners.remove(one)
        base.add({"id": 300, "created_at": at(510)}) if 300 not in map(int, ids(store)) else None
    assert ids(store) == Counter([*(str(n) for n in range(80)), "300"])
    assert contiguous(store)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("name: Answers", "name: Nobody", "there is no table or view Nobody"),
        ("mark: created_at", "mark: create_at", "no column create_at in Answers; did you mean created_at"),
        ("key: [id]", "key: [nr]", "no column nr in Answers; there are "),
        ("label: predicted", "label: answer.code", "no column answer in Answers"),
    ],
)
def test_wrong_names(tmp_path: Path, store: Store, base: Base, right: str, wrong: str, told: str) -> None:
    """A table or column that is not there is told with what is; nothing is counted as read."""
    config = settings(tmp_path, store, base)
    config.path.write_text(config.path.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    config = load(config.path)
    assert told in ingest(store, config, NOW)
    with store.read() as connection:
        (feed,) = feeds(connection, config.sources.values(), NOW)
    assert feed.read_us is None


def test_unreachable(tmp_path: Path, store: Store, base: Base) -> None:
    """A database that is away is told, the other sources are read, and it goes on when it is back."""
    config = settings(tmp_path, store, base, more="routes: [{to: ops@stat.example, receives: [service]}]\n")
    base.add(*many(10))
    ingest(store, config, NOW)
    base.add(*many(10, first=10))
    text = config.path.read_text(encoding="utf-8")
    away = (
        base.url.replace("inference.db", "gone.db")
        if store.dialect == "sqlite"
        else "postgresql+psycopg://nobody@127.0.0.1:1/x"
    )
    config.path.write_text(text.replace(base.url, away), encoding="utf-8")
    assert "cannot read Answers (" in ingest(store, load(config.path), NOW + timedelta(hours=1))
    with store.read() as connection:
        (feed,) = feeds(connection, config.sources.values(), NOW)
    assert feed.read_us == round(NOW.timestamp() * 1e6)
    late = NOW + timedelta(hours=1)
    away_config = load(config.path)
    assert [watch(store, away_config, late), watch(store, away_config, late)] == [
        "1 things to tell, 1 new messages", "1 things to tell, 0 new messages",
    ]  # fmt: skip
    with store.read() as connection:
        (subject,) = connection.execute(select(outbox.c.subject)).scalars()
    assert subject == "service:source:unread:inference"
    config.path.write_text(text, encoding="utf-8")
    assert ingest(store, load(config.path), late).startswith("inference: 10 read, 0 duplicate")
    back = [watch(store, load(config.path), late) for _ in range(2)]
    assert back == ["0 things to tell, 1 new messages", "0 things to tell, 0 new messages"]
    with store.read() as connection:
        assert set(connection.execute(select(outbox.c.subject)).scalars()) == {subject}


def test_table_is_not_written(tmp_path: Path, store: Store, base: Base) -> None:
    """The connection cannot write, whatever is asked of it."""
    from monitor.sources.tables import opened

    config = settings(tmp_path, store, base)
    with (
        opened(config.sources["inference"]) as table,
        table.engine.connect() as connection,
        pytest.raises(sa.exc.DBAPIError, match=r"readonly|read-only"),
    ):
        connection.exec_driver_sql('delete from "Answers"')


def test_doctor(tmp_path: Path, store: Store, base: Base) -> None:
    """The doctor tells a table that is read from one that is not, and what makes passes dear."""
    from jobs.doctor_whole import diagnosed

    def findings(config: Config) -> dict[str, Any]:
        return {one.what: one for one in diagnosed(store, config, NOW)}

    config = settings(tmp_path, store, base)
    base.add(*many(12), {"id": 50, "created_at": None})
    ingest(store, config, NOW)
    found = findings(config)
    assert found["inference: table"].state == "ok"
    assert "12 rows were read" in found["inference: table"].means
    assert {found[f"inference: {one}"].state for one in ("index", "rows")} == {"warn"}
    base.run('create index by_time on "Answers" (created_at, id)')
    base.run('delete from "Answers" where id = 50')
    base.run("update \"Answers\" set predicted = '99' where id > 3")
    ingest(store, config, NOW)
    found = findings(config)
    assert "inference: index" not in found
    assert "inference: rows" not in found
    assert "insert a row once its answer is final" in found["inference: conflicting_duplicate"].do
    base.run('drop table "Answers"')
    assert findings(config)["inference: table"].state == "bad"


def test_remembers_no_more_than_the_overlap(config: Config, store: Store, base: Base) -> None:
    """What lies behind the overlap is forgotten: as many digests stay as rows lie within it."""
    base.add(*many(100))
    ingest(store, config, NOW)
    newest = 600 - 33 * 4
    within = sum(600 - (n // 3) * 4 <= newest + 120 for n in range(100))
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(row_known)).scalar_one() == within


def test_number_as_mark(tmp_path: Path, store: Store, base: Base) -> None:
    """A counter may be the mark; late rows are looked for by number."""
    config = settings(tmp_path, store, base, ", overlap_numbers: 5")
    text = config.path.read_text(encoding="utf-8").replace("mark: created_at", "mark: id")
    config.path.write_text(text, encoding="utf-8")
    config = load(config.path)
    base.add(*(row for row in many(30) if row["id"] not in {10, 26}))
    ingest(store, config, NOW)
    base.add(*(row for row in many(30) if row["id"] in {10, 26}))
    assert ingest(store, config, NOW) == "inference: 1 read, 0 duplicate, 0 rejected"
    assert "26" in ids(store)


def test_json_and_bytes(tmp_path: Path, store: Store, base: Base) -> None:
    """JSON in a column is mapped by paths, bytes are read as the text they are, and what is no UTF-8 is a reject."""
    config = settings(tmp_path, store, base)
    path = "candidates![*]" if store.dialect == "sqlite" else "candidates[*]"
    text = config.path.read_text(encoding="utf-8").replace("label: predicted, score: probability",
            f"topk_labels: '{path}.code', topk_scores: '{path}.p'").replace("""'"input text"'""", "note")  # fmt: skip
    config.path.write_text(text, encoding="utf-8")
    config = load(config.path)
    base.add(*many(3))
    base.run("""update "Answers" set candidates = '[{"code": "a", "p": 0.6}, {"code": "b", "p": 0.4}]'""")
    blob = {"sqlite": "x'{}'", "postgresql": "'\\x{}'::bytea"}[store.dialect]
    base.run(f"""update "Answers" set note = {blob.format("636166c3a9")}""")
    base.run(f"""update "Answers" set note = {blob.format("ff00fe")} where id = 2""")
    assert ingest(store, config, NOW) == "inference: 2 read, 0 duplicate, 1 rejected"
    with store.read() as connection:
        found = connection.execute(select(prediction.c.topk, prediction.c.text_chars).limit(1)).one()
    assert tuple(found) == ('[["a",0.6],["b",0.4]]', 4)
    assert [reason for reason, _ in rejects(store)] == ["invalid_encoding"]


def test_naive_times(tmp_path: Path, store: Store, base: Base, request: pytest.FixtureRequest) -> None:
    """A time without offset needs the source's zone; in it the hour is the right one, also with the mark on it."""
    base.run('drop table "Answers"')
    base.run(DDL[store.dialect].replace("with time zone", "without time zone"))
    config = settings(tmp_path, store, base)
    text = config.path.read_text(encoding="utf-8")
    config.path.write_text(text.replace("zone: UTC", "zone: Europe/Vienna"), encoding="utf-8")
    local = datetime(2026, 9, 2, 14, 25)  # 12:25 in UTC, five minutes ago
    base.add({"id": 1, "created_at": f"{local:%Y-%m-%d %H:%M:%S}"})
    assert ingest(store, load(config.path), NOW) == "inference: 1 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert (
            connection.execute(select(prediction.c.time)).scalar_one()
            == datetime(2026, 9, 2, 12, 25, tzinfo=UTC).timestamp() * 1e6
        )
    config.path.write_text(text.replace("zone: UTC", "encoding: utf-8"), encoding="utf-8")
    base.add({"id": 2, "created_at": f"{local:%Y-%m-%d %H:%M:%S}"})
    ingest(store, load(config.path), NOW)
    assert [reason for reason, _ in rejects(store)] == ["no_time_zone"]


def test_preset(tmp_path: Path, store: Store, base: Base) -> None:
    """A preset maps a table's columns too; one whose lines are no rows is refused with a sentence."""
    config = settings(tmp_path, store, base)
    text = config.path.read_text(encoding="utf-8")
    body = """'{"dataframe_records": [{"text": "taxi"}, {"text": "bakery"}]}'"""
    answer = """'{"predictions": [{"label": "49", "confidence": 0.9}, {"label": "10", "confidence": 0.8}]}'"""
    base.run("create table calls (databricks_request_id text primary key, timestamp_ms bigint, request text, response text, "
             "execution_time_ms integer, status_code integer, sampling_fraction real)")  # fmt: skip
    base.run(
        f"insert into calls values ('a', {round(NOW.timestamp() * 1000) - 60_000}, {body}, {answer}, 41, 200, 1.0)"
    )
    start = text.index("    table:")
    table = f"""    table: {{url: "{base.url}", name: calls, key: [databricks_request_id], mark: timestamp_ms, mark_unit: ms}}\n"""
    for preset in ("databricks_records", "kserve_v1"):
        config.path.write_text(f"{text[:start]}{table}    model: ape\n    preset: {preset}\n", encoding="utf-8")
        if preset == "kserve_v1":
            with pytest.raises(ConfigError, match="no wrapper, prefix or join"):
                load(config.path)
            continue
        assert ingest(store, load(config.path), NOW) == "inference: 2 read, 0 duplicate, 0 rejected"
        assert ingest(store, load(config.path), NOW) == "inference: 0 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        found = connection.execute(
            select(prediction.c.row, prediction.c.label, prediction.c.latency_ms).order_by(prediction.c.row)
        )
        assert [tuple(one) for one in found] == [(0, "49", 41.0), (1, "10", None)]


def test_hostile_names(tmp_path: Path, store: Store, base: Base) -> None:
    """A name that is SQL is looked up as a name."""
    config = settings(tmp_path, store, base)
    text = config.path.read_text(encoding="utf-8")
    config.path.write_text(text.replace("name: Answers", """name: 'Answers"; drop table "Answers'"""), encoding="utf-8")
    assert "there is no table or view" in ingest(store, load(config.path), NOW)
    base.add(*many(1))


def test_password_file(tmp_path: Path, postgres: Callable[..., str], store: Store) -> None:
    """The password of an inference database on PostgreSQL comes from a file, and shows nowhere."""
    url = postgres(empty=True)
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(DDL["postgresql"])
    config = settings(tmp_path, store, Base(url, sa.create_engine(url)), ", password_file: word")
    assert "word cannot be read" in ingest(store, config, NOW)
    (tmp_path / "word").write_text("s3cret\n", encoding="utf-8")
    assert ingest(store, config, NOW) == "inference: 0 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        assert "s3cret" not in str(connection.execute(select(bookmark)).all())
