"""Read scores and decisions out of a challenger's answers, and put these in the place of its champion's."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from monitor.prediction import SCHEMA, step_of

SCORES = ("max_prob", "margin", "margin_rest")  # definitions that an answer's labels and scores are enough for


def score_of(topk: Sequence[Any], definition: str) -> float | None:
    """
    Return the score of an answer, [[label, score], ...] in any order, between 0 and 1; None for no answer.

    `definition` is one of `SCORES`; the rest of margin_rest are the second to fifth label.

    >>> [round(score_of([["a", 0.5], ["b", 0.3], ["c", 0.1]], one), 2) for one in SCORES], score_of([], "margin")
    ([0.5, 0.2, 0.1], None)
    """
    if not topk:
        return None
    best = sorted((pair[1] for pair in topk), reverse=True)
    others = {"max_prob": 0.0, "margin": sum(best[1:2]), "margin_rest": sum(best[1:5])}[definition]
    return float(min(max(best[0] - others, 0.0), 1.0))


def decision_of(step: int | None, automatic_from: int | None) -> str | None:
    """
    Say who decides at this score, both in steps; None where one of them is not known.

    >>> decision_of(7000, 7000), decision_of(6999, 7000), decision_of(7000, None)
    ('automatic', 'manual', None)
    """
    if step is None or automatic_from is None:
        return None
    return "automatic" if step >= automatic_from else "manual"


def in_place(
    rows: pl.DataFrame, answers: Mapping[bytes, Sequence[Any]], score: str | None, automatic_from: int | None
) -> pl.DataFrame:
    """
    Return the champion's answered rows of one day that the challenger answered too, by uid, with its answers instead.

    Without a `score` definition its score is not known, without `automatic_from` (in steps) who decides. How far the words speak
    for an answer is not known of the challenger's.
    """
    rows = rows.filter(pl.col("label").is_not_null() & pl.col("uid").is_in(list(answers)))
    given = [answers[uid] for uid in rows["uid"]]
    scores = [None if score is None else score_of(topk, score) for topk in given]
    steps = [None if one is None else step_of(one) for one in scores]
    told: dict[str, list[Any]] = {
        "label": [topk[0][0] if topk else None for topk in given],
        "score": scores,
        "score_step": steps,
        "decision": [decision_of(step, automatic_from) for step in steps],
        "support": [None] * len(given),
    }
    return rows.with_columns(pl.Series(name, values, dtype=SCHEMA[name]) for name, values in told.items())
