"""Count how many words of a text the model's own vocabulary does not hold."""

from collections.abc import Collection

import polars as pl

SHORTEST = 2  # single letters say nothing about the vocabulary


def word_counts(texts: pl.Series, vocabulary: Collection[str] | None) -> pl.DataFrame:
    """
    Return two columns, `words` and `unknown_words` (UInt32), one row per text.

    `texts` are in the form of `monitor.prediction.normalised`. A missing text gives two nulls; without a vocabulary
    `unknown_words` is null. Words have two letters or more.

    >>> word_counts(pl.Series(["salon de coiffure", None, "hair dresser"]), {"salon", "de", "coiffure"}).rows()
    [(3, 0), (None, None), (2, 2)]
    """
    frame = pl.DataFrame({"text": texts.cast(pl.String)}).with_row_index("at")
    words = (
        frame.select("at", word=pl.col("text").str.split(" "))
        .explode("word")
        .filter(pl.col("word").str.len_chars() >= SHORTEST)
    )
    if vocabulary is None:
        known = pl.lit(None, pl.Boolean)
    else:
        known = pl.col("word").is_in(pl.Series(list(vocabulary), dtype=pl.String).implode())
    counted = words.group_by("at").agg(
        words=pl.len().cast(pl.UInt32),
        unknown_words=(~known).sum().cast(pl.UInt32) if vocabulary is not None else pl.lit(None, pl.UInt32).first(),
    )
    missing = frame["text"].is_null()
    joined = frame.join(counted, on="at", how="left", maintain_order="left")
    zero = pl.lit(0, pl.UInt32)
    none = pl.lit(None, pl.UInt32)
    return joined.select(
        words=pl.when(missing).then(none).otherwise(pl.col("words").fill_null(zero)),
        unknown_words=pl.when(missing)
        .then(none)
        .otherwise(pl.col("unknown_words").fill_null(zero if vocabulary is not None else none)),
    )
