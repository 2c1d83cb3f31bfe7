"""The evidence of a decision leaves as files that check themselves, give the same bytes again, and hold no text."""

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.decide import decide, propose
from jobs.export import HARD, MANIFEST, export
from jobs.ingest import ingest
from jobs.labels import labels
from jobs.prune import prune
from jobs.summarise import summarise
from jobs.trigger import trigger
from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.store import labels as stored
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import LABELS, NOW, WORDS, Fill, Place, opened
from tests.jobs.deciding import PEOPLE, command, judge, proposed
from tests.jobs.test_cli import run
from tests.jobs.test_decide import three_weeks

FORMULA = '=HYPERLINK("http://x","y")'


def a_strange_week(place: Place, store: Store) -> None:
    """Log three weeks, a label that is new in the last days and looks like a formula, and a line that is refused."""
    three_weeks(place, store)
    place.write(40, seed=5, hours=48, changed=lambda draw: {
        "topk": [[FORMULA, 0.9]], "status": 200, "request_id": f"-{draw.randrange(10**9)}"})  # fmt: skip
    with place.log.open("a", encoding="utf-8") as log:
        log.write('{"vigie": 1, "broken\n')
    config = place.configure()
    for moment in (NOW, NOW + timedelta(hours=1)):
        ingest(store, config, moment)
    summarise(store, config, NOW)


@pytest.fixture
def place(copied: Callable[[Fill], Place]) -> Place:
    return copied(a_strange_week)


@pytest.fixture
def config(place: Place) -> Config:
    return place.configure()


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


def table(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / name).open(encoding="utf-8", newline="")))


@pytest.fixture
def pack(store: Store, config: Config, tmp_path: Path) -> Path:
    decide(store, config, NOW + timedelta(days=1))
    export(store, config, 1, tmp_path / "pack", wanted=60)
    return tmp_path / "pack"


def test_checks_itself(pack: Path, store: Store, config: Config, tmp_path: Path) -> None:
    """The manifest is one of sha256sum and names every file; another export gives the same bytes; a folder in use is left alone."""
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", MANIFEST], cwd=pack, capture_output=True, text=True, check=True
    )
    assert checked.stdout.count(": OK") == len(list(pack.iterdir())) - 1 == 7
    export(store, config, 1, tmp_path / "again", wanted=60)
    assert all((tmp_path / "again" / file.name).read_bytes() == file.read_bytes() for file in pack.iterdir())
    with pytest.raises(ConfigError, match="not empty"):
        export(store, config, 1, pack)


def test_no_text(pack: Path) -> None:
    """No word of any logged text is in any file."""
    whole = b"".join(file.read_bytes() for file in sorted(pack.iterdir()))
    assert not [word for word in WORDS if word.encode() in whole]


def test_classes(pack: Path, place: Place) -> None:
    """Each class has its answers of the week, counted from the log; the new one has moved, and is no formula for a calculator."""
    week = json.loads((pack / "data_window.json").read_text())["week"]
    logged = Counter(
        row["topk"][0][0] for row in place.written
        if row["status"] == 200 and week["from"] <= row["time"].isoformat() < week["to"]
    )  # fmt: skip
    rows = {row["code"]: row for row in table(pack, "classes.csv")}
    assert {name: int(row["answers"]) for name, row in rows.items()} == {
        f"'{name}" if name == FORMULA else name: logged[name] for name in {*LABELS, FORMULA}
    }
    assert (rows[f"'{FORMULA}"]["moved"], rows[f"'{FORMULA}"]["new"], rows[f"'{FORMULA}"]["retired"]) == (
        "yes",
        "yes",
        "",
    )


def test_labels_wanted(pack: Path, place: Place, store: Store) -> None:
    """Filled in by people it is a file of labels, and the inclusions weigh the drawn back to the whole week."""
    rows = table(pack, "labels_wanted.csv")
    assert len(rows) == 60
    assert {row["why"] for row in rows} == {"its answer moved", "to weigh the rest"}
    week = json.loads((pack / "data_window.json").read_text())["week"]
    logged = sum(row["status"] == 200 and week["from"] <= row["time"].isoformat() < week["to"] for row in place.written)
    assert sum(1 / float(row["inclusion"]) for row in rows) == pytest.approx(logged, rel=1e-6)
    assert any(row["request_id"].startswith("'-") for row in rows)
    filled = [row | {"label": f"'{FORMULA}", "labelled_at": NOW.isoformat(), "annotator": "ann"} for row in rows]
    with (place.folder / "labels/filled.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(filled)
    labels(store, place.configure(), NOW + timedelta(days=1))
    with store.read() as connection:
        joined = stored.joined(connection, "ape", Window(0, hour_of(NOW) + 24))
    assert set(joined["truth"]) == {FORMULA}
    assert sorted(uid.hex() for uid in joined["uid"]) == sorted(row["uid"] for row in rows)
    assert joined["inclusion"].to_list() == pytest.approx(
        [float({row["uid"]: row["inclusion"] for row in rows}[uid.hex()]) for uid in joined["uid"]]
    )


def test_what_to_leave_out_and_hard_cases(store: Store, config: Config, place: Place, tmp_path: Path) -> None:
    """Refused lines are told with their reason; where people found another code, the surest answers come first."""
    answered = [row for row in place.written if row["status"] == 200 and row["topk"][0][0] != "10"][:20]
    lines = [f"{row['request_id']},10,audit,0.5,ann,{NOW.isoformat()}\n" for row in answered]
    (place.folder / "labels/a.csv").write_text(
        "request_id,label,source,inclusion,annotator,labelled_at\n" + "".join(lines), encoding="utf-8"
    )
    labels(store, config, NOW + timedelta(days=1))
    decide(store, config, NOW + timedelta(days=1))
    export(store, config, 1, tmp_path / "pack")
    refused = [row for row in table(tmp_path / "pack", "exclude.csv") if row["kind"] == "source"]
    assert [(row["name"], row["count"]) for row in refused] == [("api", "1")]
    hard = table(tmp_path / "pack", "hard_texts.csv")
    scores = [float(row["score"]) for row in hard]
    assert 0 < len(hard) <= min(HARD, 20)
    assert scores == sorted(scores, reverse=True)
    assert {row["truth"] for row in hard} == {"10"}
    assert "10" not in {row["answer"] for row in hard}


def test_nothing_to_weigh(store: Store, config: Config, tmp_path: Path) -> None:
    """A decision without a week of evidence has no pack, and no folder is made."""
    number = proposed(store, config)
    with pytest.raises(NoData, match="no week of evidence"):
        export(store, config, number, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_verb(
    store: Store, config: Config, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """The verb writes the files and says how to check them."""
    decide(store, config, NOW + timedelta(days=1))
    asked = ("decisions", "export", "1", "--to", str(tmp_path / "pack"), "--labels", "5")
    code, said = run(place, *asked, monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "sha256sum --check MANIFEST.sha256" in said) == (0, True), said
    assert len(table(tmp_path / "pack", "labels_wanted.csv")) == 5
    assert run(place, *asked, monkeypatch=monkeypatch, capsys=capsys)[0] != 0


def test_a_command_finds_it(place: Place, store: Store) -> None:
    """A command is told where the evidence of its decision lies, whole; it goes with the rows it tells of."""
    copy = "import json, pathlib, shutil, sys; shutil.copytree(json.load(sys.stdin)['pack'], pathlib.Path(sys.argv[1]) / 'copied')"
    config = command(place, sys.executable, "-c", copy, str(place.folder), replaced=PEOPLE)
    with store.write() as connection:
        number = propose(connection, config, "ape", NOW + timedelta(days=1), ("carla", "the nomenclature changes"))
    assert number is not None
    judge(store, number, days=1)
    assert trigger(store, config, NOW + timedelta(days=1)) == "1 of 1 approved decisions started"
    checked = subprocess.run(["sha256sum", "--check", "--strict", MANIFEST], cwd=place.folder / "copied", capture_output=True, check=False)  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    assert "Report of decision 1: what it was made from" in (place.folder / "copied" / "report.html").read_text(
        encoding="utf-8"
    )
    packs = config.data_dir / "packs"
    prune(store, config, NOW + timedelta(days=400))
    assert len(list(packs.iterdir())) == 1
    prune(store, config, NOW + timedelta(days=403))
    assert list(packs.iterdir()) == []
