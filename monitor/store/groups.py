"""
Keep which incidents a recipient was told of together, in the facts of the messages that told it.

The facts of a message that opens an incident hold `group`: the `incidents` it lists, the `new` ones among them (none in
a first message), the `tags` their models share. A first message also keeps `all` incidents of its group so far and the
number of its `last` message; later ones name it as `first`. A message that became part of another holds `into`.
"""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, or_, select, update

from monitor.store.tables import outbox

UNLEFT = ("queued", "held", "claimed", "handed_over")
KEPT = 64  # letters of a reason


def message(connection: Connection, number: int) -> dict[str, Any]:
    """Return one message, its facts read."""
    return _read(connection.execute(select(outbox).where(outbox.c.id == number)).one())


def about(connection: Connection, number: int, recipient: str | None = None) -> list[dict[str, Any]]:
    """Return the messages about an incident, to one recipient or all, oldest first, their facts read."""
    query = select(outbox).where(outbox.c.subject == f"incident:{number}").order_by(outbox.c.id)
    if recipient is not None:
        query = query.where(outbox.c.recipient == recipient)
    return [_read(row) for row in connection.execute(query)]


def telling(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Return the message by which this one is told: itself, or the one it became part of."""
    into = row["facts"].get("into")
    return row if into is None else message(connection, into)


def carrier(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Return the message that leaves for this one: what tells it, or the digest that is counted in."""
    while "into" in row["facts"]:
        row = message(connection, row["facts"]["into"])
    return row


def first_of(connection: Connection, number: int, recipient: str) -> dict[str, Any] | None:
    """Return the first message of the group in which a recipient is told of an incident; None when it is in none yet."""
    opened = [row for row in about(connection, number, recipient) if row["event"] == "opened"]
    if not opened:
        return None
    told = telling(connection, opened[-1])
    group = told["facts"].get("group")
    if group is None:
        return None
    return message(connection, group["first"]) if "first" in group else told


def living(connection: Connection, since_us: int) -> list[dict[str, Any]]:
    """Return the first messages of groups that did not leave yet, or left at `since_us` or later."""
    recent = or_(outbox.c.sent_us >= since_us, outbox.c.state.in_(UNLEFT))
    query = select(outbox).where(outbox.c.event == "opened", outbox.c.subject.like("incident:%"), recent)
    rows = [_read(row) for row in connection.execute(query.order_by(outbox.c.id))]
    return [row for row in rows if "first" not in row["facts"].get("group", {"first": 0})]


def note(connection: Connection, number: int, facts: dict[str, Any]) -> None:
    """Replace the facts of a message."""
    connection.execute(update(outbox).where(outbox.c.id == number).values(facts=_text(facts)))


def merge(connection: Connection, numbers: Collection[int], into: int, why: str) -> None:
    """Make messages that wait part of another one: they are told by it, and never leave by themselves."""
    for number in numbers:
        row = message(connection, number)
        connection.execute(
            update(outbox)
            .where(outbox.c.id == number, outbox.c.state.in_(("queued", "held")))
            .values(state="merged", suppressed_because=why[:KEPT], facts=_text({**row["facts"], "into": into}))
        )


def together(connection: Connection, number: int) -> list[int]:
    """Return the other incidents that were told together with this one, to anybody, in order."""
    found: set[int] = set()
    for recipient in {row["recipient"] for row in about(connection, number)}:
        first = first_of(connection, number, recipient)
        found |= set() if first is None else set(first["facts"]["group"]["all"])
    return sorted(found - {number})


def _read(row: Any) -> dict[str, Any]:
    return {**row._mapping, "facts": json.loads(row.facts)}


def _text(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, default=str)
