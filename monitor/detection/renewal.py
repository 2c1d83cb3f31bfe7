"""
Learn some metrics of a reference anew, while all others keep theirs.

What people call a new normal has no reference yet: its metrics carry no bet until two weeks of it are there, and are then
judged by these weeks. A version that was tried in the shadow has one: its answers there. Metrics that share what the reference
fixes for them are kin and go together.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from monitor.detection import detector
from monitor.detection.baseline import LEAST_HOURS, VOLUME, WITNESS, Baseline, Line, Tried
from monitor.detection.fitting import fit, staked
from monitor.detection.state import State
from monitor.errors import NoData
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window, start_of

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
OF_THE_VERSION = ("answers", "sureness")  # what another artefact changes, and its answers in the shadow show
LONGEST_HOURS = 42 * 24  # like a reference that is pinned without saying how long


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
    shadowed = {kin: one for kin, one in baseline.shadowed.items() if kin not in renewing}
    return msgspec.structs.replace(baseline, lines=lines, renewing=renewing, shadowed=shadowed)


def due(baseline: Baseline, planned: Callable[[range], Collection[int]]) -> tuple[int, str] | None:
    """
    Return the hour up to which a kin is learnt, and the kin: the one that is ready first; None when none is learnt.

    `planned` returns which hours of a range are left out, as a reference leaves them out; for each day with one a day is added.
    """
    return min(((_learnt_until(since, planned), kin) for kin, since in baseline.renewing.items()), default=None)


def _learnt_until(since: int, planned: Callable[[range], Collection[int]]) -> int:
    end = since + LEAST_HOURS
    while end < since + LONGEST_HOURS and end - since - len(planned(range(since, end))) < LEAST_HOURS:
        end += 24
    return end


def learnt(
    baseline: Baseline,
    kin: str,
    hours: Mapping[int, Profile],
    settings: Detection,
    *,
    end: int,
    planned: Collection[int] = (),
) -> Baseline:
    """
    Return the baseline in which a kin is judged by the weeks it was learnt from, whose hours up to `end` are given.

    A metric of the kin with too few records there has no bet. Raises NoData where there was no prediction, or less than two
    weeks besides what was planned.
    """
    return _replaced(baseline, [kin], fit(hours, Window(baseline.renewing[kin], end), settings, planned))


def shadow_window(answered: Window) -> Window | None:
    """
    Return which hours of a challenger's answers say what is usual of it: the newest, whole days if these are enough.

    None for less than two weeks; six weeks at most.

    >>> str(shadow_window(Window(1, 24 * 16 + 9))), shadow_window(Window(0, 24 * 14 - 1))
    ('1970-01-02 00:00 to 1970-01-17 00:00 UTC', None)
    """
    whole = -(-answered.first // 24) * 24, answered.end // 24 * 24
    first, end = whole if whole[1] - whole[0] >= LEAST_HOURS else (answered.first, answered.end)
    return Window(max(first, end - LONGEST_HOURS), end) if end - first >= LEAST_HOURS else None


def seeded(baseline: Baseline, tried: Tried, window: Window, hours: Mapping[int, Profile], settings: Detection, *, at: int,
           planned: Collection[int] = ()) -> Baseline:  # fmt: skip
    """
    Return the baseline in which a version that leads from hour `at` on is judged by its answers in the shadow.

    `hours` holds the profiles of these answers in `window`. Where their score cannot be computed, confidence and its kin are
    learnt anew from `at` on, as after a new normal. What else such answers do not tell carries no bet until it is learnt
    anew or another period is pinned: automation where nobody says from which score on the challenger is automatic, and
    support. Raises NoData for less than two weeks, or too few answers to judge their mix by.
    """
    fresh = fit(hours, window, settings, planned)
    if not any(line.metric == WITNESS for line in fresh.lines):
        raise NoData(f"{tried.name} gave too few answers in the shadow to judge their mix by")
    mute = [kin for kin in OF_THE_VERSION if kin == "sureness" and tried.score is None and kin in kins(baseline)]
    told = [kin for kin in OF_THE_VERSION if kin not in mute]
    new = passed(_replaced(baseline, told, fresh), tried.version)
    new = msgspec.structs.replace(new, shadowed=new.shadowed | dict.fromkeys(told, tried))
    return begun(new, mute, at) if mute else new


def passed(baseline: Baseline, version: str) -> Baseline:
    """Return the baseline that will not look for this version's answers in the shadow again."""
    return msgspec.structs.replace(baseline, seeded=[*baseline.seeded, version])


def _replaced(baseline: Baseline, kins: Collection[str], fresh: Baseline) -> Baseline:
    """Return the baseline with these kins of another one, fitted on other hours; stakes are divided anew."""
    values: dict[str, Any] = {name: getattr(fresh, name) for kin in kins for name in FIXED.get(kin, ())}
    if any(kin.startswith("field:") for kin in kins):
        values["watched"] = sorted(
            [pair for pair in baseline.watched if f"field:{pair[0]}" not in kins]
            + [pair for pair in fresh.watched if f"field:{pair[0]}" in kins]
        )
    seasons = {name: one for name, one in baseline.seasons.items() if kin_of(name) not in kins}
    seasons |= {name: one for name, one in fresh.seasons.items() if kin_of(name) in kins}
    lines = [line for line in baseline.lines if kin_of(line.metric) not in kins]
    lines += [line for line in fresh.lines if kin_of(line.metric) in kins]
    renewing = {name: since for name, since in baseline.renewing.items() if name not in kins}
    renewed = baseline.renewed | dict.fromkeys(kins, (fresh.first_hour, fresh.end_hour))
    shadowed = {name: one for name, one in baseline.shadowed.items() if name not in kins}
    new = msgspec.structs.replace(
        baseline, seasons=seasons, renewing=renewing, renewed=renewed, shadowed=shadowed, **values
    )
    return msgspec.structs.replace(new, lines=staked(lines, {metric.name: metric for metric in new.metrics}))


def usual(baseline: Baseline, metric: str) -> Window:
    """Return the hours that say what is usual of a metric."""
    first, end = baseline.renewed.get(kin_of(metric), (baseline.first_hour, baseline.end_hour))
    return Window(first, end)


def tried(baseline: Baseline, metric: str) -> Tried | None:
    """Return whose answers in the shadow of these hours say it; None when what was logged does."""
    return baseline.shadowed.get(kin_of(metric))


def sentences(baseline: Baseline) -> list[str]:
    """Say of each kin that is not judged by the pinned period what it is judged by, or since when it is learnt."""
    found = [
        f"{title(kin)}: learnt anew since {start_of(since):%Y-%m-%d %H:%M} UTC"
        for kin, since in baseline.renewing.items()
    ]
    for kin, (first, end) in baseline.renewed.items():
        if kin not in baseline.renewing:
            one = baseline.shadowed.get(kin)
            source = "" if one is None else f"the shadow answers of {one.name} (version {one.version}), "
            found.append(f"{title(kin)}: from {source}{Window(first, end)}")
    return sorted(found)


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
