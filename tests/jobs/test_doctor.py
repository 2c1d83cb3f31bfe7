"""The doctor names what is wrong, what it means and what to do, and is silent where nothing is."""

import json
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from jobs import doctor_machine
from jobs.doctor import Finding, of_runners, of_ways, worst
from jobs.doctor_lines import ADVICE, slot_too_long
from jobs.doctor_whole import diagnosed
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from jobs.verbs import setup
from jobs.verbs.session import Session
from monitor import __version__
from monitor.config import Config, load
from monitor.prediction import REJECT_REASONS
from monitor.settings import Source
from monitor.store import runs
from monitor.store.store import Store
from monitor.store.tables import bookmark
from monitor.window import Window, microseconds
from tests.conftest import LABELS, NOW, WORDS, Place, opened

HEAD = "data_dir: data\nmodels: {ape: {classes: 4}}\nsources:\n"
MAP = "map: {time: ts, request_id: id, text: text, label: label, score: score}"


def config_of(place: Place, *sources: str) -> Config:
    """Write config.yaml with these sources, each in one line, and read it."""
    place.path.write_text(HEAD + "".join(f"  {one}\n" for one in sources), encoding="utf-8")
    return load(place.path)


def api(name: str = "api", **more: str) -> str:
    parts = {"files": f"logs/{name}*", "format": "json_lines", "model": "ape"} | more
    return f"{name}: {{{', '.join(f'{key}: {value}' for key, value in parts.items())}, {MAP}}}"


def rows(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Return calls of the last hour, each another text."""
    draw = random.Random(7)
    return [{"ts": (NOW - timedelta(seconds=3 * number + 60)).isoformat(), "id": f"r{number}", "label": draw.choice(LABELS),
             "text": f"{draw.choice(WORDS)} {'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10 % 10]}", "score": 0.9, **changed}
            for number in range(count)]  # fmt: skip


def log(place: Place, lines: list[Any], name: str = "api.log", encoding: str = "utf-8") -> Path:
    file = place.folder / "logs" / name
    file.parent.mkdir(exist_ok=True)
    text = "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in lines)
    with file.open("ab") as out:
        out.write(text.encode(encoding))
    os.utime(file, (NOW.timestamp() - 5, NOW.timestamp() - 5))
    return file


def examined(config: Config, now: datetime = NOW, read: bool = True) -> dict[str, Finding]:
    """Ingest once and return what the doctor says, by its subject."""
    with opened(config.database) as store:
        if read:
            ingest(store, config, now)
        return {one.what: one for one in diagnosed(store, config, now)}


def test_nothing_wrong(quick_place: Place) -> None:
    """A source that is read gives no finding that asks for anything."""
    config = config_of(quick_place, api())
    log(quick_place, rows(60))
    found = examined(config)
    asks = {what for what, one in found.items() if one.state not in {"ok", "unknown"}}
    assert asks <= {"SQLite", "disk"}  # of this machine
    assert (found["api: files"].means, found["api: feed"].state) == ("1 files match", "unknown")


def test_every_reason_has_advice() -> None:
    """All reasons of the closed list, and no other; each has its line in the manual."""
    assert ADVICE.keys() == set(REJECT_REASONS)
    manual = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
    assert {one for one in REJECT_REASONS if f"\n| `{one}` | " in manual} == set(REJECT_REASONS)


def test_encoding(quick_place: Place) -> None:
    """A hundred lines that are no UTF-8: the doctor tries others on them and names the one that reads them."""
    config = config_of(quick_place, api())
    log(quick_place, rows(120, text="crêperie à 5 €"), encoding="cp1252")
    found = examined(config)["api: invalid_encoding"]
    assert found.means.startswith("120 (100.0% of the lines)")
    assert found.do == "100 % of them read as cp1252: set encoding: cp1252"


def test_nearest_key(quick_place: Place) -> None:
    """A mapped key that is not there: the nearest one that is."""
    config = config_of(quick_place, api())
    log(quick_place, [{("tss" if key == "ts" else key): value for key, value in row.items()} for row in rows(30)])
    found = examined(config)["api: missing_field"]
    assert found.do == "ts is mapped as time, and tss stands in 30 of 30 of these lines: map time: tss"


def test_no_zone(quick_place: Place) -> None:
    """Times without an offset, and no zone declared."""
    config = config_of(quick_place, api())
    log(quick_place, rows(10, ts="2026-09-02 10:00:00"))
    assert "set zone:" in examined(config)["api: no_time_zone"].do


@pytest.mark.parametrize(("zone", "told"), [("UTC", "+2 h"), ("Europe/Paris", None), ("Asia/Kolkata", "-3.5 h")])
def test_zone_against_the_wrapper(quick_place: Place, zone: str, told: str | None) -> None:
    """Lines of Paris in CRI files: another zone is off by a multiple of a quarter, the right one is not mentioned."""
    config = config_of(quick_place, f"api: {{files: logs/api*, wrapper: cri, format: python_literal, model: ape, zone: {zone}}}")  # fmt: skip
    answer = "{'Query': {'libelle': 'taxi'}, 'Response': {'1': {'code': '49', 'probabilite': 0.9}, 'IC': 0.8}}"
    lines = []
    for number in range(150):
        at = NOW - timedelta(hours=4, seconds=number)
        lines.append(
            f"{at:%Y-%m-%dT%H:%M:%S}.5Z stdout F {at + timedelta(hours=2):%Y-%m-%d %H:%M:%S,400} - INFO - {answer}"
        )
    log(quick_place, lines)
    found = examined(config)
    assert (found["api: zone"].means.split("wrong by ")[1].split(";")[0] if "api: zone" in found else None) == told


def test_read_twice(quick_place: Place) -> None:
    """Two sources with the same calls are told; two with other calls are not."""
    config = config_of(quick_place, api(), api("copy"), api("other"))
    log(quick_place, rows(100))
    log(quick_place, rows(100), "copy.log")
    log(quick_place, [{**row, "text": f"quite another {number}", "ts": NOW.isoformat()} for number, row in enumerate(rows(100))], "other.log")  # fmt: skip
    found = examined(config)
    assert (found["api and copy"].state, "100%" in found["api and copy"].means) == ("bad", True)
    assert not {"api and other", "copy and other"} & found.keys()


def test_conflicting_ids(quick_place: Place) -> None:
    """Ids that come again with another answer ask for another identity."""
    config = config_of(quick_place, api(identity="by_request_id"))
    log(quick_place, [*rows(50), *[{**row, "label": "another"} for row in rows(5)]])
    found = examined(config)
    assert found["api: identity"].do == "sources.api.identity: by_position"
    assert found["api: conflicting_duplicate"].means.startswith("5 ")


def test_clipped_scores(quick_place: Place) -> None:
    """Many scores above 1 are no probabilities."""
    config = config_of(quick_place, api())
    log(quick_place, rows(20, score=1.0005))
    assert examined(config)["api: scores"].state == "bad"


@pytest.mark.parametrize(("left_out", "told"), [((), None), ((7, 8, 9), "3 numbers")])
def test_sequence(quick_place: Place, left_out: tuple[int, ...], told: str | None) -> None:
    """Numbers the API counted and no line carries are told; a counter without gaps is not."""
    config = config_of(quick_place, "api: {files: logs/api*, format: vigie_line, model: ape}")
    log(quick_place, [{"vigie": 1, "time": row["ts"], "seq": number, "text": row["text"], "topk": [["a", 0.9]]}
                      for number, row in enumerate(rows(30)) if number not in left_out])  # fmt: skip
    found = examined(config)
    assert (told in found["api: sequence"].means) if told else "api: sequence" not in found


def counted(numbers: range, minute: int) -> list[dict[str, Any]]:
    """Return lines of one process that counts its calls, one a second from that minute on."""
    begin = NOW - timedelta(hours=6) + timedelta(minutes=minute)
    return [{"vigie": 1, "time": f"{begin + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}", "seq": number, "text": f"taxi {number}",
             "topk": [["a", 0.9]]} for one, number in enumerate(numbers)]  # fmt: skip


def test_sequence_across_files(quick_place: Place) -> None:
    """A rotated file that went unread leaves a gap between its neighbours; another process's counter does not."""
    config = config_of(quick_place, "api: {files: logs/api*, format: vigie_line, model: ape}")
    log(quick_place, counted(range(1, 31), 0), "api.1")
    log(quick_place, counted(range(1, 21), 2), "api.2")  # started beside it, or anew
    log(quick_place, counted(range(31, 51), 4), "api.3")
    assert "api: sequence" not in examined(config)
    log(quick_place, counted(range(71, 91), 6), "api.5")
    assert examined(config)["api: sequence"].means.startswith("the API's own counter has 20 numbers")


def test_lost_bytes(quick_place: Place) -> None:
    """A file that went before it was read is told with the time it was missed."""
    config = config_of(quick_place, api())
    file = log(quick_place, rows(30))
    with opened(config.database) as store:
        ingest(store, config, NOW)
        with store.write() as connection:
            connection.execute(bookmark.update().values(size_seen=bookmark.c.size_seen + 500))
        file.unlink()
        log(quick_place, rows(1), "api.new")
        ingest(store, config, NOW + timedelta(minutes=5))
    found = examined(config, NOW + timedelta(minutes=6), read=False)
    assert found["api: lost bytes"].means.startswith("500 bytes in 1 losses, newest 2026-09-02 12:35 UTC (vanished")
    assert found["api: feed"].state == "bad"


def test_no_file_and_nothing_read(quick_place: Place) -> None:
    """A glob that matches nothing, and lines that are no predictions to the format, are told."""
    config = config_of(quick_place, api(), "talk: {files: logs/talk*, format: python_literal, model: ape, zone: UTC}")
    log(quick_place, ["hello"] * 60, "talk.log")
    found = examined(config)
    assert (found["api: files"].state, found["talk: lines"].state) == ("bad", "bad")
    assert "60 of 60 lines" in found["talk: lines"].means


def test_files_nobody_took(quick_place: Place) -> None:
    """A file that grew after the last pass, and one that came after it, are told once they are older than a pass."""
    config = config_of(quick_place, api())
    log(quick_place, rows(30))
    assert not {"api: unread", "api: not begun"} & examined(config).keys()
    log(quick_place, rows(31)[30:])
    log(quick_place, rows(5), "api.new")
    later = NOW + timedelta(minutes=20)
    found = examined(config, later, read=False)
    assert "api.log (" in found["api: unread"].means
    assert "api.new" in found["api: not begun"].means
    assert not {"api: unread", "api: not begun"} & examined(config, later).keys()


def test_hours_missing(quick_place: Place) -> None:
    """Hours that a pinned reference expected and that have no row are counted; without a hole none are."""
    config = quick_place.configure()
    quick_place.write(12_000, hours=24 * 21, first=NOW - timedelta(days=22))
    with opened(config.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        start = NOW - timedelta(days=21)
        pin(store, config, NOW, "ape", Window.of(start, start + timedelta(days=14)), by="os:test", reason="quiet")
    assert examined(config, NOW - timedelta(days=1), read=False)["ape: hours"].state == "ok"
    found = examined(config, read=False)["ape: hours"]
    assert (found.state, found.means.split(",")[0]) == (
        "warn", "22 hours of the last 7 days have no row though some were to be expected"
    )  # fmt: skip
    assert "newest Wed 02 Sep 08:00, Wed 02 Sep 09:00, Wed 02 Sep 10:00 UTC" in found.means


def test_clock(quick_place: Place) -> None:
    """What we noted ourselves lies in the future: the clock was set back."""
    config = config_of(quick_place, api())
    log(quick_place, rows(5))
    assert examined(config)["clock"].state == "ok"
    assert examined(config, NOW - timedelta(hours=3), read=False)["clock"].state == "bad"


def test_slot(tmp_path: Path) -> None:
    """Three rotated files, five minutes apart: a look every ten minutes is too rare, one a minute is not."""
    for number in range(4):
        file = tmp_path / f"api.log.{number}"
        file.write_text("x\n")
        os.utime(file, (NOW.timestamp() - 300 * number,) * 2)
    source = Source(name="api", files=f"{tmp_path}/api.log*")
    assert slot_too_long(source, 60) == []
    (found,) = slot_too_long(source, 600)
    assert "about 900 s, and they are looked at every 600 s" in found.means


def test_machine(quick_place: Place) -> None:
    """Disk, modes, file system and library are judged by what is passed in."""
    config = config_of(quick_place, api())
    examined(config)
    assert config.secret

    def said(mounts: str = "d / ext4 rw 0 0\n", free: int = 50) -> dict[str, str]:
        return {one.what: one.state for one in doctor_machine.of_machine(config, mounts, lambda _: (100, free))}

    assert {said()[one] for one in ("disk", "file modes", "file system", "write-ahead log")} == {"ok"}
    assert (said(free=8)["disk"], said(free=3)["disk"]) == ("warn", "bad")
    assert said(f"nas {quick_place.folder} nfs4 rw 0 0\n")["file system"] == "bad"
    assert said("")["file system"] == "unknown"
    os.chmod(quick_place.folder / "data/vigie.db", 0o644)
    assert said()["mode of vigie.db"] == "bad"
    os.chmod(quick_place.path, 0o666)
    assert said()["mode of config.yaml"] == "bad"
    with (quick_place.folder / "data/vigie.db-wal").open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    assert said()["write-ahead log"] == "warn"


def test_another_way(quick_place: Place) -> None:
    """Where mail is the only way, doctor says what could not be told then; a fallback, or a webhook that receives service, is another."""
    (found,) = of_ways(quick_place.configure())
    assert (found.state, "only way out" in found.means) == ("warn", True)
    assert of_ways(quick_place.configure(replaced=("{file_drop: mails}", "{fallback: {file_drop: aside}}"))) == []
    chat = "routes:\n  - {name: chat, webhook_file: chat, form: slack, receives: [service]}\n"
    assert of_ways(quick_place.configure(replaced=("routes:\n", chat))) == []


def test_runners(store: Store) -> None:
    """A scheduler that ticks with another version or other settings is told; one that stands still, or of before, is not."""
    with store.write() as connection:
        for runner, late, version, settings in (
            ("gone", 300, "0.0.1", "b"),
            ("same", 0, __version__, "a"),
            ("before", 0, __version__, ""),
        ):
            runs.beat(connection, runner, microseconds(NOW) - late * 1_000_000, version, settings)
        assert [one.state for one in of_runners(connection, "a", NOW)] == ["ok"]
        runs.beat(connection, "other", microseconds(NOW), "0.0.1", "b")
        runs.beat(connection, "other", microseconds(NOW), "0.0.1", "c")
        (found,) = of_runners(connection, "a", NOW)
    assert (found.state, "other runs version 0.0.1" in found.means, "settings" in found.means) == ("warn", True, True)


def test_worst() -> None:
    """The worst state counts; nothing at all is ok."""
    states = ("ok", "unknown", "warn", "bad")
    assert [worst([Finding("x", one, "") for one in states[: n + 1]]) for n in range(4)] == list(states)
    assert worst([]) == "ok"


def vigie(place: Place, *arguments: str) -> tuple[int, str]:
    """Run the verb in an application of its own."""
    app = typer.Typer()

    @app.callback()
    def _(context: typer.Context) -> None:
        context.obj = Session(place.path)

    setup.add_to(app)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


def test_verb(quick_place: Place) -> None:
    """Something bad ends with 8 and is told first; nothing bad ends with 0; JSON holds the same."""
    config = config_of(quick_place, api())
    code, said = vigie(quick_place, "doctor")
    assert (code, said.startswith("bad     ")) == (8, True)
    assert "there is no database yet" in said
    code, said = vigie(quick_place, "doctor", "--json")
    assert {"what": "api: files", "state": "bad"}.items() <= next(
        one for one in json.loads(said) if "files" in one["what"]
    ).items()
    log(quick_place, rows(5))
    examined(config, datetime.now(UTC))
    code, said = vigie(quick_place, "doctor", "--json")
    bad = [one["what"] for one in json.loads(said) if one["state"] == "bad"]
    assert set(bad) <= {"disk", "file system"}  # of this machine
    assert code == (8 if bad else 0)
