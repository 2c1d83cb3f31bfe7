"""Keep the campaign's own books in the store: triggers note every start and end of a run, jobs note every write."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, insert, select

from monitor.store.store import Store
from monitor.store.tables import job_run, lease

metadata = MetaData()
mark = Table(
    "campaign_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job", String, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("current", BigInteger, nullable=False),
)
begun = Table("campaign_begun", metadata, Column("job", String), Column("slot_us", BigInteger),
              Column("fence", BigInteger), Column("at_us", BigInteger))  # fmt: skip
finished = Table("campaign_finished", metadata, Column("job", String), Column("slot_us", BigInteger),
                 Column("fence", BigInteger))  # fmt: skip
SQLITE = (
    (
        "create trigger t_begun after update of state on job_run when new.state = 'running' begin"
        " insert into campaign_begun values (new.job, new.slot_us, new.fence, new.started_us); end"
    ),
    (
        "create trigger t_finished after update of state on job_run when new.state = 'ok' begin"
        " insert into campaign_finished values (new.job, new.slot_us, new.fence); end"
    ),
)
POSTGRESQL = (
    (
        "create function f_run() returns trigger language plpgsql as $$ begin"
        " if new.state = 'running' then insert into campaign_begun values (new.job, new.slot_us, new.fence, new.started_us);"
        " elsif new.state = 'ok' then insert into campaign_finished values (new.job, new.slot_us, new.fence); end if;"
        " return new; end $$"
    ),
    "create trigger t_run after update of state on job_run for each row execute function f_run()",
)


def prepare(store: Store) -> None:
    """Make the tables and the triggers."""
    with store.write() as connection:
        metadata.create_all(connection)
        for statement in SQLITE if store.dialect == "sqlite" else POSTGRESQL:
            connection.exec_driver_sql(statement)


def fence_of(connection: Connection, job: str, owner: str) -> int:
    """Return the fence under which `owner` runs `job`."""
    query = select(job_run.c.fence).where(job_run.c.job == job, job_run.c.owner == owner, job_run.c.state == "running")
    return int(connection.execute(query).scalar_one())


def note(connection: Connection, job: str, fence: int) -> None:
    """Note one write of a run under its fence, beside the fence that holds at that moment."""
    current = select(lease.c.fence).where(lease.c.name == job).scalar_subquery()
    connection.execute(insert(mark).values(job=job, fence=fence, current=current))


@dataclass(frozen=True)
class Victim:
    """Name a run that was cut off, and when, in microseconds of the clock that leases go by."""

    job: str
    slot_us: int
    fence: int
    at_us: int


@dataclass
class Found:
    """Hold what was counted."""

    slots: int = 0
    lost: int = 0
    twice: int = 0
    stale: int = 0
    writes: int = 0
    attempts: int = 0
    take_overs_s: list[float] = field(default_factory=list)


def running(connection: Connection) -> list[Any]:
    """Return the runs that go on: job, slot_us, fence, owner."""
    query = select(job_run.c.job, job_run.c.slot_us, job_run.c.fence, job_run.c.owner)
    return list(connection.execute(query.where(job_run.c.state == "running")))


def done(connection: Connection, slot_us: int) -> int:
    """Count the jobs whose slot was finished."""
    return len(set(connection.execute(select(finished.c.job).where(finished.c.slot_us == slot_us)).scalars()))


def counted(store: Store, wanted: set[tuple[str, int]], victims: Sequence[Victim]) -> Found:
    """
    Read the books: the slots `wanted` (job, microseconds) were due, and each must have ended well once.

    A write is stale when its fence was not the one that held, or when it came behind one of a later fence.
    """
    found = Found(slots=len(wanted))
    with store.read() as connection:
        ends = Counter(connection.execute(select(finished.c.job, finished.c.slot_us)).tuples())
        starts = sorted(connection.execute(select(begun)).tuples(), key=lambda row: row[2])
        ok = set(connection.execute(select(finished.c.job, finished.c.slot_us, finished.c.fence)).tuples())
        newest: dict[str, int] = {}
        for job, fence, current in connection.execute(
            select(mark.c.job, mark.c.fence, mark.c.current).order_by(mark.c.id)
        ):
            found.stale += fence != current or fence < newest.get(job, 0)
            newest[job] = max(fence, newest.get(job, 0))
            found.writes += 1
    found.lost, found.twice, found.attempts = len(wanted - ends.keys()), ends.total() - len(ends), len(starts)
    for one in victims:
        if (one.job, one.slot_us, one.fence) in ok:
            continue  # it had ended, or went on in time
        later = (at for job, slot, fence, at in starts if (job, slot) == (one.job, one.slot_us) and fence > one.fence)
        if (at := next(later, None)) is not None:
            found.take_overs_s.append((at - one.at_us) / 1e6)
    return found
