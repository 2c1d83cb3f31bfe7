"""Claim each slot of a job once: leases with fences, what ran, and who is alive."""

import os
import socket
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, case, delete, desc, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.errors import LeaseLost
from monitor.store.tables import heartbeat, job_run, lease

LEASE_US = 30_000_000
FINAL = ("ok", "skipped")
UNDONE = ("failed", "timeout", "abandoned")
AHEAD_US, FORGOTTEN_US = 60_000_000, 7 * 86_400_000_000  # ticks of clocks that ran ahead, and of runners long gone


def owner(pid: int | None = None) -> str:
    """
    Name a process of this machine, by default this one, so that another one beside it can tell whether it still lives.

    The host's part names the process namespace too: in two containers of one name the same number is two processes.
    """
    number = os.getpid() if pid is None else pid
    return f"{_host()}:{number}:{_start_ticks(number)}"


def clock_us(connection: Connection, told_us: int) -> int:
    """Return the time of leases: the server's on PostgreSQL, which several hosts share, else `told_us`."""
    if connection.dialect.name != "postgresql":
        return told_us
    return int(connection.exec_driver_sql("select extract(epoch from clock_timestamp()) * 1000000").scalar_one())


def claim(
    connection: Connection, job: str, slot_us: int, who: str, now_us: int, *, lease_us: int = LEASE_US
) -> int | None:
    """
    Take the slot of `job` that was due at `slot_us`; return the fence, or None when it is done or held by another.

    A failed, timed-out or abandoned run of the slot may be claimed again, as its next attempt. A job that writes just now
    is held, whatever its lease says.
    """
    _insert(connection, job_run, {"job": job, "slot_us": slot_us, "state": "due", "attempt": 0, "fence": 0, "owner": "",
                                  "line": "", "trouble": ""}, ["job", "slot_us"])  # fmt: skip
    _insert(connection, lease, {"name": job, "owner": "", "fence": 0, "expires_us": 0}, ["name"])
    query = select(lease).where(lease.c.name == job)
    if connection.dialect.name == "postgresql":
        _end_if_frozen(connection, lease_us)
        query = query.with_for_update(skip_locked=True)  # one claimant; no waiting for a run that writes
    held = connection.execute(query).one_or_none()
    if held is None or not is_free(held, now_us):
        return None
    connection.execute(
        update(lease).where(lease.c.name == job).values(owner=who, fence=held.fence + 1, expires_us=now_us + lease_us)
    )
    connection.execute(
        update(job_run)
        .where(job_run.c.job == job, job_run.c.state == "running", job_run.c.fence <= held.fence)
        .values(state="abandoned", ended_us=now_us)
    )
    begun = connection.execute(
        update(job_run)
        .where(job_run.c.job == job, job_run.c.slot_us == slot_us, job_run.c.state.not_in(FINAL))
        .values(state="running", attempt=job_run.c.attempt + 1, fence=held.fence + 1, owner=who, started_us=now_us)
    )
    if begun.rowcount != 1:
        release(connection, job, held.fence + 1)
        return None
    return int(held.fence) + 1


def in_progress(connection: Connection, job: str, now_us: int) -> bool:
    """
    Say whether a run of `job` goes on; while it does not, none begins before the caller's writing transaction ends.

    So what the caller reads behind this is of whole runs. `now_us` is the time of leases (`clock_us`). A run whose lease is
    over, or whose process died, is over too. A job that never ran has no lease that could keep its first run back.
    """
    query = select(lease).where(lease.c.name == job)
    if connection.execute(query).one_or_none() is None:
        return False
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(skip_locked=True)  # a run that writes just now has the row locked
    held = connection.execute(query).one_or_none()
    return held is None or not is_free(held, now_us)


def renew(connection: Connection, job: str, fence: int, now_us: int, *, lease_us: int = LEASE_US) -> bool:
    """Prolong the lease; False when another runner has it."""
    done = connection.execute(
        update(lease).where(lease.c.name == job, lease.c.fence == fence).values(expires_us=now_us + lease_us)
    )
    return done.rowcount == 1


def release(connection: Connection, job: str, fence: int) -> bool:
    """Free the lease; False when another runner has it."""
    mine = update(lease).where(lease.c.name == job, lease.c.fence == fence)
    return connection.execute(mine.values(owner="", expires_us=0)).rowcount == 1


def check(connection: Connection, job: str, fence: int, *, lease_us: int = LEASE_US) -> None:
    """
    Raise LeaseLost when the job was taken over; called first in each of its writing transactions.

    On PostgreSQL the row stays locked until the transaction ends, and the server ends one whose process stands still for a
    lease's time: so a frozen process neither writes late nor keeps its job from the others.
    """
    query = select(lease.c.fence).where(lease.c.name == job)
    if connection.dialect.name == "postgresql":
        _end_if_frozen(connection, lease_us)
        query = query.with_for_update(read=True)
    if connection.execute(query).scalar() != fence:
        raise LeaseLost(f"{job} was taken over by another runner")


def finish(
    connection: Connection, run: tuple[str, int, int], state: str, line: str, trouble: str, *, now_us: int
) -> bool:
    """Close the run (job, slot_us, fence) as `state`, keep its line and trouble, and free the lease; False when it was taken over."""
    job, slot_us, fence = run
    if not release(connection, job, fence):  # the lease first, as everywhere: no two wait for each other
        return False
    connection.execute(
        update(job_run)
        .where(and_(job_run.c.job == job, job_run.c.slot_us == slot_us, job_run.c.fence == fence))
        .values(state=state, line=line, trouble=trouble, ended_us=now_us, stderr_tail=None)
    )
    return True


def overhear(connection: Connection, slot: tuple[str, int], who: str, said: str) -> None:
    """Keep the last that a run (job, slot_us) of this owner said on stderr, if it did not go well and nobody took it up since."""
    job, slot_us = slot
    mine = job_run.c.job == job, job_run.c.slot_us == slot_us, job_run.c.owner == who, job_run.c.state.in_(UNDONE)
    connection.execute(update(job_run).where(*mine).values(stderr_tail=said or None))


def is_done(connection: Connection, job: str, slot_us: int, now_us: int) -> bool:
    """
    Say whether this slot, or a later one, was finished.

    Slots after `now_us` do not count: a clock that once ran ahead must not stop the work until it is caught up with.
    """
    slots = job_run.c.slot_us.between(slot_us, now_us)
    query = select(func.count()).where(job_run.c.job == job, slots, job_run.c.state.in_(FINAL))
    return bool(connection.execute(query).scalar())


def skip_older(connection: Connection, job: str, slot_us: int, missed: Iterable[int] = ()) -> None:
    """Mark slots before `slot_us` that never ran as skipped, those in `missed` too: the newest one does their work."""
    line = f"coalesced into {slot_us}"
    connection.execute(
        update(job_run)
        .where(job_run.c.job == job, job_run.c.slot_us < slot_us, job_run.c.state == "due")
        .values(state="skipped", line=line)
    )
    fresh = {"job": job, "state": "skipped", "attempt": 0, "fence": 0, "owner": "", "line": line, "trouble": ""}
    _insert(connection, job_run, [{**fresh, "slot_us": one} for one in missed], ["job", "slot_us"])


def latest(connection: Connection, limit: int = 200) -> list[dict[str, Any]]:
    """Return the newest runs of all jobs, newest first."""
    query = select(job_run).order_by(desc(job_run.c.slot_us), job_run.c.job).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def newest(connection: Connection) -> list[dict[str, Any]]:
    """Return the newest run of each job, by name, however often the others run."""
    last = select(job_run.c.job, func.max(job_run.c.slot_us).label("slot_us")).group_by(job_run.c.job).subquery()
    query = select(job_run).join(last, and_(last.c.job == job_run.c.job, last.c.slot_us == job_run.c.slot_us))
    return [dict(row._mapping) for row in connection.execute(query.order_by(job_run.c.job))]


def failing(connection: Connection, least: int, now_us: int, told: Collection[str] = ()) -> list[dict[str, Any]]:
    """
    Return job, first_us, last_us and the last line of each job whose last `least` ended runs, or more, all failed.

    A run over its deadline is enough by itself, and so is any failure of those that were `told` before: only one that goes
    well ends it. A run that was killed, and so abandoned, failed too, and one that is tried again just now did so far.
    `first_us` is the first slot since the last one that went well.
    """
    past = job_run.c.slot_us <= now_us
    well = (
        select(job_run.c.job, func.max(job_run.c.slot_us).label("slot_us"))
        .where(past, job_run.c.state == "ok")
        .group_by(job_run.c.job)
        .subquery()
    )
    slots = func.min(job_run.c.slot_us).label("first_us"), func.max(job_run.c.slot_us).label("last_us")
    undone = or_(job_run.c.state.in_(UNDONE), and_(job_run.c.state == "running", job_run.c.attempt > 1))
    timeouts = func.sum(case((job_run.c.state == "timeout", 1), else_=0))
    query = (
        select(job_run.c.job, *slots)
        .outerjoin(well, well.c.job == job_run.c.job)
        .where(past, undone, job_run.c.slot_us > func.coalesce(well.c.slot_us, -1))
        .group_by(job_run.c.job)
        .having(or_(func.count() >= least, timeouts > 0, job_run.c.job.in_(told)))
        .order_by(job_run.c.job)
    )
    found = [dict(row._mapping) for row in connection.execute(query)]
    for one in found:
        last = select(job_run.c.line).where(job_run.c.job == one["job"], job_run.c.slot_us == one["last_us"])
        one["line"] = connection.execute(last).scalar_one()
    return found


def beat(connection: Connection, runner: str, now_us: int, version: str, config_hash: str = "") -> None:
    """Record a completed tick of this runner, its version and settings, and forget ticks that no clock of now can have made or that are a week old."""
    gone = or_(heartbeat.c.tick_us > now_us + AHEAD_US, heartbeat.c.tick_us < now_us - FORGOTTEN_US)
    connection.execute(delete(heartbeat).where(gone))
    values = {"tick_us": now_us, "version": version, "config_hash": config_hash}
    _insert(connection, heartbeat, {"runner": runner, **values}, ["runner"])
    connection.execute(update(heartbeat).where(heartbeat.c.runner == runner).values(values))


def runners(connection: Connection) -> list[dict[str, Any]]:
    """Return the newest tick of each runner, its version and the hash of its settings, the newest first."""
    query = select(heartbeat).order_by(desc(heartbeat.c.tick_us), heartbeat.c.runner)
    return [dict(row._mapping) for row in connection.execute(query)]


def last_tick_us(connection: Connection) -> int | None:
    """Return when any runner last completed a tick; None when none ever did."""
    return connection.execute(select(func.max(heartbeat.c.tick_us))).scalar()


def _insert(connection: Connection, table: Any, values: dict[str, Any] | list[dict[str, Any]], key: list[str]) -> None:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if values:
        connection.execute(make(table).on_conflict_do_nothing(index_elements=key), values)


def _end_if_frozen(connection: Connection, lease_us: int) -> None:
    """Have the server end this transaction when its process stands still in the middle of it for a lease's time."""
    connection.exec_driver_sql(f"set local idle_in_transaction_session_timeout = {max(1, lease_us // 1000)}")


def _host() -> str:
    try:
        return f"{socket.gethostname()}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


def _start_ticks(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "gone"


def is_free(held: Any, now_us: int) -> bool:
    """Say whether a lease may be taken: given back, over, of a dead process, or made by a clock that ran far ahead elsewhere."""
    if held.owner == "" or held.expires_us < now_us or _is_dead(held.owner):
        return True
    return held.expires_us > now_us + AHEAD_US and not held.owner.startswith(f"{_host()}:")


def _is_dead(who: str) -> bool:
    host, _, rest = who.partition(":")
    pid, _, ticks = rest.partition(":")
    return host == _host() and pid.isdigit() and _start_ticks(int(pid)) != ticks
