"""What Vigie reads of itself is told when it is bad for long enough, once, and once more when it is over."""

from collections import namedtuple
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.ingest import ingest
from jobs.notify import notify
from jobs.rebuild import rebuild
from jobs.status import verdicts
from jobs.summarise import summarise
from jobs.tell import Alert
from jobs.unwell import unwell
from jobs.watch import watch
from monitor.alerts import Message
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.profiles.profile import Key, Profile
from monitor.said import Said
from monitor.store import feed, incidents, outbox, profiles, runs, service_alerts
from monitor.store.store import Store
from monitor.verdict import Verdict
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place
from tests.jobs.relay import Relay
from tests.jobs.story import snapshot
from tests.jobs.test_gather import to

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Disk = namedtuple("Disk", "total used free")


def disk(free: float, gib: float = 1000) -> Any:
    """Return what measures a disk of so many GiB of which so much is free."""
    whole = gib * 1024**3
    return lambda _: Disk(whole, whole * (1 - free), whole * free)


def at(start: datetime, minutes: int) -> Iterator[datetime]:
    return (start + n * MINUTE for n in range(minutes))


def told(store: Store, subject: str) -> list[tuple[str, str]]:
    """Return to whom each event of an alert was told."""
    with store.read() as connection:
        return [(row["event"], row["recipient"].partition("@")[0]) for row in outbox.about(connection, subject)]


def words_of(relay: Relay) -> str:
    """Return all that was mailed, on one line."""
    return " ".join(" ".join(mail.get_body(("plain",)).get_content().split()) for mail in to(relay))  # type: ignore[union-attr]


def runs_well(store: Store, job: str, slot: datetime, state: str = "ok") -> None:
    with store.write() as connection:
        slot_us = microseconds(slot)
        fence = runs.claim(connection, job, slot_us, "host:1:1", slot_us)
        if state != "running":
            runs.finish(connection, (job, slot_us, fence or 0), state, "", "", now_us=slot_us)


def read(store: Store, config: Config, now: datetime, **more: Any) -> set[str]:
    """Take every reading once; return what is to be told."""
    with store.write() as connection:
        found: list[Alert] = unwell(connection, config, now, more.get("models", ()), more.get("usage", disk(0.5)))
    return {one.subject for one in found}


def test_disk(store: Store, config: Config, relay: Relay) -> None:
    """Told below a tenth free, not over before 15 % are free for a quarter of an hour; a minute read twice is one reading."""
    (config.data_dir).mkdir(exist_ok=True)
    watch(store, config, NOW, usage=disk(0.09))
    watch(store, config, NOW, usage=disk(0.09))
    assert told(store, "service:disk") == []
    for now in at(NOW + MINUTE, 3):
        watch(store, config, now, usage=disk(0.09))
    assert told(store, "service:disk") == [("opened", "ops")]
    notify(store, config, NOW + 4 * MINUTE)
    assert "9% of the disk under data_dir is free (90.0 GiB)" in words_of(relay)
    for now in at(NOW + 5 * MINUTE, 30):
        watch(store, config, now, usage=disk(0.14))
    for now in at(NOW + 35 * MINUTE, 15):
        watch(store, config, now, usage=disk(0.16))
    assert len(told(store, "service:disk")) == 1
    watch(store, config, NOW + 50 * MINUTE, usage=disk(0.16))
    assert told(store, "service:disk") == [("opened", "ops"), ("closed", "ops")]
    notify(store, config, NOW + 50 * MINUTE)
    before = snapshot(store)
    for now in at(NOW + 51 * MINUTE, 30):
        watch(store, config, now, usage=disk(0.16))
    assert snapshot(store) == before


def test_no_disk(store: Store, config: Config) -> None:
    """A disk that cannot be measured is neither full nor mended."""

    def away(_: Path) -> Any:
        raise FileNotFoundError

    for now in at(NOW, 2):
        assert ("service:disk" in read(store, config, now, usage=disk(0.01))) is (now > NOW)
    for now in at(NOW + 2 * MINUTE, 30):
        assert "service:disk" in read(store, config, now, usage=away)


def test_small_disk(store: Store, config: Config) -> None:
    """Less than 5 GiB are told whatever share of the disk they are."""
    for now in at(NOW, 2):
        assert "service:disk" not in read(store, config, now, usage=disk(0.51, gib=10))
    for now in at(NOW + 2 * MINUTE, 2):
        found = read(store, config, now, usage=disk(0.49, gib=10))
    assert found == {"service:disk"}


def test_paused(store: Store, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below 5 % people are told that nothing is read, and whoever seems silent meanwhile is part of that message, unreadable disk or not."""
    silent = Verdict("SILENT", "No prediction", None, None)
    monkeypatch.setattr("jobs.watch.verdicts", lambda *_: [("ape", silent, {"last_us": microseconds(NOW)})])
    with store.write() as connection:
        unwell(connection, config, NOW, (), disk(0.04))
    watch(store, config, NOW + MINUTE, usage=disk(0.04))
    assert told(store, service_alerts.PAUSED) == told(store, "service:disk") == [("opened", "ops")]
    with store.read() as connection:
        assert [row["state"] for row in outbox.about(connection, "service:silent:ape")] == ["merged"]

    def away(_: Path) -> Any:
        raise FileNotFoundError

    watch(store, config, NOW + 2 * MINUTE, usage=away)
    assert told(store, service_alerts.PAUSED) == [("opened", "ops")]
    for now in at(NOW + 3 * MINUTE, 16):
        watch(store, config, now, usage=disk(0.06))
    assert told(store, service_alerts.PAUSED) == [("opened", "ops"), ("closed", "ops")]
    assert told(store, "service:disk") == [("opened", "ops")]


def test_disk_away(store: Store, config: Config, relay: Relay) -> None:
    """What cannot be measured for 15 minutes is told once, by name, and over with the first reading that can be taken."""

    def away(_: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    subject = "service:cannot_measure:disk"
    for now in at(NOW, 15):
        watch(store, config, now, usage=away)
    assert told(store, subject) == []
    for now in at(NOW + 15 * MINUTE, 30):
        watch(store, config, now, usage=away)
    assert told(store, subject) == [("opened", "ops")]
    notify(store, config, NOW + 45 * MINUTE)
    assert "the free space under data_dir (Permission denied)" in words_of(relay)
    watch(store, config, NOW + 46 * MINUTE, usage=disk(0.5))
    assert told(store, subject) == [("opened", "ops"), ("closed", "ops")]
    assert told(store, "service:disk") == []


def test_flapping(store: Store, config: Config, relay: Relay) -> None:
    """What comes and goes is one message more, then nothing however long it does, and is told again from six quiet readings on."""
    (config.data_dir).mkdir(exist_ok=True)
    for now in at(NOW, 2):
        watch(store, config, now, usage=disk(0.09))
    assert told(store, "service:disk") == [("opened", "ops")]
    for minute, now in enumerate(at(NOW + 2 * MINUTE, 60)):
        watch(store, config, now, usage=disk(0.09 if minute % 2 else 0.5))
    assert told(store, "service:flapping:disk") == [("opened", "ops")]
    notify(store, config, NOW + 62 * MINUTE)
    assert "disk comes and goes (9% of the disk" in words_of(relay)
    for now in at(NOW + 62 * MINUTE, 16):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:disk") == [("opened", "ops"), ("closed", "ops")]
    assert told(store, "service:flapping:disk") == [("opened", "ops")]


def test_flapping_holds_its_end(store: Store, config: Config) -> None:
    """What flaps is neither opened nor closed: what fires meanwhile is told when it stays bad, and what was told stands."""
    subject = "service:disk"
    for now, letter in zip(at(NOW, 40), "bggbggbgg" + "b" * 6, strict=False):
        watch(store, config, now, usage=disk(0.09 if letter == "b" else 0.5))
    assert told(store, "service:flapping:disk") == [("opened", "ops")]
    assert told(store, subject) == []
    watch(store, config, NOW + 15 * MINUTE, usage=disk(0.09))
    assert told(store, subject) == [("opened", "ops")]
    for now, letter in zip((NOW + n * 10 * MINUTE for n in range(2, 40)), "gbgbggg", strict=False):
        watch(store, config, now, usage=disk(0.09 if letter == "b" else 0.5))
    assert [event for event, _ in told(store, subject)] == ["opened"]  # ok by now, and flapping
    for now in (NOW + n * 10 * MINUTE for n in range(9, 13)):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, subject) == [("opened", "ops"), ("closed", "ops")]


def test_unhealthy(store: Store, config: Config) -> None:
    """Ingest without success for three periods is told, a long run is waited for, and three good readings and 15 minutes end it."""
    assert read(store, config, NOW) == set()  # it never ran: new
    runs_well(store, "ingest", NOW)
    for now in at(NOW, 3):
        assert read(store, config, now) == set()
    assert read(store, config, NOW + 3 * MINUTE) == set()  # pending
    assert read(store, config, NOW + 4 * MINUTE) == {"service:unhealthy"}
    for now in at(NOW + 5 * MINUTE, 15):
        runs_well(store, "ingest", now)
        assert read(store, config, now) == {"service:unhealthy"}
    runs_well(store, "ingest", NOW + 20 * MINUTE)
    assert read(store, config, NOW + 20 * MINUTE) == set()
    runs_well(store, "ingest", NOW + 21 * MINUTE, "running")
    for now in at(NOW + 21 * MINUTE, 11):
        assert read(store, config, now) == set()  # it works: within its deadline of ten minutes
    assert "service:unhealthy" in {one for now in at(NOW + 32 * MINUTE, 2) for one in read(store, config, now)}


def test_lane_at_work(store: Store, config: Config) -> None:
    """While the lane reads what came during a pause, jobs that wait behind it are not late."""
    for job in ("ingest", "summarise", "detect"):
        runs_well(store, job, NOW - 10 * HOUR)
    runs_well(store, "ingest", NOW, "running")
    for now in at(NOW, 9):
        assert read(store, config, now) == set()


def test_unhealthy_is_one_message(store: Store, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is read, models that seem silent are no messages of their own."""
    silent = Verdict("SILENT", "No prediction", None, None)
    monkeypatch.setattr("jobs.watch.verdicts", lambda *_: [("ape", silent, {"last_us": microseconds(NOW)})])
    runs_well(store, "ingest", NOW)
    with store.write() as connection:
        unwell(connection, config, NOW + 9 * MINUTE, (), disk(0.5))
    for now in at(NOW + 10 * MINUTE, 3):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:unhealthy") == [("opened", "ops")]
    with store.read() as connection:
        assert [row["state"] for row in outbox.about(connection, "service:silent:ape")] == ["merged"]


def test_failing_is_over(store: Store, config: Config) -> None:
    """A job that failed three times in a row is told, and one success ends it."""
    for hour in range(3):
        runs_well(store, "labels", NOW + hour * HOUR, "failed")
        watch(store, config, NOW + hour * HOUR, usage=disk(0.5))
        assert len(told(store, "service:job:labels")) == (hour == 2)
    runs_well(store, "labels", NOW + 3 * HOUR)
    watch(store, config, NOW + 3 * HOUR, usage=disk(0.5))
    assert told(store, "service:job:labels") == [("opened", "ops"), ("closed", "ops")]


def test_timeout(store: Store, config: Config) -> None:
    """One run over its deadline is told; being tried again, and failing then, does not end that, one success does."""
    subject = "service:job:report"
    runs_well(store, "report", NOW, "failed")
    watch(store, config, NOW, usage=disk(0.5))
    assert told(store, subject) == []
    runs_well(store, "report", NOW + HOUR)  # so that the run that is tried again is all there is
    for minute, state in enumerate(("timeout", "running", "failed", "running"), 1):
        runs_well(store, "report", NOW + DAY, state)
        watch(store, config, NOW + DAY + minute * MINUTE, usage=disk(0.5))
        with store.write() as connection:  # whoever ran it is gone
            runs.release(connection, "report", minute + 2)
        assert told(store, subject) == [("opened", "ops")], state
    runs_well(store, "report", NOW + DAY)
    watch(store, config, NOW + DAY + 10 * MINUTE, usage=disk(0.5))
    assert told(store, subject) == [("opened", "ops"), ("closed", "ops")]


@pytest.mark.parametrize(
    ("lines", "refused", "is_told"),
    [(1000, 11, True), (1000, 10, False), (1000, 9, False), (100, 9, False), (100, 10, True), (10_000, 101, True)],
)
def test_refused(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch, lines: int, refused: int, is_told: bool
) -> None:
    """More than 1 % of the newest lines, and ten at least, are told; the end comes at half a percent."""
    seen = [(lines, refused, "bad_label")]
    monkeypatch.setattr(feed, "refused", lambda *_: seen[0])
    subject = "service:source:refusing:api"
    for now in at(NOW, 3):
        found = read(store, config, now)
    assert (subject in found) is is_told
    if not is_told:
        return
    for share, minutes in ((0.006, 30), (0.005, 15)):
        seen[0] = (1000, int(1000 * share), "bad_label")
        for now in at(NOW + (3 if share > 0.005 else 33) * MINUTE, minutes):
            assert subject in read(store, config, now)
    assert subject not in read(store, config, NOW + 48 * MINUTE)


def test_stuck(store: Store, config: Config) -> None:
    """A message that waits longer than 15 minutes is told once, however many wait, and it is over when nothing waits any more."""
    config = config.model_copy(update={"routes": config.routes[:1]})
    with store.write() as connection:
        outbox.queue(
            connection,
            [Message(f"weekly:{n}", "weekly", 1, "mail", "x@stat.example", {"kind": "weekly"}) for n in range(3)],
            NOW,
        )
    for now in at(NOW, 16):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:outbox") == []
    for now in at(NOW + 16 * MINUTE, 20):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:outbox") == [("opened", "ops")]
    with store.write() as connection:
        for row in outbox.due(connection, NOW + DAY):
            outbox.release(connection, row["id"], "gone", NOW)
    for now in at(NOW + 40 * MINUTE, 16):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:outbox") == [("opened", "ops"), ("closed", "ops")]


def test_stuck_mail(store: Store, place: Place) -> None:
    """What tells that mail is stuck is laid down in the run that could not send it, though the rest waits for its hour; once."""
    config = place.configure(
        replaced=(
            "delivery: {file_drop: mails}",
            "delivery: {fallback: {file_drop: aside}, smtp: {host: 127.0.0.1, port: 1, starttls: never}}",
        )
    )
    weekly = Message("weekly:ape", "weekly", 1, "mail", "x@stat.example", {"kind": "test"})
    with store.write() as connection:
        outbox.queue(connection, [weekly], NOW)
    for now in at(NOW + 16 * MINUTE, 2):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:outbox") == [("opened", "ops")]
    assert notify(store, config, NOW + 18 * MINUTE) == "0 messages sent, 2 failed, 1 laid down as files"
    notify(store, config, NOW + 19 * MINUTE)
    [file] = (place.folder / "aside").rglob("*.eml")
    assert "messages wait longer than 15 minutes" in file.read_text()


def test_dead(store: Store, config: Config, relay: Relay) -> None:
    """Messages that are dead are told, once a day on which some died, whatever died before."""
    relay.answers = ["550 no", "550 no"]
    for number in range(2):
        message = Message(f"weekly:{number}", "weekly", 1, "mail", "gone@stat.example", {"kind": "test"})
        with store.write() as connection:
            outbox.queue(connection, [message], NOW)
    notify(store, config, NOW)
    for now in (NOW + MINUTE, NOW + 2 * MINUTE, NOW + 20 * HOUR, NOW + 3 * DAY):
        watch(store, config, now, usage=disk(0.5))
    assert told(store, "service:dead") == [("opened", "ops")]
    notify(store, config, NOW + 3 * MINUTE)
    assert "2 messages of a day are dead, the newest to gone@stat.example" in words_of(relay)
    relay.answers = ["550 no"]
    with store.write() as connection:
        outbox.retry(connection, 1)
    notify(store, config, NOW + 3 * DAY)
    watch(store, config, NOW + 3 * DAY + MINUTE, usage=disk(0.5))
    assert told(store, "service:dead") == [("opened", "ops")] * 2


def test_wrong_profiles(store: Store, place: Place, config: Config) -> None:
    """Hours whose profiles were not those of their rows are told in the transaction that mends them, and a right store tells nothing."""
    place.write(200, hours=30)
    now = NOW + DAY
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    rebuild(store, config, now)
    assert told(store, "service:profiles:ape") == []
    first = hour_of(NOW) // 24 * 24
    with store.write() as connection:
        for hour in (first + 2, first + 3):
            profiles.replace(connection, "ape", [hour], {Key("ape", "", hour): Profile()})
    assert rebuild(store, config, now) == "ape: 24 hours checked, 2 differed"
    assert told(store, "service:profiles:ape") == [("opened", "ops")]
    assert rebuild(store, config, now) == "ape: 24 hours checked, 0 differed"
    assert len(told(store, "service:profiles:ape")) == 1


def test_overdue(store: Store, config: Config) -> None:
    """Labels that are too old are told to whoever receives decisions; a model that never had an audit urges nobody."""
    (whole,) = verdicts(store, config, NOW)
    assert whole[2]["accuracy"].key == "standing.no_audit"
    old = Said("the newest audit is 40 days old (limit 28)", "standing.old_audit", days=40, limit=28)
    for now in at(NOW, 3):
        assert read(store, config, now, models=[whole]) == set()
    for now in at(NOW + 3 * MINUTE, 2):
        found = read(store, config, now, models=[("ape", whole[1], {"accuracy": old})])
    assert found == {"service:labels:ape"}
    for now in at(NOW + 5 * MINUTE, 16):
        found = read(store, config, now, models=[("ape", whole[1], {"accuracy": None})])
    assert found == set()


def test_budget_spent(store: Store, config: Config, relay: Relay) -> None:
    """Two false alarms of a model in a quarter are told to the owner once; those of the quarter before do not count."""
    for number, when in enumerate((datetime(2026, 6, 30, 23, tzinfo=NOW.tzinfo), NOW, NOW + HOUR)):
        with store.write() as connection:
            hour = hour_of(when)
            one, _ = incidents.open_new(connection, Incident(0, "ape", hour - 5 - number, hour, "open", ()), when)
            incidents.close(connection, one.id, None, "false_alarm", "alice", reason="noise", now=when)
        watch(store, config, NOW + (number + 2) * HOUR, usage=disk(0.5))
        assert told(store, "service:budget:ape") == ([("opened", "owner")] if number == 2 else [])
    watch(store, config, NOW + 20 * DAY, usage=disk(0.5))
    assert len(told(store, "service:budget:ape")) == 1
    notify(store, config, NOW + 5 * HOUR)
    (mail,) = to(relay, "owner@stat.example")
    assert "2 incidents of this quarter were closed as false alarms" in str(mail.get_body(("plain",)))


def test_newest_lines(place: Place, store: Store) -> None:
    """Refused lines are counted over the newest thousand or a quarter of an hour, whichever reaches further, by what ingest read."""
    config = place.configure()
    place.write(1200)
    ingest(store, config, NOW)
    with place.log.open("a", encoding="utf-8") as log:
        log.writelines('{"vigie": 1, "time": "2026-09-01T10:00:00", "text": "a", "topk": []}\n' for _ in range(30))
    later = NOW + 2 * HOUR
    ingest(store, config, later)
    with store.read() as connection:
        assert feed.refused(connection, "api", later) == (1230, 30, "no_time_zone")
        assert feed.refused(connection, "api", later + DAY + MINUTE)[0] == 0
        assert feed.refused(connection, "other", later) == (0, 0, "")
