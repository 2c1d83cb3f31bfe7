"""The service will complete calls whose other half came in an earlier batch, or in another file."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from monitor.batch import Batch, Reject
from monitor.settings import Source
from monitor.sources.door import Door, Origin, frame
from monitor.sources.halves import OTHER, read_back, together
from monitor.sources.lines import Reading
from monitor.sources.record import Refused
from monitor.store import halves
from monitor.store.store import Store
from monitor.window import microseconds, moment


def joined(store: Store, batch: Batch, reading: Reading, door: Door, now_us: int) -> Batch:
    """
    Return the batch with the rows of calls that its halves complete; the rest waits until `join.wait_hours` from now.

    `completed` names the halves that were taken from the store: committing the batch checks that they are still there.
    """
    source: Source = reading.source
    if not batch.halves or source.join is None:
        return batch
    with store.read() as connection:
        known = halves.waiting(connection, source.name, [one.join_digest for one in batch.halves])
    expires_us = microseconds(moment(now_us) + timedelta(hours=source.join.wait_hours))
    records, rejects, completed, wait = [], list(batch.rejects), [], []
    for half in batch.halves:
        other = known.get((half.join_digest, OTHER[half.side]))
        if other is None:
            wait.append(replace(half, expires_us=expires_us))
            continue
        completed.append((half.join_digest, OTHER[half.side]))
        origin = Origin(half.position, half.length, half.digest)
        try:
            whole = together(read_back(half.payload), read_back(other), half.side)
        except Refused as refused:
            rejects.append(Reject(half.position, half.length, refused.reason, refused.detail, half.digest, record=1))
            continue
        records += [(one, origin) for one in whole]
    rows = batch.predictions
    if records:
        more = frame(records, door, source, reading.file_key, reading.bookmark)
        rows = pl.concat([rows, more], how="diagonal") if rows.height else more
    refused_rows = batch.rows_refused + len(rejects) - len(batch.rejects)
    return replace(
        batch,
        predictions=rows,
        rejects=tuple(rejects),
        halves=tuple(wait),
        completed=tuple(completed),
        rows_refused=refused_rows,
    )
