"""Keep what an approved decision started: one call each, written down before it is made."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.errors import StoreError
from monitor.store import decisions
from monitor.store.tables import decision, trigger_call
from monitor.window import microseconds

LONGEST_ANSWER = 2000
STATES = {"started": "triggered"}  # of a decision whose call ended so; the others have the same name
ANSWERS = {  # what people may say, of a decision in which state, and what it is then
    "started": ({"in_doubt"}, "triggered"),
    "fail": ({"in_doubt", "triggered"}, "failed"),
    "done": ({"triggered"}, "done"),
}


def begin(connection: Connection, one: dict[str, Any], now: datetime) -> bool:
    """
    Write `calling` before the call of an approved decision, as it was read.

    False when a call was ever begun, by whomever, or the decision changed since: then nothing may be called.
    """
    claim = update(decision).where(
        decision.c.id == one["id"], decision.c.revision == one["revision"], decision.c.state == "approved"
    )
    if connection.execute(claim.values(revision=one["revision"] + 1)).rowcount != 1:
        return False
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"decision": one["id"], "state": "calling", "called_us": microseconds(now), "answer": "", "attempts": 1}
    write = make(trigger_call).values(values).on_conflict_do_nothing().returning(trigger_call.c.decision)
    return connection.execute(write).first() is not None


def again(connection: Connection, number: int) -> bool:
    """Count one more attempt of a call that has not ended; False when it has."""
    query = update(trigger_call).where(trigger_call.c.decision == number, trigger_call.c.state == "calling")
    return connection.execute(query.values(attempts=trigger_call.c.attempts + 1)).rowcount == 1


def note(connection: Connection, number: int, answer: str) -> None:
    """Keep what the last attempt of a call came to that is to be tried again."""
    query = update(trigger_call).where(trigger_call.c.decision == number, trigger_call.c.state == "calling")
    connection.execute(query.values(answer=answer[:LONGEST_ANSWER]))


def open(connection: Connection) -> list[dict[str, Any]]:
    """Return the decisions whose call was begun and has not ended."""
    query = select(trigger_call.c.decision).where(trigger_call.c.state == "calling").order_by(trigger_call.c.decision)
    return [decisions.get(connection, number) for number in connection.execute(query).scalars().all()]


def end(connection: Connection, number: int, state: str, answer: str, *, now: datetime) -> bool:
    """
    Note how a call ended (started, failed, in_doubt, or recorded: nothing was to run) and move the decision on.

    False when it had ended before: the first end holds.
    """
    query = update(trigger_call).where(trigger_call.c.decision == number, trigger_call.c.state == "calling")
    if connection.execute(query.values(state=state, answer=answer[:LONGEST_ANSWER])).rowcount != 1:
        return False
    one = decisions.get(connection, number)
    reason = f"{state}: {answer[:200]}"
    decisions.move(connection, one, STATES.get(state, state), actor="vigie", reason=reason, now=now)
    return True


def answer(connection: Connection, number: int, verb: str, *, actor: str, reason: str, now: datetime,
           revision: int | None = None) -> None:  # fmt: skip
    """
    Take a person's word for what became of a call: `started` or `fail` where it is in doubt, `done` or `fail` later.

    Raises StoreError when the decision is in no state for that, or changed since the person saw it at `revision`.
    """
    one = decisions.get(connection, number)
    states, then = ANSWERS[verb]
    if one["state"] not in states:
        raise StoreError(f"decision {number} is {one['state']}, not {' or '.join(sorted(states)).replace('_', ' ')}")
    if revision is not None and revision != one["revision"]:
        raise StoreError(f"decision {number} was changed by somebody else meanwhile", remedy="look again")
    if len(reason.strip()) < decisions.SHORTEST_REASON:
        raise StoreError(f"a reason of at least {decisions.SHORTEST_REASON} characters is needed")
    if verb != "done":
        told = "started" if verb == "started" else "failed"
        connection.execute(update(trigger_call).where(trigger_call.c.decision == number).values(state=told))
    decisions.move(connection, one, then, actor=actor, reason=reason, now=now)
