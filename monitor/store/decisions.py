"""Keep every decision: what was proposed on which evidence, who judged it, and what it started."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, desc, select, update

from monitor.detection.incident import Change
from monitor.errors import NoData, StoreError
from monitor.store.incidents import write_change
from monitor.store.tables import approval, decision, trigger_call
from monitor.window import MICROSECONDS_PER_HOUR, microseconds, moment

SHORTEST_REASON = 10
APPROVED_HOURS = 24


def digest_of(parts: dict[str, Any]) -> str:
    """Return the SHA-256 an approval is bound to: model, recommendation, evidence, trigger, requester."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def propose(
    connection: Connection, parts: dict[str, Any], *, sentence: str, now: datetime, expires_days: float
) -> int | None:
    """
    Store a proposal and expire the model's older open one; None when the same evidence was proposed before.

    `parts` holds model, recommendation, evidence, trigger, requester: what the digest binds.
    """
    digest = digest_of(parts)
    if connection.execute(
        select(decision.c.id).where(decision.c.model == parts["model"], decision.c.digest == digest)
    ).first():
        return None
    for old in connection.execute(
        select(decision).where(decision.c.model == parts["model"], decision.c.state == "proposed")
    ).all():
        _move(connection, old, "expired", actor="vigie", reason="a newer proposal replaces it", now=now)
    values = {
        "model": parts["model"], "made_us": microseconds(now), "requester": parts["requester"],
        "recommendation": parts["recommendation"], "sentence": sentence, "evidence": json.dumps(parts["evidence"], ensure_ascii=False, default=str),
        "trigger": json.dumps(parts["trigger"]), "digest": digest, "state": "proposed",
        "expires_us": microseconds(now + timedelta(days=expires_days)), "revision": 1,
    }  # fmt: skip
    number = int(connection.execute(decision.insert().values(values).returning(decision.c.id)).scalar_one())
    write_change(connection, Change(f"decision:{number}", parts["model"], "proposed", None, "proposed", f"made:{digest[:16]}",
                                    parts["requester"], sentence, now))  # fmt: skip
    return number


def all(connection: Connection, model: str | None = None) -> list[dict[str, Any]]:
    """Return decisions, newest first."""
    query = select(decision).order_by(desc(decision.c.id))
    if model is not None:
        query = query.where(decision.c.model == model)
    return [_plain(row) for row in connection.execute(query)]


def get(connection: Connection, number: int) -> dict[str, Any]:
    """Return one decision with its approvals; NoData when there is none of this number."""
    row = connection.execute(select(decision).where(decision.c.id == number)).one_or_none()
    if row is None:
        raise NoData(f"there is no decision {number}", remedy="vigie decisions list")
    judged = [dict(one._mapping) for one in connection.execute(select(approval).where(approval.c.decision == number))]
    call = connection.execute(select(trigger_call).where(trigger_call.c.decision == number)).one_or_none()
    return {**_plain(row), "approvals": judged, "call": None if call is None else dict(call._mapping)}


def judge(connection: Connection, number: int, verdict: str, *, actor: str, reason: str, now: datetime) -> None:
    """
    Approve or reject a proposal; StoreError says why it may not be.

    The approver is never the requester, the reason has at least 10 characters, and an expired proposal is over.
    """
    row = connection.execute(select(decision).where(decision.c.id == number)).one_or_none()
    if row is None:
        raise NoData(f"there is no decision {number}")
    if row.state != "proposed":
        raise StoreError(f"decision {number} is {row.state}, nobody can {verdict} it any more")
    if microseconds(now) > row.expires_us:
        raise StoreError(f"decision {number} expired on {moment(row.expires_us):%d %b %Y}")
    if verdict == "approve" and actor == row.requester:
        raise StoreError("you asked for it: somebody else approves")
    if len(reason.strip()) < SHORTEST_REASON:
        raise StoreError(f"a reason of at least {SHORTEST_REASON} characters is needed")
    state = "approved" if verdict == "approve" else "rejected"
    connection.execute(
        approval.insert().values(decision=number, person=actor, verdict=state, reason=reason, at_us=microseconds(now))
    )
    _move(connection, row, state, actor=actor, reason=reason, now=now)


def expire(connection: Connection, now: datetime) -> int:
    """Expire proposals past their day, and approvals that started nothing within 24 hours; returns how many."""
    now_us = microseconds(now)
    over = connection.execute(
        select(decision).where(decision.c.state == "proposed", decision.c.expires_us < now_us)
    ).all()
    for row in over:
        _move(connection, row, "expired", actor="vigie", reason="nobody decided in time", now=now)
    begun = select(trigger_call.c.decision)
    stale = connection.execute(
        select(decision)
        .join(approval, approval.c.decision == decision.c.id)
        .where(decision.c.state == "approved", decision.c.id.not_in(begun))
        .where(approval.c.at_us < now_us - APPROVED_HOURS * MICROSECONDS_PER_HOUR)
    ).all()
    for row in stale:
        _move(connection, row, "expired", actor="vigie", reason=f"not started within {APPROVED_HOURS} hours", now=now)
    return len(over) + len(stale)


def approved(connection: Connection) -> list[dict[str, Any]]:
    """Return approved decisions that have not started anything."""
    return [
        get(connection, row.id)
        for row in connection.execute(select(decision.c.id).where(decision.c.state == "approved")).all()
    ]


def begin_call(connection: Connection, number: int, now: datetime) -> bool:
    """Write `calling` before the call; False when a call was ever begun: it is never tried twice without a person."""
    if connection.execute(select(trigger_call).where(trigger_call.c.decision == number)).first() is not None:
        return False
    connection.execute(
        trigger_call.insert().values(decision=number, state="calling", called_us=microseconds(now), answer="")
    )
    return True


def calling(connection: Connection) -> list[dict[str, Any]]:
    """Return the decisions whose call was begun and has not ended."""
    query = select(trigger_call.c.decision).where(trigger_call.c.state == "calling").order_by(trigger_call.c.decision)
    return [get(connection, number) for number in connection.execute(query).scalars().all()]


def end_call(connection: Connection, number: int, state: str, answer: str, now: datetime) -> None:
    """Note how the call ended (started, failed, in_doubt, or recorded: nothing was to run) and move the decision on."""
    connection.execute(
        update(trigger_call).where(trigger_call.c.decision == number).values(state=state, answer=answer[:2000])
    )
    row = connection.execute(select(decision).where(decision.c.id == number)).one()
    _move(
        connection,
        row,
        "triggered" if state == "started" else state,
        actor="vigie",
        reason=f"{state}: {answer[:200]}",
        now=now,
    )


def _move(connection: Connection, row: Any, state: str, *, actor: str, reason: str, now: datetime) -> None:
    done = connection.execute(
        update(decision)
        .where(decision.c.id == row.id, decision.c.revision == row.revision)
        .values(state=state, revision=row.revision + 1)
    )
    if done.rowcount != 1:
        raise StoreError(f"decision {row.id} was changed by somebody else meanwhile", remedy="look again")
    write_change(
        connection,
        Change(f"decision:{row.id}", row.model, state, row.state, state, f"{state}:{row.revision}", actor, reason, now),
    )


def _plain(row: Any) -> dict[str, Any]:
    return {**row._mapping, "evidence": json.loads(row.evidence), "trigger": json.loads(row.trigger)}
