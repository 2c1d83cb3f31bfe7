"""The same logs give the same knowledge: on both databases, and however often the jobs run."""

import email
import random
import shutil
from collections import Counter
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest

from jobs.decide import decide
from jobs.detect import detect, pending
from jobs.estimate import estimate
from jobs.ingest import ingest
from jobs.notify import notify
from jobs.pin import pin
from jobs.rebuild import differing, mend, rebuild
from jobs.report import report
from jobs.status import verdicts
from jobs.summarise import summarise
from jobs.watch import watch
from monitor.config import Config
from monitor.errors import NoData
from monitor.store import incidents, profiles
from monitor.store.store import Store
from monitor.window import Window
from tests.conftest import NOW, Place, opened
from tests.jobs.story import snapshot

DAYS, QUIET_DAYS = 17, 15
BEGIN = datetime(2026, 8, 17, tzinfo=NOW.tzinfo)
CHANGE = BEGIN + timedelta(days=QUIET_DAYS)
END = BEGIN + timedelta(days=DAYS)
REFERENCE = Window.of(BEGIN, BEGIN + timedelta(days=14))
SETTINGS = "detection: {smallest_block: 5}\n"  # a dozen calls an hour are enough here


def unseen(draw: random.Random) -> dict[str, Any]:
    """Draw a text of words nobody knows, answered by the same unsure label."""
    text = " ".join("".join(draw.choices("bdfgklmnprstvz", k=6)) for _ in range(4))
    return {"text": text, "topk": [["62", 0.41], ["10", 0.2]], "status": 200, "error": None}


def log_story(place: Place) -> None:
    """Log fifteen usual days, then two days on which every text is new and every answer the same and unsure."""
    place.write(QUIET_DAYS * 290, seed=1, first=BEGIN, hours=QUIET_DAYS * 24)
    place.write(580, seed=2, first=CHANGE, hours=48, changed=unseen)


def pinned_story(place: Place, store: Store) -> None:
    """Log the story, read it, and pin its two usual weeks."""
    config = place.configure(SETTINGS)
    log_story(place)
    ingest(store, config, END)
    summarise(store, config, END)
    pin(store, config, END, "ape", REFERENCE, by="test", reason="two usual weeks")


def judged_story(place: Place, store: Store) -> None:
    """Run the story up to its incidents."""
    pinned_story(place, store)
    config = place.configure(SETTINGS)
    while pending(store, config, END):
        detect(store, config, END)


def run_all(store: Store, config: Config) -> None:
    """Run the jobs of a pass, with the reference pinned once."""
    ingest(store, config, END)
    summarise(store, config, END)
    pin(store, config, END, "ape", REFERENCE, by="test", reason="two usual weeks")
    while pending(store, config, END):
        detect(store, config, END)
    for job in (estimate, decide, report, watch, notify):
        job(store, config, END)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, postgres: Any) -> dict[str, tuple[Place, dict[str, list[str]]]]:
    """Run the story once on each kind of database, from the same files under the same secret."""
    found: dict[str, tuple[Place, dict[str, list[str]]]] = {}
    first: Path | None = None
    for kind in ("sqlite", "postgresql"):
        folder = tmp_path_factory.mktemp(kind)
        url = f"sqlite:///{folder}/data/vigie.db" if kind == "sqlite" else postgres()
        place = Place(folder, url)
        config = place.configure(SETTINGS)
        if first is None:
            first = folder
            log_story(place)
            assert config.secret
        else:
            shutil.copytree(first / "logs", folder / "logs")
            (folder / "data").mkdir()
            shutil.copy(first / "data/secret", folder / "data/secret")
        with opened(url) as store:
            run_all(store, config)
            found[kind] = place, snapshot(store)
    return found


def test_it_tells_something(told: Any) -> None:
    """The slice holds profiles, readings, and an incident that begins where the change does."""
    place, rows = told["sqlite"]
    assert len(rows["profile"]) > 24 * DAYS
    assert rows["reading"]
    assert rows["incident"]
    with opened(place.database) as store, store.read() as connection:
        first = incidents.all(connection)[-1]
    assert abs(first.onset_hour - Window.of(CHANGE, END).first) <= 12


@pytest.mark.parametrize("table", ["prediction", "prediction_input", "profile", "reference", "detector", "reading",
                                   "incident", "change_log", "estimate", "decision", "outbox"])  # fmt: skip
def test_same_on_both(told: Any, table: str) -> None:
    """SQLite and PostgreSQL hold the same rows, to the last bit."""
    one, other = (told[kind][1][table] for kind in ("sqlite", "postgresql"))
    if table == "prediction":
        one, other = ([row.replace(str(told[kind][0].folder), "") for row in told[kind][1][table]] for kind in told)
    assert one == other


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_twice(told: Any, kind: str) -> None:
    """Running every job again changes no row; no message is sent again."""
    place, before = told[kind]
    config = place.configure(SETTINGS)
    mails = {file: file.read_bytes() for file in place.folder.glob("mails/**/*.eml")}
    with opened(place.database) as store:
        for job in (ingest, summarise, detect, estimate, decide, report, watch, notify):
            job(store, config, END)
            assert snapshot(store) == before, job.__name__
    assert {file: file.read_bytes() for file in place.folder.glob("mails/**/*.eml")} == mails != {}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rebuilt_equals_stored(told: Any, kind: str) -> None:
    """Every stored profile is the one its rows give."""
    place, _ = told[kind]
    with opened(place.database) as store:
        assert differing(store, "ape", Window.of(BEGIN, END)) == []


def test_verdict_is_alarm(told: Any) -> None:
    """After the change the verdict is ALARM and names the incident."""
    place, _ = told["postgresql"]
    with opened(place.database) as store:
        ((model, verdict, _),) = verdicts(store, place.configure(SETTINGS), END)
    assert (model, verdict.status) == ("ape", "ALARM")
    assert verdict.incident_id is not None


def test_weekly_report(told: Any) -> None:
    """The week that ended is reported once, as a page that loads nothing and a mail to those who asked."""
    place, rows = told["postgresql"]
    (page,) = (place.folder / "data/reports").glob("weekly-ape-*.html")
    text = page.read_text(encoding="utf-8")
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert len(rows["report"]) == 1
    assert sum("weekly:ape" in row for row in rows["outbox"]) == 1


def test_letters_of_the_story(told: Any) -> None:
    """Both recipients are told of the incident; the decision goes to the owner, the week to the head; nobody sees a logged text."""
    place, _ = told["sqlite"]
    mails = [
        email.message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in place.folder.glob("mails/**/*.eml")
    ]
    to = Counter((mail["To"], mail["Subject"].split(":")[0]) for mail in mails)
    assert to["ops@stat.example", "[Vigie] ALARM ape"] == to["owner@stat.example", "[Vigie] ALARM ape"] >= 1
    assert {who for who, subject in to if subject == "[Vigie] ape"} == {"owner@stat.example", "head@stat.example"}
    texts = {row["text"] for row in place.written}
    for mail in mails:
        body = mail.get_body(("plain",)).get_content()
        assert not any(text in body for text in texts)


def test_late_lines(place: Place, store: Store) -> None:
    """Lines that come after their hour was summarised are added, and the hour equals one built at once."""
    config = place.configure()
    place.write(200, seed=1, hours=10)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    place.write(50, seed=2, first=NOW - timedelta(hours=6), hours=2)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    window = Window.of(NOW - timedelta(hours=12), NOW + timedelta(hours=1))
    assert differing(store, "ape", window) == []
    with store.read() as connection:
        assert profiles.total(connection, "ape", window).records == 250
        assert profiles.dirty(connection) == []


def test_rebuild_mends(place: Place, store: Store) -> None:
    """A profile that is not its rows' is found and replaced; the second run finds nothing."""
    config = place.configure()
    place.write(300, hours=36)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    day = Window.of(NOW - timedelta(hours=24), NOW)
    with store.write() as connection:
        hour = min(profiles.by_hour(connection, "ape", day))
        profiles.replace(connection, "ape", [hour], {})
    assert differing(store, "ape", day) == [hour]
    assert rebuild(store, config, NOW + timedelta(days=1)).endswith("differed")
    assert rebuild(store, config, NOW).startswith("ape: 24 hours checked")
    rebuild(store, config, NOW)
    assert rebuild(store, config, NOW) == "ape: 24 hours checked, 0 differed"


def test_rebuild_of_nothing(place: Place, store: Store) -> None:
    """Without profiles the job has nothing to do; a person who asks for it is told."""
    assert rebuild(store, place.configure(), NOW) == "no profiles yet"
    with pytest.raises(NoData, match="no profiles yet"):
        mend(store, "ape", REFERENCE)


def test_empty_store(place: Place, store: Store) -> None:
    """Every job of a pass has a calm answer where nothing was ever logged."""
    config = place.configure()
    before = snapshot(store)
    for job in (summarise, detect, estimate, decide, report, watch, notify):
        assert job(store, config, NOW)
    assert snapshot(store) == before
    ((_, verdict, _),) = verdicts(store, config, NOW)
    assert verdict.status == "UNKNOWN"
