"""
Outbox: senders ended by kill -9 while a relay refuses, defers, hangs and cuts at each verb from connect to behind the dot.

Afterwards every message must have arrived, none twice without saying so, and none oftener than senders and lines were cut between
its last dot and the end of the relay's answer. Senders that mark a message as sent before it is, or as handed over behind the
dot, run beside it and must be caught.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.kill.forks import is_at_work, kill_after, nursery, postgres
from benchmarks.outbox.relay import KINDS, VERBS, Relay
from benchmarks.result import Part, result
from monitor.alerts import Message, messages
from monitor.config import Config, load
from monitor.detection.incident import Incident
from monitor.store import actions, incidents, outbox, schema
from monitor.store.store import Store
from monitor.store.tables import outbox as table
from monitor.window import hour_of

SIZES = {"quick": (4, 40), "full": (60, 600), "control": (24, 180)}  # kills and messages at the least
ALERTS_A_ROUND = 11
BEGIN, ROUND = datetime(2026, 9, 1, tzinfo=UTC), timedelta(minutes=16)  # longer than a lease, and than any wait
SESSIONS, LONGEST_S, PATIENCE_S = 12, 0.06, 60.0  # a sender is killed so many sessions and seconds into its work
ROUNDS_AT_THE_END = 400
TO = "ops@stat.example"
CONFIG = """data_dir: data
database: "{database}"
models: {{ape: {{}}}}
routes: [{{to: {to}, receives: [incidents, service, weekly]}}]
people: {{bruno: ["login:bruno"]}}
roles: {{bruno: operator}}
delivery: {{messages_per_hour: 100000, smtp: {{host: 127.0.0.1, port: {port}, starttls: never, connect_s: 1, verb_s: 1, after_dot_s: 1}}}}
"""


@dataclass
class Books:
    """Keep what must be told: subjects and events, the reports among them, and sendings whose sender died unsure."""

    wanted: list[tuple[str, str]] = field(default_factory=list)
    cut: set[tuple[str, int]] = field(default_factory=set)
    killed: int = 0


def run(quick: bool) -> dict[str, Any]:
    """Run the campaign on both databases (one when quick), and its two negative controls."""
    found: dict[str, dict[str, Any]] = {}
    size = "quick" if quick else "full"
    with postgres() as made:
        for name in ("sqlite",) if quick else ("sqlite", "postgresql"):
            found[name] = _campaign(size, "ours", made if name == "postgresql" else None)
            print(f"outbox: {name} {found[name]}", file=sys.stderr, flush=True)
        controls = (
            {} if quick else {variant: _campaign("control", variant, None) for variant in ("sent_first", "noted_late")}
        )
    sums = {key: sum(one[key] for one in found.values()) for key in ("lost", "unmarked", "disordered", "too_often")}
    parts = [Part("messages lost", 0, sums["lost"], "messages"), Part("repeats that are not marked", 0, sums["unmarked"], "repeats"),
             Part("repeats beyond the cuts between a dot and its answer", 0, sums["too_often"], "repeats"),
             Part("ends told before what they end", 0, sums["disordered"], "messages")]  # fmt: skip
    if controls:
        parts.append(Part("lost by a sender that notes it as sent first", 1, controls["sent_first"]["lost"], "messages",
                          at_most=False))  # fmt: skip
        parts.append(Part("not marked by a sender that notes the dot behind it", 1, controls["noted_late"]["unmarked"], "repeats",
                          at_most=False))  # fmt: skip
    return result("outbox", quick, parts, {**found, "negative_controls": controls})


def _campaign(size: str, variant: str, database: Callable[[], str] | None) -> dict[str, Any]:
    draw, began, relay = random.Random(f"{size}:{variant}"), time.monotonic(), Relay(f"{size}:{variant}")
    with tempfile.TemporaryDirectory(prefix="vigie-outbox-") as made:
        folder = Path(made)
        address = f"sqlite:///{folder}/data/vigie.db" if database is None else database()
        settings = CONFIG.format(database=address, to=TO, port=relay.port)
        (folder / "config.yaml").write_text(settings, encoding="utf-8")
        config = load(folder / "config.yaml")
        store = Store.open(config.database)
        schema.upgrade(store)
        try:
            books = Books()
            rounds = _rounds(folder, (store, config, variant), (books, relay, draw), SIZES[size])
            told = _counted(store, books, relay)
        finally:
            store.engine.dispose()
            relay.close()
    return {"kills": books.killed, "rounds": rounds, **told, "seconds": round(time.monotonic() - began)}


def _rounds(
    folder: Path,
    product: tuple[Store, Config, str],
    world: tuple[Books, Relay, random.Random],
    least: tuple[int, int],
) -> int:
    """Queue, send and kill until enough of both was done; then mend the relay and send the rest. Returns how many rounds it took."""
    (store, config, variant), (books, relay, draw) = product, world
    number = 0
    with nursery(folder, "benchmarks.outbox.sender", str(folder / "config.yaml"), variant) as start:
        while books.killed < least[0] or len(books.wanted) < least[1]:
            number += 1
            now = BEGIN + number * ROUND
            relay.down(draw.random() < 0.05)
            _happen(store, config, books, now)
            children = [start(f"{now.timestamp():.0f}") for _ in range(draw.choice((1, 1, 2)))]
            for child in children:
                _wait(child, lambda: relay.books.sessions, draw.randrange(SESSIONS))
                books.killed += kill_after([(draw.uniform(0, LONGEST_S), child)])
            _settle(store, books)
        relay.down(False)
        relay.is_mended = True
        for _ in range(ROUNDS_AT_THE_END):
            number += 1
            child = start(f"{(BEGIN + number * ROUND).timestamp():.0f}")
            if not _wait(child):
                raise RuntimeError(f"a sender is not done after {PATIENCE_S:g} s with a relay that works")
            _settle(store, books)
            if not _waiting(store):
                break
    return number


def _happen(store: Store, config: Config, books: Books, now: datetime) -> None:
    """Let alerts and a report fall due, an incident open, and a person close it."""
    first = len(books.wanted)
    hour = hour_of(BEGIN) - 2000 + first  # no incident has an onset of another
    some = [Message(f"service:{first + n}", "opened", 1, "mail", TO, {"kind": "service", "what": f"service:{first + n}",
                    "line": "it failed"}) for n in range(ALERTS_A_ROUND)]  # fmt: skip
    some.append(
        Message(f"weekly:{first}", "weekly", first, "mail", TO, {"kind": "service", "what": "report", "line": "week"})
    )
    with store.write() as connection:
        outbox.queue(connection, some, now)
        new, change = incidents.open_new(connection, Incident(0, "ape", hour, hour + 1, "open", ()), now)
        outbox.queue(connection, messages(change, new, config.routes), now)
        actions.ask(connection, "bruno", "close:fixed", f"incident:{new.id}", revision=None, reason="mended", now=now)
    books.wanted += [(one.subject, one.event) for one in some]
    books.wanted += [(f"incident:{new.id}", "opened"), (f"incident:{new.id}", "closed")]


def _settle(store: Store, books: Books) -> None:
    """Note what dead senders had handed over, and retry what the relay refused for good, as a person does."""
    with store.write() as connection:
        for row in connection.execute(select(table).where(table.c.state == "handed_over")):
            books.cut.add((row.message_id, row.attempt))
        for number in connection.execute(select(table.c.id).where(table.c.state == "dead")).scalars().all():
            outbox.retry(connection, number)


def _wait(child: int, seen: Callable[[], int] = int, more: int = 1) -> bool:
    """Wait until a sender has ended, or so many `more` sessions were seen; False when neither comes in time."""
    until, enough = time.monotonic() + PATIENCE_S, seen() + more
    while is_at_work(child) and seen() < enough:
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def _waiting(store: Store) -> bool:
    with store.read() as connection:
        counts = outbox.counts(connection)
        return bool(counts.keys() - {"sent", "in_doubt", "dead"} or actions.pending(connection))


def _counted(store: Store, books: Books, relay: Relay) -> dict[str, Any]:
    """Compare what arrived at the relay with what had to be told."""
    with store.read() as connection:
        rows = {(row.subject, row.event): row for row in connection.execute(select(table))}
    arrived = Counter(name for name, _ in relay.books.arrived)
    at: dict[str, int] = {}
    unmarked = 0
    for place, (name, is_marked) in enumerate(relay.books.arrived):
        unmarked += name in at and not is_marked
        at.setdefault(name, place)
    names = {key: rows[key].message_id if key in rows else "" for key in books.wanted}
    doubtful = {key for key in names if key in rows and rows[key].state == "in_doubt"}
    lost = [key for key, name in names.items() if name not in at and key not in doubtful]
    ends = [
        (at.get(names[subject, "opened"], -1), at.get(name, 1 << 40))
        for (subject, event), name in names.items()
        if event == "closed"
    ]
    open_ones = Counter(name for name, _ in books.cut | relay.books.open)
    reports = {rows[key].message_id for key in names if key[1] == "weekly" and key in rows}
    too_often = sum(max(0, many - 1 - (0 if name in reports else open_ones[name])) for name, many in arrived.items())
    return {
        "messages": len(books.wanted), "lost": len(lost), "repeats": sum(arrived.values()) - len(arrived), "unmarked": unmarked,
        "cuts_behind_the_dot": len(books.cut | relay.books.open), "too_often": too_often,
        "disordered": sum(opened > closed for opened, closed in ends), "reports_in_doubt": len(doubtful),
        "faults": sum(relay.books.faults.values()), "kinds_of_fault": f"{len(relay.books.faults)} of {len(VERBS) * len(KINDS) - 2}",
    }  # fmt: skip
