"""Hold the records of a reading column by column, as the door settles them."""

from typing import Any

import msgspec

from monitor.sources.record import Record

Columns = dict[str, list[Any]]
MOST_LABELS = 10
AS_READ = (
    "time_us", "model", "kind", "request_id", "row", "batch_size", "time_basis", "model_version", "variant", "endpoint",
    "caller", "region", "text", "fields", "scores", "logged_score", "decision", "latency_ms", "latency_kind", "status",
    "retries", "input_stage", "error", "sampling_rate", "sequence", "kept",
)  # fmt: skip
WHERE = ("position", "length", "digest", "part")


def of(records: list[Record], origins: list[Any]) -> Columns:
    """
    Return one list per attribute of the records and of their origins, then `label` (the first), `topk` (JSON) and `flags`.

    >>> of([Record(0, labels=["10", "20"], scores=[0.9, 0.1], flags=["text_cut", "late"])], [])["topk"]
    ['[["10",0.9],["20",0.1]]']
    """
    columns: Columns = {name: [getattr(record, name) for record in records] for name in AS_READ}
    columns |= {name: [getattr(origin, name) for origin in origins] for name in WHERE}
    columns["label"] = [record.labels[0] if record.labels else None for record in records]
    columns["topk"] = [_topk(record) for record in records]
    columns["flags"] = [",".join(record.flags) for record in records]
    return columns


def some(columns: Columns, rows: list[int]) -> Columns:
    """
    Return the given rows of every column.

    >>> some({"label": ["a", "b", "c"]}, [2, 0])
    {'label': ['c', 'a']}
    """
    return {name: [values[at] for at in rows] for name, values in columns.items()}


def _topk(record: Record) -> str | None:
    if not record.labels:
        return None
    scores: list[float | None] = [*record.scores] or [None] * len(record.labels)
    return msgspec.json.encode(list(zip(record.labels, scores, strict=True))[:MOST_LABELS]).decode()
