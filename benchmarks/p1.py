"""P1: log lines into SQLite without redaction (mode hash keeps no text), profiles included."""

from typing import Any

from benchmarks.speed import lines_a_second

GOAL = 150_000


def run(quick: bool) -> dict[str, Any]:
    """Read the same files into empty stores, beside the bare decoder."""
    return lines_a_second("p1", quick, GOAL, mode="hash")
