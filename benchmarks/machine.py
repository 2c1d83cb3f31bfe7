"""Describe the machine a figure was measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("polars", "numpy", "sqlalchemy", "msgspec", "evidently")


def description() -> dict[str, object]:
    """Return processor, cores, memory, load and versions; nothing that names the host."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_1_minute": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        | {name: version(name) for name in LIBRARIES},
    }


def _first(file: str, key: str) -> str | None:
    lines = Path(file).read_text(encoding="utf-8").splitlines() if Path(file).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
