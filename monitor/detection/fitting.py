"""
Fit a baseline: what the reference says to expect of every metric, and how much it wanders by itself.

It is fitted once, when a period is pinned. Inside the reference even weeks are expected from odd ones and the other way
round, so that no hour judges itself.
"""

from collections.abc import Collection, Mapping

import msgspec
import numpy as np

from monitor.detection import season
from monitor.detection.baseline import (
    LEAST_HOURS,
    NEW_LABEL,
    VOLUME,
    VOLUME_TOLERANCE,
    WITNESS,
    Baseline,
    Line,
    Season,
    label_vector,
)
from monitor.detection.bets import FEW_BLOCKS, Spread, caution, fit_spread, of_one, tolerated, wander
from monitor.detection.witness import HALF_LIVES, SCALES, project
from monitor.errors import NoData
from monitor.metrics import Metric, all_for, prediction_shift, yardsticks
from monitor.profiles.profile import NO_LABEL, Profile
from monitor.settings import Detection
from monitor.window import Window

STAKES = {"inputs": 0.25, "outputs": 0.25, "service": 0.15}
ANSWERS_PER_LABEL = 40
WITNESS_SCALE_BACK = 0.6  # a centre learned from half references is larger than with the whole one


def fit(hours: Mapping[int, Profile], window: Window, settings: Detection, planned: Collection[int] = ()) -> Baseline:
    """
    Fit the baseline of `window` from its hourly profiles; hours without one had no predictions, `planned` ones are left out.

    Raises NoData for less than two weeks besides the planned hours, or for a window without predictions.
    """
    left_out = frozenset(planned).intersection(window)
    if window.hours - len(left_out) < LEAST_HOURS:
        raise NoData(
            f"a reference needs at least 14 days, this one has {(window.hours - len(left_out)) / 24:.1f}"
            + (" besides what was planned" if left_out else "")
        )
    hours = {h: hours[h] for h in window if h in hours and h not in left_out}
    whole = Profile.sum(hours.values())
    if not whole.records:
        raise NoData(f"there is no prediction in {window}")
    hour = np.arange(window.first, window.end)
    profiles = [hours.get(h, _EMPTY) for h in window]
    at, bet_labels = yardsticks(whole), prediction_shift.frequent(whole)
    lines: list[Line] = []
    seasons: dict[str, Season] = {}
    for metric in all_for(at, bet_labels):
        pairs = [metric.read(profile, at) for profile in profiles]
        value, size = np.array([p.value for p in pairs], float), np.array([p.size for p in pairs], float)
        if size.sum() >= settings.smallest_block:
            seasons[metric.name], found = _scalar(metric, value, size, hour, settings)
            lines += found
    judged = ~np.isin(hour, sorted(left_out))
    volume, found = _volume(np.array([p.records for p in profiles], float), hour, judged, settings=settings)
    seasons[VOLUME] = volume
    lines += found
    labels = [*_kept_labels(whole), NEW_LABEL]
    counts = np.array([label_vector(profile, labels) for profile in profiles], float)
    mix, found = _witness(counts, hour, settings)
    lines += found
    return Baseline(
        window.first, window.end, at.slow_ms, at.unsure, sorted(at.known), list(at.watched), list(bet_labels), labels,
        mix.tolist(), mix.mean(0).tolist(), seasons, staked(lines, {m.name: m for m in all_for(at, bet_labels)}), at.unsupported,
    )  # fmt: skip


_EMPTY = Profile()


def _kept_labels(whole: Profile) -> list[str]:
    """
    Return the labels the witness tells apart: the most frequent ones, one for each 40 answers of the reference.

    Every label adds its own error to the reference's mix, and a witness learns these errors like a change; the rarer
    labels share the place of new ones, which the novelty metric tells apart.
    """
    answers = whole.labels.total - whole.labels[NO_LABEL]
    names = sorted((n for n in whole.labels.of_name if n != NO_LABEL), key=lambda n: (-whole.labels[n], n))
    return sorted(names[: answers // ANSWERS_PER_LABEL])


def _blocks(value: np.ndarray, size: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    whole = len(size) // scale * scale
    total = size[:whole].reshape(-1, scale).sum(1)
    return (value * size)[:whole].reshape(-1, scale).sum(1) / np.maximum(total, 1e-9), total


def _scalar(metric: Metric, value: np.ndarray, size: np.ndarray, hour: np.ndarray, settings: Detection
            ) -> tuple[Season, list[Line]]:  # fmt: skip
    value = np.where(size > 0, value, 0.0)
    odd = (hour // 168) % 2 == 1
    cells = season.means(value, size, hour)
    expected = np.empty(len(hour))
    for side in (odd, ~odd):
        other = season.means(value[~side], size[~side], hour[~side]) if (~side).any() else cells
        expected[side] = other[season.cell_of(hour[side])]
    centred = np.where(size > 0, value - expected, 0.0)
    telling = _telling(size, settings.smallest_block)
    spread = fit_spread(centred[telling], size[telling])
    share = float(np.average(value, weights=np.maximum(size, 1e-9))) if metric.is_share else None
    tolerance = tolerated(metric.name, spread.phi, share, settings)
    phi = of_one(spread.phi, share)
    limit = settings.clip * np.maximum(np.sqrt(phi / np.maximum(size, 1) + spread.tau2), tolerance)
    tame = np.clip(centred, -limit, limit)
    found = []
    for scale in metric.scales:
        block, total = (centred, size) if scale == 1 else _blocks(tame, size, scale)
        larger = _blocks(tame, size, 24 if scale == 1 else 168)
        found += _lines(metric, scale, (block, total), larger, (tolerance, share), settings=settings)
    return Season(cells.tolist(), phi, spread.tau2, tolerance), found


def _telling(size: np.ndarray, smallest: float) -> np.ndarray:
    """Return which hours say how wide an hour is: those that can be judged, or all that have records where these hold less than half."""
    large = size >= smallest
    return large if size[large].sum() >= size.sum() / 2 and large.sum() >= FEW_BLOCKS else size > 0


def _lines(metric: Metric, scale: int, blocks: tuple[np.ndarray, np.ndarray], larger: tuple[np.ndarray, np.ndarray],
           what: tuple[float, float | None], *, settings: Detection) -> list[Line]:  # fmt: skip
    (value, size), (tolerance, share) = blocks, what
    kept = size >= settings.smallest_block
    if kept.sum() < FEW_BLOCKS:
        return []
    value, size = value[kept], size[kept]
    spread = fit_spread(value, size)
    phi = of_one(spread.phi, share)
    factor = caution(value, size)
    cautious = Spread(phi * factor, spread.tau2 * factor)
    slow = wander(*larger, phi, settings.smallest_block)
    error = 0.0
    if scale != 1:  # the largest scale has no larger one whose wander covers the reference's own error
        error = float(np.sqrt(np.mean([cautious.of(n) ** 2 for n in size]) / len(size)))
    floor = max(tolerance, 2 * slow) + 2 * error
    return [Line(metric.name, metric.group, scale, 0.0, way, 0.0, floor, cautious.phi, cautious.tau2, share)
            for way in metric.directions]  # fmt: skip


def _volume(
    records: np.ndarray, hour: np.ndarray, judged: np.ndarray, *, settings: Detection
) -> tuple[Season, list[Line]]:
    odd = (hour // 168) % 2 == 1
    cells = season.usual_records(records[judged], hour[judged])
    expected = np.zeros(len(hour))
    for side in (odd, ~odd):
        rest = ~side & judged
        other = season.usual_records(records[rest], hour[rest]) if rest.any() else cells
        due = side & judged
        expected[due] = np.expm1(other[season.cell_of(hour[due])])
    found = []
    for scale in (1, 24):
        whole = len(hour) // scale * scale
        got, due = (a[:whole].reshape(-1, scale).sum(1) for a in (records, expected))
        metric = Metric(VOLUME, "service", "predictions", "volume", lambda p, _at: (p.records, 0))  # type: ignore[arg-type, return-value]
        larger_hours = 24 if scale == 1 else 168
        long = len(hour) // larger_hours * larger_hours
        more, more_due = (a[:long].reshape(-1, larger_hours).sum(1) for a in (records, expected))
        found += _lines(metric, scale, (np.log((got + 1) / (due + 1)), due), (np.log((more + 1) / (more_due + 1)), more_due),
                        (VOLUME_TOLERANCE[scale], None), settings=settings)  # fmt: skip
    return Season(cells.tolist(), 0.0, 0.0), found


def _witness(counts: np.ndarray, hour: np.ndarray, settings: Detection) -> tuple[np.ndarray, list[Line]]:
    whole = len(hour) // 48 * 48
    steady = season.capped(counts[: len(hour) // 24 * 24])
    hour_kept = hour[: len(steady)]
    mix = season.mixes(steady, hour_kept)
    first = np.arange(len(hour_kept)) < whole // 2
    expected = np.empty_like(steady)
    for side in (first, ~first):
        expected[side] = season.mixes(steady[~side], hour_kept[~side])[season.bucket_of(hour_kept[side])]
    found = []
    for scale in SCALES:
        value, size = project(counts[: len(steady)], expected, mix.mean(0), scale, restart=whole // 2 // scale)
        burn = 3 * HALF_LIVES[scale] if scale == 1 else HALF_LIVES[scale]
        position = np.arange(len(value))
        half = whole // 2 // scale
        usable = (size >= settings.smallest_block) & (position % max(half, 1) >= min(burn, half // 2))
        if usable.sum() < FEW_BLOCKS:
            continue
        v, n = value[usable], size[usable]
        weight = np.minimum(n, np.quantile(n, 0.9))
        centre = float(np.average(v, weights=weight))
        spread, factor = fit_spread(v - centre, n), caution(v - centre, n)
        cautious = Spread(spread.phi * factor, spread.tau2 * factor)
        error = float(np.sqrt(np.average([cautious.of(one) ** 2 for one in n], weights=weight) / len(n)))
        tolerance = settings.witness_tolerance_hourly if scale == 1 else settings.witness_tolerance_daily
        found.append(Line(WITNESS, "outputs", scale, 0.0, 1, max(0.0, centre) * WITNESS_SCALE_BACK, tolerance + 2 * error,
                          cautious.phi, cautious.tau2, None))  # fmt: skip
    return mix, found


def staked(lines: list[Line], metrics: Mapping[str, Metric]) -> list[Line]:
    """Divide one unit per hour by group, then family, then metric, then line."""

    def family(line: Line) -> str:
        known = metrics.get(line.metric)
        return (known.family if known else "") or line.metric

    families: dict[str, set[str]] = {}
    members: dict[str, int] = {}
    for line in lines:
        families.setdefault(line.group, set()).add(family(line))
        members[family(line)] = members.get(family(line), 0) + 1
    whole = sum(STAKES[group] for group in families)
    return [
        msgspec.structs.replace(
            line, stake=STAKES[line.group] / whole / len(families[line.group]) / members[family(line)]
        )
        for line in lines
    ]
