"""P15: how long the command line takes from nothing to its answer."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import ninety_days
from benchmarks.result import Part, result
from benchmarks.timing import digits, in_turns, python

GOAL_STATUS_S, GOAL_HELP_S = 1.0, 0.3


def run(quick: bool) -> dict[str, Any]:
    """Start `vigie status` and `vigie --help` as new processes, in turns with an empty interpreter."""
    size, times = (ninety_days.QUICK, 3) if quick else (ninety_days.Size(1_000_000), 11)
    with tempfile.TemporaryDirectory(prefix="vigie-p15-") as made:
        path, _ = ninety_days.write(Path(made), size)
        taken = in_turns({
            "vigie status": lambda: python("-m", "jobs.cli", "--config", str(path), "status"),
            "vigie --help": lambda: python("-m", "jobs.cli", "--help"),
            "floor: python -c pass": lambda: python("-c", "pass"),
            "floor: import polars, sqlalchemy, pydantic": lambda: python("-c", "import polars, sqlalchemy, pydantic"),
        }, times)  # fmt: skip
    status, helped = (taken[name]["median"] for name in ("vigie status", "vigie --help"))
    parts = [Part("vigie status", GOAL_STATUS_S, status, "s"), Part("vigie --help", GOAL_HELP_S, helped, "s")]
    floor = taken["floor: python -c pass"]["median"]
    return result("p15", quick, parts, {"predictions": size.predictions, "seconds": taken, "times_slower_than_python_itself": {
        "vigie status": digits(status / floor), "vigie --help": digits(helped / floor)}})  # fmt: skip
