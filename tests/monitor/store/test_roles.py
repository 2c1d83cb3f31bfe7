"""On PostgreSQL the jobs and the dashboard can do their work with the rights they are given, and nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from jobs.detect import detect
from jobs.ingest import ingest
from jobs.prune import prune
from jobs.status import verdicts
from jobs.summarise import summarise
from jobs.watch import watch
from monitor.errors import DataRefused, StoreError
from monitor.store import actions, arrivals, feed, incidents, outbox, profiles, runs, schema
from monitor.store.roles import UNSEEN, statements
from monitor.store.store import Store
from monitor.store.tables import metadata, prediction
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened


@dataclass(frozen=True)
class Roles:
    """Hold one database as three roles see it."""

    owner: Store
    jobs: Store
    dashboard: Store
    url: str


@pytest.fixture
def roles(postgres: Any) -> Iterator[Roles]:
    """Make the two roles, and open the database as each."""
    url, mark = postgres(), uuid4().hex[:8]
    names = [f"jobs_{mark}", f"dashboard_{mark}"]
    with opened(url) as owner:
        with owner.write() as connection:
            for name in names:
                connection.execute(text(f'create role "{name}" login'))
            for statement in statements(*names):
                connection.execute(text(statement))
        urls = [make_url(url).set(username=name).render_as_string(hide_password=False) for name in names]
        stores = [Store.open(one) for one in urls]
        yield Roles(owner, *stores, url=urls[0])
        for store in stores:
            store.engine.dispose()
        with owner.write() as connection:
            for name in names:
                connection.execute(text(f'drop owned by "{name}"'))
                connection.execute(text(f'drop role "{name}"'))


def refused(store: Store, statement: str) -> bool:
    try:
        with store.write() as connection:
            connection.execute(text(statement))
    except (StoreError, DataRefused) as error:
        return "permission denied" in str(error) or "must be owner" in str(error)
    return False


def test_jobs(roles: Roles, tmp_path: Path) -> None:
    """Reading, counting, judging and letting go of old days work; tables can be neither made, changed nor dropped."""
    place = Place(tmp_path, roles.url)
    config = place.configure()
    place.write(300, hours=3 * 24)
    schema.upgrade(roles.jobs)
    assert ingest(roles.jobs, config, NOW) == "api: 300 read, 0 duplicate, 0 rejected"
    summarise(roles.jobs, config, NOW)
    detect(roles.jobs, config, NOW)
    watch(roles.jobs, config, NOW)
    assert not prune(roles.jobs, config, NOW + timedelta(days=32)).startswith("0 texts")
    for statement in ("create table mine (n integer)", 'drop table "prediction_input_before"', 'alter table "action" add column n integer',
                      "truncate prediction_row", "create or replace view prediction as select 1 as day"):  # fmt: skip
        assert refused(roles.jobs, statement), statement


def test_dashboard(roles: Roles, tmp_path: Path) -> None:
    """It reads what its pages show and no text; it adds actions and changes nothing else."""
    place = Place(tmp_path, roles.url)
    config = place.configure()
    place.write(50)
    ingest(roles.jobs, config, NOW)
    summarise(roles.jobs, config, NOW)
    schema.require(roles.dashboard)
    ((_, verdict, _),) = verdicts(roles.dashboard, config, NOW)
    assert verdict.status == "UNKNOWN"
    with roles.dashboard.read() as connection:
        assert profiles.total(connection, "ape", Window(hour_of(NOW) - 100, hour_of(NOW) + 1)).records == 50
        assert [arrivals.feed(connection)[0]["accepted"], len(connection.execute(select(prediction.c.uid)).all())] == [
            50,
            50,
        ]
        for looked in (arrivals.rejects_by_reason, outbox.latest, runs.latest, outbox.counts, runs.newest):
            looked(connection)
        assert incidents.all(connection, "ape") == []
        assert feed.masked(connection, 0) == []
    with roles.dashboard.write() as connection:
        actions.ask(connection, "login:a", "acknowledge", "1", revision=1, reason="seen", now=NOW)
    for name in metadata.tables:
        assert refused(roles.dashboard, f'select * from "{name}" limit 1') == (name in UNSEEN), name
        assert refused(roles.dashboard, f'delete from "{name}"'), name
        assert refused(roles.dashboard, f'insert into "{name}" default values') or name == "action", name
    assert refused(roles.dashboard, "select vigie_drop_days('prediction_row', 99999)")
    assert refused(roles.dashboard, "select vigie_make_day(20000)")
