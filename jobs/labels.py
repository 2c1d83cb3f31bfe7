"""The service will take in the labels that people wrote into files."""

import csv
import glob
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.errors import ConfigError
from monitor.store import labels as stored
from monitor.store.store import Store
from monitor.window import microseconds

COLUMNS = ("request_id", "label", "source", "inclusion", "annotator", "labelled_at")
SOURCES = {"audit", "routine", "rule", "other_model"}


def labels(store: Store, config: Config, now: datetime) -> str:
    """
    Read every label file of every model; a label that is known changes nothing.

    A line that fits no prediction yet is counted and tried again next time; so is one that names a call of many rows
    without saying which `row` (from 0) it is about.
    """
    told = []
    for model in config.models.values():
        if model.label_files is None:
            continue
        rows = [row for name in sorted(glob.glob(model.label_files)) for row in _rows(Path(name))]
        with store.write() as connection:
            known = stored.predictions_of(connection, model.name, [row["request_id"] for row in rows])
            places = [_place(row, known.get(row["request_id"], {})) for row in rows]
            new = stored.add(
                connection, [_label(model.name, row, at, now) for row, at in zip(rows, places, strict=True) if at]
            )
        told.append(f"{model.name}: {new} new labels, {places.count(None)} fit no prediction{_unclear(rows, known)}")
    return "; ".join(told) or "no label files"


def _place(row: dict[str, str], known: dict[int, tuple[int, bytes]]) -> tuple[int, bytes] | None:
    """Return the prediction a line is about; None when there is none, or when it might be one of several."""
    if row.get("row"):
        return known.get(int(row["row"]))
    return next(iter(known.values())) if len(known) == 1 else None


def _unclear(rows: list[dict[str, str]], known: dict[str, Any]) -> str:
    many = sum(not row.get("row") and len(known.get(row["request_id"], ())) > 1 for row in rows)
    return f" ({many} of them need a column row: their call has several)" if many else ""


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ConfigError(
                f"column {missing[0]} is missing", where=f"{file}:1", remedy=f"columns are {', '.join(COLUMNS)}"
            )
        found = []
        for row in reader:
            if row["source"] not in SOURCES or not row["label"]:
                raise ConfigError("a label needs a label and a known source", where=f"{file}:{reader.line_num}")
            try:
                datetime.fromisoformat(row["labelled_at"] or "")
                float(row["inclusion"] or 1)
                int(row.get("row") or 0)
            except ValueError as error:
                raise ConfigError(str(error), where=f"{file}:{reader.line_num}") from None
            found.append(row)
    return found


def _label(model: str, row: dict[str, str], where: tuple[int, bytes], now: datetime) -> dict[str, Any]:
    when = datetime.fromisoformat(row["labelled_at"])
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return {"model": model, "day": where[0], "uid": where[1], "label": row["label"], "source": row["source"],
            "inclusion": float(row["inclusion"]) if row["inclusion"] else None, "annotator": row["annotator"],
            "labelled_us": microseconds(when), "imported_us": microseconds(now)}  # fmt: skip
