"""Time things that compete in turns, A B C A B C, so that a slow moment of the machine hits all of them."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MIB = 1024


@dataclass(frozen=True)
class Child:
    """Hold what a process of its own took: wall seconds, peak resident MiB, and what it printed as JSON."""

    seconds: float
    peak_mib: float
    printed: Any


def child(*command: str) -> Child:
    """Run a command to its end and measure it; raises RuntimeError when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:3])} ended with {process.returncode}")
    return Child(seconds, used.ru_maxrss / MIB, _json(printed))


def python(*arguments: str) -> Child:
    """Run this Python with `arguments` as a cold process."""
    return child(sys.executable, *arguments)


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(rivals: Mapping[str, Callable[[], object]], times: int) -> dict[str, dict[str, float]]:
    """Time every rival `times` times, in turns; returns median, least and most seconds of each."""
    found: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(times):
        for name, work in rivals.items():
            found[name].append(seconds(work))
    return {name: spread(taken) for name, taken in found.items()}


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and most of some runs, to four significant digits, and how many they were."""
    return {"median": digits(statistics.median(values)), "min": digits(min(values)), "max": digits(max(values)),
            "runs": len(values)}  # fmt: skip


def digits(value: float) -> float:
    """Round to four significant digits."""
    return float(f"{value:.4g}")


def _json(printed: bytes) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        return None
