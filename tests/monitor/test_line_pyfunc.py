"""A pyfunc model answers what it answered before, and each text is a row of the log."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monitor.line_pyfunc import PyfuncLines

BEST = [("10", 0.9), ("56", 0.05)]


class Model:
    """Answer the same for every text, in the shape `params` asks for."""

    def predict(self, _context: Any, model_input: Any, params: Any = None) -> Any:
        count = len(model_input)
        if params == "fail":
            raise KeyError("no model")
        answers: dict[Any, Any] = {
            None: [{"label": "10", "score": 0.9}] * count, "pairs": [("10", 0.9)] * count, "topk": [BEST] * count,
            "labels": ["10"] * count, "frame": pd.DataFrame({"label": ["10"] * count, "score": [0.9] * count}),
            "array": np.array(["10"] * count),
        }  # fmt: skip
        return answers[params]


class Coder(PyfuncLines, Model):
    """Log to a file given later."""


@pytest.fixture
def coder(tmp_path: Path) -> Coder:
    Coder.log = {"model": "ape", "text": "full", "where": tmp_path / "a.jsonl", "threaded": False}
    return Coder()


def rows(coder: Coder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(coder.log["where"]).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("given", [
    ["taxi", "bakery"], [{"text": "taxi"}, {"text": "bakery"}], [{"id": 1, "libelle": "taxi"}, {"id": 2, "libelle": "bakery"}],
    pd.DataFrame({"text": ["taxi", "bakery"]}), pd.Series(["taxi", "bakery"]), np.array(["taxi", "bakery"]),
    pd.DataFrame({"n": [1, 2], "libelle": ["taxi", "bakery"]}),
])  # fmt: skip
@pytest.mark.parametrize(("params", "topk"), [
    (None, [["10", 0.9]]), ("pairs", [["10", 0.9]]), ("topk", [list(pair) for pair in BEST]), ("labels", [["10", None]]),
    ("frame", [["10", 0.9]]), ("array", [["10", None]]),
])  # fmt: skip
def test_same_answers(coder: Coder, given: Any, params: Any, topk: Any) -> None:
    """The caller gets the model's own object; the log has one row per text, with the latency on the first."""
    alone = Model().predict(None, given, params)
    told = coder.predict(None, given, params) if params else coder.predict(None, given)
    assert type(told) is type(alone)
    assert str(told) == str(alone)
    found = rows(coder)
    assert [(row["text"], row["topk"], row["row"], row["rows"], row["status"]) for row in found] == [
        ("taxi", topk, 0, 2, 200), ("bakery", topk, 1, 2, 200)]  # fmt: skip
    assert ["latency_ms" in row for row in found] == [True, False]


def test_errors_pass(coder: Coder) -> None:
    """An error of the model is raised on; its texts are logged as failed. What cannot be read is counted."""
    with pytest.raises(KeyError, match="no model"):
        coder.predict(None, ["taxi"], "fail")
    assert [(row["text"], row["status"], row["error"]) for row in rows(coder)] == [("taxi", 500, "KeyError")]

    class Odd(Coder):
        def rows(self, model_input: Any, answers: Any) -> list[dict[str, Any]]:
            raise RuntimeError("theirs")

    odd = Odd()
    assert odd.predict(None, ["taxi"]) == [{"label": "10", "score": 0.9}]
    assert odd._lines.failed == 1


def test_pickled(coder: Coder) -> None:
    """A copy of a model that has logged opens its own file."""
    coder.predict(None, ["taxi"])
    copy = pickle.loads(pickle.dumps(coder))
    assert "_lines" not in copy.__dict__
    copy.predict(None, ["bakery"])
    assert [row["text"] for row in rows(coder)] == ["taxi", "bakery"]
