"""The service will run the configured command of an approved decision, at most once."""

import json
import os
import subprocess
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.alerts import Message
from monitor.config import Config
from monitor.said import Said
from monitor.settings import Retraining
from monitor.store import decisions, outbox
from monitor.store.store import Store

DEADLINE_SECONDS = 3000
CUT = "Vigie ended while the command ran: did it start?"
KEPT_VARIABLES = ("PATH", "LANG", "HOME", "TZ")


def trigger(store: Store, config: Config, now: datetime) -> str:
    """
    Start what people approved; a call that was begun is never begun again, whatever happened to it.

    The digest is computed again before the call: a command changed in config.yaml since the approval starts nothing, nor
    does an approval older than a day. This job runs once at a time: a call that has no end when it begins was cut, and
    people are told that nobody knows whether it started.
    """
    with store.write() as connection:
        decisions.expire(connection, now)
        cut = decisions.calling(connection)
        for one in cut:
            _end(connection, config, one, "in_doubt", CUT, now=now)
        waiting = decisions.approved(connection)
    ends = ["in_doubt"] * len(cut) + [_start(store, config, one, now) for one in waiting]
    line = f"{ends.count('started')} of {len(waiting)} approved decisions started"
    for state, words in (("recorded", "only put on record"), ("in_doubt", "in doubt")):
        line += f", {ends.count(state)} {words}" if state in ends else ""
    return line


def _start(store: Store, config: Config, one: dict[str, Any], now: datetime) -> str:
    settings = config.retraining.get(one["model"], Retraining())
    parts = {name: one[name] for name in ("model", "recommendation", "evidence", "requester")}
    digest = decisions.digest_of({**parts, "trigger": list(settings.trigger_command)})
    with store.write() as connection:
        if not decisions.begin_call(connection, one["id"], now):
            return "held"
    if digest != one["digest"]:
        state, answer = "failed", "config.yaml or the evidence changed after the approval"
    elif one["recommendation"] != "retrain" or not settings.trigger_command:
        state, answer = "recorded", "nothing to run: the decision is on record"
    else:
        state, answer = _run(settings.trigger_command, one)
    with store.write() as connection:
        _end(connection, config, one, state, answer, now=now)
    return state


def _end(
    connection: Connection, config: Config, one: dict[str, Any], state: str, answer: str, *, now: datetime
) -> None:
    decisions.end_call(connection, one["id"], state, answer, now)
    if state != "in_doubt":
        return
    subject = f"decision:{one['id']}"
    number = one["id"]
    what = Said(f"{one['model']}, decision {number}: was its command started?", "watch.started", model=one["model"], number=number)  # fmt: skip
    do = Said(f"look whether it started, else start it yourself: it is not run again; vigie decisions show {number}",
              "watch.started_do", number=number)  # fmt: skip
    line = Said(answer, "watch.no_answer", seconds=DEADLINE_SECONDS)
    facts = {"kind": "service", "what": what, "line": answer, "do": do, "said": line.record(), "said_what": what.record(),
             "said_do": do.record()}  # fmt: skip
    told = [route for route in config.routes if {"decisions", "service"} & set(route.receives)]
    outbox.queue(connection, [Message(subject, state, 1, "mail", route.to, {**facts, "language": route.language}) for route in told], now)  # fmt: skip


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
