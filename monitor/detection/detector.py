"""
Feed hours to a model's bets and raise an alarm when their common wealth reaches the threshold.

Every hour pays one unit of stake, divided among all bets; evidence multiplies each bet's wealth (Shiryaev-Roberts
e-detector: Shin, Ramdas and Rinaldo 2024, arXiv 2203.03532). So the expected number of false alarms in T hours is at
most T / threshold, whatever the number of metrics and however they depend on each other. The state is a value: from any
saved state the same hours give the same alarms, bit for bit.
"""

import math
from collections.abc import Collection

import numpy as np

from monitor.detection import season
from monitor.detection.baseline import VOLUME, WITNESS, Baseline, label_vector
from monitor.detection.bets import LAMBDAS
from monitor.detection.incident import JOINED_HOURS
from monitor.detection.state import Alarm, Judged, Raised, State
from monitor.detection.witness import SCALES, Direction, shown
from monitor.metrics import all_for
from monitor.metrics.metric import Reading
from monitor.metrics.prediction_shift import LABEL_FAMILY
from monitor.profiles.profile import Profile
from monitor.settings import Detection

AFFECTED = 7.0  # nats of climb from which a line counts as touched by the alarm's event: no single hour gives as much
RAISED_BY = 1.5  # a touched line is told again only when it moves half as far again
REMEASURED_HOURS = 72  # an effect is measured again while its incident is young
LEARNING_HOURS = 14 * 24  # a witness sees the same change better and better for two half-lives
SMALLEST_DAY = 20


def begin(baseline: Baseline, hour: int) -> State:
    """Return the state before the first judged hour, with learning of witnesses from nothing."""
    lines, labels = len(baseline.lines), len(baseline.labels)
    zeros = [[0.0] * 3 for _ in range(lines)]
    blank = [0.0] * labels
    return State(hour, hour, zeros, [hour] * lines, [[0.0] * 3 for _ in range(lines)], [[hour] * 3 for _ in range(lines)],
                 [0.0] * lines, [0.0] * lines, {}, {}, blank, list(blank),
                 {str(scale): (list(blank), 0.0, 0.0) for scale in SCALES}, [])  # fmt: skip


def advance(
    state: State, baseline: Baseline, profile: Profile, settings: Detection, *, is_planned: bool = False
) -> tuple[State, Judged]:
    """
    Judge the hour `state.judged_until` by its profile (an empty one for an hour without predictions).

    A planned hour is read and not judged: it carries no bet, counts in no day, and its stake goes to the next judged one.
    """
    hour = state.judged_until
    new = state.copied()  # a copy: states are values
    measured = state.copied() if is_planned else new
    readings, values = _measure(measured, baseline, profile, hour, settings)
    witnessed = _witness_values(measured, baseline, profile, hour)
    mix = shown(baseline.lines, witnessed)
    if mix is not None:
        readings[WITNESS] = mix
    if is_planned:
        values, witnessed = {}, _witness_values(new, baseline, Profile(), hour)
    day = _day_values(new, hour)
    values |= {(24, name): pair for name, pair in day.items()} | witnessed
    alarm, evidence = _settle(new, baseline, values, hour + 1, settings)
    if (hour + 1) % 24 == 0:
        _remeasure(new, baseline, hour + 1)
        new.day_sum, new.day_size = {}, {}
        new.day_labels, new.day_due = [0.0] * len(baseline.labels), [0.0] * len(baseline.labels)
    new.judged_until = hour + 1
    return new, Judged(hour, readings, evidence, alarm, day, is_planned)


def _measure(new: State, baseline: Baseline, profile: Profile, hour: int, settings: Detection
             ) -> tuple[dict[str, tuple[Reading, float, float]], dict[tuple[int, str], tuple[float, float]]]:  # fmt: skip
    cell = int(season.cell_of(np.array([hour]))[0])
    readings: dict[str, tuple[Reading, float, float]] = {}
    values: dict[tuple[int, str], tuple[float, float]] = {}
    at = baseline.yardsticks
    for metric in all_for(at, tuple(baseline.bet_labels)):
        known = baseline.seasons.get(metric.name)
        if known is None:
            continue
        reading, expected = metric.read(profile, at), known.cells[cell]
        sd = math.sqrt(known.phi / max(reading.size, 1.0) + known.tau2)
        readings[metric.name] = (reading, expected, sd)
        if reading.size <= 0:
            continue
        off = reading.value - expected
        values[1, metric.name] = (off, reading.size)
        cut = settings.clip * max(sd, known.tolerance)
        tame = min(max(off, -cut), cut)
        new.day_sum[metric.name] = new.day_sum.get(metric.name, 0.0) + tame * reading.size
        new.day_size[metric.name] = new.day_size.get(metric.name, 0.0) + reading.size
    due = float(np.expm1(baseline.seasons[VOLUME].cells[cell]))
    values[1, VOLUME] = (float(np.log((profile.records + 1) / (due + 1))), due)
    readings[VOLUME] = (Reading(float(profile.records), due), due, 0.35 * due + 1.0)
    new.day_sum[VOLUME] = new.day_sum.get(VOLUME, 0.0) + profile.records
    new.day_size[VOLUME] = new.day_size.get(VOLUME, 0.0) + due
    return readings, values


def _day_values(new: State, hour: int) -> dict[str, tuple[float, float]]:
    if (hour + 1) % 24:
        return {}
    found = {name: (total / new.day_size[name], new.day_size[name]) for name, total in new.day_sum.items()
             if name != VOLUME and new.day_size[name] > 0}  # fmt: skip
    due = new.day_size.get(VOLUME, 0.0)
    found[VOLUME] = (float(np.log((new.day_sum.get(VOLUME, 0.0) + 1) / (due + 1))), due)
    return found


def _witness_values(
    new: State, baseline: Baseline, profile: Profile, hour: int
) -> dict[tuple[int, str], tuple[float, float]]:
    counts = label_vector(profile, baseline.labels).astype(float)
    mix = np.array(baseline.mix[int(season.bucket_of(np.array([hour]))[0])])
    size, popular = float(counts.sum()), np.array(baseline.popular)
    new.day_labels = (np.array(new.day_labels) + counts).tolist()
    new.day_due = (np.array(new.day_due) + size * mix).tolist()
    found = {}
    for scale in SCALES:
        if (hour + 1) % scale:
            continue
        got, due = (counts, size * mix) if scale == 1 else (np.array(new.day_labels), np.array(new.day_due))
        many = float(got.sum())
        direction = Direction(np.array(new.directions[str(scale)][0]), *new.directions[str(scale)][1:])
        value = direction.value(got - due, due / max(many, 1.0), popular, many)
        found[scale, WITNESS] = (value, many)
        if scale == 1 and many > 0:
            new.day_sum[WITNESS] = new.day_sum.get(WITNESS, 0.0) + value * many
            new.day_size[WITNESS] = new.day_size.get(WITNESS, 0.0) + many
        after = direction.learned(got - due, many, scale)
        new.directions[str(scale)] = (after.deviation.tolist(), after.mass, after.square)
    return found


def _settle(new: State, baseline: Baseline, values: dict[tuple[int, str], tuple[float, float]], now: int,
            settings: Detection) -> tuple[Alarm | None, float]:  # fmt: skip
    raised: dict[int, float] = {}
    young: dict[int, list[Raised]] = {}
    for one in new.raised:
        raised[one.line] = max(raised.get(one.line, 0.0), one.floor)
        if now - one.found <= REMEASURED_HOURS:
            young.setdefault(one.line, []).append(one)
    for number, line in enumerate(baseline.lines):
        if now % line.scale or (line.scale, line.metric) not in values:
            continue
        value, size = values[line.scale, line.metric]
        evidence = line.bet(settings).evidence(value, size, raised.get(number))
        if math.isnan(evidence[0]):
            continue
        moved = line.direction * (value - line.centre)
        _climb(new, number, moved, size, evidence=evidence, began=now - line.scale)
        for one in young.get(number, ()):
            one.moved, one.weight = one.moved + moved * size, one.weight + size
        if now - line.scale < new.reset:
            continue  # it began before the last alarm and helped to raise it
        stake = line.stake * (now - new.paid_until[number]) / len(LAMBDAS)
        new.wealth[number] = [(w + stake) * math.exp(e) for w, e in zip(new.wealth[number], evidence, strict=True)]
        new.paid_until[number] = now
    wealth = dict.fromkeys(SCALES, 0.0)
    for line, held in zip(baseline.lines, new.wealth, strict=True):
        wealth[line.scale] += sum(held)
    best = max(SCALES, key=lambda scale: wealth[scale])
    if wealth[best] < settings.threshold:
        return None, wealth[best] / settings.threshold
    alarm = _alarm(new, baseline, best, now)
    new.wealth = [[0.0] * 3 for _ in baseline.lines]
    new.paid_until, new.reset = [now] * len(baseline.lines), now
    return alarm, 1.0


def _climb(new: State, number: int, moved: float, size: float, *, evidence: list[float], began: int) -> None:
    before = new.climb[number]
    new.climb[number] = [max(b + e, 0.0) for b, e in zip(before, evidence, strict=True)]
    new.onset[number] = [o if b > 0 else began for o, b in zip(new.onset[number], before, strict=True)]
    if before[0] <= 0:
        new.moved[number] = new.weight[number] = 0.0
    new.moved[number] += moved * size
    new.weight[number] += size


def _alarm(new: State, baseline: Baseline, scale: int, now: int) -> Alarm:
    held = {i: sum(new.wealth[i]) for i, line in enumerate(baseline.lines) if line.scale == scale}
    whole = sum(held.values())
    shares: dict[str, float] = {}
    for number, amount in held.items():
        name = baseline.lines[number].metric
        shares[name] = shares.get(name, 0.0) + amount / whole
    kin = {metric.name: metric.family for metric in baseline.metrics if metric.family not in {"", LABEL_FAMILY}}
    of_kin: dict[str, float] = {}
    for name, share in shares.items():  # what tells of the same thing stands together: the most telling first
        of_kin[kin.get(name, name)] = of_kin.get(kin.get(name, name), 0.0) + share
    shares = dict(
        sorted(
            ((n, s) for n, s in shares.items() if s >= 0.01),
            key=lambda one: (-of_kin[kin.get(one[0], one[0])], -one[1]),
        )
    )
    first = next(iter(shares))
    best = max((i for i in held if baseline.lines[i].metric == first), key=lambda i: held[i])
    onset = new.onset[best][int(np.argmax(new.wealth[best]))]
    touched = tuple(i for i, line in enumerate(baseline.lines) if max(new.climb[i]) >= AFFECTED or i == best)
    known = (one.found for one in new.raised if _kind(baseline, one.line) == _kind(baseline, best)
             and now - one.found <= _young(baseline.lines[best].metric))  # fmt: skip
    return Alarm(now, onset, shares, touched, max(known, default=None))


def main_group(alarm: Alarm, baseline: Baseline) -> str:
    """Return the group of the alarm's main cause."""
    first = next(iter(alarm.shares))
    return next(line.group for line in baseline.lines if line.metric == first)


def raise_floors(state: State, alarm: Alarm, found: int) -> State:
    """Return the state in which the alarm's lines are told again only beyond 1.5 times their present effect."""
    new = state.copied()
    for number in alarm.lines:
        _raise(new, found, number)
    return new


def lower_floors(state: State, found: int) -> State:
    """Return the state without the floors of the incident found at hour `found`: it is over."""
    new = state.copied()
    new.raised = [one for one in new.raised if one.found != found]
    return new


def _raise(new: State, found: int, number: int) -> None:
    """Raise a line's floor to 1.5 times what it moved since its climb began, and let it climb from nothing again."""
    known = next((one for one in new.raised if one.found == found and one.line == number), None)
    if known is None:
        known = Raised(found, number, 0.0, new.moved[number], new.weight[number])
        new.raised.append(known)
    if new.weight[number]:
        known.floor = max(known.floor, RAISED_BY * new.moved[number] / new.weight[number])
    new.climb[number] = [0.0] * 3


def _remeasure(new: State, baseline: Baseline, now: int) -> None:
    """
    Measure effects again at midnight while an incident is young.

    The first midnight a day after the alarm replaces the first guess, which rests on the few hours that raised it; later
    ones take the larger.
    A line that climbs since before the incident was a day old belongs to it, and so does one that tells of the same
    metric in the same direction: the day scale and the witnesses see a change later than the hours do.
    """
    for one in new.raised:
        if 24 <= now - one.found <= REMEASURED_HOURS and one.weight:
            effect = RAISED_BY * one.moved / one.weight
            one.floor = effect if now - one.found < 48 else max(one.floor, effect)
    for found in sorted({one.found for one in new.raised}):
        told = {_kind(baseline, one.line) for one in new.raised if one.found == found}
        for number, line in enumerate(baseline.lines):
            if max(new.climb[number]) < AFFECTED or now - found > _young(line.metric):
                continue
            if new.onset[number][0] <= found + JOINED_HOURS or _kind(baseline, number) in told:
                _raise(new, found, number)


def _young(metric: str) -> int:
    return LEARNING_HOURS if metric == WITNESS else REMEASURED_HOURS


def _kind(baseline: Baseline, number: int) -> tuple[str, int]:
    return baseline.lines[number].metric, baseline.lines[number].direction


def settled(state: State, values: dict[str, tuple[float, float]], baseline: Baseline, found: int, *,
            told: Collection[str]) -> bool | None:  # fmt: skip
    """
    Say whether the incident found at hour `found` was quiet on the day that ended; None when nothing could tell.

    Only lines of the metrics it has `told` of count: others that were touched have floors, and nobody heard of them. Quiet
    is below a line's own floor, or below a third of the effect that was told: other changes that go on beside it
    must not keep it open.
    """
    judged = False
    for one in state.raised:
        line = baseline.lines[one.line]
        if one.found != found or line.metric not in told or line.metric not in values:
            continue
        value, size = values[line.metric]
        if size < SMALLEST_DAY:
            continue
        judged = True
        if line.direction * (value - line.centre) > max(line.floor, one.floor / RAISED_BY / 3):
            return False
    return True if judged else None
