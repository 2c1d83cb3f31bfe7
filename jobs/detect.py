"""The service will judge every complete hour against the reference, and open, join or close incidents."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import py3langid
from sqlalchemy import Connection

from jobs import seed
from jobs.renew import learn
from jobs.supervise import each
from monitor.alerts import messages
from monitor.config import Config
from monitor.detection import detector, explain, renewal
from monitor.detection.baseline import WITNESS, Baseline
from monitor.detection.branches import branches
from monitor.detection.incident import QUIET_TO_RECOVER, Change, Incident, owner
from monitor.detection.state import Alarm, Judged, State
from monitor.plan import NAMED_WITHIN_HOURS, freed, left_out, mark_before, since_mark
from monitor.profiles.profile import Profile
from monitor.store import arrivals, detectors, incidents, outbox, plans, predictions, profiles, readings, references
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of

MOST_HOURS = 168
SAMPLE, SEED = 1000, 20
SHORTEST_FOR_LANGUAGE = 20
AFTER_DAY = {"open": ("reopened", "above its floor again"), "recovering": ("recovering", "a whole day below its floor"),
             "closed": ("closed", "seven days below its floor")}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """Hold what stays the same while a model's hours are judged."""

    config: Config
    model: str
    reference: int
    window: Window
    baseline: Baseline
    now: datetime


def detect(store: Store, config: Config, now: datetime) -> str:
    """
    Feed every complete hour since the last run to each model's detector, at most a week of hours a run.

    Safe to run twice: states, readings, incidents and messages of a model's hours are one transaction. A model that fails
    is told of after the others were judged: its error is raised then.
    """
    told = each(config.models, lambda model: _detect_model(store, config, model, now))
    return "; ".join(told) or "no models"


def pending(store: Store, config: Config, now: datetime) -> int:
    """Return how many complete hours wait to be judged, over all models."""
    with store.read() as connection:
        subjects = [_subject(connection, config, model, now) for model in config.models]
        return sum(len(_hours(connection, subject, now)) for subject in subjects if subject is not None)


def _subject(connection: Connection, config: Config, model: str, now: datetime) -> Subject | None:
    row = references.active(connection, model)
    if row is None:
        return None
    return Subject(config, model, row.id, Window(row.first_hour, row.end_hour), Baseline.from_bytes(row.baseline), now)


def _hours(connection: Connection, subject: Subject, now: datetime) -> list[int]:
    saved = detectors.load(connection, subject.model, subject.reference)
    before = detectors.judged_until(connection, subject.model) or 0  # by an earlier reference: no hour is told twice
    first = max(subject.window.end, before) if saved is None else saved.judged_until
    ends = [hour_of(now - timedelta(minutes=subject.config.detection.watermark_minutes))]
    known = {row["name"]: row["complete_until_hour"] for row in arrivals.feed(connection)}
    ends += [known.get(s.name) or first for s in subject.config.sources.values() if s.model in {None, subject.model}]
    waiting = [hour for model, hour, _ in profiles.dirty(connection) if model == subject.model]
    return list(range(first, min([*ends, *waiting, *[first + 10**6]])))


def _until_learnt(connection: Connection, subject: Subject, hours: list[int]) -> list[int]:
    """Stop where the next kin of metrics is learnt: what comes behind is judged by it, whenever the job runs."""
    ready = renewal.due(subject.baseline, partial(left_out, plans.of_model(connection, subject.model)))
    return hours if ready is None else [hour for hour in hours if hour < ready[0]]


def _detect_model(store: Store, config: Config, model: str, now: datetime) -> str:
    while learn(store, config, now, model):
        pass
    with store.read() as connection:
        subject = _subject(connection, config, model, now)
        if subject is None:
            return f"{model}: no reference is pinned"
        hours = _until_learnt(connection, subject, _hours(connection, subject, now)[:MOST_HOURS])
        if not hours:
            return f"{model}: nothing to judge"
        found = profiles.by_hour(connection, model, Window(hours[0], hours[-1] + 1))
        planned = freed(plans.of_model(connection, model), hours, timedelta(minutes=config.detection.watermark_minutes))
        switch = seed.switch(connection, config, model, subject.baseline, found)
    if switch is not None and switch.hour == hours[0]:
        seed.seed(store, config, now, model, switch, reference=subject.reference)
        return _detect_model(store, config, model, now)
    if switch is not None:  # as with what is learnt: the hours behind it wait for the next run
        hours = [hour for hour in hours if hour < switch.hour]

    with store.write() as connection:
        pinned = references.active(connection, model)
        if pinned is None or pinned.id != subject.reference:
            return f"{model}: a new reference was pinned meanwhile"
        saved = detectors.load(connection, model, subject.reference, to_change=True)
        state = detector.begin(subject.baseline, hours[0]) if saved is None else State.from_bytes(saved.state)
        rows: list[dict[str, Any]] = []
        evidence, opened = 0.0, 0
        for hour in hours:
            state, judged = detector.advance(state, subject.baseline, found.get(hour, Profile()), config.detection,
                                             is_planned=hour in planned)  # fmt: skip
            rows += _rows(model, judged, config)
            evidence = judged.evidence
            if judged.alarm is not None:
                incident, new = _alarm(connection, subject, judged.alarm)
                opened += new
                state = detector.raise_floors(state, judged.alarm, incident.found_hour)
            if judged.day:
                state = _settle(connection, subject, state, judged)
        readings.replace(connection, model, hours, rows)
        detectors.save(
            connection,
            model,
            subject.reference,
            judged_until=state.judged_until,
            state=state.to_bytes(),
            evidence=evidence,
        )
    return f"{model}: {len(hours)} hours judged, {opened} incidents opened"


def _rows(model: str, judged: Judged, config: Config) -> list[dict[str, Any]]:
    rows = []
    for name, (reading, expected, sd) in judged.readings.items():
        small = reading.size < config.detection.smallest_block
        rows.append({"model": model, "metric": name, "hour": judged.hour, "value": None if reading.size <= 0 else reading.value,
                     "size": reading.size, "expected": expected, "low": expected - 2 * sd, "high": expected + 2 * sd,
                     "state": "planned" if judged.is_planned else "small" if small else "judged"})  # fmt: skip
    return rows


def _alarm(connection: Connection, subject: Subject, alarm: Alarm) -> tuple[Incident, bool]:
    """Open an incident for this alarm or let a known one tell of it; return it, and whether it is new."""
    at, key = start_of(alarm.hour), f"alarm:{alarm.hour}"
    group = detector.main_group(alarm, subject.baseline)
    known = owner(
        incidents.all(connection, subject.model, ("open", "recovering")), alarm.onset, group, continues=alarm.continues
    )
    if known is None:
        new, change = incidents.open_new(connection, _explained(connection, subject, alarm), at)
        outbox.queue(connection, messages(change, new, subject.config.routes), subject.now)
        return new, True
    fresh = _explained(connection, subject, replace(alarm, onset=min(alarm.onset, known.found_hour)))
    causes = known.with_causes(fresh.causes)
    added = causes[len(known.causes) :]
    last = max(
        (c.at for c in incidents.history(connection, known.id) if c.change in {"opened", "worsened"}), default=at
    )
    what, reason = "reopened" if known.state == "recovering" else "joined", fresh.claim
    values: dict[str, Any] = {"causes": causes, "state": "open", "quiet_hours": 0}
    if added and at - last >= timedelta(hours=24):
        what, reason = "worsened", added[0].text
        values["acknowledged_by"] = None
    change = incidents.change(connection, known, what, actor="vigie", reason=reason, at=at, key=key, **values)
    now = incidents.get(connection, known.id)
    outbox.queue(connection, messages(change, now, subject.config.routes), subject.now)
    return now, False


def _settle(connection: Connection, subject: Subject, state: State, judged: Judged) -> State:
    """Move the clocks of the model's incidents by the day that ended: recovering, open again, closed."""
    at = start_of(judged.hour + 1)
    for one in incidents.all(connection, subject.model, ("open", "recovering")):
        if judged.hour - one.found_hour < QUIET_TO_RECOVER:
            continue
        told_of = {cause.metric for cause in one.causes}
        calm = detector.settled(state, judged.day, subject.baseline, one.found_hour, told=told_of)
        if calm is None:
            continue
        after = one.after_day(calm=calm)
        incidents.note_quiet(connection, one.id, after.quiet_hours)
        if after.state == one.state:
            continue
        what, reason = AFTER_DAY[after.state]
        closing = {"closed_as": "recovered", "closed_hour": judged.hour + 1} if after.state == "closed" else {}
        change = incidents.change(connection, one, what, actor="vigie", reason=reason, at=at, key=f"day:{judged.hour + 1}",
                                  state=after.state, **closing)  # fmt: skip
        if closing:
            state = _tell_closed(connection, subject, state, one, change)
    return state


def _tell_closed(connection: Connection, subject: Subject, state: State, one: Incident, change: Change) -> State:
    outbox.queue(connection, messages(change, incidents.get(connection, one.id), subject.config.routes), subject.now)
    return detector.lower_floors(state, one.found_hour)


def _explained(connection: Connection, subject: Subject, alarm: Alarm) -> Incident:
    config, model = subject.config, subject.model
    now = Window(min(alarm.onset, alarm.hour - 1), alarm.hour)
    main = next(iter(alarm.shares))
    usual = _usual(connection, subject, {*alarm.shares, WITNESS})
    then, now_parts = renewal.usual(subject.baseline, main), profiles.segments(connection, model, now)
    whole = {name: Profile.sum(parts.values()) for name, parts in usual.items()}
    sides = explain.Sides(
        whole[main], Profile.sum(now_parts.values()), usual[main], now_parts, config.nomenclature(model), whole
    )
    causes = explain.causes(alarm.shares, subject.baseline, sides)
    where = explain.segments(causes[0], subject.baseline, sides, config.models[model].segment or "")
    before, after = (predictions.sample(connection, model, w, SAMPLE, SEED) for w in (then, now))
    words = explain.terms(before["text"], after["text"], config.privacy.shown_from_texts)
    mark = mark_before(plans.of_model(connection, model), alarm.onset)
    near = profiles.by_hour(connection, model, Window(now.first - NAMED_WITHIN_HOURS, now.end))
    version = explain.new_version(sides, near, alarm.onset)
    began = version if mark is None else since_mark(mark, alarm.onset)
    claim = explain.claim(causes, where) + ("" if began is None else f"; began {began}")
    lie = branches(causes[0].metric, sides.then, sides.now, sides.nomenclature) if causes[0].group == "outputs" else {}
    detail = {
        "claim": claim, "began": None if began is None else began.record(), "segments": where[:10], "branches": lie, "labels": explain.labels(replace(sides, then=whole[WITNESS])), "terms": words,
        "texts": explain.texts(after, words["gained"]),
        "language": {"then": _languages(before["text"].to_list()), "now": _languages(after["text"].to_list())},
    }  # fmt: skip
    again = next((i.id for i in incidents.all(connection, model, ("closed",))
                  if causes and i.causes and i.causes[0].metric == causes[0].metric
                  and alarm.hour - (i.closed_hour or 0) <= 14 * 24), None)  # fmt: skip
    return Incident(0, model, alarm.onset, alarm.hour, "open", causes, detail, recurrence_of=again)


def _usual(connection: Connection, subject: Subject, metrics: set[str]) -> dict[str, dict[str, Profile]]:
    """Return what is usual of each metric, by segment; what rests on the same hours is added up once."""
    base = subject.baseline
    same = {name: (renewal.usual(base, name), renewal.tried(base, name)) for name in sorted(metrics)}
    found = {rests: seed.usual(connection, subject.model, *rests) for rests in dict.fromkeys(same.values())}
    return {name: found[rests] for name, rests in same.items()}


def _languages(texts: list[str | None]) -> dict[str, float]:
    long = [text for text in texts if text and len(text) >= SHORTEST_FOR_LANGUAGE][:400]
    found: dict[str, int] = {}
    for text in long:
        code = py3langid.classify(text)[0]
        found[code] = found.get(code, 0) + 1
    top = sorted(found.items(), key=lambda pair: -pair[1])[:4]
    return {code: count / len(long) for code, count in top}
