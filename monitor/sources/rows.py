"""Turn rows of a table into a batch, by the mapping that JSON lines have: a row is a flat object with its columns as keys."""

import difflib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any

import polars as pl

from monitor.batch import Batch
from monitor.settings import Source, Unit
from monitor.sources.door import Door
from monitor.sources.lines import Reading, batch_of
from monitor.sources.mapping import compiled


class Unreadable(Exception):
    """Say why a table or file cannot be read now; what it holds waits."""


@dataclass(frozen=True)
class Line:
    """Hold a row as the JSON line it is read as, the bytes that tell it from all others, and why it is none, if so."""

    data: bytes
    key: bytes
    why: str = ""


def columns_of(source: Source) -> list[str]:
    """Return the columns that the source's mapping and `keep_if` name, each once."""
    paths = [where.field if isinstance(where, Unit) else where for where in source.map.values()]
    if source.keep_if is not None:
        paths.append(source.keep_if.field)
    first = [compiled(path)[0] for path in paths if path]
    return list(dict.fromkeys(one for one in first if isinstance(one, str)))


def require(wanted: Sequence[str], there: Sequence[str], where: str) -> None:
    """Raise Unreadable, naming the nearest, for the first column that is not there."""
    for one in wanted:
        if one not in there:
            near = difflib.get_close_matches(one, there, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(there)[:20])}"
            raise Unreadable(f"no column {one} in {where}; {hint}")


def line_of(values: Mapping[str, Any], key: bytes) -> Line:
    """
    Write a row as a JSON line: times in ISO form, decimals as strings, what is no number as NaN, bytes as the text they are.

    >>> from decimal import Decimal
    >>> line_of({"id": 1, "at": date(2026, 11, 20), "p": Decimal("0.83"), "text": b"caf\\xc3\\xa9"}, b"1").data.decode()
    '{"id": 1, "at": "2026-11-20", "p": "0.83", "text": "café"}'
    """
    # bytes that are no UTF-8 come out as such, and the line is refused for its encoding like any other
    text = json.dumps(dict(values), default=_plain, ensure_ascii=False)
    return Line(text.encode("utf-8", "surrogatepass"), key)


def _plain(value: Any) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    return str(value)


def batch_of_rows(rows: Sequence[Line], start: int, reading: Reading, door: Door, *, basis: str) -> Batch:
    """
    Read rows, the first of which is number `start` of its table or file; positions count rows.

    The identity is the row's key, unless the source says by_line, or by_request_id in a file. `basis` says whose clock
    the times are of.
    """
    data = b"".join(row.data + b"\n" for row in rows)
    batch = batch_of(data, 0, reading, door)
    at, number = 0, {}
    for count, row in enumerate(rows):
        number[at] = count
        at += len(row.data) + 1
    rejects = tuple(
        replace(
            one, position=start + number[one.position], length=1, detail=rows[number[one.position]].why or one.detail
        )
        for one in batch.rejects
    )
    whole = batch.predictions
    if whole.height:
        numbers = [number[at] for at in whole["position"].to_list()]
        whole = whole.with_columns(
            pl.Series("uid", _uids(whole, [rows[one].key for one in numbers], reading, door), dtype=pl.Binary),
            pl.Series("position", [start + one for one in numbers], dtype=whole.schema["position"]),
            pl.lit(1, whole.schema["bytes"]).alias("bytes"),
            pl.lit(basis).alias("time_basis"),
        )
    return replace(batch, start=start, end=start + len(rows), predictions=whole, rejects=rejects)


def _uids(whole: pl.DataFrame, keys: list[bytes], reading: Reading, door: Door) -> list[bytes]:
    source = reading.source
    if source.table is None and source.identity == "by_line":
        return whole["uid"].to_list()
    found = []
    for key, known in zip(keys, whole.select("uid", "request_id", "model", "variant", "row").iter_rows(), strict=True):
        if source.table is None and source.identity == "by_request_id" and known[1] is not None:
            found.append(known[0])
            continue
        head = b"row|" + reading.file_key + b"|" + key + f"|{known[2]}|{known[3]}|{known[4]}".encode()
        found.append(hmac.digest(door.secret, head, "sha256")[:16])
    return found
