"""The service will compare a version that took over with the one before it, in two reports: without labels, and with them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Connection

from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.nomenclature import UNKNOWN, Nomenclature
from monitor.profiles.pairs import Pairs
from monitor.profiles.profile import BANDS
from monitor.quality.accuracy import measured
from monitor.quality.f1 import scores
from monitor.report.sheet import page
from monitor.report.succession import with_labels, without_labels
from monitor.report.words import languages, words
from monitor.shadow.comparison import Comparison, compare
from monitor.shadow.promotion import checks, verdict, wanted
from monitor.store import both, decisions, labels, outcomes, profiles, shadow, sheets
from monitor.store.store import Store
from monitor.window import Window, hour_of

WEEK, SEED, STEPS = 168, 7, 10_000
TOP = (3, 5)
LEAST_OF_CLASS = 10  # labels from which a class may be called weak, and texts from which its agreement is told


def succession(connection: Connection, config: Config, one: Mapping[str, Any], began: Mapping[str, Any] | None, now: datetime, *, language: str, by: str) -> list[int]:  # fmt: skip
    """
    Write both reports on the version that took over after a decision, from what is known now, and return their numbers.

    Raises NoData where no other version was seen since, or config.yaml names the model no more.
    """
    if began is None or one["model"] not in config.models:
        raise NoData(f"no version is known that took over after decision {one['id']}", remedy="vigie once decide")
    facts = _facts(connection, config, one, began, now)
    window = Window(began["began_hour"] - WEEK, hour_of(now) + 1)
    numbers = []
    for made in (without_labels, with_labels):
        number = sheets.ask(connection, one["model"], window, language, by=by, now=now)
        body = made(facts["with" if made is with_labels else "without"] | facts["about"], now, words(language))
        sheets.settle(connection, number, now, body, hashlib.sha256(page(body).encode()).hexdigest())
        numbers.append(number)
    return numbers


def asked(store: Store, config: Config, model: str, number: int, now: datetime, *, language: str, by: str) -> list[int]:
    """
    Write both reports after a decision because a person asks for them: labels may have come since. Returns their numbers.

    Raises ConfigError for another model's decision or a language there are no words in, and NoData as `succession` does.
    """
    if language not in languages():
        raise ConfigError(f"there are no words in {language}", remedy=f"one of {', '.join(languages())}")
    with store.write() as connection:
        one = decisions.get(connection, number)
        if one["model"] != model:
            raise ConfigError(f"decision {number} is about {one['model']}, not {model}")
        known = outcomes.of(connection, number).get(outcomes.BEGAN)
        return succession(connection, config, one, known and known["realised"], now, language=language, by=by)


def _facts(connection: Connection, config: Config, one: Mapping[str, Any], began: Mapping[str, Any], now: datetime) -> dict[str, Any]:  # fmt: skip
    """Return what both reports are `about`, and the figures of the one `without` labels and the one `with` them."""
    model, start, names = one["model"], began["began_hour"], config.nomenclature(one["model"])
    about = {"model": model, "decision": one["id"], "old": one["champion"], "new": began["version"]}
    tried = both.artefact(connection, model, began["version"])
    window = None if tried is None else shadow.answered(connection, tried["digest"], start)
    if tried is not None and window is not None:
        hours = shadow.pairs_by_hour(connection, tried["digest"], window)
        if any(pairs.compared for pairs in hours.values()):
            return {"about": about, **_together(connection, tried, window, hours, names)}
    times = Window(start - 4 * WEEK, start), Window(start, hour_of(now) + 1)
    old, new = (profiles.total(connection, model, part).labels.of_name for part in times)
    truth = labels.joined(connection, model, Window(times[0].first, times[1].end))
    told: dict[str, Any] = {"word": "more_labels", "wanted": wanted(0, 0), "checks": [], "sentence": ""}
    labelled = {"compared": 0, "verdict": told, "sources": _sources(_apart(truth, start))}
    return {"about": about, "without": {"compared": 0, "mix": _mix(old, new, names)}, "with": labelled}


def _together(connection: Connection, tried: Mapping[str, Any], window: Window, hours: Mapping[int, Pairs], names: Nomenclature) -> dict[str, Any]:  # fmt: skip
    """Compare what both versions answered in `window`; where a record has labels of several sources, an audit tells who was right."""
    rows, whole = both.labelled(connection, tried["digest"], window), Pairs.sum(hours.values())
    truths = {(row["day"], bytes(row["uid"])): row["truth"] for row in sorted(rows, key=lambda row: row["source"] == "audit")}  # fmt: skip
    found = _compared(hours, shadow.disagreements(connection, tried["digest"], window, truths))
    texts = {"compared": found.compared, "agreement": [found.agreement, found.agreement_low, found.agreement_high], "automation": list(found.automation),
             "levels": _levels(whole, names), "classes": _classes(whole, names), "bands": _bands(both.by_step(connection, tried["digest"], window)),
             "mix": _mix(*_sides(whole), names),
             "flips": {"to_manual": found.flips["automatic -> manual"], "to_automatic": found.flips["manual -> automatic"]}}  # fmt: skip
    told = _verdict(found, tried, whole, len({hour // 24 for hour in hours}))
    return {"without": texts, "with": {"compared": found.compared, "verdict": told, "sources": _sources(rows)}}


def _compared(hours: Mapping[int, Pairs], judged: tuple[int, int]) -> Comparison:
    days: dict[int, list[Pairs]] = {}
    for hour in sorted(hours):
        days.setdefault(hour // 24, []).append(hours[hour])
    return compare([Pairs.sum(some) for some in days.values()], *judged)


def _verdict(found: Comparison, tried: Mapping[str, Any], whole: Pairs, days: int) -> dict[str, Any]:
    """Judge as a challenger is judged, from what it answered before it took over."""
    asked_for = sum(many for outcome, many in whole.outcomes.items() if outcome not in {"not_sampled", "masked"})
    answered = sum(whole.outcomes.get(outcome, 0) for outcome in shadow.ANSWERED)
    errors = 1 - answered / asked_for if asked_for else 0.0
    isolation = str(tried["resources"].get("isolation", ""))
    listed = checks(found, tests=tried["self_tests"], isolation=isolation, days=max(0, days - 1), row_errors=errors)
    word, sentence = verdict(listed)
    return {"word": word, "sentence": sentence, "wanted": wanted(found.wins, found.losses), "checks": [asdict(check) for check in listed]}  # fmt: skip


def _branch(label: str, level: str, names: Nomenclature) -> str:
    """Return the branch of a label at a level; a label that the nomenclature does not know stands for itself."""
    found = names.at(label, level)
    return label if found == UNKNOWN else found


def _levels(whole: Pairs, names: Nomenclature) -> list[dict[str, Any]]:
    found = []
    for level in names.levels:
        same = sum(many for (old, new), many in whole.labels.items() if _branch(old, level, names) == _branch(new, level, names))  # fmt: skip
        found.append({"level": level, "share": same / max(whole.compared, 1)})
    return found


def _classes(whole: Pairs, names: Nomenclature) -> list[dict[str, Any]]:
    """Return by class of the old version how many texts it gave it, and to which share of them the new one gave it too, the lowest first."""
    counts: dict[str, int] = {}
    for (old, _), many in sorted(whole.labels.items()):
        counts[old] = counts.get(old, 0) + many
    found = [{"label": label, "name": names.name(label), "count": many, "share": whole.labels.get((label, label), 0) / many}
             for label, many in counts.items() if many >= LEAST_OF_CLASS]  # fmt: skip
    return sorted(found, key=lambda row: (row["share"], -row["count"], row["label"]))


def _bands(steps: Sequence[tuple[int, bool, int]]) -> list[dict[str, Any]]:
    found = []
    for low, high in pairwise((0.0, *BANDS, 1.0)):
        some = [(same, many) for step, same, many in steps if low * STEPS <= step and (step < high * STEPS or high == 1.0)]  # fmt: skip
        count = sum(many for _, many in some)
        if count:
            found.append({"low": low, "high": high, "count": count, "share": sum(many for same, many in some if same) / count})  # fmt: skip
    return found


def _sides(whole: Pairs) -> tuple[dict[str, int], dict[str, int]]:
    old: dict[str, int] = {}
    new: dict[str, int] = {}
    for (one, two), many in whole.labels.items():
        old[one] = old.get(one, 0) + many
        new[two] = new.get(two, 0) + many
    return old, new


def _mix(old: Mapping[str, int], new: Mapping[str, int], names: Nomenclature) -> list[dict[str, Any]]:
    """Return the shares of answers at the coarsest level, what moved most first."""
    sides: list[dict[str, float]] = []
    for counts in (old, new):
        total, shares = max(sum(counts.values()), 1), dict[str, float]()
        for label, many in sorted(counts.items()):
            branch = _branch(label, names.levels[0], names) if names.levels else label
            shares[branch] = shares.get(branch, 0.0) + many / total
        sides.append(shares)
    then, now = sides
    found = [{"label": one, "name": names.name(one), "old": then.get(one, 0.0), "new": now.get(one, 0.0)} for one in {*then, *now}]  # fmt: skip
    return sorted(found, key=lambda row: (-abs(row["new"] - row["old"]), row["label"]))


def _apart(truth: pl.DataFrame, start: int) -> list[dict[str, Any]]:
    """Return labelled records as `both.labelled` does, each with the answer of the version that gave it."""
    hours = truth["time"] // 3_600_000_000
    return [{"truth": row["truth"], "source": row["source"], "inclusion": row["inclusion"], "old_topk": None, "new_topk": None,
             ("old" if hour < start else "new"): row["answer"] or ""} for row, hour in zip(truth.iter_rows(named=True), hours, strict=True)]  # fmt: skip


def _sources(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for source in sorted({row["source"] for row in rows}):
        some = [row for row in rows if row["source"] == source and (source != "audit" or row["inclusion"] is not None)]
        found.append({"source": source, **{side: _side(some, side) for side in ("old", "new")}})
    return found


def _side(rows: Sequence[Mapping[str, Any]], side: str) -> dict[str, Any] | None:
    """Measure one version's answers to labelled records; audits are weighted by the chance of having been drawn."""
    some = [row for row in rows if side in row]
    if not some:
        return None
    chance = np.array([row["inclusion"] if row["source"] == "audit" else 1.0 for row in some], float)
    truth, answers = [row["truth"] for row in some], [row[side] or None for row in some]
    right = np.array([one == two for one, two in zip(truth, answers, strict=True)], float)
    found = scores(truth, answers, 1 / chance, SEED)
    best = [(row["truth"], [label for label, _ in json.loads(row[f"{side}_topk"])]) for row in some if row[f"{side}_topk"]]  # fmt: skip
    top = [[k, sum(one in given[:k] for one, given in best) / len(best)] for k in TOP if len(best) == len(some) and max(len(given) for _, given in best) >= k]  # fmt: skip
    weak = sorted((one for one in found.classes if one[1] >= LEAST_OF_CLASS), key=lambda one: (one[2], one[0]))
    return {"accuracy": asdict(measured(right, chance)), "macro": asdict(found.macro), "micro": asdict(found.micro), "weighted": asdict(found.weighted),
            "top": top, "weak": [list(one) for one in weak], "classes": [list(one) for one in found.classes]}  # fmt: skip
