"""
Say beforehand what a baseline would notice, how soon, and what it cannot see at all.

A change is followed along its expected path: at each block the bet's value is what the change makes of it on average,
against the floor and the spread of a block of the usual size, and its wealth grows by the expected evidence. Chance makes
a single case faster or slower; the answer is a typical one. Only the numbers that are asked about move: a real change moves
several at once and is found no later.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np

from monitor.detection import season
from monitor.detection.baseline import NEW_LABEL, VOLUME, VOLUME_TOLERANCE, WITNESS, Baseline, Line
from monitor.detection.bets import LAMBDAS, tolerated
from monitor.detection.renewal import kin_of
from monitor.detection.witness import HALF_LIVES, RAREST, SCALES
from monitor.metrics import FIXED
from monitor.profiles.profile import Profile
from monitor.said import Said
from monitor.settings import Detection

HORIZON_DAYS: Final = 28
WITHIN_HOURS: Final = (24, 7 * 24, 28 * 24)
HEADINGS: Final = ("told within a day from", "within a week from", "within four weeks from")
BEGINS: Final = 5 * 24 + 9  # a Tuesday at 9 UTC, as an hour since 1970
MOVED_LABELS: Final = 20
WILD, WILD_CENTRE = 3.0, 0.2  # times the tolerance; the witness's distance of the reference's halves
TITLES: Final = {name: Said(title, f"metric.{name}") for name, title in [*((one.name, one.title) for one in FIXED),
                                                                       (VOLUME, "volume"), (WITNESS, "mix of answers")]}  # fmt: skip
SIZES: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Change:
    """Hold what a change does on average: to the value of each metric, and to the mix of the baseline's labels (None: nothing)."""

    moved: Mapping[str, float]
    mix: np.ndarray | None = None


@dataclass(frozen=True)
class Question:
    """Name a kind of change in the unit `share` or `score`; `change` makes one of a size."""

    name: str
    title: str
    unit: str
    change: Callable[[Baseline, Profile, float], Change]


@dataclass(frozen=True)
class Answer:
    """
    Hold the smallest of `SIZES` that is typically told within each of `WITHIN_HOURS`; None where even nine tenths are not.

    What is smaller than the last one cannot be seen.
    """

    question: Question
    smallest: tuple[float | None, ...]


def table(baseline: Baseline, usual: Profile, settings: Detection) -> list[Answer]:
    """
    Answer every question the baseline has a bet for; `usual` is the sum of the reference's hours.

    A kind of change that no metric of this model can show is left out.
    """
    known = {line.metric for line in baseline.lines}
    found = []
    for one in QUESTIONS:
        largest = one.change(baseline, usual, SIZES[-1])
        if not (largest.moved.keys() & known or (largest.mix is not None and WITNESS in known)):
            continue
        hours = cache(partial(_hours_of, one, baseline, usual, settings))
        first = [bisect_left(SIZES, True, key=lambda size, most=most: hours(size) <= most) for most in WITHIN_HOURS]  # type: ignore[misc]
        found.append(Answer(one, tuple(SIZES[at] if at < len(SIZES) else None for at in first)))
    return found


def blind(baseline: Baseline, settings: Detection) -> list[str]:
    """
    Name what cannot be watched, because in the reference it moves by itself as much as what should be told.

    At every scale its floor is above three times what is tolerated; for the mix of answers, the reference's own
    halves lie further apart than a change of 10 % would put them. Single labels and values of fields are left out.
    """
    found: list[str] = []
    for name, title in TITLES.items():
        lines = [line for line in baseline.lines if line.metric == name]
        if name == WITNESS:
            is_blind = bool(lines) and all(line.centre > WILD_CENTRE for line in lines)
        else:
            is_blind = bool(lines) and all(line.floor > WILD * _tolerance(line, baseline, settings) for line in lines)
        found += [title] if is_blind else []
    return found


def thin(baseline: Baseline) -> list[str]:
    """Name what is counted and carries no bet, because hardly any day of the reference had records enough to be judged."""
    judged = {line.metric for line in baseline.lines}
    counted = [*baseline.seasons, *([WITNESS] if len(baseline.labels) > 1 else [])]
    return [
        TITLES[name]
        for name in TITLES
        if name in counted and name not in judged and kin_of(name) not in baseline.renewing
    ]


def _tolerance(line: Line, baseline: Baseline, settings: Detection) -> float:
    if line.metric == VOLUME:
        return VOLUME_TOLERANCE[line.scale]
    phi = baseline.seasons[line.metric].phi
    of_record = settings.tolerance_sd * float(np.sqrt(phi))  # what is told in points may be tighter than that
    return max(tolerated(line.metric, phi, line.share, settings), of_record)


def rows(answers: list[Answer]) -> list[dict[str, str]]:
    """Write answers as people read them, one row per kind of change."""
    return [
        {"change": one.question.title, **{
            heading: f"not even {100 * SIZES[-1]:g} %" if size is None else f"{100 * size:g} %" if one.question.unit == "share" else f"{size:g}"
            for heading, size in zip(HEADINGS, one.smallest, strict=True)}}
        for one in answers
    ]  # fmt: skip


def _hours_of(question: Question, baseline: Baseline, usual: Profile, settings: Detection, size: float) -> float:
    hours = hours_until(baseline, usual, settings, question.change(baseline, usual, size))
    return float("inf") if hours is None else hours


def sentence(baseline: Baseline, usual: Profile, settings: Detection) -> Said:
    """Say how long two shifts of the answers would take to be told: 5 % and 2 % of them."""
    large, small = (
        hours_until(baseline, usual, settings, _label_shift(baseline, usual, size)) for size in (0.05, 0.02)
    )
    if large is None:
        return Said("5 % of the answers that move to twenty other labels could not be seen here", "power.blind")
    less = Said("could not be seen", "power.unseen") if small is None else span(small)
    told = span(large)
    return Said(
        f"5 % of the answers that move to twenty other labels would take {told} to be told here, 2 % {less}",
        "power.told",
        large=told,
        small=less,
    )


def span(hours: float) -> Said:
    """
    Write a stretch of time as people say it.

    >>> span(16), span(216)
    ('about 16 hours', 'about 9 days')
    """
    unit, count = ("hours", hours) if hours < 48 else ("days", hours / 24)
    return Said(f"about {count:.0f} {unit}", f"power.{unit}", count=count)


def hours_until(baseline: Baseline, usual: Profile, settings: Detection, change: Change) -> float | None:
    """Return the typical hours until a change that begins on a Tuesday morning is told; None: not within four weeks."""
    before = BEGINS % 24
    hour = BEGINS - before + np.arange(24 * (HORIZON_DAYS + 1))
    active = np.arange(len(hour)) >= before
    due = np.expm1(np.array(baseline.seasons[VOLUME].cells))[season.cell_of(hour)]
    best = np.inf
    for scale in SCALES:
        wealth = np.full(len(hour) // scale, -np.inf)
        for line in baseline.lines:
            if (
                line.scale == scale
                and (path := _path(line, baseline, usual, change, active=active, due=due)) is not None
            ):
                wealth = np.logaddexp(wealth, _wealth(line, *path, settings=settings))
        reached = np.flatnonzero(wealth >= np.log(settings.threshold))
        if len(reached):
            best = min(best, float((reached[0] + 1) * scale - before))
    return best if best <= WITHIN_HOURS[-1] else None


def _path(line: Line, baseline: Baseline, usual: Profile, change: Change, *, active: np.ndarray, due: np.ndarray
          ) -> tuple[np.ndarray, np.ndarray] | None:  # fmt: skip
    """Return the expected value and the usual size of each block of the line; None for a line the change does not touch."""
    shape = (-1, line.scale)
    if line.metric == WITNESS:
        answers = due * usual.labels.total / max(usual.records, 1)
        return None if change.mix is None else _witness(line, baseline, change.mix, answers, active)
    moved = change.moved.get(line.metric)
    name = line.metric.removeprefix("label:")
    if moved is None and name != line.metric and change.mix is not None and name in baseline.labels:
        number = baseline.labels.index(name)  # the mix of a small reference holds fewer labels than have a bet
        moved = float(change.mix[number] - baseline.popular[number])
    if moved is None or moved * line.direction <= 0:
        return None
    if line.metric == VOLUME:
        got = (due * np.where(active, np.exp(moved), 1.0)).reshape(shape).sum(1)
        size = due.reshape(shape).sum(1)
        return np.log((got + 1) / (size + 1)), size
    metric = next(one for one in baseline.metrics if one.name == line.metric)
    each = due * metric.read(usual, baseline.yardsticks).size / max(usual.records, 1)
    size = each.reshape(shape).sum(1)
    return moved * (each * active).reshape(shape).sum(1) / np.maximum(size, 1e-9), size


def _witness(
    line: Line, baseline: Baseline, mix: np.ndarray, answers: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected projection on a direction that learns the change from earlier blocks, among their noise."""
    size = answers.reshape(-1, line.scale).sum(1)
    share = (answers * active).reshape(-1, line.scale).sum(1) / np.maximum(size, 1e-9)
    keep = 0.5 ** (1 / HALF_LIVES[line.scale])
    popular = np.array(baseline.popular)
    off = mix - popular
    usual = float(size.mean())
    mass, square, changed = usual / (1 - keep), usual / (1 - keep**2), 0.0
    value = np.zeros(len(size))
    for block in range(len(size)):
        records, part = mass**2 / square, changed / mass
        weighed = np.maximum(popular, RAREST) + 3 / records
        noise = popular * max(line.phi, 1.0) / records
        spread = np.sqrt(float(((part * off) ** 2 + noise) @ (np.maximum(popular, RAREST) / weighed**2)))
        value[block] = share[block] * part * float(off**2 @ (1 / weighed)) / max(spread, 1e-12)
        mass, square = keep * mass + size[block], keep**2 * square + size[block]
        changed = keep * changed + share[block] * size[block]
    return line.centre + value, size


def _wealth(line: Line, value: np.ndarray, size: np.ndarray, *, settings: Detection) -> np.ndarray:
    """Return the logarithm of the line's wealth after each block, over all lambdas."""
    bet = line.bet(settings)
    pairs, which = np.unique(np.stack([value, size], axis=1), axis=0, return_inverse=True)
    evidence = np.nan_to_num(np.array([bet.evidence(v, n) for v, n in pairs]))[which]
    grown = np.cumsum(evidence, axis=0)
    stakes = np.logaddexp.accumulate(np.log(line.stake * line.scale / len(LAMBDAS)) + evidence - grown, axis=0)
    return np.asarray(np.logaddexp.reduce(grown + stakes, axis=1))


def shifted(baseline: Baseline, share: float) -> np.ndarray:
    """Return the baseline's mix after `share` of the answers moved to twenty labels in the middle of it, by their popularity."""
    popular = np.array(baseline.popular)
    named = np.array([name != NEW_LABEL for name in baseline.labels])
    order = [one for one in np.argsort(-popular) if named[one]]
    middle = order[len(order) // 4 :][:MOVED_LABELS]
    to = np.zeros(len(popular))
    to[middle] = popular[middle] / max(float(popular[middle].sum()), 1e-12)
    return np.asarray((1 - share) * popular + share * to)


def _label_shift(baseline: Baseline, _usual: Profile, share: float) -> Change:
    return Change({}, shifted(baseline, share))


def _strange_words(_baseline: Baseline, usual: Profile, share: float) -> Change:
    if not usual.unknown.count:
        return Change({})
    of_texts = {"mostly_unknown": 0.5, "foreign": 0.75} if usual.strange.total else {}
    moved = {name: share * (1 - usual.strange.share_from(limit)) for name, limit in of_texts.items()}
    return Change({"unknown_words": share * (1 - usual.unknown.mean()), **moved})


def _unsupported(baseline: Baseline, usual: Profile, share: float) -> Change:
    """Answers whose support is that of the worst twentieth of the reference."""
    if not usual.support.total:
        return Change({})
    below = 1 - usual.support.share_from(baseline.unsupported)
    return Change(
        {"support": share * (baseline.unsupported - usual.support.mean()), "unsupported": share * (1 - below)}
    )


def _of(metric: str, sign: int) -> Callable[[Baseline, Profile, float], Change]:
    return lambda _baseline, _usual, size: Change({metric: sign * size})


QUESTIONS: Final = (
    Question("labels", "answers that move to other labels", "share", _label_shift),
    Question("new_labels", "answers in labels that hardly existed", "share", _of("novelty", 1)),
    Question("support", "answers that no word of their text speaks for", "share", _unsupported),
    Question("words", "texts without a known word", "share", _strange_words),
    Question("confidence", "fall of the mean confidence", "score", _of("confidence", -1)),
    Question("automation", "predictions that need a person and did not", "share", _of("automation", -1)),
    Question("latency", "rise of the usual latency", "share",
             lambda _baseline, _usual, size: Change({"latency": float(np.log1p(size))})),
    Question("errors", "calls that fail and did not", "share", _of("errors", 1)),
    Question("volume", "predictions that stay away", "share",
             lambda _baseline, _usual, size: Change({VOLUME: float(np.log1p(-size))})),
)  # fmt: skip
