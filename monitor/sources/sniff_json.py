"""Guess which key of a JSON line is which column, by its name and by what its values look like."""

import json
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

NAMES = {
    "time": ("ts", "time", "timestamp", "datetime", "date", "created_at", "logged_at", "event_time", "logging_time", "timestamp_ms",
             "inferencetime", "at"),
    "request_id": ("request_id", "requestid", "req_id", "call_id", "correlation_id", "correlationid", "trace_id", "uuid",
                   "eventid", "event_id", "body_id", "id"),
    "label": ("label", "labels", "predicted_label", "pred", "prediction", "predictions", "predicted", "class", "category", "code",
              "intent", "answer", "output", "outputs", "result", "names"),
    "score": ("score", "scores", "prob", "proba", "probas", "probability", "probabilities", "probabilite", "confidence", "conf",
              "ic", "certainty"),
    "text": ("text", "texts", "libelle", "input_text", "description", "sentence", "utterance", "question", "query", "content",
             "document", "input", "inputs", "instance", "instances", "title", "body"),
    "latency_ms": ("latency", "duration", "elapsed", "took", "execution_time", "response_time", "processing_time",
                   "inference_duration"),
    "status": ("status", "status_code", "http_status", "statuscode"),
    "model_version": ("model_version", "modelversion", "version", "deployed_model_id", "model_id", "run_id"),
    "caller": ("caller", "app", "application", "client", "consumer", "sourceappel", "tenant"),
    "endpoint": ("endpoint", "route", "path", "url"),
    "region": ("region",),
    "decision": ("decision",),
    "sampling_rate": ("sampling_rate", "sampling_fraction"),
}  # fmt: skip
BANDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FIRST_S, LAST_S = 10**9, 4.1 * 10**9  # 2001 to 2099: the bands of two units cannot touch
UNITS = (("ms", r"(_ms|ms|millis|milliseconds)$"), ("us", r"(_us|micros|microseconds)$"), ("ns", r"(_ns|nanos)$"),
         ("s", r"(_s|_sec|secs|seconds)$"))  # fmt: skip
MOST_TREES, MOST_FIELDS, FEW_VALUES, MOST_SHARE = 400, 12, 40, 0.9
Check = Callable[[list[Any], int], bool]
Column = list[tuple[int, Any]]  # number of the line, and a value on it


def mapping(lines: Sequence[bytes]) -> dict[str, Any]:
    """
    Return columns and paths; empty where no text and no label is found.

    >>> mapping([b'{"ts": 1795170832153, "input": {"q": "card lost"}, "out": {"label": "a", "p": 1}, "took_s": 0.04}'] * 3)["time"]
    {'field': 'ts', 'unit': 'ms'}
    """
    trees = list(_trees(lines[:MOST_TREES]))
    columns: dict[str, Column] = defaultdict(list)
    for number, tree in enumerate(trees):
        for path, value in leaves(tree):
            columns[path].append((number, value))
    found: dict[str, Any] = {}
    taken: set[str] = set()
    for column, fits in CHECKS.items():
        best = _best((column, fits, len(trees)), columns, taken, found.get("label", ""))
        if best is not None:
            taken.add(best)
            found[column] = best
    if "time" not in found or not {"text", "label"} & found.keys():
        return {} if not {"text", "label"} <= found.keys() else _finished(found, columns, taken)
    return _finished(found, columns, taken)


def leaves(tree: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every leaf; JSON inside a string is read and gone on with."""
    if depth > 12:
        return
    if isinstance(tree, dict) and tree and all(str(key).isdigit() for key in tree):
        for value in tree.values():
            yield from leaves(value, f"{path}.{{1..{len(tree)}}}".lstrip("."), depth + 1)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            name = key if re.fullmatch(r"[\w@-]+", key) else f'"{key}"'
            yield from leaves(value, path + name if path.endswith("!") or not path else f"{path}.{name}", depth + 1)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value, f"{path}[]", depth + 1)
    elif isinstance(tree, str) and tree[:1] in {"{", "["}:
        try:
            inside = json.loads(tree)
        except (ValueError, RecursionError):
            yield path, tree
        else:
            yield from leaves(inside, f"{path}!", depth + 1)
    else:
        yield path, tree


def epoch_unit(values: Sequence[Any]) -> str | None:
    """
    Name the unit of times since 1970 by their size; None where they fit no band.

    >>> epoch_unit([1795170832, 1795170833]), epoch_unit(["1795170832153000000"]), epoch_unit([12])
    ('s', 'ns', None)
    """
    numbers = [
        float(one) for one in values if not isinstance(one, bool) and re.fullmatch(r"\d{9,20}(\.\d+)?", str(one))
    ]
    for unit, per_s in BANDS.items():
        if numbers and len(numbers) >= MOST_SHARE * len(values) and all(FIRST_S * per_s <= one < LAST_S * per_s for one in numbers):  # fmt: skip
            return unit
    return None


def latency_unit(path: str, values: Sequence[float]) -> tuple[str, str]:
    """
    Name the unit of a latency, and how it is known: by its name, else by its size.

    >>> latency_unit("took_s", [0.04]), latency_unit("latency", [0.04, 0.05])
    (('s', 'its name ends so'), ('s', 'by its size, 0.04 in the middle: DECIDE'))
    """
    for unit, pattern in UNITS:
        if re.search(pattern, path.lower()):
            return unit, "its name ends so"
    middle = statistics.median_low(values)
    return ("s" if middle < 5 else "ms" if middle < 10_000 else "us"), f"by its size, {middle:g} in the middle: DECIDE"


def _trees(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            tree = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            continue
        if isinstance(tree, dict):
            yield tree


def _best(wanted: tuple[str, Check, int], columns: dict[str, Column], taken: set[str], near: str) -> str | None:
    """Return the path whose name is nearest to the front of the column's names, beside the label where that decides."""
    (column, fits, lines), ranked = wanted, []
    for path, pairs in columns.items():
        key = re.sub(r"[^a-z0-9_]", "", re.split(r"[.!]", re.sub(r"\[\]|\{.*?\}", "", path))[-1].lower())
        bare = re.sub("|".join(pattern for _, pattern in UNITS), "", key) if column == "latency_ms" else key
        names = NAMES[column]
        rank = names.index(key) if key in names else names.index(bare) if bare in names else None
        if rank is None and column == "text" and not any(key in some for some in NAMES.values()):
            rank = len(names)
        values = [value for _, value in pairs if value is not None]
        if rank is not None and path not in taken and values and fits(values, lines):
            beside = near.rpartition(".")[0] != path.rpartition(".")[0] if column == "score" else False
            ranked.append(
                (beside, rank, path.count("[]") + path.count("!") if column != "text" else 0, len(path), path)
            )
    return min(ranked)[-1] if ranked else None


def _is_time(values: list[Any], _: int) -> bool:
    if epoch_unit(values) is not None:
        return True
    good = 0
    for one in values:
        try:
            good += (
                isinstance(one, str) and datetime.fromisoformat(one.replace(",", ".", 1)) is not None and len(one) >= 16
            )
        except ValueError:
            continue
    return good >= MOST_SHARE * len(values)


def _is_identity(values: list[Any], lines: int) -> bool:
    return all(isinstance(one, str | int) for one in values) and len({str(one) for one in values}) >= MOST_SHARE * lines


def _is_text(values: list[Any], _: int) -> bool:
    words = [one for one in values if isinstance(one, str) and re.search(r"[^\W\d_]{2}", one)]
    return (
        len(words) >= MOST_SHARE * len(values) and (len(set(words)) > 3 or len(words) < 10) and not _is_time(values, 0)
    )


def _is_label(values: list[Any], _: int) -> bool:
    names = [
        one for one in values if isinstance(one, str | int) and not isinstance(one, bool) and 0 < len(str(one)) <= 128
    ]
    return len(names) == len(values) and (len(values) < 20 or len(set(names)) < MOST_SHARE * len(names))


def _is_score(values: list[Any], _: int) -> bool:
    plain = [str(one) for one in values if isinstance(one, int | float | str) and not isinstance(one, bool)]
    numbers = [float(one) for one in plain if re.fullmatch(r"-?\d*\.?\d+(?:[eE]-?\d+)?", one)]
    return len(numbers) >= MOST_SHARE * len(values) and sum(
        -0.001 <= one <= 1.001 for one in numbers
    ) >= MOST_SHARE * len(numbers)


def _is_number(values: list[Any], _: int) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) and one >= 0 for one in values)


def _is_status(values: list[Any], _: int) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) and 100 <= one <= 599 for one in values)


def _is_name(values: list[Any], _: int) -> bool:
    return all(isinstance(one, str | int) and len(str(one)) <= 128 for one in values)


def _is_decision(values: list[Any], _: int) -> bool:
    return set(map(str, values)) <= {"automatic", "manual", "refused"}


def _is_share(values: list[Any], lines: int) -> bool:
    return _is_number(values, lines) and all(0 < one <= 1 for one in values)


CHECKS: dict[str, Check] = {
    "time": _is_time, "request_id": _is_identity, "latency_ms": _is_number, "status": _is_status, "label": _is_label,
    "score": _is_score, "text": _is_text, "model_version": _is_name, "caller": _is_name, "endpoint": _is_name,
    "region": _is_name, "decision": _is_decision, "sampling_rate": _is_share,
}  # fmt: skip


def _finished(found: dict[str, Any], columns: dict[str, Column], taken: set[str]) -> dict[str, Any]:
    """Tell units, rows and top-k entries apart, and add the fields that lie beside the text."""
    mapped = dict(found)
    if "time" in found and (unit := epoch_unit([value for _, value in columns[found["time"]]])):
        mapped["time"] = {"field": found["time"], "unit": unit}
    if "latency_ms" in found:
        numbers = [value for _, value in columns[found["latency_ms"]] if value is not None]
        mapped["latency_ms"] = {"field": found["latency_ms"], "unit": latency_unit(found["latency_ms"], numbers)[0]}
    label, score = found.get("label"), found.get("score")
    if label is not None and (entries := _entries(label, found.get("text", ""), columns)) is not None:
        del mapped["label"]
        mapped["topk_labels"] = entries
        if score is not None and (beside := _entries(score, found.get("text", ""), columns)) is not None:
            del mapped["score"]
            mapped["topk_scores"] = beside
    for path, pairs in columns.items():
        values = {str(value) for _, value in pairs}
        name = re.split(r"[.!]", path)[-1].strip('"').replace("[]", "")
        near = "text" in found and path.rpartition(".")[0] == found["text"].rpartition(".")[0]
        fits = (
            re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
            and 2 <= len(values) <= FEW_VALUES
            and len(values) < len(pairs) / 2
        )
        if near and fits and path not in taken and sum(one.startswith("field_") for one in mapped) < MOST_FIELDS:
            mapped[f"field_{name}"] = path
    return mapped


def _entries(path: str, text: str, columns: dict[str, Column]) -> str | None:
    """Return the path with its top-k step written as one; None where each row has one value."""
    if "{1.." in path:
        return path
    lists = path.count("[]")
    rows = 1 if "[]" in text else 0
    per_line: dict[int, int] = defaultdict(int)
    for number, _ in columns[path]:
        per_line[number] += 1
    if lists <= rows or (rows == 0 and max(per_line.values()) == 1):
        return None
    before, _, after = path.rpartition("[]")
    return f"{before}[*]{after}"
