"""A challenger's answers take the place of its champion's, scored and decided as config.yaml says."""

from typing import Any

import polars as pl
import pytest

from monitor.prediction import SCHEMA, empty
from monitor.shadow.answers import in_place

ANSWER = [["47", 0.7], ["56", 0.2]]


def rows(*labels: str | None) -> pl.DataFrame:
    """Return one row per label of the champion, which decided nothing and knows a support."""
    given = {"uid": [bytes([at]) * 16 for at in range(len(labels))], "label": labels, "support": [5] * len(labels)}
    return pl.concat(
        [empty(), pl.DataFrame(given, schema={name: SCHEMA[name] for name in given}, strict=False)], how="diagonal"
    )


@pytest.mark.parametrize(("score", "automatic_from", "told"), [
    ("max_prob", 7000, ("47", 0.7, 7000, "automatic", None)),
    ("max_prob", 7001, ("47", 0.7, 7000, "manual", None)),
    ("margin", 7000, ("47", 0.5, 5000, "manual", None)),
    ("max_prob", None, ("47", 0.7, 7000, None, None)),
    (None, 7000, ("47", None, None, None, None)),
])  # fmt: skip
def test_in_place(score: str | None, automatic_from: int | None, told: tuple[Any, ...]) -> None:
    """What cannot be known stays unknown; nothing of the champion's answer is left."""
    (found,) = in_place(rows("10"), {bytes(16): ANSWER}, score, automatic_from).to_dicts()
    assert (found["label"], found["score"], found["score_step"], found["decision"], found["support"]) == (
        told[0], told[1] if told[1] is None else pytest.approx(told[1]), *told[2:])  # fmt: skip


def test_answered_by_both() -> None:
    """Rows that only one of them answered are left out; an answer without a label counts as one."""
    found = in_place(
        rows("10", None, "10", "10"), {bytes([at]) * 16: ANSWER for at in (0, 1)} | {b"\3" * 16: []}, "max_prob", 1
    )
    assert found["uid"].to_list() == [bytes(16), b"\3" * 16]
    assert found["label"].to_list() == ["47", None]
    assert in_place(rows("10"), {}, "max_prob", 1).schema == rows("10").schema
