"""Keep every message from the change that deserved it until a relay has it."""

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, and_, desc, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.backoff import wait_us
from monitor.errors import NoData
from monitor.store.tables import outbox
from monitor.window import microseconds

LEASE_US = 15 * 60 * 1_000_000
GIVE_UP_US = 96 * 3_600_000_000
REPORTS = (
    "weekly",
    "daily",
    "quarterly",
)  # events that nobody needs twice: one that may have arrived is not sent again by itself


class Sendable(Protocol):
    """Name what a message must hold."""

    @property
    def subject(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def channel(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def facts(self) -> dict[str, Any]: ...


def queue(connection: Connection, messages: Iterable[Sendable], now: datetime) -> int:
    """Queue messages in the caller's transaction; one that is known already changes nothing. Returns how many were new."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = 0
    for one in messages:
        key = (one.subject, one.event, str(one.sequence), one.channel, one.recipient)
        digest = hashlib.sha256("|".join(key).encode()).hexdigest()[:32]
        done = connection.execute(
            make(outbox)
            .values(subject=one.subject, event=one.event, sequence=one.sequence, channel=one.channel, recipient=one.recipient,
                    facts=json.dumps(one.facts, ensure_ascii=False, default=str), state="queued", created_us=microseconds(now),
                    retry_us=microseconds(now), attempt=0, message_id=f"<{digest}@vigie>", possible_repeat=0)
            .on_conflict_do_nothing(index_elements=["subject", "event", "sequence", "channel", "recipient"])
            .returning(outbox.c.id)  # its row count is not told by every database
        )  # fmt: skip
        new += len(done.all())
    return new


def claim(connection: Connection, now: datetime, among: Collection[int] | None = None) -> dict[str, Any] | None:
    """
    Take the oldest message that is due, of all or `among` these, for 15 minutes; None when there is none.

    One whose sender died after handing it over may have arrived: it is sent again, marked as a possible repeat.
    """
    query = (
        select(outbox).where(_due(now)) if among is None else select(outbox).where(_due(now), outbox.c.id.in_(among))
    )
    row = connection.execute(query.order_by(outbox.c.id).limit(1).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    repeat = 1 if row.state == "handed_over" or row.possible_repeat else 0
    done = connection.execute(
        update(outbox)
        .where(outbox.c.id == row.id, outbox.c.attempt == row.attempt)
        .values(
            state="claimed",
            attempt=row.attempt + 1,
            lease_until_us=microseconds(now) + LEASE_US,
            possible_repeat=repeat,
        )
    )
    if done.rowcount != 1:
        return None
    return {**row._mapping, "attempt": row.attempt + 1, "possible_repeat": repeat, "facts": json.loads(row.facts)}


def _due(now: datetime) -> ColumnElement[bool]:
    """Say of which messages the time has come: queued ones, and those whose sender died."""
    now_us = microseconds(now)
    dead_sender = or_(
        outbox.c.state == "claimed", and_(outbox.c.state == "handed_over", outbox.c.event.not_in(REPORTS))
    )
    return or_(
        and_(outbox.c.state == "queued", outbox.c.retry_us <= now_us),
        and_(dead_sender, outbox.c.lease_until_us < now_us),
    )


def due(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return what `claim` may take, the oldest first, with their facts."""
    rows = connection.execute(select(outbox).where(_due(now)).order_by(outbox.c.id))
    return [{**row._mapping, "facts": json.loads(row.facts)} for row in rows]


def waiting(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return messages that are queued and due, or held, the oldest first, with their facts."""
    ready = or_(and_(outbox.c.state == "queued", outbox.c.retry_us <= microseconds(now)), outbox.c.state == "held")
    rows = connection.execute(select(outbox).where(ready).order_by(outbox.c.id))
    return [{**row._mapping, "facts": json.loads(row.facts)} for row in rows]


def hold(connection: Connection, number: int, why: str) -> None:
    """Keep a message that waits back, with the reason, until it is released."""
    connection.execute(update(outbox).where(*_waits(number)).values(state="held", suppressed_because=why[:64]))


def release(connection: Connection, number: int, suppressed: str | None, now: datetime) -> None:
    """Let a message that waits go, or with a reason never: what it told of is over. If it was held, its four days begin now."""
    state = "queued" if suppressed is None else "suppressed"
    held = outbox.c.id == number, outbox.c.state == "held"
    connection.execute(update(outbox).where(*held).values(freed_us=microseconds(now)))
    connection.execute(
        update(outbox).where(*_waits(number)).values(state=state, suppressed_because=suppressed and suppressed[:64])
    )


def _waits(number: int) -> tuple[ColumnElement[bool], ...]:
    return outbox.c.id == number, outbox.c.state.in_(("queued", "held"))


def hand_over(connection: Connection, row: dict[str, Any]) -> bool:
    """
    Note that the whole message is on its way and only the relay's answer is missing; committed before the last dot.

    Returns False, and changes nothing, when another sender took the claimed `row` over meanwhile: then it must not leave.
    """
    mine = outbox.c.id == row["id"], outbox.c.attempt == row["attempt"], outbox.c.state == "claimed"
    return connection.execute(update(outbox).where(*mine).values(state="handed_over")).rowcount == 1


def sent(connection: Connection, row: dict[str, Any], now: datetime, note: str = "") -> None:
    """Note that the relay has it; a sender that took it over meanwhile and is still before its last dot stops there."""
    ours = or_(outbox.c.attempt == row["attempt"], outbox.c.state != "handed_over")
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row["id"], ours)
        .values(state="sent", sent_us=microseconds(now), lease_until_us=None, last_error=note or None)
    )


def failed(connection: Connection, row: dict[str, Any], error: str, now: datetime, *, is_final: bool,
           is_unsure: bool = False, asked_s: float | None = None) -> None:  # fmt: skip
    """
    Queue it again after about 10 s, 20 s, 40 s ... at most 15 min, or what the other side asked for (`asked_s`); dead when it
    was refused for good, or four days after it might first leave.

    Of one that may have arrived (`is_unsure`) the next sending is marked as a possible repeat; a report stays in doubt.
    """
    now_us = microseconds(now)
    wait = wait_us(row["id"], row["attempt"], asked_s)
    state = "dead" if is_final or now_us - (row["freed_us"] or row["created_us"]) > GIVE_UP_US else "queued"
    if is_unsure and row["event"] in REPORTS:
        state = "in_doubt"
    connection.execute(update(outbox).where(outbox.c.id == row["id"], outbox.c.attempt == row["attempt"]).values(
        state=state, retry_us=now_us + wait, last_error=error[:500],
        possible_repeat=1 if is_unsure else outbox.c.possible_repeat))  # fmt: skip


def doubt(connection: Connection, now: datetime) -> None:
    """Leave reports whose sender died after handing them over in doubt: they may have arrived, and only a person sends them again."""
    orphaned = outbox.c.state == "handed_over", outbox.c.lease_until_us < microseconds(now)
    connection.execute(
        update(outbox)
        .where(*orphaned, outbox.c.event.in_(REPORTS))
        .values(state="in_doubt", possible_repeat=1, last_error="its sender ended before the relay had answered")
    )


def told_since(connection: Connection, recipient: str, since_us: int) -> int:
    """Return how many mails about incidents and alerts a recipient was sent since a moment, or may have been; digests too."""
    about_these = or_(*(outbox.c.subject.like(f"{kind}:%") for kind in ("incident", "service", "digest")))
    recent = or_(outbox.c.sent_us > since_us, outbox.c.state.in_(("claimed", "handed_over")))
    mails = outbox.c.recipient == recipient, outbox.c.channel == "mail", about_these, recent
    return connection.execute(select(func.count()).select_from(outbox).where(*mails)).scalar_one()


def late(
    connection: Connection, now: datetime, after_hours: float, at_once: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """
    Return messages of the last four days that were tried, have not left for so long, and were not laid down as files yet.

    Those whose subjects begin as one of `at_once` neither need to be old nor tried.
    """
    now_us = microseconds(now)
    old = and_(outbox.c.last_error.is_not(None), _free_us() <= now_us - round(after_hours * 3_600_000_000))
    query = select(outbox).where(
        outbox.c.state.in_(("queued", "dead")),
        outbox.c.laid_us.is_(None),
        _free_us() >= now_us - GIVE_UP_US,
        or_(old, *(outbox.c.subject.startswith(beginning, autoescape=True) for beginning in at_once)),
    )
    rows = connection.execute(query.order_by(outbox.c.id))
    return [{**row._mapping, "facts": json.loads(row.facts)} for row in rows]


def laid(connection: Connection, number: int, now: datetime) -> None:
    """Note that a message lies in the folder of what could not leave."""
    connection.execute(update(outbox).where(outbox.c.id == number).values(laid_us=microseconds(now)))


def dead(connection: Connection, since_us: int) -> list[dict[str, Any]]:
    """Return the messages that nobody will send any more, given up since a moment (microseconds since 1970), the newest last."""
    gone = outbox.c.state == "dead", outbox.c.retry_us >= since_us
    return [dict(row._mapping) for row in connection.execute(select(outbox).where(*gone).order_by(outbox.c.retry_us))]


def in_doubt(connection: Connection) -> list[dict[str, Any]]:
    """Return the reports that may have arrived or not, the oldest first."""
    rows = connection.execute(select(outbox).where(outbox.c.state == "in_doubt").order_by(outbox.c.id))
    return [dict(row._mapping) for row in rows]


def retry(connection: Connection, number: int) -> None:
    """Queue a message that is dead or in doubt again, now; NoData when there is none of this number."""
    ended = outbox.c.id == number, outbox.c.state.in_(("dead", "in_doubt"))
    if connection.execute(update(outbox).where(*ended).values(state="queued", retry_us=0)).rowcount != 1:
        raise NoData(f"there is no message {number} that is dead or in doubt", remedy="vigie outbox list")


def oldest_queued_us(connection: Connection) -> int | None:
    """Return since when the oldest message that still waits might leave, in microseconds since 1970; None when none waits."""
    return connection.execute(select(func.min(_free_us())).where(outbox.c.state == "queued")).scalar()


def _free_us() -> ColumnElement[int]:
    return func.coalesce(outbox.c.freed_us, outbox.c.created_us)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many messages are in each state."""
    query = select(outbox.c.state, func.count().label("many")).group_by(outbox.c.state)
    return {row.state: row.many for row in connection.execute(query)}


def latest(connection: Connection, limit: int = 50) -> list[dict[str, Any]]:
    """Return the newest messages, newest first."""
    return [dict(row._mapping) for row in connection.execute(select(outbox).order_by(desc(outbox.c.id)).limit(limit))]


def kept_back(connection: Connection, first_us: int, end_us: int) -> dict[str, int]:
    """Return how many messages are held, or were queued between two moments and then suppressed, by the reason; one to several people counts once."""
    told = select(outbox.c.suppressed_because, outbox.c.subject, outbox.c.event, outbox.c.sequence).distinct()
    young = and_(outbox.c.state == "suppressed", outbox.c.created_us >= first_us, outbox.c.created_us < end_us)
    found: dict[str, int] = {}
    for why, *_ in connection.execute(
        told.where(outbox.c.suppressed_because.is_not(None), or_(outbox.c.state == "held", young))
    ):
        found[why] = found.get(why, 0) + 1
    return dict(sorted(found.items()))


def about(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """Return the messages about a subject, oldest first."""
    return [
        dict(row._mapping)
        for row in connection.execute(select(outbox).where(outbox.c.subject == subject).order_by(outbox.c.id))
    ]
