"""Turn the records of a reading into the canonical frame: scores, decisions, segments and keyed ids, column by column."""

import hashlib
import math
from typing import Any

import msgspec
import polars as pl

from monitor.prediction import FIELD, GRID, SCHEMA, empty, step_of
from monitor.settings import Model, Source
from monitor.sources.columns import Columns, some
from monitor.sources.door import Door, private
from monitor.sources.record import NAME_CHARS, repaired
from monitor.window import microseconds

OUTCOMES = {2: "ok", 4: "refused_input", 5: "failed"}


def frame(rows: Columns, door: Door, source: Source, file_key: bytes, bookmark: int) -> pl.DataFrame:
    """Return the predictions of one reading; `file_key` tells this file from all others of the source."""
    models = [one or source.model or "" for one in rows["model"]]
    names = sorted(set(models))
    if len(names) == 1:
        return _of_model(rows, door, source, (names[0], file_key, bookmark))
    parts = []
    for name in names:
        at = [number for number, one in enumerate(models) if one == name]
        part = _of_model(some(rows, at), door, source, (name, file_key, bookmark))
        parts.append(part.with_columns(pl.Series("_at", at, dtype=pl.UInt32)))
    return pl.concat(parts, how="diagonal").sort("_at").drop("_at") if parts else empty()


def _of_model(rows: Columns, door: Door, source: Source, where: tuple[str, bytes, int]) -> pl.DataFrame:
    name, file_key, bookmark = where
    model, count = door.models[name], len(rows["time_us"])
    rows = _as_given(rows, source, count)
    fields = {
        f"{FIELD}{one}": [_category(values.get(one), source.absent) for values in rows["fields"]]
        for one in sorted(model.fields)
    }
    rows |= {
        "uid": _uids(rows, door, source, (name, file_key)), "segment": _segments(rows, model, source),
        "input_hash": _input_hashes(rows, door), "time": rows["time_us"],
        "model_version": _versions(rows, source), "error": [one and one[:120] for one in rows["error"]],
        "outcome": _outcomes(rows, source), "bytes": [min(one, 2**31 - 1) for one in rows["length"]],
    }  # fmt: skip
    rows |= _scores(rows, model)
    constant = {"source": source.name, "model": name, "task": name, "bookmark": bookmark}
    kinds = {**SCHEMA, "time": pl.Int64()}
    whole = pl.DataFrame(
        [pl.Series(one, rows[one], dtype=kinds[one]) for one in SCHEMA if one in rows and one not in constant]
        + [pl.Series(one, values, dtype=pl.String) for one, values in fields.items()]
    ).with_columns(**{one: pl.lit(value, SCHEMA[one]) for one, value in constant.items()})
    whole = _judged(whole, model)
    missing = [pl.lit(None, SCHEMA[one]).alias(one) for one in SCHEMA if one not in whole.columns]
    whole = whole.with_columns(pl.col("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), *missing)
    return private(whole.select(*SCHEMA, *fields), door, rows)


def _as_given(rows: Columns, source: Source, count: int) -> Columns:
    """Leave out what the model's other source tells: latency, status and calls, or texts and answers."""
    if source.gives == "answers":
        return rows | dict.fromkeys(("latency_ms", "status", "error"), [None] * count)
    if source.gives == "service":
        rows = rows | dict.fromkeys(("text", "label", "best", "topk", "logged_score"), [None] * count)
        return rows | {"kind": ["request"] * count, "scores": [()] * count}
    return rows


def _judged(whole: pl.DataFrame, model: Model) -> pl.DataFrame:
    """Put scores and their thresholds on the grid, and say who decides."""
    dated = sorted(model.thresholds, key=lambda one: one.since)
    threshold = pl.lit(None, pl.UInt16)
    for one in dated:
        here = pl.lit(step_of(one.automatic_at), pl.UInt16)
        threshold = pl.when(pl.col("time") >= microseconds(one.since)).then(here).otherwise(threshold)
    whole = whole.with_columns(
        score_step=(GRID * pl.col("score") + 0.5).cast(pl.UInt16),
        threshold_step=threshold,
        latency_kind=pl.when(pl.col("latency_ms").is_not_null()).then(pl.col("latency_kind")),
    )
    step, limit = pl.col("score_step"), pl.col("threshold_step")
    automatic = step >= limit if model.automatic_when == ">=" else step > limit
    said = pl.col("decision").is_not_null()
    by_score = pl.when(automatic).then(pl.lit("automatic")).when(automatic.is_not_null()).then(pl.lit("manual"))
    return whole.with_columns(
        decision=pl.when(said).then(pl.col("decision")).otherwise(by_score),
        decision_basis=pl.when(said)
        .then(pl.lit("logged"))
        .when(automatic.is_not_null())
        .then(pl.lit("threshold"))
        .otherwise(pl.lit(None, pl.String)),
    )


def _uids(rows: Columns, door: Door, source: Source, where: tuple[str, bytes]) -> list[bytes]:
    """Return 16 keyed bytes per record that are the same whenever it is read."""
    (name, file_key), key = where, door.secret[:64]
    tails = [f"|{name}|{variant}|{row}".encode() for variant, row in zip(rows["variant"], rows["row"], strict=True)]
    at_id, at_line, at_place = f"id|{source.name}|".encode(), f"line|{source.name}|".encode(), b"at|" + file_key + b"|"
    if source.identity == "by_line":
        heads = [at_line + digest for digest in rows["digest"]]
    else:
        by_id = source.identity == "by_request_id"
        heads = [
            at_id + identity.encode("utf-8", "replace") if by_id and identity is not None
            else at_place + f"{position}.{part}".encode() + digest
            for identity, position, part, digest in zip(
                rows["request_id"], rows["position"], rows["part"], rows["digest"], strict=True)
        ]  # fmt: skip
    return [
        hashlib.blake2b(head + tail, key=key, digest_size=16).digest() for head, tail in zip(heads, tails, strict=True)
    ]


def _input_hashes(rows: Columns, door: Door) -> list[bytes | None]:
    key, encode = door.secret[:64], msgspec.json.Encoder(order="deterministic", enc_hook=str).encode
    return [
        None if text is None else hashlib.blake2b(encode([text, fields]), key=key, digest_size=16).digest()
        for text, fields in zip(rows["text"], rows["fields"], strict=True)
    ]


def _scores(rows: Columns, model: Model) -> Columns:
    """Return `score` and `score_definition`, and `flags` where a score is only a bound; scores fall within a record."""
    first, every, logged, flags = rows["best"], rows["scores"], rows["logged_score"], rows["flags"]
    if model.score == "logged":
        values = logged
    elif model.score == "max_prob":
        values = [one if best is None else best for best, one in zip(first, logged, strict=True)]
    else:
        values = [_score(best, model) if best else one for best, one in zip(every, logged, strict=True)]
    named = model.score if model.score != "entropy" or model.classes is not None else None
    definitions = [
        named if best is not None and model.score != "logged" else None if one is None else "logged"
        for best, one in zip(first, logged, strict=True)
    ]
    if model.score == "margin":  # the second was cut off: the margin may be smaller
        flags = [
            ",".join(filter(None, (one, "score_bound"))) if len(best) == 1 else one
            for one, best in zip(flags, every, strict=True)
        ]
    return {"score": values, "score_definition": definitions, "flags": flags}


def _score(best: list[float], model: Model) -> float | None:
    if model.score == "margin":
        return best[0] - (best[1] if len(best) > 1 else 0.0)
    if model.score == "margin_rest":
        return max(0.0, best[0] - sum(best[1:5]))
    return _certainty(best, model.classes)


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


def _outcomes(rows: Columns, source: Source) -> list[str | None]:
    if source.gives == "answers":
        return [None] * len(rows["status"])
    return [
        None if row else OUTCOMES.get((status or 200) // 100, "ok")
        for row, status in zip(rows["row"], rows["status"], strict=True)
    ]


def _versions(rows: Columns, source: Source) -> list[str | None]:
    dated = sorted(source.versions, key=lambda one: one.since, reverse=True)
    known = [(microseconds(one.since), one.version) for one in dated]
    if not known:
        return [one or None for one in rows["model_version"]]
    return [
        one or next((version for since, version in known if since <= (time_us or 0)), None)
        for one, time_us in zip(rows["model_version"], rows["time_us"], strict=True)
    ]


def _segments(rows: Columns, model: Model, source: Source) -> list[str | None]:
    if model.segment is None:
        return [None] * len(rows["fields"])
    if model.segment in {"caller", "region"}:
        return [one or None for one in rows[model.segment]]
    name = model.segment.removeprefix(FIELD)
    values = [_category(one.get(name), source.absent) for one in rows["fields"]]
    return [value and value[:NAME_CHARS] for value in values]


def _category(value: Any, absent: tuple[str, ...]) -> str | None:
    if value is None or value != value or value in absent:  # noqa: PLR0124 - nan is not itself
        return None
    return repaired(str(value))[:200]
