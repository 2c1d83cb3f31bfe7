"""The service will run the configured command of an approved decision, at most once."""

import json
import os
import subprocess
from datetime import datetime
from typing import Any

from monitor.config import Config
from monitor.settings import Retraining
from monitor.store import decisions
from monitor.store.store import Store

DEADLINE_SECONDS = 3000
KEPT_VARIABLES = ("PATH", "LANG", "HOME", "TZ")


def trigger(store: Store, config: Config, now: datetime) -> str:
    """
    Start what people approved; a call that was begun is never begun again, whatever happened to it.

    The digest is computed again before the call: a command changed in config.yaml since the approval starts nothing, nor
    does an approval older than a day.
    """
    with store.write() as connection:
        decisions.expire(connection, now)
        waiting = decisions.approved(connection)
    started = sum(_start(store, config, one, now) for one in waiting)
    return f"{started} of {len(waiting)} approved decisions started"


def _start(store: Store, config: Config, one: dict[str, Any], now: datetime) -> bool:
    settings = config.retraining.get(one["model"], Retraining())
    parts = {name: one[name] for name in ("model", "recommendation", "evidence", "requester")}
    digest = decisions.digest_of({**parts, "trigger": list(settings.trigger_command)})
    with store.write() as connection:
        if not decisions.begin_call(connection, one["id"], now):
            return False
    if digest != one["digest"]:
        state, answer = "failed", "config.yaml or the evidence changed after the approval"
    elif one["recommendation"] != "retrain" or not settings.trigger_command:
        state, answer = "started", "nothing to run: the decision is on record"
    else:
        state, answer = _run(settings.trigger_command, one)
    with store.write() as connection:
        decisions.end_call(connection, one["id"], state, answer, now)
    return state == "started"


def _run(command: tuple[str, ...], one: dict[str, Any]) -> tuple[str, str]:
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        done = subprocess.run(command, input=json.dumps(one, default=str).encode(), env=environment, capture_output=True,
                              timeout=DEADLINE_SECONDS, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return "in_doubt", f"no answer within {DEADLINE_SECONDS} s: did it start?"
    except OSError as error:
        return "failed", str(error)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")[-500:].strip()
    return ("started", said) if done.returncode == 0 else ("failed", f"exit {done.returncode}: {said}")
