"""A score is what its definition says, and falls on the right side of its threshold to the last bit."""

import json
import math

import numpy as np
import pytest

from monitor.prediction import step_of
from monitor.settings import Source
from tests.monitor.sources.reading import read, reasons, source

MAP = {"time": "at", "label": "l", "score": "s", "topk_labels": "top[*][0]", "topk_scores": "top[*][1]"}


def line(**more: object) -> bytes:
    return json.dumps({"at": "2026-09-01T10:00:00Z", **more}).encode() + b"\n"


def about() -> Source:
    return source("json_lines", map=MAP)


@pytest.mark.parametrize(("definition", "expected"), [
    ("max_prob", 0.6), ("margin", 0.3), ("margin_rest", 0.2), ("logged", 0.77),
    ("entropy", 1 - -(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)) / math.log(4)),
])  # fmt: skip
def test_definitions(definition: str, expected: float) -> None:
    """Each definition, by its formula, on a rising list that is sorted first."""
    batch = read(line(top=[["a", 0.1], ["b", 0.6], ["c", 0.3]], s=0.77), about(), score=definition, classes=4)
    assert batch.predictions["score"][0] == pytest.approx(expected, abs=1e-12)
    assert batch.predictions["score_definition"][0] == definition
    assert batch.predictions["label"][0] == "b"


def test_missing_mass_is_spread() -> None:
    """What a short list leaves is spread over the classes that were not logged: a lower bound of certainty."""
    batch = read(line(top=[["a", 0.7]]), about(), score="entropy", classes=4)
    shares = [0.7, 0.1, 0.1, 0.1]
    assert batch.predictions["score"][0] == pytest.approx(1 + sum(p * math.log(p) for p in shares) / math.log(4))


def test_single_label_bounds_the_margin() -> None:
    """A margin of a list of one is a bound, and says so."""
    assert read(line(top=[["a", 0.7]]), about(), score="margin").predictions["flags"][0] == "score_bound"


def test_clip() -> None:
    """A logged number outside 0 to 1 is refused, or cut and marked where the model says that it may be."""
    wild = line(l="a", s=3.2) + line(l="a", s=-1) + line(l="a", s=1.0005)
    refused = read(wild, about(), score="logged")
    assert reasons(refused) == ["out_of_range", "out_of_range"]
    assert refused.predictions["score"].to_list() == [1.0]
    kept = read(wild, about(), score="logged", score_clip=True)
    assert kept.predictions["score"].to_list() == [1.0, 0.0, 1.0]
    assert set(kept.predictions["flags"]) == {"score_clipped"}


def test_ties_are_automatic() -> None:
    """Of the rounded probabilities whose margin is the threshold none is called manual, and none a hundredth below is automatic."""
    for high in range(70, 100):
        for gap, expected in ((70, "automatic"), (69, "manual")):
            if high < gap:
                continue
            pair = [float(np.float32(high / 100)), float(np.float32((high - gap) / 100))]
            batch = read(line(top=[["a", pair[0]], ["b", pair[1]]]), about(), score="margin")
            assert batch.predictions["decision"][0] == expected
            assert step_of(pair[0] - pair[1]) == 100 * gap
