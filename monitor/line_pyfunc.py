"""
Log what an MLflow pyfunc model answers with `monitor.line`: mix `PyfuncLines` in before the model's own class.

Neither mlflow nor pandas is imported. To copy it beside a model, copy `line.py` too and change the import.

    class Coder(PyfuncLines, MyModel):
        log = {"model": "ape", "text": "full", "where": "/var/log/models/ape.jsonl"}
"""

from __future__ import annotations

import time
from typing import Any

from monitor.line import Lines


class PyfuncLines:
    """
    Answer as the model does, and log one row per text.

    `log` holds the settings of `Lines`. The file is opened by the process that answers, so that a pickled model carries
    no open file. Override `rows` where input and answers have another shape.

    >>> import json, pathlib, tempfile
    >>> class Model:
    ...     def predict(self, context, model_input, params=None):
    ...         return [{"label": "10", "score": 0.9} for _ in model_input]
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ape.jsonl"
    >>> class Coder(PyfuncLines, Model):
    ...     log = {"model": "ape", "text": "full", "where": file, "threaded": False}
    >>> Coder().predict(None, [{"text": "bakery"}])
    [{'label': '10', 'score': 0.9}]
    >>> json.loads(file.read_text())["topk"]
    [['10', 0.9]]
    """

    log: dict[str, Any] = {}

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return the model's own answers; an error of the model is logged and raised on."""
        began = time.perf_counter()
        more = {} if params is None else {"params": params}
        try:
            answers = super().predict(context, model_input, **more)  # type: ignore[misc]
        except Exception as error:
            self._note(model_input, None, began, error)
            raise
        self._note(model_input, answers, began)
        return answers

    def rows(self, model_input: Any, answers: Any) -> list[dict[str, Any]]:
        """Return the fields of each row: `text` and `topk`; `answers` is None where the model failed."""
        texts, said = listed(model_input), [None] * len(listed(model_input)) if answers is None else listed(answers)
        return [{"text": text_of(text), "topk": topk_of(one)} for text, one in zip(texts, said)]  # noqa: B905 - Python 3.9 has no strict

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open log out of a copy."""
        return {name: value for name, value in self.__dict__.items() if name != "_lines"}

    def _note(self, model_input: Any, answers: Any, began: float, error: Exception | None = None) -> None:
        latency_ms = 1000 * (time.perf_counter() - began)
        lines = self.__dict__.get("_lines")
        if lines is None:
            lines = self._lines = Lines(None, **self.log)
        try:
            rows = self.rows(model_input, answers)
        except Exception:  # the answer matters more than its log
            lines.failed += 1
            return
        told = {"status": 200 if error is None else 500, "error": None if error is None else type(error).__name__}
        for number, row in enumerate(rows):
            once = {"latency_ms": latency_ms} if number == 0 else {}
            lines.write(**{**told, **once, **row, "row": number, "rows": len(rows)})


def listed(values: Any) -> list[Any]:
    """
    Return the rows of a list, an array, a data frame or a series, as Python values.

    >>> listed(("a", "b")), listed("a"), listed({"text": ["a", "b"]})
    (['a', 'b'], ['a'], [{'text': 'a'}, {'text': 'b'}])
    """
    if hasattr(values, "to_dict") and hasattr(values, "columns"):
        return list(values.to_dict("records"))
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, dict):
        return [dict(zip(values, row)) for row in zip(*values.values())]  # noqa: B905 - the same
    return list(values) if isinstance(values, (list, tuple)) else [values]


def text_of(row: Any) -> Any:
    """
    Return the text of a row: itself, what stands under `text`, or the first text in it.

    >>> text_of("a"), text_of({"id": 1, "libelle": "b"}), text_of(["c"])
    ('a', 'b', 'c')
    """
    if isinstance(row, dict):
        return row["text"] if "text" in row else next((one for one in row.values() if isinstance(one, str)), None)
    if isinstance(row, (list, tuple)):
        return next((one for one in row if isinstance(one, str)), None)
    return row


def topk_of(answer: Any) -> list[list[Any]] | None:
    """
    Return [[label, score], ...] of an answer, the best first as the model gave them.

    >>> topk_of({"label": "a", "score": 0.9}), topk_of(("a", 0.9)), topk_of([("a", 0.9), ("b", 0.1)]), topk_of("a")
    ([['a', 0.9]], [['a', 0.9]], [['a', 0.9], ['b', 0.1]], [['a', None]])
    """
    if answer is None:
        return None
    if isinstance(answer, dict):
        return [[answer.get("label"), answer.get("score", answer.get("confidence"))]]
    if isinstance(answer, (list, tuple)) and answer and isinstance(answer[0], (list, tuple)):
        return [list(pair) for pair in answer]
    if isinstance(answer, (list, tuple)) and len(answer) == 2 and not isinstance(answer[1], str):
        return [list(answer)]
    return [[answer, None]]
