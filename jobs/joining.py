"""The service will complete calls whose other half came in an earlier batch, or in another file."""

from dataclasses import replace
from datetime import timedelta

import polars as pl

from monitor.batch import Batch
from monitor.settings import Source
from monitor.sources.columns import columns
from monitor.sources.door import Door
from monitor.sources.frame import frame
from monitor.sources.halves import met
from monitor.sources.lines import Reading
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
    found = met(batch.halves, known)
    rows = batch.predictions
    if found.records:
        more = frame(columns(found.records), door, source, reading.file_key, reading.bookmark)
        rows = pl.concat([rows, more], how="diagonal") if rows.height else more
    return replace(
        batch, predictions=rows, rejects=(*batch.rejects, *found.rejects), completed=tuple(found.completed),
        halves=tuple(replace(one, expires_us=expires_us) for one in found.waiting.values()),
        rows_refused=batch.rows_refused + len(found.rejects),
    )  # fmt: skip
