"""Once a day each recipient is told what the day brought, and nothing where it brought nothing."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jobs.ingest import ingest
from jobs.letters import render
from jobs.recount import recount
from jobs.timetable import digest_slot
from monitor.alerts import Message
from monitor.config import Config
from monitor.detection.incident import Cause, Incident
from monitor.errors import ConfigError
from monitor.hysteresis import Course
from monitor.plan import Planned
from monitor.store import courses, incidents, outbox, plans, runs
from monitor.store.store import Store
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place

SLOW = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
DAY = timedelta(days=1)
ROUTES = (
    "{to: ops@stat.example, receives: [incidents, service]}",
    "{to: ops@stat.example, language: fr, receives: [incidents, service, digest]}\n  - {to: two@stat.example, receives: [digest]}",
)


@pytest.fixture
def config(place: Place, store: Store) -> Config:
    """Return settings in which two people receive the digest, at 06:30 in Paris, of a model whose logs are read."""
    config = place.configure('schedule: {digest: "06:30"}\nworking_hours: {zone: Europe/Paris}\n', replaced=ROUTES)
    place.write(40, hours=2)
    ingest(store, config, NOW)
    return config


def opened(store: Store, at: datetime) -> Incident:
    with store.write() as connection:
        return incidents.open_new(connection, Incident(0, "ape", hour_of(at) - 5, hour_of(at), "open", (SLOW,)), at)[0]


def told(store: Store, config: Config, now: datetime) -> dict[str, str]:
    """Return the text of each digest by recipient."""
    with store.read() as connection:
        rows = outbox.about(connection, "daily")
    made = {one["recipient"]: render(store, config, {**one, "facts": json.loads(one["facts"])}, now) for one in rows}
    assert {note for _, note in made.values()} <= {""}
    return {to: f"{letter.subject}\n{letter.text}" for to, (letter, _) in made.items()}


def test_nothing(store: Store, config: Config) -> None:
    """A day without an event is not told of, though nothing is known of the model yet."""
    assert recount(store, config, NOW) == "0 digests"
    assert told(store, config, NOW) == {}


def test_once(store: Store, config: Config) -> None:
    """A day is told of once to each recipient, however often the job runs; the next one again while an alarm stands."""
    slot = digest_slot(config, NOW)
    opened(store, slot - timedelta(hours=3))
    assert [recount(store, config, slot + timedelta(hours=late)) for late in (0, 1, 23)] == [
        "2 digests",
        "0 digests",
        "0 digests",
    ]
    assert set(told(store, config, NOW)) == {"ops@stat.example", "two@stat.example"}


def test_parts(store: Store, config: Config) -> None:
    """The digest tells what was opened, closed and held back, which jobs failed and what is planned, each reader in their language."""
    slot = digest_slot(config, NOW)
    us = microseconds(slot)
    with store.write() as connection:
        old, _ = incidents.open_new(connection, Incident(0, "ape", 5, 9, "open", (SLOW,)), slot - 3 * DAY)
        incidents.close(
            connection, old.id, old.revision, "fixed", "alice", reason="was mended", now=slot - timedelta(hours=9)
        )
        plans.add(connection, Planned(0, "", "deployment", us + 3_600_000_000, None, "2.5.0", "alice", us))
        plans.add(
            connection,
            Planned(0, "", "closure", us + 40 * 3_600_000_000, us + 50 * 3_600_000_000, "far away", "alice", us),
        )
        outbox.queue(
            connection,
            [Message("incident:2", "opened", 1, "mail", to, {"kind": "incident"}) for to in ("a@b.c", "d@e.f")],
            slot,
        )
        for row in outbox.waiting(connection, slot):
            outbox.hold(connection, row["id"], "maintenance release night")
        fence = runs.claim(connection, "labels", us, "here", us)
        assert fence is not None
        runs.finish(connection, ("labels", us, fence), "failed", "no such folder", "", now_us=us)
    new = opened(store, slot - timedelta(hours=3))
    assert recount(store, config, slot) == "2 digests"
    found = told(store, config, slot)
    for part in (f"#{new.id}", "ape, opened: usual latency 40 ms -> 53 ms", "ape, closed as fixed: usual",
                 "1 x  maintenance release night", "job failed: no such folder", "deployment 2.5.0, ", "0 in alarm, 1 opened, 1 closed"):  # fmt: skip
        assert part in found["two@stat.example"], part
    assert "far away" not in found["two@stat.example"]
    for part in (
        "ape, ouvert\u00a0: temps de réponse habituel",
        "Messages retenus",
        "tâche en échec\u00a0: no such folder",
        "mise en production 2.5.0",
    ):
        assert part in found["ops@stat.example"], part


def test_flapping(store: Store, config: Config) -> None:
    """What comes and goes stands in the digest while it does, also where nothing else is to tell, and not when nobody reads it any more."""
    slot = digest_slot(config, NOW)
    since = microseconds(slot - timedelta(hours=2))
    with store.write() as connection:
        course = Course("recovering", "bgbgbg", since, since, microseconds(slot) - 60_000_000, since)
        courses.put(connection, "service:source:refusing:api", course)
        courses.put(connection, "service:disk", replace(course, read_us=microseconds(slot - DAY) - 1))
    assert recount(store, config, slot) == "2 digests"
    found = told(store, config, slot)
    assert (
        "source:refusing:api  lines of source api are refused: comes and goes since Wed 02 Sep 02:30 UTC"
        in found["two@stat.example"]
    )
    assert (
        "source:refusing:api  des lignes de la source api sont refusées\xa0: va et vient depuis"
        in found["ops@stat.example"]
    )
    assert "nearly full: comes" not in found["two@stat.example"]


def test_alive(store: Store, config: Config) -> None:
    """Where there is something to tell, it says too whether Vigie works: its last tick, which jobs are late, the oldest message."""
    slot = digest_slot(config, NOW)
    us = microseconds(slot)
    opened(store, slot - timedelta(hours=3))
    with store.write() as connection:
        for job, at in (("ingest", us), ("prune", us - 9 * 86_400_000_000), ("detect", us - 3_600_000_000)):
            fence = runs.claim(connection, job, at, "here", at)
            runs.finish(connection, (job, at, fence or 0), "ok", "", "", now_us=at)
        runs.beat(connection, "here", us - 5_000_000, "1")
        outbox.queue(
            connection, [Message("test:x", "test", 1, "mail", "a@b.c", {"kind": "test"})], slot - timedelta(minutes=20)
        )
    recount(store, config, slot)
    with store.write() as connection:
        for row in outbox.waiting(connection, slot):
            if row["facts"]["kind"] == "daily":
                outbox.hold(connection, row["id"], "not of interest here")
    said = told(store, config, slot)["two@stat.example"]
    for part in (
        "Scheduler  its last tick was 5 s before this",
        "prune  late: it went well last Mon 24 Aug 04:30 UTC, and was due",
        "Never went well  summarise, labels, act, shadow, estimate, decide",
        "On time  ingest Wed 02 Sep 04:30, detect Wed 02 Sep 03:30",
        "Oldest message  waits since Wed 02 Sep 04:10 UTC",
        "Backup  Vigie makes and checks none",
    ):
        assert part in re.sub("  +", "  ", said), part
    later = told(store, config, slot + timedelta(minutes=3))["two@stat.example"]
    assert "no tick since Wed 02 Sep 04:29 UTC" in later


def test_slot(quick_place: Place) -> None:
    """The slot is the local time of config.yaml; what is no time is refused."""
    config = quick_place.configure('schedule: {digest: "23:45"}\n')
    assert digest_slot(config, NOW) == (NOW - DAY).replace(hour=23, minute=45)
    with pytest.raises(ConfigError, match="digest"):
        quick_place.configure('schedule: {digest: "24:00"}\n')
