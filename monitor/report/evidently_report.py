"""
Write Evidently's own report on an incident: current texts and fields against the reference's.

Runs as a process of its own (`python -m monitor.report.evidently_report IN OUT`), because Evidently is slow to import.
IN is a Parquet file with a Boolean column `_current`; OUT becomes one HTML file. Its thresholds are not ours.
"""

import os
import sys
from pathlib import Path

COLUMNS = ("label", "score", "text_chars", "unknown_share", "caller")


def write(source: Path, target: Path) -> None:
    """Compare each column with Evidently's single-column drift and save the page."""
    os.environ["DO_NOT_TRACK"] = "1"
    import polars as pl
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    frame = pl.read_parquet(source)
    kept = [name for name in COLUMNS if frame[name].is_not_null().any()]
    definition = DataDefinition(
        numerical_columns=[n for n in kept if n in {"score", "text_chars", "unknown_share"}],
        categorical_columns=[n for n in kept if n in {"label", "caller"}],
    )
    sides = []
    for is_current in (True, False):
        rows = frame.filter(pl.col("_current") == is_current).select(kept)
        sides.append(Dataset.from_pandas(rows.to_pandas(), data_definition=definition))
    Report([ValueDrift(column=name) for name in kept]).run(sides[0], sides[1]).save_html(str(target))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
