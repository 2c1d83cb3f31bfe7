"""Read JSON lines of any shape through a mapping of columns to paths."""

import re
from functools import lru_cache
from typing import Any

import msgspec

from monitor.settings import Join, Keep, Source, Unit
from monitor.sources.mapping import UNIT_MS, Path, compiled, find, has_rows
from monitor.sources.record import (
    Half,
    Record,
    Refused,
    epoch_us,
    label,
    not_too_deep,
    number,
    score,
    strict_json,
    text_of,
    time_us,
)

MOST_ROWS = 10_000
_DECODER = msgspec.json.Decoder()


@lru_cache(maxsize=64)
def _path(text: str) -> Path:
    return compiled(text)


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return one record per row of the call on this line; None for a call without rows, or where `keep_if` says other."""
    try:
        tree = _DECODER.decode(line if source.encoding == "utf-8" else line.decode(source.encoding).encode())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        try:
            tree = strict_json(line.decode(source.encoding))
        except UnicodeDecodeError:
            raise Refused("invalid_encoding") from None
    not_too_deep(tree, line)
    if not isinstance(tree, dict):
        raise Refused("not_a_record", "the top of the line is no object")
    return records(tree, source, clock_us)


def records(tree: dict[str, Any], source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Map a parsed line to records; every path with `[]` must give the same number of rows, and a bad row is refused alone."""
    if source.keep_if is not None and not kept(find(tree, _path(source.keep_if.field)), source.keep_if):
        return None
    found: dict[str, Any] = {}
    rows: int | None = None
    for column, where in source.map.items():
        path = _path(where.field if isinstance(where, Unit) else where)
        value = find(tree, path)
        if has_rows(path) and value is not None:
            if rows not in {None, len(value)}:
                raise Refused("not_a_record", f"{column} has {len(value)} rows, not {rows}")
            rows = len(value)
        found[column] = (value, has_rows(path))
    if rows == 0:
        return None
    if rows is not None and rows > MOST_ROWS:
        raise Refused("not_a_record", f"{rows} rows")
    if source.join is not None:
        return _half(tree, source, source.join, [_record(found, source, clock_us, n, rows) for n in range(rows or 1)])
    if rows is None:
        return [_record(found, source, clock_us, 0, None)]
    given: list[Record | Half | Refused] = []
    for number_ in range(rows):
        try:
            given.append(_record(found, source, clock_us, number_, rows))
        except Refused as refused:
            refused.row = number_
            given.append(refused)
    if isinstance(given[0], Refused) and not any(isinstance(one, Record) for one in given):
        given[0].row = None
        raise given[0]  # the call is wrong, not a row of it
    return given


def _half(tree: dict[str, Any], source: Source, join: Join, rows: list[Record]) -> list[Record | Half | Refused] | None:
    """Return the half a line is; None for a line of neither side."""
    identity = find(tree, _path(join.on))
    for side, rule in (("input", join.input), ("answer", join.answer)):
        value = find(tree, _path(rule.field))
        if isinstance(value, str) and value.endswith(rule.ends_with):
            if identity is None:
                raise Refused("missing_field", f"join.on: {join.on}")
            lacks = _lacks(rows, source, side)
            if lacks is not None:
                raise Refused("missing_field", lacks)
            return [Half(str(identity), side, rows)]
    return None


def _lacks(rows: list[Record], source: Source, side: str) -> str | None:
    """Name what a half should tell and does not, as when its payload was too large to be kept."""
    if side == "input" and "text" in source.map and all(row.text is None for row in rows):
        return "text"
    labelled = {"label", "topk_labels"} & source.map.keys()
    told = any(row.labels or row.status is not None or row.error is not None for row in rows)
    return "label" if side == "answer" and labelled and not told else None


def kept(value: Any, rule: Keep) -> bool:
    """
    Say whether a value passes `keep_if`.

    >>> kept("/predict/", Keep(field="path", matches="^/predict")), kept(None, Keep(field="path", equals="x"))
    (True, False)
    """
    if rule.equals is not None:
        return bool(value == rule.equals)
    if rule.differs is not None:
        return bool(value != rule.differs)
    return isinstance(value, str) and _pattern(rule.matches or "").search(value) is not None


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _record(found: dict[str, Any], source: Source, clock_us: int | None, row: int, rows: int | None) -> Record:
    def value(column: str) -> Any:
        one, many = found.get(column, (None, False))
        return one[row] if many and one is not None else one

    flags: list[str] = []
    labels, scores = value("topk_labels"), value("topk_scores")
    if labels is None and value("label") is not None:
        labels = [value("label")]
    if not isinstance(labels, list | None) or not isinstance(scores, list | None):
        raise Refused("not_a_record", "topk_labels and topk_scores are lists")
    record = Record(
        time_us=_time(value("time"), source, clock_us, flags),
        model=_name(value("model")),
        request_id=None if value("request_id") is None else str(value("request_id")),
        row=row,
        batch_size=rows,
        model_version=_name(value("model_version")),
        endpoint=_name(value("endpoint")),
        caller=_name(value("caller")),
        region=_name(value("region")),
        text=text_of(value("text"), flags),
        labels=[label(one) for one in labels or ()],
        scores=[score(one, flags) for one in scores or ()],
        logged_score=None if value("score") is None else number(value("score"), "score"),
        latency_ms=_latency(value("latency_ms"), source) if row == 0 else None,
        status=None if value("status") is None else int(number(value("status"), "status")),
        error=_name(value("error")),
        variant=_name(value("variant")) or "champion",
        decision=_name(value("decision")),
        sampling_rate=None if value("sampling_rate") is None else number(value("sampling_rate"), "sampling_rate"),
        sequence=None if value("sequence") is None else int(number(value("sequence"), "sequence")),
        fields={name.removeprefix("field_"): value(name) for name in found if name.startswith("field_")},
        flags=flags,
    )
    if record.scores and len(record.scores) != len(record.labels):
        raise Refused("not_a_record", f"{len(record.labels)} labels, {len(record.scores)} scores")
    if record.text is None and not record.labels and source.join is None and source.gives != "service":
        raise Refused("missing_field", "text or label")
    return record


def _time(value: Any, source: Source, clock_us: int | None, flags: list[str]) -> int | None:
    if value is None:
        if clock_us is None:
            raise Refused("missing_field", "time")
        return None
    where = source.map.get("time")
    if isinstance(where, Unit) and where.unit is not None:
        return epoch_us(value, where.unit)
    return time_us(value, source.zone, clock_us, flags)


def _latency(value: Any, source: Source) -> float | None:
    if value is None:
        return None
    where = source.map.get("latency_ms")
    return number(value, "latency_ms") * UNIT_MS[(where.unit or "ms") if isinstance(where, Unit) else "ms"]


def _name(value: Any) -> str | None:
    return None if value is None else str(value)[:128]
