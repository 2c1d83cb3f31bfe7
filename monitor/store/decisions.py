"""Keep every decision: what was proposed on which evidence, and who judged it."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, desc, func, select, update

from monitor.detection.incident import Change
from monitor.errors import NoData, StoreError
from monitor.store.incidents import write_change
from monitor.store.tables import approval, decision, trigger_call
from monitor.window import MICROSECONDS_PER_HOUR, microseconds, moment

SHORTEST_REASON = 10
APPROVED_HOURS = 24
AHEAD_US = MICROSECONDS_PER_HOUR // 6  # an approval further in the future than this: the clock was set back
BOUND = ("model", "champion", "recommendation", "evidence", "trigger", "settings", "requester")


def digest_of(parts: dict[str, Any]) -> str:
    """Return the SHA-256 an approval is bound to: of the seven `BOUND` parts, as JSON with sorted keys; a part left out is null."""
    bound = {name: parts.get(name) for name in BOUND}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def propose(
    connection: Connection, parts: dict[str, Any], *, sentence: str, now: datetime, expires_days: float
) -> int | None:
    """
    Store a proposal and expire the model's older open one; None when the same evidence was proposed before.

    `parts` are what the digest binds: model, champion, recommendation, evidence, trigger, settings, requester.
    """
    digest = digest_of(parts)
    if connection.execute(
        select(decision.c.id).where(decision.c.model == parts["model"], decision.c.digest == digest)
    ).first():
        return None
    for old in connection.execute(
        select(decision).where(decision.c.model == parts["model"], decision.c.state == "proposed")
    ).all():
        move(connection, old, "expired", actor="vigie", reason="a newer proposal replaces it", now=now)
    values = {
        "model": parts["model"], "made_us": microseconds(now), "requester": parts["requester"],
        "recommendation": parts["recommendation"], "sentence": sentence, "evidence": json.dumps(parts["evidence"], ensure_ascii=False, default=str),
        "trigger": json.dumps(parts.get("trigger")), "digest": digest, "state": "proposed",
        "expires_us": microseconds(now + timedelta(days=expires_days)), "revision": 1,
        "champion": parts.get("champion"), "settings": parts.get("settings"),
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
    query = select(approval).where(approval.c.decision == number).order_by(approval.c.at_us, approval.c.person)
    judged = [dict(one._mapping) for one in connection.execute(query)]
    call = connection.execute(select(trigger_call).where(trigger_call.c.decision == number)).one_or_none()
    return {**_plain(row), "approvals": judged, "call": None if call is None else dict(call._mapping)}


def approvers(one: dict[str, Any], person: Callable[[str], str]) -> set[str]:
    """
    Return the distinct people who approved a decision of `get`, its requester left out.

    `person` gives the one behind an identity.
    """
    found = {person(given["person"]) for given in one["approvals"] if given["verdict"] == "approved"}
    return found - {person(one["requester"])}


def judge(connection: Connection, number: int, verdict: str, *, actor: str, reason: str, now: datetime,
          revision: int | None = None, needed: int = 1, person: Callable[[str], str] = str) -> None:  # fmt: skip
    """
    Approve or reject a proposal; StoreError says why it may not be.

    An approver is never the requester and counts once, whatever the identity (`person` gives the one behind it); with
    `needed` 2 the first approval leaves the proposal open. One rejection is enough. The reason has at least 10
    characters, an expired proposal is over, and so is one that changed since the person saw it at `revision`.
    """
    one = get(connection, number)
    if one["state"] != "proposed":
        raise StoreError(f"decision {number} is {one['state']}, nobody can {verdict} it any more")
    if microseconds(now) > one["expires_us"]:
        raise StoreError(f"decision {number} expired on {moment(one['expires_us']):%d %b %Y}")
    if revision is not None and revision != one["revision"]:
        raise StoreError(f"decision {number} was changed by somebody else meanwhile", remedy="look again")
    if len(reason.strip()) < SHORTEST_REASON:
        raise StoreError(f"a reason of at least {SHORTEST_REASON} characters is needed")
    given = {"decision": number, "person": actor, "reason": reason, "at_us": microseconds(now)}
    if verdict != "approve":
        connection.execute(approval.delete().where(approval.c.decision == number, approval.c.person == actor))
        connection.execute(approval.insert().values(**given, verdict="rejected"))
        move(connection, one, "rejected", actor=actor, reason=reason, now=now)
        return
    others = approvers(one, person)
    if person(actor) == person(one["requester"]):
        raise StoreError("you asked for it: somebody else approves")
    if person(actor) in others:
        raise StoreError("you approved it already: somebody else approves too")
    connection.execute(approval.insert().values(**given, verdict="approved"))
    state = "approved" if len(others) + 1 >= needed else "proposed"
    move(connection, one, state, actor=actor, reason=reason, now=now, what="approved")


def expire(connection: Connection, now: datetime) -> int:
    """
    Expire proposals past their day, and approvals that started nothing within 24 hours; returns how many.

    An approval that lies in the future is over too: the clock was set back, and nobody knows how old it is.
    """
    now_us = microseconds(now)
    over = connection.execute(
        select(decision).where(decision.c.state == "proposed", decision.c.expires_us < now_us)
    ).all()
    for row in over:
        move(connection, row, "expired", actor="vigie", reason="nobody decided in time", now=now)
    last = func.max(approval.c.at_us)
    stale = connection.execute(
        select(decision)
        .join(approval, approval.c.decision == decision.c.id)
        .where(decision.c.state == "approved", decision.c.id.not_in(select(trigger_call.c.decision)))
        .group_by(decision.c.id)
        .having((last < now_us - APPROVED_HOURS * MICROSECONDS_PER_HOUR) | (last > now_us + AHEAD_US))
    ).all()
    for row in stale:
        move(connection, row, "expired", actor="vigie", reason=f"not started within {APPROVED_HOURS} hours", now=now)
    return len(over) + len(stale)


def in_state(connection: Connection, state: str, model: str | None = None) -> list[dict[str, Any]]:
    """Return decisions in a state with their approvals, oldest first."""
    query = select(decision.c.id).where(decision.c.state == state).order_by(decision.c.id)
    if model is not None:
        query = query.where(decision.c.model == model)
    return [get(connection, number) for number in connection.execute(query).scalars().all()]


def move(connection: Connection, one: Any, state: str, *, actor: str, reason: str, now: datetime, what: str = "") -> None:  # fmt: skip
    """
    Move a decision, as it was read, to another state and log the change as `what` (the state, when left out).

    Raises StoreError when somebody else changed it since.
    """
    old = one if isinstance(one, dict) else one._mapping
    done = connection.execute(
        update(decision)
        .where(decision.c.id == old["id"], decision.c.revision == old["revision"])
        .values(state=state, revision=old["revision"] + 1)
    )
    if done.rowcount != 1:
        raise StoreError(f"decision {old['id']} was changed by somebody else meanwhile", remedy="look again")
    key = f"{what or state}:{old['revision']}"
    write_change(connection, Change(f"decision:{old['id']}", old["model"], what or state, old["state"], state, key, actor, reason, now))  # fmt: skip


def _plain(row: Any) -> dict[str, Any]:
    return {**row._mapping, "evidence": json.loads(row.evidence), "trigger": json.loads(row.trigger)}
