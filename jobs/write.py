"""The service will write the reports that people asked for."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import Connection

from jobs.bound import settings_of
from jobs.report import report_file, tell_bursts
from monitor.config import Config
from monitor.detection.explain import Sides, labels
from monitor.errors import ConfigError, NoData, VigieError
from monitor.metrics.prediction_shift import moved_share
from monitor.report.sheet import Told, page, sheet
from monitor.report.succession import as_json, as_markdown
from monitor.report.weekly import Week
from monitor.report.words import words
from monitor.settings import Route
from monitor.store import estimates, incidents, profiles, sheets, standing
from monitor.store.references import active
from monitor.store.store import Store
from monitor.verdict import verdict
from monitor.window import Window, hour_of

LONGEST_DAYS = 400
LANGUAGES = get_args(Route.model_fields["language"].annotation)


def write(store: Store, config: Config, now: datetime) -> str:
    """
    Write the reports that wait, the oldest first; one that cannot be made keeps the reason.

    Safe to run twice: a report is made from what is stored and kept once.
    """
    with store.read() as connection:
        waiting = sheets.waiting(connection)
    made = 0
    for number in waiting:
        try:
            made_of(store, config, now, number)
            made += 1
        except VigieError as error:
            with store.write() as connection:
                sheets.fail(connection, number, now, str(error))
    return f"{made} reports written, {len(waiting) - made} not possible"


def asked(config: Config, model: str, text: list[str]) -> tuple[Window, str]:
    """
    Read what is asked for: the first and the last ISO day, and a language; en if there is none.

    Raises ConfigError for what is neither, and for a stretch of more than 400 days.
    """
    if model not in config.models:
        raise ConfigError(f"there is no model {model}", where=str(config.path))
    try:
        first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in text[:2])
    except ValueError:
        raise ConfigError("a report needs its first and last day, as in 2026-08-01 2026-08-31") from None
    language = text[2] if len(text) > 2 else "en"
    if language not in LANGUAGES:
        raise ConfigError(f"there are no words in {language}", remedy=f"one of {', '.join(LANGUAGES)}")
    if not first <= last < first + timedelta(days=LONGEST_DAYS):
        raise ConfigError(f"from {text[0]} to {text[1]} is not between 1 and {LONGEST_DAYS} days")
    return Window.of(first, last + timedelta(days=1)), language


def made_of(store: Store, config: Config, now: datetime, number: int) -> Path:
    """
    Write the page of a report that was asked for, or again the one of a report that was made, and return its path;
    of a version that took over also as JSON and Markdown, beside it.

    What it says is kept before the file is written: of two that write the same report, one counts for both files.
    """
    with store.read() as connection:
        one = sheets.get(connection, number)
        if one["state"] == "failed":
            raise NoData(f"report {number} could not be made: {one['note']}")
        made = None if one["body"] else body_of(connection, config, one, now)
    if made is not None:
        with store.write() as connection:
            sheets.settle(connection, number, now, made, hashlib.sha256(page(made).encode()).hexdigest())
            one = sheets.get(connection, number)
    file = report_file(config, f"report-{number}.html")
    file.write_bytes(page(one["body"]).encode())
    if "facts" in one["body"]:
        file.with_suffix(".json").write_text(as_json(one["body"]), encoding="utf-8")
        file.with_suffix(".md").write_text(as_markdown(one["body"]), encoding="utf-8")
    return file


def body_of(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Gather what the store knows of a report's window (`id`, model, language, first and end hour), and write it down; NoData where it knows nothing."""
    model, span = one["model"], profiles.span(connection, one["model"])
    settings = config.models.get(model)
    if settings is None:
        raise NoData(f"there is no model {model} any more")
    window = Window(one["first_hour"], max(one["first_hour"], min(one["end_hour"], hour_of(now))))
    if span is None or not window.hours or window.end <= span.first or window.first >= span.end:
        raise NoData(f"{model} has no profiles of these days", remedy="vigie once ingest summarise")
    pinned = active(connection, model)
    whole = profiles.total(connection, model, window)
    before = Window(2 * window.first - window.end, window.first)
    parts = ((before.first, profiles.total(connection, model, before)),) if before.first >= span.first else ()
    facts, _ = standing.facts(connection, settings, now, config.detection, config.ingest.silent_after_expected)
    week = Week(
        model, window, (*parts, (window.first, whole)), verdict(facts), estimates.of_week(connection, model, window),
        tuple(i for i in incidents.all(connection, model) if i.found_hour < window.end and (i.closed_hour or window.end) >= window.first),
        (), settings.minutes_per_case, settings.latency_ms_limit, tuple(tell_bursts(connection, model, window)), "sheet",
    )  # fmt: skip
    then = None if pinned is None else profiles.total(connection, model, Window(pinned.first_hour, pinned.end_hour))
    moved = [] if then is None else labels(Sides(then, whole, {}, {}, config.nomenclature(model)))
    days = [(24 * day, part) for day, part in sorted(profiles.by_day(connection, model, window).items())]
    origin = {"config": settings_of(config),
              "reference": None if pinned is None else hashlib.sha256(pinned.baseline).hexdigest()}  # fmt: skip
    told = Told(week, days, None if then is None else moved_share(whole, then), moved, origin)
    return {**sheet(one["id"], told, now, words(one["language"])), "origin": origin}
