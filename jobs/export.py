"""
The service will write the evidence of a decision into a folder, for whoever retrains or labels: figures, codes and ids, never a text.

The same store gives the same bytes. `MANIFEST.sha256` comes last and is read by `sha256sum --check`.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from jobs.report import tell_bursts
from jobs.write import body_of
from monitor.cells import guarded
from monitor.config import Config
from monitor.detection.explain import Sides, standing_out
from monitor.errors import ConfigError, NoData
from monitor.profiles.profile import NO_LABEL, Profile
from monitor.quality.sampling import drawn
from monitor.report.sheet import page
from monitor.store import arrivals, decisions, labels, predictions, profiles, references
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, moment, start_of

LABELS, HARD = 300, 500
MANIFEST = "MANIFEST.sha256"


@dataclass(frozen=True)
class Case:
    """Hold a decision, its week, the reference it was weighed against, and the profiles of both."""

    decision: dict[str, Any]
    week: Window
    reference: Window
    then: Profile
    now: Profile
    moved: frozenset[str]
    held: pl.DataFrame  # labels of the reference and of all that came since

    @property
    def held_since(self) -> pl.DataFrame:
        """Return the labels of what was answered after the reference."""
        return self.held.filter(pl.col("time") >= self.reference.end * MICROSECONDS_PER_HOUR)


def export(store: Store, config: Config, number: int, folder: Path, wanted: int = LABELS) -> list[Path]:
    """
    Write the pack of a decision into a new or empty folder; returns its files, the manifest last.

    Raises NoData for a decision without a week or a reference, and ConfigError for a folder that holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there and not empty", remedy="name a new folder")
    with store.read() as connection:
        case = _case(connection, config, number)
        made = {name: part(connection, config, case, wanted) for name, part in PARTS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (folder / name).write_bytes(text.encode())
    sums = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(made.items()))
    (folder / MANIFEST).write_text(sums, encoding="ascii")
    return [folder / name for name in (*made, MANIFEST)]


def _case(connection: Connection, config: Config, number: int) -> Case:
    one = decisions.get(connection, number)
    end, pinned = one["evidence"].get("week_until"), references.active(connection, one["model"])
    if end is None or pinned is None or one["model"] not in config.models:
        raise NoData(
            f"decision {number} has no week of evidence, or its model no reference", remedy="vigie once decide"
        )
    week, usual = Window(end - 168, end), Window(pinned.first_hour, pinned.end_hour)
    then, now = (profiles.total(connection, one["model"], window) for window in (usual, week))
    moved = standing_out(Sides(then, now, {}, {}, config.nomenclature(one["model"])))
    held = labels.joined(connection, one["model"], Window(usual.first, week.end))
    return Case(one, week, usual, then, now, frozenset(moved), held)


def _decision(_connection: Connection, _config: Config, case: Case, _wanted: int) -> str:
    return _json(case.decision)


def _data_window(_connection: Connection, config: Config, case: Case, _wanted: int) -> str:
    model, settings = case.decision["model"], config.models[case.decision["model"]]
    known = case.held_since.group_by("source").len().sort("source")
    return _json({
        "model": model, "champion": case.decision["champion"], "settings": case.decision["settings"],
        "reference": _span(case.reference), "week": _span(case.week), "days_left_out": case.decision["evidence"].get("days_left_out", 0),
        "predictions": {"reference": case.then.records, "week": case.now.records}, "versions": dict(sorted(case.now.versions.of_name.items())),
        "labels_since_reference": dict(known.iter_rows()), "texts": "none", "rows_kept": config.privacy.store != "none",
        "fields": sorted(settings.fields), "thresholds": [one.model_dump(mode="json") for one in settings.thresholds],
    })  # fmt: skip


def _classes(_connection: Connection, config: Config, case: Case, _wanted: int) -> str:
    then, now = case.then.labels, case.now.labels
    truths = dict(case.held_since.group_by("truth").len().iter_rows())
    names = sorted((then.of_name.keys() | now.of_name.keys() | truths.keys()) - {NO_LABEL})
    titles = config.nomenclature(case.decision["model"])
    return _csv(
        ("code", "title", "answers", "share_then", "share_now", "moved", "new", "retired", "labels_held"),
        ((name, titles.name(name), now[name], f"{then.share(name):.6f}", f"{now.share(name):.6f}", _yes(name in case.moved),
          _yes(not then[name]), _yes(not now[name]), truths.get(name, 0)) for name in names),
    )  # fmt: skip


def _labels_wanted(connection: Connection, _config: Config, case: Case, wanted: int) -> str:
    rows = predictions.answered(connection, case.decision["model"], case.week)
    strata = [f"{row.decision or 'undecided'}, {'moved' if row.label in case.moved else 'steady'}" for row in rows]
    positions, inclusion = drawn(strata, wanted, seed=case.decision["id"])
    chosen = zip(positions.tolist(), inclusion.tolist(), strict=True)
    return _csv(  # a file of labels once people have filled in three columns
        ("request_id", "row", "label", "source", "inclusion", "labelled_at", "annotator", "uid", "answered_at", "stratum", "why"),
        ((rows[at].request_id or "", rows[at].row, "", "audit", f"{odds:.9f}", "", "", bytes(rows[at].uid).hex(),
          moment(rows[at].time).isoformat(), strata[at], "its answer moved" if rows[at].label in case.moved else "to weigh the rest")
         for at, odds in chosen),
    )  # fmt: skip


def _exclude(connection: Connection, _config: Config, case: Case, _wanted: int) -> str:
    """Tell what might poison a training: callers far above their reference, and refused lines. A label that rises may be the world."""
    loud = [(one.kind, one.name, start_of(24 * one.day).date().isoformat(), one.count, f"at most {one.most} on a day of the reference")
            for one in tell_bursts(connection, case.decision["model"], case.week) if one.kind not in {"label", "traffic"}]  # fmt: skip
    read_until = hour_of(moment(case.decision["made_us"])) // 24  # a refused line has no time but that of its reading
    refused = [("source", source, start_of(24 * day).date().isoformat(), many, f"refused: {reason}")
               for source, day, reason, many in arrivals.rejects_by_day(connection, case.week.first // 24, read_until)]  # fmt: skip
    return _csv(("kind", "name", "day", "count", "why"), [*loud, *refused])


def _hard_texts(_connection: Connection, _config: Config, case: Case, _wanted: int) -> str:
    """Tell where people found another code, the surest answers first: what the next model must not get wrong again."""
    wrong = sorted((row for row in case.held.iter_rows(named=True) if row["answer"] is not None and row["answer"] != row["truth"]),
                   key=lambda row: (-(row["score_step"] or 0), row["time"], row["uid"], row["source"]))  # fmt: skip
    return _csv(("uid", "answered_at", "answer", "truth", "source", "score"),
                ((row["uid"].hex(), moment(row["time"]).isoformat(), row["answer"], row["truth"], row["source"],
                  "" if row["score_step"] is None else row["score_step"] / 10_000) for row in wrong[:HARD]))  # fmt: skip


def _report(connection: Connection, config: Config, case: Case, _wanted: int) -> str:
    asked = {"id": f"of decision {case.decision['id']}", "model": case.decision["model"], "first_hour": case.week.first, "end_hour": case.week.end,
             "language": "en"}  # fmt: skip
    return page(body_of(connection, config, asked, moment(case.decision["made_us"])))


PARTS: Mapping[str, Callable[[Connection, Config, Case, int], str]] = {
    "decision.json": _decision, "data_window.json": _data_window, "classes.csv": _classes, "labels_wanted.csv": _labels_wanted,
    "exclude.csv": _exclude, "hard_texts.csv": _hard_texts, "report.html": _report,
}  # fmt: skip


def _span(window: Window) -> dict[str, str]:
    return {"from": start_of(window.first).isoformat(), "to": start_of(window.end).isoformat()}


def _yes(said: bool) -> str:
    return "yes" if said else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"


def _csv(heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write a table; a cell that a table calculator would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([guarded(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()
