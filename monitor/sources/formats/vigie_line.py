"""Read the line that `monitor.line` writes."""

from typing import Any

import msgspec

from monitor.settings import Source
from monitor.sources.record import Half, Record, Refused, label, number, score, strict_json, text_of, time_us

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
        scores.append(score(pair[1], flags))
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
