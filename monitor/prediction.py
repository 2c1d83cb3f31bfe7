"""
Define one prediction: its columns, their types, and the forms of a text that are compared and counted.

The frame of a batch has exactly the columns of `SCHEMA`, in that order, then one `field_<name>` column per declared
field. A score, its threshold and every comparison of the two live on a grid of 1/10 000, so that a rounded score never
falls on the wrong side of its threshold by a float's last bit.
"""

import hashlib
from typing import Final

import polars as pl

KINDS: Final = ("prediction", "request")
VARIANTS: Final = ("champion", "canary", "shadow")
DECISIONS: Final = ("automatic", "manual", "refused")
OUTCOMES: Final = ("ok", "refused_input", "failed", "handled_error")
FLAGS: Final = (
    "no_newline", "text_repaired", "text_redacted", "text_cut", "number_in_quotes", "score_clipped", "score_bound",
    "time_ambiguous", "late",
)  # fmt: skip
REJECT_REASONS: Final = (
    "invalid_encoding", "nul_hole", "line_too_long", "truncated_last_line", "unfinished_record", "archive_damaged",
    "archive_bomb", "invalid_syntax", "too_deep", "not_a_record", "missing_field", "wrong_type", "out_of_range",
    "not_finite", "bad_label", "no_time_zone", "too_new", "too_old", "half_missing", "conflicting_duplicate",
    "store_rejected",
)  # fmt: skip

GRID: Final = 10_000
FIELD: Final = "field_"

SCHEMA: Final[dict[str, pl.DataType]] = {
    "uid": pl.Binary(),
    "source": pl.String(),
    "model": pl.String(),
    "task": pl.String(),
    "kind": pl.String(),
    "request_id": pl.String(),
    "row": pl.UInt32(),
    "batch_size": pl.UInt32(),
    "time": pl.Datetime("us", "UTC"),
    "time_basis": pl.String(),
    "model_version": pl.String(),
    "variant": pl.String(),
    "endpoint": pl.String(),
    "caller": pl.String(),
    "region": pl.String(),
    "segment": pl.String(),
    "text": pl.String(),
    "text_hash": pl.Binary(),
    "input_hash": pl.Binary(),
    "text_chars": pl.UInt32(),
    "words": pl.UInt32(),
    "unknown_words": pl.UInt32(),
    "support": pl.Int16(),  # hundredths of a nat by which the text's words speak for the answer
    "sealed": pl.Binary(),  # what was masked, under the key of its day
    "input_stage": pl.String(),
    "label": pl.String(),
    "topk": pl.String(),  # [[label, score], ...] as JSON: list columns are several times slower to build
    "topk_censored": pl.Boolean(),
    "score": pl.Float64(),
    "score_definition": pl.String(),
    "score_step": pl.UInt16(),
    "threshold_step": pl.UInt16(),
    "decision": pl.String(),
    "decision_basis": pl.String(),
    "latency_ms": pl.Float64(),
    "latency_kind": pl.String(),
    "status": pl.Int16(),
    "outcome": pl.String(),
    "error": pl.String(),
    "retries": pl.UInt8(),
    "cache_hit": pl.Boolean(),
    "sampling_rate": pl.Float64(),
    "sequence": pl.Int64(),
    "flags": pl.String(),  # names joined by commas
    "bookmark": pl.Int64(),
    "position": pl.Int64(),
    "bytes": pl.Int32(),
}


def empty(fields: tuple[str, ...] = ()) -> pl.DataFrame:
    """
    Return a frame of no predictions with all columns, `fields` being names without their prefix.

    >>> empty(("TYP",)).columns[-2:]
    ['bytes', 'field_TYP']
    """
    return pl.DataFrame(schema=SCHEMA | {f"{FIELD}{name}": pl.String() for name in fields})


def step_of(score: float) -> int:
    """
    Place a score in [0, 1] on the grid of 1/10 000.

    >>> step_of(0.7), step_of(0.69999998), step_of(0.69)
    (7000, 7000, 6900)
    """
    return int(GRID * score + 0.5)


def normalised(text: pl.Expr) -> pl.Expr:
    """
    Reduce texts to what makes two of them the same: lower case, no accents, digits or punctuation, single spaces.

    >>> pl.select(normalised(pl.lit("  Crêperie, n° 12 - Sàrl "))).item()
    'creperie n sarl'
    """
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return bare.str.replace_all(r"[^\p{L}]+", " ").str.strip_chars()


def text_hashes(texts: pl.Series, secret: bytes) -> pl.Series:
    """
    Return 16 keyed bytes per text that are equal for texts that are the same once normalised; missing stays missing.

    >>> one, other, none = text_hashes(pl.Series(["Crêperie 12", "creperie", None]), b"key")
    >>> one == other, none is None
    (True, True)
    """
    bare = texts.cast(pl.String).to_frame("text").select(normalised(pl.col("text"))).to_series()
    key = secret[:64]
    hashes = [None if t is None else hashlib.blake2b(t.encode(), key=key, digest_size=16).digest() for t in bare]
    return pl.Series(hashes, dtype=pl.Binary)
