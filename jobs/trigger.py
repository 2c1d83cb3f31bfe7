"""The service will start what an approved decision names, at most once."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from jobs import bound
from jobs.export import MANIFEST, export
from monitor.alerts import Message
from monitor.config import Config
from monitor.delivery.triggers import KNOW_OUR_KEY, Order, Outcome, start
from monitor.errors import NoData
from monitor.said import Said
from monitor.settings import Call, Command
from monitor.store import calls, decisions, outbox
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, microseconds

DEADLINE_SECONDS = 3000
CUT = "Vigie ended during the call: did it start?"
KEPT_VARIABLES = ("PATH", "LANG", "HOME", "TZ")
Start = Callable[[Call, Order, datetime], Outcome]


def trigger(store: Store, config: Config, now: datetime, start: Start = start) -> str:
    """
    Start what people approved; a call that was begun is never begun again, whatever happened to it.

    The digest is computed again before the call: where anything it binds changed since, or after a day, nothing is
    called and the decision expires. This job runs once at a time: a call that has no end when it begins was cut. It is
    repeated under the same key where the target knows that, for a day; elsewhere people are told that nobody knows
    whether it started.
    """
    with store.write() as connection:
        decisions.expire(connection, now)
        cut = calls.open(connection)
        waiting = [one for one in decisions.in_state(connection, "approved") if one["call"] is None]
    ends = [_repeat(store, config, one, now, start) for one in cut]
    ends += [_first(store, config, one["id"], now, start) for one in waiting]
    line = f"{ends.count('started')} of {len(waiting) + len(cut)} approved decisions started"
    for state, words in (("recorded", "only put on record"), ("again", "to be called again"), ("expired", "expired"),
                         ("failed", "failed"), ("in_doubt", "in doubt")):  # fmt: skip
        line += f", {ends.count(state)} {words}" if state in ends else ""
    return line


def key_of(one: dict[str, Any]) -> str:
    """
    Return the name under which a target knows a decision: its number, and of its digest what tells databases apart.

    >>> key_of({"id": 31, "digest": "0123456789abcdef"})
    'vigie-31-01234567'
    """
    return f"vigie-{one['id']}-{one['digest'][:8]}"


def _first(store: Store, config: Config, number: int, now: datetime, start: Start) -> str:
    _write_pack(store, config, number)  # before the call is begun: what fails here starts nothing
    with store.write() as connection:
        one = decisions.get(connection, number)
        why = bound.unfit(connection, config, one, now) if one["state"] == "approved" else []
        if why:
            reason = f"changed since it was proposed: {', '.join(why)}"
            decisions.move(connection, one, "expired", actor="vigie", reason=reason, now=now)
            return "expired"
        if not calls.begin(connection, one, now):
            return "held"
        if one["recommendation"] != "retrain" or one["trigger"] is None:
            calls.end(connection, number, "recorded", "nothing to run: the decision is on record", now=now)
            return "recorded"
    return _call(store, config, one, now, start)


def _repeat(store: Store, config: Config, one: dict[str, Any], now: datetime, start: Start) -> str:
    """Call again what was cut where that is harmless and still approved; else leave it to people."""
    age_us = microseconds(now) - max(given["at_us"] for given in one["approvals"])
    with store.write() as connection:
        kind = (one["trigger"] or {}).get("kind")
        fits = kind in KNOW_OUR_KEY and age_us <= decisions.APPROVED_HOURS * MICROSECONDS_PER_HOUR
        if not fits or bound.unfit(connection, config, one, now) or not calls.again(connection, one["id"]):
            said = one["call"]["answer"]
            _end(connection, config, one, Outcome("in_doubt", f"{said}: did it start?" if said else CUT), now=now)
            return "in_doubt"
    return _call(store, config, one, now, start)


def _call(store: Store, config: Config, one: dict[str, Any], now: datetime, start: Start) -> str:
    named = config.triggers[one["trigger"]["name"]]
    if isinstance(named, Command):
        outcome = _run(named.command, one, _pack(config, one))
    else:
        outcome = start(named, Order(key_of(one), _facts(one), one["call"] is not None), now)
    with store.write() as connection:
        _end(connection, config, one, outcome, now=now)
    return outcome.state


def _facts(one: dict[str, Any]) -> dict[str, Any]:
    """Return what a receiver is told: numbers and names, the same at every repeat; no text anybody logged but the version's name."""
    evidence = {
        name: one["evidence"].get(name) for name in ("probability", "benefit", "weekly_loss", "horizon_weeks", "labels")
    }
    data = {name: one[name] for name in ("id", "model", "champion", "recommendation", "digest", "requester")}
    return {"type": "vigie.retraining.approved", "data": {**data, "key": key_of(one), "evidence": evidence}}


def _end(connection: Connection, config: Config, one: dict[str, Any], outcome: Outcome, *, now: datetime) -> None:
    if outcome.state == "again":
        calls.note(connection, one["id"], outcome.said)
        return
    ended = calls.end(connection, one["id"], outcome.state, outcome.said, now=now)
    if not ended or outcome.state != "in_doubt":
        return
    subject = f"decision:{one['id']}"
    number, key, line = one["id"], key_of(one), outcome.said
    what = Said(
        f"{one['model']}, decision {number}: was {key} started?",
        "watch.started",
        model=one["model"],
        number=number,
        key=key,
    )
    do = Said(f"look whether it started, then say so: vigie decisions started {number} --reason ... or vigie decisions fail {number} "
              "--reason ...; it is not called again", "watch.started_do", number=number)  # fmt: skip
    facts = {
        "kind": "service",
        "what": what,
        "line": line,
        "do": do,
        "said_what": what.record(),
        "said_do": do.record(),
    }
    facts |= {"said": line.record()} if isinstance(line, Said) else {}
    told = [route for route in config.routes if {"decisions", "service"} & set(route.receives)]
    outbox.queue(connection, [Message(subject, outcome.state, 1, route.channel, route.recipient, {**facts, "language": route.language})
                              for route in told], now)  # fmt: skip


def _pack(config: Config, one: dict[str, Any]) -> Path:
    return config.data_dir / "packs" / key_of(one)


def _write_pack(store: Store, config: Config, number: int) -> None:
    """Write the evidence where a command finds it; without a week of evidence there is none."""
    with store.read() as connection:
        one = decisions.get(connection, number)
    if one["recommendation"] != "retrain" or (one["trigger"] or {}).get("kind") != "command":
        return
    shutil.rmtree(_pack(config, one), ignore_errors=True)  # of a try that was cut
    with suppress(NoData):
        export(store, config, number, _pack(config, one))


def _run(command: tuple[str, ...], one: dict[str, Any], pack: Path) -> Outcome:
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    try:
        told = {**one, "key": key_of(one), "pack": str(pack) if (pack / MANIFEST).is_file() else None}
        done = subprocess.run(command, input=json.dumps(told, default=str).encode(), env=environment,
                              capture_output=True, timeout=DEADLINE_SECONDS, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        said = Said(
            f"no answer within {DEADLINE_SECONDS} s: did it start?", "watch.no_answer", seconds=DEADLINE_SECONDS
        )
        return Outcome("in_doubt", said)
    except OSError as error:
        return Outcome("failed", str(error))
    output = (done.stdout + done.stderr).decode("utf-8", "replace")[-500:].strip()
    return (
        Outcome("started", output) if done.returncode == 0 else Outcome("failed", f"exit {done.returncode}: {output}")
    )
