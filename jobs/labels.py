"""The service will take in the labels that people wrote into files."""

import csv
import glob
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from monitor.cells import plain
from monitor.config import Config
from monitor.errors import ConfigError
from monitor.prediction import text_hashes
from monitor.store import labels as stored
from monitor.store.store import Store
from monitor.window import microseconds

COLUMNS = ("label", "source", "labelled_at")  # and request_id or text; inclusion, annotator, row where there are any
SOURCES = {"audit", "routine", "rule", "other_model"}
TEXT_WAITS_US = 30 * 86_400_000_000  # how long after an answer a label may find it by its text
Place = tuple[int, bytes]


def labels(store: Store, config: Config, now: datetime) -> str:
    """
    Read every label file of every model; a label that is known changes nothing.

    A line with a request id is about that call; one with a text alone about the newest answer to that text in the 30
    days before the label. A line that fits no prediction yet is counted and tried again next time; so is one that
    names a call of many rows without saying which `row` (from 0) it is about.
    """
    told = []
    for model in config.models.values():
        if model.label_files is None:
            continue
        rows = [row for name in sorted(glob.glob(model.label_files)) for row in _rows(Path(name))]
        with store.write() as connection:
            identities = [row["request_id"] for row in rows if row.get("request_id")]
            known = stored.predictions_of(connection, model.name, identities)
            by_text = _by_text(connection, model.name, rows, config.secret)
            places = [
                _place(row, known.get(row["request_id"], {})) if row.get("request_id") else by_text.get(number)
                for number, row in enumerate(rows)
            ]
            new = stored.add(
                connection, [_label(model.name, row, at, now) for row, at in zip(rows, places, strict=True) if at]
            )
        told.append(f"{model.name}: {new} new labels, {places.count(None)} fit no prediction{_unclear(rows, known)}")
    return "; ".join(told) or "no label files"


def _place(row: dict[str, str], known: dict[int, Place]) -> Place | None:
    """Return the prediction a line is about; None when there is none, or when it might be one of several."""
    if row.get("row"):
        return known.get(int(row["row"]))
    return next(iter(known.values())) if len(known) == 1 else None


def _by_text(connection: Connection, model: str, rows: list[dict[str, str]], secret: bytes) -> dict[int, Place]:
    """Return the place of each line without a request id, by its number: the newest answer to its text before it."""
    asked = [(number, row["text"], _when_us(row)) for number, row in enumerate(rows) if not row.get("request_id")]
    if not asked:
        return {}
    hashes = text_hashes(pl.Series([text for _, text, _ in asked], dtype=pl.String), secret).to_list()
    first_us = min(when for _, _, when in asked) - TEXT_WAITS_US
    known = stored.predictions_with(connection, model, sorted(set(hashes)), first_us)
    found = {}
    for (number, _, when), text in zip(asked, hashes, strict=True):
        fitting = [one for one in known.get(text, ()) if when - TEXT_WAITS_US <= one[0] <= when]
        if fitting:
            found[number] = fitting[-1][1:]
    return found


def _unclear(rows: list[dict[str, str]], known: dict[str, Any]) -> str:
    many = sum(not row.get("row") and len(known.get(row.get("request_id") or "", ())) > 1 for row in rows)
    return f" ({many} of them need a column row: their call has several)" if many else ""


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        heading = reader.fieldnames or ()
        missing = [name for name in COLUMNS if name not in heading]
        if not missing and not {"request_id", "text"} & set(heading):
            missing = ["request_id (or text)"]
        if missing:
            known = f"request_id or text, {', '.join(COLUMNS)}; inclusion, annotator, row"
            raise ConfigError(f"column {missing[0]} is missing", where=f"{file}:1", remedy=f"columns are {known}")
        found = []
        for row in reader:
            row |= {
                name: plain(row[name]) for name in ("request_id", "label") if row.get(name)
            }  # from a pack, see jobs/export.py
            if row["source"] not in SOURCES or not row["label"]:
                raise ConfigError("a label needs a label and a known source", where=f"{file}:{reader.line_num}")
            if not row.get("request_id") and not row.get("text"):
                raise ConfigError("a label needs a request_id or a text", where=f"{file}:{reader.line_num}")
            try:
                datetime.fromisoformat(row["labelled_at"] or "")
                float(row.get("inclusion") or 1)
                int(row.get("row") or 0)
            except ValueError as error:
                raise ConfigError(str(error), where=f"{file}:{reader.line_num}") from None
            found.append(row)
    return found


def _when_us(row: dict[str, str]) -> int:
    when = datetime.fromisoformat(row["labelled_at"])
    return microseconds(when if when.tzinfo else when.replace(tzinfo=UTC))


def _label(model: str, row: dict[str, str], where: Place, now: datetime) -> dict[str, Any]:
    return {"model": model, "day": where[0], "uid": where[1], "label": row["label"], "source": row["source"],
            "inclusion": float(row["inclusion"]) if row.get("inclusion") else None,
            "annotator": row.get("annotator") or "", "labelled_us": _when_us(row), "imported_us": microseconds(now)}  # fmt: skip
