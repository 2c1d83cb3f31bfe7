"""Fuzz: a million malformed lines, a part of them through the whole ingest, and files that are hostile as a whole."""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzz.broken import FILES
from benchmarks.result import Part, result
from benchmarks.timing import Child, digits, python

LINES, QUICK_LINES = 1_000_000, 12_000
STORED, QUICK_STORED = 100_000, 1_500
CUTS, QUICK_CUTS = 2_000, 40
MIB_OF_ZEROS, QUICK_MIB = 1024, 128
GOAL_RSS_MIB, GOAL_MORE_MIB, GOAL_SLOWEST_S = 300, 64, 1.0
LINES_A_CHILD = 125_000


def run(quick: bool) -> dict[str, Any]:
    """Run every part in a process of its own, so that its memory is its own."""
    count, stored, cuts, mib = (
        (QUICK_LINES, QUICK_STORED, QUICK_CUTS, QUICK_MIB) if quick else (LINES, STORED, CUTS, MIB_OF_ZEROS)
    )
    size = min(count, LINES_A_CHILD)
    read = [_child(f"lines {seed}", "reading", lambda _, n=seed: (str(size), str(n))) for seed in range(count // size)]
    saved = {kind: _child(kind, "storing", lambda folder, one=kind: (one, folder, str(stored), "1"))
             for kind in ("sqlite", "postgresql")}  # fmt: skip
    files = {name: _child(name, "broken", lambda folder, one=name: (one, folder, str(mib))) for name in FILES}
    files["damaged"] = _child("damaged", "broken", lambda folder: ("damaged", folder, str(cuts)))
    return _told(quick, read, saved, files)


def _child(name: str, module: str, arguments: Callable[[str], tuple[str, ...]]) -> Child:
    with tempfile.TemporaryDirectory(prefix="vigie-f-") as folder:
        done = python("-m", f"benchmarks.fuzz.{module}", *arguments(str(Path(folder))))
    print(f"fuzz: {name} {done.seconds:.1f} s, {done.peak_mib:.0f} MiB", file=sys.stderr, flush=True)
    return done


def _told(quick: bool, read: list[Child], saved: dict[str, Child], files: dict[str, Child]) -> dict[str, Any]:
    found = [one.printed for one in read]
    crashes = sum(sum(one["crashes"].values()) for one in found) + sum(
        len(one.printed["crashes"]) for one in saved.values()
    )
    broken = sum(sum(one["ledgers"].values()) for one in found) + sum(
        len(one.printed["faults"]) for one in saved.values()
    )
    faults = [f"{name}: {fault}" for name, one in files.items() for fault in one.printed["faults"]]
    bare = files["nothing"].peak_mib
    parts = [
        Part("exceptions", 0, crashes, "lines"),
        Part("lines slower than 1 s", 0, sum(one["hangs"] for one in found), "lines"),
        Part("ledgers that do not sum", 0, broken, "ledgers"),
        Part("peak memory of a reading process", GOAL_RSS_MIB, max(one.peak_mib for one in [*read, *saved.values()]), "MiB"),
        Part("broken files misread", 0, len(faults), "files"),
        Part("memory a broken file adds", GOAL_MORE_MIB, max(one.peak_mib - bare for one in files.values()), "MiB"),
        Part("slowest damaged archive", GOAL_SLOWEST_S, files["damaged"].printed["slowest_s"], "s"),
    ]  # fmt: skip
    details = {
        "lines": sum(one["lines"] for one in found), "records": sum(one["records"] for one in found),
        "accepted": sum(one["accepted"] for one in found),
        "lines_a_second": digits(sum(one["lines"] for one in found) / sum(one.seconds for one in read)),
        "reasons": dict(sum((Counter(one["reasons"]) for one in found), Counter()).most_common()),
        "what_crashed": dict(sum((Counter(one["crashes"]) for one in found), Counter()).most_common(20)),
        "what_did_not_sum": dict(sum((Counter(one["ledgers"]) for one in found), Counter()).most_common(20)),
        "examples": [example for one in found for example in one["examples"]][:10],
        "stored": {kind: {**one.printed, "peak_mib": round(one.peak_mib), "seconds": digits(one.seconds)} for kind, one in saved.items()},
        "files": {name: {"peak_mib": round(one.peak_mib), "seconds": digits(one.seconds)} for name, one in files.items()},
        "file_faults": faults,
    }  # fmt: skip
    return result("fuzz", quick, parts, details)
