"""The service will decide which messages leave now, and which incidents are told in one."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.budget import within
from jobs.hold import hold, listed
from monitor.config import Config
from monitor.group import JOINS_WITHIN_US, UPDATES_EVERY_US, Group, Member, gathered
from monitor.store import groups, incidents, outbox, runs
from monitor.window import microseconds

NEVER_US = 2**62  # until the newest message of a group has left or was refused
JOINS = "joins a group that was told less than an hour ago"
WAITS = "waits for the message that opens it"


def gather(connection: Connection, config: Config, now: datetime) -> dict[int, set[int]]:
    """
    Return the messages that may leave now, each with those that must leave before it.

    While `detect` runs, nobody knows yet which incidents come together: new ones wait until it has ended. All is decided
    in the caller's transaction, once: a message keeps the incidents it tells of, and a later run finds them there.
    """
    judging = runs.in_progress(connection, "detect", runs.clock_us(connection, microseconds(now)))
    opened: dict[str, list[dict[str, Any]]] = {}
    closed = []
    for row in hold(connection, config, now):
        if _is_undecided(row) and row["event"] == "opened":
            opened.setdefault(row["recipient"], []).append(row)
        elif _is_undecided(row) and row["event"] == "closed":
            closed.append(row)
        elif row["state"] == "held":
            outbox.release(connection, row["id"], None, now)
    if not judging:
        for rows in opened.values():
            _open(connection, config, rows, now)
    _close(connection, closed, now)
    return within(connection, config, _ready(connection, now), now)


def _is_undecided(row: dict[str, Any]) -> bool:
    """Say whether it is open with which others an incident is told; one that was tried already leaves as it is."""
    facts = row["facts"]
    return facts["kind"] == "incident" and "group" not in facts and not row["attempt"]


def _open(connection: Connection, config: Config, rows: list[dict[str, Any]], now: datetime) -> None:
    """Give the incidents that one recipient has not been told of their messages."""
    now_us = microseconds(now)
    fresh = [_member(connection, config, row["facts"]["incident"], row) for row in rows]
    known = [_group(connection, config, one) for one in groups.living(connection, now_us - JOINS_WITHIN_US)
             if one["recipient"] == rows[0]["recipient"]]  # fmt: skip
    for group, new in gathered(fresh, known):
        if group.first and group.message is None and now_us < group.next_us:
            for one in new:
                outbox.hold(connection, one.row, JOINS)
            continue
        carrier = min(one.row for one in new) if group.message is None else group.message
        _write_down(connection, group, new, carrier)
        groups.merge(connection, {one.row for one in new} - {carrier}, carrier, _because(group, f"message {carrier}"))
        if carrier in {one.row for one in new}:
            outbox.release(connection, carrier, None, now)


def _write_down(connection: Connection, group: Group, new: Iterable[Member], carrier: int) -> None:
    """Keep in the message that tells, and in the group's first one, who belongs to the group."""
    everybody, tags = sorted(one.incident for one in group.members), sorted(group.tags)
    first = group.first or carrier
    told = groups.message(connection, carrier)["facts"]
    facts: dict[str, Any] = {"incidents": everybody, "new": [], "tags": tags}
    if carrier != first:
        joined = {one.incident for one in new} | set(told.get("group", {}).get("new", []))
        groups.note(connection, carrier, {**told, "group": {**facts, "new": sorted(joined), "first": first}})
        told = groups.message(connection, first)["facts"]
        facts = told["group"] | {"tags": tags}
    groups.note(connection, first, {**told, "group": {**facts, "all": everybody, "last": carrier}})


def _because(group: Group, where: str) -> str:
    return f"in {where}: " + (f"shares {min(group.tags)}" if group.tags else "began together")


def _member(connection: Connection, config: Config, number: int, row: dict[str, Any] | None = None) -> Member:
    one = incidents.get(connection, number)
    model = config.models.get(one.model)
    tags = frozenset() if model is None else frozenset(model.shares)
    told = {} if row is None else {"row": row["id"], "opened_us": row["created_us"]}
    return Member(number, one.model, one.onset_hour, tags, is_closed=one.state == "closed", **told)


def _group(connection: Connection, config: Config, first: dict[str, Any]) -> Group:
    """Return a group as its first message keeps it, and whether its newest one may still tell of more."""
    kept = first["facts"]["group"]
    last = groups.message(connection, kept["last"])
    members = tuple(_member(connection, config, number) for number in kept["all"])
    message, next_us = None, (last["sent_us"] or last["retry_us"]) + UPDATES_EVERY_US
    if last["state"] in groups.UNLEFT:
        is_here = last["state"] in {"queued", "held"} and not last["possible_repeat"]
        message, next_us = last["id"] if is_here else None, NEVER_US
    since_us = first["sent_us"] or first["created_us"]
    return Group(members, frozenset(kept["tags"]), since_us, first["id"], message, next_us)


def _close(connection: Connection, rows: Iterable[dict[str, Any]], now: datetime) -> None:
    """Tell of the end of a group when all its incidents are closed; of an incident told alone, at once."""
    ended: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        first = groups.first_of(connection, row["facts"]["incident"], row["recipient"])
        if first is not None:
            ended.setdefault(first["id"], []).append(row)
        elif any(one["event"] == "opened" and one["state"] in groups.UNLEFT
                 for one in groups.about(connection, row["facts"]["incident"], row["recipient"])):  # fmt: skip
            outbox.hold(connection, row["id"], WAITS)
        elif row["state"] == "held":
            outbox.release(connection, row["id"], None, now)
    for number, some in ended.items():
        kept = groups.message(connection, number)["facts"]["group"]
        left = [n for n in kept["all"] if incidents.get(connection, n).state != "closed"]
        carrier = some[-1]  # the newest: it follows all that was told of the group
        if left and len(kept["all"]) > 1:
            for row in some:
                outbox.hold(connection, row["id"], f"told when its whole group is closed; {len(left)} are not")
            continue
        facts = {"incidents": kept["all"], "new": [], "tags": kept["tags"], "first": number}
        groups.note(connection, carrier["id"], {**carrier["facts"], "group": facts})
        groups.merge(
            connection, [row["id"] for row in some[:-1]], carrier["id"], f"in message {carrier['id']}: closed together"
        )
        outbox.release(connection, carrier["id"], None, now)


def _ready(connection: Connection, now: datetime) -> dict[int, set[int]]:
    """Return what is due, but for what waits behind a message about the same incident that cannot leave now."""
    due = {row["id"]: row for row in outbox.due(connection, now)
           if not (_is_undecided(row) and row["event"] == "opened")}  # fmt: skip
    behind = {number: _before(connection, row) for number, row in due.items()}
    return {number: first for number, first in behind.items() if first <= set(due)}


def _before(connection: Connection, row: dict[str, Any]) -> set[int]:
    """Return the messages that have not left and tell the recipient of the same incidents first."""
    if row["facts"]["kind"] == "digest":
        before = [groups.message(connection, number) for number in row["facts"]["after"]]
        return {one["id"] for one in before if one["state"] in groups.UNLEFT}
    if row["facts"]["kind"] != "incident" or row["event"] == "opened":
        return set()
    told = [groups.carrier(connection, one) for number in listed(row)
            for one in groups.about(connection, number, row["recipient"]) if one["id"] < row["id"]]  # fmt: skip
    return {one["id"] for one in told if one["id"] != row["id"] and one["state"] in groups.UNLEFT}
