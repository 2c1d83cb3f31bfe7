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


def columns(found: list[tuple[Record, Any]]) -> Columns:
    """
    Return one list per attribute of the records and of their origins, then `label` and `best` (the first
    label and score), `topk` (JSON) and `flags`.

    >>> from types import SimpleNamespace
    >>> here = SimpleNamespace(position=0, length=9, digest=b"", part=0)
    >>> columns([(Record(0, labels=["10", "20"], scores=[0.9, 0.1], flags=["text_cut", "late"]), here)])["topk"]
    ['[["10",0.9],["20",0.1]]']
    """
    records = [record for record, _ in found]
    rows: Columns = {name: [getattr(record, name) for record in records] for name in AS_READ}
    rows |= {name: [getattr(origin, name) for _, origin in found] for name in WHERE}
    rows["label"] = [record.labels[0] if record.labels else None for record in records]
    rows["best"] = [record.scores[0] if record.scores else None for record in records]
    rows["topk"] = [_topk(record) for record in records]
    rows["flags"] = [",".join(record.flags) for record in records]
    return rows


def some(columns: Columns, rows: list[int]) -> Columns:
    """
    Return the given rows of every column.

    >>> some({"label": ["a", "b", "c"]}, [2, 0])
    {'label': ['c', 'a']}
    """
    return {name: [values[at] for at in rows] for name, values in columns.items()}


def together(one: Columns, other: Columns) -> Columns:
    """
    Return the rows of both in the order of their places.

    >>> together({"position": [0, 9], "label": ["a", "c"]}, {"position": [5], "label": ["b"]})["label"]
    ['a', 'b', 'c']
    """
    place = [*one["position"], *other["position"]]
    order = sorted(range(len(place)), key=place.__getitem__)
    return {name: [values[at] for at in order] for name, values in ((n, one[n] + other[n]) for n in one)}


def _topk(record: Record) -> str | None:
    if not record.labels:
        return None
    scores: list[float | None] = [*record.scores] or [None] * len(record.labels)
    return msgspec.json.encode(list(zip(record.labels, scores, strict=True))[:MOST_LABELS]).decode()
