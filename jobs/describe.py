"""The service will ask a classifier what is new in the texts of an incident, once it is open."""

import io
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from monitor.config import Config
from monitor.detection import renewal
from monitor.detection.baseline import Baseline
from monitor.detection.incident import Incident
from monitor.report.domain_classifier import TOO_FEW
from monitor.store import incidents, predictions, references
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of

MODULE = "monitor.report.domain_classifier"
CHILD_SECONDS, YOUNG_DAYS, MORE_HOURS = 120, 14, 24
MOST_THEN, MOST_NOW, SEED = 3000, 2000, 20


def describe(store: Store, config: Config, now: datetime) -> str:
    """
    Describe the texts of every young incident that is not described yet, in a child process each.

    Safe to run twice: an incident is described once, from its first hours; with too few texts in them again, for a day. A child that fails or takes too long leaves
    its last words.
    """
    oldest = hour_of(now - timedelta(days=YOUNG_DAYS))
    with store.read() as connection:
        waiting = [one for one in incidents.all(connection, None, ("open", "recovering"))
                   if one.model in config.models and one.found_hour >= oldest and _is_due(one, hour_of(now))]  # fmt: skip
    for one in waiting:
        window = _window(one, hour_of(now))
        found = _described(store, config, one.model, window) | {"until_hour": window.end}
        with store.write() as connection:
            texts = predictions.kept_texts(connection, window, [text["text"] for text in found.get("texts", [])])
            incidents.describe(connection, one.id, found, texts)
    return f"{len(waiting)} incidents described"


def _is_due(one: Incident, hour: int) -> bool:
    """Say whether it was not described, or from too few texts while there may be more by now."""
    found = one.detail.get("classifier")
    return found is None or (found.get("why") == TOO_FEW and found["until_hour"] < _window(one, hour).end)


def _window(one: Incident, hour: int) -> Window:
    return Window(min(one.onset_hour, one.found_hour - 1), min(max(hour, one.found_hour), one.found_hour + MORE_HOURS))


def _described(store: Store, config: Config, model: str, window: Window) -> dict[str, Any]:
    with store.read() as connection:
        pinned = references.active(connection, model)
        if pinned is None:
            return {"why": "there is no reference"}
        then = renewal.usual(Baseline.from_bytes(pinned.baseline), "unknown_words")
        sides = [predictions.sample(connection, model, side, most, SEED).with_columns(_current=pl.lit(current))
                 for side, most, current in ((then, MOST_THEN, False), (window, MOST_NOW, True))]  # fmt: skip
    kept = [side for side in sides if side.height and side["text"].is_not_null().any()]
    if len(kept) < 2:
        return {"why": "the texts of one of the two times are not kept"}
    hour = pl.col("time").dt.epoch("us") // MICROSECONDS_PER_HOUR
    block = (
        pl.when(pl.col("_current")).then(hour).otherwise(hour // 24)
    )  # an hour since the onset, a day of the reference
    rows = pl.concat(kept, how="diagonal").select("text", "label", "score", "caller", "_current", block=block)
    return _asked(rows, config.privacy.shown_from_texts)


def _asked(rows: pl.DataFrame, shown_from: int) -> dict[str, Any]:
    """Let a child answer; texts go through pipes, so that no file holds them."""
    given = io.BytesIO()
    rows.write_parquet(given)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", MODULE, str(shown_from)]
    try:
        done = subprocess.run(
            command, input=given.getvalue(), env=environment, capture_output=True, timeout=CHILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return {"why": f"it took longer than {CHILD_SECONDS} s"}
    if done.returncode != 0:
        return {"why": f"the classifier failed: {done.stderr.decode('utf-8', 'replace').strip()[-200:]}"}
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
