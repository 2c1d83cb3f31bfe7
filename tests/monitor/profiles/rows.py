"""Draw prediction rows, and count them the slow way: one by one, in plain Python."""

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import timedelta
from random import Random
from typing import Any

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

from monitor.prediction import SCHEMA
from monitor.window import start_of

FIRST_HOUR = 490_000
QUICK = settings(derandomize=True, deadline=None, max_examples=40)

Row = dict[str, Any]


def _latency_edges() -> list[float]:
    edges = [0.1]
    while edges[-1] < 120_000.0:
        edges.append(0.1 * 1.02 ** len(edges))
    return edges


LATENCY_EDGES = _latency_edges()

_VALUES: dict[str, list[Any]] = {
    "model": ["ape", "nace"],
    "segment": [None, "", "front"],
    "variant": [None, "champion", "canary", "shadow"],
    "kind": ["prediction", "prediction", "prediction", "request"],
    "second": [0, 1, 3599, 3600, 5000, 7199, 7200, 10_799],
    "caller": [None, "tax", "survey"],
    "region": [None, "FR", "a\nb", "x" * 65],
    "text_hash": [None, b"one", b"two", b"three"],
    "label": [None, "56", "47", "96"],
    "step": [None, 0, 49, 50, 4999, 5000, 7000, 7999, 9000, 10_000],
    "decision": [None, "automatic", "manual", "refused"],
    "latency_ms": [None, 0.01, 0.1, 35.0, 35.8, 119_000.0, 200_000.0],
    "outcome": [None, "ok", "failed", "refused_input"],
    "text_chars": [None, 0, 1, 30, 30_000],
    "words": [None, 0, 1, 3, 7],
    "unknown_words": [None, 0, 1, 2, 7],
    "support": [None, -400, -300, -1, 0, 9, 10, 250, 1200],
    "model_version": [None, "v1", "v2"],
    "field_TYP": [None, "I", "B", "tab\there"],
}


def _drawn(seed: int, size: int) -> list[Row]:
    random = Random(seed)
    return [_numbered({name: random.choice(values) for name, values in _VALUES.items()}, at) for at in range(size)]


def _numbered(row: Row, at: int) -> Row:
    words, unknown = row["words"], row["unknown_words"]
    return row | {
        "uid": at.to_bytes(4, "big"),
        "unknown_words": None if words is None or unknown is None else min(words, unknown),
    }


ROWS = st.builds(_drawn, st.integers(0, 10**6), st.integers(0, 80))


def frame(rows: list[Row]) -> pl.DataFrame:
    """Write rows as the frame a store returns."""
    plain = [
        {name: row.get(name) for name in (*SCHEMA, "field_TYP")}
        | {
            "time": start_of(FIRST_HOUR) + timedelta(seconds=row["second"]),
            "score": None if row["step"] is None else row["step"] / 10_000,
            "score_step": row["step"],
        }
        for row in rows
    ]
    return pl.DataFrame(plain, schema=SCHEMA | {"field_TYP": pl.String()})


def repeats(rows: list[Row]) -> set[bytes]:
    """Return the uids of rows whose caller sent the same text earlier in the hour."""
    seen, found = set(), set()
    for row in sorted(rows, key=lambda one: (one["second"], one["uid"])):
        twin = (row["model"], row["caller"], row["text_hash"], row["second"] // 3600)
        if row["text_hash"] is not None and twin in seen:
            found.add(row["uid"])
        seen.add(twin)
    return found


def counted(rows: list[Row]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Count rows per model, segment and hour, one by one."""
    again = repeats(rows)
    found: dict[tuple[str, str, int], dict[str, Any]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row["variant"] == "shadow":
            continue
        here = found[row["model"], row["segment"] or "", FIRST_HOUR + row["second"] // 3600]
        _call(here, row)
        if row["kind"] == "prediction":
            _answer(here, row)
            if row["uid"] not in again:
                _fresh(here, row)
    return dict(found)


def _call(here: dict[str, Any], row: Row) -> None:
    if row["outcome"] is not None:
        here["outcomes"][row["outcome"]] += 1
    if row["latency_ms"] is not None:
        here["latency"][min(max(bisect_right(LATENCY_EDGES, row["latency_ms"]) - 1, 0), len(LATENCY_EDGES) - 2)] += 1


def _answer(here: dict[str, Any], row: Row) -> None:
    here["whole"]["records"] += 1
    here["labels_raw"][row["label"] or "(none)"] += 1
    for part, name in (("decisions", "decision"), ("versions", "model_version")):
        if row[name] is not None:
            here[part][row[name]] += 1


def _fresh(here: dict[str, Any], row: Row) -> None:
    here["whole"]["distinct"] += 1
    here["whole"]["decided"] += row["decision"] is not None
    here["whole"]["automatic"] += row["decision"] == "automatic"
    here["whole"]["empty_texts"] += row["words"] == 0
    here["labels"][row["label"] or "(none)"] += 1
    if row["step"] is not None and row["label"]:
        lowest = max(low for low in (0.0, 0.5, 0.7, 0.8, 0.9) if row["step"] >= 10_000 * low)
        here["bands"][str(lowest), row["label"]] += 1
    if row["step"] is not None:
        here["score"][min(row["step"] // 50, 199)] += 1
    if row["words"] and row["unknown_words"] is not None:
        share = (2 * row["unknown_words"] * 10_000 + row["words"]) // (2 * row["words"])
        here["unknown"].update(count=1, total=share, squares=share**2)
        if row["words"] > 1:
            here["strange"][
                min((2 * row["unknown_words"] * 10_000 + row["words"]) // (2 * row["words"]) // 50, 199)
            ] += 1
    if row["support"] is not None:
        here["support"][min(max((row["support"] + 300) // 10, 0), 149)] += 1
    for name, value in (("TYP", row["field_TYP"]), ("caller", row["caller"]), ("region", row["region"])):
        tidy = value is None or (len(value) <= 64 and value.isprintable())
        here[f"field:{name}"]["(absent)" if value is None else value if tidy else "(other)"] += 1
