"""
Histories: what happens to incidents and their messages in random weeks, with jobs cut off at any change.

After every step the promises are looked at: the change log gives the incidents, every change that deserves a message has its rows, what
was sent stays sent, beginnings are told before ends, nothing is decided by hours nobody judged. At the end every job runs twice more: the
second time nothing may change. A detector that forgets to queue, and a sender that turns the order round, must be caught.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from benchmarks.histories.world import JOBS, World, prepared
from benchmarks.kill.forks import postgres
from benchmarks.outbox.relay import Relay
from benchmarks.result import Part, result
from monitor.alerts import TOLD
from monitor.store import detectors, groups, incidents
from monitor.store.store import Store
from monitor.store.tables import change_log, incident, metadata, outbox
from monitor.window import hour_of, microseconds

STEPS, DRAINS = 25, 4
FULL, QUICK = 300, 3
FINAL = {"sent", "merged", "suppressed", "dead"}
RECIPIENTS = 2


def run(quick: bool) -> dict[str, Any]:
    """Run the histories on SQLite, a tenth as many on PostgreSQL, and the two controls."""
    many = QUICK if quick else FULL
    with postgres() as made:
        found = {"sqlite": campaign(many, None)}
        if not quick:
            found["postgresql"] = campaign(many // 10, made())
    controls = {name: campaign(1 if quick else 20, None, spoil)["broken"] for name, spoil in SPOILED.items()}
    broken = sum((one["broken"] for one in found.values()), Counter[str]())
    parts = [
        Part("promises broken", 0, sum(broken.values()), "times"),
        *(
            Part(f"broken where {name}", 1, sum(told.values()), "times", at_most=False)
            for name, told in controls.items()
        ),
    ]
    return result("histories", quick, parts, {
        **{name: {**one, "broken": dict(one["broken"])} for name, one in found.items()},
        "negative_controls": {name: dict(told) for name, told in controls.items()}})  # fmt: skip


def campaign(
    many: int, address: str | None, spoil: Callable[[World], None] | None = None, first: int = 0
) -> dict[str, Any]:
    """Run so many histories on one database, from seed `first` on; `spoil` breaks something behind the product's back after each step."""
    began, broken, counted = time.monotonic(), Counter[str](), Counter[str]()
    relay = Relay("histories")
    relay.is_mended = True
    with tempfile.TemporaryDirectory(prefix="vigie-histories-") as made:
        store = Store.open(address or f"sqlite:///{made}/data/vigie.db")
        try:
            for seed in range(first, first + many):
                broken += history(prepared(store, Path(made), relay, seed), counted, spoil)
        finally:
            store.engine.dispose()
            relay.close()
    print(f"histories: {many} on {store.dialect}, {dict(broken) or 'nothing broken'}", file=sys.stderr, flush=True)
    return {"histories": many, "broken": broken, **counted, "seconds": round(time.monotonic() - began)}


def history(world: World, counted: Counter[str], spoil: Callable[[World], None] | None = None) -> Counter[str]:
    """Let one history happen; return how often which promise was broken."""
    broken, sent = Counter[str](), dict[int, Any]()
    for _ in range(STEPS):
        world.step()
        if spoil is not None:
            spoil(world)
        broken += looked_at(world, sent)
    world.hooks.is_mended = True
    for _ in range(DRAINS):
        world.now += timedelta(minutes=20)
        for job in JOBS:
            world.run(job)
    broken += looked_at(world, sent)
    before = _everything(world.store)
    for job in JOBS:
        world.run(job)
    broken["I6: what came again did not say so"] += world.hooks.unmarked
    broken["I12: a job run twice changes something"] += _everything(world.store) != before
    with world.store.read() as connection:
        counted["incidents"] += len(incidents.all(connection))
        rows = connection.execute(select(outbox.c.event, outbox.c.state)).all()
    counted.update(f"messages {row.state}" for row in rows)
    counted["calls of webhooks"] += len(world.hooks.got)
    counted["crashes"] += world.crashes
    counted["steps"] += STEPS
    return +broken


def looked_at(world: World, sent: dict[int, Any]) -> Counter[str]:
    """Look at every promise once; `sent` remembers the messages that were final before."""
    with world.store.read() as connection:
        return +Counter({
            "I3: the change log does not give the incidents": _folded_otherwise(connection),
            "I4: a change that deserves a message has none": _untold(connection),
            "I4: a message is not sent, and no reason is stored": _unexplained(connection),
            "I5: an end was told before its beginning": _disordered(connection),
            "I6: what was sent changed": _unsent(connection, sent),
            "I8: decided by an hour nobody judged": _unjudged(connection, world),
        })  # fmt: skip


def _folded_otherwise(connection: Connection) -> int:
    """Fold the change log by itself: the state after the last change, who acknowledged since the last worsening, and how it closed."""
    wrong = 0
    for row in connection.execute(select(incident)):
        log = connection.execute(
            select(change_log).where(change_log.c.subject == f"incident:{row.id}").order_by(change_log.c.sequence)
        ).all()
        acknowledged = None
        for one in log:
            acknowledged = (
                one.actor if one.change == "acknowledged" else None if one.change == "worsened" else acknowledged
            )
        told = (log[-1].after if log else None, acknowledged, row.closed_as is not None, len(log))
        chained = all(one.before == other.after for other, one in pairwise(log))
        wrong += not chained or told != (row.state, row.acknowledged_by, row.state == "closed", row.revision)
    return wrong


def _untold(connection: Connection) -> int:
    changes = Counter(
        (row.subject, row.change) for row in connection.execute(select(change_log).where(change_log.c.change.in_(TOLD)))
        if row.subject.startswith("incident:")
    )  # fmt: skip
    rows = Counter((row.subject, row.event) for row in connection.execute(select(outbox).where(outbox.c.event.in_(TOLD)))
                   if row.subject.startswith("incident:"))  # fmt: skip
    return sum(rows[key] != RECIPIENTS * many for key, many in changes.items()) + len(set(rows) - set(changes))


def _unexplained(connection: Connection) -> int:
    return sum(
        row.state in {"held", "suppressed", "merged"} and not row.suppressed_because
        for row in connection.execute(select(outbox))
    )


def _disordered(connection: Connection) -> int:
    """Count ends, and worsenings, that left although what they follow had not, by the messages that carry them."""
    wrong = 0
    for row in connection.execute(select(outbox.c.id, outbox.c.subject, outbox.c.recipient, outbox.c.event)
                                  .where(outbox.c.event != "opened", outbox.c.subject.like("incident:%"), outbox.c.sent_us.is_not(None))):  # fmt: skip
        number = int(row.subject.partition(":")[2])
        first = [
            groups.carrier(connection, one)
            for one in groups.about(connection, number, row.recipient)
            if one["event"] == "opened"
        ]
        own = groups.message(connection, row.id)
        is_behind = bool(first) and first[0]["sent_us"] is not None
        is_behind = is_behind and (first[0]["sent_us"], first[0]["id"]) <= (own["sent_us"], own["id"])
        wrong += 0 if is_behind else 1
    return wrong


def _unsent(connection: Connection, sent: dict[int, Any]) -> int:
    now = {
        row.id: (row.state, row.sent_us, row.message_id)
        for row in connection.execute(select(outbox).where(outbox.c.state == "sent"))
    }
    wrong = len([number for number, known in sent.items() if now.get(number) != known])
    sent.update(now)
    return wrong


def _unjudged(connection: Connection, world: World) -> int:
    wrong = 0
    for model in world.config.models:
        until = detectors.judged_until(connection, model) or 0
        for one in incidents.all(connection, model):
            own = [change for change in incidents.history(connection, one.id) if change.actor == "vigie"]
            wrong += sum(hour_of(change.at) > until for change in own)
    return wrong


def _everything(store: Store) -> dict[str, list[str]]:
    with store.read() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table)).all())) for name, table in metadata.tables.items()
        }


def _forgets(world: World) -> None:
    """Take a message away, as a detector that queues in another transaction, and is cut off before it, would."""
    with world.store.write() as connection:
        fresh = (outbox.c.subject.like("incident:%"), outbox.c.event == "opened", outbox.c.facts.not_like('%"group"%'))
        row = connection.execute(select(outbox.c.id).where(*fresh, outbox.c.state == "queued")).first()
        if row is not None:
            connection.execute(outbox.delete().where(outbox.c.id == row.id))


def _turns_round(world: World) -> None:
    """Mark an end as sent long before its beginning, as a sender without order would."""
    with world.store.write() as connection:
        connection.execute(outbox.update().where(outbox.c.event == "closed", outbox.c.state != "sent", outbox.c.state.not_in(FINAL)).values(
            state="sent", sent_us=microseconds(world.now - timedelta(days=60))))  # fmt: skip


SPOILED: dict[str, Callable[[World], None]] = {"a message is lost": _forgets, "an end is sent first": _turns_round}
