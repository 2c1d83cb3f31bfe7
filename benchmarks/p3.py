"""P3: log lines into hourly counts only, no row kept; one process (the goal is for two)."""

from typing import Any

from benchmarks.speed import lines_a_second

GOAL = 400_000


def run(quick: bool) -> dict[str, Any]:
    """Read the same files into empty stores, beside the bare decoder."""
    return lines_a_second("p3", quick, GOAL, mode="none")
