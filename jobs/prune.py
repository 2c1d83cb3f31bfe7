"""The service will let go of what is kept no longer: texts, then rows, then hourly counts, then daily ones."""

import json
import shutil
from datetime import datetime

from jobs.summarise import summarise
from monitor.config import Config
from monitor.store import retention, sheets
from monitor.store.day_keys import DayKeys
from monitor.store.store import Store
from monitor.window import hour_of

RUN_DAYS, RANGE_DAYS = 90, 7


def prune(store: Store, config: Config, now: datetime) -> str:
    """
    Delete what is older than `privacy.text_days`, `prediction_days`, `hourly_days` and `profile_days` allow.

    Safe to run twice: the second run finds nothing. Each kind is a transaction of its own, so that readers and the
    other jobs get their turn.
    """
    summarise(store, config, now)  # rows that came late are counted before they go
    today, privacy = hour_of(now) // 24, config.privacy
    told = []
    for what, work, days in (
        ("texts", retention.texts, privacy.text_days),
        ("predictions", retention.rows, privacy.prediction_days),
        ("hourly profiles", retention.hours, privacy.hourly_days),
        ("profiles of any kind", retention.counts, privacy.profile_days),
        ("job runs", retention.runs, RUN_DAYS),
        ("ranges merged", retention.merge_ranges, RANGE_DAYS),
    ):
        with store.write() as connection:
            told.append(f"{work(connection, today - days)} {what}")
    keys = DayKeys(config.privacy.keys_in(config.data_dir), config.secret).forget(today - privacy.text_days)
    with store.write() as connection:
        files = retention.quoting_reports(connection, today - privacy.text_days)
        old = sheets.forget(connection, (today - privacy.profile_days) * retention.MICROSECONDS_PER_DAY)
    _forget_packs(config, (today - privacy.prediction_days) * retention.MICROSECONDS_PER_DAY)
    for name in [*files, *(f"reports/report-{number}.{form}" for number in old for form in ("html", "json", "md"))]:
        (config.data_dir / name).unlink(missing_ok=True)
    return ", ".join(told) + f", {len(files)} reports with texts, {keys} keys of days"


def _forget_packs(config: Config, before_us: int) -> None:
    """Delete the evidence that was written for commands: its ids lead nowhere once the rows are gone."""
    for file in sorted((config.data_dir / "packs").glob("*/decision.json")):
        if json.loads(file.read_text(encoding="utf-8"))["made_us"] < before_us:
            shutil.rmtree(file.parent)
