"""
Let official job titles (ESCO, answered by the first two digits of their ISCO-08 code) change language and revision.

These texts have no dates. They are drawn at random over weeks with the seasons, bursts and wander of `traffic`, at a volume that
is ours; only the texts, their groups and the change are real. English titles of version 1.0 train the classifier and are the
reference. A change of language turns a share of the titles into a French or Spanish title of the very same occupation. The
revision leaves the titles as they are, gives those that version 1.1.1 moved their new group, and mixes in the titles it added, by
their share of it; titles that it dropped are still asked, with their old group.
"""

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from benchmarks.detection.corpus import Pool, asked, file_of
from benchmarks.detection.real import SURE, WORDS, begun
from benchmarks.detection.stream import Drawn, Shift, changed, counted
from benchmarks.detection.telling import Case, Tell, said, told
from benchmarks.detection.traffic import MONDAY

DIGITS = 2
PER_CLASS, HELD_PER_CLASS = 150, 300
WITHIN_DAYS = 28
MIX = frozenset({"answers", "novelty"})
REVISION = "v1.1.1"


@dataclass(frozen=True)
class Titles:
    """Hold a pool whose mistyped twins are the changed titles and whose texts out of scope are the added ones, and all texts."""

    pool: Pool
    text: list[str]
    added: float  # share of the new version's titles that are new in it


@dataclass(frozen=True)
class Switch:
    """Name a change: what it is made from (fr, es, v1.1.1), of which share of the titles, and who answers."""

    source: str
    share: float = 1.0
    by_people: bool = False

    @property
    def name(self) -> str:
        """Return what the change is called."""
        if self.source == REVISION:
            return "revision 1.0 to 1.1.1" + (", answers of people" if self.by_people else "")
        return f"{100 * self.share:.0f} % in {'French' if self.source == 'fr' else 'Spanish'}"


SWITCHES = (
    *(Switch(tongue, share) for share in (0.03, 0.1, 1.0) for tongue in ("fr", "es")),
    Switch(REVISION), Switch(REVISION, by_people=True),
)  # fmt: skip


def _read(name: str) -> list[dict[str, str]]:
    with gzip.open(file_of("esco_isco_en_fr_es", name), "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@cache
def titles(source: str, *, by_people: bool = False) -> Titles:
    """
    Train on English titles of version 1.0; answer held ones, what `source` makes of each, and the titles it adds.

    `by_people` gives each title its true group with a score of 1, as a perfect classifier would.
    """
    draw = random.Random(7)
    rows = _read("esco_labels.csv.gz")
    english = {row["text"]: row for row in rows if row["lang"] == "en"}
    of_class: dict[str, list[str]] = defaultdict(list)
    for text, row in english.items():
        of_class[row["isco4"][:DIGITS]].append(text)
    train, held = [], []
    for code in sorted(of_class):
        many = sorted(of_class[code])
        draw.shuffle(many)
        cut = min(PER_CLASS, len(many) // 2)
        train += [(text, code) for text in many[:cut]]
        held += [(text, code) for text in many[cut : cut + HELD_PER_CLASS]]
    if source == REVISION:
        new = {row["text"]: row["isco4"][:DIGITS] for row in _read("esco_v111_labels_en.csv.gz")}
        twins = [(text, new.get(text, code)) for text, code in held]
        born = sorted((text, code) for text, code in new.items() if text not in english and code in of_class)
        added = len(born) / len(new)
    else:
        same: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            if row["lang"] == source:
                same[row["concept"]].append(row["text"])
        twins = [(draw.choice(same.get(english[text]["concept"], [text])), code) for text, code in held]
        born, added = [], 0.0
    every = [*held, *twins, *born]
    made = asked("esco", train, held, [text for text, _ in every], (0, len(born)))
    if by_people:
        number = {label: at for at, label in enumerate(made.labels)}
        made = replace(made, answer=np.array([number[code] for _, code in every]), score=np.ones(len(every)))
    return Titles(made, [text for text, _ in every], added)


def looked(switch: Switch, per_day: float, seed: int) -> dict[str, Any]:
    """Return the first thing told within four weeks of a change: hours and records until then, cause, words and language."""
    known = titles(switch.source, by_people=switch.by_people)
    run = begun(known.pool, per_day, seed)
    rightly = MIX if switch.by_people else frozenset(WORDS | SURE | MIX)
    shift = Shift(switch.name, rightly, typos=switch.share, outside=known.added)
    last = run.first + 24 * WITHIN_DAYS
    days = [one for one in run.days if one.hour[0] < last]
    hours = run.reference | counted(known.pool, days, shift, run.first)
    draw = np.random.default_rng([run.first, 1])  # the one `counted` draws the change from
    texts = between(known.text, known.pool.typos, [changed(known.pool, one, shift, draw, run.first) for one in days])
    case = Case(hours, run.window, MONDAY + last, texts)
    tells = [one for one in told(case, run.baseline) if one.hour > MONDAY + run.first]
    row = first_told(
        tells, case, MONDAY + run.first, rightly, tongue=None if switch.source == REVISION else switch.source
    )
    return row | {"said_hours": said(case, run.baseline, MONDAY + run.first, counted(known.pool, days))}


def between(text: list[str], ordinary: int, drawn: Sequence[Drawn]) -> Callable[[int, int], pl.Series]:
    """Return the texts of any stretch of hours; before the drawn days begin these are the ordinary ones, each once."""
    hour = np.concatenate([one.hour for one in drawn]) + MONDAY
    number = np.concatenate([one.text for one in drawn])

    def texts(first: int, end: int) -> pl.Series:
        inside = number[(hour >= first) & (hour < end)] if end > hour[0] else np.arange(ordinary)
        return pl.Series("text", [text[one] for one in inside], dtype=pl.String)

    return texts


def first_told(
    tells: list[Tell], case: Case, first: int, rightly: frozenset[str], *, tongue: str | None
) -> dict[str, Any]:
    """Return the first alarm of a change that began at hour `first` as a row; all empty when nothing was told."""
    if not tells:
        return {
            "hours": None,
            "records": None,
            "cause": None,
            "right": False,
            "language": None,
            "words": [],
            "claim": None,
        }
    one = tells[0]
    before, after = one.languages
    grown = max(after, key=lambda code: after[code] - before.get(code, 0.0), default=None)
    return {
        "hours": one.hour - first, "records": case.between(first, one.hour).records, "cause": one.causes[0],
        "right": one.causes[0] in rightly or (one.causes[0].startswith("label:") and "answers" in rightly),
        "language": None if tongue is None else grown == tongue, "words": list(one.gained[:5]), "claim": one.claim,
    }  # fmt: skip
