"""Serve the real dashboard on real stores, and open it in a real browser."""

import os
import random
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from jobs.decide import decide
from jobs.detect import detect
from jobs.estimate import estimate
from jobs.ingest import ingest
from jobs.notify import notify
from jobs.pin import pin
from jobs.report import report
from jobs.summarise import summarise
from monitor.alerts import messages
from monitor.config import Config, load
from monitor.detection.incident import Incident
from monitor.line import Lines
from monitor.store import estimates, incidents, outbox, schema, shadow
from monitor.store.store import Store
from monitor.window import Window, hour_of

EVIL_LABEL = "<b>47</b>![x](http://outside.example/a.png) $x^2$"
EVIL_CALLER = "<img src=http://outside.example/b.png onerror=alert(1)>"
EVIL_TEXT = "<script>alert(1)</script> [click](javascript:alert(1)) :material/delete: {weight} =1+1"
DAYS, CHANGED_DAYS = 32, 4


@dataclass(frozen=True)
class Served:
    """Hold where a dashboard listens, and its folder."""

    base: str
    folder: Path
    config: Config


def configure(folder: Path, port: int, more: str = "") -> Config:
    """Write a config.yaml for a hostile or an empty world."""
    (folder / "config.yaml").write_text(
        f"""\
data_dir: data
models:
  ape:
    classes: 4
    thresholds: [{{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}}]
    segment: caller
sources:
  api: {{files: "logs/ape.jsonl*", format: vigie_line, identity: by_request_id, model: ape}}
routes:
  - {{to: ops@stat.example, receives: [incidents, weekly, decisions, service], texts: redacted}}
delivery: {{file_drop: mails}}
dashboard: {{port: {port}}}
health: {{port: 0}}
{more}""",
        encoding="utf-8",
    )
    return load(folder / "config.yaml")


def hostile_logs(folder: Path, until: datetime) -> None:
    """Write a month of quiet traffic with markup in every name, then four days in which one answer takes over."""
    draw = random.Random(5)
    begin = until - timedelta(days=DAYS)
    lines = Lines(None, model="ape", text="full", where=folder / "logs/ape.jsonl", threaded=False, instance="i")
    for number in range(DAYS * 24 * 12):
        when = begin + timedelta(minutes=5 * number)
        changed = when > until - timedelta(days=CHANGED_DAYS) and draw.random() < 0.5
        label = EVIL_LABEL if changed else draw.choice(["10", "62", EVIL_LABEL, "56"])
        lines.write(time=when, request_id=str(number), caller=draw.choice([EVIL_CALLER, "desk"]), status=200,
                    latency_ms=draw.lognormvariate(3, 0.4), text=f"{EVIL_TEXT} {draw.choice('abcdef')}",
                    topk=[[label, round(draw.uniform(0.4, 0.99), 4)]])  # fmt: skip
    lines.close()


def run_everything(config: Config, now: datetime) -> None:
    """Run the jobs in their order, as the scheduler would."""
    store = Store.open(config.database)
    schema.upgrade(store)
    ingest(store, config, now)
    summarise(store, config, now)
    end = hour_of(now) - 24 * CHANGED_DAYS
    pin(store, config, now, "ape", Window(end - 28 * 24 + 3, end), by="local", reason="four quiet weeks")
    detect(store, config, now)
    for job in (estimate, decide, report, notify):
        job(store, config, now)
    with store.write() as connection:  # as if people had labelled the reference
        estimates.keep_calibration(connection, "ape", (0.8,) * 200, 500)
        estimates.put(connection, [{"model": "ape", "day": end // 24, "name": "wrong_automatic", "basis": "estimated", "value": 17.0,
                                    "low": 9.0, "high": 25.0, "size": 90.0, "note": ""}])  # fmt: skip
    store.engine.dispose()


@contextmanager
def served(folder: Path, config: Config) -> Iterator[Served]:
    """Start `python -m dashboards.app` and wait until it answers."""
    base = f"http://127.0.0.1:{config.dashboard.port}"
    with open(folder / "dashboard.log", "wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "dashboards.app", "--config", str(config.path)],
                                 stdout=log, stderr=log)  # fmt: skip
    try:
        for _ in range(400):
            try:
                with urllib.request.urlopen(f"{base}/healthz", timeout=5) as answer:
                    answer.read()
                break
            except OSError:
                assert child.poll() is None, (folder / "dashboard.log").read_text()
                with pytest.raises(subprocess.TimeoutExpired):
                    child.wait(0.1)
        yield Served(base, folder, config)
    finally:
        child.terminate()
        child.wait(20)


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a store whose labels, texts and callers are made of markup, with an incident about them."""
    folder = tmp_path_factory.mktemp("hostile")
    now = datetime.now(UTC)
    config = configure(folder, free_port())
    hostile_logs(folder, now)
    run_everything(config, now)
    with served(folder, config) as one:
        yield one


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a store in which nothing has happened yet."""
    folder = tmp_path_factory.mktemp("empty")
    with served(folder, configure(folder, free_port())) as one:
        yield one


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Served]:
    """Serve a store whose only challenger could not be started."""
    declared = f"shadow: {{trusted_roots: [models]}}\nchallengers: {{next: {{of: ape, path: models/next, sha256: {'d' * 64}}}}}\n"
    config = configure(tmp_path, free_port(), declared)
    store = Store.open(config.database)
    schema.upgrade(store)
    with store.write() as connection:
        shadow.note_trouble(connection, "d" * 64, "next", "ape", why="could not be started (<b>timeout</b>)", now_us=0)
    store.engine.dispose()
    with served(tmp_path, config) as one:
        yield one


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Served]:
    """Serve a store with incidents of three models that were told in one message."""
    now = datetime.now(UTC)
    config = configure(tmp_path, free_port())
    store = Store.open(config.database)
    schema.upgrade(store)
    with store.write() as connection:
        for model in ("ape", "nace", "isco"):
            one, change = incidents.open_new(
                connection, Incident(0, model, hour_of(now) - 9, hour_of(now), "open", ()), now
            )
            outbox.queue(connection, messages(change, one, config.routes), now)
    notify(store, config, now)
    store.engine.dispose()
    with served(tmp_path, config) as one_served:
        yield one_served


@pytest.fixture(scope="module")  # while it runs this thread has a running loop, which other tests must not meet
def browser() -> Iterator[BrowserContext]:
    """
    Start Debian's Chromium, whose pages share a cache as those of one person do.

    Without one the tests of the screen are skipped, which the project's gate refuses.
    """
    where = shutil.which("chromium")
    if where is None:
        assert "VIGIE_GATE" not in os.environ, "the gate needs a browser: apt install chromium"
        pytest.skip("no chromium here: apt install chromium")
    with sync_playwright() as started:
        one = started.chromium.launch(executable_path=where, args=["--no-sandbox", "--disable-background-networking"])
        yield one.new_context(viewport={"width": 1280, "height": 1000})
        one.close()
