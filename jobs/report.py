"""The service will write the weekly report, and Evidently's own report on an incident when somebody asks."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from jobs.trained import due
from monitor.alerts import Message
from monitor.config import Config
from monitor.detection import power
from monitor.detection.baseline import Baseline
from monitor.detection.burst import Burst, bursts
from monitor.detection.explain import Sides, labels
from monitor.errors import DeadlineError, NoData
from monitor.letter import Letter
from monitor.report.weekly import Week, weekly
from monitor.report.words import words
from monitor.store import decisions, estimates, incidents, outbox, plans, predictions, profiles, reports, standing
from monitor.store.references import active
from monitor.store.store import Store
from monitor.verdict import verdict
from monitor.window import Window, hour_of, microseconds

WEEK, MOST_WEEKS = 168, 13
MONDAY = 96  # hours from 1970 to its first Monday
SAMPLE, SEED = 5000, 11
CHILD_SECONDS = 120
MONTH, YEAR = 4 * WEEK, 52 * WEEK  # the same days of the week
QUIET_DUE = 5.0  # predictions due in an hour from which one without any is no chance
MOST_RISING, COMING = 3, timedelta(days=14)


def report(store: Store, config: Config, now: datetime) -> str:
    """
    Queue the report of the last whole week of every model, once.

    Safe to run twice: a week that was reported is left alone; one older than a week is not made up for.
    """
    end = (hour_of(now) - MONDAY) // WEEK * WEEK + MONDAY
    window, made = Window(end - WEEK, end), 0
    for model in config.models:
        with store.read() as connection:
            span = profiles.span(connection, model)
            done = reports.has(connection, "weekly", model, window)
        if done or span is None or span.first >= window.end:
            continue
        facts = {"kind": "weekly", "model": model, "first_hour": window.first, "end_hour": window.end}
        with store.write() as connection:
            outbox.queue(connection, [Message(f"weekly:{model}", "weekly", window.end, "mail", route.to, {**facts, "language": route.language})
                                      for route in config.routes if "weekly" in route.receives], now)  # fmt: skip
        make_weekly(store, config, now, model, window)  # last: it says that the week is done
        made += 1
    return f"{made} weekly reports"


def make_weekly(store: Store, config: Config, now: datetime, model: str, window: Window) -> Path:
    """Write the weekly report of `window` as an HTML file under data_dir/reports and return its path."""
    import base64

    letter = weekly_letter(store, config, model, window, now, language="en")  # the page that links it is in English
    page = letter.html
    for cid, picture in letter.pictures.items():
        page = page.replace(f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    file = report_file(config, f"weekly-{model}-{window.end}.html")
    file.write_text(page, encoding="utf-8")
    with store.write() as connection:
        reports.put(connection, "weekly", model, window, path=f"reports/{file.name}", state="ready", note="", now=now)
    return file


def weekly_letter(store: Store, config: Config, model: str, window: Window, now: datetime, *, language: str) -> Letter:
    """Gather the week's facts and render them in a language."""
    settings = config.models[model]
    with store.read() as connection:
        span = profiles.span(connection, model)
        if span is None:
            raise NoData(f"{model} has no profiles yet", remedy="vigie once ingest summarise")
        firsts = [
            window.first - WEEK * back
            for back in range(MOST_WEEKS - 1, -1, -1)
            if window.first - WEEK * back + WEEK > span.first
        ]
        facts, _ = standing.facts(connection, settings, now, config.detection, config.ingest.silent_after_expected)
        week = Week(
            model, window, tuple((first, profiles.total(connection, model, Window(first, first + WEEK))) for first in firsts), verdict(facts),
            estimates.of_week(connection, model, window),
            tuple(i for i in incidents.all(connection, model) if i.found_hour < window.end and (i.closed_hour or window.end) >= window.first),
            tuple(d for d in decisions.all(connection, model) if d["state"] == "proposed"), settings.minutes_per_case, settings.latency_ms_limit,
            tuple(tell_bursts(connection, model, window)), calendar=due(connection, config, model, now),
        )  # fmt: skip
        week = _beside(connection, config, week, now, span)
    return weekly(week, now, words(language))


def _beside(connection: Connection, config: Config, week: Week, now: datetime, known: Window) -> Week:
    """Add what stands beside a week: a year ago, hours of silence, what rose, what is planned, and what these figures cannot tell."""
    model, first, end = week.model, week.window.first, week.window.end
    whole, pinned, plan = week.weeks[-1][1], active(connection, model), plans.of_model(connection, model)
    rising: list[dict[str, Any]] = []
    if known.first <= first - MONTH:
        month = profiles.total(connection, model, Window(first - MONTH, first))
        rising = [row for row in labels(Sides(month, whole, {}, {}, config.nomenclature(model)))
                  if row["stands_out"] and row["now"] > row["then"]]  # fmt: skip
    quiet, limits = 0, None
    if pinned is not None:
        baseline = Baseline.from_bytes(pinned.baseline)
        answered = profiles.revisions(connection, model, week.window).keys()
        missing = set(range(max(first, known.first), end)) - answered
        quiet = sum(standing.due(baseline, hour, hour + 1, plan) >= QUIET_DUE for hour in missing)
        usual = profiles.total(connection, model, Window(pinned.first_hour, pinned.end_hour))
        limits = power.sentence(baseline, usual, config.detection)
    now_us, until_us = microseconds(now), microseconds(now + COMING)
    coming = tuple(one for one in plan if one.removed_us is None and one.from_us < until_us and (one.to_us or one.from_us) > now_us)  # fmt: skip
    year_ago = profiles.total(connection, model, Window(first - YEAR, end - YEAR))
    return replace(week, year_ago=year_ago, quiet_hours=quiet, rising=tuple(rising[:MOST_RISING]), coming=coming, limits=limits)  # fmt: skip


def tell_bursts(connection: Connection, model: str, window: Window) -> list[Burst]:
    """Return the bursts of a window against the days of the reference; none without one."""
    pinned = active(connection, model)
    if pinned is None:
        return []
    usual = profiles.by_day(connection, model, Window(pinned.first_hour, pinned.end_hour))
    return bursts(profiles.by_day(connection, model, window), usual.values())


def drill_down(store: Store, config: Config, now: datetime, number: int) -> Path:
    """
    Write Evidently's report on an incident's window against the reference, in a child process, and return its path.

    Raises DeadlineError after 120 s. When Evidently itself breaks, the report is on record as failed with its last words.
    """
    with store.read() as connection:
        one = incidents.get(connection, number)
        pinned = active(connection, one.model)
        if pinned is None:
            raise NoData(f"{one.model} has no reference")
        window = Window(one.onset_hour, max(one.found_hour, one.onset_hour + 1))
        sides = [predictions.sample(connection, one.model, w, SAMPLE, SEED).with_columns(_current=pl.lit(flag))
                 for w, flag in ((window, True), (Window(pinned.first_hour, pinned.end_hour), False))]  # fmt: skip
    unknown = (pl.col("unknown_words") / pl.col("words").clip(lower_bound=1)).alias("unknown_share")
    frame = (
        pl.concat(sides, how="diagonal")
        .with_columns(unknown)
        .select("_current", "label", "score", "text_chars", "unknown_share", "caller")
    )
    source, target = report_file(config, f"evidently-{number}.parquet"), report_file(config, f"evidently-{number}.html")
    frame.write_parquet(source)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "DO_NOT_TRACK": "1"
    }
    command = [sys.executable, "-m", "monitor.report.evidently_report", str(source), str(target)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=CHILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise DeadlineError(f"Evidently took longer than {CHILD_SECONDS} s") from None
    finally:
        source.unlink(missing_ok=True)
    said = done.stderr.decode("utf-8", "replace")[-300:]
    state = "ready" if done.returncode == 0 else "failed"
    with store.write() as connection:
        reports.put(connection, "evidently", f"incident:{number}", window, path=f"reports/{target.name}", state=state,
                    note="its thresholds are not ours" if state == "ready" else f"not available: {said}", now=now)  # fmt: skip
    if state == "failed":
        raise NoData(f"Evidently's report is not available: {said}")
    return target


def report_file(config: Config, name: str) -> Path:
    """Return where a report of this name lies; its folder is there."""
    folder = config.data_dir / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
