"""P6: the figures of P5 while ever more predictions lie behind the same 90 days."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import ninety_days
from benchmarks.p5 import questions
from benchmarks.result import Part, result
from benchmarks.timing import digits, in_turns

GOAL_GROWTH = 1.1
PREDICTIONS = (100_000, 1_000_000, 10_000_000)
QUICK_PREDICTIONS = (5_000, 15_000)


def run(quick: bool) -> dict[str, Any]:
    """Fill one store per size, then ask all of them in turns; growth is the largest store's median over the smallest one's."""
    sizes, times = (QUICK_PREDICTIONS, 2) if quick else (PREDICTIONS, 9)
    base = ninety_days.QUICK if quick else ninety_days.Size(0)
    asked: dict[str, Callable[[], None]] = {}
    stored = {}
    with tempfile.TemporaryDirectory(prefix="vigie-p6-") as made:
        for size in sizes:
            path, window = ninety_days.write(Path(made) / str(size), replace(base, predictions=size))
            stored[size] = round((path.parent / "data/vigie.db").stat().st_size / 2**20, 1)
            asked |= {f"{name}, {size:,}": work for name, work in questions(path, window).items()}
        in_turns(asked, 1)
        taken = in_turns(asked, times)
    names = [name.removesuffix(f", {sizes[0]:,}") for name in asked if name.endswith(f", {sizes[0]:,}")]
    growth = {n: taken[f"{n}, {sizes[-1]:,}"]["median"] / taken[f"{n}, {sizes[0]:,}"]["median"] for n in names}
    parts = [Part(f"{name}, {sizes[-1]:,} over {sizes[0]:,} predictions", GOAL_GROWTH, growth[name], "times")
             for name in (f"counts of {base.days} days", "verdict")]  # fmt: skip
    # The same rows read and not decoded grow too: an hour with more predictions has more names and bins to count.
    return result("p6", quick, parts, {"growth": {name: digits(many) for name, many in growth.items()}, "seconds": taken,
                                       "store_mib_by_predictions": stored})  # fmt: skip
