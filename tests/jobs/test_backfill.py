"""A backfill counts old files as reading and summing them up would, keeps no row, and never counts a line twice."""

import json
import os
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from jobs.backfill import backfill, files_of, tasks_of, told
from jobs.cli import app
from jobs.ingest import ingest
from jobs.prune import prune
from jobs.rebuild import differing, rebuild
from jobs.summarise import summarise
from monitor.config import load
from monitor.engines import days
from monitor.errors import ConfigError, NoData
from monitor.profiles.profile import Profile
from monitor.store import arrivals, profiles
from monitor.store.store import Store
from monitor.store.tables import prediction_row, profile, profile_day, reject
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened
from tests.jobs.lake import LATER, Lake, bodies, lake
from tests.jobs.test_halves import event

BEGIN = NOW.replace(minute=0) - timedelta(hours=48)
WHOLE = Window(hour_of(NOW) - 200, hour_of(NOW) + 2)


def fill(store: Store, place: Place, folders: list[str], **more: Any) -> dict[str, Any]:
    return backfill(store, place.configure(), LATER, "api", folders=folders, count=days.count, **more)


def archived(place: Place, name: str = "old") -> list[str]:
    """Move what was logged to a folder that the service does not read."""
    folder = place.folder / name
    place.log.parent.rename(folder)
    return [str(folder)]


def test_as_if_read(tmp_path: Path) -> None:
    """Of every format, profiles and rejects are to the byte what ingest and summarise make of the same files."""
    here: Lake = lake(tmp_path)
    with opened(f"sqlite:///{tmp_path}/read.db") as one, opened(f"sqlite:///{tmp_path}/filled.db") as other:
        ingest(one, here.config, LATER)
        summarise(one, here.config, LATER)
        ledgers = {name: backfill(other, here.config, LATER, name, folders=here.folders(name), count=days.count)
                   for name in here.config.sources}  # fmt: skip
        assert bodies(other) == bodies(one)
        with one.read() as connection:
            query = select(reject.c.source, reject.c.reason, func.sum(reject.c.count)).group_by(
                reject.c.source, reject.c.reason
            )
            rejected = {name: Counter() for name in here.config.sources}
            for name, reason, count in connection.execute(query):
                rejected[name][reason] = int(count)
            feed = {row["name"]: row for row in arrivals.feed(connection)}
    del ledgers["json_plain"]  # its copy of a file is known to the service before it reads a line
    for name, ledger in ledgers.items():
        counts = ledger["counts"]
        refused = {what.removeprefix("reject "): n for what, n in counts.items() if what.startswith("reject ")}
        assert refused == rejected[name], name
        for fate in ("read", "blank", "other", "rejected", "piece", "half"):
            assert counts.get(f"lines {fate}", 0) == feed[name][f"lines_{fate}"], (name, fate)
        assert (counts["rows"], counts.get("duplicate", 0)) == (feed[name]["accepted"], feed[name]["duplicate"]), name


def test_nothing_is_silent(tmp_path: Path) -> None:
    """What a folder holds and no profile counts is told: duplicates, rejects with a place, files that cannot be read."""
    here = lake(tmp_path)
    found = days.count(
        tasks_of(here.config.sources["json_plain"], here.folders("json_plain")), here.reader("json_plain")
    )
    copied = len((tmp_path / "logs/json_plain/0.log").read_bytes().splitlines())
    assert found.ledger.counts["duplicate"] >= copied + 1
    assert found.ledger.counts["reject archive_damaged"] == 1
    assert found.ledger.examples["archive_damaged"].startswith(str(tmp_path / "logs/json_plain/cut.gz"))
    first = next(one for key, one in sorted(found.profiles.items()))
    assert first.distinct < first.records
    with opened(f"sqlite:///{tmp_path}/v.db") as store:
        wide = backfill(store, here.config, LATER, "insee_g1", folders=here.folders("insee_g1"), count=days.count)
        assert any("wide.log (UTF-16" in line for line in told(wide))
        assert any(line.startswith("rejected, ") and "byte" in line for line in told(
            backfill(store, here.config, LATER, "json_rejects", folders=here.folders("json_rejects"), count=days.count)))  # fmt: skip


def test_half_lines_and_half_calls(tmp_path: Path) -> None:
    """The end of a file that may still grow is left and told; a call without its other half is a reject."""
    here = lake(tmp_path)
    young = tmp_path / "logs/halves/pod/9.log"
    young.write_text(event(99, "request") + event(98, "request")[:-30], encoding="utf-8")
    when = LATER.timestamp()
    os.utime(young, (when, when))
    source = here.config.sources["halves"]
    found = days.count(tasks_of(source, here.folders("halves")), here.reader("halves"))
    assert found.ledger.counts["reject half_missing"] == 1
    assert found.ledger.unread == (f"{young} (its last line has no end yet)",)
    assert found.ledger.counts["rows"] == 35


def test_twice(place: Place, store: Store) -> None:
    """A second backfill of the same folder writes nothing; one that finds more replaces those hours."""
    place.write(400, seed=1, first=BEGIN)
    folders = archived(place)
    first = fill(store, place, folders)
    assert (first["written"], first["same"], first["left_alone"]) == (first["hours"], 0, 0)
    before = bodies(store)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(prediction_row)).scalar_one() == 0
        assert profiles.total(connection, "ape", WHOLE).records == 400
    second = fill(store, place, folders)
    assert (second["written"], second["same"]) == (0, first["hours"])
    assert bodies(store) == before
    place.write(50, seed=2, first=BEGIN, hours=3)
    more = fill(store, place, [*folders, *archived(place, "more")])
    assert more["written"] in {3, 4}
    fewer = fill(store, place, folders)
    assert fewer["fewer"] == more["written"]
    assert any("hold fewer" in line for line in told(fewer))
    assert bodies(store) == before


@pytest.mark.parametrize("mode", ["redacted", "none"])
def test_own_reading_goes_first(place: Place, store: Store, mode: str) -> None:
    """Whichever came first, an hour of which the service read a line is the service's alone: no line counts twice."""
    config = place.configure(f"privacy: {{store: {mode}}}\n")
    place.write(300, seed=1, first=BEGIN, hours=24)
    shutil.copytree(place.log.parent, place.folder / "old")
    ingest(store, config, LATER)
    waiting = fill(store, place, [str(place.folder / "old")])  # not summed up yet, in mode redacted
    assert (waiting["written"], waiting["left_alone"]) == (0, waiting["hours"])
    summarise(store, config, LATER)
    own = bodies(store)
    assert fill(store, place, [str(place.folder / "old")])["written"] == 0
    place.log.parent.rename(place.folder / "gone")
    place.write(200, seed=3, first=BEGIN + timedelta(hours=24), hours=24)
    folders = archived(place, "new")
    assert fill(store, place, folders)["written"] > 20
    with store.write() as connection:
        profiles.roll(connection, "ape", hour_of(NOW) // 24 + 1)
    (place.folder / "new").rename(place.folder / "logs")
    ingest(store, config, LATER)  # now the service reads what was backfilled
    summarise(store, config, LATER)
    with store.read() as connection:
        assert profiles.total(connection, "ape", WHOLE).records == 500
        assert set(connection.execute(select(profile.c.bare).distinct()).scalars()) == {1 if mode == "none" else 0}
    assert own.items() <= bodies(store).items()


def test_rebuild_and_days(place: Place, store: Store) -> None:
    """The nightly check, rolling up and sums of days take backfilled hours as they are."""
    place.write(300, seed=1, first=BEGIN)
    folders = archived(place)
    fill(store, place, folders)
    config, before = place.configure(), bodies(store)
    assert differing(store, "ape", WHOLE) == []
    assert "0 differed" in rebuild(store, config, NOW)
    summarise(store, config, NOW)
    with store.read() as connection:
        days_then = connection.execute(select(func.count()).select_from(profile_day)).scalar_one()
        assert profiles.total(connection, "ape", WHOLE).records == 300
    assert days_then > 0
    assert bodies(store) == before
    place.write(60, seed=2, first=BEGIN, hours=2)
    fill(store, place, [*folders, *archived(place, "more")])
    with store.read() as connection:
        assert profiles.total(connection, "ape", WHOLE).records == 360  # of days that were rolled up before


def test_too_old(place: Place, store: Store) -> None:
    """Hours that retention would delete tonight are not written, and told."""
    place.write(50, seed=1, first=BEGIN, hours=5)
    place.write(50, seed=2, first=NOW - timedelta(days=40), hours=5)
    config = place.configure("privacy: {profile_days: 30, prediction_days: 30, text_days: 30}\n")
    found = backfill(store, config, LATER, "api", folders=archived(place), count=days.count)
    assert found["too_old"] in {5, 6}
    assert found["written"] == found["hours"] - found["too_old"]


def test_days_let_go(place: Place, store: Store) -> None:
    """Days whose hours were let go hold what was backfilled in their sums: a second backfill leaves them alone."""
    more = "privacy: {hourly_days: 30, prediction_days: 30, text_days: 30}\n"
    place.write(90, seed=1, first=BEGIN - timedelta(days=40), hours=20)
    config, folders = place.configure(more), archived(place)
    first = backfill(store, config, LATER, "api", folders=folders, count=days.count)
    assert first["written"] == first["hours"] > 10
    window = Window(WHOLE.first - 2000, WHOLE.end)
    for _ in range(2):
        prune(store, config, NOW)
    assert bodies(store) == {}
    second = backfill(store, config, LATER, "api", folders=folders, count=days.count)
    assert (second["written"], second["left_alone"]) == (0, first["hours"])
    with store.read() as connection:
        assert profiles.total(connection, "ape", Window(window.first // 24 * 24, window.end)).records == 90


def test_two_sources(tmp_path: Path) -> None:
    """Two sources of one model add up; a rehearsal stores nothing."""
    here = lake(tmp_path)
    text = (
        (tmp_path / "config.yaml").read_text(encoding="utf-8").replace('"model": "gunicorn"', '"model": "json_plain"')
    )
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "config.yaml")
    with opened(f"sqlite:///{tmp_path}/v.db") as store:
        for name in ("json_plain", "gunicorn", "json_plain"):
            found = backfill(
                store, config, LATER, name, folders=here.folders(name), count=days.count, is_rehearsal=True
            )
            assert found["written"] == 0
            assert bodies(store) == {}
        for name in ("json_plain", "gunicorn", "json_plain"):
            backfill(store, config, LATER, name, folders=here.folders(name), count=days.count)
        apart = [days.count(tasks_of(one, here.folders(one.name)), files_of(config, one, LATER)).profiles
                 for one in config.sources.values() if one.model == "json_plain"]  # fmt: skip
        with store.read() as connection:
            whole = profiles.total(connection, "json_plain", Window(0, hour_of(NOW) + 10))
    assert [len(one) > 0 for one in apart] == [True, True]
    assert whole == Profile.sum(one for some in apart for one in some.values())


@pytest.mark.parametrize(
    ("name", "folders", "said"),
    [("nobody", ["{tmp}"], "no source nobody; there are: api"), ("api", ["{tmp}/absent"], "no file at"),
     ("api", ["{tmp}/empty"], "no file at"), ("nightly", ["{tmp}"], "source nightly has rows, not log lines")],
)  # fmt: skip
def test_refused(quick_place: Place, name: str, folders: list[str], said: str) -> None:
    """A source or a folder that cannot be read this way is refused with what to do, before anything is counted."""
    (quick_place.folder / "empty").mkdir()
    more = "  nightly: {files: runs/*, format: table, model: ape, map: {time: at, label: code}}\nroutes:"
    config = quick_place.configure(replaced=("routes:", more))
    where = [one.format(tmp=quick_place.folder) for one in folders]
    with opened(quick_place.database) as store, pytest.raises((ConfigError, NoData), match=said) as refused:
        backfill(store, config, LATER, name, folders=where, count=_never)
    assert name == "nobody" or refused.value.remedy


def _never(*_: Any) -> Any:
    raise AssertionError("counted")


def test_verb(quick_place: Place) -> None:
    """`vigie backfill` says what it did; a second run says that nothing changed; no folder is NoData."""
    quick_place.write(100, seed=1, first=BEGIN)
    (folder,) = archived(quick_place)
    call = ["--config", str(quick_place.path), "backfill", folder, "--source", "api"]
    first = CliRunner().invoke(app, call)
    assert first.exit_code == 0, first.output
    assert "api: 1 files, 100 lines, 100 records counted" in first.stdout
    assert "Next: vigie reference pin" in first.stdout
    second = json.loads(CliRunner().invoke(app, [*call, "--json"]).stdout)
    assert (second["written"], second["same"]) == (0, second["hours"])
    refused = CliRunner().invoke(app, [*call[:3], f"{folder}/none", *call[4:]])
    assert isinstance(refused.exception, NoData)
