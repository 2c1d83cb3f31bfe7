"""Look at what became of the slots of a job: how one stands, which went well."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from monitor.store import runs
from monitor.store.tables import job_run, lease


@dataclass(frozen=True)
class Standing:
    """Tell how a slot stands: its state ("" while it is in no table), attempts so far, and whether its job runs somewhere."""

    state: str
    attempt: int
    fence: int
    owner: str
    ended_us: int
    is_held: bool


def standing(connection: Connection, job: str, slot_us: int, now_us: int) -> Standing:
    """Return how the slot stands; `now_us` is the time of leases (`clock_us`)."""
    row = connection.execute(
        select(job_run.c.state, job_run.c.attempt, job_run.c.fence, job_run.c.owner, job_run.c.ended_us)
        .where(job_run.c.job == job, job_run.c.slot_us == slot_us)
    ).one_or_none()  # fmt: skip
    held = connection.execute(select(lease).where(lease.c.name == job)).one_or_none()
    is_held = held is not None and not runs.is_free(held, now_us)
    if row is None:
        return Standing("", 0, 0, "", 0, is_held)
    return Standing(row.state, row.attempt, row.fence, row.owner, row.ended_us or 0, is_held)


def newest_before_us(connection: Connection, job: str, slot_us: int) -> int | None:
    """Return the newest slot before `slot_us` that stands in the table; None when there is none."""
    query = select(func.max(job_run.c.slot_us)).where(job_run.c.job == job, job_run.c.slot_us < slot_us)
    return connection.execute(query).scalar()


def has_begun_since(connection: Connection, job: str, since_us: int) -> bool:
    """Say whether a run of `job` that began at `since_us` or later went well."""
    query = select(func.count()).where(job_run.c.job == job, job_run.c.state == "ok", job_run.c.started_us >= since_us)
    return bool(connection.execute(query).scalar())


def last_ok(connection: Connection, now_us: int) -> dict[str, tuple[int, int]]:
    """Return (newest slot that went well up to `now_us`, when it ended) of each job that ever did, in microseconds."""
    newest = (
        select(job_run.c.job, func.max(job_run.c.slot_us).label("slot_us"))
        .where(job_run.c.state == "ok", job_run.c.slot_us <= now_us).group_by(job_run.c.job).subquery()
    )  # fmt: skip
    query = select(job_run.c.job, job_run.c.slot_us, job_run.c.ended_us).join(
        newest, and_(newest.c.job == job_run.c.job, newest.c.slot_us == job_run.c.slot_us)
    )
    return {row.job: (row.slot_us, row.ended_us or 0) for row in connection.execute(query)}
