"""Write predictions: what many have in common once, the rest in bulk through the driver."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.batch import Reject
from monitor.prediction import FIELD
from monitor.store.tables import context, prediction, prediction_input, prediction_row, tombstone
from monitor.window import MICROSECONDS_PER_HOUR

COMMON = [one.name for one in context.c if one.name not in {"id", "digest"}]
OWN = [one.name for one in prediction_row.c]
KNOWN_AT_ONCE = 400
CONTEXTS = 7316593  # the lock on what may be forgotten


def living(connection: Connection, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that nobody asked to be forgotten."""
    if not rows.height or connection.execute(select(tombstone.c.uid).limit(1)).first() is None:
        return rows
    uids, gone = rows["uid"].to_list(), set[bytes]()
    for at in range(0, len(uids), KNOWN_AT_ONCE):
        query = select(tombstone.c.uid).where(tombstone.c.uid.in_(uids[at : at + KNOWN_AT_ONCE]))
        gone |= {bytes(uid) for uid in connection.execute(query).scalars()}
    return rows if not gone else rows.filter(pl.Series([uid not in gone for uid in uids]))


def insert(connection: Connection, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Reject]]:
    """
    Write the rows whose uid is not stored and did not come earlier in the frame; return them, and a reject for every
    other one that answers differently.
    """
    if not rows.height:
        return rows, []
    ready = rows.with_columns(
        pl.col("time").dt.epoch("us"),
        day=(pl.col("time").dt.epoch("us") // (24 * MICROSECONDS_PER_HOUR)).cast(pl.Int32),
        context=_contexts(connection, rows),
    )
    if connection.dialect.name == "postgresql":
        for day in ready["day"].unique().to_list():
            connection.execute(select(func.vigie_make_day(day)))
    attempt = connection.begin_nested()
    if _write(connection, ready) == ready.height:  # nearly always: nothing was there before
        attempt.commit()
        return rows, []
    attempt.rollback()
    keep, conflicting = _unknown(connection, ready)
    written = _write(connection, ready[keep])
    assert written == len(keep), "two transactions wrote one source at once"
    return rows[keep], conflicting


def forget_contexts(connection: Connection) -> None:
    """Delete what no row has in common any more: names of callers must not outlive their rows."""
    if connection.dialect.name == "postgresql":  # no row may come between the look and the deletion
        connection.execute(select(func.pg_advisory_xact_lock(CONTEXTS)))
    connection.execute(delete(context).where(context.c.id.not_in(select(prediction_row.c.context))))


def _contexts(connection: Connection, rows: pl.DataFrame) -> pl.Series:
    """Return the id of what each row has in common with others; what is new is stored first."""
    if connection.dialect.name == "postgresql":  # what is found here must not be forgotten before the rows are there
        connection.execute(select(func.pg_advisory_xact_lock_shared(CONTEXTS)))
    varying = [name for name in COMMON if rows[name].n_unique() > 1]
    distinct = rows.select(COMMON).unique(varying) if varying else rows.select(COMMON).head(1)
    encode = msgspec.json.encode
    of_digest = {hashlib.blake2b(encode(one), digest_size=16).digest(): one for one in distinct.iter_rows()}
    known = _known_contexts(connection, list(of_digest))
    if len(known) < len(of_digest):
        make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        fresh = [{"digest": digest, **dict(zip(COMMON, one, strict=True))}
                 for digest, one in sorted(of_digest.items()) if digest not in known]  # fmt: skip
        connection.execute(make(context).on_conflict_do_nothing(index_elements=["digest"]), fresh)
        known = _known_contexts(connection, list(of_digest))
    ids = pl.Series("context", [known[digest] for digest in of_digest], dtype=pl.Int64)
    if not varying:
        return pl.select(pl.repeat(ids[0], rows.height, dtype=pl.Int64)).to_series()
    table = distinct.select(varying).with_columns(ids)
    return rows.select(varying).join(table, on=varying, how="left", nulls_equal=True, maintain_order="left")["context"]


def _known_contexts(connection: Connection, digests: list[bytes]) -> dict[bytes, int]:
    known: dict[bytes, int] = {}
    for at in range(0, len(digests), KNOWN_AT_ONCE):
        query = select(context.c.digest, context.c.id).where(context.c.digest.in_(digests[at : at + KNOWN_AT_ONCE]))
        known |= {bytes(digest): number for digest, number in connection.execute(query)}
    return known


def _unknown(connection: Connection, ready: pl.DataFrame) -> tuple[list[int], list[Reject]]:
    """Name the rows whose uid is neither stored nor earlier in the frame; refuse the others that answer differently."""
    known: dict[tuple[int, bytes], tuple[Any, Any, Any]] = {}
    days, uids = ready["day"].unique().to_list(), ready["uid"].unique().to_list()
    for at in range(0, len(uids), KNOWN_AT_ONCE):
        query = select(
            prediction.c.day, prediction.c.uid, prediction.c.label, prediction.c.score_step, prediction.c.text_hash
        ).where(prediction.c.day.in_(days), prediction.c.uid.in_(uids[at : at + KNOWN_AT_ONCE]))
        known |= {(day, bytes(uid)): (label, step, text) for day, uid, label, step, text in connection.execute(query)}
    keep, conflicting = [], []
    told = ready.select("day", "uid", "label", "score_step", "text_hash", "position", "bytes", "row")
    for at, (day, uid, label, step, text, position, length, row) in enumerate(told.iter_rows()):
        answer = (label, step, text)
        if (day, uid) not in known:
            known[day, uid] = answer
            keep.append(at)
        elif known[day, uid] != answer:
            why = "same id, another answer"
            conflicting.append(Reject(position, length, "conflicting_duplicate", why, record=row + 1))
    return keep, conflicting


def _write(connection: Connection, ready: pl.DataFrame) -> int:
    """Write rows and their inputs where the uid is not there yet; returns how many rows were."""
    if not ready.height:
        return 0
    written = _bulk(connection, prediction_row.name, ready.select(OWN))
    names = [name for name in ready.columns if name.startswith(FIELD)]
    fields = [_fields(names, one) for one in ready.select(names).iter_rows()] if names else [None] * ready.height
    inputs = ready.select("day", "uid", "text", "sealed", fields=pl.Series(fields, dtype=pl.String))
    inputs = inputs.filter(pl.any_horizontal(pl.col("text", "fields", "sealed").is_not_null()))
    if inputs.height and written == ready.height:
        _bulk(connection, prediction_input.name, inputs)
    return written


def _fields(names: list[str], values: Sequence[Any]) -> str | None:
    some = {name.removeprefix(FIELD): one for name, one in zip(names, values, strict=True) if one is not None}
    return msgspec.json.encode(some).decode() if some else None


def _bulk(connection: Connection, table: str, rows: pl.DataFrame) -> int:
    """Insert rows through the driver, many times faster than statements are built; returns how many were not there."""
    names = ", ".join(f'"{name}"' for name in rows.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * rows.width)
        statement = f'insert into "{table}" ({names}) values ({places}) on conflict do nothing'
        return connection.exec_driver_sql(statement, rows.rows()).rowcount
    incoming = f'"incoming_{table}"'  # COPY knows no conflicts
    connection.exec_driver_sql(
        f'create temporary table if not exists {incoming} (like "{table}") on commit delete rows'
    )
    binary = [
        pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")).alias(name)
        for name, kind in rows.schema.items()
        if kind == pl.Binary
    ]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"copy {incoming} ({names}) from stdin (format csv)") as copy:
        copy.write(rows.with_columns(binary).write_csv(include_header=False, quote_style="non_numeric"))
    statement = f'insert into "{table}" ({names}) select {names} from {incoming} on conflict do nothing'
    written = connection.exec_driver_sql(statement).rowcount
    connection.exec_driver_sql(f"truncate {incoming}")
    return written
