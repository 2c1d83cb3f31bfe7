"""The service will run one slot of a job under its lease, and keep what it said."""

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.timetable import Job
from monitor.config import Config
from monitor.errors import LeaseLost, StoreError, VigieError
from monitor.store import runs, slots
from monitor.store.store import Store
from monitor.window import microseconds

log = logging.getLogger("vigie")
TROUBLE_CHARS = 4096
LEASE_SECONDS, RENEWALS = 30.0, 3  # renewed that often before it is over
MICROSECOND = timedelta(microseconds=1)
MOST_MISSED = 5000  # skipped slots that are written down one by one: half a week of minutes


@dataclass(frozen=True)
class Outcome:
    """Tell how one slot of a job went; `code` is from the exit table of the command line."""

    job: str
    slot: datetime
    state: str  # ok, failed, held, not_due
    line: str
    code: int
    seconds: float = 0.0

    def to_json(self) -> str:
        """Write it as one JSON object."""
        return json.dumps({"job": self.job, "slot": self.slot.isoformat(), "state": self.state, "line": self.line,
                           "code": self.code, "seconds": round(self.seconds, 3)})  # fmt: skip


def run_due(store: Store, config: Config, job: Job, clock: Any) -> Outcome:
    """Run the newest slot of `job` unless it was done; older ones that never ran count as done by it."""
    moment = clock()
    slot = job.slot(config, moment)
    with store.read() as connection:
        if runs.is_done(connection, job.name, microseconds(slot), microseconds(moment)):
            return Outcome(job.name, slot, "not_due", "not due", 0)
    return run_slot(store, config, job, slot, clock)


def run_slot(
    store: Store, config: Config, job: Job, slot: datetime, clock: Any, *, who: str = "", lease_s: float = LEASE_SECONDS
) -> Outcome:
    """
    Claim the slot, run the job's function with the time of the start, and close the run.

    Any error ends the run as failed: its traceback is logged under the job's name and the next slot finds the work.
    """
    started, slot_us, lease_us = clock(), microseconds(slot), round(lease_s * 1e6)
    with store.write() as connection:
        now_us = runs.clock_us(connection, microseconds(started))
        fence = runs.claim(connection, job.name, slot_us, who or runs.owner(), now_us, lease_us=lease_us)
        if fence is not None:
            runs.skip_older(connection, job.name, slot_us, _missed(connection, config, job, slot))
    if fence is None:
        return Outcome(job.name, slot, "held", "done or held elsewhere", 0)

    guarded = store.guarded(lambda connection: runs.check(connection, job.name, fence, lease_us=lease_us))
    with _renewed(store, (job.name, fence), clock, lease_s):
        state, line, trouble, code = _attempt(job, guarded, config, started)

    ended = clock()
    if code != LeaseLost.exit_code:
        with store.write() as connection:
            now_us = runs.clock_us(connection, microseconds(ended))
            if not runs.finish(connection, (job.name, slot_us, fence), state, line, trouble, now_us=now_us):
                state, line, code = "failed", f"{job.name} was taken over by another runner", LeaseLost.exit_code
    return Outcome(job.name, slot, state, line, code, (ended - started).total_seconds())


def _missed(connection: Connection, config: Config, job: Job, slot: datetime) -> list[int]:
    """Return the slots between the newest one in the table and `slot`, which nobody looked at, the newest of them."""
    before = slots.newest_before_us(connection, job.name, microseconds(slot))
    found: list[int] = []
    at = job.slot(config, slot - MICROSECOND)
    while before is not None and microseconds(at) > before and len(found) < MOST_MISSED:
        found.append(microseconds(at))
        at = job.slot(config, at - MICROSECOND)
    return found


@contextmanager
def _renewed(store: Store, held: tuple[str, int], clock: Any, lease_s: float) -> Iterator[None]:
    """Prolong the lease (job, fence) beside the work, until the work ends or another runner has it."""
    over = threading.Event()

    def prolong() -> None:
        while not over.wait(lease_s / RENEWALS):
            with suppress(StoreError), store.write() as connection:  # busy or away: the next round may do it
                now_us = runs.clock_us(connection, microseconds(clock()))
                if not runs.renew(connection, *held, now_us, lease_us=round(lease_s * 1e6)):
                    return

    helper = threading.Thread(target=prolong, name=f"lease-{held[0]}", daemon=True)
    helper.start()
    try:
        yield
    finally:
        over.set()
        helper.join()


def each(names: Iterable[str], work: Callable[[str], str]) -> list[str]:
    """
    Return what `work` says of every name; an error of one is raised after the others were worked on.

    >>> each(["ape", "nace"], lambda name: f"{name}: done")
    ['ape: done', 'nace: done']
    """
    told, failed = [], []
    for name in names:
        try:
            told.append(work(name))
        except LeaseLost:
            raise
        except Exception as error:  # one model's trouble must not blind the others
            log.exception("%s failed", name)
            failed.append(error)
    if failed:
        raise failed[0]
    return told


def _attempt(job: Job, store: Store, config: Config, now: datetime) -> tuple[str, str, str, int]:
    try:
        return "ok", job.verb()(store, config, now), "", 0
    except VigieError as error:
        log.error("%s: %s", job.name, error)
        return "failed", str(error), str(error), error.exit_code
    except Exception as error:  # a bug in one job must not end the others
        trace = traceback.format_exc()
        log.error("%s failed\n%s", job.name, trace)
        return "failed", f"{type(error).__name__}: {error}", trace[-TROUBLE_CHARS:], 1
