"""P6: the figures of P5 while ever more predictions lie behind the same 90 days."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import ninety_days
from benchmarks.p5 import warm
from benchmarks.result import Part, result
from benchmarks.timing import digits

GOAL_GROWTH = 1.1
PREDICTIONS = (100_000, 1_000_000, 10_000_000)
QUICK_PREDICTIONS = (10_000, 30_000)


def run(quick: bool) -> dict[str, Any]:
    """Fill one store per size and ask each the same; growth is the largest store's median over the smallest one's."""
    sizes, times = (QUICK_PREDICTIONS, 2) if quick else (PREDICTIONS, 9)
    base = ninety_days.QUICK if quick else ninety_days.Size(0)
    found: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="vigie-p6-") as made:
        for size in sizes:
            path, window = ninety_days.write(Path(made) / str(size), replace(base, predictions=size))
            taken = warm(path, window, times)
            stored = (path.parent / "data/vigie.db").stat().st_size
            found[size] = {"store_mib": round(stored / 2**20, 1), **taken}
    growth = {name: found[sizes[-1]][name]["median"] / found[sizes[0]][name]["median"] for name in taken}
    parts = [
        Part(f"{name}, {sizes[-1]:,} over {sizes[0]:,} predictions", GOAL_GROWTH, growth[name], "times")
        for name in ("verdict", f"counts of {base.days} days")
    ]
    parts.sort(key=lambda part: -part.reached)
    # The same bytes read and not decoded grow too: an hour with more predictions has more names and bins to count.
    return result("p6", quick, parts, {"seconds_by_predictions": found,
                                       "growth": {name: digits(times) for name, times in growth.items()}})  # fmt: skip
