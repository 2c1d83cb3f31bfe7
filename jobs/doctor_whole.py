"""Put all examinations together, each where it can be made."""

from datetime import datetime, timedelta
from typing import Any

from jobs.bound import settings_of
from jobs.doctor import LOOK_BACK_DAYS, Finding, examine, of_runners, of_ways
from jobs.doctor_lines import of_lines, slot_too_long, unread
from jobs.doctor_machine import mount_table, of_clock, of_machine, usage
from jobs.doctor_tables import of_objects, of_table
from monitor.config import Config
from monitor.store import symptoms
from monitor.store.store import Store
from monitor.window import hour_of, microseconds


def diagnosed(store: Store | None, config: Config, now: datetime) -> list[Finding]:
    """Return every finding; without a database what machine and files tell."""
    found = [*of_machine(config, mount_table(), usage), *of_ways(config)]
    if store is not None:
        found += [*of_clock(store, now), *examine(store, config, now)]
        with store.read() as connection:
            found += of_runners(connection, settings_of(config), now)
    since = now - timedelta(days=LOOK_BACK_DAYS)
    for source in config.sources.values():
        marks: list[Any] = []
        refusals, counts = [], dict.fromkeys(("lines_read", "lines_rejected", "lines_half"), 0)
        if store is not None:
            with store.read() as connection:
                refusals = symptoms.refusals(connection, source.name, hour_of(since) // 24)
                counts = symptoms.counted(connection, source.name, microseconds(since))
                marks = list(symptoms.files(connection, source.name))
            found += unread(source, marks, microseconds(now))
        found += [*of_table(source, marks), *of_objects(source, marks)]
        found += [*of_lines(source, refusals, counts), *slot_too_long(source, config.schedule.ingest_seconds)]
    return found
