"""Read bytes the way the ingest job does, without a database."""

from datetime import UTC, datetime
from typing import Any

from monitor.batch import Batch
from monitor.settings import Model, Source
from monitor.sources.door import Door
from monitor.sources.lines import Reading, batch_of
from monitor.window import microseconds

SECRET = b"k" * 64
LATEST = datetime(2026, 9, 2, tzinfo=UTC)
LINE_BYTES = 4096


def source(form: str = "vigie_line", **more: Any) -> Source:
    return Source(**{"name": "api", "files": "/logs/*", "format": form, "model": "ape", **more})


def read(data: bytes, about: Source | None = None, *, start: int = 0, finished: bool = False, keep: str = "redacted",
         file_key: bytes = b"file", **model: Any) -> Batch:  # fmt: skip
    ape = Model(name="ape", fields={"TYP": "category"}, segment="caller",
                thresholds=[{"from": "2020-01-01T00:00:00Z", "automatic_at": 0.7}], **model)  # fmt: skip
    door = Door({"ape": ape}, {"ape": frozenset({"bakery", "taxi"})}, keep, SECRET)
    reading = Reading(about or source(), file_key, 1, microseconds(LATEST), LINE_BYTES)
    return batch_of(data, start, reading, door, is_finished=finished)


def reasons(batch: Batch) -> list[str]:
    return [one.reason for one in batch.rejects]
