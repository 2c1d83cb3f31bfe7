"""P2: log lines into PostgreSQL as shipped, redaction on."""

from typing import Any

from benchmarks.speed import lines_a_second

GOAL = 120_000


def run(quick: bool) -> dict[str, Any]:
    """Read the same files into empty stores, beside the bare decoder."""
    return lines_a_second("p2", quick, GOAL, mode="redacted", postgres=True)
