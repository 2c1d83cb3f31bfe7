"""
Learn some metrics of a reference anew, while all others keep theirs.

What people call a new normal has no reference yet: its metrics carry no bet until two weeks of it are there, and are then
judged by these weeks. Metrics that share what the reference fixes for them are kin and go together.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from monitor.detection import detector
from monitor.detection.baseline import LEAST_HOURS, VOLUME, WITNESS, Baseline, Line
from monitor.detection.fitting import fit, staked
from monitor.detection.state import State
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window

KIN = {
    WITNESS: "answers", "novelty": "answers", "confidence": "sureness", "unsure": "sureness", "automation": "sureness",
    "support": "sureness", "unsupported": "sureness", "latency": "latency", "slow": "latency", "errors": "errors",
    VOLUME: VOLUME, "unknown_words": "words", "mostly_unknown": "words", "foreign": "words", "empty": "words",
    "length": "length",
}  # fmt: skip
TITLES = {"answers": "mix of answers", "sureness": "confidence and automation", "words": "words of the texts",
          "length": "length of the texts"}  # fmt: skip
FIXED = {
    "answers": ("known", "bet_labels", "labels", "mix", "popular"), "sureness": ("unsure", "unsupported"), "latency": ("slow_ms",),
}  # fmt: skip


def kin_of(metric: str) -> str:
    """
    Return the kin of a metric: what is learnt anew together.

    >>> kin_of("label:56"), kin_of("slow"), kin_of("field:TYP=I")
    ('answers', 'latency', 'field:TYP')
    """
    if metric.startswith("label:"):
        return "answers"
    return metric.partition("=")[0] if metric.startswith("field:") else KIN[metric]


def title(kin: str) -> str:
    """
    Name a kin as people do.

    >>> title("answers"), title("field:TYP"), title("latency")
    ('mix of answers', 'field TYP', 'latency')
    """
    return TITLES.get(kin, kin.replace(":", " "))


def kins(baseline: Baseline) -> list[str]:
    """Return the kins a baseline has bets for, or is learning."""
    return sorted({kin_of(line.metric) for line in baseline.lines} | baseline.renewing.keys())


def begun(baseline: Baseline, kins: Iterable[str], since: int) -> Baseline:
    """
    Return the baseline in which these kins carry no bet, and are learnt from the first midnight (UTC) at or after hour `since`.

    Their stakes go to nobody, so the promise about false alarms holds as before.
    """
    renewing = baseline.renewing | dict.fromkeys(sorted(kins), -(-since // 24) * 24)
    lines = [line for line in baseline.lines if kin_of(line.metric) not in renewing]
    return msgspec.structs.replace(baseline, lines=lines, renewing=renewing)


def due(baseline: Baseline) -> tuple[int, str] | None:
    """Return the hour up to which a kin is learnt, and the kin: the one that is ready first; None when none is learnt."""
    return min(((since + LEAST_HOURS, kin) for kin, since in baseline.renewing.items()), default=None)


def learnt(baseline: Baseline, kin: str, hours: Mapping[int, Profile], settings: Detection) -> Baseline:
    """
    Return the baseline in which a kin is judged by the two weeks it was learnt from, whose hours are given.

    A metric of the kin with too few records there has no bet. Raises NoData where there was no prediction.
    """
    window = Window(baseline.renewing[kin], baseline.renewing[kin] + LEAST_HOURS)
    fresh = fit(hours, window, settings)
    values: dict[str, Any] = {name: getattr(fresh, name) for name in FIXED.get(kin, ())}
    if kin.startswith("field:"):
        values["watched"] = sorted(
            [pair for pair in baseline.watched if f"field:{pair[0]}" != kin]
            + [pair for pair in fresh.watched if f"field:{pair[0]}" == kin]
        )
    seasons = {name: one for name, one in baseline.seasons.items() if kin_of(name) != kin}
    seasons |= {name: one for name, one in fresh.seasons.items() if kin_of(name) == kin}
    lines = [*baseline.lines, *(line for line in fresh.lines if kin_of(line.metric) == kin)]
    renewing = {name: since for name, since in baseline.renewing.items() if name != kin}
    renewed = baseline.renewed | {kin: (window.first, window.end)}
    new = msgspec.structs.replace(baseline, seasons=seasons, renewing=renewing, renewed=renewed, **values)
    return msgspec.structs.replace(new, lines=staked(lines, {metric.name: metric for metric in new.metrics}))


def usual(baseline: Baseline, metric: str) -> Window:
    """Return the hours that say what is usual of a metric."""
    first, end = baseline.renewed.get(kin_of(metric), (baseline.first_hour, baseline.end_hour))
    return Window(first, end)


def carried(state: State, old: Baseline, new: Baseline, kins: Collection[str]) -> State:
    """Return the detector's state under the new baseline: the evidence of all other kins goes on, these begin from nothing."""
    blank = detector.begin(new, state.judged_until)
    before = {_name(line): at for at, line in enumerate(old.lines) if kin_of(line.metric) not in kins}
    place = {before[_name(line)]: at for at, line in enumerate(new.lines) if _name(line) in before}
    for part in ("wealth", "paid_until", "climb", "onset", "moved", "weight"):
        for was, now in place.items():
            getattr(blank, part)[now] = getattr(state, part)[was]
    blank.reset = state.reset
    blank.raised = [msgspec.structs.replace(one, line=place[one.line]) for one in state.raised if one.line in place]
    blank.day_sum = {name: one for name, one in state.day_sum.items() if kin_of(name) not in kins}
    blank.day_size = {name: one for name, one in state.day_size.items() if kin_of(name) not in kins}
    if "answers" not in kins:
        blank.day_labels, blank.day_due, blank.directions = state.day_labels, state.day_due, state.directions
    return blank


def _name(line: Line) -> tuple[str, int, int]:
    return line.metric, line.scale, line.direction
