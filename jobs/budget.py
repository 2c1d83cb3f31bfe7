"""The service will send one recipient so many mails an hour, and count what is beyond them in one digest."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.hold import listed
from monitor.alerts import Message
from monitor.config import Config
from monitor.store import groups, outbox
from monitor.window import microseconds

HOUR_US = 3_600_000_000
COUNTED = ("incident", "service")  # reports and decisions are few, and wait for nobody's storm


def within(connection: Connection, config: Config, ready: dict[int, set[int]], now: datetime) -> dict[int, set[int]]:
    """
    Return what may leave within each recipient's budget, with what must leave before it; the rest becomes one digest.

    Within an hour of a digest to the same recipient the rest is held, and the reason kept. What was tried already leaves.
    """
    rows = [row for row in outbox.due(connection, now) if row["id"] in ready]
    counted: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["channel"] == "mail" and row["facts"]["kind"] in COUNTED and not row["attempt"]:
            counted.setdefault(row["recipient"], []).append(row)
    most = config.delivery.messages_per_hour
    for recipient, some in counted.items():
        left = max(0, most - outbox.told_since(connection, recipient, microseconds(now) - HOUR_US))
        if len(some) > left:
            ready = _digested(connection, recipient, some[left:], ready, now)
    return ready


def _digested(
    connection: Connection, recipient: str, rest: list[dict[str, Any]], ready: dict[int, set[int]], now: datetime
) -> dict[int, set[int]]:
    over = {row["id"] for row in rest}
    now_us = microseconds(now)
    last = [
        one for one in outbox.about(connection, f"digest:{recipient}") if one["state"] not in {"dead", "suppressed"}
    ][-1:]
    if last and (last[0]["state"] in groups.UNLEFT or last[0]["sent_us"] > now_us - HOUR_US):
        for number in over:
            outbox.hold(connection, number, "over the mails of an hour; in the next digest")
        return {number: first for number, first in ready.items() if number not in over and not first & over}
    first = set().union(*(ready[number] for number in over)) - over
    told = Counter(f"{row['event']}: {_what(row)}" for row in rest)
    facts = {"kind": "digest", "messages": len(rest), "told": told, "after": sorted(first),
             "language": rest[-1]["facts"].get("language", "en")}  # fmt: skip
    outbox.queue(
        connection, [Message(f"digest:{recipient}", "digest", now_us // 60_000_000, "mail", recipient, facts)], now
    )
    digest = outbox.about(connection, f"digest:{recipient}")[-1]["id"]
    groups.merge(connection, over, digest, f"in digest {digest}: over the mails of an hour")
    kept = {number: before for number, before in ready.items() if number not in over}
    return {number: before - over | ({digest} if before & over else set()) for number, before in kept.items()} | {
        digest: first
    }


def _what(row: dict[str, Any]) -> str:
    facts = row["facts"]
    if facts["kind"] == "service":
        return str(facts["what"])
    return f"{facts['model']}, incident " + ", ".join(f"#{number}" for number in listed(row))
