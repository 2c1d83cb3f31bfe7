"""
Replay stored hours under any settings: what would have been told, when, and why.

The same detector judges the same hours as it would have live, from the end of the reference on; incidents open, join,
recover and close by the rules of `incident`. People's part is missing: nobody acknowledges or closes anything.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from monitor.detection import detector, explain
from monitor.detection.baseline import Baseline
from monitor.detection.incident import QUIET_TO_RECOVER, Incident, owner
from monitor.detection.state import Alarm, Judged, State
from monitor.errors import ConfigError
from monitor.nomenclature import Nomenclature
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.window import Window

NEVER = 1 << 60


@dataclass(frozen=True)
class Told:
    """Hold an alarm, the number of its incident (1 for the first), and whether it opened it."""

    alarm: Alarm
    incident: int
    opened: bool


@dataclass(frozen=True)
class Replay:
    """Hold the judged hours, every alarm, and the incidents as they stood at the end, the oldest first."""

    window: Window
    told: tuple[Told, ...]
    incidents: tuple[Incident, ...]


def changed(settings: Detection, words: Sequence[str]) -> Detection:
    """
    Return the settings with some of them set otherwise, each written `name=value`.

    Raises ConfigError for a name that is not one of `detection` in config.yaml, or a value out of its range.

    >>> changed(Detection(), ["tolerance_sd=0.05"]).tolerance_sd
    0.05
    """
    new = settings.model_dump()
    for word in words:
        name, is_set, value = word.partition("=")
        if name not in new or not is_set:
            raise ConfigError(
                f"{word!r} sets nothing", where="detection", remedy=f"write NAME=VALUE with one of {', '.join(new)}"
            )
        new[name] = value
    try:
        return Detection.model_validate(new)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{first['loc'][0]}: {first['msg']}", where="detection") from None


def replay(hours: Mapping[int, Profile], baseline: Baseline, settings: Detection, end: int, names: Nomenclature, *,
           planned: Collection[int] = ()) -> Replay:  # fmt: skip
    """
    Judge every hour from the end of the reference up to before `end`; hours without a profile had no predictions.

    `hours` must hold the reference's hours too: what the incidents say of then and now is read from them.
    """
    known: list[Incident] = []
    told = tuple(judged(hours, baseline, settings, end, names, known=known, planned=planned))
    return Replay(Window(baseline.end_hour, end), told, tuple(known))


def judged(hours: Mapping[int, Profile], baseline: Baseline, settings: Detection, end: int, names: Nomenclature, *,
           known: list[Incident], planned: Collection[int] = ()) -> Iterator[Told]:  # fmt: skip
    """
    Judge as `replay` does, hour by hour, and yield each alarm; `known` is filled with the incidents as they stand.

    Hours that are `planned` carry no bet.
    """
    reference = Profile.sum(hours[h] for h in range(baseline.first_hour, baseline.end_hour) if h in hours)
    state = detector.begin(baseline, baseline.end_hour)
    for hour in range(baseline.end_hour, end):
        state, one = detector.advance(state, baseline, hours.get(hour, Profile()), settings, is_planned=hour in planned)
        if one.alarm is not None:
            incident = _alarm(known, one.alarm, baseline, _Then(hours, reference, names))
            yield Told(one.alarm, incident.id, incident.found_hour == one.alarm.hour)
            state = detector.raise_floors(state, one.alarm, incident.found_hour)
        if one.day:
            state = _settle(known, state, one, baseline)


@dataclass(frozen=True)
class _Then:
    """Hold what an alarm is explained by."""

    hours: Mapping[int, Profile]
    reference: Profile
    names: Nomenclature


def _alarm(known: list[Incident], alarm: Alarm, baseline: Baseline, then: _Then) -> Incident:
    """Add an incident to those known, or let the one the alarm belongs to tell of it; return it."""
    alive = [one for one in known if one.state != "closed"]
    mine = owner(alive, alarm.onset, detector.main_group(alarm, baseline), continues=alarm.continues)
    onset = alarm.onset if mine is None else min(alarm.onset, mine.found_hour)
    now = Profile.sum(then.hours.get(h, Profile()) for h in range(min(onset, alarm.hour - 1), alarm.hour))
    causes = explain.causes(alarm.shares, baseline, explain.Sides(then.reference, now, {}, {}, then.names))
    if mine is None:
        detail = {"claim": explain.claim(causes, [])}
        known.append(Incident(len(known) + 1, "", onset, alarm.hour, "open", causes, detail))
        return known[-1]
    known[mine.id - 1] = replace(mine, causes=mine.with_causes(causes), state="open", quiet_hours=0)
    return known[mine.id - 1]


def _settle(known: list[Incident], state: State, judged: Judged, baseline: Baseline) -> State:
    for at, one in enumerate(known):
        if one.state == "closed" or judged.hour - one.found_hour < QUIET_TO_RECOVER:
            continue
        told = {cause.metric for cause in one.causes}
        calm = detector.settled(state, judged.day, baseline, one.found_hour, told=told)
        if calm is None:
            continue
        known[at] = one.after_day(calm=calm)
        if known[at].state == "closed":
            known[at] = replace(known[at], closed_as="recovered", closed_hour=judged.hour + 1)
            state = detector.lower_floors(state, one.found_hour)
    return state


def beside(ours: Sequence[Incident], theirs: Sequence[Incident]) -> list[tuple[Incident | None, Incident | None]]:
    """
    Put incidents of one replay beside those of another that tell of the same change, in the order of their onsets.

    Two tell of the same when both were going on at once and their main causes are of one group; each has one partner at
    most, the one found nearest.

    >>> one, other = Incident(1, "", 100, 110, "closed", (), closed_hour=200), Incident(1, "", 90, 150, "open", ())
    >>> beside([one], [other]) == [(one, other)], beside([one], []) == [(one, None)]
    (True, True)
    """
    near = sorted((abs(a.found_hour - b.found_hour), i, j) for i, a in enumerate(ours) for j, b in enumerate(theirs)
                  if _is_same(a, b))  # fmt: skip
    partner: dict[int, int] = {}
    for _, i, j in near:
        if i not in partner and j not in partner.values():
            partner[i] = j
    pairs: list[tuple[Incident | None, Incident | None]] = [
        (one, theirs[partner[i]] if i in partner else None) for i, one in enumerate(ours)
    ]
    pairs += [(None, one) for j, one in enumerate(theirs) if j not in partner.values()]
    return sorted(pairs, key=lambda pair: min(one.onset_hour for one in pair if one is not None))


def _is_same(one: Incident, other: Incident) -> bool:
    together = one.onset_hour < (other.closed_hour or NEVER) and other.onset_hour < (one.closed_hour or NEVER)
    return together and {c.group for c in one.causes[:1]} == {c.group for c in other.causes[:1]}
