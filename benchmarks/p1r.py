"""P1r: log lines into SQLite as shipped, redaction on."""

from typing import Any

from benchmarks.speed import lines_a_second

GOAL = 100_000


def run(quick: bool) -> dict[str, Any]:
    """Read the same files into empty stores, beside the bare decoder."""
    return lines_a_second("p1r", quick, GOAL, mode="redacted")
