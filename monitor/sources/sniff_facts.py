"""Say what the rows of a sample tell: zone, score, threshold, labels, ids, fields; and what they cannot tell."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.sources.record import Record
from monitor.sources.sniff import Guess, Sample
from monitor.window import moment

QUARTER_S, NEAR_S = 900, 120.0
FEW_VALUES, MOST_FIELDS = 100, 12
SAME = 0.011  # two decimals of two probabilities
ZONES = (
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Tokyo",
)
NACE = re.compile(r"\d{2}\.?\d{1,2}[A-Z]?")


@dataclass(frozen=True)
class Told:
    """Hold a value, the evidence for it, and whether an operator has to decide it."""

    value: Any
    why: str
    is_doubt: bool = False


def zone(guess: Guess, samples: Sequence[Sample]) -> Told:
    """Tell in which zone times without an offset are written: by the wrapper's clock, else by when the file was written."""
    apart = [
        (record.time_us - clock) / 1e6
        for record, clock in guess.records
        if clock is not None and record.time_us is not None
    ]
    if apart and (offset := _quarters(apart)) is not None:
        return _zone_of(offset, guess, f"line and wrapper are {offset / 3600:+g} h apart in {len(apart)} lines")
    ends = _ends(guess, samples)
    if ends and (offset := _quarters(ends)) is not None:
        return _zone_of(offset, guess, f"the newest line is {offset / 3600:+g} h from when its file was written")
    return Told("UTC", "nothing tells: the times carry no offset, and there is no wrapper's clock", is_doubt=True)


def _ends(guess: Guess, samples: Sequence[Sample]) -> list[float]:
    """Return how far the newest time is from when the file was written; of several files it is not known whose it is."""
    times = [record.time_us for record, _ in guess.records if record.time_us is not None]
    written = [one.written_us for one in samples if one.written_us is not None]
    return [(max(times) - written[0]) / 1e6] if times and len(samples) == len(written) == 1 else []


def _quarters(apart: Sequence[float]) -> int | None:
    offset = round(statistics.median(apart) / QUARTER_S) * QUARTER_S
    near = sum(abs(one - offset) <= NEAR_S for one in apart)
    return offset if near >= 0.9 * len(apart) and abs(offset) <= 14 * 3600 else None


def _zone_of(offset: int, guess: Guess, why: str) -> Told:
    when = moment(sorted(record.time_us or 0 for record, _ in guess.records)[len(guess.records) // 2])
    fitting = [name for name in ZONES if _offset(name, when) == offset]
    if not fitting:
        sign, hours = "-" if offset > 0 else "+", abs(offset) // 3600
        return Told(
            f"Etc/GMT{sign}{hours}", f"{why}; name the zone itself if its clock changes in summer", is_doubt=True
        )
    others = f"; so are {', '.join(fitting[1:])}" if fitting[1:] else "; other zones have that offset too"
    return Told(fitting[0], f"{why}{others}", is_doubt=fitting[0] != "UTC" or len(fitting) > 1)


def _offset(name: str, when: datetime) -> int:
    away = when.astimezone(ZoneInfo(name)).utcoffset()
    return int(away.total_seconds()) if away is not None else 0


def score(records: Sequence[Record]) -> Told:
    """Tell how sure an answer is: by the number the API logged if there is one, and which formula that number follows."""
    logged = [one for one in records if one.logged_score is not None]
    scored = [one for one in records if one.scores]
    if not logged:
        return Told(
            "max_prob", "the score of the best label; margin if your API compares best minus second", is_doubt=True
        )
    if len(scored) < len(records) / 2:
        return Told("logged", f"each of {len(logged)} rows has one number; no list of scores to compare it with")
    for name, formula in (("max_prob", "the best score"), ("margin", "best minus second"),
                          ("margin_rest", "best minus the sum of the next four")):  # fmt: skip
        same = sum(abs((one.logged_score or 0.0) - _formula(name, one.scores)) <= SAME for one in logged if one.scores)
        if same >= 0.95 * len(logged):
            return Told("logged", f"the logged number is {formula} in {same} of {len(logged)} rows")
    return Told("logged", "the logged number follows no formula of the scores beside it", is_doubt=True)


def _formula(name: str, scores: Sequence[float]) -> float:
    best = sorted(scores, reverse=True)
    rest = {"max_prob": 0.0, "margin": sum(best[1:2]), "margin_rest": sum(best[1:5])}[name]
    return max(0.0, best[0] - rest)


def outside(records: Sequence[Record]) -> int:
    """Count rows whose number lies outside 0 to 1, or was cut to it."""
    return sum(
        "score_clipped" in one.flags or (one.logged_score is not None and not 0 <= one.logged_score <= 1)
        for one in records
    )


def quantum(records: Sequence[Record]) -> bool:
    """Say whether scores are multiples of 0.01."""
    numbers = [one for record in records for one in [*record.scores, *([record.logged_score] if record.logged_score is not None else [])]]  # fmt: skip
    return len(numbers) >= 20 and sum(abs(100 * one - round(100 * one)) < 1e-6 for one in numbers) >= 0.99 * len(
        numbers
    )


def threshold(records: Sequence[Record], definition: str) -> Told:
    """Tell from which score on answers were automatic, where decisions are logged; else that nothing tells."""
    by_decision: dict[str, list[float]] = defaultdict(list)
    for one in records:
        value = one.logged_score if definition == "logged" else _formula(definition, one.scores) if one.scores else None
        if one.decision is not None and value is not None:
            by_decision[one.decision].append(value)
    automatic, manual = by_decision.get("automatic", []), by_decision.get("manual", [])
    if not automatic or not manual:
        return Told(None, "no decision is logged: the threshold cannot be known from the lines", is_doubt=True)
    if min(automatic) <= max(manual):
        return Told(None, "logged decisions follow no single threshold on this score", is_doubt=True)
    return Told(min(automatic), f"lowest automatic {min(automatic):g}, highest manual {max(manual):g}")


def identity(records: Sequence[Record]) -> Told:
    """Tell what makes two lines the same prediction."""
    known = [one for one in records if one.request_id is not None and one.row == 0]
    if not known:
        return Told("by_position", "no request id in the lines")
    share = len({one.request_id for one in known}) / len(known)
    if share < 0.99:
        return Told("by_position", f"request ids repeat: only {share:.0%} of them are different")
    return Told("by_request_id", f"{len(known)} rows with an id, {share:.0%} different")


def labels(records: Sequence[Record]) -> Told:
    """Tell how many labels were seen, and whether they look like a hierarchy that is read off their first characters."""
    seen = Counter(one.labels[0] for one in records if one.labels)
    if not seen:
        return Told(0, "no label in the lines")
    everyone = {name for one in records for name in one.labels}
    coded = sum(NACE.fullmatch(name) is not None for name in everyone)
    look = ""
    if coded >= 0.95 * len(everyone):
        look = f"; they look like activity codes, {len({name[:2] for name in everyone})} divisions by their first two characters"
    return Told(len(everyone), f"{len(everyone)} labels seen, most often {', '.join(name for name, _ in seen.most_common(3))}{look}")  # fmt: skip


def fields(records: Sequence[Record]) -> Told:
    """Tell which inputs beside the text take few values."""
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for one in records:
        for name, value in one.fields.items():
            if (
                value is not None
                and isinstance(value, str | int | float)
                and str(value) not in {"", "NaN", "nan", "None"}
            ):
                values[name][str(value)] += 1
    few = {name: "category" for name, seen in sorted(values.items())
           if len(seen) <= min(FEW_VALUES, max(2, seen.total() // 2)) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name)}  # fmt: skip
    kept = dict(list(few.items())[:MOST_FIELDS])
    left = sorted(set(values) - set(kept))
    return Told(kept, f"they take at most {FEW_VALUES} values" + (f"; left out, of many values: {', '.join(left[:5])}" if left else ""))  # fmt: skip


def paths(records: Sequence[Record]) -> Told:
    """Tell which path of an access log the predictions are asked on: the most frequent one, where it is most of them."""
    seen = Counter(one.endpoint for one in records if one.endpoint)
    if not seen:
        return Told(None, "")
    (path, count), total = seen.most_common(1)[0], seen.total()
    if count == total:
        return Told(None, f"all {total} requests ask {path}")
    return Told(path, f"{count} of {total} requests ask it, the others {', '.join(other for other, _ in seen.most_common(4)[1:])}", is_doubt=True)  # fmt: skip
