"""Peer: Evidently on the same files, one window and a few hourly ones: `python -m benchmarks.peers.evidently_windows HOURS FILE...`."""

import json
import os
import sys
import time

BEGAN = time.perf_counter()
os.environ["DO_NOT_TRACK"] = "1"

import msgspec  # noqa: E402
import pandas as pd  # noqa: E402
from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.metrics import ValueDrift  # noqa: E402

from monitor.sources.formats.vigie_line import Line  # noqa: E402

NUMBERS = ["score", "chars", "latency_ms"]
NAMES = ["label", "caller", "TYP"]
REFERENCE_SHARE = 0.1


def main(hours: int, files: list[str]) -> None:
    """Compare six columns of the whole file with its first tenth, then of `hours` hours, each by itself."""
    imported = time.perf_counter()
    frame = _frame(files)
    loaded = time.perf_counter()
    reference = frame.head(int(len(frame) * REFERENCE_SHARE))
    _report(frame, reference)
    whole = time.perf_counter()
    by_hour = [part for _, part in frame.groupby("hour")]
    chosen = by_hour[len(by_hour) // 2 :][:hours]
    for part in chosen:
        _report(part, reference)
    done = time.perf_counter()
    print(json.dumps({"stages_s": {"imports": imported - BEGAN, "load": loaded - imported, "one_window": whole - loaded},
                      "hourly_window_s": (done - whole) / max(len(chosen), 1), "hours_measured": len(chosen)}))  # fmt: skip


def _frame(files: list[str]) -> "pd.DataFrame":
    decode = msgspec.json.Decoder(Line).decode
    rows = []
    for name in sorted(files):
        with open(name, "rb") as file:
            for line in file:
                one = decode(line)
                label, score = one.topk[0]
                rows.append((one.time[:13], score, len(one.text), one.latency_ms, label, one.caller, one.fields["TYP"]))
    return pd.DataFrame(rows, columns=["hour", *NUMBERS, *NAMES]).sort_values("hour", kind="stable")


def _report(current: "pd.DataFrame", reference: "pd.DataFrame") -> None:
    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=NAMES)
    sides = [Dataset.from_pandas(part[NUMBERS + NAMES], data_definition=definition) for part in (current, reference)]
    Report([ValueDrift(column=name) for name in NUMBERS + NAMES]).run(*sides).json()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
