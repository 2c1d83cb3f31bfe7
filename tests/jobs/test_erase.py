"""What is erased leaves no byte behind, and does not come back: not by reading again, not by restoring a backup."""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from typer.testing import CliRunner

from jobs.cli import app
from jobs.detect import detect
from jobs.erase import LOG, erase
from jobs.ingest import ingest
from jobs.labels import labels
from jobs.rebuild import differing
from jobs.summarise import summarise
from monitor.store import arrivals, profiles
from monitor.store.store import Store
from monitor.store.tables import incident, prediction, prediction_input, tombstone
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened
from tests.jobs.story import request_ids

SECRET = 'Zyglophage "quincaillerie" de l\'été'
FORMS = [SECRET.encode(), SECRET.encode("utf-16-le"), json.dumps(SECRET)[1:-1].encode(), b"Zyglophage"]


def holders(folder: Path) -> list[str]:
    """Return the files below `folder` that hold the secret in any form."""
    return [
        str(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(form in file.read_bytes() for form in FORMS)
    ]


def prepared(place: Place, store: Store) -> None:
    """Read 300 calls of which two have the secret, label one, quote it in an incident and in a report."""
    config = place.configure()
    place.write(298, seed=1)
    place.write(2, seed=2, changed=lambda _: {"text": SECRET})
    ingest(store, config, NOW)
    rows = "".join(f"2-{n},10,audit,0.02,ann,2026-09-02T10:00:00Z\n" for n in (0, 1))
    (place.folder / "labels/a.csv").write_text(
        "request_id,label,source,inclusion,annotator,labelled_at\n" + rows, encoding="utf-8"
    )
    labels(store, config, NOW)
    summarise(store, config, NOW)
    detect(store, config, NOW)
    with store.write() as connection:
        body = json.dumps({"texts": [{"text": SECRET}, {"text": "taxi"}]}, ensure_ascii=False)
        connection.execute(incident.insert().values(model="ape", onset_hour=1, found_hour=2, state="closed", causes="[]",
                                                    detail=body, quiet_hours=0, revision=1))  # fmt: skip
    (config.data_dir / "reports").mkdir(parents=True, exist_ok=True)
    (config.data_dir / "reports/old.html").write_text(f"<td>{SECRET}</td>", encoding="utf-8")


def test_nothing_is_left(place: Place, store: Store) -> None:
    """After erasing two calls no file of the data folder holds their text; the rest, and the incident, stand."""
    prepared(place, store)
    config = place.configure()
    assert holders(config.data_dir)
    told = erase(store, config, NOW, request_ids=["2-0", "2-1"])
    assert (told.predictions, told.rows["prediction_row"], told.rows["incident"], told.reports) == (
        2,
        2,
        1,
        ["old.html"],
    )
    assert told.files == [str(place.log)]
    assert holders(config.data_dir) == []
    assert len(request_ids(store)) == 298
    with store.read() as connection:
        (detail,) = connection.execute(select(incident.c.detail)).scalars()
        assert json.loads(detail)["texts"] == [{"text": "taxi"}]
        if store.dialect == "postgresql":  # its files lie elsewhere: ask for the table's own
            own = "select pg_relation_filepath(oid) from pg_class where relkind = 'r' and relname ~ '^(prediction_input|incident)'"
            paths = connection.execute(text(own)).scalars().all()
            base = connection.execute(text("show data_directory")).scalar()
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("checkpoint"))
        assert [path for path in paths if any(form in (Path(base) / path).read_bytes() for form in FORMS)] == []


def test_it_does_not_come_back(place: Place, store: Store) -> None:
    """The same lines in another file are counted as erased, and profiles equal what the rows that are left give."""
    prepared(place, store)
    config = place.configure()
    erase(store, config, NOW, request_ids=["2-0", "2-1"])
    shutil.copy(place.log, place.log.with_name("ape.jsonl.again"))
    with place.log.with_name("ape.jsonl.again").open("r+b") as file:  # another first line: another file
        file.write(b'{"vigie":1,"dropped":1}\n')
    ingest(store, config, NOW + timedelta(hours=1))
    summarise(store, config, NOW + timedelta(hours=1))
    assert "2-0" not in request_ids(store)
    window = Window(hour_of(NOW) - 80, hour_of(NOW) + 1)
    assert differing(store, "ape", window) == []
    with store.read() as connection:
        assert profiles.total(connection, "ape", window).records == sum(request_ids(store).values())
        assert len(connection.execute(select(tombstone.c.uid)).all()) == 2
        assert arrivals.feed(connection)[0]["accepted"] == sum(request_ids(store).values()) + 2


def test_backup_restored(quick_place: Place) -> None:
    """A store brought back from before the erasure forgets again before it reads anything."""
    config = quick_place.configure()
    with opened(quick_place.database) as store:
        prepared(quick_place, store)
        store.scrub(())
    shutil.copy(config.data_dir / "vigie.db", quick_place.folder / "backup.db")
    with opened(quick_place.database) as store:
        erase(store, config, NOW, request_ids=["2-0", "2-1"])
    for leftover in config.data_dir.glob("vigie.db*"):
        leftover.unlink()
    shutil.copy(quick_place.folder / "backup.db", config.data_dir / "vigie.db")
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        assert len(request_ids(store)) == 298
    assert [name for name in holders(config.data_dir) if not name.endswith("old.html")] == []


def test_by_text(place: Place, store: Store) -> None:
    """A text is erased wherever it stands exactly; one that only normalises to the same stays."""
    config = place.configure()
    place.write(1, seed=3, changed=lambda _: {"text": "rue 12"})
    place.write(1, seed=4, changed=lambda _: {"text": "rue 13"})
    ingest(store, config, NOW)
    assert erase(store, config, NOW, texts=["rue 12"], is_rehearsal=True).predictions == 1
    assert erase(store, config, NOW, texts=["rue 12"]).predictions == 1
    with store.read() as connection:
        assert connection.execute(select(prediction_input.c.text)).scalars().all() == ["rue 13"]
        assert connection.execute(select(prediction.c.request_id)).scalars().all() == ["4-0"]


def test_written_down_first(quick_place: Place) -> None:
    """The list of erasures holds digests only; half an entry of a crash is skipped and written again."""
    config = quick_place.configure()
    with opened(quick_place.database) as store:
        prepared(quick_place, store)
        log = config.data_dir / LOG
        log.write_text('{"at": "2026-09-01", "uids": ["0')
        erase(store, config, NOW, request_ids=["2-0"])
        erase(store, config, NOW, request_ids=["2-1"])
        entries = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        assert [len(entry["uids"]) for entry in entries] == [1, 1]
        assert "2-0" not in log.read_text()
        assert oct(log.stat().st_mode)[-3:] == "600"
        assert len(request_ids(store)) == 298


def test_verb(quick_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """`vigie erase` says what went and where the lines still lie; without a name it is refused."""
    with opened(quick_place.database) as store:
        prepared(quick_place, store)
    runner = CliRunner()
    (quick_place.folder / "texts").write_text(SECRET + "\n", encoding="utf-8")
    args = ["--config", str(quick_place.path), "erase"]
    assert (
        "2 predictions would be erased"
        in runner.invoke(app, [*args, "--text-file", str(quick_place.folder / "texts"), "--dry-run"]).output
    )
    told = runner.invoke(app, [*args, "--request-id", "2-0", "--request-id", "2-1"]).output
    assert "2 predictions erased" in told
    assert os.path.basename(quick_place.log) in told
    assert "nothing to erase" in str(runner.invoke(app, args).exception)
