"""Read the line that `monitor.line` writes."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from monitor.settings import Source
from monitor.sources.columns import MOST_LABELS, Columns
from monitor.sources.record import (
    LONGEST_INTEGER,
    NAME_CHARS,
    NAMES,
    WHOLE,
    Half,
    Record,
    Refused,
    label,
    number,
    score,
    strict_json,
    text_of,
    time_us,
)

DECISIONS = {"automatic", "manual", "refused"}


class Line(msgspec.Struct):
    """Name every key of the line; others are skipped. `docs/line.schema.json` is made from this."""

    vigie: int
    time: Any = None
    instance: str | None = None
    seq: int | None = None
    dropped: int | None = None
    request_id: Any = None
    row: int = 0
    rows: int | None = None
    model: str | None = None
    model_version: str | None = None
    variant: str = "champion"
    endpoint: str | None = None
    caller: Any = None
    region: Any = None
    text: Any = None
    text_cut: bool = False
    fields: dict[str, Any] | None = None
    topk: Any = None
    score: Any = None
    decision: str | None = None
    latency_ms: Any = None
    status: int | None = None
    error: str | None = None
    sampling_rate: Any = None


_DECODER = msgspec.json.Decoder(Line)

AS_THEY_ARE = (
    "time", "model", "request_id", "row", "model_version", "variant", "endpoint", "caller", "region", "text", "decision",
    "latency_ms", "status", "error", "sampling_rate",
)  # fmt: skip
_Name = Annotated[str, Meta(max_length=NAME_CHARS)]
_Whole = Annotated[int, Meta(ge=-LONGEST_INTEGER, le=LONGEST_INTEGER - 1)]
_Share = Annotated[float, Meta(ge=0, le=1)]


class Plain(msgspec.Struct, gc=False):
    """Name the keys of a line in which nothing is odd, with the types, lengths and ranges they then have."""

    vigie: int
    time: str
    instance: str | None = None
    seq: Annotated[int, Meta(ge=0, le=WHOLE["sequence"])] | None = None
    dropped: None = None
    request_id: _Name | None = None
    row: Annotated[int, Meta(ge=0, le=WHOLE["row"])] = 0
    rows: Annotated[int, Meta(ge=0, le=WHOLE["batch_size"])] | None = None
    model: str | None = None
    model_version: _Name | None = None
    variant: Literal["champion", "canary", "shadow"] = "champion"
    endpoint: Annotated[str, Meta(max_length=NAMES["endpoint"])] | None = None
    caller: _Name | None = None
    region: _Name | None = None
    text: str | None = None
    text_cut: Literal[False] = False
    fields: dict[str, str | bool | _Whole | float | None] | None = None
    topk: list[tuple[Annotated[str, Meta(min_length=1, max_length=128)], _Share]] | None = None
    score: _Share | None = None
    decision: Literal["automatic", "manual", "refused"] | None = None
    latency_ms: Annotated[float, Meta(ge=0, le=10**15)] | None = None
    status: Annotated[int, Meta(ge=0, le=WHOLE["status"])] | None = None
    error: Annotated[str, Meta(max_length=NAMES["error"])] | None = None
    sampling_rate: Annotated[float, Meta(gt=0, le=1)] | None = None


PLAIN = msgspec.json.Decoder(Plain)


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return the record of one line, None for a line about dropped lines."""
    try:
        found = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _strictly(line)
    if found.dropped is not None:
        return None
    return [_record(found, source, clock_us)]


def _strictly(line: bytes) -> Line:
    try:
        tree = strict_json(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None
    if not isinstance(tree, dict) or "vigie" not in tree:
        raise Refused("not_a_record", "no key vigie")
    try:
        return msgspec.convert(tree, Line)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:  # the latter: a lone surrogate where no text belongs
        raise Refused("wrong_type", str(error)[:100]) from None


def _record(found: Line, source: Source, clock_us: int | None) -> Record:
    flags = ["text_cut"] if found.text_cut else []
    if found.time is None:
        raise Refused("missing_field", "time")
    labels, scores = [], []
    if not isinstance(found.topk, list | None):
        raise Refused("not_a_record", "topk")
    for pair in found.topk or ():
        if not isinstance(pair, list) or len(pair) != 2:
            raise Refused("not_a_record", "topk")
        labels.append(label(pair[0]))
        if pair[1] is not None:  # a model that answers a label and no score
            scores.append(score(pair[1], flags))
    if scores and len(scores) != len(labels):
        raise Refused("wrong_type", "score")
    if found.text is None and not labels and (found.status is None or found.status < 400):
        raise Refused("missing_field", "text or topk")
    if found.decision is not None and found.decision not in DECISIONS:
        raise Refused("wrong_type", "decision")
    return Record(
        time_us=time_us(found.time, source.zone, clock_us, flags), model=found.model, request_id=None if found.request_id is None else str(found.request_id), row=found.row,
        batch_size=found.rows, model_version=_name(found.model_version), variant=found.variant, endpoint=found.endpoint,
        caller=_name(found.caller), region=_name(found.region), text=text_of(found.text, flags), fields=found.fields or {},
        labels=labels, scores=scores, logged_score=None if found.score is None else number(found.score, "score"),
        decision=found.decision, latency_ms=None if found.latency_ms is None else number(found.latency_ms, "latency_ms"),
        status=found.status, error=found.error, sequence=found.seq, flags=flags,
        sampling_rate=None if found.sampling_rate is None else number(found.sampling_rate, "sampling_rate"),
    )  # fmt: skip


def _name(value: Any) -> str | None:
    return None if value is None else str(value)[:128]


def columns(lines: list[Plain]) -> Columns:
    """Return plain lines as columns; `topk` also as `pairs`, and the time as it is written."""
    count, encode = len(lines), msgspec.json.Encoder().encode
    values = zip(*map(msgspec.structs.astuple, lines), strict=True) if lines else ([] for _ in Plain.__struct_fields__)
    read = dict(zip(Plain.__struct_fields__, map(list, values), strict=True))
    found: Columns = {name: read[name] for name in AS_THEY_ARE}
    found |= {
        "sequence": read["seq"], "batch_size": read["rows"], "logged_score": read["score"],
        "fields": [one or {} for one in read["fields"]], "pairs": [one or [] for one in read["topk"]],
        "topk": [encode(one[:MOST_LABELS]).decode() if one else None for one in read["topk"]],
        "kind": ["prediction"] * count, "time_basis": ["line"] * count, "latency_kind": ["app"] * count,
        "input_stage": ["raw"] * count, "retries": [None] * count, "kept": [None] * count, "flags": [""] * count,
        "part": [0] * count,
    }  # fmt: skip
    return found
