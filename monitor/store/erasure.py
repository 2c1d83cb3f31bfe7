"""Delete what a person asked to be forgotten, and remember only that it must stay away."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.arrivals import mark_dirty_hours
from monitor.store.rows import forget_contexts
from monitor.store.tables import (
    bookmark,
    half,
    incident,
    label,
    last_seen,
    prediction,
    prediction_input,
    prediction_row,
    reject,
    setting,
    shadow_answer,
    shadow_cache,
    tombstone,
)
from monitor.window import MICROSECONDS_PER_HOUR

AT_ONCE = 200
APPLIED = "erasures"
TOUCHED = (
    "context",
    "prediction_row",
    "prediction_input",
    "half",
    "label",
    "shadow_answer",
    "shadow_cache",
    "reject",
    "incident",
)


@dataclass(frozen=True)
class Found:
    """Name a stored prediction and where its line lies."""

    day: int
    uid: bytes
    model: str
    time_us: int
    text: str | None
    input_hash: bytes | None
    bookmark: int
    position: int
    path: str


def by_request(connection: Connection, model: str | None, request_ids: Sequence[str]) -> list[Found]:
    """Return the predictions of these calls, of one model or of all."""
    return _found(connection, model, prediction.c.request_id, request_ids)


def by_text_hash(connection: Connection, model: str | None, hashes: Sequence[bytes]) -> list[Found]:
    """Return the predictions whose text is one of these once normalised; `text` tells which of them it is exactly."""
    return _found(connection, model, prediction.c.text_hash, hashes)


def by_uid(connection: Connection, uids: Sequence[bytes]) -> list[Found]:
    """Return the stored predictions with these uids."""
    return _found(connection, None, prediction.c.uid, uids)


def _found(connection: Connection, model: str | None, column: Any, values: Sequence[Any]) -> list[Found]:
    found = []
    for at in range(0, len(values), AT_ONCE):
        query = (
            select(prediction.c.day, prediction.c.uid, prediction.c.model, prediction.c.time, prediction_input.c.text,
                   prediction.c.input_hash, prediction.c.bookmark, prediction.c.position, bookmark.c.path_last)
            .select_from(prediction.outerjoin(prediction_input, and_(
                prediction.c.day == prediction_input.c.day, prediction.c.uid == prediction_input.c.uid))
                .outerjoin(bookmark, bookmark.c.id == prediction.c.bookmark))
            .where(column.in_(values[at : at + AT_ONCE]))
            .order_by(prediction.c.time, prediction.c.uid)
        )  # fmt: skip
        if model is not None:
            query = query.where(prediction.c.model == model)
        found += [Found(row[0], bytes(row[1]), row[2], row[3], row[4], row[5] and bytes(row[5]), row[6], row[7], row[8] or "")
                  for row in connection.execute(query)]  # fmt: skip
    return found


def erase(connection: Connection, found: Sequence[Found], uids: Sequence[bytes], now_us: int) -> dict[str, int]:
    """
    Delete these predictions from every table, and bar all of `uids` from ever coming back.

    Their hours are marked to be summed up again from what is left. Returns rows deleted by table.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if uids:
        connection.execute(
            make(tombstone).on_conflict_do_nothing(), [{"uid": uid, "erased_us": now_us} for uid in uids]
        )
    gone = dict.fromkeys(TOUCHED, 0)
    for at in range(0, len(found), AT_ONCE):
        some = found[at : at + AT_ONCE]
        for table in (prediction_row, prediction_input, label, shadow_answer):
            those = or_(*(and_(table.c.day == one.day, table.c.uid == one.uid) for one in some))
            gone[table.name] += connection.execute(delete(table).where(those)).rowcount
        inputs = [one.input_hash for one in some if one.input_hash is not None]
        gone["shadow_cache"] += connection.execute(
            delete(shadow_cache).where(shadow_cache.c.input_hash.in_(inputs))
        ).rowcount
        lines = or_(*(and_(reject.c.bookmark == one.bookmark, reject.c.position == one.position) for one in some))
        gone["reject"] += connection.execute(
            update(reject).where(lines, reject.c.sample != "").values(sample="")
        ).rowcount
    if gone["prediction_row"]:
        forget_contexts(connection)
        connection.execute(
            delete(last_seen).where(last_seen.c.model.in_({one.model for one in found}))
        )  # it may be one of these
    gone["incident"] = _unquote(connection, {one.text for one in found if one.text})
    mark_dirty_hours(connection, sorted({(one.model, one.time_us // MICROSECONDS_PER_HOUR) for one in found}))
    return gone


def forget_halves(connection: Connection, source: str, calls: Sequence[bytes]) -> int:
    """Delete the waiting halves of these calls; returns how many there were."""
    return connection.execute(delete(half).where(half.c.source == source, half.c.join_digest.in_(calls))).rowcount


def _unquote(connection: Connection, texts: set[str]) -> int:
    """Take erased texts out of the examples that incidents quote; returns how many incidents quoted one."""
    changed = 0
    for row in connection.execute(select(incident.c.id, incident.c.detail)).all() if texts else ():
        detail = json.loads(row.detail)
        left = [one for one in detail.get("texts", ()) if one.get("text") not in texts]
        if len(left) != len(detail.get("texts", ())):
            body = json.dumps({**detail, "texts": left}, ensure_ascii=False)
            connection.execute(update(incident).where(incident.c.id == row.id).values(detail=body))
            changed += 1
    return changed


def applied(connection: Connection) -> int:
    """Return how many entries of the list of erasures this store has applied."""
    found = connection.execute(select(setting.c.value).where(setting.c.name == APPLIED)).scalar()
    return int(found or 0)


def note_applied(connection: Connection, count: int) -> None:
    """Remember how many entries of the list of erasures are applied."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = make(setting).values(name=APPLIED, value=str(count))
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": str(count)}))
