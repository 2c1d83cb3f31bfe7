"""
Keep of predictions what may be kept.

Order: hash, count words, redact, cut. Nothing unredacted leaves here but keyed hashes and what is sealed.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from monitor.prediction import FIELD, SCHEMA, normalised
from monitor.profiles.support import Support
from monitor.profiles.tokens import word_counts
from monitor.redaction import LONGEST_CHARS, masked
from monitor.settings import Model
from monitor.sources.columns import Columns
from monitor.window import MICROSECONDS_PER_HOUR

MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR


@dataclass(frozen=True)
class Door:
    """Hold what is needed to settle a record: the models, what of a text is kept, and the key of the hashes."""

    models: dict[str, Model]
    vocabularies: dict[str, Collection[str] | None]
    store_texts: str  # none, hash, redacted, full
    secret: bytes
    patterns: dict[str, str] = field(default_factory=dict)  # what the operator masks beside the rules
    seal: Callable[[int, str | None, dict[str, Any]], bytes] | None = (
        None  # mode full: day, text and fields as they were
    )
    supports: dict[str, Support] = field(default_factory=dict)  # by model, where its training texts are known
    masked: Counter[str] = field(default_factory=Counter)  # finds by rule, filled while frames are made


@dataclass(frozen=True)
class Origin:
    """Say where a record was read: byte offset and length of its line, digest of the line."""

    position: int
    length: int
    digest: bytes
    part: int = 0  # which of several lines inside the physical one


def private(whole: pl.DataFrame, door: Door, rows: Columns) -> pl.DataFrame:
    """Return predictions of one model, read from `rows`, with hashes and counts, and their texts as `privacy.store` says."""
    texts = whole["text"]
    bare = whole.select(normalised(pl.col("text"))).to_series()
    key = door.secret[:64]
    hashes = [None if t is None else hashlib.blake2b(t.encode(), key=key, digest_size=16).digest() for t in bare]
    counts = word_counts(bare, door.vocabularies.get(whole["model"][0]))
    whole = whole.with_columns(
        pl.Series("text_hash", hashes, dtype=pl.Binary), text_chars=texts.str.len_chars().cast(pl.UInt32),
        words=counts["words"], unknown_words=counts["unknown_words"],
    )  # fmt: skip
    known = door.supports.get(whole["model"][0])
    if known is not None:
        whole = whole.with_columns(support=known.of_answers(bare, whole["label"].to_list()))
    whole, is_masked = _clean(whole, door)
    whole = _as_kept(whole, rows["kept"])
    if door.store_texts not in {"redacted", "full"}:
        fields = [pl.lit(None, pl.String).alias(name) for name in whole.columns if name.startswith(FIELD)]
        hidden = [] if door.store_texts == "hash" else [pl.lit(None, pl.Binary).alias("input_hash")]
        return whole.with_columns(pl.lit(None, pl.String).alias("text"), *fields, *hidden)
    clean, finds = masked(texts, door.patterns)
    door.masked.update(finds)
    long = texts.str.len_chars() > LONGEST_CHARS
    changed = is_masked | (clean != texts.str.slice(0, LONGEST_CHARS)).fill_null(value=False)
    long = long.fill_null(value=False)
    if changed.any() or long.any():
        flags = [
            ",".join(filter(None, (one, "text_redacted" if mask else "", "text_cut" if cut else "")))
            for one, mask, cut in zip(whole["flags"], changed, long, strict=True)
        ]
        whole = whole.with_columns(pl.Series("flags", flags, dtype=pl.String))
    if door.seal is not None:
        whole = whole.with_columns(pl.Series("sealed", _sealed(rows, changed | long, door.seal), dtype=pl.Binary))
    return whole.with_columns(clean.alias("text"))


def _sealed(
    rows: Columns, is_other: pl.Series, seal: Callable[[int, str | None, dict[str, Any]], bytes]
) -> list[bytes | None]:
    """Seal what the door changed; a half that waited brings what was sealed then."""
    told = zip(is_other, rows["time_us"], rows["text"], rows["fields"], rows["kept"], strict=True)
    return [
        bytes.fromhex(kept["sealed"]) if kept and kept["sealed"]
        else seal((time_us or 0) // MICROSECONDS_PER_DAY, text, fields) if other
        else None
        for other, time_us, text, fields, kept in told
    ]  # fmt: skip


def _clean(whole: pl.DataFrame, door: Door) -> tuple[pl.DataFrame, pl.Series]:
    """Mask what may quote a person beside the text: errors, fields, a segment that is one; tell the rows with a masked field."""
    fields = [name for name in whole.columns if name.startswith(FIELD)]
    named = door.models[whole["model"][0]].segment not in {None, "caller", "region"}
    is_masked = pl.repeat(False, whole.height, eager=True)
    for name in ["error", *fields, *(["segment"] if named else [])]:
        few = whole[name].drop_nulls().unique()
        if few.len() and not masked(few, door.patterns)[0].equals(few):
            clean, finds = masked(whole[name], door.patterns)
            door.masked.update(finds)
            if name in fields:
                is_masked |= (clean != whole[name]).fill_null(value=False)
            whole = whole.with_columns(clean.alias(name))
    return whole, is_masked


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
