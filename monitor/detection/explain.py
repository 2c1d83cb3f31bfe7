"""Say what an alarm is about: causes in natural units, whom it concerns, which labels, words and texts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from monitor.detection.baseline import VOLUME, WITNESS, Baseline, Line
from monitor.detection.incident import Cause
from monitor.metrics import Metric
from monitor.metrics.prediction_shift import moved_share
from monitor.nomenclature import Nomenclature
from monitor.prediction import normalised
from monitor.profiles.profile import NO_LABEL, Profile
from monitor.said import Said

MOST_CAUSES, MOST_LABELS, MOST_NAMED, MOST_TERMS, MOST_TEXTS = 6, 15, 2, 12, 8
BY_CHANCE = 0.01  # that a label is named which did not move, of all labels together: a twentieth is the aim, and hours are wilder than chance
NEW_BELOW = 0.001  # share of the reference's answers below which a label hardly existed
SHORTEST_TERM = 3
LEAST_KNOWN = 0.01  # share of the reference's answers from which it knew a version


@dataclass(frozen=True)
class Sides:
    """
    Hold the profiles of the reference and of the time since the onset, whole and by segment, and the nomenclature.

    `usual` names metrics that were learnt anew from other hours than these, and what was usual there.
    """

    then: Profile
    now: Profile
    segments_then: Mapping[str, Profile]
    segments_now: Mapping[str, Profile]
    nomenclature: Nomenclature
    usual: Mapping[str, Profile] = field(default_factory=dict)


def causes(shares: Mapping[str, float], baseline: Baseline, sides: Sides) -> tuple[Cause, ...]:
    """Return the alarm's causes, the largest share of the evidence first; a single label stands for the mix it moved."""
    metrics = {metric.name: metric for metric in baseline.metrics}
    found = []
    for name, share in list(shares.items())[:MOST_CAUSES]:
        line = next(line for line in baseline.lines if line.metric == name)
        then = sides.usual.get(name, sides.then)
        found.append(_cause(name, share, line, metrics.get(name), replace(sides, then=then)))
    return tuple(found)


def _cause(name: str, share: float, line: Line, metric: Metric | None, sides: Sides) -> Cause:
    then, now = sides.then, sides.now
    if name == WITNESS:
        seen, chance = moved_share(now, then)
        form, leading = _mix(sides)
        moved, beside = f"{shown(seen, 'share')} of the answers", f"chance alone gives {shown(chance, 'share')}"
        return Cause(name, line.group, share, "share moved", chance, seen, now.labels.total, 1, _mix_text(form, leading, moved, beside),
                     {"form": form, "labels": _kept(leading)})  # fmt: skip
    if name == VOLUME:
        return Cause(name, line.group, share, "predictions", float("nan"), now.records, now.records, line.direction,
                     f"{now.records} predictions since the onset, not the usual number")  # fmt: skip
    assert metric is not None
    before, after = metric.read(then, _at(then)), metric.read(now, _at(then))
    expected, seen = metric.shown(before.value), metric.shown(after.value)
    text = f"{metric.title} {shown(expected, metric.unit)} -> {shown(seen, metric.unit)}"
    facts = {}
    if name == "novelty":
        new = [one for one in _standing(sides) if one["then"] < NEW_BELOW and one["now"] > one["then"]]
        text, facts = f"{text}: {_written(new)}", {"labels": _kept(new)}
    return Cause(
        name, line.group, share, metric.unit, expected, seen, after.size, 1 if seen > expected else -1, text, facts
    )


def _at(reference: Profile) -> Any:
    from monitor.metrics import yardsticks

    return yardsticks(reference)


def shown(value: float, unit: str) -> str:
    """
    Write a value with its unit as people read it.

    >>> shown(0.0312, "share"), shown(0.0312, "share moved"), shown(41.23, "ms"), shown(0.7123, "score")
    ('3.1 %', '3.1 % moved', '41 ms', '0.71')
    """
    if np.isnan(value):
        return "nothing"
    if unit in {"share", "share moved"}:
        return f"{100 * value:.1f} %" + unit.removeprefix("share")
    if unit == "score":
        return f"{value:.2f}"
    return f"{value:.0f} {unit}"


def labels(sides: Sides) -> list[dict[str, Any]]:
    """
    Return the labels whose share moved most, with their titles, their shares then and now, and whether each `stands_out`.

    A label stands out when chance alone would hardly deal its answers of both times so unequally: Fisher's exact test
    (1935), two-sided by doubling, over all labels compared (Bonferroni) at `BY_CHANCE`. It is exact for a handful of answers,
    and for a label the reference never had.
    """
    return _moved(sides)[:MOST_LABELS]


def standing_out(sides: Sides) -> set[str]:
    """Return every label whose share moved beyond chance, as `labels` tells it."""
    return {str(row["label"]) for row in _moved(sides) if row["stands_out"]}


def _moved(sides: Sides) -> list[dict[str, Any]]:
    from scipy.stats import hypergeom

    then, now = sides.then.labels, sides.now.labels
    names = sorted((then.of_name.keys() | now.of_name.keys()) - {NO_LABEL})
    before, after = then.over(names), now.over(names)
    dealt = hypergeom(then.total + now.total, before + after, now.total)
    chance = 2 * np.minimum(dealt.cdf(after), dealt.sf(after - 1)) * len(names)
    rows = [
        {"label": n, "title": sides.nomenclature.name(n), "then": then.share(n), "now": now.share(n), "stands_out": bool(p < BY_CHANCE)}
        for n, p in zip(names, chance, strict=True)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-round(abs(_move(row)), 9), -_move(row)))  # of a swap the one that rose first


def _move(row: Mapping[str, Any]) -> float:
    return float(row["now"] - row["then"])


def _standing(sides: Sides) -> list[dict[str, Any]]:
    return [row for row in _moved(sides) if row["stands_out"]]


def _mix(sides: Sides) -> tuple[str, list[dict[str, Any]]]:
    """Return the labels that lead the change, by at least half the largest move and in its direction, and whether they are none, few or many."""
    standing = _standing(sides)
    leading = [row for row in standing if _move(row) / _move(standing[0]) >= 0.5]  # others made place for these
    return ("none" if not leading else "few" if len(leading) <= MOST_NAMED else "many"), leading


def _mix_text(form: str, leading: list[dict[str, Any]], moved: str, beside: str) -> str:
    if form == "none":
        return f"the mix of answers changed; no single answer stands out yet ({moved} are in other labels, {beside})"
    if form == "few":
        return f"answers {_written(leading)}"
    return f"{moved} moved to other labels ({beside}): {_written(leading)}"


def _kept(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in ("title", "then", "now")} for row in rows[:MOST_NAMED]]


def _written(rows: list[dict[str, Any]]) -> str:
    told = (f"{row['title']} {100 * row['then']:.1f} % -> {100 * row['now']:.1f} %" for row in rows[:MOST_NAMED])
    return ", ".join(told) or "no single one"


def segments(cause: Cause, baseline: Baseline, sides: Sides, field: str) -> list[dict[str, Any]]:
    """
    Return which segments carry the change of a cause: their value then and now in the cause's unit (nan where a segment
    has none), and their share of the whole change.

    A segment's part is how much the whole moved because this segment's value, or its share of the records, moved.
    """
    metric = next((one for one in baseline.metrics if one.name == cause.metric), None)
    if metric is None or not field:
        return []
    at = baseline.yardsticks
    rows, parts = [], []
    total_then = sum(metric.read(p, at).size for p in sides.segments_then.values())
    total_now = sum(metric.read(p, at).size for p in sides.segments_now.values())
    middle = metric.read(sides.then, at).value
    for name in sorted(sides.segments_now.keys() | sides.segments_then.keys()):
        then = metric.read(sides.segments_then.get(name, Profile()), at)
        now = metric.read(sides.segments_now.get(name, Profile()), at)
        weight_then, weight_now = then.size / max(total_then, 1), now.size / max(total_now, 1)
        part = weight_now * (_or(now.value, middle) - middle) - weight_then * (_or(then.value, middle) - middle)
        rows.append({"field": field, "value": name, "then": metric.shown(then.value), "now": metric.shown(now.value)})
        parts.append(part)
    whole = sum(parts)
    for row, part in zip(rows, parts, strict=True):
        row["share_of_change"] = part / whole if whole else 0.0
    return sorted(rows, key=lambda row: -row["share_of_change"])


def beside_chance(label: Mapping[str, Any]) -> str:
    """
    Say behind a row of `labels` that its move may be chance; nothing where it stands out.

    >>> beside_chance({"stands_out": False}), beside_chance({"stands_out": True})
    (' (within chance)', '')
    """
    return "" if label.get("stands_out", True) else " (within chance)"


def then_now(segment: Mapping[str, Any], unit: str) -> str:
    """
    Write what a row of `segments` or `labels` moved.

    >>> then_now({"then": 40.2, "now": 53.0}, "ms")
    '40 ms -> 53 ms'
    """
    return f"{shown(segment['then'], unit)} -> {shown(segment['now'], unit)}"


def _or(value: float, other: float) -> float:
    return other if np.isnan(value) else value


def terms(then: pl.Series, now: pl.Series, least_texts: int) -> dict[str, list[list[Any]]]:
    """
    Return the words gained and lost between two samples of texts, each in at least `least_texts` distinct texts.

    Entries are [word, share of texts then, share now], the most telling first.

    >>> letters = "abcdefghijklmnopqrst"
    >>> found = terms(pl.Series([f"pain {c}" for c in letters]), pl.Series([f"fresh bread {c}" for c in letters]), 5)
    >>> [row[0] for row in found["gained"]]
    ['bread', 'fresh']
    """
    before, after = _documents(then), _documents(now)
    n, m = max(then.drop_nulls().n_unique(), 1), max(now.drop_nulls().n_unique(), 1)
    scored = []
    for word in before.keys() | after.keys():
        p, q = before[word] / n, after[word] / m
        scored.append((q - p, (q - p) / np.sqrt((p + q) / 2 * (1 / n + 1 / m) + 1e-12), word, p, q))
    gained = sorted((s for s in scored if s[0] > 0 and after[s[2]] >= least_texts), key=lambda s: (-s[1], s[2]))[
        :MOST_TERMS
    ]
    lost = sorted((s for s in scored if s[0] < 0 and before[s[2]] >= least_texts), key=lambda s: (s[1], s[2]))[
        :MOST_TERMS
    ]
    return {
        "gained": [[s[2], s[3], s[4]] for s in gained if s[1] > 3],
        "lost": [[s[2], s[3], s[4]] for s in lost if s[1] < -3],
    }


def _documents(texts: pl.Series) -> Counter[str]:
    distinct = pl.DataFrame({"text": texts.drop_nulls().unique()})
    words = distinct.select(normalised(pl.col("text")).str.split(" ").list.unique()).to_series().to_list()
    return Counter(word for text in words for word in text if len(word) >= SHORTEST_TERM)


def texts(now: pl.DataFrame, gained: list[list[Any]]) -> list[dict[str, Any]]:
    """Return the texts with the largest share of gained words, one per normalised form, already redacted when stored."""
    new = {word for word, _, _ in gained}
    bare = now.filter(pl.col("text").is_not_null()).with_columns(bare=normalised(pl.col("text")))
    rows = (
        bare.unique("bare", keep="first", maintain_order=True)
        .select("bare", "text", "label", "score", "caller")
        .to_dicts()
    )

    def foreign(row: dict[str, Any]) -> tuple[int, str]:
        return (-sum(word in new for word in set(row["bare"].split())), row["text"])

    best = sorted(rows, key=foreign)[:MOST_TEXTS] if new else []
    return [{k: row[k] for k in ("text", "label", "score", "caller")} for row in best if foreign(row)[0] < 0]


def new_version(sides: Sides, near: Mapping[int, Profile], onset: int) -> Said | None:
    """
    Say since when the model version answers that leads since the onset; None when the reference knew it.

    `near` holds the hours from some time before the onset on; a version that answers from the first of them on began earlier, and is
    not what happened here.

    >>> from monitor.profiles.counts import Counts
    >>> old, new = Profile(versions=Counts({"1.0": 9})), Profile(versions=Counts({"2.0": 9}))
    >>> both = Sides(old, new, {}, {}, Nomenclature())
    >>> new_version(both, {6: old, 7: new, 8: new}, 9), new_version(both, {6: old, 7: new}, 7)
    ('2 h after version 2.0 first answered', 'in the hour in which version 2.0 first answered')
    """
    seen, known = sides.now.versions, sides.then.versions
    name = max(seen.of_name, key=lambda one: (seen[one], one), default=None)
    if name is None or not known or known.share(name) >= LEAST_KNOWN:
        return None
    first = min((hour for hour, profile in near.items() if profile.versions[name]), default=onset)
    if first == min(near, default=None):
        return None
    hours = onset - first
    if hours <= 0:
        return Said(f"in the hour in which version {name} first answered", "began.version_same", version=name)
    return Said(f"{hours} h after version {name} first answered", "began.version_after", hours=hours, version=name)


def claim(found: tuple[Cause, ...], where: list[dict[str, Any]]) -> str:
    """Say in one sentence what changed, and who carries most of it."""
    sentence = found[0].text if found else "something changed"
    if where and where[0]["share_of_change"] >= 0.6:
        sentence += (
            f"; {min(where[0]['share_of_change'], 1):.0%} of it comes from {where[0]['field']} {where[0]['value']}"
        )
    return sentence[0].upper() + sentence[1:]
