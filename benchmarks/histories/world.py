"""
Make what happens: hours of three models that fall ill and recover, people who answer, jobs that are cut off.

All three models stand behind one embedder and share their reference, which is fitted once. Hours come as profiles, everything behind them
is the product's own: the jobs detect, act, watch and notify, a relay for the mails.
"""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from benchmarks.detection.traffic import MONDAY, Change, Scenario, simulate
from benchmarks.outbox.relay import Relay
from jobs.act import act
from jobs.detect import detect
from jobs.notify import notify
from jobs.watch import watch
from monitor.config import Config, load
from monitor.delivery.post import Answer, Cut, Line, NotSent, Request
from monitor.detection.fitting import fit
from monitor.plan import Planned
from monitor.profiles.profile import Key, Profile
from monitor.settings import Detection
from monitor.store import actions, arrivals, incidents, plans, profiles, references, schema
from monitor.store.store import Store
from monitor.store.tables import metadata
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, microseconds, start_of

MODELS = ("m1", "m2", "m3")
REFERENCE_DAYS, DAYS = 21, 40
JOBS: tuple[Callable[[Store, Config, datetime], str], ...] = (detect, act, watch, notify)
ILL = (Change("latency", 0, latency=2.0), Change("regression", 0, score=-1.5, scrambled=0.5))
VERBS = ("ack", "close:fixed", "close:false_alarm", "snooze:2")
MOST_WRITES = 6  # a job is cut off at the start of one of its first writing transactions
CONFIG = """\
data_dir: data
database: "{database}"
models: {{m1: {{shares: [embedder]}}, m2: {{shares: [embedder]}}, m3: {{}}}}
sources:
  a1: {{files: a1*, format: vigie_line, model: m1}}
  a2: {{files: a2*, format: vigie_line, model: m2}}
  a3: {{files: a3*, format: vigie_line, model: m3}}
routes:
{routes}
people: {{alice: ["login:alice"]}}
roles: {{alice: owner}}
delivery: {{messages_per_hour: 1000, smtp: {{host: 127.0.0.1, port: {port}, starttls: never}}}}
"""


MAILS = """\
  - {to: ops@stat.example, receives: [incidents, service]}
  - {to: owner@stat.example, receives: [incidents]}"""
HOOKS = """\
  - {to: ops@stat.example, receives: [service]}
  - {name: ops, webhook: "https://hooks.example/ops", key_file: key, receives: [incidents]}
  - {name: owner, webhook: "https://hooks.example/owner", key_file: key, receives: [incidents]}"""
MAILED = 10  # each so manyth history sends mails, which take longer to write


class Hooks:
    """Be called instead of a webhook: some calls never leave, some are cut behind the receiver's back, some are put off."""

    def __init__(self, draw: random.Random) -> None:
        """Fail from the beginning, until `is_mended`."""
        self.draw, self.is_mended, self.got = draw, False, list[tuple[str, str, bool]]()

    def __call__(self, request: Request, _line: Line) -> Answer:
        """Take a call: whom it is for, its key, and whether it says that it may come again."""
        fate = 1.0 if self.is_mended else self.draw.random()
        if fate < 0.1:
            raise NotSent("refused")
        if fate < 0.2:
            return Answer(503, b"")
        told = json.loads(request.body)
        self.got.append((request.url, request.headers["webhook-id"], told["data"]["possible_repeat"]))
        if fate < 0.3:
            raise Cut("no answer")
        return Answer(204, b"")

    @property
    def unmarked(self) -> int:
        """Count what came again and did not say so."""
        seen, wrong = set[tuple[str, str]](), 0
        for url, key, marked in self.got:
            wrong += (url, key) in seen and not marked
            seen.add((url, key))
        return wrong


class Crash(BaseException):
    """End a job as kill -9 would: nothing catches it, and nothing of its open transaction stays."""


@cache
def reference() -> bytes:
    """Return the baseline that all models have."""
    return fit(_hours(None), Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS), Detection()).to_bytes()


@cache
def _hours(ill: Change | None) -> dict[int, Profile]:
    return simulate(
        Scenario(5, REFERENCE_DAYS + DAYS, 900.0, labels=8, bursts=0.0, changes=() if ill is None else (ill,))
    )


@dataclass
class World:
    """Hold a fresh store with its references, and the hand that makes things happen in it."""

    store: Store
    config: Config
    draw: random.Random
    now: datetime = field(default_factory=lambda: start_of(MONDAY + 24 * REFERENCE_DAYS))
    ill: dict[str, tuple[int, Change | None, bool]] = field(
        default_factory=dict
    )  # until which hour, what, and whether all is silent
    crashes: int = 0
    hooks: Hooks = field(init=False)

    def __post_init__(self) -> None:
        """Draw the faults of the webhooks from the same seed."""
        self.hooks = Hooks(self.draw)

    def step(self) -> None:
        """Let some hours pass, let people do something, and run some jobs, some of which are cut off."""
        before, self.now = (
            self.now,
            self.now + timedelta(hours=self.draw.choice((1, 2, 5, 12, 24)), minutes=self.draw.randrange(60)),
        )
        for model in MODELS:
            self._hours(model, Window(hour_of(before), hour_of(self.now)))
        for _ in range(self.draw.choice((0, 0, 1, 2))):
            self._somebody_acts()
        for job in self.draw.sample(JOBS, self.draw.randint(1, len(JOBS))):
            self.run(job, cut_at=self.draw.randint(1, MOST_WRITES) if self.draw.random() < 0.3 else 0)

    def run(self, job: Callable[[Store, Config, datetime], str], cut_at: int = 0) -> None:
        """Run a job, cut off at the start of so manyth of its writing transactions; 0: not at all."""
        left = [cut_at]

        def guard(_: Connection) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Crash

        try:
            if job is notify:
                notify(self.store.guarded(guard), self.config, self.now, send_hook=self.hooks)
            else:
                job(self.store.guarded(guard), self.config, self.now)
        except Crash:
            self.crashes += 1

    def _hours(self, model: str, window: Window) -> None:
        """Log the hours of a model: calm ones, ill ones for a few days, or none."""
        until, what, is_silent = self.ill.get(model, (0, None, False))
        if window.first >= until and self.draw.random() < 0.15:
            until, what, is_silent = (
                window.first + self.draw.choice((6, 24, 72)),
                self.draw.choice((*ILL, None)),
                self.draw.random() < 0.2,
            )
            for one in self.draw.choice(((model,), ("m1", "m2"))):
                self.ill[one] = until, what, is_silent
        written = {}
        for hour in window:
            is_ill = hour < until
            profile = _hours(what if is_ill else None).get(hour)
            if profile is not None and not (is_ill and is_silent):
                written[Key(model, "", hour)] = profile
        with self.store.write() as connection:
            profiles.replace(connection, model, list(window), written)
            facts = {"complete_until_hour": window.end, "read_us": microseconds(self.now)}
            if written:
                facts["newest_us"] = (
                    max(key.hour for key in written) * MICROSECONDS_PER_HOUR + MICROSECONDS_PER_HOUR - 1
                )
            arrivals.note_source(connection, f"a{model[1]}", "vigie_line", **facts)

    def _somebody_acts(self) -> None:
        with self.store.write() as connection:
            known = incidents.all(connection)
            if not known or self.draw.random() < 0.2:
                until = self.now + timedelta(hours=self.draw.choice((3, 12, 30)))
                plans.add(connection, Planned(0, self.draw.choice(("", *MODELS)), "maintenance", microseconds(self.now), microseconds(until),
                                              "new disks", "alice", microseconds(self.now)))  # fmt: skip
                return
            one = self.draw.choice(known[:4])
            seen = self.draw.choice((one.revision, one.revision, None, one.revision - 1))
            actions.ask(connection, "alice", self.draw.choice(VERBS), f"incident:{one.id}", revision=seen, reason="looked at it, so I do this",
                        now=self.now)  # fmt: skip


def prepared(store: Store, folder: Path, relay: Relay, seed: int) -> World:
    """Empty the store, pin the references, and return the world of this seed."""
    address = store.engine.url.render_as_string(hide_password=False)
    path = folder / "config.yaml"
    (folder / "key").write_text("whsec_" + base64.b64encode(bytes(range(32))).decode(), encoding="ascii")
    (folder / "key").chmod(0o600)
    routes = HOOKS if seed % MAILED else MAILS
    path.write_text(CONFIG.format(database=address, port=relay.port, routes=routes), encoding="utf-8")
    schema.upgrade(store)
    world = World(store, load(path), random.Random(seed))
    with store.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        for model in MODELS:
            references.pin(connection, {
                "model": model, "first_hour": MONDAY, "end_hour": MONDAY + 24 * REFERENCE_DAYS, "pinned_us": microseconds(world.now),
                "pinned_by": "alice", "reason": "three quiet weeks", "clean": None, "clean_detail": "", "baseline": reference()})  # fmt: skip
    return world
