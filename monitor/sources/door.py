"""
Turn records into the canonical frame, at the privacy door.

Order: hash, redact, cut, count words. Nothing unredacted leaves this function but the keyed hashes.
"""

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import polars as pl

from monitor.prediction import FIELD, SCHEMA, normalised, step_of
from monitor.profiles.tokens import word_counts
from monitor.redaction import LONGEST_CHARS, masked
from monitor.settings import Model, Source
from monitor.sources.record import NAME_CHARS, Record, repaired
from monitor.window import moment

OUTCOMES = {2: "ok", 4: "refused_input", 5: "failed"}


@dataclass(frozen=True)
class Door:
    """Hold what is needed to settle a record: the models, what of a text is kept, and the key of the hashes."""

    models: dict[str, Model]
    vocabularies: dict[str, Collection[str] | None]
    store_texts: str  # none, hash, redacted
    secret: bytes
    patterns: dict[str, str] = field(default_factory=dict)  # what the operator masks beside the rules
    masked: Counter[str] = field(default_factory=Counter)  # finds by rule, filled while frames are made


@dataclass(frozen=True)
class Origin:
    """Say where a record was read: byte offset and length of its line, digest of the line."""

    position: int
    length: int
    digest: bytes
    part: int = 0  # which of several lines inside the physical one


def frame(
    records: list[tuple[Record, Origin]], door: Door, source: Source, file_key: bytes, bookmark: int
) -> pl.DataFrame:
    """Return the predictions of one reading; `file_key` tells this file from all others of the source."""
    rows = [_row(record, origin, door, source, file_key) for record, origin in records]
    names = sorted({name for record, _ in records for name in door.models[_model(record, source)].fields})
    fields = [record.fields for record, _ in records]
    columns = {**SCHEMA, "time": pl.Int64()}
    whole = pl.DataFrame(
        [pl.Series(name, [row.get(name) for row in rows], dtype=kind) for name, kind in columns.items()]
    )
    extra = [
        pl.Series(
            f"{FIELD}{name}", [_category(one.get(name), source.absent) for one in fields], dtype=pl.String, strict=False
        )
        for name in names
    ]
    whole = whole.with_columns(
        pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        pl.lit(bookmark, pl.Int64).alias("bookmark"),
        *extra,
    )
    return _private(whole, door, [record.kept for record, _ in records])


def _private(whole: pl.DataFrame, door: Door, rows_kept: list[dict[str, Any] | None]) -> pl.DataFrame:
    texts = whole["text"]
    bare = whole.select(normalised(pl.col("text"))).to_series()
    key = door.secret[:64]
    hashes = [None if t is None else hashlib.blake2b(t.encode(), key=key, digest_size=16).digest() for t in bare]
    counts = _words(whole, bare, door)
    whole = whole.with_columns(
        pl.Series("text_hash", hashes, dtype=pl.Binary), text_chars=texts.str.len_chars().cast(pl.UInt32),
        words=counts["words"], unknown_words=counts["unknown_words"],
    )  # fmt: skip
    whole = _as_kept(whole, rows_kept)
    if door.store_texts != "redacted":
        fields = [pl.lit(None, pl.String).alias(name) for name in whole.columns if name.startswith(FIELD)]
        hidden = [] if door.store_texts == "hash" else [pl.lit(None, pl.Binary).alias("input_hash")]
        return whole.with_columns(pl.lit(None, pl.String).alias("text"), *fields, *hidden)
    clean, finds = masked(texts, door.patterns)
    door.masked.update(finds)
    long = texts.str.len_chars() > LONGEST_CHARS
    changed = (clean != texts.str.slice(0, LONGEST_CHARS)).fill_null(value=False)
    if changed.any() or long.any():
        flags = [
            ",".join(filter(None, (one, "text_redacted" if mask else "", "text_cut" if cut else "")))
            for one, mask, cut in zip(whole["flags"], changed, long.fill_null(value=False), strict=True)
        ]
        whole = whole.with_columns(pl.Series("flags", flags, dtype=pl.String))
    return whole.with_columns(clean.alias("text"))


def _as_kept(whole: pl.DataFrame, rows_kept: list[dict[str, Any] | None]) -> pl.DataFrame:
    """Put hashes and counts that were taken before a text was redacted in the place of those of what is left of it."""
    if not any(rows_kept):
        return whole
    columns = []
    for name in ("text_hash", "input_hash", "text_chars", "words", "unknown_words"):
        values = whole[name].to_list()
        for at, kept in enumerate(rows_kept):
            if kept is not None:
                value = kept[name]
                values[at] = bytes.fromhex(value) if isinstance(value, str) else value
        columns.append(pl.Series(name, values, dtype=SCHEMA[name]))
    return whole.with_columns(columns)


def _words(whole: pl.DataFrame, bare: pl.Series, door: Door) -> pl.DataFrame:
    models = whole["model"].unique().to_list()
    if len(models) == 1:
        return word_counts(bare, door.vocabularies.get(models[0]))
    numbered = whole.select("model", bare=bare).with_row_index("_at")
    parts = []
    for model in models:
        some = numbered.filter(pl.col("model") == model)
        parts.append(word_counts(some["bare"], door.vocabularies.get(model)).with_columns(some["_at"]))
    return pl.concat(parts).sort("_at").drop("_at")


def _model(record: Record, source: Source) -> str:
    return record.model or source.model or ""


def _row(record: Record, origin: Origin, door: Door, source: Source, file_key: bytes) -> dict[str, Any]:
    name = _model(record, source)
    model = door.models[name]
    if source.gives == "answers":  # latency, status and calls come from the model's other source
        record.latency_ms = record.status = record.error = None
    elif source.gives == "service" and record.kind == "prediction":
        record.kind, record.text, record.labels, record.scores, record.logged_score = "request", None, [], [], None
    value, definition = _score(record, model)
    threshold = model.automatic_at(moment(record.time_us or 0)) if model.thresholds else None
    step = None if value is None else step_of(value)
    threshold_step = None if threshold is None else step_of(threshold)
    decision, basis = _decision(record, step, threshold_step, model)
    inputs = msgspec.json.encode([record.text, record.fields], order="deterministic", enc_hook=str)
    return {
        "uid": _uid(record, origin, door, source, (name, file_key)), "source": source.name, "model": name, "task": name,
        "kind": record.kind, "request_id": record.request_id, "row": record.row, "batch_size": record.batch_size,
        "time": record.time_us, "time_basis": record.time_basis,
        "model_version": record.model_version or _version(source, moment(record.time_us or 0)), "variant": record.variant,
        "endpoint": record.endpoint, "caller": record.caller, "region": record.region,
        "segment": _segment(record, model, source), "text": record.text,
        "input_hash": None if record.text is None else hashlib.blake2b(
            inputs, key=door.secret[:64], digest_size=16).digest(),
        "input_stage": record.input_stage, "label": record.labels[0] if record.labels else None,
        "topk": _topk(record),
        "score": value, "score_definition": definition, "score_step": step, "threshold_step": threshold_step,
        "decision": decision, "decision_basis": basis, "latency_ms": record.latency_ms,
        "latency_kind": None if record.latency_ms is None else record.latency_kind, "retries": record.retries, "status": record.status,
        "outcome": None if record.row or source.gives == "answers" else OUTCOMES.get((record.status or 200) // 100, "ok"),
        "error": record.error and record.error[:120], "sampling_rate": record.sampling_rate, "sequence": record.sequence,
        "flags": ",".join(record.flags), "position": origin.position, "bytes": min(origin.length, 2**31 - 1),
    }  # fmt: skip


def _uid(record: Record, origin: Origin, door: Door, source: Source, where: tuple[str, bytes]) -> bytes:
    name, file_key = where
    tail = f"{name}|{record.variant}|{record.row}".encode()
    if source.identity == "by_request_id" and record.request_id is not None:
        head = b"id|" + source.name.encode() + b"|" + record.request_id.encode("utf-8", "replace")
    elif source.identity == "by_line":
        head = b"line|" + source.name.encode() + b"|" + origin.digest
    else:
        head = b"at|" + file_key + b"|" + f"{origin.position}.{origin.part}".encode() + origin.digest
    return hmac.digest(door.secret, head + b"|" + tail, "sha256")[:16]


def _score(record: Record, model: Model) -> tuple[float | None, str | None]:
    if model.score == "logged" or not record.scores:
        return record.logged_score, None if record.logged_score is None else "logged"
    best = sorted(record.scores, reverse=True)
    if model.score == "margin":
        if len(best) == 1:
            record.flags.append("score_bound")  # the second was cut off: the margin may be smaller
        return best[0] - (best[1] if len(best) > 1 else 0.0), "margin"
    if model.score == "entropy":
        return _certainty(best, model.classes), None if model.classes is None else "entropy"
    if model.score == "margin_rest":
        return max(0.0, best[0] - sum(best[1:5])), "margin_rest"
    return best[0], "max_prob"


def _certainty(best: list[float], classes: int | None) -> float | None:
    """
    Return 1 - H / ln K of K classes, what the logged scores leave being spread evenly over the classes not logged.

    >>> _certainty([1.0], 4), round(_certainty([0.25], 4), 9), _certainty([0.5], None)
    (1.0, 0.0, None)
    """
    if classes is None:
        return None
    rest, others = max(0.0, 1.0 - sum(best)), max(classes - len(best), 0)
    shares = [*best, *([rest / others] * others if others else [])]
    whole = sum(shares)
    entropy = -sum(p / whole * math.log(p / whole) for p in shares if p > 0) if whole else math.log(classes)
    return min(max(1 - entropy / math.log(classes), 0.0), 1.0)


def _decision(
    record: Record, step: int | None, threshold_step: int | None, model: Model
) -> tuple[str | None, str | None]:
    if record.decision is not None:
        return record.decision, "logged"
    if step is None or threshold_step is None:
        return None, None
    automatic = step >= threshold_step if model.automatic_when == ">=" else step > threshold_step
    return ("automatic" if automatic else "manual"), "threshold"


def _topk(record: Record) -> str | None:
    if not record.labels:
        return None
    scores: list[float | None] = [*record.scores] or [None] * len(record.labels)
    return msgspec.json.encode(list(zip(record.labels, scores, strict=True))[:10]).decode()


def _version(source: Source, when: datetime) -> str | None:
    dated = [one for one in source.versions if one.since <= when]
    return max(dated, key=lambda one: one.since).version if dated else None


def _segment(record: Record, model: Model, source: Source) -> str | None:
    if model.segment is None:
        return None
    if model.segment in {"caller", "region"}:
        return getattr(record, model.segment) or None
    value = _category(record.fields.get(model.segment.removeprefix(FIELD)), source.absent)
    return value and value[:NAME_CHARS]


def _category(value: Any, absent: tuple[str, ...]) -> str | None:
    if value is None or value != value or value in absent:  # noqa: PLR0124 - nan is not itself
        return None
    return repaired(str(value))[:200]
