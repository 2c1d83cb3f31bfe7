"""Put the alarms of a year of titles beside the classes that were born in it: was each found, named, and could it be?"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detection.history import BORN, EPOCH, PACES, YEARS, Pace, Year, case_of, hour_of, titles, year_of
from benchmarks.detection.telling import LEAST_TEXTS, Case, Tell, sampled, told
from benchmarks.detection.traffic import MONDAY
from monitor.detection import explain
from monitor.detection.baseline import Baseline
from monitor.detection.fitting import fit
from monitor.detection.power import Change, hours_until
from monitor.settings import Detection

TELLING = (
    "answers",
    "novelty",
    "confidence",
    "unsure",
    "support",
    "unsupported",
    "unknown_words",
    "mostly_unknown",
    "foreign",
)


def is_telling(cause: str) -> bool:
    """Say whether a newborn class may be told by this metric: the mix, the doubts or the words."""
    return cause in TELLING or cause.startswith("label:")


def words_of(year: Year, name: str) -> set[str]:
    """Return the words by which the titles of a class born this year differ from those of the reference."""
    began = (date(year.year, 1, 1) - EPOCH).days
    born = year.rows.filter((pl.col("truth") == name) & (pl.col("day") >= began))
    return {
        str(row[0])
        for row in explain.terms(sampled(year.rows.filter(pl.col("day") < began)["text"]), born["text"], LEAST_TEXTS)[
            "gained"
        ]
    }


def tells_of(tell: Tell, name: str, words: set[str], *, by_people: bool) -> bool:
    """
    Say whether an alarm tells of a class.

    With true classes the class must be among the three that rose most, or in the claim; where a classifier that never learned the
    class answers, the word that tells most of the change must be one of the class's.
    """
    if not is_telling(tell.causes[0]):
        return False
    return (
        name in tell.risen[:3] or name in tell.claim if by_people else tell.gained[:1] != () and tell.gained[0] in words
    )


def said_of_share(case: Case, baseline: Baseline, name: str, share: float) -> float | None:
    """Return the hours that the power table's method takes for `share` of the answers in a class; None: over four weeks."""
    named = baseline.labels.index(name) if name in baseline.labels else -1
    mix = (1 - share) * np.array(baseline.popular)
    mix[named] += share
    return hours_until(baseline, case.reference, Detection(), Change({"novelty": share}, mix))


def looked(year: Year, pace: Pace, *, by_people: bool) -> dict[str, Any]:
    """Return every birth of a year with what was told of it, and the alarms that tell of none."""
    case = case_of(year, pace, by_people=by_people)
    baseline = fit(case.hours, case.window, Detection())
    tells = told(case, baseline)
    births, matched = [], set[int]()
    for name, day in BORN.items():
        if day.year != year.year:
            continue
        first = hour_of(day, year, pace)
        words = words_of(year, name)
        mine = [
            at for at, one in enumerate(tells) if one.hour > first and tells_of(one, name, words, by_people=by_people)
        ]
        matched |= set(mine)
        row = _birth(year, case, name, day, told_by=tells[mine[0]] if mine else None, pace=pace)
        hours = said_of_share(case, baseline, name, row["share"]) if by_people else None
        births.append(row | {"said_days": _days(hours, pace)})
    beside = [{"on": _day_of(one.hour, year, pace).isoformat(), "opened": one.opened, "causes": list(one.causes[:3]), "claim": one.claim,
               "risen": list(one.risen[:3]), "gained": list(one.gained[:6]), "lost": list(one.lost[:4])}
              for at, one in enumerate(tells) if at not in matched]  # fmt: skip
    reference_days = (case.window.end - case.window.first) / 24
    return {"year": year.year, "pace": pace, "answers": "true classes" if by_people else "classifier", "accuracy": round(year.accuracy, 2),
            "a_day": round(case.reference.records / reference_days), "births": births, "alarms": len(tells), "beside": beside}  # fmt: skip


def _birth(year: Year, case: Case, name: str, day: date, *, told_by: Tell | None, pace: Pace) -> dict[str, Any]:
    first = hour_of(day, year, pace)
    after = year.rows.filter(pl.col("day") >= (day - EPOCH).days)
    row: dict[str, Any] = {"class": name, "since": day.isoformat(), "titles": int((after["truth"] == name).sum()),
                           "share": round(float((after["truth"] == name).mean()), 4), "days": None, "records": None,
                           "cause": None, "claim": None, "named": False, "words": []}  # fmt: skip
    if told_by is None:
        return row
    days = (_day_of(told_by.hour, year, pace) - day).days
    return row | {"days": days, "records": case.between(first, told_by.hour).records, "cause": told_by.causes[0],
                  "claim": told_by.claim, "named": name in told_by.claim, "words": list(told_by.gained[:6])}  # fmt: skip


def _days(hours: float | None, pace: Pace) -> float | None:
    return None if hours is None else round(hours / 24 * (1 if pace == "as dated" else 7), 1)


def _day_of(hour: int, year: Year, pace: Pace) -> date:
    """Return the real day of an hour (the last of its week, when that became one day)."""
    if pace == "as dated":
        return EPOCH + timedelta(hours=hour)
    return year.first + timedelta(days=7 * (hour - MONDAY) / 24)


def everything(
    years: Sequence[int] = YEARS, paces: Sequence[Pace] = PACES, *, only_people: bool = False
) -> list[dict[str, Any]]:
    """Look at every year at every pace, answered by people and, unless `only_people`, by the classifier."""
    every, found = titles(), []
    for number in years:
        year = year_of(every, number, is_asked=not only_people)
        found += [
            looked(year, pace, by_people=people)
            for pace in paces
            for people in ((True,) if only_people else (False, True))
        ]
    return found
