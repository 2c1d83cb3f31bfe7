"""Somebody outside notices when Vigie itself stands still: the watchdog mails, and the sign of life stops."""

import http.server
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from prometheus_client.parser import text_string_to_metric_families

from jobs import alive, watchdog
from jobs.demo.mailbox import free_port
from jobs.health import Health
from jobs.lookout import Lookout
from jobs.timetable import JOBS
from monitor.alerts import Message
from monitor.config import Config
from monitor.store import outbox, runs
from monitor.store.store import Store
from monitor.window import microseconds
from tests.conftest import NOW, Place, environment, opened


def beat(store: Store, now: datetime) -> None:
    """Complete a tick."""
    with store.write() as connection:
        runs.beat(connection, "here:1:1", microseconds(now), "1")


def everything_done(store: Store, config: Config, now: datetime, but: str = "") -> None:
    """Have the newest slot of every job but one end well."""
    with store.write() as connection:
        for job in JOBS:
            if job.name != but:
                slot_us = microseconds(job.slot(config, now))
                fence = runs.claim(connection, job.name, slot_us, "here:1:1", microseconds(now))
                if fence is not None:
                    runs.finish(connection, (job.name, slot_us, fence), "ok", "", "", now_us=microseconds(now))


def queue(store: Store, now: datetime) -> None:
    """Have a message wait."""
    with store.write() as connection:
        outbox.queue(connection, [Message("service:x", "opened", 1, "mail", "ops@stat.example", {})], now)


def mails(place: Place) -> list[str]:
    """Return what lies in the drop."""
    return [file.read_text(encoding="utf-8") for file in sorted((place.folder / "mails").rglob("*.eml"))]


def test_told_hourly(place: Place, store: Store) -> None:
    """A scheduler that stands still is told of once an hour, to who receives service; one that ticks is not."""
    config = place.configure()
    beat(store, NOW)
    assert watchdog.look(config, NOW + timedelta(seconds=115)) == []
    late = NOW + timedelta(minutes=3)
    found = watchdog.look(config, late)
    assert found == ["the scheduler does not work: its last tick was Wed 02 Sep 12:30 UTC"]
    told = [watchdog.tell(config, found, late + timedelta(minutes=minutes)) for minutes in (0, 5, 59, 60)]
    assert told == ["1 of 1 told", "told within the last hour", "told within the last hour", "1 of 1 told"]
    assert [one.count("To: ops@stat.example") for one in mails(place)] == [1, 1]
    assert "\n Vigie: the scheduler does not work: its last tick was Wed 02 Sep 12:30 UTC\n" in mails(place)[0]


def test_webhooks_are_left_out(place: Place, store: Store) -> None:
    """The watchdog tells by mail alone: a webhook that receives service is nobody it could reach."""
    chat = "routes:\n  - {name: chat, webhook_file: chat, form: slack, receives: [service]}\n"
    assert watchdog.tell(place.configure(replaced=("routes:\n", chat)), ["it stands"], NOW) == "1 of 1 told"


def test_clock_of_a_tick(quick_place: Place) -> None:
    """A tick that is dated ahead is no sign of life, nor is a database on which none was ever completed."""
    config = quick_place.configure()
    with opened(quick_place.database) as store:
        assert "no scheduler ever ran" in watchdog.look(config, NOW)[0]
        beat(store, NOW)
    assert "a clock is wrong" in watchdog.look(config, NOW - timedelta(hours=1))[0]


def test_waiting_messages(place: Place, store: Store) -> None:
    """A message that waits longer than 15 minutes is told of without the queue it waits in."""
    config = place.configure()
    queue(store, NOW)
    for minutes, many in ((15, 0), (16, 1)):
        beat(store, NOW + timedelta(minutes=minutes))
        assert len(watchdog.look(config, NOW + timedelta(minutes=minutes))) == many


def test_no_database(quick_place: Place) -> None:
    """A database that is not there, or that cannot be read, is told of too."""
    config = quick_place.configure()
    assert "there is no database yet" in watchdog.look(config, NOW)[0]
    (quick_place.folder / "data").mkdir(exist_ok=True)
    (quick_place.folder / "data" / "vigie.db").write_bytes(b"no database" * 100)
    assert "not a database" in watchdog.look(config, NOW)[0]


class Kept:
    """Keep who was mailed, or refuse."""

    def __init__(self) -> None:
        self.people: list[str] = []
        self.answer = "250 kept"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.people += envelope.rcpt_tos
        return self.answer


def test_by_relay(quick_place: Place) -> None:
    """The mail goes straight to the relay; where that refuses, into the drop; where there is none, the next call tries again."""
    kept, port = Kept(), free_port()
    relay = f"smtp: {{host: 127.0.0.1, port: {port}, starttls: never}}"
    both = quick_place.configure(replaced=("delivery: {file_drop: mails}", f"delivery: {{{relay}, file_drop: mails}}"))
    alone = quick_place.configure(replaced=("delivery: {file_drop: mails}", f"delivery: {{{relay}}}"))
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        assert watchdog.tell(both, ["it stands"], NOW) == "1 of 1 told"
        assert (kept.people, mails(quick_place)) == (["ops@stat.example"], [])
        kept.answer = "554 no"
        assert watchdog.tell(both, ["it stands"], NOW + timedelta(hours=2)) == "1 of 1 told"
        assert len(mails(quick_place)) == 1
        for _ in range(2):
            assert "0 of 1 told; ops@stat.example: 554" in watchdog.tell(alone, ["it stands"], NOW + timedelta(hours=4))
    finally:
        controller.stop()


def test_verb(quick_place: Place) -> None:
    """`vigie watchdog` ends with 8 and says why, then with 0."""
    command = [sys.executable, "-m", "jobs.cli", "--config", str(quick_place.path), "watchdog"]
    with opened(quick_place.database) as store:
        bad = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
        beat(store, datetime.now(NOW.tzinfo))
        good = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (bad.returncode, good.returncode) == (8, 0)
    assert "no scheduler ever ran" in bad.stderr
    assert "1 of 1 told" in bad.stderr


def test_sign_of_life(quick_place: Place) -> None:
    """It is given every five minutes, and only while every job is in time and no message waits longer than 15 minutes."""
    file = quick_place.folder / "alive"
    config = quick_place.configure(replaced=("health: {port: 0}", "health: {port: 0, alive_file: alive}"))
    health, told = Health("127.0.0.1", 0), []
    with opened(quick_place.database) as store:
        lookout = Lookout(store, config, health, lambda one: told.append(one.health.alive_file))
        everything_done(store, config, NOW, but="prune")
        for second in range(0, 1200, 30):
            if second == 300:
                everything_done(store, config, NOW)
            if second == 900:
                queue(store, NOW - timedelta(minutes=14))
            health.ticked(second)
            lookout.look(NOW + timedelta(seconds=second), second)
        assert told == [file, file]  # at 300 and 600 s
        health.ticked(1200)
        lookout.look(NOW + timedelta(seconds=1200), 1261)  # no tick for a minute
        assert told == [file, file]


def test_late_jobs(quick_place: Place) -> None:
    """A job is late when its slot waits longer than its lane and itself may take, and not before."""
    config = quick_place.configure()
    with opened(quick_place.database) as store:
        everything_done(store, config, NOW)
        for hours, names in ((0.25, set()), (1, {"ingest", "act", "watch", "notify"}),
                             (30, {job.name for job in JOBS})):  # fmt: skip
            with store.read() as connection:
                found = alive.late(connection, config, NOW + timedelta(hours=hours))
            assert {one.split()[0] for one in found} == names


@pytest.fixture
def outside() -> Iterator[tuple[str, list[str]]]:
    """Run the other side of the switch, and yield its address and what was called."""
    called: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(404 if "gone" in self.path else 200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", called
    server.shutdown()
    server.server_close()


def test_calls(quick_place: Place, outside: tuple[str, list[str]], caplog: pytest.LogCaptureFixture) -> None:
    """The address is called and the file touched; an answer that is none is only logged."""
    url, called = outside
    more = f"health: {{port: 0, alive_url: '{url}/ape', alive_file: drop/alive}}"
    alive.tell(quick_place.configure(replaced=("health: {port: 0}", more)))
    assert Path(quick_place.folder / "drop/alive").exists()
    end = time.monotonic() + 30
    while not called:
        assert time.monotonic() < end
    assert called == ["/ape"]
    for broken in (f"{url}/gone", "http://127.0.0.1:1/"):
        alive.ping(broken)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["alive_url did not answer"] * 2


def test_probes(quick_place: Place) -> None:
    """`/readyz` and `/metrics` answer from memory what was found last; the figures are such as Prometheus reads."""
    config = quick_place.configure()
    health = Health("127.0.0.1", 0)
    with opened(quick_place.database) as store:
        everything_done(store, config, NOW)
        queue(store, NOW - timedelta(minutes=1))
        lookout = Lookout(store, config, health)
        assert health.answer("/readyz", 0.0)[0] == 503
        health.ticked(100.0)
        assert health.answer("/readyz", 100.0) == (503, "the database was not looked at yet\n")
        lookout.look(NOW, 100.0)
        health.start()
        try:
            health.ticked(time.monotonic())
            told = urllib.request.urlopen(f"http://127.0.0.1:{health.port}/metrics", timeout=10).read().decode()
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://127.0.0.1:{health.port}/nothing", timeout=10)
            assert urllib.request.urlopen(f"http://127.0.0.1:{health.port}/readyz", timeout=10).status == 200
        finally:
            health.stop()
        found = {family.name: family.samples for family in text_string_to_metric_families(told)}
        assert len(found["vigie_job_last_success_timestamp_seconds"]) == len(JOBS)
        assert found["vigie_outbox_oldest_seconds"][0].value == 60
        assert found["vigie_verdict"][0].labels == {"model": "ape", "status": "UNKNOWN"}
        assert found["vigie_incidents_open"][0].value == 0
        assert found["vigie_store_free_bytes"][0].value > 0
        assert 0 <= found["vigie_tick_age_seconds"][0].value < 60
